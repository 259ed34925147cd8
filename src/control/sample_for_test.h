// What tests of the plane give access to: pg-main with the database orders and its reader, and the
// machine "job".
#pragma once

#include <string>
#include <vector>

#include "base/bytes.h"
#include "control/vault.h"
#include "core/event.h"

namespace writ::control {

inline Result<std::vector<core::EventData>> sample_events(Vault& vault, Time now) {
  TRY(password, vault.seal("target:pg-main", "password-of-the-connector"));
  TRY(key, vault.seal("target:pg-main", to_base64(std::string(32, 'k'))));
  core::TargetSystem target{"pg-main",        "postgres", "127.0.0.1", 5432,       "disable", "",
                            "writ_connector", password,   key,         {"orders"}, ""};
  core::Resource root{"pg-main", "", "pg-main", core::Tier::kHigh, "", "group:administrators",
                      "",        {}};
  core::Resource orders{"pg-main/orders",       "pg-main", "pg-main", core::Tier::kHigh, "",
                        "group:administrators", "",        {}};
  core::Entitlement reader{
      "pg-main/orders/reader", "pg-main/orders", "reader", "orders", {"orders_reader"}, {}, ""};
  core::Identity job;
  job.id = "idn_job";
  job.kind = core::IdentityKind::kServiceAccount;
  job.name = "job";
  job.name_digest = vault.digest("job");
  job.owner = "group:administrators";
  job.since = now;
  return std::vector<core::EventData>{core::TargetAdded{target}, core::ResourceAdded{root},
                                      core::ResourceAdded{orders}, core::EntitlementAdded{reader},
                                      core::IdentityAdded{job}};
}

}  // namespace writ::control
