// Counterexamples get small, stay valid, and stay counterexamples.
#include "prove/shrink.h"

#include <gtest/gtest.h>

#include "cedar/validate.h"

namespace writ::prove {
namespace {

using cedar::EntityUid;
using cedar::Value;

constexpr std::string_view kSchema = R"(
entity Group in Group;
entity User in [Group] { name: String, boss?: User, groups: Set<Group>, age: Long } tags String;
entity Doc;
action view appliesTo {
  principal: User, resource: Doc,
  context: { now: datetime, count: Long, text: String, flag: Bool, opt?: Long, names: Set<String> }
};
)";

EntityUid uid(std::string_view text) {
  return *EntityUid::parse(text);
}

class Shrinking : public ::testing::Test {
 protected:
  Shrinking()
      : schema_(*cedar::Schema::parse(kSchema, "s.cedarschema")),
        world_(schema_, {"User", uid("Action::\"view\""), "Doc"}, Store::kComplete),
        all_{{uid("User::\"u\""), uid("Action::\"view\""), uid("Doc::\"d\""), Value::record()},
             {},
             {},
             {},
             {}} {
    all_.request.context =
        Value::record({{"now", Value::datetime(1'234'567)},
                       {"count", Value::integer(-9'000'000'000'000'000'000)},
                       {"text", Value::string("aäb")},
                       {"flag", Value::boolean(true)},
                       {"opt", Value::integer(7)},
                       {"names", Value::set({Value::string("one"), Value::string("two")})}});
    add("Group::\"top\"", {});
    add("Group::\"low\"", {"Group::\"top\""});
    add("User::\"u\"", {"Group::\"low\"", "Group::\"top\""},
        Value::record({{"name", Value::string("u")},
                       {"boss", Value::entity(uid("User::\"v\""))},
                       {"groups", Value::set({Value::entity(uid("Group::\"low\""))})},
                       {"age", Value::integer(41)}}),
        Value::record({{"a", Value::string("x")}, {"b", Value::string("yy")}}));
    add("User::\"v\"", {},
        Value::record({{"name", Value::string("v")},
                       {"groups", Value::set({})},
                       {"age", Value::integer(9)}}));
    add("Doc::\"d\"", {});
  }

  void add(std::string_view name, const std::vector<std::string_view>& ancestors,
           Value attrs = Value::record(), Value tags = Value::record()) {
    std::vector<EntityUid> above;
    for (const std::string_view each : ancestors) above.push_back(uid(each));
    all_.entities.emplace(uid(name), cedar::Entity{uid(name), std::move(attrs), std::move(tags),
                                                   cedar::UidSet(std::move(above))});
  }
  // Shrinks, and looks that every world that was asked about is valid,
  // hierarchies transitive and without gaps.
  Counterexample shrunk(const std::function<bool(const Counterexample&)>& happens) {
    EXPECT_TRUE(happens(all_));
    expect_valid(all_);
    const Counterexample made = shrink(world_, all_, [&](const Counterexample& in) {
      ++asked_;
      expect_valid(in);
      return happens(in);
    });
    EXPECT_TRUE(happens(made));
    return made;
  }
  void expect_valid(const Counterexample& in) const {
    const Status request = cedar::validate(schema_, in.request);
    EXPECT_TRUE(request) << request.error().text();
    for (const auto& [name, entity] : in.entities) {
      const Status valid = cedar::validate(schema_, entity);
      EXPECT_TRUE(valid) << valid.error().text();
      for (const EntityUid& above : entity.ancestors) {
        const auto known = in.entities.find(above);
        ASSERT_NE(known, in.entities.end()) << above.print();
        for (const EntityUid& higher : known->second.ancestors) {
          EXPECT_TRUE(entity.ancestors.contains(higher)) << name.print() << ", " << higher.print();
        }
      }
    }
  }
  static const cedar::Entity& user(const Counterexample& in) {
    return in.entities.at(uid("User::\"u\""));
  }

