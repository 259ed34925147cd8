// `writ cedar symcc` as a script calls it.
#include "prove/command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "prove/solver.h"

namespace writ::prove {
namespace {

using ::testing::HasSubstr;

std::string search_path() {
  const char* path = std::getenv("PATH");
  return path == nullptr ? "" : path;
}

class Symcc : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!find_solvers(search_path())) GTEST_SKIP() << "no solver on this host: cvc5 or z3";
    folder_ = std::filesystem::temp_directory_path() /
              ("writ-symcc-" + std::to_string(::getpid()) + "-" +
               ::testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::create_directories(folder_);
    write("s.cedarschema",
          "entity User { age: Long }; entity Doc { owner: User };\n"
          "action view, edit appliesTo { principal: User, resource: Doc };");
    write("all.cedar", "permit(principal, action, resource);");
    write("adults.cedar", "permit(principal, action, resource) when { principal.age >= 18 };");
    write("none.cedar", "permit(principal, action, resource) when { 1 > 2 };");
    write("next.cedar", "permit(principal, action, resource) when { principal.age + 1 > 18 };");
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  void write(const std::string& name, const std::string& text) {
    std::ofstream(folder_ / name) << text;
  }
  std::string at(const std::string& name) const { return (folder_ / name).string(); }
  int run(cedar::Words words, const std::string& path = search_path()) {
    cedar::Words all{"--schema", at("s.cedarschema")};
    all.insert(all.end(), words.begin(), words.end());
    std::istringstream in;
    std::ostringstream out;
    std::ostringstream err;
    const int status = run_symcc(all, {in, out, err}, path);
    out_ = out.str();
    err_ = err.str();
    return status;
  }

  std::filesystem::path folder_;
  std::string out_;
  std::string err_;
};

TEST_F(Symcc, TakesTheFlagsOfCedar) {
  EXPECT_EQ(run({"--principal-type", "User", "--action", "Action::\"view\"", "--resource-type",
                 "Doc", "--schema-format", "cedar", "never-errors", "--policies", at("all.cedar"),
                 "--policy-format", "cedar"}),
            0);
  EXPECT_EQ(out_, "✓ Policy never errors: VERIFIED\n");
}

TEST_F(Symcc, RefutesWithARequest) {
  EXPECT_EQ(run({"always-allows", "-p", at("adults.cedar")}), 0);
  EXPECT_THAT(out_,
              HasSubstr("✗ Policy set always allows: DOES NOT HOLD\n  Counterexample found:"));
  EXPECT_THAT(out_, HasSubstr("principal  User::\""));
  EXPECT_EQ(
      run({"always-allows", "-p", at("adults.cedar"), "--counterexample", "--no-counterexample"}),
      2);
  EXPECT_EQ(run({"always-allows", "-p", at("adults.cedar"), "--no-counterexample"}), 0);
  EXPECT_EQ(out_, "✗ Policy set always allows: DOES NOT HOLD\n");
}

TEST_F(Symcc, AnswersByItsExitStatusWhereAsked) {
  EXPECT_EQ(run({"--exit-code", "never-errors", "-p", at("next.cedar")}), 3);
  EXPECT_EQ(run({"--exit-code", "never-errors", "-p", at("adults.cedar")}), 0);
  EXPECT_EQ(run({"--exit-code", "--missing-entities", "never-errors", "-p", at("adults.cedar")}),
            3);
}

TEST_F(Symcc, ProvesEveryProperty) {
  const auto holds = [&](cedar::Words words) {
    words.insert(words.begin(), "--json");
    EXPECT_EQ(run(words), 0) << err_;
    return out_.find("\"holds\":true") != std::string::npos;
  };
  EXPECT_TRUE(holds({"always-matches", "-p", at("all.cedar")}));
  EXPECT_FALSE(holds({"always-matches", "-p", at("adults.cedar")}));
  EXPECT_TRUE(holds({"never-matches", "-p", at("none.cedar")}));
  EXPECT_TRUE(holds({"always-denies", "-p", at("none.cedar")}));
  const auto two = [&](const std::string& verb, const std::string& a, const std::string& b) {
    const std::string flag = verb.starts_with("matches") ? "--policy" : "--policies";
    return holds({verb, flag + "1", at(a), flag + "2", at(b)});
  };
  for (const std::string matches : {"matches-", ""}) {
    EXPECT_TRUE(two(matches + "implies", "adults.cedar", "all.cedar"));
    EXPECT_FALSE(two(matches + "implies", "all.cedar", "adults.cedar"));
    EXPECT_TRUE(two(matches + "disjoint", "all.cedar", "none.cedar"));
    EXPECT_FALSE(two(matches + "disjoint", "all.cedar", "adults.cedar"));
    EXPECT_TRUE(two(matches + "equivalent", "all.cedar", "all.cedar"));
    // They differ only where the sum fails.
    EXPECT_FALSE(two(matches + "equivalent", "adults.cedar", "next.cedar"));
  }
}

TEST_F(Symcc, SaysWhatIsWrong) {
  EXPECT_EQ(run({"never-errors", "-p", at("all.cedar"), "--principal-type", "Nobody"}), 1);
  EXPECT_THAT(err_, HasSubstr("--principal-type"));
  write("two.cedar", "permit(principal, action, resource);permit(principal, action, resource);");
  EXPECT_EQ(run({"never-errors", "-p", at("two.cedar")}), 1);
  EXPECT_THAT(err_, HasSubstr("exactly one policy"));
  write("wrong.cedar", "permit(principal, action, resource) when { principal.size > 1 };");
  EXPECT_EQ(run({"never-errors", "-p", at("wrong.cedar")}), 1);
  EXPECT_THAT(err_, HasSubstr("wrong.cedar:1:44"));
  EXPECT_EQ(run({"never-errors", "-p", at("all.cedar")}, "/nowhere"), 1);
  EXPECT_THAT(err_, HasSubstr("apt-get install cvc5"));
  EXPECT_EQ(run({"--cvc5-path", "/nowhere/cvc5", "never-errors", "-p", at("next.cedar")}), 1);
  EXPECT_THAT(err_, HasSubstr("/nowhere/cvc5"));
}

TEST_F(Symcc, NamesThePropertiesWhereNoneIsNamed) {
  EXPECT_EQ(run({"nevr-errors", "-p", at("all.cedar")}), 2);
  EXPECT_THAT(err_, HasSubstr("writ cedar symcc: there is no `nevr-errors` here; there are "
                              "never-errors, always-matches, "));
  EXPECT_EQ(run({}), 2);
  EXPECT_THAT(err_, HasSubstr("writ cedar symcc: one of these is wanted: never-errors, "));
}

TEST_F(Symcc, ASolverThatDoesNotAnswerIsUnknown) {
  EXPECT_EQ(
      run({"--exit-code", "--cvc5-path", "/bin/true", "never-errors", "-p", at("next.cedar")}), 4);
  EXPECT_THAT(out_, HasSubstr("? Policy never errors: UNKNOWN"));
  EXPECT_THAT(out_, HasSubstr("the solver did not answer"));
  EXPECT_EQ(run({"--cvc5-path", "/bin/true", "never-errors", "-p", at("next.cedar")}), 1);
}

}  // namespace
}  // namespace writ::prove
