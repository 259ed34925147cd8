#include "cedar/validate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cedar/suspicious_text.h"

namespace writ::cedar {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

constexpr std::string_view kSchema = R"(
  type Address = { street: String, zip?: Long };
  entity Team in Team;
  entity User in Team = {
    name: String, age: Long, boss?: User, address: Address, groups: Set<String>,
    joined: datetime, ip: ipaddr, nested: { owner: User }
  } tags String;
  entity Robot = { name: String, age: String };
  entity Doc in Folder = { owner: User, title?: String, public: Bool };
  entity Folder;
  entity Color enum ["red", "green"];
  action all;
  action view, edit in all appliesTo {
    principal: [User, Robot], resource: Doc, context: { mfa: Bool, device?: { ok: Bool } }
  };
  action paint in all appliesTo { principal: User, resource: Color };
  action idle;
)";

Schema schema() {
  return Schema::parse(kSchema, "schema").value();
}

Validation check(std::string_view policies, const ValidationOptions& options = {}) {
  const auto set = PolicySet::parse(policies, "p");
  if (!set) {
    ADD_FAILURE() << set.error().text();
    return {};
  }
  const auto validation = validate(schema(), *set, options);
  if (!validation) {
    ADD_FAILURE() << validation.error().text();
    return {};
  }
  return *validation;
}

std::vector<std::string> messages(const std::vector<Finding>& findings) {
  std::vector<std::string> made;
  for (const Finding& each : findings) {
    made.push_back(each.error.message.substr(0, each.error.message.find('\n')));
  }
  return made;
}

// The errors of a condition for users that view documents.
std::vector<std::string> errors(std::string_view condition,
                                ValidationMode mode = ValidationMode::kStrict) {
  return messages(check("permit (principal is User, action == Action::\"view\", resource) when { " +
                            std::string(condition) + " };",
                        {.mode = mode})
                      .errors);
}
std::vector<std::string> permissive_errors(std::string_view condition) {
  return errors(condition, ValidationMode::kPermissive);
}

TEST(Validate, AcceptsWhatFits) {
  EXPECT_THAT(errors(R"(principal.name like "a*" && principal.age + 1 < 5 && resource.public &&
                        principal.address.street == "x" && principal.groups.contains("a") &&
                        principal.joined > datetime("2024-01-01") && context.mfa &&
                        principal.ip.isInRange(ip("10.0.0.0/8")) && principal in resource.owner &&
                        resource in Folder::"a")"),
              IsEmpty());
}

TEST(Validate, OperandsHaveTheirTypes) {
  EXPECT_THAT(errors("principal.name"), ElementsAre("Bool is wanted here, not String"));
  EXPECT_THAT(errors("principal.name + 1 == 2"), ElementsAre("Long is wanted here, not String"));
  EXPECT_THAT(errors("principal.age < principal.joined"),
              ElementsAre("Long is wanted here, not datetime"));
  EXPECT_THAT(errors("principal.name < \"a\""), ElementsAre(HasSubstr("not String and String")));
  EXPECT_THAT(errors("principal.age.contains(1)"), ElementsAre("a set is wanted here, not Long"));
  EXPECT_THAT(errors("ip(\"10.0.0.300\").isIpv4()"), ElementsAre("\"10.0.0.300\" is no ip"));
  EXPECT_THAT(errors("ip(\"1.1.1.1\", \"x\").isIpv4()"),
              ElementsAre("`ip` takes 1 argument, not 2"));
  EXPECT_THAT(errors("\"x\".isIpv4()"), ElementsAre("ipaddr is wanted here, not String"));
  EXPECT_THAT(errors("principal in [User::\"a\", 1]"), ElementsAre(HasSubstr("incompatible")));
}

