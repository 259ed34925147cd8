// Source: the text of a policy file, and where in it something stands.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace writ::cedar {

struct Position {
  std::string file;
  std::uint32_t line = 1;    // from 1
  std::uint32_t column = 1;  // from 1, in characters
  // "file:line:column"; "line:column" where the file has no name.
  std::string text() const;
};

class Source {
 public:
  Source(std::string_view name, std::string_view text);
  const std::string& name() const { return name_; }
  const std::string& text() const { return text_; }
  Position position(std::uint32_t offset) const;
  // The message, then the line and a caret under the place.
  Error error(std::uint32_t offset, std::string_view message) const;

 private:
  std::string_view line_at(std::uint32_t offset) const;
  std::uint32_t line_number(std::uint32_t offset) const;
  std::string name_;
  std::string text_;
  std::vector<std::uint32_t> starts_;  // of lines
};

}  // namespace writ::cedar
