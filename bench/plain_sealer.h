// Fields as they would be without encryption, so that what is measured is not AES.
#pragma once

#include <string>
#include <string_view>

#include "base/bytes.h"
#include "core/event.h"

namespace writ::bench {

class PlainSealer final : public core::Sealer {
 public:
  Result<core::Sealed> seal(std::string_view subject, std::string_view text) override {
    return core::Sealed{std::string(subject), to_base64(text)};
  }
  Result<std::string> open(const core::Sealed& sealed) const override {
    return from_base64(sealed.box);
  }
  std::string digest(std::string_view text) const override { return to_hex(text); }
};

}  // namespace writ::bench