TEST(Validate, AttributesMustExistAndOptionalOnesBeTested) {
  EXPECT_THAT(errors("principal.nme == \"a\""),
              ElementsAre("User has no attribute `nme` (did you mean `name`?)"));
  EXPECT_THAT(errors("principal.boss == principal"), ElementsAre(HasSubstr("is optional")));
  EXPECT_THAT(errors("principal has boss && principal.boss == principal"), IsEmpty());
  EXPECT_THAT(errors("principal has boss.address.zip && principal.boss.address.zip == 1"),
              IsEmpty());
  EXPECT_THAT(errors("principal has boss || principal.boss == principal"),
              ElementsAre(HasSubstr("is optional")));
  EXPECT_THAT(errors("if principal has boss then principal.boss == principal else false"),
              IsEmpty());
  EXPECT_THAT(errors("(principal has boss || false) && principal.boss == principal"), IsEmpty());
  EXPECT_THAT(errors("(principal has boss || principal has boss && context.mfa) && "
                     "principal.boss == principal"),
              IsEmpty());
  EXPECT_THAT(errors("(principal has boss || context.mfa) && principal.boss == principal"),
              ElementsAre(HasSubstr("is optional")));
  EXPECT_THAT(errors("!(principal has boss) && principal.boss == principal"),
              ElementsAre(HasSubstr("is optional")));
  EXPECT_THAT(errors("context has device && context.device.ok"), IsEmpty());
  EXPECT_THAT(errors("context[\"device\"].ok"), ElementsAre(HasSubstr("is optional")));
}

TEST(Validate, TagsMustBeTested) {
  EXPECT_THAT(errors("principal.getTag(\"a\") == \"b\""), ElementsAre(HasSubstr("hasTag")));
  EXPECT_THAT(errors("principal.hasTag(\"a\") && principal.getTag(\"a\") == \"b\""), IsEmpty());
  EXPECT_THAT(errors("principal.hasTag(\"a\") && principal.getTag(\"b\") == \"b\""),
              ElementsAre(HasSubstr("hasTag")));
  EXPECT_THAT(errors("principal.hasTag(principal.name) && "
                     "principal.getTag(principal.name) == \"b\""),
              IsEmpty());
  EXPECT_THAT(errors("principal.hasTag(1)"), ElementsAre("String is wanted here, not Long"));
  EXPECT_THAT(errors("resource.hasTag(\"a\") && resource.getTag(\"a\") == 1"), IsEmpty())
      << "documents have no tags, so the right side is never reached";
}

TEST(Validate, StrictModeWantsEqualTypes) {
  EXPECT_THAT(errors("principal.name == 1"), ElementsAre(HasSubstr("incompatible")));
  EXPECT_THAT(permissive_errors("principal.name == 1"), IsEmpty());
  EXPECT_THAT(errors("!(User::\"a\" == (true && false && true))"), IsEmpty())
      << "both are literals";
  EXPECT_THAT(errors("!(User::\"a\" == (true && 1 == 1))"), ElementsAre(HasSubstr("incompatible")));
  EXPECT_THAT(errors("[1, \"a\"].contains(1)"), ElementsAre(HasSubstr("incompatible")));
  EXPECT_THAT(permissive_errors("[1, true].isEmpty()"), ElementsAre(HasSubstr("incompatible")))
      << "no type holds both";
  EXPECT_THAT(errors("[principal, resource].isEmpty()"),
              ElementsAre(HasSubstr("different entity")));
  EXPECT_THAT(permissive_errors("[principal, resource].isEmpty()"), IsEmpty());
  EXPECT_THAT(errors("[].isEmpty()"), ElementsAre(HasSubstr("empty set")));
  EXPECT_THAT(permissive_errors("[].isEmpty()"), IsEmpty());
  EXPECT_THAT(errors("ip(principal.name).isIpv4()"), ElementsAre(HasSubstr("literal")));
  EXPECT_THAT(permissive_errors("ip(principal.name).isIpv4()"), IsEmpty());
  EXPECT_THAT(errors("(if context.mfa then {a: 1} else {b: 1}) == {a: 1}"),
              ElementsAre(HasSubstr("exactly the same attributes")));
  EXPECT_THAT(permissive_errors("(if context.mfa then {a: 1} else {b: 1}) == {a: 1}"), IsEmpty());
  EXPECT_THAT(permissive_errors("(if context.mfa then {a: 1} else {b: 1}).a == 1"),
              ElementsAre(HasSubstr("no attribute `a`")));
}

