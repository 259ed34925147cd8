#include "target/postgres/bootstrap.h"

#include <algorithm>
#include <cstdint>
#include <set>

#include "base/bytes.h"
#include "crypto/hash.h"
#include "target/postgres/privilege.h"
#include "target/postgres/sql_text.h"

namespace writ::target::postgres {
namespace {

constexpr std::size_t kMostEntitlements = 10'000;

Status check_name(std::string_view what, const std::string& name, std::size_t most = 63) {
  const bool control =
      std::any_of(name.begin(), name.end(), [](unsigned char c) { return c < 32 || c == 127; });
  if (name.empty() || name.size() > most || control || !is_utf8(name)) {
    return fail(Code::kInvalid, std::string(what) + " is 1 to " + std::to_string(most) +
                                    " bytes of text without control characters; this is not: \"" +
                                    name + "\"");
  }
  return {};
}

// "10.0.0.7/32", "fd00::7/128", or a host name: what pg_hba.conf takes in its address column.
Status check_address(const std::string& address) {
  const bool fits = !address.empty() && address.size() <= 255 &&
                    address.find_first_not_of(
                        "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQR"
                        "STUVWXYZ.:/-") == std::string::npos;
  if (fits) return {};
  return fail(Code::kInvalid,
              "an address for pg_hba.conf is wanted, such as 10.0.0.7/32; not \"" + address + "\"");
}

std::string text_array(const std::vector<std::string>& items) {
  std::string out = "ARRAY[";
  for (const std::string& item : items) {
    out += (out.back() == '[' ? "" : ", ") + quote_literal(item);
  }
  return out + "]::text[]";
}

// "writ:" and the name; a name that does not fit in PostgreSQL's 63 bytes is cut and told apart by
// its hash. Roles of entitlements cannot be mistaken for logins, whose names have no colon.
std::string role_of(const Entitlement& e) {
  std::string role = "writ:" + e.name;
  if (role.size() <= 63) return role;
  std::string head = role.substr(0, 42);
  while (!is_utf8(head)) head.pop_back();
  return head + ":" + to_hex(as_bytes(crypto::sha256(e.name))).substr(0, 20);
}

std::string entitlement_rows(const Entitlement& e, const std::vector<Privilege>& privileges) {
  std::string sql =
      "INSERT INTO writ.entitlement (name, database, membership, privileges, role, set_role) "
      "VALUES "
      "(" +
      quote_literal(e.name) + ", " + quote_literal(e.database) + ", " + text_array(e.membership) +
      ", " + text_array(e.privileges) + ", " +
      (e.privileges.empty() ? std::string("NULL") : quote_literal(role_of(e))) + ", " +
      (e.set_role == SetRole::kYes ? "true" : "false") + ");\n";
  for (const Privilege& p : privileges) {
    sql +=
        "INSERT INTO writ.privilege (entitlement, verbs, kind, schema, object, arguments) VALUES "
        "(" +
        quote_literal(e.name) + ", " + text_array(p.verbs) + ", " + quote_literal(p.kind) + ", " +
        quote_literal(p.schema) + ", " + quote_literal(p.object) + ", " +
        quote_literal(p.arguments) + ");\n";
  }
  return sql;
}

Status check(const Bootstrap& options) {
  CHECK_OK(check_name("the connector's name", options.connector));
  for (const std::string_view reserved :
       {"postgres", "writ_owner", "writ_logins", "writ_quarantine"}) {
    if (options.connector == reserved || options.connector.starts_with("pg_")) {
      return fail(Code::kInvalid, "the connector cannot be named " + options.connector);
    }
  }
  if (!options.connector_verifier.empty() &&
      !options.connector_verifier.starts_with("SCRAM-SHA-256$")) {
    return fail(Code::kInvalid, "the connector's verifier must be of SCRAM-SHA-256");
  }
  CHECK_OK(check_name("the main database", options.main_database));
  std::set<std::string> databases{options.main_database};
  for (const std::string& name : options.databases) {
    CHECK_OK(check_name("a database", name));
    if (!databases.insert(name).second) {
      return fail(Code::kInvalid, "the database " + name + " is listed twice");
    }
  }
  if (options.max_days < 1 || options.max_days > 366) {
    return fail(Code::kInvalid,
                "a login lasts at most 1 to 366 days, not " + std::to_string(options.max_days));
  }
  if (options.entitlements.size() > kMostEntitlements) {
    return fail(Code::kExhausted, "at most 10000 entitlements fit into one cluster");
  }
  std::set<std::string> names;
  for (const Entitlement& e : options.entitlements) {
    CHECK_OK(check_name("an entitlement's name", e.name, 255));
    if (!names.insert(e.name).second) {
      return fail(Code::kInvalid, "the entitlement " + e.name + " is listed twice");
    }
    if (!databases.contains(e.database)) {
      return fail(Code::kInvalid,
                  "the entitlement " + e.name + " lies in " + e.database + ", which is not listed");
    }
    if (e.membership.empty() == e.privileges.empty()) {
      return fail(Code::kInvalid, "the entitlement " + e.name +
                                      " stands for group roles or for privileges: one of the two");
    }
    for (const std::string& role : e.membership) CHECK_OK(check_name("a group role", role));
  }
  for (const std::string& login : options.protected_logins) {
    CHECK_OK(check_name("a protected login", login));
  }
  for (const auto* addresses : {&options.door_addresses, &options.server_addresses}) {
    for (const std::string& address : *addresses) CHECK_OK(check_address(address));
  }
  return {};
}

constexpr std::string_view kBegin =
    "BEGIN;\nSET LOCAL search_path = pg_catalog, pg_temp;\nSET LOCAL client_min_messages = "
    "warning;\n"
    "SET LOCAL standard_conforming_strings = on;\n";

}  // namespace

std::string quote_literal(std::string_view text) {
  std::string out = "'";
  for (const char c : text) out.append(c == '\'' ? 2 : 1, c);
  return out + "'";
}

std::string quote_identifier(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) out.append(c == '"' ? 2 : 1, c);
  return out + "\"";
}

