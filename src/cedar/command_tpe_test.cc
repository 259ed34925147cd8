#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <sstream>

#include "base/file.h"
#include "base/json.h"
#include "cedar/command.h"
#include "cedar/conformance_for_test.h"

namespace writ::cedar {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

// The sample of the `cedar` program.
class CommandTpe : public testing::Test {
 protected:
  CommandTpe() {
    write("schema.cedarschema", R"(
      entity User;
      entity Document = { "isPublic": Bool, "owner": User };
      action View appliesTo { principal: [User], resource: [Document],
                              context: { "hasMFA": Bool } };)");
    write("policies.cedar", R"(
      @id("public") permit (principal, action == Action::"View", resource)
      when { resource.isPublic };
      @id("owned") permit (principal, action == Action::"View", resource)
      when { context.hasMFA && resource.owner == principal };)");
    write("entities.json", R"([{"uid": {"type": "User", "id": "Alice"}, "attrs": {},
                                "parents": []}])");
    write("request.json", R"({"principal_type": "User", "principal_eid": "Alice",
                              "action": "Action::\"View\"", "resource_type": "Document",
                              "resource_eid": null})");
    write("context.json", R"({"hasMFA": false})");
  }
  void write(const std::string& name, std::string_view text) {
    ASSERT_TRUE(write_file(file(name), text));
  }
  std::string file(const std::string& name) const { return (folder_.path() / name).string(); }
  int run(Words more) {
    Words args{"--schema",   file("schema.cedarschema"), "-p", file("policies.cedar"),
               "--entities", file("entities.json")};
    args.insert(args.end(), more.begin(), more.end());
    out_.str("");
    err_.str("");
    return run_tpe(args, {in_, out_, err_});
  }

  ScratchFolder folder_;
  std::istringstream in_;
  std::ostringstream out_;
  std::ostringstream err_;
};

TEST_F(CommandTpe, PrintsWhatIsLeftWithStatusFour) {
  EXPECT_EQ(run({"--request-json", file("request.json")}), 4);
  EXPECT_EQ(out_.str(),
            "\nUNKNOWN\nAll policy residuals:\n"
            "@id(\"public\")\npermit (\n  principal,\n  action,\n  resource\n)\n"
            "when { resource.isPublic };\n"
            "@id(\"owned\")\npermit (\n  principal,\n  action,\n  resource\n)\n"
            "when { context.hasMFA && resource.owner == User::\"Alice\" };\n");
  EXPECT_EQ(err_.str(), "");
}

TEST_F(CommandTpe, TakesTheRequestInParts) {
  EXPECT_EQ(run({"--principal-type", "User", "-a", "Action::\"View\"", "--resource-type",
                 "Document", "-c", file("context.json"), "-t"}),
            4);
  EXPECT_THAT(out_.str(), HasSubstr("Authorization Time (micro seconds) : "));
  EXPECT_THAT(out_.str(), HasSubstr("when { false };"));
  EXPECT_EQ(run({"--principal-type", "User", "--request-json", file("request.json")}), 2);
}

TEST_F(CommandTpe, DecidesWithTheStatusOfAuthorize) {
  write("entities.json", R"([{"uid": {"type": "Document", "id": "d"},
    "attrs": {"isPublic": true, "owner": {"type": "User", "id": "Bob"}}}])");
  const Words request{
      "--principal-type", "User",           "-a", "Action::\"View\"", "--resource-type",
      "Document",         "--resource-eid", "d"};
  EXPECT_EQ(run(request), 0);
  EXPECT_EQ(out_.str(), "\nALLOW\n");
  write("policies.cedar", "forbid (principal, action, resource);");
  EXPECT_EQ(run(request), 2);
  EXPECT_EQ(out_.str(), "\nDENY\n");
}

TEST_F(CommandTpe, PrintsJson) {
  EXPECT_EQ(run({"--request-json", file("request.json"), "--json"}), 4);
  const Json json = parse_json(out_.str()).value();
  EXPECT_EQ(*json.find("decision")->as_string(), "unknown");
  EXPECT_EQ(compact(*json.find("policies")), R"({"public":"residual","owned":"residual"})");
  EXPECT_EQ(compact(*json.find("residuals")->find("staticPolicies")->find("public")),
            R"({"effect":"permit","principal":{"op":"All"},"action":{"op":"All"},)"
            R"("resource":{"op":"All"},"conditions":[{"kind":"when","body":{".":{"left":)"
            R"({"Var":"resource"},"attr":"isPublic"}}}],"annotations":{"id":"public"}})");
  write("policies.cedar", "@id(\"all\") permit (principal, action, resource);");
  EXPECT_EQ(run({"--request-json", file("request.json"), "--json"}), 0);
  EXPECT_EQ(out_.str(),
            R"({"decision":"allow","reason":["all"],"policies":{"all":"true"},"residuals":)"
            R"({"templates":{},"staticPolicies":{},"templateLinks":[]}})"
            "\n");
}

TEST_F(CommandTpe, ReportsWhatIsWrong) {
  EXPECT_EQ(run({"-a", "Action::\"View\"", "--resource-type", "Document"}), 1);
  EXPECT_EQ(err_.str(), "--principal-type: the request has no principal type\n");
  EXPECT_EQ(run({"--principal-type", "not a type!", "-a", "Action::\"View\"", "--resource-type",
                 "Document"}),
            1);
  EXPECT_EQ(err_.str(), "--principal-type: `not a type!` is no name of a type\n");
  EXPECT_EQ(run({"--principal-type", "User", "-a", "view", "--resource-type", "Document"}), 1);
  EXPECT_THAT(err_.str(), StartsWith("--action: "));
  write("request.json", R"({"principal_type": "User", "action": "Action::\"View\"",
                            "resource_type": "Document", "context": 123})");
  EXPECT_EQ(run({"--request-json", file("request.json"), "-f", "json"}), 1);
  EXPECT_THAT(err_.str(), HasSubstr("request.json#/context\""));
  write("request.json", R"({"principal_type": "User", "action": "Action::\"View\""})");
  EXPECT_EQ(run({"--request-json", file("request.json")}), 1);
  EXPECT_EQ(err_.str(), file("request.json") + "#: the member \"resource_type\" is missing\n");
  write("request.json", R"({"principal_type": "Document", "action": "Action::\"View\"",
                            "resource_type": "Document"})");
  EXPECT_EQ(run({"--request-json", file("request.json")}), 1);
  EXPECT_THAT(err_.str(), StartsWith(file("request.json") + "#/principal_type: the action"));
  write("policies.cedar", "permit (principal, action, resource) when { resource.color == 1 };");
  EXPECT_EQ(
      run({"--principal-type", "User", "-a", "Action::\"View\"", "--resource-type", "Document"}),
      1);
  EXPECT_THAT(err_.str(), HasSubstr("has no attribute `color`"));
}

}  // namespace
}  // namespace writ::cedar
