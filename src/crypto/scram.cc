#include "crypto/scram.h"

#include <algorithm>
#include <charconv>
#include <vector>

#include "base/bytes.h"
#include "crypto/hash.h"

namespace writ::crypto {
namespace {

constexpr unsigned kLeastIterations = 4096;
constexpr unsigned kMostIterations = 10'000'000;
constexpr std::size_t kLongestMessage = 4096;

std::string stored_key_of(const Secret& client_key) {
  return std::string(as_bytes(sha256(client_key.reveal())));
}

bool is_plain(std::string_view password) {
  return !password.empty() && std::all_of(password.begin(), password.end(),
                                          [](char c) { return c >= 0x20 && c <= 0x7e; });
}

// RFC 5802 section 5.1: "," and "=" are the only characters that a name must not hold as they are.
std::string escaped_name(std::string_view name) {
  std::string out;
  for (char c : name) {
    if (c == ',') {
      out += "=2C";
    } else if (c == '=') {
      out += "=3D";
    } else {
      out += c;
    }
  }
  return out;
}

// "r=…,s=…,i=…" → its parts; each must be "LETTER=VALUE" with the letter at its place in `letters`.
// Parts past those are extensions, which RFC 5802 lets a client ignore.
Result<std::vector<std::string_view>> attributes(std::string_view message,
                                                 std::string_view letters) {
  std::vector<std::string_view> values;
  while (values.size() < letters.size()) {
    const std::size_t comma = message.find(',');
    const std::string_view part = message.substr(0, comma);
    if (part.size() < 2 || part[0] != letters[values.size()] || part[1] != '=') {
      return fail(Code::kInvalid, "the server's SCRAM message is malformed");
    }
    values.push_back(part.substr(2));
    message.remove_prefix(comma == std::string_view::npos ? message.size() : comma + 1);
  }
  return values;
}

}  // namespace

Result<ScramKeys> scram_keys(const Secret& password, std::string_view salt, unsigned iterations) {
  if (!is_plain(password.reveal())) {
    return fail(Code::kInvalid, "a SCRAM password must be printable ASCII and not empty");
  }
  if (iterations < kLeastIterations || iterations > kMostIterations) {
    return fail(Code::kInvalid, "SCRAM iterations must be between 4096 and 10000000");
  }
  if (salt.empty()) return fail(Code::kInvalid, "the SCRAM salt is empty");
  const Secret salted = pbkdf2_sha256(password.reveal(), salt, iterations);
  ScramKeys keys;
  keys.client_key = Secret(as_bytes(hmac_sha256(salted.reveal(), "Client Key")));
  keys.server_key = Secret(as_bytes(hmac_sha256(salted.reveal(), "Server Key")));
  return keys;
}

std::string scram_verifier(const ScramKeys& keys, std::string_view salt, unsigned iterations) {
  return "SCRAM-SHA-256$" + std::to_string(iterations) + ":" + to_base64(salt) + "$" +
         to_base64(stored_key_of(keys.client_key)) + ":" + to_base64(keys.server_key.reveal());
}

Result<std::string> scram_verifier(const Secret& password, std::string_view salt,
                                   unsigned iterations) {
  TRY(keys, scram_keys(password, salt, iterations));
  return scram_verifier(keys, salt, iterations);
}

ScramClient::ScramClient(Secret password, Random& random)
    : password_(std::move(password)), nonce_(to_base64(random.bytes(15))) {}

ScramClient::ScramClient(ScramKeys keys, Random& random)
    : keys_(std::move(keys)), nonce_(to_base64(random.bytes(15))) {}

void ScramClient::bind_channel(std::string end_point_hash) {
  end_point_hash_ = std::move(end_point_hash);
  gs2_header_ = "p=tls-server-end-point,,";
}

void ScramClient::server_lacks_binding() {
  gs2_header_ = "y,,";
}

std::string_view ScramClient::mechanism() const {
  return end_point_hash_.empty() ? "SCRAM-SHA-256" : "SCRAM-SHA-256-PLUS";
}

Result<std::string> ScramClient::client_first(std::string_view user) {
  if (step_ != Step::kStart) return fail(Code::kConflict, "the SCRAM login has begun already");
  step_ = Step::kFirstSent;
  client_first_bare_ = "n=" + escaped_name(user) + ",r=" + nonce_;
  return gs2_header_ + client_first_bare_;
}

Result<std::string> ScramClient::client_final(std::string_view server_first) {
  if (step_ != Step::kFirstSent) return fail(Code::kConflict, "no SCRAM challenge is due");
  step_ = Step::kDone;  // unless all goes well
  if (server_first.size() > kLongestMessage) {
    return fail(Code::kInvalid, "the server's SCRAM message is too long");
  }
  TRY(parts, attributes(server_first, "rsi"));
  const std::string_view nonce = parts[0];
  if (!nonce.starts_with(nonce_) || nonce.size() == nonce_.size()) {
    return fail(Code::kInvalid, "the server's SCRAM nonce does not continue ours");
  }
  TRY(salt, from_base64(parts[1]));
  unsigned iterations = 0;
  const char* const end = parts[2].data() + parts[2].size();
  const auto read = std::from_chars(parts[2].data(), end, iterations);
  if (read.ec != std::errc{} || read.ptr != end || iterations < kLeastIterations ||
      iterations > kMostIterations) {
    return fail(Code::kInvalid, "the server's SCRAM iterations must be 4096 to 10000000");
  }
  if (keys_.client_key.empty()) {
    TRY(keys, scram_keys(password_, salt, iterations));
    keys_ = std::move(keys);
    password_ = Secret();
  }

  const std::string without_proof =
      "c=" + to_base64(gs2_header_ + end_point_hash_) + ",r=" + std::string(nonce);
  const std::string signed_text =
      client_first_bare_ + "," + std::string(server_first) + "," + without_proof;
  const Hash signature = hmac_sha256(stored_key_of(keys_.client_key), signed_text);
  std::string proof(keys_.client_key.reveal());
  for (std::size_t i = 0; i < proof.size() && i < signature.size(); ++i) {
    proof[i] = static_cast<char>(proof[i] ^ static_cast<char>(signature[i]));
  }
  server_signature_ = Secret(as_bytes(hmac_sha256(keys_.server_key.reveal(), signed_text)));
  step_ = Step::kFinalSent;
  return without_proof + ",p=" + to_base64(proof);
}

Status ScramClient::verify(std::string_view server_final) {
  if (step_ != Step::kFinalSent) return fail(Code::kConflict, "no SCRAM outcome is due");
  step_ = Step::kDone;
  if (server_final.size() > kLongestMessage) {
    return fail(Code::kInvalid, "the server's SCRAM message is too long");
  }
  if (server_final.starts_with("e=")) {
    return fail(Code::kUnauthenticated, "the server refused the SCRAM login");
  }
  TRY(parts, attributes(server_final, "v"));
  const auto signature = from_base64(parts[0]);
  if (!signature || !equal_constant_time(*signature, server_signature_.reveal())) {
    return fail(Code::kUnauthenticated, "the server does not know the SCRAM verifier");
  }
  return {};
}

}  // namespace writ::crypto
