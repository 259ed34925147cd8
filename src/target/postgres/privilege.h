// The text of one privilege, "SELECT ON TABLE public.orders", taken apart.
//
//   privilege = verbs "ON" object
//   verbs     = verb { "," verb }
//   object    = "TABLE" name | "SEQUENCE" name | "SCHEMA" ident | "DATABASE" ident
//             | "FUNCTION" name "(" types ")"
//             | "ALL" ( "TABLES" | "SEQUENCES" | "FUNCTIONS" ) "IN" "SCHEMA" ident
//   name      = ident "." ident
//   ident     = a-z or _, then a-z 0-9 _ $ (folded to lower case), or "any text" in double quotes
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace writ::target::postgres {

struct Privilege {
  std::vector<std::string> verbs;  // "SELECT"
  std::string kind;       // "table", "all tables", "schema", "function", …, as in writ.privilege
  std::string schema;     // of tables, sequences and functions
  std::string object;     // name; empty for "all …"
  std::string arguments;  // types of a function, "integer, text"
};

// kInvalid says what is wrong. `database` is where the entitlement lies: the only database on which
// it can have privileges.
Result<Privilege> parse_privilege(std::string_view text, std::string_view database);

}  // namespace writ::target::postgres
