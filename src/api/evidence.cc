// GET /v1/evidence/…: stories, checkpoints, tiles and proofs.
#include <algorithm>
#include <charconv>

#include "api/context.h"
#include "core/views.h"

namespace writ::api {
namespace {

using control::LogName;

Result<std::uint64_t> number(std::string_view text, std::string_view where) {
  std::uint64_t value = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || read.ec != std::errc() || read.ptr != text.data() + text.size()) {
    return fail(Code::kInvalid, "a number is wanted here", std::string(where));
  }
  return value;
}

Result<LogName> log_named(const net::Request& request) {
  const auto log = from_name<LogName>(request.param("log"));
  if (!log) return fail(Code::kNotFound, "the logs are journal and decisions");
  return *log;
}

net::Response octets(std::string bytes) {
  net::Response response;
  response.body = std::move(bytes);
  response.content_type = "application/octet-stream";
  return response;
}

net::Response text(std::string body) {
  net::Response response;
  response.body = std::move(body);
  response.content_type = "text/plain; charset=utf-8";
  return response;
}

using Answer = std::function<Result<net::Response>()>;

// Reading evidence is an action like any other, and recorded. `answer` runs on a pool thread.
void answer_reader(const Context& context, const net::Request& request, net::Responder responder,
                   Answer answer) {
  const auto state = context.plane.states().get();
  auto caller = authenticate(context, request, *state);
  if (!caller) return responder.send_error(caller.error());
  auto shared = std::make_shared<net::Responder>(std::move(responder));
  require(context, *caller, "read_evidence", "system", state->genesis.trust_domain,
          [&context, shared, answer = std::move(answer)](const Status& allowed) {
            if (!allowed) return shared->send_error(allowed.error());
            const bool taken = context.pool.run([shared, answer] {
              auto response = answer();
              response ? shared->send(std::move(*response)) : shared->send_error(response.error());
            });
            if (!taken) shared->send_error({Code::kExhausted, "the server is busy; try again", {}});
          });
}

Json journal_entry(const Context& context, const core::State& state, const core::Event& event) {
  return Json::object({{"log", "journal"},
                       {"index", std::int64_t(event.seq)},
                       {"time", to_text(event.time)},
                       {"line", core::narrate(state, context.plane.vault(), event)},
                       {"entry", *parse_json(core::encode(event))}});
}

// The decisions about a grant: found by reading back from the end, newest first, within a bound.
Result<std::vector<Json>> decisions_about(const Context& context, const std::string& id,
                                          Time not_before) {
  constexpr std::uint64_t kMostRead = 200'000;
  constexpr std::uint64_t kTogether = 1'000;
  std::vector<Json> found;
  std::uint64_t end = context.plane.evidence().size(LogName::kDecisions);
  const std::string needle = "\"" + id + "\"";
  const std::string needle_reason = "grant " + id;
  for (std::uint64_t read = 0; end > 0 && read < kMostRead;) {
    const std::uint64_t from = end > kTogether ? end - kTogether : 0;
    TRY(entries, context.plane.evidence().decisions_from(from, end - from));
    for (const store::DecisionEntry& entry : entries) {
      if (entry.payload.find(needle) == std::string::npos &&
          entry.payload.find(needle_reason) == std::string::npos) {
        continue;
      }
      TRY(recorded, control::read_decision_payload(entry.payload));
      TRY(payload, parse_json(entry.payload));
      found.push_back(Json::object(
          {{"log", "decisions"},
           {"index", std::int64_t(entry.index)},
           {"time", to_text(recorded.time)},
           {"line", to_text(recorded.time) + "  decision dec_" + std::to_string(entry.index) +
                        ": " + recorded.question.action + " " + recorded.question.resource + " " +
                        (recorded.allow ? "allowed" : "denied")},
           {"entry", std::move(payload)}}));
    }
    read += entries.size();
    if (!entries.empty()) {
      TRY(oldest, control::read_decision_payload(entries.front().payload));
      if (oldest.time < not_before) break;
    }
    end = from;
  }
  return found;
}

Result<net::Response> story(const Context& context, const std::string& id) {
  const auto state = context.plane.states().get();
  TRY(seqs, control::story_of(context.plane.evidence().journal(), id));
  if (seqs.empty()) return fail(Code::kNotFound, "nothing of this id stands in the evidence");
  // A grant's story begins with the request that it came from.
  if (id.starts_with("grt_")) {
    TRY(created, context.plane.evidence().event(seqs.front()));
    if (const auto* grant = std::get_if<core::GrantCreated>(&created.data);
        grant != nullptr && !grant->grant.request.empty()) {
      TRY(before, control::story_of(context.plane.evidence().journal(), grant->grant.request));
      seqs.insert(seqs.end(), before.begin(), before.end());
      std::sort(seqs.begin(), seqs.end());
      seqs.erase(std::unique(seqs.begin(), seqs.end()), seqs.end());
    }
  }
  std::vector<Json> entries;
  std::optional<Time> first;
  for (const std::uint64_t seq : seqs) {
    TRY(event, context.plane.evidence().event(seq));
    if (!first) first = event.time;
    entries.push_back(journal_entry(context, *state, event));
  }
  if (id.starts_with("grt_")) {
    TRY(decisions, decisions_about(context, id, *first));
    entries.insert(entries.end(), decisions.begin(), decisions.end());
  }
  std::stable_sort(entries.begin(), entries.end(), [](const Json& a, const Json& b) {
    return *a.find("time")->as_string() < *b.find("time")->as_string();
  });
  return net::json_response(Json::object({{"entries", Json(JsonArray(entries))}}));
}

// Everyone may read the story of what they asked for or hold; the rest is a matter of policy.
void story_route(const Context& context, const net::Request& request, net::Responder responder) {
  const auto state = context.plane.states().get();
  auto caller = authenticate(context, request, *state);
  if (!caller) return responder.send_error(caller.error());
  auto shared = std::make_shared<net::Responder>(std::move(responder));
  const std::string id(request.param("id"));
  const auto with_own = [&context, shared, id, caller = *caller](const Result<bool>& own) {
    if (!own) return shared->send_error(own.error());
    require(context, caller, *own ? "list_own" : "read_evidence", "system",
            context.plane.states().get()->genesis.trust_domain,
            [&context, shared, id](const Status& allowed) {
              if (!allowed) return shared->send_error(allowed.error());
              const bool taken = context.pool.run([&context, shared, id] {
                auto response = story(context, id);
                response ? shared->send(std::move(*response))
                         : shared->send_error(response.error());
              });
              if (!taken)
                shared->send_error({Code::kExhausted, "the server is busy; try again", {}});
            });
  };
  const bool taken = context.pool.run([&context, id, identity = caller->actor.identity, with_own] {
    with_own(concerns(context, id, identity));
  });
  if (!taken) shared->send_error({Code::kExhausted, "the server is busy; try again", {}});
}

}  // namespace

