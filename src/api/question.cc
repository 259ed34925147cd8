#include "api/question.h"

#include <algorithm>

#include "core/application.h"

namespace writ::api {
namespace {

constexpr std::string_view kEntitlement = "entitlement", kIdentity = "identity";

// Members of a context that are about a door's connection, or the answer; the rest is asserted.
constexpr auto kOfConnection =
    std::to_array<std::string_view>({"credential", "source_ip", "grant", "door_seq", kNextChange});

const std::string* text_member(const Json& json, std::string_view name) {
  const Json* member = json.find(name);
  return member == nullptr ? nullptr : member->as_string();
}

void read_connection(const Json& context, core::Question& question) {
  const std::string* credential = text_member(context, "credential");
  if (credential != nullptr && question.subject_type.empty()) question.credential = *credential;
  if (const std::string* ip = text_member(context, "source_ip")) question.source_ip = *ip;
  if (const std::string* grant = text_member(context, "grant")) question.grant = *grant;
}

// What is asserted; core takes it only from a door, and of its own types.
void read_asserted(const Evaluation& e, core::Question& question) {
  Json asserted = Json::object();
  const auto add = [&](std::string_view name, const Json* properties) {
    if (properties != nullptr && !properties->as_object()->empty()) asserted.set(name, *properties);
  };
  add("subject", e.subject_properties);
  add("action", e.action_properties);
  add("resource", e.resource_properties);
  if (e.context != nullptr && question.resource_type != kEntitlement) {
    Json rest = Json::object();
    for (const auto& [name, value] : *e.context->as_object()) {
      if (std::find(kOfConnection.begin(), kOfConnection.end(), name) == kOfConnection.end()) {
        rest.set(name, value);
      }
    }
    if (!rest.as_object()->empty()) asserted.set("context", std::move(rest));
  }
  if (!asserted.as_object()->empty()) question.asserted = std::move(asserted);
}

// Fills in an empty question: it is too large to be handed from hand to hand.
Status fill(core::Question& question, const Evaluation& e, const Caller& caller,
            const core::State& state) {
  question.action = e.action;
  question.resource_type = e.resource_type;
  question.resource = e.resource_id;
  if (e.subject_type == kIdentity && e.subject_id.starts_with("spiffe://")) {
    auto id = core::identity_of_spiffe(state, e.subject_id);
    if (!id) return fail(Code::kInvalid, id.error().message, "/subject/id");
    question.subject = std::move(*id);
  } else {
    question.subject = e.subject_id;
    if (e.subject_type != kIdentity) question.subject_type = e.subject_type;
  }
  if (caller.kind != core::IdentityKind::kDoor) {
    if (question.subject == caller.actor.identity && question.subject_type.empty()) {
      question.credential = caller.actor.credential;
      question.source_ip = caller.actor.source_ip;
    }
    read_asserted(e, question);
    return {};
  }
  question.door = caller.actor.identity;
  if (question.resource_type != kEntitlement) {
    const std::string space = core::namespace_of_door(state, question.door);
    if (!space.empty()) question.resource_type = core::type_in(space, e.resource_type);
  }
  if (e.context != nullptr) read_connection(*e.context, question);
  read_asserted(e, question);
  return {};
}

bool is_json(std::string_view content_type) {
  constexpr std::string_view kJson = "application/json";
  if (content_type.size() < kJson.size()) return false;
  const bool same =
      std::equal(kJson.begin(), kJson.end(), content_type.begin(), [](char a, char b) {
        return a == (b >= 'A' && b <= 'Z' ? static_cast<char>(b - 'A' + 'a') : b);
      });
  const std::string_view rest = content_type.substr(kJson.size());
  return same && (rest.empty() || rest[0] == ';' || rest[0] == ' ' || rest[0] == '\t');
}

}  // namespace

Result<control::Asked> to_asked(const Evaluation& e, const Caller& caller,
                                const core::State& state) {
  const bool is_door = caller.kind == core::IdentityKind::kDoor;
  if (e.subject_type != kIdentity && (!is_door || e.resource_type == kEntitlement)) {
    return fail(Code::kInvalid, "subjects are of type \"identity\" here", "/subject/type");
  }
  Result<control::Asked> asked;
  CHECK_OK(fill(asked->question, e, caller, state));
  if (!is_door && asked->question.subject != caller.actor.identity) {
    return fail(Code::kDenied, "only doors ask about others; ask about yourself", "/subject/id");
  }
  if (!is_door) return asked;
  const Json* seq = e.context == nullptr ? nullptr : e.context->find("door_seq");
  // Applications need not count.
  if (seq == nullptr && e.resource_type != kEntitlement) return asked;
  if (seq == nullptr || seq->as_int() == nullptr || *seq->as_int() <= 0) {
    return fail(Code::kInvalid, "door_seq is a positive integer", "/context/door_seq");
  }
  asked->door_seq = *seq->as_int();
  return asked;
}

Result<core::Question> to_searched(const Evaluation& e, const Caller& caller,
                                   const core::State& state) {
  Result<core::Question> question;
  CHECK_OK(fill(*question, e, caller, state));
  return question;
}

core::Question may_search(const core::Search& search, const Caller& caller) {
  const core::Question& about = search.question;
  core::Question question;
  question.subject = caller.actor.identity;
  question.action = "search";
  question.credential = caller.actor.credential;
  question.source_ip = caller.actor.source_ip;
  question.resource_type = kIdentity;
  if (!about.subject_type.empty() || (!about.door.empty() && about.resource_type != kEntitlement)) {
    question.resource = caller.actor.identity;
  } else if (search.sought == core::Sought::kSubjects) {
    question.resource_type = about.resource_type;
    question.resource = about.resource;
  } else {
    question.resource = about.subject;
  }
  return question;
}

Result<Caller> begin_authzen(const Context& context, const net::Request& request,
                             const core::State& state) {
  TRY(caller, authenticate(context, request, state));
  if (!is_json(request.header("Content-Type"))) {
    return fail(Code::kInvalid, "the body must be said to be JSON: Content-Type: application/json",
                "Content-Type");
  }
  if (!net::is_request_id(request.header("X-Request-ID"))) {
    return fail(Code::kInvalid,
                "a request's id has at most 200 characters, all of them visible ASCII or spaces",
                "X-Request-ID");
  }
  return caller;
}

}  // namespace writ::api
