// Policies over time: what a set would change (POST /v1/policies/plan), and what there was (GET
// /v1/policies/history, GET /v1/policies/{version}).
#include <atomic>
#include <charconv>
#include <set>

#include "api/context.h"
#include "control/policy_history.h"
#include "control/replay.h"
#include "core/policy_check.h"
#include "core/policy_plan.h"
#include "core/views.h"
#include "prove/analysis.h"

namespace writ::api {
namespace {

constexpr std::int64_t kMostVersions = 200;  // of one answer
constexpr std::size_t kMostGrantsShown = 1'000;
constexpr Millis kLongestPast = std::chrono::days(3660);

// ---- plan ----

struct PlanBody {
  std::vector<core::PolicyFile> files;
  std::optional<Millis> since;  // before now; without it nothing is replayed
};
template <class V>
void fields(V& v, PlanBody& b) {
  v("files", b.files);
  v("since_ms", b.since);
}

enum class FileChange { kAdded, kRemoved, kChanged, kSame };
constexpr auto enum_names(FileChange) {
  return std::to_array<std::string_view>({"added", "removed", "changed", "same"});
}

Json file_changes(const std::vector<core::NamedText>& before,
                  const std::vector<core::NamedText>& after) {
  std::map<std::string, std::pair<std::string, std::string>> hashes;  // name -> before, after
  for (const core::NamedText& file : before) hashes[file.name].first = file.hash;
  for (const core::NamedText& file : after) hashes[file.name].second = file.hash;
  Json changes = Json::array();
  for (const auto& [name, pair] : hashes) {
    const FileChange change = pair.first.empty()          ? FileChange::kAdded
                              : pair.second.empty()       ? FileChange::kRemoved
                              : pair.first != pair.second ? FileChange::kChanged
                                                          : FileChange::kSame;
    changes.push(Json::object({{"name", name}, {"change", name_of(change)}}));
  }
  return changes;
}

Json lost_json(const Context& context, const core::State& state,
               const std::vector<core::LostGrant>& lost) {
  Json rows = Json::array();
  for (std::size_t i = 0; i < lost.size() && i < kMostGrantsShown; ++i) {
    const core::Grant& grant = *lost[i].grant;
    rows.push(Json::object(
        {{"grant", grant.id},
         {"beneficiary", core::display_name(state, context.plane.vault(), grant.beneficiary)},
         {"entitlement", grant.entitlement},
         {"policy", grant.policy},
         {"why", name_of(lost[i].why)}}));
  }
  return rows;
}

Json flip_json(const Context& context, const core::State& state, const control::Flip& flip) {
  const core::Question& question = flip.recorded.question;
  Json row =
      Json::object({{"decision", "dec_" + std::to_string(flip.entry)},
                    {"time", to_json(flip.recorded.time)},
                    {"who", question.subject_type.empty()
                                ? core::display_name(state, context.plane.vault(), question.subject)
                                : question.subject_type + " " + question.subject},
                    {"action", question.action},
                    {"resource", question.resource},
                    {"was", flip.recorded.allow ? "allow" : "deny"},
                    {"in_force", flip.in_force ? "allow" : "deny"},
                    {"would_be", flip.would_be ? "allow" : "deny"},
                    {"policies", to_json(flip.policies)}});
  if (!flip.message.empty()) row.set("message", flip.message);
  return row;
}

Json replay_json(const Context& context, const core::State& state, const control::Replay& replay,
                 Time since) {
  Json flips = Json::array();
  for (const control::Flip& flip : replay.flips) flips.push(flip_json(context, state, flip));
  const auto count = [](std::uint64_t n) { return Json(static_cast<std::int64_t>(n)); };
  return Json::object({{"since", to_json(since)},
                       {"decisions", count(replay.in_window)},
                       {"replayed", count(replay.replayed)},
                       {"to_deny", count(replay.to_deny)},
                       {"to_allow", count(replay.to_allow)},
                       {"changed_before", count(replay.changed_before)},
                       {"unlike", count(replay.unlike)},
                       {"erased", count(replay.erased)},
                       {"other_entries", count(replay.not_decisions)},
                       {"commands_not_asked", count(replay.commands)},
                       {"complete", replay.complete},
                       {"flips", std::move(flips)}});
}

std::vector<core::NamedText> named(const std::vector<core::PolicyFile>& files) {
  std::vector<core::NamedText> list;
  for (const core::PolicyFile& file : files) list.push_back({file.name, sha256_hex(file.text)});
  return list;
}

// Why applying these would be refused, as far as the files alone do not tell.
Json refusals(const Context& context, const core::State& state, const PlanBody& body,
              const std::shared_ptr<const core::Policies>& policies, Time now) {
  Json rows = Json::array();
  const auto add = [&](const Status& status) {
    if (status) return;
    const Error& error = status.error();
    rows.push(Json::object(
        {{"code", code_name(error.code)}, {"where", error.where}, {"message", error.message}}));
  };
  add(core::keeps_administration(state, policies, now, context.plane.vault()));
  add(prove::check_invariants(body.files, context.programs, prove::kInvariantsTime));
  return rows;
}

Result<Json> plan(const Context& context, const std::string& text) {
  TRY(json, parse_json(text, {.bytes = kMostPolicyBody}));
  TRY(body, from_json<PlanBody>(json));
  if (body.since && (*body.since <= Millis(0) || *body.since > kLongestPast)) {
    return fail(Code::kInvalid, "this is no time of the past", "/since_ms");
  }
  CHECK_OK(core::check_policy_files(body.files));
  const std::string hash = core::policy_hash(body.files, sha256_hex);
  TRY(checked, core::check_policies(body.files, hash));
  const auto state = context.plane.states().get();
  const Time now = context.plane.time().now();
  TRY(in_force, core::policy_list(*state, state->policy_hash));
  const auto lost = core::grants_lost(*state, checked.policies, now);
  Json answer = Json::object(
      {{"version", state->policy_version},
       {"hash", hash},
       {"in_force", state->policy_hash},
       {"files", file_changes(in_force, named(body.files))},
       {"policies", to_json(core::policy_differences(*state->policies, *checked.policies))},
       {"warnings", to_json(checked.warnings)},
       {"refused", refusals(context, *state, body, checked.policies, now)},
       {"grants_lost", static_cast<std::int64_t>(lost.size())},
       {"grants", lost_json(context, *state, lost)}});
  if (body.since) {
    const Time since = now - *body.since;
    TRY(replayed, control::replay(context.plane, {state->policies, checked.policies}, since));
    answer.set("replay", replay_json(context, *state, replayed, since));
  }
  return answer;
}

// ---- History ----

std::string who(const Context& context, const core::State& state, const std::string& identity) {
  if (identity.empty() || identity == "server") return identity;
  return core::display_name(state, context.plane.vault(), identity);
}

Json version_json(const Context& context, const core::State& state,
                  const control::PolicyVersion& version) {
  return Json::object({{"version", version.version},
                       {"time", to_json(version.time)},
                       {"hash", version.hash},
                       {"change", version.change},
                       {"proposed_by", who(context, state, version.proposer)},
                       {"approved_by", who(context, state, version.approver)}});
}

// The newest ones first.
Result<Json> history(const Context& context, std::int64_t before, std::int64_t limit) {
  const auto state = context.plane.states().get();
  Json rows = Json::array();
  std::optional<control::PolicyVersion> later;
  const std::int64_t newest = std::min(before - 1, state->policy_version);
  for (std::int64_t n = newest; n >= 1 && n > newest - limit; --n) {
    if (!later) {
      TRY(found, control::policy_version(context.plane.evidence(), n));
      later = std::move(found);
    }
    std::optional<control::PolicyVersion> earlier;
    if (n > 1) {
      TRY(found, control::policy_version(context.plane.evidence(), n - 1));
      earlier = std::move(found);
    }
    Json row = version_json(context, *state, *later);
    row.set("files",
            file_changes(earlier ? earlier->files : std::vector<core::NamedText>(), later->files));
    rows.push(std::move(row));
    later = std::move(earlier);
  }
  return Json::object({{"in_force", state->policy_version}, {"versions", std::move(rows)}});
}

Result<Json> version(const Context& context, std::int64_t number) {
  const auto state = context.plane.states().get();
  TRY(found, control::policy_version(context.plane.evidence(), number));
  TRY(files, control::policy_texts(context.plane.evidence(), found.files));
  Json json = version_json(context, *state, found);
  json.set("files", to_json(files));
  json.set("in_force", state->policy_version);
  return json;
}

std::optional<std::int64_t> number_of(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (bad != std::errc() || end != text.data() + text.size() || number < 1) return std::nullopt;
  return number;
}

// However the work ends for which a flag was set.
struct ClearedAtExit {
  std::atomic<bool>& flag;
  ~ClearedAtExit() { flag.store(false); }
};

}  // namespace

void add_policy_routes(net::HttpServer& server, const Context& context) {
  // One plan at a time: it may replay for long.
  const auto busy = std::make_shared<std::atomic<bool>>(false);
  server.route("POST", "/v1/policies/plan",
               [&context, busy](const net::Request& request, net::Responder responder) {
                 const auto state = context.plane.states().get();
                 auto caller = authenticate(context, request, *state);
                 if (!caller) return responder.send_error(caller.error());
                 answer_when_allowed(
                     context, *caller, "plan_policy", "system", state->genesis.trust_domain,
                     std::move(responder),
                     [&context, busy, text = std::string(request.body)]() -> Result<Json> {
                       if (busy->exchange(true)) {
                         return fail(Code::kExhausted,
                                     "another plan is being made; try again in a moment");
                       }
                       const ClearedAtExit cleared{*busy};
                       return plan(context, text);
                     });
               },
               {.body = kMostPolicyBody});

  server.route("GET", "/v1/policies/history",
               [&context](const net::Request& request, net::Responder responder) {
                 const auto state = context.plane.states().get();
                 auto caller = authenticate(context, request, *state);
                 if (!caller) return responder.send_error(caller.error());
                 std::int64_t before = state->policy_version + 1;
                 if (const auto text = request.query_param("before")) {
                   const auto number = number_of(*text);
                   if (!number) {
                     return responder.send_error({Code::kInvalid, "this is no version", "before"});
                   }
                   before = *number;
                 }
                 answer_when_allowed(
                     context, *caller, "list", "system", state->genesis.trust_domain,
                     std::move(responder),
                     [&context, before] { return history(context, before, kMostVersions); });
               });

  server.route("GET", "/v1/policies/{version}",
               [&context](const net::Request& request, net::Responder responder) {
                 const auto state = context.plane.states().get();
                 auto caller = authenticate(context, request, *state);
                 if (!caller) return responder.send_error(caller.error());
                 const auto number = number_of(request.param("version"));
                 if (!number) {
                   return responder.send_error({Code::kInvalid, "this is no version", "version"});
                 }
                 answer_when_allowed(
                     context, *caller, "list", "system", state->genesis.trust_domain,
                     std::move(responder),
                     [&context, number = *number] { return version(context, number); });
               });
}

}  // namespace writ::api
