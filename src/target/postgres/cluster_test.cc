#include "target/postgres/testing/cluster.h"

#include <gtest/gtest.h>

#include <filesystem>

namespace writ::testing {
namespace {

class ClusterTest : public ::testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(Versions, ClusterTest, ::testing::ValuesIn(kPostgresVersions));

TEST_P(ClusterTest, AnswersSurvivesAKillAndLeavesNothing) {
  auto started = PostgresCluster::start({.version = GetParam()});
  if (!started && started.error().code == Code::kNotFound) GTEST_SKIP() << started.error().text();
  ASSERT_TRUE(started) << started.error().text();
  auto cluster = std::move(*started);
  const auto version = cluster->query("postgres", "SHOW server_version_num");
  ASSERT_TRUE(version) << version.error().text();
  EXPECT_EQ(std::stoi(version->at(0).at(0)) / 10000, GetParam());
  ASSERT_TRUE(cluster->query("postgres", "CREATE TABLE t AS SELECT 7 AS x"));
  ASSERT_TRUE(cluster->kill());
  EXPECT_FALSE(cluster->query("postgres", "SELECT 1"));
  const Status again = cluster->restart();
  ASSERT_TRUE(again) << again.error().text();
  EXPECT_EQ(cluster->query("postgres", "SELECT x FROM t").value().at(0).at(0), "7");
  const std::string folder = cluster->socket_folder();
  cluster.reset();
  EXPECT_FALSE(std::filesystem::exists(folder));
}

}  // namespace
}  // namespace writ::testing
