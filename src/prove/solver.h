// Solvers: cvc5 or z3, another program that reads a question on its standard input and answers on
// its standard output. It is run without a shell, for a bounded time, and what it may answer is
// bounded; at the limit it is killed, with all that it started.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "base/result.h"
#include "prove/script.h"

namespace writ::prove {

struct Solver {
  std::string name;  // "cvc5" or "z3"
  std::string path;  // of the program
  Dialect dialect = Dialect::kCvc5;
};

// Those on this host, in the order in which they are asked. kUnavailable, and which packages there
// are, when there is none. Programs are looked for in `path`, a list as in $PATH.
Result<std::vector<Solver>> find_solvers(const std::string& path);
// The program at a place, as one that speaks like cvc5, or like z3 where its name says so.
Solver solver_at(const std::string& place);

struct SolverLimits {
  std::chrono::milliseconds time{10'000};
  std::size_t output = 16 << 20;              // bytes
  std::size_t memory = std::size_t{4} << 30;  // bytes of address space
};

struct SolverAnswer {
  enum class Kind : std::uint8_t { kSat, kUnsat, kUnknown };
  Kind kind = Kind::kUnknown;
  std::string values;  // of kSat: what was asked for, as written
  std::string why;     // of kUnknown
  bool late = false;   // of kUnknown: it reached the time limit
};

// kUnavailable when the program cannot be run.
Result<SolverAnswer> ask(const Solver& solver, const std::string& question,
                         const SolverLimits& limits);

}  // namespace writ::prove
