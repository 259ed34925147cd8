// Changes: commands that need two persons. The first proposes; a second who could have proposed the
// same approves, and it runs again against the state of that moment.
#include <algorithm>

#include "core/verbs.h"

namespace writ::core {
namespace {

// Members of a body that name an identity, or an owner.
bool names_identity(std::string_view member) {
  return member == "identity" || member == "owner" || member == "reassign_to";
}

// The id in place of a name, where it is one.
std::string with_id(const Call& call, const std::string& named) {
  constexpr std::string_view kIdentity = "identity:";
  const bool says_identity = named.starts_with(kIdentity);
  if (!says_identity && call.state.groups.contains(named)) return named;
  const std::string name = says_identity ? named.substr(kIdentity.size()) : named;
  const Identity* identity = find_identity(call.state, call.sealer(), name);
  if (identity == nullptr) return named;
  return (says_identity ? std::string(kIdentity) : std::string()) + identity->id;
}

Json with_ids(const Call& call, const Json& json) {
  Json out = json;
  if (JsonObject* members = out.as_object()) {
    for (JsonMember& member : *members) {
      const std::string* text = member.second.as_string();
      member.second = text != nullptr && names_identity(member.first)
                          ? Json(with_id(call, *text))
                          : with_ids(call, member.second);
    }
  } else if (JsonArray* items = out.as_array()) {
    for (Json& item : *items) item = with_ids(call, item);
  }
  return out;
}

bool adds_person(std::string_view verb, const Json& body) {
  if (verb != "add_identity") return false;
  const Json* kind = body.find("kind");
  return kind == nullptr || kind->as_string() == nullptr || *kind->as_string() == "user" ||
         *kind->as_string() == "third_party";
}

// The body as the journal keeps it: what a person typed is sealed.
Result<Json> at_rest(const Call& call, std::string_view verb, Json body) {
  const auto seal = [&](std::string_view member, const std::string& subject) -> Status {
    const Json* words = body.find(member);
    if (words == nullptr || words->as_string() == nullptr) return {};
    TRY(sealed, call.outside.sealer.seal(subject, *words->as_string()));
    body.set(member, to_json(sealed));
    return {};
  };
  if (adds_person(verb, body)) CHECK_OK(seal("name", fresh_identity(call)));
  const Json* about = body.find("identity");
  const Identity* identity = about == nullptr || about->as_string() == nullptr
                                 ? nullptr
                                 : call.state.identities.find(*about->as_string());
  const bool person = identity != nullptr && is_person(identity->kind);
  CHECK_OK(seal("reason", person ? identity->id : call.actor.identity));
  return body;
}

// The same, opened again; what was erased stays sealed.
Json opened(const Call& call, const Json& body) {
  Json out = body;
  for (const std::string_view member : {"name", "reason"}) {
    const Json* words = body.find(member);
    if (words == nullptr || words->as_object() == nullptr) continue;
    const auto sealed = from_json<Sealed>(*words);
    const auto text = sealed ? call.sealer().open(*sealed) : fail(sealed);
    if (text) out.set(member, *text);
  }
  return out;
}

Actor proposer_of(const Change& change) {
  Actor actor;
  actor.identity = change.proposer;
  return actor;
}

}  // namespace

Result<Outcome> propose(const Call& call, std::string_view verb, const Json& sent,
                        std::optional<Kept> kept) {
  const Json body = with_ids(call, kept ? kept->body : sent);
  std::size_t pending = 0;
  const Change* equal = nullptr;
  call.state.changes.for_each([&](const std::string&, const Change& change) {
    if (change.proposer != call.actor.identity) return;
    ++pending;
    if (change.verb == verb && canonical(opened(call, change.body)) == canonical(body) &&
        change.until > call.now()) {
      equal = &change;
    }
  });
  const auto result_of = [](const Change& change, bool reused) {
    return Json::object({{"change", change.id},
                         {"state", "pending"},
                         {"verb", change.verb},
                         {"until", to_json(change.until)},
                         {"reused", reused}});
  };
  if (equal != nullptr) return Outcome{{}, result_of(*equal, true), {}};
  if (pending >= kMostPending) {
    return fail(Code::kExhausted,
                "you have " + std::to_string(pending) +
                    " pending changes, and no more are taken; withdraw one first");
  }
  Change change;
  do {
    change.id = new_id("chg", call.outside.random);
  } while (call.state.changes.contains(change.id));
  change.proposer = call.actor.identity;
  change.verb = verb;
  TRY(resting, at_rest(call, verb, body));
  change.body = std::move(resting);
  change.opened = call.now();
  change.until = call.now() + kChangePending;
  Outcome outcome{{}, result_of(change, false), {}};
  if (kept) outcome.events = std::move(kept->events);
  outcome.events.push_back(ChangeProposed{std::move(change)});
  return outcome;
}

Result<Outcome> decide_change(const Call& call, const Change& change, const Approval& approval) {
  if (!approval.approved) {
    return Outcome{{ChangeClosed{change.id, "denied", approval}},
                   Json::object({{"id", change.id}, {"state", "denied"}}),
                   {}};
  }
  // The second person is as able as the first, judged with all that is known of this call.
  CHECK_OK(allowed(call, "approve", "system", "writ", change.proposer));
  CHECK_OK(may_administer(call, change.verb));
  const Handler handler = handler_of(change.verb);
  if (handler == nullptr) return fail(Code::kInternal, "a change of an unknown verb is pending");
  const Actor proposer = proposer_of(change);
  TRY(carried, handler(Call{call.state, proposer, call.outside, Source::kChange}, change.body));
  Outcome outcome = std::move(carried.outcome);
  outcome.events.insert(outcome.events.begin(), ChangeClosed{change.id, "approved", approval});
  outcome.result = Json::object({{"id", change.id},
                                 {"state", "approved"},
                                 {"verb", change.verb},
                                 {"result", outcome.result}});
  return outcome;
}

}  // namespace writ::core
