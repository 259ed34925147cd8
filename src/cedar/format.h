// The formatter: one layout for policies, with every comment kept.
// Invariant: what it writes has the same tokens and comments as what it read, but for commas before
// a closing bracket, and formatting it again changes nothing.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace writ::cedar {

struct FormatOptions {
  std::size_t line_width = 80;
  std::uint32_t indent_width = 2;
};

// `text` must parse as policies and templates.
Result<std::string> format(std::string_view text, std::string_view file = {},
                           const FormatOptions& options = {});

}  // namespace writ::cedar
