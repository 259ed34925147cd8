// GET: whoami, lists, approval statements, grants and explanations.
#include <algorithm>
#include <charconv>

#include "api/context.h"
#include "core/explain.h"
#include "core/policy_text.h"
#include "core/views.h"

namespace writ::api {
namespace {

constexpr Millis kLongestWait = std::chrono::seconds(30);

Json lines_json(const std::vector<std::string>& lines) {
  Json array = Json::array();
  for (const std::string& line : lines) array.push(line);
  return array;
}

Json decision_json(const core::Decision& decision) {
  Json json = Json::object(
      {{"decision", decision.allow}, {"reason", lines_json(core::reason_of(decision))}});
  if (!decision.errors.empty()) json.set("errors", lines_json(decision.errors));
  if (!decision.needs.empty()) json.set("needs", lines_json(decision.needs));
  if (!decision.message.empty()) json.set("message", decision.message);
  if (!decision.grant.empty()) json.set("grant", decision.grant);
  return json;
}

Json policy_json(const core::ExplainedPolicy& policy) {
  Json parts = Json::array();
  for (const core::ExplainedPart& part : policy.parts) {
    Json saw = Json::array();
    for (const core::ExplainedPart::Saw& each : part.saw) {
      saw.push(Json::object({{"what", each.what}, {"value", each.value}}));
    }
    parts.push(Json::object({{"position", part.position},
                             {"text", part.text},
                             {"holds", part.holds},
                             {"saw", std::move(saw)}}));
  }
  Json json = Json::object({{"id", policy.id},
                            {"effect", policy.forbids ? "forbid" : "permit"},
                            {"position", policy.position},
                            {"parts", std::move(parts)}});
  if (!policy.grant.empty()) json.set("grant", policy.grant);
  if (policy.failed) {
    json.set("failed", Json::object({{"position", policy.failed->position},
                                     {"text", policy.failed->text},
                                     {"because", policy.failed->because}}));
  }
  return json;
}

// What decided, what came nearest, and when it changes by itself.
void set_why(Json& json, const core::Explanation& why) {
  Json decided = Json::array();
  for (const core::ExplainedPolicy& policy : why.decided) decided.push(policy_json(policy));
  json.set("decision", decision_json(why.decision)).set("decided", std::move(decided));
  if (why.nearest) json.set("nearest", policy_json(*why.nearest));
  if (why.change.at) {
    json.set("changes",
             Json::object({{"at", to_text(*why.change.at)}, {"decision", why.change.allow}}));
  } else if (why.change.known_until) {
    json.set("stays_until", to_text(*why.change.known_until));
  }
}

// A past decision, asked again of the state in which it was made.
Result<Json> explain_decision(const Context& context, const control::RecordedDecision& recorded,
                              std::uint64_t index, const core::Reader& reader) {
  TRY(state, context.plane.state_at(recorded.journal_seq));
  core::Explanation explanation = core::explain(state, recorded.question, reader, recorded.time);
  const core::Question& question = recorded.question;
  const std::string who = question.subject_type.empty()
                              ? core::display_name(state, context.plane.vault(), question.subject)
                              : question.subject_type + " \"" + question.subject + "\"";
  explanation.lines.insert(explanation.lines.begin(), to_text(recorded.time) + "  " + who +
                                                          " asked to " + recorded.question.action +
                                                          " " + recorded.question.resource + ": " +
                                                          (recorded.allow ? "allowed" : "denied"));
  Json json = Json::object(
      {{"id", "dec_" + std::to_string(index)}, {"lines", lines_json(explanation.lines)}});
  set_why(json, explanation);
  return json;
}

// Whether a decision is about what somebody asked, or a machine that they answer for.
bool is_about(const Context& context, const core::Question& question, const std::string& identity) {
  if (!question.subject_type.empty()) return false;
  if (question.subject == identity) return true;
  const auto persons = core::persons_behind(*context.plane.states().get(), question.subject,
                                            context.plane.time().now());
  return std::find(persons.begin(), persons.end(), identity) != persons.end();
}

bool may_explain(const Context& context, const Caller& caller) {
  const auto state = context.plane.states().get();
  core::Question question;
  question.subject = caller.actor.identity;
  question.action = "explain";
  question.resource_type = "system";
  question.resource = state->genesis.trust_domain;
  question.credential = caller.actor.credential;
  question.source_ip = caller.actor.source_ip;
  return core::decide(*state, question, context.plane.time().now()).allow;
}

std::string waits_for(const core::Request& request) {
  const auto have = static_cast<int>(request.approvals.size());
  const int left = std::max(request.terms.approvals - have, 0);
  return "It waits for " + std::to_string(left) + (left == 1 ? " approval by " : " approvals by ") +
         request.terms.approvers + ", until " + to_text(request.until) + ".";
}

// What a grant or request rests on: its story, and what it waits for, or what a connect would be
// told now.
Result<Json> explain_thing(const Context& context, const Caller& caller, const std::string& id,
                           const core::Reader& reader) {
  TRY(seqs, control::story_of(context.plane.evidence().journal(), id));
  const auto state = context.plane.states().get();
  std::vector<std::string> lines;
  core::Question question;
  question.action = "connect";
  question.resource_type = "entitlement";
  question.source_ip = caller.actor.source_ip;
  std::optional<core::Grant> grant;
  for (const std::uint64_t seq : seqs) {
    TRY(event, context.plane.evidence().event(seq));
    if (const auto* opened = std::get_if<core::RequestOpened>(&event.data)) {
      question.subject = opened->request.beneficiary;
      question.resource = opened->request.entitlement;
    } else if (const auto* created = std::get_if<core::GrantCreated>(&event.data)) {
      question.subject = created->grant.beneficiary;
      question.resource = created->grant.entitlement;
      grant = created->grant;
    } else if (const auto* activated = std::get_if<core::GrantActivated>(&event.data);
               activated && grant) {
      grant->state = core::GrantState::kActive;
      grant->from = activated->from;
      grant->until = activated->until;
    }
    lines.push_back(core::narrate(*state, context.plane.vault(), event));
  }
  Json json = Json::object({{"id", id}});
  if (const core::Request* pending = state->requests.find(id)) {
    lines.push_back(waits_for(*pending));
    json.set("lines", lines_json(lines));
    return json;
  }
  if (grant && grant->until && state->grants.contains(id)) {
    lines.push_back("The permit that the grant stands for, until it ends:");
    lines.push_back(core::print_permit(*state, *grant));
  }
  if (!question.subject.empty()) {
    const core::Explanation now =
        core::explain(*state, question, reader, context.plane.time().now());
    lines.push_back("A connect now:");
    lines.insert(lines.end(), now.lines.begin(), now.lines.end());
    set_why(json, now);
  }
  json.set("lines", lines_json(lines));
  return json;
}

// The row of one grant: live from the state, ended from its story.
Result<Json> grant_json(const Context& context, const std::string& id) {
  const auto state = context.plane.states().get();
  TRY(seqs, control::story_of(context.plane.evidence().journal(), id));
  if (seqs.empty()) return fail(Code::kNotFound, "there is no grant of this id");
  Json tail = Json::array();
  for (const std::uint64_t seq : seqs) {
    TRY(event, context.plane.evidence().event(seq));
    tail.push(Json::object({{"seq", std::int64_t(seq)},
                            {"time", to_text(event.time)},
                            {"kind", core::kind_of(event.data)},
                            {"line", core::narrate(*state, context.plane.vault(), event)}}));
  }
  Json json = Json::object();
  const core::Grant* grant = state->grants.find(id);
  json.set("state", grant == nullptr ? "ended" : std::string(name_of(grant->state)));
  if (grant != nullptr) {
    json.set("entitlement", grant->entitlement);
    if (grant->until) json.set("until", to_text(*grant->until));
    if (grant->failure) {
      json.set("tries", grant->failure->tries).set("last_error", grant->failure->error);
    }
  }
  json.set("story_tail", std::move(tail));
  return json;
}

void answer_grant(const Context& context, const std::shared_ptr<net::Responder>& responder,
                  const std::string& id) {
  const bool taken = context.pool.run([&context, responder, id] {
    auto json = grant_json(context, id);
    json ? responder->send(net::json_response(*json)) : responder->send_error(json.error());
  });
  if (!taken) responder->send_error({Code::kExhausted, "the server is busy; try again", {}});
}

void grant_route(const Context& context, const net::Request& request, net::Responder responder) {
  const auto state = context.plane.states().get();
  auto caller = authenticate(context, request, *state);
  if (!caller) return responder.send_error(caller.error());
  const std::string id(request.param("id"));
  const auto wait = request.query_param("wait");
  if (wait && *wait != "active" && *wait != "ended") {
    return responder.send_error({Code::kInvalid, "wait is active or ended", "wait"});
  }
  Millis at_most = kLongestWait;
  if (const auto text = request.query_param("timeout_ms")) {
    std::int64_t ms = -1;
    const auto read = std::from_chars(text->data(), text->data() + text->size(), ms);
    if (read.ec != std::errc() || read.ptr != text->data() + text->size() || ms < 0) {
      return responder.send_error({Code::kInvalid, "timeout_ms is a number", "timeout_ms"});
    }
    at_most = std::min(kLongestWait, Millis(ms));
  }
  auto shared = std::make_shared<net::Responder>(std::move(responder));
  const auto go_on = [&context, shared, id, at_most,
                      wait = wait ? *wait : std::string()](const Status& allowed) {
    if (!allowed) return shared->send_error(allowed.error());
    if (wait.empty()) return answer_grant(context, shared, id);
    const bool for_active = wait == "active";
    context.plane.waits().add(
        id, *context.plane.states().get(), at_most,
        [id, for_active](const core::State& now_state) {
          const core::Grant* grant = now_state.grants.find(id);
          if (grant == nullptr) return true;
          return for_active && grant->state != core::GrantState::kActivating;
        },
        [&context, shared, id](bool) { answer_grant(context, shared, id); });
  };
  const bool taken = context.pool.run([&context, shared, id, caller = *caller, go_on] {
    const auto own = concerns(context, id, caller.actor.identity);
    if (!own) return shared->send_error(own.error());
    require(context, caller, *own ? "list_own" : "list", "system",
            context.plane.states().get()->genesis.trust_domain, go_on);
  });
  if (!taken) shared->send_error({Code::kExhausted, "the server is busy; try again", {}});
}

// What a person typed stands sealed in a change; whoever decides on it reads it.
void add_words(const Context& context, const Json& body, Json& words) {
  for (const std::string_view member : {"name", "reason"}) {
    const Json* value = body.find(member);
    if (value == nullptr || value->as_object() == nullptr) continue;
    if (const auto sealed = from_json<core::Sealed>(*value)) {
      words.set(sealed->box, core::opened_or_erased(context.plane.vault(), *sealed));
    }
  }
}

// A text that a pending change of policy names: the list of its files, or one of them.
Result<std::string> text_of_change(const core::State& state, const std::string& id,
                                   std::string_view hash) {
  const core::Change* change = state.changes.find(id);
  const std::string list_hash = change == nullptr ? std::string() : core::policy_list_of(*change);
  const auto none = [] {
    return fail(Code::kNotFound, "no change of this id names a text with this hash");
  };
  if (list_hash.empty()) return none();
  if (hash != list_hash && !core::names_text(state, list_hash, hash)) return none();
  return core::policy_text(state, hash);
}

}  // namespace

void add_read_routes(net::HttpServer& server, const Context& context) {
  server.route("GET", "/v1/whoami",
               [&context](const net::Request& request, net::Responder responder) {
                 const auto state = context.plane.states().get();
                 auto caller = authenticate(context, request, *state);
                 if (!caller) return responder.send_error(caller.error());
                 responder.send(net::json_response(core::whoami(
                     *state, context.plane.vault(), caller->actor, context.plane.time().now())));
               });

  server.route(
      "GET", "/v1/list/{kind}", [&context](const net::Request& request, net::Responder responder) {
        const auto state = context.plane.states().get();
        auto caller = authenticate(context, request, *state);
        if (!caller) return responder.send_error(caller.error());
        const auto scope_text = request.query_param("scope");
        if (scope_text && *scope_text != "own" && *scope_text != "all") {
          return responder.send_error({Code::kInvalid, "scope is own or all", "scope"});
        }
        const core::Scope scope =
            scope_text && *scope_text == "all" ? core::Scope::kAll : core::Scope::kOwn;
        const std::string kind(request.param("kind"));
        const auto rows = [&context, asker = caller->actor.identity, kind,
                           scope]() -> Result<Json> {
          TRY(list, core::view(*context.plane.states().get(), context.plane.vault(), kind, asker,
                               scope, context.plane.time().now()));
          return Json::object({{"rows", Json(std::move(list))}});
        };
        answer_when_allowed(context, *caller, scope == core::Scope::kAll ? "list" : "list_own",
                            "system", state->genesis.trust_domain, std::move(responder), rows);
      });

  server.route(
      "GET", "/v1/approvals/{id}",
      [&context](const net::Request& request, net::Responder responder) {
        const auto state = context.plane.states().get();
        auto caller = authenticate(context, request, *state);
        if (!caller) return responder.send_error(caller.error());
        const auto decision = request.query_param("decision");
        if (!decision || (*decision != "approve" && *decision != "deny")) {
          return responder.send_error({Code::kInvalid, "decision is approve or deny", "decision"});
        }
        // Only who may decide sees what is pending.
        const std::string id(request.param("id"));
        if (const Status may =
                core::may_approve(*state, id, caller->actor.identity, context.plane.time().now());
            !may && may.error().where != core::kNeedsSecondFactor) {
          return responder.send_error(may.error());
        }
        auto statement = core::approval_statement(*state, context.plane.vault(), id,
                                                  caller->actor.identity, *decision == "approve");
        if (!statement) return responder.send_error(statement.error());
        Json words = Json::object();
        if (const core::Change* change = state->changes.find(id)) {
          add_words(context, change->body, words);
        }
        responder.send(net::json_response(Json::object({{"statement", *statement},
                                                        {"hash", sha256_hex(*statement)},
                                                        {"words", std::move(words)}})));
      });

  server.route("GET", "/v1/approvals/{id}/texts/{hash}",
               [&context](const net::Request& request, net::Responder responder) {
                 const auto state = context.plane.states().get();
                 auto caller = authenticate(context, request, *state);
                 if (!caller) return responder.send_error(caller.error());
                 const std::string id(request.param("id"));
                 if (const Status may = core::may_approve(*state, id, caller->actor.identity,
                                                          context.plane.time().now());
                     !may && may.error().where != core::kNeedsSecondFactor) {
                   return responder.send_error(may.error());
                 }
                 auto text = text_of_change(*state, id, request.param("hash"));
                 if (!text) return responder.send_error(text.error());
                 net::Response response;
                 response.body = std::move(*text);
                 response.content_type = "text/plain; charset=utf-8";
                 responder.send(std::move(response));
               });

  server.route("GET", "/v1/grants/{id}",
               [&context](const net::Request& request, net::Responder responder) {
                 grant_route(context, request, std::move(responder));
               });

  server.route(
      "GET", "/v1/explain/{id}", [&context](const net::Request& request, net::Responder responder) {
        const auto state = context.plane.states().get();
        auto caller = authenticate(context, request, *state);
        if (!caller) return responder.send_error(caller.error());
        const std::string id(request.param("id"));
        std::optional<std::uint64_t> index;
        if (id.starts_with("dec_")) {
          std::uint64_t number = 0;
          const auto read = std::from_chars(id.data() + 4, id.data() + id.size(), number);
          if (read.ec != std::errc() || read.ptr != id.data() + id.size()) {
            return responder.send_error({Code::kInvalid, "a decision's id is dec_NUMBER", {}});
          }
          index = number;
        }
        auto shared = std::make_shared<net::Responder>(std::move(responder));
        const bool taken = context.pool.run([&context, shared, caller = *caller, id, index] {
          std::optional<control::RecordedDecision> recorded;
          bool own = false;
          if (index) {
            const auto entry = context.plane.evidence().decision(*index);
            if (!entry) return shared->send_error(entry.error());
            auto read = control::read_decision_payload(entry->payload);
            if (!read) return shared->send_error(read.error());
            own = is_about(context, read->question, caller.actor.identity);
            recorded = std::move(*read);
          } else {
            const auto concerned = concerns(context, id, caller.actor.identity);
            if (!concerned) return shared->send_error(concerned.error());
            own = *concerned;
          }
          // Who may explain everything is asked for that, about its own too.
          const core::Sees sees =
              own && !may_explain(context, caller) ? core::Sees::kOwn : core::Sees::kAll;
          answer_when_allowed(context, caller, sees == core::Sees::kOwn ? "list_own" : "explain",
                              "system", context.plane.states().get()->genesis.trust_domain,
                              std::move(*shared), [&context, recorded, index, caller, id, sees] {
                                const core::Reader reader{caller.actor.identity, sees};
                                return recorded
                                           ? explain_decision(context, *recorded, *index, reader)
                                           : explain_thing(context, caller, id, reader);
                              });
        });
        if (!taken) shared->send_error({Code::kExhausted, "the server is busy; try again", {}});
      });
}

}  // namespace writ::api
