// Partly: whether a policy applies to a connect of which it is not known from where it comes and
// what it shows: its address, certificate, device and second factor. All else is known.
// Internal to the room.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/reader.h"

namespace writ::core {

// The parts of context that only a connection shows.
constexpr std::uint32_t kOfConnection = part::kMethod | part::kStrength | part::kAttestation |
                                        part::kMfaAge | part::kCredential | part::kDevice |
                                        part::kSourceIp;
// Which of them these are, as policies write them: "context.source_ip".
std::vector<std::string> names_of_connection(std::uint32_t reads);

enum class Applies : std::uint8_t {
  kNever,
  kSometimes,  // it depends on the connection
  kAlways,     // a forbid that fails does, as it denies
};
// `request` is one for which none of these parts counts.
Applies applies(const cedar::Policy& policy, const cedar::Request& request,
                const StateReader& reader);

}  // namespace writ::core
