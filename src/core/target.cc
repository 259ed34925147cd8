#include "core/target.h"

#include "base/bytes.h"

namespace writ::core {

Secret login_secret(const Secret& target_key, std::string_view grant, Hmac hmac) {
  std::string mac = hmac(target_key.reveal(), "writ login secret v1\n" + std::string(grant));
  Secret secret(to_base64url(mac));
  zero(mac.data(), mac.size());
  return secret;
}

std::vector<Result<StepOutcome>> Target::apply_all(const std::vector<Step>& steps,
                                                   std::uint64_t fence) {
  std::vector<Result<StepOutcome>> outcomes;
  outcomes.reserve(steps.size());
  for (const Step& step : steps) outcomes.push_back(apply(step, fence));
  return outcomes;
}

Result<std::vector<ObservedUse>> Target::uses(const std::string& /*login*/) {
  return std::vector<ObservedUse>{};
}

}  // namespace writ::core
