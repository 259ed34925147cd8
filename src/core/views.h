// What `writ list …` shows: rows for people and programs, from a snapshot. Each view shows only
// what the asker may know; the caller has decided that the asker may list at all.
#pragma once

#include <string_view>

#include "core/command.h"
#include "core/state.h"

namespace writ::core {

// `kind`: entitlements (what the asker may ask for, with terms), grants, requests, changes,
// sessions, holdings, identities, groups, findings, targets, doors, policies,
// devices. Rows are flat JSON
// objects with the same members in every row, in the order in which a table shows them. kInvalid
// for another kind, naming these. Scope: `own` rows concern the asker or what it owns; `all` needs
// the caller's decision.
enum class Scope { kOwn, kAll };
Result<JsonArray> view(const State& state, const Sealer& sealer, std::string_view kind,
                       std::string_view asker, Scope scope, Time now);

// Who am I: identity, groups with ends, device, certificate end, freshness of the second factor.
Json whoami(const State& state, const Sealer& sealer, const Actor& actor, Time now);

// One event as a line for people: "2026-11-21 09:30:00  alice asked for pg-main/orders/reader …".
std::string narrate(const State& state, const Sealer& sealer, const Event& event);

}  // namespace writ::core
