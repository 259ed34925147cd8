// apply_policy: the only way in which policies change. Two persons.
#include "core/call.h"
#include "core/policy_ahead.h"
#include "core/policy_check.h"
#include "core/policy_text.h"
#include "core/verbs.h"

namespace writ::core {
namespace {

struct ApplyPolicy {
  std::optional<std::vector<PolicyFile>> files;
  std::optional<std::string> hash;   // policy_hash of the files, as the sender computed it
  std::optional<std::int64_t> base;  // the version that they were made to replace
};
template <class V>
void fields(V& v, ApplyPolicy& a) {
  v("files", a.files);
  v("hash", a.hash);
  v("base", a.base);
}

// A change that waited has the hash of a list that State holds; a sender sends the files.
Result<std::vector<PolicyFile>> files_of(const State& state, Source source, ApplyPolicy body) {
  if (source == Source::kChange) {
    auto files = policy_files(state, body.hash.value_or(""));
    if (!files)
      return fail(Code::kInternal, "a change has lost its files: " + files.error().text());
    return files;
  }
  if (!body.files) return fail(Code::kInvalid, "the member \"files\" is missing", "/files");
  CHECK_OK(check_policy_files(*body.files));
  return std::move(*body.files);
}

}  // namespace

Result<Carried> apply_policy(const Call& call, const Json& json) {
  CHECK_OK(may_administer(call, "apply_policy"));
  TRY(body, from_json<ApplyPolicy>(json));
  const std::optional<std::string> claimed = body.hash;
  if (body.base && *body.base != call.state.policy_version) {
    return fail(Code::kConflict,
                "these policies were to replace version " + std::to_string(*body.base) +
                    ", and version " + std::to_string(call.state.policy_version) +
                    " is in force by now; look at what changed (writ policy history), and propose "
                    "them anew",
                "/base");
  }
  TRY(files, files_of(call.state, call.source, std::move(body)));
  RecordedFiles recorded = record_files(call.state, files, call.outside.sha256_hex);
  const std::string& hash = recorded.hash;
  if (claimed && *claimed != hash) {
    return fail(Code::kInvalid, "this is not the hash of these files, which is " + hash, "/hash");
  }
  if (hash == call.state.policy_hash) {
    return fail(Code::kConflict, "these files are version " +
                                     std::to_string(call.state.policy_version) +
                                     ", which is in force already; there is nothing to apply");
  }
  std::shared_ptr<const Policies> policies = call.outside.compiled;
  if (policies == nullptr || policies->hash != hash) {
    TRY(checked, check_policies(files, hash));
    policies = std::move(checked.policies);
  }
  if (held_policy_bytes(call.state) + recorded.bytes > kMostHeldPolicyBytes) {
    return fail(Code::kExhausted,
                "the changes of policy that wait are too large to add another; "
                "decide on one of them, or withdraw it");
  }
  // What waits for its second person replaces what its first one saw.
  Kept kept{Json::object({{"hash", hash}, {"base", call.state.policy_version}}), recorded.events};
  const PolicyApplied applied{call.state.policy_version + 1, hash,
                              static_cast<std::int64_t>(files.size()), std::move(policies)};
  Outcome outcome{
      std::move(recorded.events), Json::object({{"version", applied.version}, {"hash", hash}}), {}};
  outcome.events.emplace_back(applied);
  // With the change itself, so that a crash between them leaves no session open; the rest of very
  // many come after it.
  constexpr std::size_t kMostTogether = 500;
  for (std::string& grant :
       denied_sessions(call.state, call.state.policies, applied.compiled, call.now())) {
    if (outcome.events.size() >= kMostTogether) break;
    outcome.events.emplace_back(
        GrantRevoking{std::move(grant), EndReason::kPolicyChanged, std::nullopt, std::nullopt});
  }
  return Carried{std::move(outcome), Persons::kTwo, std::move(kept)};
}

Result<std::optional<std::vector<PolicyFile>>> policies_ahead(const State& state,
                                                              std::string_view verb,
                                                              const Json& body) {
  ApplyPolicy wanted;
  Source source = Source::kSender;
  if (verb == "apply_policy") {
    TRY(sent, from_json<ApplyPolicy>(body));
    wanted = std::move(sent);
  } else {
    const Json* id = verb == "approve" ? body.find("id") : nullptr;
    const Change* change = id == nullptr || id->as_string() == nullptr
                               ? nullptr
                               : state.changes.find(*id->as_string());
    if (change == nullptr || policy_list_of(*change).empty()) {
      return std::optional<std::vector<PolicyFile>>();
    }
    source = Source::kChange;
    wanted.hash = policy_list_of(*change);
  }
  TRY(files, files_of(state, source, std::move(wanted)));
  return std::optional(std::move(files));
}

Result<std::shared_ptr<const Policies>> compiled_ahead(
    const State& state, std::string_view verb, const Json& body,
    std::string (*sha256_hex)(std::string_view)) {
  TRY(files, policies_ahead(state, verb, body));
  if (!files) return std::shared_ptr<const Policies>();
  TRY(checked, check_policies(*files, policy_hash(*files, sha256_hex)));
  return std::move(checked.policies);
}

}  // namespace writ::core
