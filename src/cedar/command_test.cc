#include "cedar/command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <sstream>

#include "base/file.h"

namespace writ::cedar {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::StartsWith;

class Command : public testing::Test {
 protected:
  Command() {
    std::string name = (fs::temp_directory_path() / "writ-cedar-XXXXXX").string();
    folder_ = mkdtemp(name.data());
    write("e.json", R"([{"uid": {"type": "User", "id": "alice"}, "attrs": {},
                        "parents": [{"type": "Group", "id": "staff"}]}])");
    write("p.cedar", R"(
      @id("staff-views") permit (principal in Group::"staff", action, resource);
      @id("blocked") forbid (principal, action, resource) when { context.blocked };
      @id("template") permit (principal == ?principal, action, resource == ?resource);)");
    write("r.json", R"({"principal": "User::\"alice\"", "action": "Action::\"view\"",
                        "resource": "Doc::\"plan\"", "context": {"blocked": false}})");
    write("blocked.json", R"({"blocked": true})");
  }
  ~Command() override { fs::remove_all(folder_); }

  void write(const std::string& name, std::string_view text) {
    ASSERT_TRUE(write_file(file(name), text));
  }
  std::string file(const std::string& name) const { return (folder_ / name).string(); }

  int authorize(std::vector<std::string> more) {
    std::vector<std::string> args{"--policies", file("p.cedar"), "--entities", file("e.json")};
    args.insert(args.end(), more.begin(), more.end());
    out_.str("");
    err_.str("");
    return run_authorize(args, streams());
  }

  Streams streams() { return {in_, out_, err_}; }
  // Runs another verb, with nothing left of earlier ones.
  int run(int (*verb)(const Words&, const Streams&), const Words& args,
          std::string_view input = "") {
    out_.str("");
    err_.str("");
    in_.clear();
    in_.str(std::string(input));
    return verb(args, streams());
  }
  std::string text_of(const std::string& name) const { return read_file(file(name)).value(); }

  fs::path folder_;
  std::istringstream in_;
  std::ostringstream out_;
  std::ostringstream err_;
};

TEST_F(Command, AllowsWithStatusZero) {
  EXPECT_EQ(authorize({"--request-json", file("r.json")}), 0);
  EXPECT_EQ(out_.str(), "\nALLOW\n");
  EXPECT_EQ(err_.str(), "");
}

TEST_F(Command, DeniesWithStatusTwo) {
  EXPECT_EQ(authorize({"-l", "User::\"eve\"", "-a", "Action::\"view\"", "-r", "Doc::\"plan\"", "-c",
                       file("blocked.json"), "-v"}),
            2);
  EXPECT_EQ(out_.str(),
            "\nDENY\n\nnote: this decision was due to the following policies:\n  blocked\n\n");
}

TEST_F(Command, ReportsFailedPolicies) {
  EXPECT_EQ(authorize({"--principal", "User::\"eve\"", "--action", "Action::\"view\"", "--resource",
                       "Doc::\"plan\"", "-v"}),
            2);
  EXPECT_THAT(out_.str(), StartsWith("\nDENY\n\nerror while evaluating policy `blocked`: " +
                                     file("p.cedar") + ":3:66: the record has no attribute"));
  EXPECT_THAT(out_.str(), HasSubstr("note: no policies applied to this request\n"));
}

TEST_F(Command, PrintsJson) {
  EXPECT_EQ(authorize({"--request-json", file("r.json"), "--json"}), 0);
  EXPECT_EQ(out_.str(), "{\"decision\":\"allow\",\"reason\":[\"staff-views\"],\"errors\":[]}\n");
  EXPECT_EQ(
      authorize({"-l", "User::\"eve\"", "-a", "Action::\"view\"", "-r", "Doc::\"plan\"", "--json"}),
      2);
  EXPECT_EQ(out_.str(), "{\"decision\":\"deny\",\"reason\":[],\"errors\":[\"blocked\"]}\n");
}

TEST_F(Command, LinksTemplates) {
  write("links.json", R"([{"template_id": "template", "link_id": "eve-views",
    "args": {"?principal": "User::\"eve\"", "?resource": "Doc::\"plan\""}}])");
  EXPECT_EQ(authorize({"--template-linked", file("links.json"), "-l", "User::\"eve\"", "-a",
                       "Action::\"view\"", "-r", "Doc::\"plan\"", "--json"}),
            0);
  EXPECT_THAT(out_.str(), HasSubstr("\"reason\":[\"eve-views\"]"));
}

