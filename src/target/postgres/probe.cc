// Trying a credential. The question is about these credentials alone, so an answer counts only when
// the server gave it after looking at them.
#include "target/postgres/postgres_target.h"

namespace writ::target::postgres {

Result<core::Probe> PostgresTarget::probe(const std::string& login, const std::string& database,
                                          const Secret& secret) {
  Refusal refusal;
  const auto connection = Connection::open(
      options_.endpoint, {.user = login, .database = database, .password = &secret, .settings = {}},
      options_.timeout, &refusal);
  if (connection) return core::Probe::kAccepted;
  const std::string& state = refusal.sqlstate;
  if (state == "28P01")
    return core::Probe::kRefused;  // wrong or no password, or its end has passed
  const bool after_authentication = refusal.routine == "InitializeSessionUserId";
  if (state == "28000" && after_authentication) return core::Probe::kRefused;  // may not log in
  if (state == "53300" && after_authentication)
    return core::Probe::kAccepted;  // limit of this role
  if (state == "3D000" || state == "42501")
    return core::Probe::kAccepted;  // refused later than that
  if (state == "28000") {
    // pg_hba.conf let this login in only as a member of writ_logins. When the role is gone, no line
    // speaks of it any more, and none of its credentials can be good.
    TRY(accounts, observe({login}));
    if (accounts.empty()) return core::Probe::kRefused;
    return fail(Code::kUnavailable,
                "pg_hba.conf does not let this server try " + login +
                    "; add its address as the bootstrap says: " + refusal.message);
  }
  return fail(Code::kUnavailable, connection.error().message);
}

}  // namespace writ::target::postgres
