// SCRAM-SHA-256 and SCRAM-SHA-256-PLUS (RFC 5802, RFC 7677), the client's side, and the verifier
// text that PostgreSQL stores. Passwords must be printable ASCII, which SASLprep (RFC 4013) leaves
// as they are; others are kInvalid.
#pragma once

#include <string>
#include <string_view>

#include "base/random.h"
#include "base/result.h"
#include "base/secret.h"

namespace writ::crypto {

// What a client needs instead of the password. Works for one salt and iteration count only.
struct ScramKeys {
  Secret client_key;  // 32 bytes
  Secret server_key;  // 32 bytes
};

Result<ScramKeys> scram_keys(const Secret& password, std::string_view salt, unsigned iterations);

// "SCRAM-SHA-256$4096:SALT$STOREDKEY:SERVERKEY": what CREATE ROLE … PASSWORD takes. Iterations of
// at least 4096. No secret by itself, but it lets a guesser test passwords: treat it with care.
Result<std::string> scram_verifier(const Secret& password, std::string_view salt,
                                   unsigned iterations);
std::string scram_verifier(const ScramKeys& keys, std::string_view salt, unsigned iterations);

// One login. Call client_first, then client_final with the server's answer, then verify with its
// last message; any error ends the conversation.
class ScramClient {
 public:
  ScramClient(Secret password, Random& random);
  // With keys computed beforehand; the server must then name this salt and iteration count.
  ScramClient(ScramKeys keys, Random& random);

  // Binds to the TLS connection: `end_point_hash` as of Certificate::end_point_hash. Turns the
  // mechanism into SCRAM-SHA-256-PLUS. Call before client_first.
  void bind_channel(std::string end_point_hash);
  // Says that this client could bind but the server did not offer it ("y" flag), so that a server
  // which did offer it notices the downgrade. Call before client_first.
  void server_lacks_binding();

  std::string_view mechanism() const;
  // `user` may be empty (PostgreSQL takes the name from its start-up packet).
  Result<std::string> client_first(std::string_view user = {});
  // kInvalid for a malformed message, a foreign nonce, or iterations outside 4096 to 10,000,000.
  Result<std::string> client_final(std::string_view server_first);
  // kUnauthenticated unless the server proves that it knows the verifier.
  Status verify(std::string_view server_final);
  // The keys in use, from client_final on: for the next login with this salt and iteration count.
  const ScramKeys& keys() const { return keys_; }

 private:
  enum class Step { kStart, kFirstSent, kFinalSent, kDone };

  Secret password_;
  ScramKeys keys_;
  std::string nonce_;
  std::string gs2_header_ = "n,,";
  std::string end_point_hash_;
  std::string client_first_bare_;
  Secret server_signature_;
  Step step_ = Step::kStart;
};

}  // namespace writ::crypto
