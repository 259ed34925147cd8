// POST /v1/commands: every change that somebody asks for.
#include <algorithm>
#include <chrono>

#include "api/context.h"
#include "base/log.h"
#include "core/policy.h"
#include "core/policy_ahead.h"
#include "crypto/seal.h"
#include "prove/analysis.h"

namespace writ::api {
namespace {

constexpr std::size_t kMostCommandId = 64;

struct CommandBody {
  std::string command_id;
  std::string verb;
  Json body;
};
template <class V>
void fields(V& v, CommandBody& c) {
  v("command_id", c.command_id);
  v("verb", c.verb);
  v("body", c.body);
}

// Secrets arrive in clear over TLS and are sealed before anything else sees them: the connector's
// password, and the key from which a target's login secrets derive.
Status seal_secrets(const Context& context, Json& body) {
  Json* target = nullptr;
  if (JsonObject* object = body.as_object()) {
    for (JsonMember& member : *object) {
      if (member.first == "target") target = &member.second;
    }
  }
  JsonObject* members = target == nullptr ? nullptr : target->as_object();
  if (members == nullptr) return {};
  const Json* name = target->find("name");
  const std::string subject =
      "target:" + (name != nullptr && name->as_string() != nullptr ? *name->as_string() : "");
  const Json* password = target->find("password");
  if (password == nullptr || password->as_string() == nullptr) {
    return fail(Code::kInvalid, "the connector's password is missing", "/body/target/password");
  }
  TRY(sealed, context.plane.vault().seal(subject, *password->as_string()));
  std::erase_if(*members, [](const JsonMember& m) { return m.first == "password"; });
  std::string key = to_base64(crypto::new_data_key(context.plane.random()).reveal());
  auto sealed_key = context.plane.vault().seal(subject, key);
  zero(key.data(), key.size());
  if (!sealed_key) return fail(std::move(sealed_key));
  target->set("connector_secret", to_json(sealed));
  target->set("key", to_json(*sealed_key));
  target->set("door", "");
  return {};
}

core::Question question_of(const core::Actor& actor, const std::string& verb) {
  core::Question question;
  question.subject = actor.identity;
  question.action = verb;
  question.resource_type = "system";
  question.resource = "writ";
  question.credential = actor.credential;
  question.source_ip = actor.source_ip;
  return question;
}

std::string text_member(const Json& json, std::string_view name) {
  const Json* member = json.find(name);
  return member == nullptr || member->as_string() == nullptr ? "" : *member->as_string();
}

// Blocks on the target; one that does not answer tells nothing.
void add_uses(const Context& context, Json& result) {
  const auto uses = context.plane.uses(text_member(result, "target"), text_member(result, "login"));
  if (!uses) {
    log(Level::kWarn, "uses_not_known", {{"error", uses.error().text()}});
    return;
  }
  Json rows = Json::array();
  for (const core::ObservedUse& use : *uses) {
    rows.push(Json::object({{"last", use.live ? "now" : to_text(use.last)},
                            {"first", to_text(use.first)},
                            {"client", use.client},
                            {"application", use.application},
                            {"database", use.database}}));
  }
  result.set("uses", std::move(rows));
}

// A command that was read, and who sends it.
struct Sent {
  core::Actor actor;
  CommandBody command;
  std::string digest;
  std::shared_ptr<net::Responder> responder;
};

Result<Sent> sent_of(const Context& context, const Caller& caller, const std::string& text,
                     const JsonLimits& limits, std::shared_ptr<net::Responder> responder) {
  TRY(json, parse_json(text, limits));
  TRY(command, from_json<CommandBody>(json));
  if (command.command_id.empty() || command.command_id.size() > kMostCommandId) {
    return fail(Code::kInvalid, "a command id has 1 to 64 characters", "/command_id");
  }
  // Before sealing, which never gives the same twice.
  std::string digest = context.plane.vault().digest(command.verb + "\n" + canonical(command.body));
  return Sent{caller.actor, std::move(command), std::move(digest), std::move(responder)};
}

// False, after a denial was answered and recorded, for who may not send it at all: nothing dear is
// done for such a sender.
bool may_send(const Context& context, const core::State& state, const Sent& sent) {
  const core::Question question = question_of(sent.actor, sent.command.verb);
  const core::Decision decision = core::decide(state, question, context.plane.time().now());
  if (decision.allow) return true;
  const bool factor =
      std::find(decision.needs.begin(), decision.needs.end(), "mfa") != decision.needs.end();
  const Error denied{Code::kDenied, decision.message,
                     factor ? std::string(core::kNeedsSecondFactor) : ""};
  context.plane.decisions().record_denial(question, denied);
  sent.responder->send_error(denied);
  return false;
}

// Hands it to the writer, with policies that were compiled for it before.
void submit(const Context& context, Sent sent,
            std::shared_ptr<const core::Policies> compiled = nullptr) {
  // The answer to a repeated command is kept on disk, so one that holds a secret is not.
  const std::string verb = sent.command.verb;
  const bool secret = verb == "open_enrollment";
  control::Origin origin{
      {sent.actor.identity}, secret ? "" : sent.command.command_id, std::move(sent.digest)};
  for (const std::string& link : sent.actor.chain) origin.actors.push_back(link);
  context.plane.writer().submit(
      std::move(origin),
      [&context, actor = sent.actor, verb,
       body = std::make_shared<const Json>(std::move(sent.command.body)),
       compiled = std::move(compiled)](const core::State& state, Time now) {
        core::Outside around = outside(context, now);
        around.compiled = compiled;
        return core::run_command(state, actor, verb, *body, around);
      },
      [&context, responder = sent.responder, actor = sent.actor, verb](Result<control::Done> done) {
        if (!done) {
          if (done.error().code == Code::kDenied) {
            context.plane.decisions().record_denial(question_of(actor, verb), done.error());
          }
          return responder->send_error(done.error());
        }
        if (const Json* code = done->result.find("code");
            verb == "open_enrollment" && code != nullptr && code->as_string() != nullptr) {
          const std::string ticket =
              enrolment_ticket(context, *context.plane.states().get(), *code->as_string());
          done->result.set("ticket", ticket);
        }
        const auto send = [responder](const control::Done& answer) {
          responder->send(net::json_response(
              Json::object({{"result", answer.result}, {"seq", std::int64_t(answer.seq)}})));
        };
        // Before a remedy acts, the target says who used the account, and when.
        if (verb == "remedy" && !text_member(done->result, "target").empty() &&
            context.pool.run([&context, send, answer = *done]() mutable {
              add_uses(context, answer.result);
              send(answer);
            })) {
          return;
        }
        send(*done);
      });
}

// That the policies of a command keep the invariants that stand beside them. Asks a solver where
// there are any.
Status keeps_invariants(const Context& context, const core::State& state, const Sent& sent) {
  TRY(files, core::policies_ahead(state, sent.command.verb, sent.command.body));
  if (!files) return {};
  return prove::check_invariants(*files, context.programs, prove::kInvariantsTime);
}

// Compiles what the command would compile, on this thread, and hands it over: neither the writer
// nor an I/O thread waits for that.
void compile_and_submit(const Context& context, const std::shared_ptr<Sent>& sent) {
  const auto state = context.plane.states().get();
  auto compiled = core::compiled_ahead(*state, sent->command.verb, sent->command.body, sha256_hex);
  // What is wrong with the policies themselves is said at once; all else is for the command to say.
  if (!compiled && sent->command.verb == "apply_policy") {
    return sent->responder->send_error(compiled.error());
  }
  if (compiled && *compiled != nullptr) {
    if (const Status holds = keeps_invariants(context, *state, *sent); !holds) {
      return sent->responder->send_error(holds.error());
    }
  }
  submit(context, std::move(*sent), compiled ? std::move(*compiled) : nullptr);
}

void run_on_pool(const Context& context, const std::shared_ptr<net::Responder>& responder,
                 std::function<void()> job) {
  if (context.pool.run(std::move(job))) return;
  responder->send_error({Code::kExhausted, "the server is busy; try again", {}});
}

// Whether a command carries policies, or approves such a change, and its sender may do that.
bool brings_policies(const Context& context, const core::State& state, const Sent& sent) {
  if (sent.command.verb == "apply_policy") return true;
  if (sent.command.verb != "approve") return false;
  const std::string id = text_member(sent.command.body, "id");
  const core::Change* change = state.changes.find(id);
  return change != nullptr && !core::policy_list_of(*change).empty() &&
         core::may_approve(state, id, sent.actor.identity, context.plane.time().now()).has_value();
}

void command_route(const Context& context, const net::Request& request, net::Responder responder) {
  const auto state = context.plane.states().get();
  auto caller = authenticate(context, request, *state);
  if (!caller) return responder.send_error(caller.error());
  auto shared = std::make_shared<net::Responder>(std::move(responder));
  auto sent = sent_of(context, *caller, std::string(request.body), {}, shared);
  if (!sent) return shared->send_error(sent.error());
  const std::string& verb = sent->command.verb;
  if (verb == "add_target" || verb == "apply_policy") {
    // Sealing keeps a key for each name, and compiling costs, so nobody gets that far who may not.
    if (!may_send(context, *state, *sent)) return;
  }
  if (verb == "add_target") {
    if (const Status sealed = seal_secrets(context, sent->command.body); !sealed) {
      return shared->send_error(sealed.error());
    }
  }
  if (!brings_policies(context, *state, *sent)) return submit(context, std::move(*sent));
  run_on_pool(context, shared, [&context, later = std::make_shared<Sent>(std::move(*sent))] {
    compile_and_submit(context, later);
  });
}

// apply_policy alone, with as large a body as a policy set may be. It is read by the pool.
void policy_route(const Context& context, const net::Request& request, net::Responder responder) {
  const auto state = context.plane.states().get();
  auto caller = authenticate(context, request, *state);
  if (!caller) return responder.send_error(caller.error());
  auto shared = std::make_shared<net::Responder>(std::move(responder));
  run_on_pool(
      context, shared,
      [&context, shared, caller = *caller,
       text = std::make_shared<const std::string>(request.body)] {
        JsonLimits limits;
        limits.bytes = kMostPolicyBody;
        auto sent = sent_of(context, caller, *text, limits, shared);
        if (!sent) return shared->send_error(sent.error());
        if (sent->command.verb != "apply_policy") {
          return shared->send_error({Code::kInvalid, "this path takes apply_policy only", "/verb"});
        }
        if (!may_send(context, *context.plane.states().get(), *sent)) return;
        compile_and_submit(context, std::make_shared<Sent>(std::move(*sent)));
      });
}

}  // namespace

void add_command_routes(net::HttpServer& server, const Context& context) {
  server.route("POST", "/v1/commands",
               [&context](const net::Request& request, net::Responder responder) {
                 command_route(context, request, std::move(responder));
               });
  server.route("POST", "/v1/commands/apply_policy",
               [&context](const net::Request& request, net::Responder responder) {
                 policy_route(context, request, std::move(responder));
               },
               {.body = kMostPolicyBody});
}

}  // namespace writ::api
