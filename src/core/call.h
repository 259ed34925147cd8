// One command on its way through this room: who sends it, over which state, and what the handlers
// of all verbs ask first. Internal to the room.
//
// Invariant: a handler that widens access has passed `allowed` before it looks any name up, so that
// an error tells the sender no more than it may know.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/command.h"
#include "core/decide.h"

namespace writ::core {

// Where a body comes from. What a person typed stands in it as text from its sender, and sealed in
// a change that waited: it rests nowhere in clear.
enum class Source { kSender, kChange };

struct Call {
  const State& state;
  const Actor& actor;
  const Outside& outside;
  Source source = Source::kSender;

  Time now() const { return outside.now; }
  const Sealer& sealer() const { return outside.sealer; }
};

// How many persons must stand behind what a handler yields.
enum class Persons { kOne, kTwo };
// What a change keeps in place of the body that was sent, for a body that is too large for one
// event: what stands for it, and the events that record the rest.
struct Kept {
  Json body;
  std::vector<EventData> events;
};
struct Carried {
  Outcome outcome;
  Persons persons = Persons::kOne;
  std::optional<Kept> kept{};
};
using Handler = Result<Carried> (*)(const Call&, const Json& body);

// Bounds that hold for everyone.
constexpr std::size_t kMostPending = 20;       // requests, and changes, of one identity
constexpr std::size_t kMostLiveGrants = 1000;  // of one beneficiary
constexpr std::size_t kMostText = 500;         // bytes of a purpose or a reason
constexpr std::size_t kMostEvent = 65'000;     // bytes of an event's data
constexpr Millis kRequestPending = std::chrono::hours(1);
constexpr Millis kChangePending = std::chrono::hours(24);
constexpr Millis kApprovalFactor = std::chrono::minutes(15);  // age of an approver's second factor
constexpr Millis kEnrollmentOpen = std::chrono::minutes(15);
constexpr Millis kBaselineGrant = std::chrono::minutes(10);

// Whom the sender speaks for, and through whom.
std::string_view principal_of(const Actor& actor);
std::vector<std::string> links_of(const Actor& actor);

// The decision on an action by the sender itself; kDenied with what decided, and with `where`
// kNeedsSecondFactor when a fresh code would turn it. `requester`: of an approval, who proposed
// what is approved.
Status allowed(const Call& call, std::string_view action, std::string_view type,
               std::string_view resource, std::string_view requester = {});
Status as_status(const Decision& decision, std::string_view what);
// What a person typed: a reason, a name. kInvalid for what is no text, or not fit to be shown.
Result<std::string> words_of(const Call& call, const Json& words, std::string_view pointer);
Status check_words(const Call& call, const Json& words, std::string_view pointer);
// The same, sealed for an event: under the key of the person that it is about, else the sender's.
Result<Sealed> sealed_words(const Call& call, const Json& words, std::string_view pointer,
                            std::string_view about);

// An id that no identity has.
std::string fresh_identity(const Call& call);

// Administrative verbs act on Writ itself.
Status may_administer(const Call& call, std::string_view verb);

// The age of the second factor that the sender showed from the device it uses now.
std::optional<Millis> factor_age(const Call& call);
// kDenied, with `where` kNeedsSecondFactor, unless the factor is at most `most` old.
Status check_factor(const Call& call, Millis most);

// True when the identity answers for the other: it is that identity, or a person behind it.
bool answers_for(const Call& call, std::string_view identity, std::string_view other);
// The persons behind "identity:idn_…" or "group:NAME".
std::vector<std::string> persons_of_owner(const State& state, std::string_view owner, Time now);
// True when no person stands behind both.
bool different_persons(const std::vector<std::string>& a, const std::vector<std::string>& b);

// Grants that are not on their way out yet go there.
void revoke_all(const Call& call, std::string_view beneficiary, EndReason reason,
                std::vector<EventData>& events);

// A device goes, and its certificates with it. `note` is why, in the words of whoever removes it.
void end_device(const Call& call, const std::string& device, std::optional<Sealed> note,
                std::vector<EventData>& events);

// One fresh grant, as yet without its account.
Grant new_grant(const Call& call, const Identity& beneficiary, const Entitlement& entitlement,
                Cause cause, std::string_view policy, Millis duration);

// Folds events onto a copy, as if they had been committed now.
Result<State> candidate_of(const Call& call, const std::vector<EventData>& events);
// How many active persons may both propose and approve policies; counts to two.
int administrators_of(const State& state, Time now, const Sealer& sealer);
// Whether a second person must stand behind these events, whatever command they come from: they
// change who may administer Writ, or what somebody may do there, or they make somebody one who may
// approve access.
bool needs_second_person(const Call& call, const std::vector<EventData>& events);
// kConflict when the events would leave fewer administrators than must stay.
Status check_administration(const Call& call, const std::vector<EventData>& events);
Status keeps_administration(const State& was, const State& is, Time now, const Sealer& sealer);

}  // namespace writ::core
