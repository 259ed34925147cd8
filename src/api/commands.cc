// POST /v1/commands: every change that somebody asks for.
#include "api/context.h"
#include "base/log.h"
#include "crypto/seal.h"

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

}  // namespace

void add_command_routes(net::HttpServer& server, const Context& context) {
  server.route(
      "POST", "/v1/commands", [&context](const net::Request& request, net::Responder responder) {
        const auto state = context.plane.states().get();
        auto caller = authenticate(context, request, *state);
        if (!caller) return responder.send_error(caller.error());
        auto command = read_body<CommandBody>(request);
        if (!command) return responder.send_error(command.error());
        if (command->command_id.empty() || command->command_id.size() > kMostCommandId) {
          return responder.send_error(
              {Code::kInvalid, "a command id has 1 to 64 characters", "/command_id"});
        }
        // Before sealing, which never gives the same twice.
        const std::string digest =
            context.plane.vault().digest(command->verb + "\n" + canonical(command->body));
        if (command->verb == "add_target") {
          // Sealing keeps a key for each name, so nobody gets that far who may not.
          const core::Question question = question_of(caller->actor, command->verb);
          const core::Decision decision =
              core::decide(*state, question, context.plane.time().now());
          if (!decision.allow) {
            const Error denied{Code::kDenied, decision.message, {}};
            context.plane.decisions().record_denial(question, denied);
            return responder.send_error(denied);
          }
          if (const Status sealed = seal_secrets(context, command->body); !sealed) {
            return responder.send_error(sealed.error());
          }
        }
        // The answer to a repeated command is kept on disk, so one that holds a secret is not.
        const bool secret = command->verb == "open_enrollment";
        control::Origin origin{{caller->actor.identity}, secret ? "" : command->command_id, digest};
        for (const std::string& link : caller->actor.chain) origin.actors.push_back(link);
        auto shared = std::make_shared<net::Responder>(std::move(responder));
        context.plane.writer().submit(
            std::move(origin),
            [&context, actor = caller->actor, verb = command->verb, body = command->body](
                const core::State& now_state, Time now) {
              return core::run_command(now_state, actor, verb, body, outside(context, now));
            },
            [&context, shared, actor = caller->actor,
             verb = command->verb](Result<control::Done> done) {
              if (!done) {
                if (done.error().code == Code::kDenied) {
                  context.plane.decisions().record_denial(question_of(actor, verb), done.error());
                }
                return shared->send_error(done.error());
              }
              if (const Json* code = done->result.find("code");
                  verb == "open_enrollment" && code != nullptr && code->as_string() != nullptr) {
                const std::string ticket =
                    enrolment_ticket(context, *context.plane.states().get(), *code->as_string());
                done->result.set("ticket", ticket);
              }
              const auto send = [shared](const control::Done& answer) {
                shared->send(net::json_response(
                    Json::object({{"result", answer.result}, {"seq", std::int64_t(answer.seq)}})));
              };
              // Before a remedy acts, the target says who used the account, and when.
              if (verb == "remedy" && context.pool.run([&context, send, answer = *done]() mutable {
                    add_uses(context, answer.result);
                    send(answer);
                  })) {
                return;
              }
              send(*done);
            });
      });
}

}  // namespace writ::api
