// The machine's randomness (OpenSSL's DRBG), behind writ::Random.
#pragma once

#include "base/random.h"

namespace writ::crypto {

// Thread-safe: every thread draws from its own buffer, which is filled in blocks and whose used
// bytes are zeroed. Ends the process when the generator fails: nothing may go on without it.
// A forked child must exec; buffers are not fork-safe.
class SystemRandom final : public Random {
 public:
  std::string bytes(std::size_t size) override;
};

}  // namespace writ::crypto
