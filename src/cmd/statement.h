// What an approver sees: everything in the statement that gets signed, in readable form. Whatever
// this does not know by name is shown as it stands; nothing in a statement stays hidden.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/json.h"
#include "cmd/table.h"

namespace writ::cmd {

// What the statement itself cannot say in words: opened texts and names, as the server tells them.
struct Told {
  std::map<std::string, std::string> names;     // identity id → name
  std::map<std::string, std::string> policies;  // file name → text in force
  // Of a change of policy: the files that it would put in force, name and text, in their order. Who
  // fills this in has made sure that their hash is the one in the statement.
  std::vector<std::pair<std::string, std::string>> files;
  std::map<std::string, std::string> words;  // sealed box → what a person typed
  std::string purpose;                       // of the request
};

std::string show_statement(const Json& statement, const Told& told, const TableStyle& style);

// A unified diff with three lines of context; empty when nothing differs. Bounded: texts that
// differ in too many places are shown as one whole removal and addition.
std::string unified_diff(std::string_view before, std::string_view after, std::string_view name);

}  // namespace writ::cmd
