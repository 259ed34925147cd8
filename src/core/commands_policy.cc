// apply_policy: the only way in which policies change. Two persons.
#include "core/call.h"
#include "core/names.h"
#include "core/policy.h"
#include "core/verbs.h"

namespace writ::core {
namespace {

struct ApplyPolicy {
  std::vector<PolicyFile> files;
  std::optional<std::string> hash;  // policy_hash of the files, as the sender computed it
};
template <class V>
void fields(V& v, ApplyPolicy& a) {
  v("files", a.files);
  v("hash", a.hash);
}

}  // namespace

Result<Carried> apply_policy(const Call& call, const Json& json) {
  TRY(body, from_json<ApplyPolicy>(json));
  CHECK_OK(may_administer(call, "apply_policy"));
  for (std::size_t i = 0; i < body.files.size(); ++i) {
    const std::string pointer = "/files/" + std::to_string(i) + "/name";
    const std::string& name = body.files[i].name;
    CHECK_OK(check_text(name, pointer));
    for (std::size_t j = 0; j < i; ++j) {
      if (body.files[j].name == name) {
        return fail(Code::kInvalid, "two files have this name", pointer);
      }
    }
  }
  const std::string hash = policy_hash(body.files, call.outside.sha256_hex);
  if (body.hash && *body.hash != hash) {
    return fail(Code::kInvalid, "this is not the hash of these files, which is " + hash, "/hash");
  }
  CHECK_OK(compile_policies(body.files));
  const PolicyApplied applied{call.state.policy_version + 1, hash, body.files};
  const Json result = Json::object({{"version", applied.version}, {"hash", hash}});
  return Carried{Outcome{{applied}, result, {}}, Persons::kTwo};
}

}  // namespace writ::core
