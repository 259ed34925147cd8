// The story of a thing as the server tells it: entries of both logs, in order.
#pragma once

#include <string>
#include <vector>

#include "cmd/client.h"

namespace writ::cmd {

// One entry, with the members that commands look at.
struct Happened {
  std::string log;  // "journal" or "decisions"
  std::int64_t index = 0;
  Time time;
  std::string line;          // for people
  std::string kind;          // of the event; empty for a decision
  std::string grant;         // that it names; empty for none
  std::string outcome;       // of a closed request or change
  std::size_t sessions = 0;  // of a door's receipt
};

// From "entries" or "story_tail"; entries that are not as documented are left out.
std::vector<Happened> happened_in(const Json& entries);

Result<std::vector<Happened>> read_story(Client& client, const std::string& id);

}  // namespace writ::cmd