TEST_F(Command, AnswersErrorsWithStatusOneAndWrongFlagsWithTwo) {
  EXPECT_EQ(authorize({}), 1);
  EXPECT_EQ(err_.str(), "--principal: the request has no principal\n");
  EXPECT_EQ(authorize({"--request-json", file("none.json")}), 1);
  EXPECT_EQ(authorize({"--request-json", file("r.json"), "--nope"}), 2);
  EXPECT_EQ(authorize({"--request-json", file("r.json"), "-l", "User::\"a\""}), 2);
  EXPECT_EQ(authorize({"-l", "User::alice", "-a", "Action::\"view\"", "-r", "Doc::\"plan\""}), 1);
  EXPECT_THAT(err_.str(), HasSubstr("principal: 1:1"));
  write("p.cedar", "permit (principal, action, resource) when { nope };");
  EXPECT_EQ(authorize({"--request-json", file("r.json")}), 1);
  EXPECT_THAT(err_.str(), HasSubstr(":1:45: there is no variable `nope`"));
  EXPECT_EQ(out_.str(), "\n");
}

TEST_F(Command, FlagsThatDoNotGoTogetherAreWrong) {
  const std::string policies = file("p.cedar");
  const std::vector<Words> wrong{{"-p", policies, "-i", "101"},  {"-p", policies, "-i", "-1"},
                                 {"-p", policies, "-l", "wide"}, {"-w"},
                                 {"-p", policies, "-w", "-c"},   {"-p", policies, "-f", "xml"}};
  for (const Words& words : wrong) {
    EXPECT_EQ(run(run_format, words), 2) << testing::PrintToString(words);
    EXPECT_EQ(out_.str(), "");
    EXPECT_NE(err_.str(), "");
  }
  EXPECT_EQ(run(run_format, {"-p", policies, "-i", "100"}), 0);
}

TEST_F(Command, TheEnvironmentMaySayTheFormOfErrors) {
  ASSERT_EQ(setenv("CEDAR_ERROR_FORMAT", "json", 1), 0);
  EXPECT_EQ(run(run_format, {"-p", file("none")}), 1);
  EXPECT_THAT(err_.str(), StartsWith("{\"message\":"));
  EXPECT_EQ(run(run_format, {"-p", file("none"), "-f", "plain"}), 1);
  unsetenv("CEDAR_ERROR_FORMAT");
  EXPECT_THAT(err_.str(), StartsWith(file("none")));
}

TEST_F(Command, ConformCountsTests) {
  write("s.cedarschema", "");
  write("t.json", R"({"policies": "p.cedar", "entities": "e.json", "schema": "s.cedarschema",
    "shouldValidate": true, "requests": []})");
  EXPECT_EQ(run_conform({folder_.string()}, streams()), 0);
  EXPECT_EQ(out_.str(), "1 passed, 0 failed\n");
  EXPECT_EQ(run_conform({}, streams()), 2);
  EXPECT_EQ(run_conform({file("none")}, streams()), 1);
}

constexpr std::string_view kSchema = R"(
  entity Group; entity User in Group; entity Doc;
  action view appliesTo { principal: User, resource: Doc, context: { blocked: Bool } };)";

TEST_F(Command, AuthorizesBySchema) {
  write("s.cedarschema", kSchema);
  EXPECT_EQ(authorize({"--request-json", file("r.json"), "-s", file("s.cedarschema"), "-t"}), 0);
  EXPECT_THAT(out_.str(), StartsWith("\nAuthorization Time (micro seconds) : "));
  const std::vector<std::string> wrong{"-l", "Doc::\"d\"",         "-a", "Action::\"view\"",
                                       "-r", "Doc::\"d\"",         "-c", file("blocked.json"),
                                       "-s", file("s.cedarschema")};
  EXPECT_EQ(authorize(wrong), 1);
  EXPECT_THAT(err_.str(), HasSubstr("does not apply to a principal of type `Doc`"));
  std::vector<std::string> unchecked = wrong;
  unchecked.insert(unchecked.end(), {"--request-validation", "false"});
  EXPECT_EQ(authorize(unchecked), 2);
}

