// Personal fields: sealed under a key per subject, so that erasing the key erases the person and
// breaks no proof. Hashes and signatures are taken over the sealed form.
#pragma once

#include <string>
#include <string_view>

#include "base/json_fields.h"
#include "base/result.h"
#include "base/slim.h"
#include "base/text.h"

namespace writ::core {

struct Sealed {
  SharedText subject;  // whose key; an identity id
  SharedText box;      // base64 of nonce and AES-256-GCM ciphertext
  bool operator==(const Sealed&) const = default;
};
template <class V>
void fields(V& v, Sealed& s) {
  v("subject", s.subject);
  v("box", s.box);
}

}  // namespace writ::core

// Nothing is sealed for nobody.
template <>
struct writ::NoneOf<writ::core::Sealed> {
  static core::Sealed make() { return {}; }
  static bool is(const core::Sealed& sealed) { return sealed.subject.empty(); }
};

namespace writ::core {

// Seals and opens personal fields and small secrets (TOTP seeds). Thread-safe. `control` implements
// it over the key-encryption key; tests use one of their own.
class Sealer {
 public:
  virtual ~Sealer() = default;
  // Creates the subject's key on first use; the key becomes durable with the events that use it.
  virtual Result<Sealed> seal(std::string_view subject, std::string_view text) = 0;
  // kNotFound ("erased") when the subject's key is gone; kCorrupt when the box was altered.
  virtual Result<std::string> open(const Sealed& sealed) const = 0;
  // A keyed digest, the same for the same text on every server: names stay unique and tombstoned
  // after the person is erased. Lower-case hex.
  virtual std::string digest(std::string_view text) const = 0;
};

// What a person may read: the text, or "(erased)".
std::string opened_or_erased(const Sealer& sealer, const Sealed& sealed);

}  // namespace writ::core
