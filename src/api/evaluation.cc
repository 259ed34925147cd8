// POST /access/v1/evaluation: AuthZEN 1.0, section 6 (Access Evaluation).
#include <array>
#include <map>
#include <mutex>

#include "api/context.h"
#include "base/json_text.h"

namespace writ::api {
namespace {

constexpr net::RouteLimits kMostBody{64 * 1024};

// Which decision numbers of a door were seen: all up to `base`, and a window of bits above. Numbers
// far below the highest count as seen.
class SeenNumbers {
 public:
  // Numbers below `next` count as seen. Only before the first `add`.
  void begin_at(std::int64_t next) {
    if (next <= 1) return;
    highest_ = next - 1;
    seen_.fill(true);
  }
  // False when the number was seen before.
  bool add(std::int64_t number) {
    if (number <= 0) return false;
    if (number > highest_) {
      const std::int64_t steps = std::min<std::int64_t>(number - highest_, kWindow);
      for (std::int64_t i = 0; i < steps; ++i) seen_[slot(number - i)] = false;
      highest_ = number;
    } else if (number <= highest_ - kWindow || seen_[slot(number)]) {
      return false;
    }
    seen_[slot(number)] = true;
    return true;
  }

 private:
  static constexpr std::int64_t kWindow = 4096;
  static std::size_t slot(std::int64_t number) {
    return static_cast<std::size_t>(number % kWindow);
  }
  std::int64_t highest_ = 0;
  std::array<bool, kWindow> seen_{};
};

// By door; shared by all I/O threads.
struct Seen {
  std::mutex mutex;
  std::map<std::string, SeenNumbers> doors;  // guarded by mutex
};

const std::string* text_member(const Json& json, std::string_view name) {
  const Json* member = json.find(name);
  return member == nullptr ? nullptr : member->as_string();
}

tl::unexpected<Error> missing(std::string pointer) {
  return fail(Code::kInvalid, "a non-empty string is wanted here", std::move(pointer));
}

struct Asked {
  core::Question question;
  std::optional<std::int64_t> door_seq;
};

// What a door says in `context` about the connection itself. The rest is asserted.
Status read_door_context(const Json& context, Asked& asked) {
  if (const std::string* serial = text_member(context, "credential")) {
    asked.question.credential = *serial;
  }
  if (const std::string* ip = text_member(context, "source_ip")) asked.question.source_ip = *ip;
  if (const std::string* grant = text_member(context, "grant")) asked.question.grant = *grant;
  const Json* seq = context.find("door_seq");
  if (seq == nullptr || seq->as_int() == nullptr || *seq->as_int() <= 0) {
    return fail(Code::kInvalid, "door_seq is a positive integer", "/context/door_seq");
  }
  asked.door_seq = *seq->as_int();
  return {};
}

// `context` without what read_door_context took.
Json asserted_context(const Json& context) {
  Json rest = Json::object();
  for (const auto& [name, value] : *context.as_object()) {
    if (name != "credential" && name != "source_ip" && name != "grant" && name != "door_seq") {
      rest.set(name, value);
    }
  }
  return rest;
}

Result<Asked> read_evaluation(const Json& body, const Caller& caller, const core::State& state) {
  if (body.as_object() == nullptr) return fail(Code::kInvalid, "an object is wanted here", "/");
  const std::array<std::string_view, 3> kParts{"subject", "action", "resource"};
  for (const std::string_view part : kParts) {
    const Json* member = body.find(part);
    if (member == nullptr || member->as_object() == nullptr) {
      return fail(Code::kInvalid, "an object is wanted here", "/" + std::string(part));
    }
  }
  const Json& subject = *body.find("subject");
  const Json& resource = *body.find("resource");
  const std::string* subject_type = text_member(subject, "type");
  const std::string* subject_id = text_member(subject, "id");
  const std::string* action = text_member(*body.find("action"), "name");
  const std::string* resource_type = text_member(resource, "type");
  const std::string* resource_id = text_member(resource, "id");
  if (subject_type == nullptr || subject_type->empty()) return missing("/subject/type");
  if (subject_id == nullptr || subject_id->empty()) return missing("/subject/id");
  if (action == nullptr || action->empty()) return missing("/action/name");
  if (resource_type == nullptr || resource_type->empty()) return missing("/resource/type");
  if (resource_id == nullptr || resource_id->empty()) return missing("/resource/id");
  const Json* context = body.find("context");
  if (context != nullptr && context->as_object() == nullptr) {
    return fail(Code::kInvalid, "an object is wanted here", "/context");
  }

  Asked asked;
  core::Question& question = asked.question;
  if (*subject_type != "identity") {
    return fail(Code::kInvalid, "subjects are of type \"identity\"", "/subject/type");
  }
  if (subject_id->starts_with("spiffe://")) {
    auto id = core::identity_of_spiffe(state, *subject_id);
    if (!id) return fail(Code::kInvalid, id.error().message, "/subject/id");
    question.subject = std::move(*id);
  } else {
    question.subject = *subject_id;
  }
  question.action = *action;
  question.resource_type = *resource_type;
  question.resource = *resource_id;
  if (caller.kind == core::IdentityKind::kDoor) {
    question.door = caller.actor.identity;
    static const Json kNothing = Json::object();
    CHECK_OK(read_door_context(context == nullptr ? kNothing : *context, asked));
    // What the door asserts about its own things; core takes it only for the door's own types.
    Json asserted = Json::object();
    for (const std::string_view part : kParts) {
      if (const Json* properties = body.find(part)->find("properties")) {
        asserted.set(part, *properties);
      }
    }
    if (question.resource_type != "entitlement") {
      if (Json rest = asserted_context(*context); !rest.as_object()->empty()) {
        asserted.set("context", std::move(rest));
      }
    }
    if (!asserted.as_object()->empty()) question.asserted = std::move(asserted);
  } else {
    question.credential = caller.actor.credential;
    question.source_ip = caller.actor.source_ip;
  }
  return asked;
}

// Written out directly: this runs once for every decision.
std::string answer_text(const control::Told& told) {
  const core::Decision& decision = told.decision;
  const std::string entry = std::to_string(told.entry);
  std::string out;
  out.reserve(512);
  out += decision.allow ? "{\"decision\":true" : "{\"decision\":false";
  out += ",\"context\":{\"entry\":" + entry + ",\"decision_id\":\"dec_" + entry + '"';
  const std::vector<std::string> reason = core::reason_of(decision);
  if (reason.empty()) out += ",\"reason\":[]";  // always there
  append_member(out, "reason", reason);
  append_member(out, "now", to_text(told.now));
  if (decision.allow) {
    append_member(out, "grant", decision.grant);
    append_member(out, "login", decision.login);
    append_member(out, "database", decision.database);
    if (decision.until) append_member(out, "until", to_text(*decision.until));
    if (!decision.grant.empty()) {
      out += ",\"autonomy_ms\":" + std::to_string(decision.autonomy.count());
    }
  } else {
    append_member(out, "needs", decision.needs);
    append_member(out, "message", decision.message);
  }
  out += "}}";
  return out;
}

// One reader of the state for each thread that serves, so that a request takes no lock for it.
class Readers {
 public:
  explicit Readers(const control::States& states) : states_(states) {
    for (auto& reader : readers_) reader.emplace(states);
  }
  std::shared_ptr<const core::State> get(unsigned thread) {
    return thread < readers_.size() ? readers_[thread]->get() : states_.get();
  }