TEST_F(Command, ValidatesWithStatusThree) {
  write("s.cedarschema", kSchema);
  write("bad.cedar", "permit (principal, action, resource) when { principal.nme == 1 };");
  EXPECT_EQ(run(run_validate, {"-s", file("s.cedarschema"), "-p", file("p.cedar")}), 0);
  EXPECT_THAT(out_.str(), StartsWith("policy set validation passed\n"));
  EXPECT_EQ(run(run_validate, {"--schema", file("s.cedarschema"), "--policies", file("bad.cedar")}),
            3);
  EXPECT_THAT(out_.str(), StartsWith("policy set validation failed\nerror: for policy `policy0`: " +
                                     file("bad.cedar") + ":1:45: User has no attribute `nme`"));
  const std::string idle = "permit (principal is Doc, action, resource);";
  EXPECT_EQ(run(run_validate, {"-s", file("s.cedarschema")}, idle), 0);
  EXPECT_THAT(out_.str(), HasSubstr("warning: for policy `policy0`"));
  EXPECT_EQ(run(run_validate, {"-s", file("s.cedarschema"), "--deny-warnings"}, idle), 3);
  EXPECT_EQ(run(run_validate, {"-f", "json", "-s", file("s.cedarschema")}, idle), 0);
  EXPECT_EQ(out_.str(), "policy set validation passed\n");
  const auto said = parse_json(err_.str().substr(0, err_.str().find('\n')));
  ASSERT_TRUE(said) << err_.str();
  EXPECT_EQ(*said->find("severity")->as_string(), "warning");
  EXPECT_EQ(run(run_validate, {"-s", file("s.cedarschema"), "--level", "0", "-p", file("p.cedar")}),
            3);
  const std::string mixed = "permit (principal, action, resource) when { [] == [1] };";
  EXPECT_EQ(run(run_validate, {"-s", file("s.cedarschema")}, mixed), 3);
  EXPECT_EQ(
      run(run_validate, {"-s", file("s.cedarschema"), "--validation-mode", "permissive"}, mixed),
      0);
  EXPECT_EQ(run(run_validate, {"-p", file("p.cedar")}), 2);
  EXPECT_EQ(run(run_validate, {"-s", file("none"), "-p", file("p.cedar")}), 1);
}

TEST_F(Command, ChecksWhatParses) {
  write("s.cedarschema", kSchema);
  EXPECT_EQ(run(run_check_parse, {}, "permit (principal, action, resource);"), 0);
  EXPECT_EQ(run(run_check_parse, {}, "permit (principal, action);"), 1);
  EXPECT_EQ(run(run_check_parse, {"--expression", "1 + 1"}), 0);
  EXPECT_EQ(run(run_check_parse, {"--expression", "1 +"}), 1);
  EXPECT_THAT(err_.str(), StartsWith("--expression:1:4: "));
  EXPECT_EQ(run(run_check_parse,
                {"-p", file("p.cedar"), "-s", file("s.cedarschema"), "--entities", file("e.json")}),
            0);
  write("e.json", R"([{"uid": {"type": "Nobody", "id": "a"}, "attrs": {}, "parents": []}])");
  EXPECT_EQ(run(run_check_parse, {"--entities", file("e.json")}), 0);
  EXPECT_EQ(run(run_check_parse, {"-s", file("s.cedarschema"), "--entities", file("e.json")}), 1);
  EXPECT_EQ(run(run_check_parse, {"-f", "json", "-s", file("e.json")}), 1);
  EXPECT_THAT(err_.str(), StartsWith("{\"message\":"));
}

TEST_F(Command, Formats) {
  write("f.cedar", "permit(principal,action,resource);");
  const std::string formatted = "permit (principal, action, resource);\n";
  EXPECT_EQ(run(run_format, {"-p", file("f.cedar")}), 0);
  EXPECT_EQ(out_.str(), formatted);
  EXPECT_EQ(run(run_format, {"-p", file("f.cedar"), "--check"}), 1);
  EXPECT_EQ(run(run_format, {"-p", file("f.cedar"), "--write"}), 0);
  EXPECT_EQ(text_of("f.cedar"), formatted);
  EXPECT_EQ(run(run_format, {"-p", file("f.cedar"), "-c"}), 0);
  EXPECT_EQ(
      run(run_format, {"-l", "20", "-i", "4"}, "permit(principal,action,resource)when{true};"), 0);
  EXPECT_EQ(run(run_format, {"-w"}, formatted), 2);
  EXPECT_EQ(run(run_format, {"-p", file("f.cedar"), "-w", "-c"}), 2);
}

