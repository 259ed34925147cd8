// State: what is true now, as a fold over the journal. A State is a value; copies share structure.
//
// Invariants: only `fold` changes a State; same events, same State; what has ended is not in it, so
// that neither memory nor decisions pay for the past. Published snapshots are `shared_ptr<const
// State>` and are read from any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "core/cow_map.h"
#include "core/domain.h"
#include "core/ends.h"
#include "core/event.h"

namespace writ::core {

class Policies;     // core/policy.h
class EntityIndex;  // core/entities.h: Cedar's view of the state, kept by fold
class GrantIndex;  // core/grants.h: live grants by (beneficiary, entitlement) and end, kept by fold

// A text as far as it is recorded.
struct PolicyText {
  std::int64_t parts = 0;  // that it has
  std::vector<std::shared_ptr<const std::string>> have;

  bool is_whole() const { return parts > 0 && static_cast<std::int64_t>(have.size()) == parts; }
};

struct State {
  State();
  State(const State& other);
  State(State&& other) noexcept;
  State& operator=(const State& other);
  State& operator=(State&& other) noexcept;
  ~State();

  std::uint64_t next_seq = 0;  // of the event that comes next; 0 before genesis
  Time time{};                 // of the last event: `now` never precedes it
  Genesis genesis;

  CowMap<std::string, Identity> identities;       // by id; offboarded ones stay
  CowMap<std::string, std::string> identity_ids;  // by name digest; never erased: tombstones
  CowMap<std::string, Group> groups;              // by name
  // Lists in here are sorted, so that equal facts make equal States.
  CowMap<std::string, std::vector<Membership>> memberships;       // by identity
  CowMap<std::string, std::vector<std::string>> members;          // group -> identity ids
  CowMap<std::string, Enrollment> enrollments;                    // by code_hash; open ones
  CowMap<std::string, Device> devices;                            // by id
  CowMap<std::string, std::vector<std::string>> devices_of;       // identity -> device ids
  CowMap<std::string, SecondFactor> second_factors;               // by identity
  CowMap<std::string, Certificate> certificates;                  // by serial; not yet expired
  CowMap<std::string, std::vector<std::string>> certificates_of;  // device -> serials
  CowMap<std::string, TargetSystem> targets;                      // by name
  CowMap<std::string, Resource> resources;                        // by name
  CowMap<std::string, Entitlement> entitlements;                  // by name
  CowMap<std::string, bool> removed;                              // names that never come back
  CowMap<std::string, Door> doors;                                // by identity
  CowMap<std::string, std::int64_t> door_seqs;                    // last evidence seq of each door
  CowMap<std::string, Change> changes;                            // by id; pending
  CowMap<std::string, Request> requests;                          // by id; pending
  CowMap<std::string, Grant> grants;                              // by id; live
  CowMap<std::string, Session> sessions;                          // by id; open
  CowMap<std::string, std::vector<std::string>> sessions_of;      // grant -> session ids
  CowMap<std::string, std::int64_t> sessions_at;                  // door -> how many are open
  CowMap<std::string, std::vector<Holding>> holdings;             // by target
  CowMap<std::string, Finding> findings;                          // by id; open
  CowMap<std::string, std::string> finding_ids;                   // kind + "\n" + about -> id

  // Identities and devices: when each was last used, to the day. See core/dormant.h.
  CowMap<std::string, Time> last_uses;

  std::int64_t policy_version = 0;
  std::string policy_hash;  // PolicyApplied::hash of that version
  // By hash: what the version in force or a pending change of policy names.
  CowMap<std::string, PolicyText> policy_texts;
  std::shared_ptr<const Policies> policies;  // in force; never null after genesis
  std::shared_ptr<const EntityIndex> entities;
  std::shared_ptr<const GrantIndex> grant_index;
  // What ends by an event when its time has come, but for grants, of which grant_index knows:
  // "request req_…", "change chg_…", "device dev_…",
  // "membership idn_… GROUP", "certificate SERIAL", "enrollment CODE_HASH",
  // "dormant idn_… or dev_…": when it is looked at next.
  Ends ends;
};

// Applies one event. kCorrupt when the event cannot follow this state (a gap in seq, time running
// back, an unknown id): the journal is then not what it claims to be. `sealer` opens names that
// policies may read; an erased one is left out. After an error the state is as it was.
Status fold(State& state, const Event& event, const Sealer& sealer);

// The whole State as bytes and back, for starting without reading the journal from genesis.
std::string encode_snapshot(const State& state);
Result<State> decode_snapshot(std::string_view bytes, const Sealer& sealer);

// ---- Questions that many places ask ----

// By name or by id; null when unknown. Names go through the sealer's digest.
const Identity* find_identity(const State& state, const Sealer& sealer,
                              std::string_view name_or_id);
// The name for people to read: the machine's name, the person's opened name, or "(erased)".
std::string display_name(const State& state, const Sealer& sealer, std::string_view identity_id);
// spiffe://TRUST-DOMAIN/KIND/ID, and the identity id back from it (kInvalid for another trust
// domain).
std::string spiffe_id(const State& state, const Identity& identity);
Result<std::string> identity_of_spiffe(const State& state, std::string_view spiffe);
// True while a membership holds at `now`.
bool is_member(const State& state, std::string_view identity, std::string_view group, Time now);
// The persons answerable for an identity: itself if a person, else its owner's persons. Used for
// "different persons" rules.
std::vector<std::string> persons_behind(const State& state, std::string_view identity, Time now);
// True when the certificate that opened a session, or the device that the certificate was issued
// to, was taken away. A certificate that merely ran out ends no session: its grant does. What Writ
// knows neither the certificate nor the device of is not told apart from that.
bool has_lost_credential(const State& state, const Session& session);
// When a device is enrolled no more: Time::min() when it is not, Time::max() for "", no device.
Time enrolled_until(const State& state, std::string_view device);
// Certificate::good_until, as the State is now.
Time good_until(const State& state, const Certificate& certificate);
// The tier of an entitlement: its resource's.
Tier tier_of(const State& state, const Entitlement& entitlement);

}  // namespace writ::core
