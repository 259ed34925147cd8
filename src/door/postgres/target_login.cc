#include "door/postgres/target_login.h"

#include <charconv>

#include "base/bytes.h"

namespace writ::door::postgres {
namespace {

constexpr std::size_t kLongestMessage = 64 * 1024;
constexpr std::size_t kMostParameters = 64 * 1024;
constexpr std::size_t kMostCached = 10'000;
// The derivation runs on the loop that serves everyone.
constexpr unsigned kMostIterations = 100'000;

constexpr std::uint32_t kAuthOk = 0;
constexpr std::uint32_t kAuthSasl = 10;
constexpr std::uint32_t kAuthSaslContinue = 11;
constexpr std::uint32_t kAuthSaslFinal = 12;

// "r=…,s=…,i=…" → the value of that attribute.
std::string attribute(std::string_view text, char name) {
  while (!text.empty()) {
    const std::size_t comma = text.find(',');
    const std::string_view part = text.substr(0, comma);
    if (part.size() > 2 && part[0] == name && part[1] == '=') return std::string(part.substr(2));
    if (comma == std::string_view::npos) break;
    text.remove_prefix(comma + 1);
  }
  return {};
}

}  // namespace

const ScramCache::Entry* ScramCache::find(const std::string& grant) const {
  const auto found = entries_.find(grant);
  return found == entries_.end() ? nullptr : &found->second;
}

void ScramCache::put(const std::string& grant, Entry entry) {
  // Ended grants are never used again; starting over is rare and costs one derivation a grant.
  if (entries_.size() >= kMostCached) entries_.clear();
  entries_.insert_or_assign(grant, std::move(entry));
}

TargetLogin::TargetLogin(Wanted wanted, ScramCache& cache, Random& random)
    : wanted_(std::move(wanted)), cache_(cache), random_(random) {}

Result<std::string> TargetLogin::begin_scram(std::string_view mechanisms) {
  bool plain = false;
  bool bound = false;
  while (!mechanisms.empty() && mechanisms[0] != '\0') {
    const std::size_t end = mechanisms.find('\0');
    if (end == std::string_view::npos)
      return fail(Code::kInvalid, "a malformed list of mechanisms");
    plain = plain || mechanisms.substr(0, end) == "SCRAM-SHA-256";
    bound = bound || mechanisms.substr(0, end) == "SCRAM-SHA-256-PLUS";
    mechanisms.remove_prefix(end + 1);
  }
  if (!plain && !bound) return fail(Code::kInvalid, "the target does not offer SCRAM-SHA-256");
  if (const ScramCache::Entry* known = cache_.find(wanted_.grant)) {
    from_cache_ = true;
    salt_ = known->salt;
    iterations_ = known->iterations;
    scram_.emplace(
        crypto::ScramKeys{known->keys.client_key.clone(), known->keys.server_key.clone()}, random_);
  } else {
    scram_.emplace(wanted_.password.clone(), random_);
  }
  if (!wanted_.end_point_hash.empty()) {
    bound ? scram_->bind_channel(wanted_.end_point_hash) : scram_->server_lacks_binding();
  } else if (!plain) {
    return fail(Code::kInvalid,
                "the target demands a channel binding that its certificate forbids");
  }
  TRY(first, scram_->client_first());
  std::string body(scram_->mechanism());
  body.push_back('\0');
  put_u32(body, static_cast<std::uint32_t>(first.size()));
  return message('p', body + first);
}

Result<std::string> TargetLogin::answer_scram(std::string_view server_first) {
  const std::string salt = attribute(server_first, 's');
  const std::string iterations = attribute(server_first, 'i');
  unsigned count = 0;
  std::from_chars(iterations.data(), iterations.data() + iterations.size(), count);
  if (count > kMostIterations) {
    return fail(Code::kInvalid, "the target wants " + iterations + " SCRAM iterations");
  }
  if (from_cache_ && (salt != salt_ || iterations != iterations_)) {
    cache_.drop(wanted_.grant);
    return fail(Code::kConflict, "the login has a new verifier");
  }
  salt_ = salt;
  iterations_ = iterations;
  TRY(final_message, scram_->client_final(server_first));
  return message('p', final_message);
}

Result<std::string> TargetLogin::authenticate(std::string_view body) {
  if (body.size() < 4) return fail(Code::kInvalid, "a malformed authentication message");
  const std::uint32_t kind = get_u32(body.data());
  body.remove_prefix(4);
  switch (kind) {
    case kAuthOk:
      if (!proven_) {
        return fail(Code::kInvalid,
                    "the target let the login in without a proof of its secret; "
                    "its pg_hba.conf must demand scram-sha-256");
      }
      let_in_ = true;
      return std::string();
    case kAuthSasl:
      if (scram_) return fail(Code::kInvalid, "a second SASL exchange");
      return begin_scram(body);
    case kAuthSaslContinue:
      if (!scram_) return fail(Code::kInvalid, "a SASL answer that nobody asked for");
      return answer_scram(body);
    case kAuthSaslFinal: {
      if (!scram_) return fail(Code::kInvalid, "a SASL answer that nobody asked for");
      CHECK_OK(scram_->verify(body));
      proven_ = true;
      if (!from_cache_) {
        cache_.put(wanted_.grant,
                   {salt_,
                    iterations_,
                    {scram_->keys().client_key.clone(), scram_->keys().server_key.clone()}});
      }
      wanted_.password = Secret();
      return std::string();
    }
    default:
      return fail(Code::kInvalid, "the target asks for a login of kind " + std::to_string(kind) +
                                      " instead of scram-sha-256");
  }
}

Result<std::string> TargetLogin::feed(std::string_view bytes) {
  received_ += bytes;
  std::string out;
  std::size_t used = 0;
  while (!done_) {
    TRY(next, next_message(std::string_view(received_).substr(used), kLongestMessage));
    if (!next) break;
    const std::size_t size = 5 + next->body.size();
    const std::string_view whole = std::string_view(received_).substr(used, size);
    if (next->type == 'E') {
      refusal_ = parse_error(next->body);
      refusal_message_ = whole;
      return fail(Code::kDenied, refusal_->message);
    }
    if (!let_in_) {
      if (next->type == 'R') {
        TRY(answer, authenticate(next->body));
        out += answer;
      } else if (next->type != 'N') {
        return fail(Code::kInvalid, "an unexpected message before the login was done");
      }
    } else {
      switch (next->type) {
        case 'S':
        case 'N':
          parameters_ += whole;
          if (parameters_.size() > kMostParameters) {
            return fail(Code::kInvalid, "too many parameters after the login");
          }
          break;
        case 'K':
          if (next->body.size() < 8 || next->body.size() > 4 + kLongestCancelKey) {
            return fail(Code::kInvalid, "a malformed cancel key");
          }
          backend_key_ = {get_u32(next->body.data()), std::string(next->body.substr(4))};
          break;
        case 'Z':
          done_ = true;
          continue;  // stays in received_, for the client
        default:
          return fail(Code::kInvalid, "an unexpected message after the login");
      }
    }
    used += size;
  }
  received_.erase(0, used);
  return out;
}

}  // namespace writ::door::postgres