TEST_F(Command, TranslatesPoliciesBothWays) {
  EXPECT_EQ(run(run_translate_policy, {"--direction", "cedar-to-json", "-p", file("p.cedar")}), 0);
  const std::string json = out_.str();
  EXPECT_THAT(json, HasSubstr("\"staff-views\":{\"effect\":\"permit\""));
  EXPECT_EQ(run(run_translate_policy, {"--direction", "json-to-cedar"}, json), 0);
  const std::string cedar = out_.str();
  EXPECT_THAT(cedar, HasSubstr("permit (\n  principal in Group::\"staff\","));
  EXPECT_EQ(run(run_translate_policy, {"--direction", "cedar-to-json"}, cedar), 0);
  EXPECT_EQ(out_.str(), json);
  EXPECT_EQ(run(run_translate_policy, {"--direction", "sideways"}), 2);
  EXPECT_EQ(run(run_translate_policy, {"--direction", "json-to-cedar"}, "{}"), 1);
}

TEST_F(Command, TranslatesSchemasBothWays) {
  EXPECT_EQ(run(run_translate_schema, {"--direction", "cedar-to-json"}, kSchema), 0);
  const std::string json = out_.str();
  EXPECT_EQ(run(run_translate_schema, {"--direction", "json-to-cedar"}, json), 0);
  const std::string cedar = out_.str();
  EXPECT_THAT(cedar, HasSubstr("entity User in [Group];"));
  EXPECT_EQ(run(run_translate_schema, {"--direction", "cedar-to-json"}, cedar), 0);
  EXPECT_EQ(out_.str(), json);
  EXPECT_EQ(run(run_translate_schema, {"--direction", "cedar-to-json-with-resolved-types"},
                "namespace N { type T = Long; entity E = { a: T, b: E, c: ipaddr }; action s; "
                "action r in s; }"),
            0);
  EXPECT_THAT(out_.str(), HasSubstr("\"N::T\""));
  EXPECT_THAT(out_.str(), HasSubstr("\"N::E\""));
  EXPECT_THAT(out_.str(), HasSubstr("\"N::Action\""));
  EXPECT_EQ(run(run_translate_schema, {"--direction", "cedar-to-json-with-resolved-types"},
                "entity E = { a: Missing };"),
            1);
}

TEST_F(Command, LinksATemplateIntoAFile) {
  const Words args{"-p",
                   file("p.cedar"),
                   "-k",
                   file("links.json"),
                   "--template-id",
                   "template",
                   "-n",
                   "eve",
                   "-a",
                   R"({"?principal": "User::\"eve\"", "?resource": "Doc::\"plan\""})"};
  EXPECT_EQ(run(run_link, args), 0);
  EXPECT_THAT(out_.str(), StartsWith("Template-linked policy added: "));
  EXPECT_THAT(text_of("links.json"), HasSubstr("\"link_id\":\"eve\""));
  EXPECT_EQ(run(run_link, args), 1) << "the id is taken now";
  EXPECT_EQ(authorize({"-k", file("links.json"), "-l", "User::\"eve\"", "-a", "Action::\"view\"",
                       "-r", "Doc::\"plan\"", "-v"}),
            0);
}