void add_evidence_routes(net::HttpServer& server, const Context& context) {
  server.route("GET", "/v1/evidence/story/{id}",
               [&context](const net::Request& request, net::Responder responder) {
                 story_route(context, request, std::move(responder));
               });

  server.route("GET", "/v1/evidence/{log}/checkpoint",
               [&context](const net::Request& request, net::Responder responder) {
                 const auto log = log_named(request);
                 if (!log) return responder.send_error(log.error());
                 answer_reader(context, request, std::move(responder),
                               [&context, log = *log]() -> Result<net::Response> {
                                 TRY(note, context.plane.evidence().checkpoint(log));
                                 return text(std::move(note));
                               });
               });

  server.route("GET", "/v1/evidence/{log}/key",
               [&context](const net::Request& request, net::Responder responder) {
                 const auto log = log_named(request);
                 if (!log) return responder.send_error(log.error());
                 const auto state = context.plane.states().get();
                 auto caller = authenticate(context, request, *state);
                 if (!caller) return responder.send_error(caller.error());
                 responder.send(text(context.plane.evidence().verifier_key(*log)));
               });

  // tile/LEVEL/N and tile/entries/N, where N is one to four segments: tlog-tiles paths.
  const auto tile = [&context](const net::Request& request, net::Responder responder) {
    const auto log = log_named(request);
    if (!log) return responder.send_error(log.error());
    std::string path = "tile/" + std::string(request.param("level"));
    for (const std::string_view part : {"a", "b", "c", "d", "e"}) {
      if (const std::string_view value = request.param(part); !value.empty()) {
        path += "/" + std::string(value);
      }
    }
    answer_reader(context, request, std::move(responder),
                  [&context, log = *log, path]() -> Result<net::Response> {
                    TRY(bytes, context.plane.evidence().tile(log, path));
                    return octets(std::move(bytes));
                  });
  };
  std::string pattern = "/v1/evidence/{log}/tile/{level}";
  for (const std::string_view part : {"a", "b", "c", "d", "e"}) {
    pattern += "/{" + std::string(part) + "}";
    server.route("GET", pattern, tile);
  }

  server.route("GET", "/v1/evidence/decisions/payload/{index}",
               [&context](const net::Request& request, net::Responder responder) {
                 const auto index = number(request.param("index"), "index");
                 if (!index) return responder.send_error(index.error());
                 answer_reader(
                     context, request, std::move(responder),
                     [&context, index = *index]() -> Result<net::Response> {
                       TRY(entry, context.plane.evidence().decision(index));
                       return net::json_response(Json::object(
                           {{"salt", to_base64(entry.salt)}, {"payload", entry.payload}}));
                     });
               });

  server.route("GET", "/v1/evidence/{log}/proof/{index}",
               [&context](const net::Request& request, net::Responder responder) {
                 const auto log = log_named(request);
                 if (!log) return responder.send_error(log.error());
                 const auto index = number(request.param("index"), "index");
                 if (!index) return responder.send_error(index.error());
                 answer_reader(context, request, std::move(responder),
                               [&context, log = *log, index = *index]() -> Result<net::Response> {
                                 TRY(proof, context.plane.evidence().prove(log, index));
                                 return text(std::move(proof));
                               });
               });

  server.route("GET", "/v1/evidence/{log}/consistency",
               [&context](const net::Request& request, net::Responder responder) {
                 const auto log = log_named(request);
                 if (!log) return responder.send_error(log.error());
                 const auto from_given = request.query_param("from");
                 const auto to_given = request.query_param("to");
                 const auto from = number(from_given ? *from_given : "", "from");
                 if (!from) return responder.send_error(from.error());
                 const auto to = number(to_given ? *to_given : "", "to");
                 if (!to) return responder.send_error(to.error());
                 answer_reader(
                     context, request, std::move(responder),
                     [&context, log = *log, from = *from, to = *to]() -> Result<net::Response> {
                       TRY(hashes, context.plane.evidence().consistency(log, from, to));
                       Json list = Json::array();
                       for (const Hash& hash : hashes) list.push(to_base64(as_bytes(hash)));
                       return net::json_response(Json::object({{"hashes", list}}));
                     });
               });
}

}  // namespace writ::api
