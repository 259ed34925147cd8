// GET /.well-known/authzen-configuration: AuthZEN 1.0, section 9 (Policy Decision Point Metadata).
// Signed with the key of the listener's certificate, which is renewed while the server runs.
#pragma once

#include <mutex>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "base/secret.h"

namespace writ::api {

// Thread-safe.
class Metadata {
 public:
  // The certificate with this key, good until `until`, signs from here on.
  void sign_with(std::string_view chain_pem, const Secret& key_pem, Time until);

  // The document of the server that clients reach under `url`; made once, and again after either
  // changed.
  Result<std::string> text(const std::string& url, Time now);

 private:
  std::mutex mutex_;
  std::string chain_pem_;  // guarded by mutex_, as all that follows
  Secret key_pem_;
  Time until_{};
  std::string url_;
  std::string text_;  // empty: to be made
};

}  // namespace writ::api