TEST(Validate, WhatCannotBeReachedIsNotChecked) {
  EXPECT_THAT(errors("false && principal.nothing"), IsEmpty());
  EXPECT_THAT(errors("true || principal.nothing"), IsEmpty());
  EXPECT_THAT(errors("if principal is Robot then principal.nothing else true"), IsEmpty());
  EXPECT_THAT(errors("principal in Doc::\"a\" && principal.nothing"), IsEmpty());
  EXPECT_THAT(errors("action in Action::\"idle\" && principal.nothing"), IsEmpty());
  EXPECT_THAT(errors("action in Action::\"all\" || principal.nothing"), IsEmpty());
  EXPECT_THAT(errors("action == Action::\"edit\" && principal.nothing"), IsEmpty());
  EXPECT_THAT(errors("principal == Robot::\"a\" && principal.nothing"), IsEmpty());
}

TEST(Validate, EveryEnvironmentIsChecked) {
  const Validation validation =
      check("permit (principal, action == Action::\"view\", resource) when { principal.age > 5 };");
  EXPECT_THAT(messages(validation.errors), ElementsAre("Long is wanted here, not String"));
  EXPECT_EQ(validation.errors[0].error.where, "p:1:63");
  EXPECT_TRUE(check("permit (principal, action == Action::\"view\", resource) when { "
                    "principal is User && principal.age > 5 };")
                  .passed());
}

TEST(Validate, NamesMustBeDeclared) {
  EXPECT_THAT(messages(check("permit (principal == Usr::\"a\", action, resource);").errors),
              ElementsAre("the schema has no entity type `Usr`; did you mean `User`?"));
  EXPECT_THAT(messages(check("permit (principal, action == Action::\"veiw\", resource);").errors),
              ElementsAre("the schema has no action Action::\"veiw\""));
  EXPECT_THAT(messages(check("permit (principal, action, resource == Color::\"blue\");").errors),
              ElementsAre("the enumerated type `Color` has no entity Color::\"blue\""));
  EXPECT_THAT(errors("false && principal is Nothing"), ElementsAre(HasSubstr("`Nothing`")));
}

std::vector<Finding::Kind> warnings(std::string_view policy) {
  const Validation validation = check(policy);
  EXPECT_THAT(messages(validation.errors), IsEmpty());
  std::vector<Finding::Kind> kinds;
  for (const Finding& each : validation.warnings) kinds.push_back(each.kind);
  return kinds;
}

TEST(Validate, WarnsOfWhatCanNeverApply) {
  using Kind = Finding::Kind;
  EXPECT_THAT(warnings("permit (principal, action, resource);"), IsEmpty());
  EXPECT_THAT(warnings("permit (principal, action == Action::\"idle\", resource);"),
              ElementsAre(Kind::kNoApplicableAction, Kind::kImpossible));
  EXPECT_THAT(warnings("permit (principal, action in Action::\"all\", resource is Color);"),
              IsEmpty());
  EXPECT_THAT(warnings("permit (principal is Robot, action, resource is Color);"),
              ElementsAre(Kind::kNoApplicableAction, Kind::kImpossible));
  EXPECT_THAT(warnings("permit (principal, action, resource) when { principal is Doc };"),
              ElementsAre(Kind::kImpossible));
  for (const auto& [condition, impossible] :
       {std::pair("unless { (true && true) == true }", true),
        std::pair("when { (false || true) == false }", true),
        std::pair("when { (true && false || true) == true }", false),
        std::pair("when { (false || false) == true }", true)}) {
    const std::string policy = "permit (principal, action, resource) " + std::string(condition);
    EXPECT_EQ(warnings(policy + ";").size(), impossible ? 1U : 0U) << condition;
  }
}

