// A solver is somebody else's program: whatever it does, the answer is bounded.
#include "prove/solver.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <thread>

#include "base/file.h"

namespace writ::prove {
namespace {

using ::testing::HasSubstr;

// Programs that take a solver's place.
struct SolverProcess : testing::Test {
  SolverProcess() {
    std::string pattern = std::filesystem::temp_directory_path() / "writ-solver-XXXXXX";
    folder = mkdtemp(pattern.data());
  }
  ~SolverProcess() override { std::filesystem::remove_all(folder); }

  SolverAnswer answer(const std::string& script, const SolverLimits& limits = {}) {
    const std::string path = folder + "/cvc5";
    EXPECT_TRUE(write_file(path, "#!/bin/sh\n" + script + "\n", 0700));
    const auto said = ask(solver_at(path), "(check-sat)\n", limits);
    EXPECT_TRUE(said);
    return said ? *said : SolverAnswer{};
  }

  std::string folder;
};

TEST_F(SolverProcess, IsHeardToItsEnd) {
  const SolverAnswer said = answer("cat >/dev/null; echo sat; echo '((a true))'");
  EXPECT_EQ(said.kind, SolverAnswer::Kind::kSat);
  EXPECT_EQ(said.values, "((a true))\n");
}

TEST_F(SolverProcess, EndsAtTheTimeLimit) {
  const SolverAnswer said = answer("exec sleep 1000", {.time = std::chrono::milliseconds(50)});
  EXPECT_EQ(said.kind, SolverAnswer::Kind::kUnknown);
  EXPECT_THAT(said.why, HasSubstr("time limit"));
}

TEST_F(SolverProcess, SaysNoMoreThanItMay) {
  const SolverAnswer said = answer("exec yes", {.output = 1000});
  EXPECT_EQ(said.kind, SolverAnswer::Kind::kUnknown);
  EXPECT_THAT(said.why, HasSubstr("longer than 1000 bytes"));
}

// Not a zombie, which nobody may have waited for.
bool runs(const std::string& pid) {
  const auto stat = read_file("/proc/" + pid + "/stat");
  return stat && stat->find(") Z ") == std::string::npos;
}

TEST_F(SolverProcess, EndsWithAllThatItStarted) {
  const std::string file = folder + "/pid";
  const SolverAnswer said =
      answer("sleep 1000 & echo $! >" + file + "; exec yes", {.output = 1000});
  EXPECT_EQ(said.kind, SolverAnswer::Kind::kUnknown);
  const auto written = read_file(file);
  ASSERT_TRUE(written);
  const std::string pid = written->substr(0, written->find('\n'));
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (runs(pid) && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::yield();
  }
  EXPECT_FALSE(runs(pid));
}

TEST_F(SolverProcess, ThatNobodyWaitsForComputesNoLongerThanItMay) {
  EXPECT_THAT(answer("cat >/dev/null; ulimit -t", {.time = std::chrono::milliseconds(58'500)}).why,
              HasSubstr("said: 60"));
}

TEST_F(SolverProcess, HasAMemoryLimit) {
  EXPECT_THAT(answer("cat >/dev/null; ulimit -v", {.memory = 1 << 30}).why, HasSubstr("1048576"));
}

TEST_F(SolverProcess, ThatDoesNotReadOrAnswerKnowsNothing) {
  EXPECT_EQ(answer("exit 1").kind, SolverAnswer::Kind::kUnknown);
}

TEST_F(SolverProcess, InheritsNoEnvironment) {
  EXPECT_THAT(answer("cat >/dev/null; echo \"home is '$HOME'\"").why, HasSubstr("home is ''"));
}

}  // namespace
}  // namespace writ::prove
