// Proofs on the command line: by which means, and how what they find is said.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cmd/args.h"
#include "cmd/table.h"
#include "prove/analysis.h"

namespace writ::cmd {

// The solvers of this host, and all the time that --time-limit says, from now on.
Result<prove::Means> proof_means(const Args& args);
Option time_limit_option();
// kInvalid when --time-limit is no duration.
Status check_time_limit(const Args& args);

// Everything that Writ lets happen with one of two policy sets only.
Result<prove::Diff> prove_differences(const std::vector<core::PolicyFile>& before,
                                      const std::vector<core::PolicyFile>& after, const Args& args);
std::string show(const prove::Diff& diff, const TableStyle& style);

std::string indented(std::string_view text);
// `first` stands before the first line.
std::string indented(const std::vector<std::string>& lines, std::string_view first);

}  // namespace writ::cmd
