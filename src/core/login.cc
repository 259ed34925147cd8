#include "core/login.h"

#include "core/entities.h"

namespace writ::core {
namespace {

constexpr std::string_view kPrefix = "writ_";
constexpr std::size_t kSuffix = 6;
constexpr std::size_t kMostName = 51;

}  // namespace

std::string login_stem(std::string_view name) {
  std::string stem(kPrefix);
  for (char c : name.substr(0, kMostName)) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    stem.push_back(plain ? c : '_');
  }
  return stem + "_";
}

std::string_view login_suffix(std::string_view grant_id) {
  return grant_id.size() > kSuffix ? grant_id.substr(grant_id.size() - kSuffix) : grant_id;
}

std::string login_of(const State& state, const Grant& grant) {
  const Subject* subject = state.entities->subject(grant.beneficiary);
  const std::string stem = subject == nullptr ? login_stem("unknown") : subject->login_stem;
  return stem + std::string(login_suffix(grant.id));
}

std::string recorded_login(std::string_view login) {
  const auto last = login.rfind('_');
  if (!login.starts_with(kPrefix) || last == std::string_view::npos || last < kPrefix.size()) {
    return std::string(login);
  }
  return std::string(kPrefix) + "*" + std::string(login.substr(last));
}

std::string without_login(std::string text, std::string_view login) {
  if (login.empty()) return text;
  const std::string recorded = recorded_login(login);
  for (auto at = text.find(login); at != std::string::npos; at = text.find(login, at)) {
    text.replace(at, login.size(), recorded);
    at += recorded.size();
  }
  return text;
}

Step recorded_step(Step step) {
  if (step.kind == StepKind::kDisableSecret) return step;  // of an account that Writ did not make
  step.login = recorded_login(step.login);
  if (step.account) step.account->login = recorded_login(step.account->login);
  return step;
}

}  // namespace writ::core