TEST_F(Command, WritesIntoTheFileThatIsThere) {
  write("real.cedar", "permit(principal,action,resource);");
  fs::permissions(file("real.cedar"), fs::perms::owner_read | fs::perms::owner_write);
  fs::create_symlink(file("real.cedar"), file("link.cedar"));
  EXPECT_EQ(run(run_format, {"-w", "-p", file("link.cedar")}), 0) << err_.str();
  EXPECT_TRUE(fs::is_symlink(file("link.cedar")));
  EXPECT_THAT(text_of("real.cedar"), StartsWith("permit (principal, action"));
  EXPECT_EQ(fs::status(file("real.cedar")).permissions(),
            fs::perms::owner_read | fs::perms::owner_write);
  // A device takes what is written, and stays.
  const Words link{"-p",
                   file("p.cedar"),
                   "-k",
                   "/dev/null",
                   "--template-id",
                   "template",
                   "-n",
                   "x",
                   "-a",
                   R"({"?principal": "User::\"a\"", "?resource": "Doc::\"d\""})"};
  fs::create_symlink("/dev/null", file("null"));
  Words to_device = link;
  to_device[3] = file("null");
  EXPECT_EQ(run(run_link, to_device), 0) << err_.str();
  EXPECT_TRUE(fs::is_symlink(file("null")));
}

TEST_F(Command, ShortFlagsTakeTheirValueBehindAnEqualsSign) {
  EXPECT_EQ(authorize({"--request-json", file("r.json"), "-k=" + file("none.json")}), 1);
  EXPECT_THAT(err_.str(), StartsWith(file("none.json")));
  EXPECT_EQ(run(run_format, {"-p=" + file("p.cedar"), "-l=40", "-i=4"}), 0) << err_.str();
  EXPECT_THAT(out_.str(), HasSubstr("\n    principal"));
}

TEST_F(Command, ValuesThatLookLikeFlagsStayWhatTheyAre) {
  const fs::path before = fs::current_path();
  fs::current_path(folder_);
  write("-x=1", "permit(principal,action,resource);");
  EXPECT_EQ(run(run_check_parse, {"-p", "-x=1"}), 0) << err_.str();
  EXPECT_EQ(run(run_check_parse, {"--policies", "-x=1"}), 0) << err_.str();
  fs::current_path(before);
  EXPECT_EQ(
      run(run_evaluate, {"-l=User::\"a\"", "-a=Action::\"b\"", "-r=Doc::\"c=d\"", "--", "-1==-1"}),
      0)
      << err_.str();
  EXPECT_EQ(out_.str(), "\ntrue\n");
  EXPECT_EQ(run(run_format, {"-p=", file("p.cedar"), "-w"}), 2) << "an unset variable";
}

TEST_F(Command, AnEmptyValueIsWrong) {
  const std::string policies = file("p.cedar"), request = file("r.json");
  for (const Words& more :
       {Words{"-s", ""}, Words{"-k", ""}, Words{"-c", ""}, Words{"--request-validation", ""}}) {
    Words all{"--request-json", request};
    all.insert(all.end(), more.begin(), more.end());
    EXPECT_EQ(authorize(all), 2) << more[0];
  }
  EXPECT_EQ(run(run_validate, {"-s", "", "-p", policies}), 2);
  EXPECT_EQ(run(run_validate, {"-s", file("s.cedarschema"), "-p", policies, "--level", ""}), 2);
  EXPECT_EQ(run(run_check_parse, {"-p", ""}), 2);
  EXPECT_EQ(run(run_format, {"-p", ""}, "permit(principal,action,resource);"), 2);
}

TEST_F(Command, PoliciesInJsonKeepTheIdsOfTheirSet) {
  constexpr std::string_view kBody = R"("effect": "permit", "principal": {"op": "All"},
    "action": {"op": "All"}, "resource": {"op": "All"}, "conditions": [],
    "annotations": {"id": "renamed"}})";
  const auto reason = [&](const std::string& policies) {
    write("p.json", policies);
    run(run_authorize, {"-p", file("p.json"), "--policy-format", "json", "--entities",
                        file("e.json"), "--request-json", file("r.json"), "--json"});
    return out_.str();
  };
  EXPECT_THAT(reason(R"({"staticPolicies": {"kept": {)" + std::string(kBody) +
                     R"(}, "templates": {}, "templateLinks": []})"),
              HasSubstr(R"("reason":["kept"])"));
  EXPECT_THAT(reason("{" + std::string(kBody)), HasSubstr(R"("reason":["JSON policy"])"));
}

