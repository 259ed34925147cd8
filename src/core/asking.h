// Asking: one decision in the making. Internal to the room; decide.h is its face.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cedar/text.h"
#include "core/call.h"
#include "core/decide.h"
#include "core/grants.h"
#include "core/reader.h"

namespace writ::core {

// What policies said.
struct Answer {
  bool permitted = false;
  bool forbidden = false;                                        // a forbid matched, or failed
  boost::container::small_vector<std::string_view, 4> policies;  // ids of those that decided
  std::vector<std::string> errors;
};

// What a door asserts about its own application. Actions have no attributes in Cedar: what is said
// of the action is a member of the context.
struct Asserted {
  cedar::Value subject = cedar::Value::record();
  cedar::Value resource = cedar::Value::record();
  std::vector<cedar::Field> context;
};
// kInvalid for what the schema does not let the door assert, or not of this type, and for anything
// about a subject of Writ's (whose `subject_type` is empty). Null where no schema is.
Result<Asserted> read_asserted(const Json& asserted, const ApplicationSchema* applications,
                               std::string_view subject_type, const cedar::EntityUid& action,
                               std::string_view resource_type);

// Where a door's message has what it asserts of "subject", "resource", "action" or "context": a
// JSON pointer.
std::string asserted_at(std::string_view name);

// What the question itself says.
inline Facts facts_of(const Question& q, Time now) {
  Facts facts;
  facts.now = now;
  if (q.subject_type.empty()) facts.factor_of = q.actors.empty() ? q.subject : q.actors.front();
  facts.source_ip = q.source_ip;
  facts.actors = &q.actors;
  facts.approvals = q.approvals;
  facts.duration = q.duration;
  facts.requester = q.requester;
  facts.beneficiary = q.beneficiary;
  return facts;
}

// How long a grant lives that a connect opens without asking.
inline Millis baseline_duration(Tier tier) {
  return std::min(kBaselineGrant, limits_of(tier).max_ttl);
}

// How long a grant is asked for where nobody says it.
inline Millis usual_duration(Tier tier) {
  return std::min<Millis>(std::chrono::hours(1), limits_of(tier).max_ttl);
}

class Asking {
 public:
  // All must outlive it. `decision` is as it was made; decide() fills it in.
  Asking(const State& state, const Question& question, Time now, Decision& decision);
  Asking(const Asking&) = delete;
  Asking& operator=(const Asking&) = delete;

  // What the question names lies in memory as if at random. All of it is asked for before any is
  // read, so that a decision waits for a few loads and not for their sum, and so do several. Each
  // step reads what the one before it began to load, in this order, each once:
  void begin();         // hashes, and which nodes they are in
  void read();          // at any time: takes from the question what needs none of this
  void load_tags();     // what the nodes hold
  void load_shards();   // instead of load_tags, for a question that is alone: and where it stands
  void load_slots();    // where it stands
  void load_entries();  // what stands there; of the pair, the grant
  void find();          // what that points to

  void decide();

 private:
  // What a connect goes through is inlined: of so little each, calls are a tenth of a decision.

  // f(map, place) of each in which something is looked up.
  void each_place(auto&& f);
  [[gnu::always_inline]] std::optional<std::string> bad_credential();
  std::string why_bad_credential() const;
  // Which of Writ's own it is.
  void name_action();
  // Why the constitution denies, whatever policy says.
  [[gnu::always_inline]] std::optional<std::string> unconstitutional();

  Answer ask(const Slice& slice, const cedar::EntityUid& action, const cedar::EntityUid& resource,
             const Facts& facts) const;
  // Whether the guardrails let this connect pass; and if not, which do not.
  [[gnu::always_inline]] bool unguarded(const Facts& facts) const;
  Answer guard(const Facts& facts) const;
  // Whether `passes` would hold right after a one-time code.
  bool fresh_factor_helps(const Facts& facts, auto&& passes) const;

  [[gnu::always_inline]] void connect();
  // When the grant that lasts longest does not answer it.
  void connect_otherwise();
  bool is_wanted(const Grant& grant) const;
  // Whether the policy that gave it gives it still.
  [[gnu::always_inline]] bool is_given(const Grant& grant) const;
  [[gnu::always_inline]] bool is_at_its_door() const;
  // Why the door that asks may not.
  std::optional<std::string> bad_door() const;
  // Whether a permit that needs no asking, or what forbids it, decides.
  bool baseline(auto&& passes);
  [[gnu::always_inline]] void admit(const Grant& grant);
  void nothing_gives();
  void by_policy(const Slice& slice, const cedar::EntityUid& action,
                 const cedar::EntityUid& resource);
  void application();

  void deny(std::string message);
  void forbidden(Answer answer, bool factor_helps);
  void take(Answer answer);

  const State& state_;
  const Question& question_;
  Decision& decision_;
  Time now_;
  StateReader reader_;
  std::string_view wanted_;  // the only grant on which a connect may go; empty: any
  Facts facts_;
  cedar::detail::IpBox address_;        // facts_ point here
  std::vector<cedar::Field> asserted_;  // context of an application
  const Action* action_ = nullptr;      // Writ's own
  const bool decides_;                  // the State may be asked
  const bool entitlement_;              // the resource is said to be one
  CowMap<std::string, Subject>::Place subject_place_;
  CowMap<std::string, Certificate>::Place certificate_place_;
  CowMap<std::string, EntitlementEntry>::Place entry_place_;
  GrantIndex::Place held_place_;
  std::uint64_t pair_ = 0;  // pair_hash of subject and entitlement
  const Subject* subject_ = nullptr;
  const Certificate* certificate_ = nullptr;
  const EntitlementEntry* entry_ = nullptr;   // the resource, when it is a known entitlement
  const GrantIndex::Held* held_ = nullptr;    // what the index has under the pair
  const cedar::Entity* principal_ = nullptr;  // the subject as of now, once known to be active
};

}  // namespace writ::core
