// The SQL that an administrator (a superuser) runs once per cluster, and again to upgrade it or to
// change its lists.
//
// Invariant: the connector's role gets nothing but EXECUTE on a fixed set of SECURITY DEFINER
// functions; what they may hand out is bounded by the lists given here, which the connector cannot
// change.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace writ::target::postgres {

// Whether a login may SET ROLE to the group roles of an entitlement. PostgreSQL 15 cannot forbid
// it.
enum class SetRole { kNo, kYes };
constexpr auto enum_names(SetRole) {
  return std::to_array<std::string_view>({"no", "yes"});
}

// What the connector may hand out. Exactly one of `membership` and `privileges` has entries.
struct Entitlement {
  std::string name;                     // "pg-main/orders/reader", as in core::DesiredAccount
  std::string database;                 // must be one of Bootstrap::databases or the main one
  std::vector<std::string> membership;  // existing group roles
  // "SELECT, INSERT ON TABLE public.orders", "SELECT ON ALL TABLES IN SCHEMA public",
  // "USAGE ON SCHEMA public", "USAGE ON SEQUENCE public.s", "USAGE ON ALL SEQUENCES IN SCHEMA
  // public", "EXECUTE ON FUNCTION public.f(integer)", "EXECUTE ON ALL FUNCTIONS IN SCHEMA public",
  // "CONNECT ON DATABASE orders". One group role is made from them: "writ:" and the name.
  std::vector<std::string> privileges;
  SetRole set_role = SetRole::kNo;
};

struct Bootstrap {
  std::string connector = "writ_connector";
  // SCRAM verifier of the connector's password, "SCRAM-SHA-256$…"; empty leaves the password alone,
  // for an administrator who sets it with \password.
  std::string connector_verifier;
  std::string main_database = "postgres";
  std::vector<std::string> databases;  // the others; logins are let into these and the main one
  std::vector<Entitlement> entitlements;
  std::vector<std::string> protected_logins;  // whose password `disable_secret` never removes
  int max_days = 31;                          // furthest end of a login, 1 to 366
  std::vector<std::string> door_addresses;    // "10.0.0.7/32": from where logins may come
  std::vector<std::string> server_addresses;  // from where the connector comes, and tries logins
};

// One piece of SQL, to run in one database as a superuser, in one transaction.
struct BootstrapPart {
  std::string database;
  std::string sql;
};

// In the order in which they must run. kInvalid says which name or privilege is malformed.
Result<std::vector<BootstrapPart>> bootstrap_parts(const Bootstrap& options);

// The same as one script for psql, with \connect between the parts and the pg_hba.conf lines as a
// comment at the top.
Result<std::string> bootstrap_sql(const Bootstrap& options);

// The lines for pg_hba.conf, above those that are there: logins of Writ come over TLS from the
// doors (and from the server, which tries ended credentials) and from nowhere else.
std::string hba_lines(const Bootstrap& options);

}  // namespace writ::target::postgres
