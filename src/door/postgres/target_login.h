// Logging in to the real PostgreSQL as a grant's login, with SCRAM-SHA-256 (bound to the TLS
// channel where that can be), up to its first ReadyForQuery. Pure: bytes in, bytes out.
//
// The secret never leaves but as a SCRAM proof: a target that asks for it in clear or as MD5, or
// that lets the login in without any proof, is refused.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/random.h"
#include "base/result.h"
#include "base/secret.h"
#include "crypto/scram.h"
#include "door/postgres/wire.h"

namespace writ::door::postgres {

// SCRAM keys of grants, which spare the key derivation at the next login. In memory only.
class ScramCache {
 public:
  struct Entry {
    std::string salt;        // as the target sent it, base64
    std::string iterations;  // as sent
    crypto::ScramKeys keys;
  };
  const Entry* find(const std::string& grant) const;
  void put(const std::string& grant, Entry entry);
  void drop(const std::string& grant) { entries_.erase(grant); }

 private:
  std::map<std::string, Entry> entries_;
};

class TargetLogin {
 public:
  struct Wanted {
    std::string grant;
    std::vector<std::pair<std::string, std::string>> settings;  // of the StartupMessage, in order
    Secret password;
    std::string end_point_hash;  // of the target's certificate; empty: no channel binding
  };
  // `cache` and `random` outlive this.
  TargetLogin(Wanted wanted, ScramCache& cache, Random& random);

  std::string start() const { return startup_message(wanted_.settings); }
  // Takes what the target sent; returns what to send. kDenied when the target answered with an
  // error (`refusal` is that), kConflict when a remembered key is out of date (a new TargetLogin
  // will work), kInvalid for what is no PostgreSQL that this door can log in to.
  Result<std::string> feed(std::string_view bytes);

  bool done() const { return done_; }
  const std::optional<ErrorFields>& refusal() const { return refusal_; }
  const std::string& refusal_message() const { return refusal_message_; }  // as sent
  // After done: ParameterStatus and NoticeResponse messages for the client, the key of this
  // backend, and everything from ReadyForQuery on.
  const std::string& parameters() const { return parameters_; }
  const CancelKey& backend_key() const { return backend_key_; }
  const std::string& ready() const { return received_; }

 private:
  Result<std::string> authenticate(std::string_view body);
  Result<std::string> begin_scram(std::string_view mechanisms);
  Result<std::string> answer_scram(std::string_view server_first);

  Wanted wanted_;
  ScramCache& cache_;
  Random& random_;
  std::optional<crypto::ScramClient> scram_;
  std::string salt_;
  std::string iterations_;
  bool from_cache_ = false;
  bool proven_ = false;  // the target knows the verifier
  bool let_in_ = false;  // AuthenticationOk
  bool done_ = false;
  std::string received_;  // not yet taken apart
  std::string parameters_;
  CancelKey backend_key_;
  std::optional<ErrorFields> refusal_;
  std::string refusal_message_;
};

}  // namespace writ::door::postgres
