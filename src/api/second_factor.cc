#include "api/second_factor.h"

#include <algorithm>

#include "base/bytes.h"
#include "crypto/totp.h"

namespace writ::api {
namespace {

constexpr Millis kFirstWait = std::chrono::seconds(30);
constexpr Millis kLongestWait = std::chrono::hours(1);

CodeCheck refuse(Code code, std::string message) {
  return {{}, Error{code, std::move(message), {}}};
}

}  // namespace

Millis wait_after(int failures) {
  if (failures < kFreeTries) return Millis(0);
  const int doublings = std::min(failures - kFreeTries, 10);
  return std::min<Millis>(kFirstWait * (1 << doublings), kLongestWait);
}

CodeCheck check_code(const core::State& state, const core::Sealer& sealer,
                     std::string_view identity, std::string_view device, std::string_view code,
                     Time now) {
  const core::SecondFactor* factor = state.second_factors.find(std::string(identity));
  if (factor == nullptr) {
    return refuse(Code::kUnauthenticated, "no authenticator is set up; enrol a device first");
  }
  if (factor->locked_until && now < *factor->locked_until) {
    return refuse(Code::kExhausted,
                  "too many wrong codes; try again at " + to_text(*factor->locked_until));
  }
  if (code.size() != 6 || code.find_first_not_of("0123456789") != std::string_view::npos) {
    return refuse(Code::kInvalid, "a code has six digits");
  }
  auto seed = sealer.open(factor->seed);
  if (!seed) return refuse(Code::kUnauthenticated, "the authenticator of this identity is erased");
  auto raw = from_base64(*seed);
  zero(seed->data(), seed->size());
  if (!raw) return refuse(Code::kCorrupt, "the authenticator's key cannot be read");
  const auto step = crypto::verify_totp(Secret(std::move(*raw)), code, now);
  if (step && *step > factor->last_step) {
    return {{core::SecondFactorShown{std::string(identity), std::string(device), *step}}, {}};
  }
  core::SecondFactorFailed failed{std::string(identity), factor->failures + 1, std::nullopt};
  const Millis wait = wait_after(failed.failures);
  if (wait > Millis(0)) failed.locked_until = now + wait;
  std::string message =
      step ? "this code was used already; wait for the next one" : "the code is wrong";
  if (failed.locked_until)
    message += "; the next try is possible at " + to_text(*failed.locked_until);
  return {{std::move(failed)}, Error{Code::kUnauthenticated, std::move(message), {}}};
}

}  // namespace writ::api