TEST(Validate, TemplatesAndLinks) {
  EXPECT_THAT(warnings("permit (principal in ?principal, action, resource == ?resource);"),
              IsEmpty());
  auto set = PolicySet::parse("@id(\"t\") permit (principal in ?principal, action, resource);", "p",
                              {.ids = Ids::kAnnotation});
  ASSERT_TRUE(set->link("t", "good", {EntityUid("Team", "a"), {}}));
  ASSERT_TRUE(set->link("t", "unknown", {EntityUid("Nobody", "a"), {}}));
  ASSERT_TRUE(set->link("t", "never", {EntityUid("Folder", "a"), {}}));
  const auto validation = validate(schema(), *set);
  ASSERT_EQ(validation->errors.size(), 1U);
  EXPECT_EQ(validation->errors[0].policy, "unknown");
  EXPECT_EQ(validation->errors[0].kind, Finding::Kind::kUnknownType);
  ASSERT_EQ(validation->warnings.size(), 2U);
  EXPECT_EQ(validation->warnings[0].policy, "unknown");
  EXPECT_EQ(validation->warnings[1].policy, "never");
}

TEST(Validate, WhatATemplateItselfNamesIsFoundInItAlone) {
  auto set =
      PolicySet::parse("@id(\"t\") permit (principal == ?principal, action, resource == X::\"a\");",
                       "p", {.ids = Ids::kAnnotation});
  ASSERT_TRUE(set->link("t", "link", {EntityUid("User", "a"), {}}));
  const auto validation = validate(schema(), *set);
  ASSERT_EQ(validation->errors.size(), 1U);
  EXPECT_EQ(validation->errors[0].policy, "t");
}

std::vector<std::string> level_errors(std::string_view condition, std::uint32_t level) {
  return messages(check("permit (principal is User, action == Action::\"view\", resource) when { " +
                            std::string(condition) + " };",
                        {.level = level})
                      .errors);
}

// The level is looked at too where the types are wrong and the policy is never true.
TEST(Level, LooksAtWhatIsNoEntity) {
  const Validation validation = check(
      "permit (principal, action, resource) when { datetime(\"1970-01-01\") in Team::\"a\" && "
      "false };",
      {.level = 1});
  ASSERT_EQ(validation.errors.size(), 1U);
  EXPECT_EQ(validation.errors[0].kind, Finding::Kind::kType);
}

TEST(Level, CountsFromEntityToEntity) {
  EXPECT_THAT(level_errors("context.mfa", 0), IsEmpty());
  EXPECT_THAT(level_errors("resource.public", 0), ElementsAre(HasSubstr("1 deep")));
  EXPECT_THAT(level_errors("resource.public", 1), IsEmpty());
  EXPECT_THAT(level_errors("resource.owner.address.street == \"a\"", 1),
              ElementsAre(HasSubstr("2 deep")));
  EXPECT_THAT(level_errors("resource.owner.address.street == \"a\"", 2), IsEmpty());
  EXPECT_THAT(level_errors("principal in Team::\"a\"", 0), ElementsAre(HasSubstr("1 deep")));
  EXPECT_THAT(level_errors("resource.owner in Team::\"a\"", 1), ElementsAre(HasSubstr("2 deep")));
  EXPECT_THAT(level_errors("principal.hasTag(\"a\") && principal.getTag(\"a\") == \"b\"", 1),
              IsEmpty());
  EXPECT_THAT(level_errors("principal.nested.owner.name == \"a\"", 1),
              ElementsAre(HasSubstr("2 deep")));
  EXPECT_THAT(level_errors("User::\"a\".name == \"a\"", 5), ElementsAre(HasSubstr("literal")));
  EXPECT_THAT(level_errors("{a: principal, b: User::\"a\"}.a.name == \"a\"", 1), IsEmpty());
  EXPECT_THAT(level_errors("(if resource.owner.age > 1 then principal else principal).age == 1", 1),
              ElementsAre(HasSubstr("2 deep")));
  EXPECT_THAT(level_errors("false && resource.owner.age > 1", 0), IsEmpty());
}