TEST_F(Command, ErrorsOfARequestNameItsFileOrFlag) {
  write("s.cedarschema", kSchema);
  const auto whole = [&](std::string_view text) {
    write("bad.json", text);
    EXPECT_EQ(authorize({"--request-json", file("bad.json"), "-s", file("s.cedarschema")}), 1);
    const std::string said = err_.str();
    const std::string path = file("bad.json");
    return said.starts_with(path) ? said.substr(path.size()) : said;
  };
  const std::string rest = R"(, "action": "Action::\"view\"", "resource": "Doc::\"plan\"",
                              "context": )";
  EXPECT_THAT(whole("{"), StartsWith(":1:2: "));
  EXPECT_THAT(whole("[]"), StartsWith("#: an object is wanted here"));
  EXPECT_THAT(whole("{}"), StartsWith("#: the member \"principal\" is missing"));
  EXPECT_THAT(whole(R"({"principal": "")" + rest + "{}}"),
              StartsWith("#/principal: the request has no principal"));
  EXPECT_THAT(whole(R"({"principal": "User::alice")" + rest + "{}}"),
              StartsWith("#/principal: 1:1"));
  EXPECT_THAT(whole(R"({"principal": "Doc::\"d\"")" + rest + R"({"blocked": false}})"),
              StartsWith("#/principal: the action Action::\"view\" does not apply"));
  EXPECT_THAT(whole(R"({"principal": "User::\"a\"")" + rest + "[]}"),
              StartsWith("#/context: an object is wanted here"));
  EXPECT_THAT(whole(R"({"principal": "User::\"a\"")" + rest + R"({"blocked": 1}})"),
              StartsWith("#/context/blocked: Bool is wanted here"));

  const auto parts = [&](const std::string& principal, const std::string& context) {
    std::vector<std::string> args{"-l", principal,       "-a", "Action::\"view\"",
                                  "-r", "Doc::\"plan\"", "-s", file("s.cedarschema")};
    if (!context.empty()) {
      write("c.json", context);
      args.insert(args.end(), {"-c", file("c.json")});
    }
    EXPECT_EQ(authorize(args), 1);
    return err_.str();
  };
  EXPECT_THAT(parts("Doc::\"d\"", ""), StartsWith("--principal: the action"));
  EXPECT_THAT(parts("User::\"a\"", ""), StartsWith("--context: the attribute `blocked`"));
  EXPECT_THAT(parts("User::\"a\"", "[]"), StartsWith(file("c.json") + "#: an object is wanted"));
  EXPECT_THAT(parts("User::\"a\"", R"({"blocked": 1})"),
              StartsWith(file("c.json") + "#/blocked: Bool is wanted here"));
}

TEST_F(Command, ErrorsOfLinksNameTheEntry) {
  const auto second = [&](std::string_view text) {
    const std::string path = file("links.json");
    write("links.json", R"([{"template_id": "template", "link_id": "first", "args":
      {"?principal": "User::\"a\"", "?resource": "Doc::\"d\""}}, )" +
                            std::string(text) + "]");
    EXPECT_EQ(authorize({"--request-json", file("r.json"), "-k", path}), 1);
    const std::string said = err_.str();
    return said.starts_with(path) ? said.substr(path.size()) : said;
  };
  EXPECT_THAT(second("{}"), StartsWith("#/1: the member \"template_id\" is missing"));
  EXPECT_THAT(second(R"({"template_id": "none", "link_id": "x", "args": {}})"),
              StartsWith("#/1/template_id: there is no template `none`"));
  EXPECT_THAT(second(R"({"template_id": "template", "link_id": "first", "args":
                {"?principal": "User::\"a\"", "?resource": "Doc::\"d\""}})"),
              StartsWith("#/1/link_id: the policy id `first` is taken"));
  EXPECT_THAT(second(R"({"template_id": "template", "link_id": "x", "args": {}})"),
              StartsWith("#/1/args: the template `template` wants a value for the slot"));
  EXPECT_THAT(second(R"({"template_id": "template", "link_id": "x", "args": {"?who": "A"}})"),
              StartsWith("#/1/args/?who: there is no slot ?who; there are ?principal and"));
  EXPECT_THAT(second(R"({"template_id": "template", "link_id": "x", "args": {"?principal": "A"}})"),
              StartsWith("#/1/args/?principal: 1:"));
  write("links.json", "{}");
  EXPECT_EQ(authorize({"--request-json", file("r.json"), "-k", file("links.json")}), 1);
  EXPECT_THAT(err_.str(), StartsWith(file("links.json") + "#: an array is wanted here"));
}

