#include "cmd/config.h"

#include <gtest/gtest.h>

namespace writ::cmd {
namespace {

TEST(ServerConfig, ReadsEverything) {
  const auto config = parse_server_config(
      "data = \"data\"\nkek = \"/keys/kek\"\nlisten = \"0.0.0.0:9443\"\n"
      "names = [\"writ.example.org\", \"10.0.0.5\"]\nthreads = 4\nlog = \"warn\"\n",
      "/etc/writ/server.toml");
  ASSERT_TRUE(config) << config.error().text();
  EXPECT_EQ(config->data_folder, "/etc/writ/data");
  EXPECT_EQ(config->kek_file, "/keys/kek");
  EXPECT_EQ(config->listen.host, "0.0.0.0");
  EXPECT_EQ(config->listen.port, 9443);
  EXPECT_EQ(config->names.size(), 2U);
  EXPECT_EQ(config->threads, 4U);
  EXPECT_EQ(config->log, Level::kWarn);
}

struct Wrong {
  const char* text;
  const char* where;
  const char* message;
};

TEST(ServerConfig, NamesThePlaceOfWhatIsWrong) {
  const Wrong cases[] = {
      {"data = \"d\"\nkek = \"k\"\nlisen = \"h:1\"\n", "s.toml:3:1", "did you mean \"listen\"?"},
      {"dta = \"d\"\nkek = \"k\"\n", "s.toml:1:1", "did you mean \"data\"?"},
      {"kek = \"k\"\n", "s.toml", "\"data\" is missing"},
      {"data = 3\nkek = \"k\"\n", "s.toml:1:8", "a string is wanted"},
      {"data = \"d\"\nkek = \"k\"\nthreads = 0\n", "s.toml:3:11", "from 1 to 64"},
      {"data = \"d\"\nkek = \"k\"\nthreads = \"2\"\n", "s.toml:3:11", "from 1 to 64"},
      {"data = \"d\"\nkek = \"k\"\nnames = [\"a\", 2]\n", "s.toml:3:15", "a string is wanted"},
      {"data = \"d\"\nkek = \"k\"\nlog = \"loud\"\n", "s.toml:3:7", "debug, info, warn or error"},
      {"data = \"d\"\nkek = \"k\"\nlisten = \"nowhere\"\n", "s.toml:3:10", ""},
      {"data = \"d\"\nkek = \"k\"\n[more]\nx = 1\n", "s.toml:3:2", "there is no key \"more\""},
      {"data = \"d\"\ndata = \"e\"\n", "s.toml:2", ""},
      {"data = \n", "s.toml:1", ""},
  };
  for (const Wrong& wrong : cases) {
    const auto config = parse_server_config(wrong.text, "s.toml");
    ASSERT_FALSE(config) << wrong.text;
    EXPECT_EQ(config.error().code, Code::kInvalid) << wrong.text;
    EXPECT_TRUE(config.error().where.starts_with(wrong.where))
        << wrong.text << config.error().text();
    EXPECT_NE(config.error().message.find(wrong.message), std::string::npos)
        << config.error().text();
  }
}

TEST(DoorConfig, HasDefaultsAndLimits) {
  const auto config = parse_door_config("home = \"h\"\nstate = \"s\"\n", "d.toml");
  ASSERT_TRUE(config) << config.error().text();
  EXPECT_EQ(config->listen.port, 6432);
  EXPECT_EQ(config->connections, 5000U);
  EXPECT_FALSE(parse_door_config("home = \"h\"\nstate = \"s\"\nconnections = 0\n", "d.toml"));
  EXPECT_FALSE(parse_door_config("home = \"h\"\n", "d.toml"));
}

TEST(ServerConfig, AMissingFileIsNamed) {
  const auto config = read_server_config("/nonexistent/server.toml");
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().code, Code::kNotFound);
  EXPECT_EQ(config.error().where, "/nonexistent/server.toml");
}

}  // namespace
}  // namespace writ::cmd
