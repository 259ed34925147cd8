#include "core/sealed.h"

namespace writ::core {

std::string opened_or_erased(const Sealer& sealer, const Sealed& sealed) {
  auto text = sealer.open(sealed);
  return text ? std::move(*text) : "(erased)";
}

}  // namespace writ::core