  cedar::Schema schema_;
  World world_;
  Counterexample all_;
  int asked_ = 0;
};

TEST_F(Shrinking, WhatDoesNotMatterGoes) {
  const Counterexample made = shrunk([](const Counterexample&) { return true; });
  EXPECT_EQ(made.request.context, Value::record({{"now", Value::datetime(0)},
                                                 {"count", Value::integer(0)},
                                                 {"text", Value::string("")},
                                                 {"flag", Value::boolean(false)},
                                                 {"names", Value::set({})}}));
  EXPECT_EQ(user(made).attrs, Value::record({{"name", Value::string("")},
                                             {"groups", Value::set({})},
                                             {"age", Value::integer(0)}}));
  EXPECT_EQ(user(made).tags, Value::record());
  EXPECT_TRUE(user(made).ancestors.empty());
  EXPECT_EQ(made.entities.size(), 2u) << "the principal and the resource";
}

TEST_F(Shrinking, NumbersStopAtTheLastThatWillDo) {
  const Counterexample made = shrunk([](const Counterexample& in) {
    return in.request.context.find("count")->as_int() <= -1000 && user(in).attrs.find("age") &&
           user(in).attrs.find("age")->as_int() > 17;
  });
  EXPECT_EQ(made.request.context.find("count")->as_int(), -1000);
  EXPECT_EQ(user(made).attrs.find("age")->as_int(), 18);
  EXPECT_LT(asked_, 600);
}

TEST_F(Shrinking, TextsStayText) {
  const Counterexample made = shrunk([](const Counterexample& in) {
    return in.request.context.find("text")->as_string()->size() > 1;
  });
  EXPECT_EQ(made.request.context.find("text")->as_string(), "aä");
}

TEST_F(Shrinking, HierarchiesStayTransitive) {
  const auto is_in = [](std::string_view group) {
    return [above = uid(group)](const Counterexample& in) {
      return user(in).ancestors.contains(above);
    };
  };
  const Counterexample low = shrunk(is_in("Group::\"low\""));
  EXPECT_EQ(user(low).ancestors.size(), 1u);
  EXPECT_TRUE(low.entities.at(uid("Group::\"low\"")).ancestors.empty());
  const Counterexample top = shrunk(is_in("Group::\"top\""));
  EXPECT_EQ(user(top).ancestors.size(), 1u);
  EXPECT_FALSE(top.entities.contains(uid("Group::\"low\"")));
  const Counterexample both = shrunk([&](const Counterexample& in) {
    const auto found = in.entities.find(uid("Group::\"low\""));
    return is_in("Group::\"low\"")(in) && found != in.entities.end() &&
           !found->second.ancestors.empty();
  });
  EXPECT_EQ(user(both).ancestors.size(), 2u) << "what is above a group is above its members";
}

TEST_F(Shrinking, WhatIsNamedStays) {
  ASSERT_TRUE(world_.entity(uid("User::\"v\"")));
  const Counterexample made = shrunk([](const Counterexample&) { return true; });
  EXPECT_TRUE(made.entities.contains(uid("User::\"v\""))) << "a policy names it";
}

TEST_F(Shrinking, UnknownsShrinkToo) {
  all_.unknowns["approvals by the owner"] = 3000;
  const Counterexample made = shrunk(
      [](const Counterexample& in) { return in.unknowns.at("approvals by the owner") >= 2; });
  EXPECT_EQ(made.unknowns.at("approvals by the owner"), 2);
}

TEST_F(Shrinking, Ends) {
  std::vector<Value> names;
  for (int i = 0; i < 200; ++i)
    names.push_back(Value::string(std::to_string(i) + std::string(200, 'a')));
  all_.request.context = Value::record({{"now", Value::datetime(1)},
                                        {"count", Value::integer(1)},
                                        {"text", Value::string("")},
                                        {"flag", Value::boolean(false)},
                                        {"names", Value::set(std::move(names))}});
  const Counterexample made = shrunk([](const Counterexample& in) {
    return in.request.context.find("names")->view().items().size() > 5;
  });
  EXPECT_LE(asked_, 2000);
}

}  // namespace
}  // namespace writ::prove
