#include "core/call.h"

#include <algorithm>

#include "core/grants.h"
#include "core/login.h"
#include "core/names.h"

namespace writ::core {

std::string_view principal_of(const Actor& actor) {
  return actor.chain.empty() ? std::string_view(actor.identity) : actor.chain.back();
}

std::vector<std::string> links_of(const Actor& actor) {
  if (actor.chain.empty()) return {};
  std::vector<std::string> links{actor.identity};
  links.insert(links.end(), actor.chain.begin(), actor.chain.end() - 1);
  return links;
}

Status as_status(const Decision& decision, std::string_view what) {
  if (decision.allow) return {};
  const bool factor =
      std::find(decision.needs.begin(), decision.needs.end(), "mfa") != decision.needs.end();
  std::string message = decision.message;
  if (message.empty()) message = "policy does not let you " + std::string(what);
  return fail(Code::kDenied, std::move(message), factor ? std::string(kNeedsSecondFactor) : "");
}

Status allowed(const Call& call, std::string_view action, std::string_view type,
               std::string_view resource, std::string_view requester) {
  Question question;
  question.subject = principal_of(call.actor);
  question.action = action;
  question.resource_type = type;
  question.resource = resource;
  question.credential = call.actor.credential;
  question.source_ip = call.actor.source_ip;
  question.actors = links_of(call.actor);
  question.requester = requester;
  return as_status(decide(call.state, question, call.now()), action);
}

Result<std::string> words_of(const Call& call, const Json& words, std::string_view pointer) {
  if (call.source == Source::kChange && words.as_object() != nullptr) {
    TRY(sealed, from_json<Sealed>(words, std::string(pointer)));
    auto text = call.sealer().open(sealed);
    if (!text) return fail(Code::kConflict, "these words were erased", std::string(pointer));
    return text;
  }
  if (words.as_string() == nullptr) {
    return fail(Code::kInvalid,
                "a string is wanted here, and this is " + std::string(words.type_name()),
                std::string(pointer));
  }
  return *words.as_string();
}

Status check_words(const Call& call, const Json& words, std::string_view pointer) {
  TRY(text, words_of(call, words, pointer));
  return check_text(text, pointer);
}

Result<Sealed> sealed_words(const Call& call, const Json& words, std::string_view pointer,
                            std::string_view about) {
  if (call.source == Source::kChange && words.as_object() != nullptr) {
    return from_json<Sealed>(words, std::string(pointer));
  }
  TRY(text, words_of(call, words, pointer));
  const Identity* identity = call.state.identities.find(about);
  const bool person = identity != nullptr && is_person(identity->kind);
  return call.outside.sealer.seal(person ? identity->id : call.actor.identity, trimmed(text));
}

std::string fresh_identity(const Call& call) {
  std::string id;
  do {
    id = new_id("idn", call.outside.random);
  } while (call.state.identities.contains(id));
  return id;
}

Status may_administer(const Call& call, std::string_view verb) {
  return allowed(call, verb, "system", "writ");
}

std::optional<Millis> factor_age(const Call& call) {
  const SecondFactor* factor = call.state.second_factors.find(call.actor.identity);
  if (factor == nullptr || !factor->fresh || call.actor.device.empty() ||
      factor->fresh_device != call.actor.device) {
    return std::nullopt;
  }
  return std::max(Millis(0), call.now() - *factor->fresh);
}

Status check_factor(const Call& call, Millis most) {
  const Identity* identity = call.state.identities.find(call.actor.identity);
  if (identity == nullptr || !is_person(identity->kind)) {
    return fail(Code::kDenied, "this needs a person's second factor, and you are a machine");
  }
  const std::optional<Millis> age = factor_age(call);
  if (age && *age <= most) return {};
  return fail(Code::kDenied, "this needs a one-time code from the last " + to_text(most),
              std::string(kNeedsSecondFactor));
}

bool answers_for(const Call& call, std::string_view identity, std::string_view other) {
  if (identity == other) return true;
  const auto persons = persons_behind(call.state, other, call.now());
  return std::find(persons.begin(), persons.end(), identity) != persons.end();
}

std::vector<std::string> persons_of_owner(const State& state, std::string_view owner, Time now) {
  constexpr std::string_view kGroup = "group:", kIdentity = "identity:";
  std::vector<std::string> persons;
  if (owner.starts_with(kIdentity)) {
    return persons_behind(state, owner.substr(kIdentity.size()), now);
  }
  if (!owner.starts_with(kGroup)) return persons;
  owner.remove_prefix(kGroup.size());
  const std::vector<std::string>* members = state.members.find(owner);
  if (members == nullptr) return persons;
  for (const std::string& id : *members) {
    const Identity* identity = state.identities.find(id);
    if (identity != nullptr && is_person(identity->kind) && is_member(state, id, owner, now)) {
      persons.push_back(id);
    }
  }
  return persons;
}

bool different_persons(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  return std::none_of(a.begin(), a.end(), [&](const std::string& person) {
    return std::find(b.begin(), b.end(), person) != b.end();
  });
}

void revoke_all(const Call& call, std::string_view beneficiary, EndReason reason,
                std::vector<EventData>& events) {
  for (const Grant* grant : grants_of(call.state, beneficiary)) {
    if (grant->state == GrantState::kRevoking) continue;
    events.push_back(GrantRevoking{grant->id, reason, call.actor.identity, std::nullopt});
  }
}

Grant new_grant(const Call& call, const Identity& beneficiary, const Entitlement& entitlement,
                Cause cause, std::string_view policy, Millis duration) {
  Grant grant;
  const std::vector<const Grant*> others = grants_of(call.state, beneficiary.id);
  const auto taken = [&](const std::string& id) {
    return call.state.grants.contains(id) ||
           std::any_of(others.begin(), others.end(), [&](const Grant* other) {
             return login_suffix(other->id) == login_suffix(id);
           });
  };
  do {
    grant.id = new_id("grt", call.outside.random);
  } while (taken(grant.id));
  grant.beneficiary = beneficiary.id;
  grant.entitlement = entitlement.name;
  grant.cause = cause;
  grant.policy = policy;
  grant.duration = std::min(duration, limits_of(tier_of(call.state, entitlement)).max_ttl);
  grant.state = GrantState::kActivating;
  grant.created = call.now();
  return grant;
}

Result<State> candidate_of(const Call& call, const std::vector<EventData>& events) {
  State candidate = call.state;
  for (const EventData& data : events) {
    const Event event{candidate.next_seq,
                      call.now(),
                      candidate.genesis.trust_domain,
                      {call.actor.identity},
                      data};
    CHECK_OK(fold(candidate, event, call.sealer()));
  }
  return candidate;
}

}  // namespace writ::core
