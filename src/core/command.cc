#include "core/command.h"

#include <algorithm>

#include "core/call.h"
#include "core/verbs.h"

namespace writ::core {
namespace {

struct Entry {
  Verb verb;
  Handler handler;
};

const std::vector<Entry>& entries() {
  static const std::vector<Entry> kEntries = {
      {{"request_access", "ask for an entitlement", false}, request_access},
      {{"approve", "decide on a pending request or change, signed", false}, approve},
      {{"withdraw", "take back a pending request or change of your own", false}, withdraw},
      {{"revoke", "end a grant now", false}, revoke},
      {{"open_baseline", "open a short grant that policy gives without asking", false},
       open_baseline},
      {{"add_identity", "add a person or a machine", false}, add_identity},
      {{"set_identity_state", "quarantine an identity, lift that, or offboard it", false},
       set_identity_state},
      {{"erase_subject", "erase an offboarded person's name and words", false}, erase_subject},
      {{"add_group", "add a group (two persons if it administers)", false}, add_group},
      {{"add_member", "put an identity in a group until a time (two persons if it administers)",
        false},
       add_member},
      {{"remove_member", "take an identity out of a group (two persons if it administers)", false},
       remove_member},
      {{"open_enrollment", "get a one-time code with which an identity enrols a device", false},
       open_enrollment},
      {{"confirm_device", "vouch that a person's first device is theirs", false}, confirm_device},
      {{"remove_device", "end an enrolled device and its certificates", false}, remove_device},
      {{"revoke_certificate", "end a certificate", false}, revoke_certificate},
      {{"add_target", "add a target with its resources and entitlements", true}, add_target},
      {{"add_resource", "add a resource of a target", true}, add_resource},
      {{"add_entitlement", "add an entitlement on a resource", true}, add_entitlement},
      {{"add_door", "put a door in front of targets", true}, add_door},
      {{"remove_target", "remove a target that nobody holds anything in", true}, remove_target},
      {{"remove_resource", "remove a resource in which nothing lies", true}, remove_resource},
      {{"remove_entitlement", "remove an entitlement that nobody holds", true}, remove_entitlement},
      {{"remove_door", "take a door away", true}, remove_door},
      {{"apply_policy", "replace the policies in force", true}, apply_policy},
      {{"remedy", "carry out what a finding proposes", false}, remedy},
  };
  return kEntries;
}

// What changes who may change policy.
bool touches_administration(const EventData& data) {
  return std::holds_alternative<PolicyApplied>(data) ||
         std::holds_alternative<MembershipAdded>(data) ||
         std::holds_alternative<MembershipEnded>(data) ||
         std::holds_alternative<IdentityStateChanged>(data) ||
         std::holds_alternative<OwnerChanged>(data) || std::holds_alternative<SubjectErased>(data);
}

std::size_t size_of(const EventData& data) {
  return std::visit([](const auto& event) { return canonical(to_json(event)).size(); }, data);
}

}  // namespace

const std::vector<Verb>& verbs() {
  static const std::vector<Verb> kVerbs = [] {
    std::vector<Verb> list;
    for (const Entry& entry : entries()) list.push_back(entry.verb);
    return list;
  }();
  return kVerbs;
}

Handler handler_of(std::string_view verb) {
  for (const Entry& entry : entries()) {
    if (entry.verb.name == verb) return entry.handler;
  }
  return nullptr;
}

std::string enrollment_code_hash(std::string_view typed,
                                 std::string (*sha256_hex)(std::string_view)) {
  std::string code;
  for (char c : typed.substr(0, 100)) {
    if (c == '-' || c == ' ') continue;
    code.push_back(c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c);
  }
  return sha256_hex("writ enrollment code 1\n" + code);
}

Result<Outcome> run_command(const State& state, const Actor& actor, std::string_view verb,
                            const Json& body, const Outside& outside) {
  const Handler handler = handler_of(verb);
  if (handler == nullptr) {
    return fail(Code::kInvalid, "there is no command \"" + std::string(verb.substr(0, 64)) + "\"");
  }
  if (outside.now < state.time) {
    return fail(Code::kUnavailable, "the clock stands before the last event; nothing is decided");
  }
  for (std::size_t i = 0; i <= actor.chain.size(); ++i) {
    const std::string& link = i == 0 ? actor.identity : actor.chain[i - 1];
    const Identity* identity = state.identities.find(link);
    if (identity == nullptr || identity->state != IdentityState::kActive) {
      return fail(Code::kDenied, "this identity is not active");
    }
  }
  const Call call{state, actor, outside};
  TRY(carried, handler(call, body));
  Outcome outcome = std::move(carried.outcome);
  if (std::any_of(outcome.events.begin(), outcome.events.end(), touches_administration)) {
    CHECK_OK(check_administration(call, outcome.events));
  }
  const bool second_person = carried.persons == Persons::kTwo ||
                             (verb != "approve" && needs_second_person(call, outcome.events));
  if (second_person && !state.genesis.solo) {
    if (!actor.chain.empty()) {
      return fail(Code::kDenied, "a person proposes changes, and nobody on behalf of one");
    }
    TRY(proposed, propose(call, verb, body, std::move(carried.kept)));
    outcome = std::move(proposed);
  }
  for (const EventData& data : outcome.events) {
    if (size_of(data) > kMostEvent) {
      return fail(Code::kExhausted, "this is too large for one event of the journal, which holds " +
                                        std::to_string(kMostEvent) + " bytes");
    }
  }
  return outcome;
}

}  // namespace writ::core