Result<std::vector<BootstrapPart>> bootstrap_parts(const Bootstrap& options) {
  CHECK_OK(check(options));
  std::vector<std::string> databases{options.main_database};
  databases.insert(databases.end(), options.databases.begin(), options.databases.end());

  std::vector<BootstrapPart> parts;
  for (const std::string& database : databases) {
    const bool main = database == options.main_database;
    std::string sql(kBegin);
    if (main) {
      sql += "SET LOCAL writ.connector = " + quote_literal(options.connector) + ";\n";
      sql += "SET LOCAL writ.verifier = " + quote_literal(options.connector_verifier) + ";\n";
      sql += roles_sql();
    }
    sql += "SET LOCAL ROLE writ_owner;\n";
    sql += database_sql();
    if (main) sql += main_sql();
    sql += "DELETE FROM writ.setting;\nINSERT INTO writ.setting VALUES ('connector', " +
           quote_literal(options.connector) + "), ('max_days', '" +
           std::to_string(options.max_days) + "');\n";
    sql += "DELETE FROM writ.privilege;\nDELETE FROM writ.entitlement;\n";
    for (const Entitlement& e : options.entitlements) {
      // The main database knows all of them, since logins are made there.
      if (!main && e.database != database) continue;
      std::vector<Privilege> privileges;
      for (const std::string& text : e.privileges) {
        auto privilege = parse_privilege(text, e.database);
        if (!privilege) {
          return fail(Code::kInvalid, "entitlement " + e.name + ": " + privilege.error().message);
        }
        if (e.database == database) privileges.push_back(std::move(*privilege));
      }
      sql += entitlement_rows(e, privileges);
    }
    if (main) {
      sql += "DELETE FROM writ.protected;\n";
      for (const std::string& login : options.protected_logins) {
        sql += "INSERT INTO writ.protected VALUES (" + quote_literal(login) +
               ") ON CONFLICT DO NOTHING;\n";
      }
      sql += entitlement_roles_sql();
    }
    sql += entitlement_grants_sql();
    sql += permissions_sql();
    sql += "COMMIT;\n";
    parts.push_back({database, std::move(sql)});
  }
  parts.push_back({options.main_database, std::string(kBegin) + "SET LOCAL ROLE writ_owner;\n" +
                                              std::string(leftovers_sql()) + "COMMIT;\n"});
  return parts;
}

std::string hba_lines(const Bootstrap& options) {
  std::string databases = quote_identifier(options.main_database);
  for (const std::string& database : options.databases) {
    databases += "," + quote_identifier(database);
  }
  std::string lines;
  for (const std::string& address : options.server_addresses) {
    lines += "hostssl " + databases + " " + quote_identifier(options.connector) + " " + address +
             " scram-sha-256\n";
  }
  for (const auto* addresses : {&options.door_addresses, &options.server_addresses}) {
    for (const std::string& address : *addresses) {
      lines += "hostssl " + databases + " +writ_logins " + address + " scram-sha-256\n";
    }
  }
  lines += "host all +writ_logins all reject\nlocal all +writ_logins reject\n";
  return lines;
}

Result<std::string> bootstrap_sql(const Bootstrap& options) {
  TRY(parts, bootstrap_parts(options));
  std::string script =
      "-- Prepares this cluster for Writ. Run it with psql as a superuser; run it again to upgrade "
      "or\n"
      "-- to change its lists. Then put these lines above the others in pg_hba.conf, and reload:\n"
      "--\n";
  const std::string lines = hba_lines(options);
  for (std::size_t at = 0; at < lines.size();) {
    const std::size_t end = lines.find('\n', at);
    script += "--   " + lines.substr(at, end - at) + "\n";
    at = end + 1;
  }
  script += "\\set ON_ERROR_STOP on\n\\set QUIET on\n";
  for (const BootstrapPart& part : parts) {
    script += "\\connect -reuse-previous=on " + quote_identifier(part.database) + "\n" + part.sql;
  }
  return script;
}

}  // namespace writ::target::postgres