 private:
  const control::States& states_;
  std::array<std::optional<control::States::Reader>, 64> readers_;
};

}  // namespace

void add_evaluation_routes(net::HttpServer& server, const Context& context) {
  auto seen = std::make_shared<Seen>();
  auto readers = std::make_shared<Readers>(context.plane.states());
  server.route(
      "POST", "/access/v1/evaluation",
      [&context, seen, readers](const net::Request& request, net::Responder responder) {
        const auto state = readers->get(request.thread_index);
        auto caller = authenticate(context, request, *state);
        if (!caller) return responder.send_error(caller.error());
        auto json = parse_json(request.body, {.bytes = kMostBody.body});
        if (!json) return responder.send_error(json.error());
        auto asked = read_evaluation(*json, *caller, *state);
        if (!asked) return responder.send_error(asked.error());
        if (caller->kind != core::IdentityKind::kDoor &&
            asked->question.subject != caller->actor.identity) {
          return responder.send_error(
              {Code::kDenied, "only doors ask about others; ask about yourself", "/subject/id"});
        }
        if (asked->door_seq) {
          std::lock_guard lock(seen->mutex);
          const auto [numbers, first] = seen->doors.try_emplace(caller->actor.identity);
          // What was seen before this server started, the door itself remembers.
          if (first) {
            numbers->second.begin_at(context.plane.doors().decision_floor(numbers->first));
          }
          if (!numbers->second.add(*asked->door_seq)) {
            return responder.send_error(
                {Code::kConflict, "this number was used before", "/context/door_seq"});
          }
        }
        auto shared = std::make_shared<net::Responder>(std::move(responder));
        context.plane.decisions().ask(request.thread_index, std::move(asked->question),
                                      asked->door_seq, [shared](const control::Told& told) {
                                        net::Response response;
                                        response.body = answer_text(told);
                                        shared->send(std::move(response));
                                      });
      },
      kMostBody);
}

}  // namespace writ::api
