#include "core/domain.h"

namespace writ::core {

const TierLimits& limits_of(Tier tier) {
  using std::chrono::hours;
  using std::chrono::minutes;
  using std::chrono::seconds;
  constexpr hours kDay{24};
  static constexpr TierLimits kCritical{minutes(5), minutes(5), seconds(0), 30 * kDay, 30 * kDay};
  static constexpr TierLimits kHigh{hours(1), hours(1), seconds(15), 90 * kDay, 45 * kDay};
  static constexpr TierLimits kMedium{hours(24), hours(24), seconds(60), 180 * kDay, 90 * kDay};
  // Legacy waits for a dated exception to keep a grant for long; its certificates stay short.
  static constexpr TierLimits kLegacy{30 * kDay, hours(24), seconds(60), 90 * kDay, 90 * kDay};
  switch (tier) {
    case Tier::kCritical:
      return kCritical;
    case Tier::kHigh:
      return kHigh;
    case Tier::kMedium:
      return kMedium;
    case Tier::kLegacy:
      return kLegacy;
  }
  return kCritical;
}

}  // namespace writ::core
