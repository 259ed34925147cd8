// Nothing nests so deep that it ends the program: at any depth a text is answered, or refused with
// the limit that it is past. The sanitizers' builds have the biggest frames.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pthread.h>

#include <functional>
#include <string>

#include "base/sanitizer_for_test.h"
#include "cedar/authorize.h"
#include "cedar/format.h"
#include "cedar/policy_json.h"
#include "cedar/tpe.h"
#include "cedar/tpe_input.h"
#include "cedar/typed_json.h"
#include "cedar/validate.h"

namespace writ::cedar {
namespace {

constexpr std::size_t kDepths[] = {100, 10'000, 1'000'000};

std::string repeated(std::string_view text, std::size_t times) {
  std::string made;
  made.reserve(text.size() * times);
  for (std::size_t i = 0; i < times; ++i) made += text;
  return made;
}

// What nests is refused at the last depth. What only follows each other may be answered at any.
enum class Form { kNested, kFlat };

// `open` DEPTH times, the middle, `close` DEPTH times.
struct Nest {
  const char* name;
  const char* open;
  const char* middle;
  const char* close;
  Form form = Form::kNested;
  std::string text(std::size_t depth) const {
    return repeated(open, depth) + middle + repeated(close, depth);
  }
};

constexpr const char* kSchema =
    "entity U in U { u?: U, s: String } tags String; entity D;"
    "action a appliesTo { principal: U, resource: U, context: { n: Long, x?: {} } };";

// What every entrance for policies makes of a text; a failure is an Error whose text says why.
Status use_policies(const std::string& text) {
  TRY(set, PolicySet::parse(text, "deep"));
  CHECK_OK(format(text, "deep"));
  TRY(schema, Schema::parse(kSchema));
  const Status valid = [&]() -> Status {
    TRY(validation, validate(schema, set));
    return {};
  }();
  if (!valid) {
    EXPECT_THAT(valid.error().message, ::testing::HasSubstr("too deeply"));
  }
  for (const Policy& policy : set.policies()) {
    const auto printed = PolicySet::parse(print(policy));
    if (!printed) {
      EXPECT_THAT(printed.error().text(), ::testing::HasSubstr("200"));
    }
    if (const auto json = to_json(policy)) {
      EXPECT_TRUE(policy_from_json(*json, "again"));
      EXPECT_TRUE(parse_json(compact(*json), kPolicyJsonLimits));
    }
  }
  const CompiledPolicies policies(std::move(set));
  const Request request{EntityUid("U", "a"), EntityUid("Action", "a"), EntityUid("U", "b"),
                        Value::record({{"n", Value::integer(1)}})};
  const Entities none;
  authorize(policies, request, none);
  for (std::size_t i = 0; i < policies.size(); ++i) explain(policies, i, request, none);
  return {};
}

void expect_answered(std::size_t depth, const Status& status, Form form = Form::kNested) {
  if (!status) {
    EXPECT_FALSE(status.error().message.empty());
  } else if (form == Form::kNested) {
    EXPECT_LT(depth, 1'000'000U) << "this deep is past every limit";
  }
}

class PolicyDepth : public ::testing::TestWithParam<Nest> {};

TEST_P(PolicyDepth, IsAnsweredOrRefused) {
  for (std::size_t depth : kDepths) {
    if (GetParam().form == Form::kFlat) depth = std::min<std::size_t>(depth, 100'000);
    const std::string expression = GetParam().text(depth);
    expect_answered(
        depth, use_policies("permit (principal, action, resource) when { " + expression + " };"),
        GetParam().form);
    const Request request{EntityUid("U", "a"), EntityUid("Action", "a"), EntityUid("U", "b")};
    const auto value = evaluate(expression, request, Entities());
    if (!value) {
      EXPECT_FALSE(value.error().message.empty());
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Texts, PolicyDepth,
    ::testing::Values(Nest{"parentheses", "(", "true", ")"}, Nest{"sets", "[", "1", "]"},
                      Nest{"records", "{a: ", "1", "}"}, Nest{"not", "!", "true", ""},
                      Nest{"minus", "-", "1 == 1", ""}, Nest{"not_spaced", "!(", "true", ")"},
                      Nest{"if", "if true then ", "true", " else false"},
                      Nest{"if_else", "if true then true else ", "true", ""},
                      Nest{"and", "true && ", "true", "", Form::kFlat},
                      Nest{"or", "", "false", " || false", Form::kFlat},
                      Nest{"plus", "1 + ", "1 == 2", ""}, Nest{"times", "2 * ", "1 == 2", ""},
                      Nest{"attributes", "", "principal", ".u"},
                      Nest{"indices", "", "principal", "[\"u\"]"},
                      Nest{"has", "", "principal has u", ".u", Form::kFlat},
                      Nest{"methods", "", "principal.s", ".contains(1)"},
                      Nest{"calls", "ip(", "\"127.0.0.1\"", ")"},
                      Nest{"arguments", "[1].contains(", "1", ")"},
                      Nest{"in", "principal in [", "principal", "]"},
                      Nest{"comments", "// x\n", "true", "", Form::kFlat},
                      Nest{"unclosed", "(", "", ""}, Nest{"unclosed_sets", "[{a:", "", ""},
                      Nest{"name", "A::", "B::\"x\" == principal", "", Form::kFlat}),
    [](const auto& made) { return std::string(made.param.name); });

// Runs on a thread that has as much stack as loading may use; with a sanitizer's frames, more.
void with_little_stack(const std::function<void()>& run) {
  pthread_attr_t attributes;
  ASSERT_EQ(pthread_attr_init(&attributes), 0);
  ASSERT_EQ(pthread_attr_setstacksize(&attributes, kMeasured ? 2 << 20 : 16 << 20), 0);
  pthread_t thread{};
  const auto start = [](void* what) -> void* {
    (*static_cast<const std::function<void()>*>(what))();
    return nullptr;
  };
  ASSERT_EQ(pthread_create(&thread, &attributes, start,
                           const_cast<void*>(static_cast<const void*>(&run))),
            0);
  pthread_join(thread, nullptr);
  pthread_attr_destroy(&attributes);
}

TEST(Depth, OfTypesThatNameTypes) {
  const auto types = [](int names, std::size_t nested) {
    std::string text;
    for (int i = 0; i < names; ++i) {
      text += "type T" + std::to_string(1000 + i) + " = " + repeated("Set<", nested) + "T" +
              std::to_string(1001 + i) + repeated(">", nested) + ";\n";
    }
    return text + "type T" + std::to_string(1000 + names) + " = Long;";
  };
  with_little_stack([&] {
    EXPECT_TRUE(Schema::parse(types(3, 60)));
    EXPECT_TRUE(Schema::parse(types(199, 1)));
    const auto deep = Schema::parse(types(199, 63));
    ASSERT_FALSE(deep);
    EXPECT_THAT(deep.error().text(), ::testing::HasSubstr("too deeply"));
  });
}

TEST(Depth, OfPolicyJson) {
  const std::string head =
      R"({"effect": "permit", "principal": {"op": "All"}, "action": {"op": "All"},
          "resource": {"op": "All"}, "conditions": [{"kind": "when", "body": )";
  for (const Nest& nest : {
           Nest{"not", R"({"!": {"arg": )", R"({"Value": true})", "}}"},
           Nest{"set", R"({"Set": [)", R"({"Value": true})", "]}"},
           Nest{"record", R"({"Record": {"a": )", R"({"Value": true})", "}}"},
           Nest{"and", R"({"&&": {"left": {"Value": true}, "right": )", R"({"Value": true})", "}}"},
           Nest{"value", R"({"Value": )", "1", "}"},
           Nest{"in", R"({"is": {"left": )", R"({"Var": "principal"})",
                R"(, "entity_type": "U"}})"},
       }) {
    for (const std::size_t depth : kDepths) {
      const auto json = parse_json(head + nest.text(depth) + "}]}", kPolicyJsonLimits);
      const Status status = [&]() -> Status {
        if (!json) return fail(json);
        TRY(policies, policies_from_json(*json, "deep"));
        return use_policies(print(policies.policies().at(0)));
      }();
      expect_answered(depth, status);
    }
  }
}

TEST(Depth, OfEntitiesAndContexts) {
  const auto schema = Schema::parse(kSchema);
  ASSERT_TRUE(schema);
  for (const Nest& nest :
       {Nest{"array", "[", "1", "]"}, Nest{"object", R"({"a": )", "1", "}"},
        Nest{"arguments", R"({"__extn": {"fn": "ip", "arg": )", R"("::1")", "}}"},
        Nest{"entity", R"({"__entity": )", R"({"type": "U", "id": "a"})", "}"},
        Nest{"unclosed", "[", "", ""}}) {
    for (const std::size_t depth : kDepths) {
      const std::string text = nest.text(depth);
      const std::string entities =
          R"([{"uid": {"type": "U", "id": "a"}, "parents": [], "attrs": {"s": )" + text + "}}]";
      const auto plain = Entities::parse_json(entities, "deep");
      expect_answered(depth, plain ? Status() : Status(fail(plain)));
      const auto partial = PartialEntities::parse_json(entities, *schema, "deep");
      expect_answered(depth, partial ? Status() : Status(fail(partial)));
      const auto json = parse_json(R"({"x": )" + text + "}", JsonLimits{64 << 20, 1100, 8'000'000});
      const Status context = [&]() -> Status {
        if (!json) return fail(json);
        const EntityUid action("Action", "a");
        TRY(record, record_from_json(explicit_context(*schema, *json, action)));
        print(record.view());
        to_json(record.view());
        return validate_context(*schema, action, record);
      }();
      expect_answered(depth, context);
    }
  }
}

TEST(Depth, OfSchemas) {
  for (const Nest& nest : {Nest{"sets", "Set<", "Long", ">"}, Nest{"records", "{a: ", "Long", "}"},
                           Nest{"names", "A::", "B", ""}, Nest{"unclosed", "Set<{a:", "", ""},
                           Nest{"annotations", "{@a(\"x\") b: ", "Long", "}"}}) {
    for (const std::size_t depth : kDepths) {
      const auto schema = Schema::parse("entity U { a: " + nest.text(depth) + " };", "deep");
      expect_answered(depth, schema ? Status() : Status(fail(schema)));
    }
  }
  for (const Nest& nest :
       {Nest{"sets", R"({"type": "Set", "element": )", R"({"type": "Long"})", "}"},
        Nest{"records", R"({"type": "Record", "attributes": {"a": )", R"({"type": "Long"})",
             "}}"}}) {
    for (const std::size_t depth : kDepths) {
      const auto schema =
          Schema::parse_json(R"({"": {"actions": {}, "entityTypes": {}, "commonTypes": {"T": )" +
                                 nest.text(depth) + "}}}",
                             "deep");
      expect_answered(depth, schema ? Status() : Status(fail(schema)));
    }
  }
}

// Common types, each of two of the one before: as wide as a tree when they are written out.
TEST(Depth, OfCommonTypesThatDouble) {
  std::string text = "type T0 = Long;";
  for (int i = 1; i <= 100; ++i) {
    const std::string below = "T" + std::to_string(i - 1);
    text += "type T" + std::to_string(i) + " = {a: " + below + ", b: " + below + "};";
  }
  const auto schema = Schema::parse(text + "entity U { t: T100 };");
  if (!schema) {
    EXPECT_EQ(schema.error().code, Code::kExhausted) << schema.error().text();
  }
}

// Ten thousand entities in one chain have fifty million ancestors.
TEST(Depth, OfHierarchies) {
  for (const std::size_t depth : {100UL, 10'000UL}) {
    std::string text = "[";
    for (std::size_t i = 0; i < depth; ++i) {
      text += R"({"uid":{"type":"U","id":")" + std::to_string(i) +
              R"("},"attrs":{},"parents":[{"type":"U","id":")" + std::to_string(i + 1) + "\"}]},";
    }
    text.back() = ']';
    const auto entities = Entities::parse_json(text, "deep", {.ancestors = 1'000'000});
    if (depth == 100) {
      ASSERT_TRUE(entities);
      EXPECT_EQ(entities->find(EntityUid("U", "0"))->ancestors.size(), 100U);
    } else {
      ASSERT_FALSE(entities);
      EXPECT_EQ(entities.error().code, Code::kExhausted);
    }
  }
}

// What backtracking would take longer than the world has.
TEST(Depth, OfPatterns) {
  const std::string text(20'000, 'a');
  const Request request{EntityUid("U", "a"), EntityUid("Action", "a"), EntityUid("U", "b"),
                        Value::record({{"s", Value::string(text)}})};
  const auto value =
      evaluate("context.s like \"" + repeated("*a", 2'000) + "*b\"", request, Entities());
  ASSERT_TRUE(value);
  EXPECT_EQ(value->as_bool(), false);
}

// Sets of a hundred thousand, compared with each other.
TEST(Depth, OfSets) {
  std::vector<Value> items;
  for (int i = 0; i < 100'000; ++i) items.push_back(Value::string(std::to_string(i)));
  const Value set = Value::set(items);
  items.push_back(Value::string("more"));
  const Request request{EntityUid("U", "a"), EntityUid("Action", "a"), EntityUid("U", "b"),
                        Value::record({{"a", set}, {"b", Value::set(std::move(items))}})};
  const auto value = evaluate(
      "context.b.containsAll(context.a) && !context.a.containsAll(context.b) && context.a != "
      "context.b",
      request, Entities());
  ASSERT_TRUE(value);
  EXPECT_EQ(value->as_bool(), true);
}

}  // namespace
}  // namespace writ::cedar