TEST(Validate, IsBounded) {
  // What stands once in the text and several times in what it means, at each depth.
  const auto valid = [](std::string_view condition, std::uint64_t steps) {
    const auto set = PolicySet::parse("permit (principal, action, resource) when { " +
                                      std::string(condition) + " };");
    const auto made = set ? validate(schema(), *set, {.steps = steps})
                          : Result<Validation>(tl::unexpected(set.error()));
    return made ? "" : made.error().text();
  };
  std::string is_in = "principal";
  std::string has = "principal";
  for (int i = 0; i < 30; ++i) {
    is_in = "(" + is_in + " is User in Team::\"a\")";
    has = "(if (" + has + ") has nested.owner.name then principal else principal)";
    for (const std::string& each : {is_in, has + " == principal"}) {
      const std::string why = valid(each, 10'000'000);
      if (i < 5) {
        EXPECT_EQ(why, "");
      }
      if (i > 15) {
        EXPECT_THAT(why, HasSubstr("nested too deeply"));
      }
    }
  }

  std::string path = "principal has a";
  for (int i = 0; i < 10'000; ++i) path += ".a";
  const auto long_path =
      PolicySet::parse("permit (principal, action, resource) when { " + path + " };");
  ASSERT_TRUE(long_path);
  EXPECT_FALSE(validate(schema(), *long_path));

  // Findings on one line that is all of the text.
  std::string unknown = "true";
  for (int i = 0; i < 200; ++i) unknown += " || principal is Nobody" + std::to_string(i);
  const auto one_line =
      PolicySet::parse("permit (principal, action, resource) when { " + unknown + " };");
  ASSERT_TRUE(one_line) << one_line.error().text();
  EXPECT_EQ(validate(schema(), *one_line)->errors.size(), 200U);
  EXPECT_EQ(validate(schema(), *one_line, {.steps = 200'000}).error().code, Code::kExhausted);

  // 2^100 attributes, were the types unfolded.
  std::string types = "type A0 = Long; type B0 = Long;";
  for (int i = 1; i < 100; ++i) {
    for (const std::string name : {"A", "B"}) {
      const std::string below = name + std::to_string(i - 1);
      types += "type " + name + std::to_string(i) + " = { a: " + below + ", b: " + below + " };";
    }
  }
  const auto wide = Schema::parse(types +
                                  "entity E = { a: A99, b: B99 }; action go appliesTo { "
                                  "principal: E, resource: E };");
  ASSERT_TRUE(wide) << wide.error().text();
  const auto equal =
      PolicySet::parse("permit (principal, action, resource) when { principal.a == principal.b };");
  EXPECT_EQ(validate(*wide, *equal, {.steps = 1'000'000}).error().code, Code::kExhausted);
}

TEST(ValidateData, EntitiesKeepToTheSchema) {
  const auto problem = [](std::string_view json) -> std::string {
    const auto entities = Entities::parse_json(json);
    if (!entities) return entities.error().text();
    const Status valid = validate(schema(), *entities);
    return valid ? "" : valid.error().text();
  };
  EXPECT_EQ(problem(R"([{"uid": {"type": "Robot", "id": "r"}, "parents": [],
                         "attrs": {"name": "a", "age": "b"}},
                        {"uid": {"type": "Team", "id": "t"}, "attrs": {},
                         "parents": [{"type": "Team", "id": "u"}]},
                        {"uid": {"type": "Color", "id": "red"}, "attrs": {}, "parents": []},
                        {"uid": {"type": "Action", "id": "view"}, "attrs": {},
                         "parents": [{"type": "Action", "id": "all"}]}])"),
            "");
  EXPECT_THAT(problem(R"([{"uid": {"type": "Robot", "id": "r"}, "parents": [], "attrs": {}}])"),
              HasSubstr("Robot::\"r\"/attrs: the attribute `age` is missing"));
  EXPECT_THAT(problem(R"([{"uid": {"type": "Robot", "id": "r"}, "parents": [],
                           "attrs": {"name": 1, "age": "b"}}])"),
              HasSubstr("/attrs/name: String is wanted here, not an integer"));
  EXPECT_THAT(problem(R"([{"uid": {"type": "Robot", "id": "r"}, "parents": [],
                           "attrs": {"name": "a", "age": "b", "x": 1}}])"),
              HasSubstr("no attribute of this name"));
  EXPECT_THAT(problem(R"([{"uid": {"type": "Team", "id": "t"}, "attrs": {},
                           "parents": [{"type": "Folder", "id": "u"}]}])"),
              HasSubstr("`Team` cannot be in Folder::\"u\""));
  EXPECT_THAT(problem(R"([{"uid": {"type": "Team", "id": "t"}, "attrs": {}, "parents": [],
                           "tags": {"a": "b"}}])"),
              HasSubstr("has no tags"));
  EXPECT_THAT(problem(R"([{"uid": {"type": "Color", "id": "blue"}, "attrs": {}, "parents": []}])"),
              HasSubstr("has no entity Color::\"blue\""));
  EXPECT_THAT(problem(R"([{"uid": {"type": "X", "id": ""}, "attrs": {}, "parents": []}])"),
              HasSubstr("no entity type `X`"));
  EXPECT_THAT(problem(R"([{"uid": {"type": "Action", "id": "view"}, "attrs": {}, "parents": []}])"),
              HasSubstr("not as the schema declares"));
}

