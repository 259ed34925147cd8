// Tokens of search pages: where a search goes on. Sealed with a key of this process, so that they
// tell nothing, cannot be made or changed, and end with the process or after ten minutes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/random.h"
#include "base/result.h"
#include "base/secret.h"

namespace writ::api {

inline constexpr Millis kTokenLife = std::chrono::minutes(10);

struct PagePosition {
  std::optional<std::string> after;  // candidate; none: at the start
  std::int64_t limit = 0;            // results of a page
};

// Thread-safe.
class PageTokens {
 public:
  explicit PageTokens(Random& random);

  // `search` says who asks for what: a token serves the same asker and search alone.
  Result<std::string> make(const PagePosition& position, std::string_view search, Time now) const;
  // kInvalid for whatever is not such a token, or not any more.
  Result<PagePosition> read(std::string_view token, std::string_view search, Time now) const;

 private:
  Random& random_;
  const Secret key_;
};

}  // namespace writ::api
