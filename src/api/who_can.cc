// GET /v1/who-can, /v1/what-can: who can do something, what somebody can.
//
// Invariant: an answer is one entry of the decision log, with what was asked and a hash of what was
// found, and leaves when that is durable. It takes a bounded number of steps; what is not looked at
// by then comes with the next page.
#include "core/who_can.h"

#include <algorithm>
#include <charconv>

#include "api/context.h"
#include "api/page_token.h"
#include "core/names.h"
#include "core/policy.h"
#include "core/reader.h"

namespace writ::api {
namespace {

constexpr std::int64_t kUsualResults = 100;
constexpr std::int64_t kMostResults = 1'000;

enum class Asks { kWho, kWhat };

struct Looking {
  Asks asks = Asks::kWho;
  core::Question about;  // of kWhat the subject counts, of kWho the rest
  PagePosition position;
  std::string query;  // what a token is bound to
  Result<std::string> answer = fail(Code::kInternal, "no answer was made");
};

// "system", "TYPE:NAME", or an entitlement.
Status name_resource(std::string_view text, const core::State& state, const core::Sealer& sealer,
                     core::Question& about) {
  if (text.empty()) return fail(Code::kInvalid, "on what? name a resource", "resource");
  if (text == "system") {
    about.resource_type = "system";
    about.resource = state.genesis.trust_domain;
    return {};
  }
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) {
    about.resource_type = "entitlement";
    about.resource = text;
    return {};
  }
  about.resource_type = text.substr(0, colon);
  about.resource = text.substr(colon + 1);
  if (!core::resource_uid(state, about.resource_type, about.resource)) {
    return fail(Code::kInvalid,
                "\"" + about.resource_type.substr(0, 50) +
                    "\" is no type of things; write an entitlement's name, \"system\", or a type "
                    "and a name, as in group:dba",
                "resource");
  }
  if (about.resource_type == "identity") {
    const core::Identity* found = core::find_identity(state, sealer, about.resource);
    if (found != nullptr) about.resource = found->id;
  }
  return {};
}

Status check_action(const core::Question& about) {
  if (core::action_named(about.action) == nullptr) {
    std::vector<std::string> names;
    for (const core::Action& action : core::actions()) names.push_back(action.name);
    return fail(Code::kInvalid,
                "there is no action \"" + about.action.substr(0, 100) + "\"." +
                    core::did_you_mean(about.action, names),
                "action");
  }
  const bool used = about.action == "connect" || about.action == "request";
  if (used && about.resource_type != "entitlement") {
    return fail(Code::kInvalid, "one connects to an entitlement, and requests one", "resource");
  }
  return {};
}

Result<std::int64_t> limit_of(const net::Request& request) {
  const auto text = request.query_param("limit");
  if (!text) return kUsualResults;
  std::int64_t limit = 0;
  const auto read = std::from_chars(text->data(), text->data() + text->size(), limit);
  if (read.ec != std::errc() || read.ptr != text->data() + text->size() || limit < 1) {
    return fail(Code::kInvalid, "the limit is a number from 1 to 1000", "limit");
  }
  return std::min(limit, kMostResults);
}

Result<Looking> read(const Context& context, const net::Request& request, Asks asks,
                     const Caller& caller, const core::State& state, const PageTokens& tokens) {
  const core::Sealer& sealer = context.plane.vault();
  const auto param = [&](std::string_view name) {
    const auto value = request.query_param(name);
    return value ? *value : std::string();
  };
  Looking looking;
  looking.asks = asks;
  if (asks == Asks::kWho) {
    looking.about.action = param("action");
    CHECK_OK(name_resource(param("resource"), state, sealer, looking.about));
    CHECK_OK(check_action(looking.about));
  } else {
    const std::string who = param("identity");
    if (who.empty()) return fail(Code::kInvalid, "who? name an identity", "identity");
    const core::Identity* found = core::find_identity(state, sealer, who);
    looking.about.subject = found == nullptr ? who : found->id;
  }
  const core::Question& q = looking.about;
  looking.query = std::string(asks == Asks::kWho ? "who-can" : "what-can") + "\n" +
                  caller.actor.identity + "\n" + q.subject + "\n" + q.action + "\n" +
                  q.resource_type + "\n" + q.resource;
  TRY(limit, limit_of(request));
  looking.position.limit = limit;
  if (const std::string token = param("page"); !token.empty()) {
    TRY(position, tokens.read(token, looking.query, context.plane.time().now()));
    looking.position = position;
  }
  return looking;
}

// May the asker ask this of this thing?
core::Question permission_for(const Looking& looking, const Caller& caller) {
  core::Question question;
  question.subject = caller.actor.identity;
  question.credential = caller.actor.credential;
  question.source_ip = caller.actor.source_ip;
  question.action = looking.asks == Asks::kWho ? "who_can" : "what_can";
  question.resource_type = looking.asks == Asks::kWho ? looking.about.resource_type : "identity";
  question.resource = looking.asks == Asks::kWho ? looking.about.resource : looking.about.subject;
  return question;
}

std::string joined(const std::vector<std::string>& words) {
  std::string made;
  for (const std::string& word : words) made += (made.empty() ? "" : ", ") + word;
  return made;
}

Json row_of(const Context& context, const core::State& state, Asks asks, const core::Can& can,
            const core::Way& way) {
  Json row = Json::object();
  if (asks == Asks::kWho) {
    const core::Identity* identity = state.identities.find(can.subject);
    row.set("name", core::display_name(state, context.plane.vault(), can.subject))
        .set("identity", can.subject)
        .set("kind", identity == nullptr ? std::string_view() : name_of(identity->kind));
  } else {
    row.set("action", can.action)
        .set("resource", can.resource_type == "system" ? "system" : can.resource);
  }
  row.set("how", name_of(way.how)).set("policy", way.policy);
  row.set("terms", way.terms ? core::describe(*way.terms) : std::string());
  row.set("until", way.until ? to_text(*way.until) : std::string());
  row.set("grant", way.grant).set("depends_on", joined(way.depends));
  return row;
}

// That the thing exists is told to whom policy lets ask about it.
Status check_exists(const Looking& looking, const core::State& state) {
  const core::Question& q = looking.about;
  if (looking.asks == Asks::kWhat && !state.identities.contains(q.subject)) {
    return fail(Code::kNotFound, "there is no identity \"" + q.subject.substr(0, 100) + "\"");
  }
  if (looking.asks == Asks::kWho && q.resource_type == "entitlement" &&
      !state.entitlements.contains(q.resource)) {
    return fail(Code::kNotFound, "there is no entitlement \"" + q.resource.substr(0, 200) + "\"");
  }
  return {};
}

// Looks, makes the answer, and says what is to be recorded.
std::string make_answer(const Context& context, const PageTokens& tokens, Looking& looking,
                        const core::State& state, Time now) {
  if (const Status exists = check_exists(looking, state); !exists) {
    looking.answer = fail(exists);
    return {};
  }
  constexpr Millis kMostTime = std::chrono::seconds(1);
  const Millis deadline = context.plane.time().steady() + kMostTime;
  const core::CanBounds bounds{looking.position.after,
                               static_cast<std::size_t>(looking.position.limit), 20'000,
                               [&] { return context.plane.time().steady() >= deadline; }};
  const core::CanPage page = looking.asks == Asks::kWho
                                 ? core::who_can(state, looking.about, bounds, now)
                                 : core::what_can(state, looking.about.subject, bounds, now);
  Json rows = Json::array();
  for (const core::Can& can : page.found) {
    for (const core::Way& way : can.ways) rows.push(row_of(context, state, looking.asks, can, way));
  }
  const std::string found = canonical(rows);
  Json json = Json::object({{"rows", std::move(rows)}, {"complete", !page.more}});
  if (page.more) {
    PagePosition next = looking.position;
    if (!page.last.empty()) next.after = page.last;
    auto token = tokens.make(next, looking.query, now);
    if (!token) {
      looking.answer = fail(token);
      return {};
    }
    json.set("next", std::move(*token));
  }
  looking.answer = compact(json);  // in the order of columns
  Json about = Json::object({{"steps", static_cast<std::uint64_t>(page.steps)},
                             {"found", static_cast<std::uint64_t>(page.found.size())},
                             {"complete", !page.more},
                             {"continued", looking.position.after.has_value()},
                             {"found_sha256", sha256_hex(found)}});
  if (looking.asks == Asks::kWho) about.set("action", looking.about.action);
  return ",\"can\":" + canonical(about);
}

void add_route(net::HttpServer& server, const Context& context, Asks asks, std::string_view path,
               const std::shared_ptr<const PageTokens>& tokens) {
  server.route(
      "GET", path, [&context, asks, tokens](const net::Request& request, net::Responder responder) {
        const auto state = context.plane.states().get();
        const auto caller = authenticate(context, request, *state);
        if (!caller) return responder.send_error(caller.error());
        auto read_in = read(context, request, asks, *caller, *state, *tokens);
        if (!read_in) return responder.send_error(read_in.error());
        const auto looking = std::make_shared<Looking>(std::move(*read_in));
        const auto shared = std::make_shared<net::Responder>(std::move(responder));
        const bool taken = context.pool.run(
            [&context, tokens, looking, shared, permission = permission_for(*looking, *caller)] {
              context.plane.decisions().ask_now(
                  permission,
                  [&](const core::State& at, Time now) {
                    return make_answer(context, *tokens, *looking, at, now);
                  },
                  [looking, shared](const control::Told& told) {
                    if (!told.decision.allow) {
                      return shared->send_error({Code::kDenied, told.decision.message, {}});
                    }
                    if (!looking->answer) return shared->send_error(looking->answer.error());
                    net::Response response;
                    response.body = std::move(*looking->answer);
                    shared->send(std::move(response));
                  });
            });
        if (!taken) shared->send_error({Code::kExhausted, "the server is busy; try again", {}});
      });
}

}  // namespace

void add_who_can_routes(net::HttpServer& server, const Context& context) {
  const auto tokens = std::make_shared<const PageTokens>(context.plane.random());
  add_route(server, context, Asks::kWho, "/v1/who-can", tokens);
  add_route(server, context, Asks::kWhat, "/v1/what-can", tokens);
}

}  // namespace writ::api
