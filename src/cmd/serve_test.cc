// `writ init`: what it founds can be read back, and only once.
#include <gtest/gtest.h>

#include "base/file.h"
#include "cmd/client.h"
#include "cmd/config.h"
#include "cmd/fake_server_for_test.h"
#include "prove/solver.h"

namespace writ::cmd {
namespace {

struct Founding : testing::Test {
  Founding() : desk(clock) {}

  net::MovableClock clock;
  Desk desk;
};

TEST_F(Founding, WritesAConfigurationAndATicketForEachAdministrator) {
  const std::string folder = desk.folder.path + "/writ";
  ASSERT_EQ(desk.run({"init", folder, "--trust-domain", "example.org", "--administrator", "alice",
                      "--administrator", "bob", "--listen", "127.0.0.1:9443", "--name",
                      "writ.example.org", "--json"}),
            0)
      << desk.terminal.notes;
  const Json answer = *parse_json(desk.terminal.output);
  const std::string ticket = text_or_empty(*answer.find("tickets"), "bob");
  ASSERT_TRUE(ticket.starts_with("writ1."));
  const Json inside = *parse_json(*from_base64url(ticket.substr(6)));
  EXPECT_EQ(text_or_empty(inside, "server"), "https://writ.example.org:9443");
  EXPECT_EQ(text_or_empty(inside, "trust_domain"), "example.org");
  const auto config = read_server_config(text_or_empty(answer, "config"));
  ASSERT_TRUE(config) << config.error().text();
  EXPECT_EQ(config->data_folder, folder + "/data");
  EXPECT_EQ(config->listen.port, 9443);
  EXPECT_EQ(config->names, std::vector<std::string>{"writ.example.org"});
  // Once: what is founded is not founded anew.
  EXPECT_EQ(desk.run({"init", folder, "--trust-domain", "example.org", "--administrator", "alice",
                      "--administrator", "bob"}),
            5);
}

TEST_F(Founding, TakesTwoAdministratorsOrOneOnPurpose) {
  const std::string folder = desk.folder.path + "/writ";
  EXPECT_EQ(desk.run({"init", folder, "--trust-domain", "example.org", "--administrator", "alice"}),
            2);
  EXPECT_NE(desk.terminal.notes.find("--solo"), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(folder));
  EXPECT_EQ(desk.run({"init", folder, "--trust-domain", "example.org", "--administrator", "alice",
                      "--solo", "--json"}),
            0)
      << desk.terminal.notes;
}

TEST_F(Founding, TakesAFolderOfPolicies) {
  const std::string folder = desk.folder.path + "/writ", first = desk.folder.path + "/first";
  const auto found = [&] {
    return desk.run({"init", folder, "--trust-domain", "example.org", "--administrator", "alice",
                     "--administrator", "bob", "--policy", first});
  };
  ASSERT_TRUE(make_folder(first));
  EXPECT_EQ(found(), 4);  // it has none
  EXPECT_FALSE(std::filesystem::exists(folder));
  ASSERT_TRUE(write_file(first + "/more.cedar",
                         "@id(\"more\") forbid (principal is Writ::Agent, action, resource);"));
  EXPECT_EQ(found(), 0) << desk.terminal.notes;
}

TEST_F(Founding, ProvesTheInvariantsOfItsFirstPolicies) {
  const std::string folder = desk.folder.path + "/writ";
  const auto found_with = [&](const std::string& invariants) {
    const std::string path = desk.folder.path + "/first.invariants.cedar";
    EXPECT_TRUE(write_file(path, invariants, 0600));
    return desk.run({"init", folder, "--trust-domain", "example.org", "--administrator", "alice",
                     "--administrator", "bob", "--policy", path});
  };
  const std::string broken =
      "@invariant(\"nobody lists\") forbid (principal, action == Writ::Action::\"list\", "
      "resource);";
  const char* programs = std::getenv("PATH");
  const std::string path = programs == nullptr ? "" : programs;
  if (prove::find_solvers(path)) {
    EXPECT_EQ(found_with(broken), 5);
    EXPECT_NE(desk.terminal.notes.find("break the invariant \"nobody lists\""), std::string::npos);
    EXPECT_FALSE(std::filesystem::exists(folder));
    EXPECT_EQ(found_with("@invariant(\"nobody approves their own request\") forbid (principal, "
                         "action == Writ::Action::\"approve\", resource) when { context has "
                         "requester && principal in context.requester };"),
              0)
        << desk.terminal.notes;
  } else {
    EXPECT_EQ(found_with(broken), 0) << desk.terminal.notes;
    EXPECT_NE(desk.terminal.notes.find("not proved"), std::string::npos);
  }
}

}  // namespace
}  // namespace writ::cmd
