// What a door says and hears, as JSON (docs/door-protocol.md). What it sends is exactly this; what
// it hears may hold more, so that a newer server is understood.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_fields.h"
#include "base/secret.h"
#include "core/door_lines.h"

namespace writ::door::postgres {

using core::door_line::Checkpoints;
using core::door_line::OpenSession;
using core::door_line::Receipt;
using core::door_line::SessionEnded;
using core::door_line::SessionStarted;

// Why a session ended, as its report says it.
enum class End { kClient, kTarget, kCut, kExpired, kLostServer, kShutdown, kLostDoor };
constexpr auto enum_names(End) {
  return std::to_array<std::string_view>(
      {"client", "target", "cut", "expired", "lost_server", "shutdown", "lost_door"});
}

// The answer to an evaluation.
struct Decision {
  bool allowed = false;
  std::string decision_id;
  std::string message;             // when denied
  std::vector<std::string> needs;  // when denied
  std::string grant;               // the rest: when allowed
  std::string login;
  std::string database;
  Time until;
  std::optional<Time> now;  // the server's time
  Millis autonomy{0};
};
// kInvalid unless everything that an allow needs is there.
Result<Decision> parse_decision(std::string_view body);

// A system behind the door.
struct TargetAddress {
  std::string target;
  std::string host;
  std::uint16_t port = 0;
  std::string ca;  // PEM; empty: any certificate
  Secret key;      // from which the logins' secrets derive
};

struct Welcome {
  std::int64_t acked = 0;
  Checkpoints checkpoint;
  std::vector<Hash> journal_proof;
  std::vector<Hash> decisions_proof;
  std::vector<TargetAddress> targets;
};
Result<Welcome> parse_welcome(const Json& line);

// Ends every session that rests on one of these; at least one is named.
struct Cut {
  std::string command;
  std::vector<std::string> grants;
  std::vector<std::string> certificates;  // serials
  std::string reason;
};
Result<Cut> parse_cut(const Json& line);

}  // namespace writ::door::postgres
