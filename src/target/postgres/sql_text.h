// The SQL text that the bootstrap is made of.
#pragma once

#include <string>
#include <string_view>

namespace writ::target::postgres {

// Checks, and the cluster's roles. Runs first, in the main database.
std::string_view roles_sql();
// Schema, tables and functions of every database.
std::string_view database_sql();
// Tables and functions of the main database alone; after `database_sql`.
std::string_view main_sql();
// Brings the group roles of entitlements to what the tables say.
std::string_view entitlement_roles_sql();   // main database: creates and checks them
std::string_view entitlement_grants_sql();  // their database: what they may do
// Lets the connector, and nobody else, execute the functions for it.
std::string_view permissions_sql();
// Main database, after all others: drops group roles of entitlements that are no longer listed.
std::string_view leftovers_sql();

// 'text' as a literal, "text" as an identifier. The text has no NUL (checked by the caller).
std::string quote_literal(std::string_view text);
std::string quote_identifier(std::string_view text);

}  // namespace writ::target::postgres
