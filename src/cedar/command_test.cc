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
    return run_authorize(args, out_, err_);
  }

  fs::path folder_;
  std::ostringstream out_;
  std::ostringstream err_;
};

TEST_F(Command, AllowsWithStatusZero) {
  EXPECT_EQ(authorize({"--request-json", file("r.json")}), 0);
  EXPECT_EQ(out_.str(), "ALLOW\n");
  EXPECT_EQ(err_.str(), "");
}

TEST_F(Command, DeniesWithStatusTwo) {
  EXPECT_EQ(authorize({"-l", "User::\"eve\"", "-a", "Action::\"view\"", "-r", "Doc::\"plan\"", "-c",
                       file("blocked.json"), "-v"}),
            2);
  EXPECT_EQ(out_.str(),
            "DENY\n\nnote: this decision was due to the following policies:\n  blocked\n\n");
}

TEST_F(Command, ReportsFailedPolicies) {
  EXPECT_EQ(authorize({"--principal", "User::\"eve\"", "--action", "Action::\"view\"", "--resource",
                       "Doc::\"plan\"", "-v"}),
            2);
  EXPECT_THAT(out_.str(), StartsWith("DENY\n\nerror while evaluating policy `blocked`: " +
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

TEST_F(Command, AnswersErrorsWithStatusOne) {
  EXPECT_EQ(authorize({}), 1);
  EXPECT_EQ(err_.str(), "the request has no principal\n");
  EXPECT_EQ(authorize({"--request-json", file("none.json")}), 1);
  EXPECT_EQ(authorize({"--request-json", file("r.json"), "--nope"}), 1);
  EXPECT_EQ(authorize({"--request-json", file("r.json"), "-l", "User::\"a\""}), 1);
  EXPECT_EQ(authorize({"-l", "User::alice", "-a", "Action::\"view\"", "-r", "Doc::\"plan\""}), 1);
  EXPECT_THAT(err_.str(), HasSubstr("principal: 1:1"));
  write("p.cedar", "permit (principal, action, resource) when { nope };");
  EXPECT_EQ(authorize({"--request-json", file("r.json")}), 1);
  EXPECT_THAT(err_.str(), HasSubstr(":1:45: there is no variable `nope`"));
  EXPECT_EQ(out_.str(), "");
}

TEST_F(Command, ConformCountsTests) {
  write("s.cedarschema", "");
  write("t.json", R"({"policies": "p.cedar", "entities": "e.json", "schema": "s.cedarschema",
    "shouldValidate": true, "requests": []})");
  EXPECT_EQ(run_conform({folder_.string()}, out_, err_), 0);
  EXPECT_EQ(out_.str(), "1 passed, 0 failed\n");
  EXPECT_EQ(run_conform({}, out_, err_), 1);
  EXPECT_EQ(run_conform({file("none")}, out_, err_), 1);
}

}  // namespace
}  // namespace writ::cedar
