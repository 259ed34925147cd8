#include "core/target.h"

#include "base/bytes.h"

namespace writ::core {

Secret login_secret(const Secret& target_key, std::string_view grant, Hmac hmac) {
  std::string mac = hmac(target_key.reveal(), "writ login secret v1\n" + std::string(grant));
  Secret secret(to_base64url(mac));
  zero(mac.data(), mac.size());
  return secret;
}

}  // namespace writ::core