TEST_F(Command, ErrorsOfALinkNameTheFlag) {
  const auto link = [&](const std::string& of, const std::string& id, const std::string& args,
                        int status = 1) {
    EXPECT_EQ(
        run(run_link, {"-p", file("p.cedar"), "--template-id", of, "-n", id, "--arguments", args}),
        status);
    return err_.str();
  };
  EXPECT_THAT(link("template", "x", "{", 2), StartsWith("--arguments:1:2: "));
  EXPECT_THAT(link("template", "x", "[]", 2), StartsWith("--arguments#: an object is wanted here"));
  EXPECT_THAT(link("template", "x", R"({"?principal": 1})", 2),
              StartsWith("--arguments#/?principal: a string is wanted here"));
  EXPECT_THAT(link("template", "x", R"({"?nobody": "User::\"a\""})", 2),
              StartsWith("--arguments#/?nobody: there is no slot ?nobody"));
  EXPECT_THAT(link("template", "x", R"({"?principal": "User::a"})"),
              StartsWith("--arguments#/?principal: 1:8"));
  EXPECT_THAT(link("template", "x", "{}"),
              StartsWith("--arguments#: the template `template` want"));
  EXPECT_THAT(link("none", "x", "{}"), StartsWith("--template-id: there is no template `none`"));
  EXPECT_THAT(
      link("template", "blocked", R"({"?principal": "User::\"a\"", "?resource": "Doc::\"d\""})"),
      StartsWith("--new-id: the policy id `blocked` is taken"));
}

TEST_F(Command, ASchemaInTheOtherFormSaysWhichFlagReadsIt) {
  const std::string json = R"({"": {"entityTypes": {}, "actions": {}}})";
  write("s", json);
  EXPECT_EQ(run(run_validate, {"-s", file("s"), "-p", file("p.cedar")}), 1);
  EXPECT_THAT(err_.str(), StartsWith(file("s") + ":1:1: "));
  EXPECT_THAT(err_.str(), HasSubstr("looks like JSON; say --schema-format json"));
  write("s", kSchema);
  EXPECT_EQ(run(run_validate, {"-s", file("s"), "--schema-format", "json", "-p", file("p.cedar")}),
            1);
  EXPECT_THAT(err_.str(), StartsWith(file("s") + ":2:3: "));
  EXPECT_THAT(err_.str(), HasSubstr("looks like Cedar syntax; say --schema-format cedar"));
  EXPECT_EQ(run(run_translate_schema, {"--direction", "cedar-to-json"}, json), 1);
  EXPECT_THAT(err_.str(), HasSubstr("looks like JSON; say --direction json-to-cedar"));
  EXPECT_EQ(run(run_translate_schema, {"--direction", "json-to-cedar"}, kSchema), 1);
  EXPECT_THAT(err_.str(), HasSubstr("looks like Cedar syntax; say --direction cedar-to-json"));
  // One that is wrong in the form that is wanted says no more than that.
  write("s", "[]");
  EXPECT_EQ(run(run_validate, {"-s", file("s"), "--schema-format", "json", "-p", file("p.cedar")}),
            1);
  EXPECT_EQ(err_.str(), file("s") + "#: an object is wanted here, not an array\n");
}

TEST_F(Command, EvaluatesExpressions) {
  const Words request{"-l", "User::\"alice\"", "-a", "Action::\"view\"", "-r", "Doc::\"d\""};
  const auto evaluate = [&](const std::string& expression) {
    Words args = request;
    args.insert(args.end(), {"--entities", file("e.json"), expression});
    return run(run_evaluate, args);
  };
  EXPECT_EQ(evaluate("principal in Group::\"staff\""), 0);
  EXPECT_EQ(out_.str(), "\ntrue\n");
  EXPECT_EQ(evaluate("[1 + 1, 2 * 3]"), 0);
  EXPECT_EQ(out_.str(), "\n[2, 6]\n");
  EXPECT_EQ(evaluate("principal.x"), 1);
  EXPECT_EQ(run(run_evaluate, {"1 + 1"}), 1);
}

}  // namespace
}  // namespace writ::cedar