TEST(ValidateData, RequestsKeepToTheSchema) {
  const auto problem = [](const char* principal, const char* action, const char* resource,
                          Value context) -> std::string {
    const Status valid =
        validate(schema(), Request{*EntityUid::parse(principal), *EntityUid::parse(action),
                                   *EntityUid::parse(resource), std::move(context)});
    return valid ? "" : valid.error().text();
  };
  const Value good = Value::record({{"mfa", Value::boolean(true)}});
  EXPECT_EQ(problem("User::\"a\"", "Action::\"view\"", "Doc::\"d\"", good), "");
  EXPECT_EQ(problem("User::\"a\"", "Action::\"paint\"", "Color::\"red\"", Value::record()), "");
  EXPECT_THAT(problem("Doc::\"a\"", "Action::\"view\"", "Doc::\"d\"", good),
              HasSubstr("does not apply to a principal of type `Doc`"));
  EXPECT_THAT(problem("User::\"a\"", "Action::\"gone\"", "Doc::\"d\"", good),
              HasSubstr("no action"));
  EXPECT_THAT(problem("User::\"a\"", "Action::\"paint\"", "Color::\"blue\"", Value::record()),
              HasSubstr("resource: the enumerated type"));
  EXPECT_THAT(problem("User::\"a\"", "Action::\"view\"", "Doc::\"d\"", Value::record()),
              HasSubstr("context: the attribute `mfa` is missing"));
  EXPECT_THAT(problem("User::\"a\"", "Action::\"idle\"", "Doc::\"d\"", Value::record()),
              HasSubstr("does not apply"));
}

TEST(SuspiciousText, SeesDirectionScriptsAndConfusables) {
  using Kind = Finding::Kind;
  EXPECT_THAT(warnings("permit (principal, action, resource) when { \"say\u202etxt\" != \"\" };"),
              UnorderedElementsAre(Kind::kBidirectional));
  EXPECT_THAT(warnings("permit (principal, action, resource) when { \"pa\u0443pal\" != \"\" };"),
              UnorderedElementsAre(Kind::kMixedScripts));
  EXPECT_THAT(warnings("permit (principal, action, resource == Doc::\"a\u200bb\");"),
              UnorderedElementsAre(Kind::kConfusable));
  EXPECT_THAT(warnings("permit (principal, action, resource == Doc::\"\\0\");"),
              UnorderedElementsAre(Kind::kConfusable));
  EXPECT_TRUE(is_single_script("hello, \u00e9t\u00e9 2024!"));
  EXPECT_TRUE(is_single_script("\u65e5\u672c\u8a9e\u30c6\u30b9\u30c8"));  // Han and Katakana
  EXPECT_FALSE(is_single_script("\u65e5\u672c\u8a9e\u0434"));
  EXPECT_TRUE(is_single_script(""));
}

}  // namespace
}  // namespace writ::cedar
