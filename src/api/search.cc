// POST /access/v1/search/{subject,resource,action}: AuthZEN 1.0, section 8 (Search).
//
// Invariant: a search is one entry of the decision log, with its question and what was found as a
// hash, and is answered when that is durable. It takes a bounded time: what is not done by then
// comes with the next page.
#include "core/search.h"

#include <algorithm>

#include "api/page_token.h"
#include "api/question.h"

namespace writ::api {
namespace {

constexpr net::RouteLimits kMostBody{32 * 1024};
constexpr std::size_t kMostSteps = 20'000;  // candidates of one call
constexpr std::size_t kStepsBetweenLooks = 256;
constexpr Millis kMostTime{200};

// One search while it is made and recorded.
struct Searching {
  core::Search search;
  PagePosition position;
  std::string query;  // what a token is bound to
  std::string result_type;
  Result<std::string> answer = fail(Code::kInternal, "no answer was made");
};

core::SearchPage walk(const Searching& s, const core::State& state, const Clock& clock, Time now) {
  core::SearchPage all;
  all.more = true;
  if (s.position.limit == 0) return all;
  std::optional<std::string> after = s.position.after;
  const auto limit = static_cast<std::size_t>(s.position.limit);
  const Millis deadline = clock.steady() + kMostTime;
  const core::Narrowed narrowed = core::narrowed(state, s.search, now);
  while (all.more && all.found.size() < limit && all.steps < kMostSteps &&
         (all.steps == 0 || clock.steady() < deadline)) {
    core::SearchPage part = core::search(state, s.search, narrowed, after, limit - all.found.size(),
                                         kStepsBetweenLooks, now);
    all.steps += part.steps;
    all.more = part.more;
    std::move(part.found.begin(), part.found.end(), std::back_inserter(all.found));
    if (part.steps > 0) after = part.last;
  }
  all.last = after.value_or("");
  return all;
}

void append_result(std::string& out, const Searching& s, const std::string& found) {
  if (out.back() != '[') out += ',';
  if (s.search.sought == core::Sought::kActions) {
    out += "{\"name\":";
  } else {
    out += "{\"type\":";
    append_json_string(out, s.result_type);
    out += ",\"id\":";
  }
  append_json_string(out, found);
  out += '}';
}

// What the entry says of the search. `refused`: what of the message it was refused for.
std::string recorded(const Searching& s, const core::SearchPage& page, std::string_view results,
                     const std::string& refused = {}) {
  const core::Question& q = s.search.question;
  Json about =
      Json::object({{"sought", name_of(s.search.sought)}, {"resource_type", q.resource_type}});
  const auto add = [&](std::string_view name, const std::string& value) {
    if (!value.empty()) about.set(name, value);
  };
  using core::Sought;
  add("subject_type", q.subject_type);
  if (s.search.sought != Sought::kSubjects) add("subject", q.subject);
  if (s.search.sought != Sought::kActions) add("action", q.action);
  if (s.search.sought != Sought::kResources) add("resource", q.resource);
  add("door", q.door);
  add("credential", q.credential);
  add("source_ip", q.source_ip);
  if (!q.asserted.is_null()) about.set("asserted", q.asserted);
  about.set("continued", s.position.after.has_value());
  about.set("steps", static_cast<std::uint64_t>(page.steps));
  about.set("results", static_cast<std::uint64_t>(page.found.size()));
  about.set("complete", !page.more);
  about.set("results_sha256", sha256_hex(results));
  add("refused", refused);
  return ",\"search\":" + canonical(about);
}

// Searches, makes the answer, and says what is to be recorded.
std::string make_answer(const Context& context, const PageTokens& tokens, Searching& s,
                        const core::State& state, Time now) {
  if (const Status good = core::check_asserted(state, s.search); !good) {
    core::SearchPage none;
    none.more = true;
    s.answer = fail(good);
    return recorded(s, none, "[]", good.error().where);
  }
  const core::SearchPage page = walk(s, state, context.plane.time(), now);
  std::string results = "[";
  for (const std::string& found : page.found) append_result(results, s, found);
  results += ']';
  std::string token;
  // The limit stays the same from page to page: behind a page of none nothing ever comes.
  if (page.more && s.position.limit > 0) {
    PagePosition next = s.position;
    if (page.steps > 0) next.after = page.last;
    auto made = tokens.make(next, s.query, now);
    if (!made) {
      s.answer = fail(made);
      return recorded(s, page, results);
    }
    token = std::move(*made);
  }
  const std::string count = std::to_string(page.found.size());
  std::string out = "{\"page\":{\"next_token\":";
  append_json_string(out, token);
  out += ",\"count\":" + count;
  if (!page.more && !s.position.after) out += ",\"total\":" + count;
  out += "},\"results\":" + results + '}';
  s.answer = std::move(out);
  return recorded(s, page, results);
}

// Who asks for what, but for the page.
std::string query_of(const Json& body, core::Sought sought, const Caller& caller) {
  Json query = Json::object();
  for (const auto& [name, value] : *body.as_object()) {
    if (name != "page") query.set(name, value);
  }
  return std::string(name_of(sought)) + "\n" + caller.actor.identity + "\n" +
         sha256_hex(canonical(query));
}

Result<PagePosition> position_of(const SearchAsked& asked, const PageTokens& tokens,
                                 const std::string& query, Time now) {
  const std::optional<std::int64_t> limit =
      asked.limit ? std::optional(std::min(*asked.limit, kMostResults)) : std::nullopt;
  if (asked.token.empty()) return PagePosition{std::nullopt, limit.value_or(kUsualResults)};
  TRY(position, tokens.read(asked.token, query, now));
  if (limit && *limit != position.limit) {
    return fail(Code::kInvalid, "the limit stays the same from page to page", "/page/limit");
  }
  return position;
}

Result<Searching> read(const Context& context, const net::Request& request, core::Sought sought,
                       const Caller& caller, const core::State& state, const PageTokens& tokens) {
  TRY(json, parse_json(request.body, {.bytes = kMostBody.body}));
  TRY(asked, read_search(json, sought));
  Searching s;
  s.search.sought = sought;
  TRY(question, to_searched(asked.wanted, caller, state));
  s.search.question = std::move(question);
  s.result_type =
      sought == core::Sought::kSubjects ? asked.wanted.subject_type : asked.wanted.resource_type;
  s.query = query_of(json, sought, caller);
  TRY(position, position_of(asked, tokens, s.query, context.plane.time().now()));
  s.position = std::move(position);
  return s;
}

void add_route(net::HttpServer& server, const Context& context, core::Sought sought,
               std::string_view path, const std::shared_ptr<const PageTokens>& tokens) {
  const auto handle = [&context, sought, tokens](const net::Request& request,
                                                 net::Responder responder) {
    const auto state = context.plane.states().get();
    const auto caller = begin_authzen(context, request, *state);
    if (!caller) return responder.send_error(caller.error());
    auto read_in = read(context, request, sought, *caller, *state, *tokens);
    if (!read_in) return responder.send_error(read_in.error());
    const auto searching = std::make_shared<Searching>(std::move(*read_in));
    const auto shared = std::make_shared<net::Responder>(std::move(responder));
    core::Question permission = may_search(searching->search, *caller);
    const bool taken =
        context.pool.run([&context, tokens, searching, shared, permission = std::move(permission)] {
          context.plane.decisions().ask_now(
              permission,
              [&](const core::State& at, Time now) {
                return make_answer(context, *tokens, *searching, at, now);
              },
              [searching, shared](const control::Told& told) {
                if (!told.decision.allow) {
                  return shared->send_error({Code::kDenied, told.decision.message, {}});
                }
                if (!searching->answer) return shared->send_error(searching->answer.error());
                net::Response response;
                response.body = std::move(*searching->answer);
                shared->send(std::move(response));
              });
        });
    if (!taken) shared->send_error({Code::kExhausted, "the server is busy; try again", {}});
  };
  server.route("POST", path, handle, kMostBody);
}

}  // namespace

void add_search_routes(net::HttpServer& server, const Context& context) {
  const auto tokens = std::make_shared<const PageTokens>(context.plane.random());
  add_route(server, context, core::Sought::kSubjects, "/access/v1/search/subject", tokens);
  add_route(server, context, core::Sought::kResources, "/access/v1/search/resource", tokens);
  add_route(server, context, core::Sought::kActions, "/access/v1/search/action", tokens);
}

}  // namespace writ::api
