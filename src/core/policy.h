// Policies: a checked, compiled set of Cedar policy files, and what Writ reads from them: offers.
//
// Only a permit whose action scope is exactly `== Writ::Action::"request"` is an offer. Terms are
// annotations: @id (required, unique), @max_ttl, @step_up("mfa:15m"), @approval("none" |
// "N of Writ::Group::\"dba\"" | "N of owner"), @applies_to_break_glass (on forbids),
// @description. An unknown annotation is an error. A missing term means the strict default: the
// tier's ceiling, one approval by the resource's owner.
//
// The conditions of an offer hold while the grant lives, with what was known when it was given; so
// they may read of the context only `now`, `approvals`, `duration`, and method, strength,
// attestation and mfa_age of `auth`. Conditions on the rest (the address) stand in guardrails.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cedar/authorize.h"
#include "core/application_schema.h"
#include "core/cow_map.h"
#include "core/domain.h"
#include "core/policy_scope.h"
#include "core/policy_text.h"
#include "core/writ_schema.h"

namespace writ::cedar {
class EntityIndex;
}

namespace writ::core {

class Policies;

// Parses and checks what a decision must be able to rely on; whether the policies keep to their
// schema, policy_check.h says. Errors name file:line:column, show the line and a caret. `hash` is
// the policy_hash of the files, where it is known.
Result<std::shared_ptr<const Policies>> compile_policies(const std::vector<PolicyFile>& files,
                                                         std::string hash = {});

// The policies that `writ init` starts from: administration by the administrators' group, reading
// one's own things by everyone.
std::string default_policies();

// "45m within tier high: at most 1h"; one line, for people.
std::string describe(const Terms& terms);
// Why what is asked for cannot last as long as it asks: terms give `most`. For people.
std::string too_long(Millis duration, Millis most);

// ---- Actions ----

// Every action that Writ asks about: the control actions, the administrative verbs, and planning a
// change of policy.
struct Action {
  std::string name;
  bool administers = false;  // then it is in Writ::Action::"administer"; agents never may
  cedar::Entity entity;      // Writ::Action::"name"
};
const std::vector<Action>& actions();
const Action* action_named(std::string_view name);  // null when there is none

// ---- What decisions use ----

// Which parts of `context` policies read. A decision makes only these.
namespace part {
constexpr std::uint32_t kNow = 1, kAuth = 2, kMethod = 4, kStrength = 8, kAttestation = 16,
                        kMfaAge = 32, kCredential = 64, kDevice = 128, kSourceIp = 256,
                        kActorChain = 512, kGrant = 1024, kApprovals = 2048, kDuration = 4096,
                        kWhole = 0x7fffffff;
}

// Policies that are evaluated together; if `action` is named, then for requests of this action
// only, and the scope of each covers it.
struct Slice {
  Slice() : Slice(std::vector<const cedar::Policy*>()) {}
  explicit Slice(const std::vector<const cedar::Policy*>& which, std::string_view action = {});
  cedar::CompiledPolicies policies;
  std::vector<PolicyScope> scopes;  // of each policy
  std::uint32_t reads = 0;          // parts of context
};

// A policy that gives grants: an offer, or a permit of connecting without asking.
struct Giver {
  SharedText id;
  cedar::CompiledPolicies among;  // the slice in which it stands: requests or baselines
  std::uint32_t place;            // there
  PolicyScope scope;
  std::uint32_t reads = 0;  // parts of context
  bool offer = false;
  std::optional<Millis> max_ttl;  // terms as written; empty: the default
  std::optional<Millis> step_up;
  int approvals = 1;
  std::string approvers = "owner";  // or "group:NAME"; empty when approvals is 0
  const cedar::Policy& policy() const { return among.policy(place); }
  // The policy by itself. Made when it is first asked for, from whichever thread: decisions do
  // without.
  const Slice& alone() const;

  struct Alone;
  std::shared_ptr<Alone> made_alone{};
};

class Policies {
 public:
  std::string hash;  // of the list of files that they come from; empty when not known
  std::vector<Giver> givers;
  Slice guardrails;  // forbids that may cover `connect`
  Slice baselines;   // permits that may cover `connect`
  Slice requests;    // offers, and forbids that may cover `request`
  Slice others;      // all but offers
  // cow_hash of the id -> place in givers
  struct IsHash {
    using is_avalanching = void;
    std::size_t operator()(std::uint64_t id_hash) const { return id_hash; }
  };
  boost::unordered_flat_map<std::uint64_t, std::uint32_t, IsHash> giver_places;
  cedar::Entities entities;  // of applications
  // All entities of applications that the files speak of, sorted: what a search tries.
  std::vector<cedar::EntityUid> known;
  std::shared_ptr<const cedar::EntityIndex> known_index;  // of these, in this order
  std::optional<ApplicationSchema> applications;
  // What policies may speak of.
  const cedar::Schema& schema() const {
    return applications ? applications->schema : writ_schema();
  }
  const Giver* giver(std::string_view id) const { return giver(id, cow_hash(id)); }
  const Giver* giver(std::string_view id, std::uint64_t id_hash) const;
};

}  // namespace writ::core
