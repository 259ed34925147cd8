// Text for terminals: how wide it is, made harmless, wrapped. What a server or another person wrote
// may hold anything; nothing of it may move the cursor or hide what an approver must see.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace writ::cmd {

// Columns that `text` takes in a terminal. Wide characters take two, combining ones none.
std::size_t width_of(std::string_view text);

// The same text with control characters, invisible characters and changes of the writing direction
// written as \u{…}, and broken UTF-8 as \x… . One line: newlines and tabs become \n and \t.
std::string printable(std::string_view text);
// The same, but newlines stay.
std::string printable_lines(std::string_view text);

// Breaks at spaces into lines of at most `width` columns; a longer word keeps a line of its own.
std::vector<std::string> wrap(std::string_view text, std::size_t width);

// "2026-11-21 09:30:00" (UTC, without the fraction).
std::string short_time(Time time);

// The candidates' nearest to `word` when it is near enough to be meant; else empty.
std::string nearest(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace writ::cmd
