// What targets should hold, and what their reconcilers report: desired_of, on_provisioned,
// on_try_failed, on_gone.
#include <algorithm>

#include "core/command.h"
#include "core/login.h"

namespace writ::core {
namespace {

constexpr std::size_t kMostError = 500;
constexpr std::size_t kMostQuarantined = 50'000;  // bytes of their names in JSON

const Grant* grant_in(const State& state, std::string_view id, GrantState wanted) {
  const Grant* grant = state.grants.find(id);
  return grant != nullptr && grant->state == wanted ? grant : nullptr;
}

Millis bounded_duration(const State& state, const Grant& grant) {
  const Entitlement* entitlement = state.entitlements.find(grant.entitlement);
  if (entitlement == nullptr) return std::min(grant.duration, limits_of(Tier::kCritical).max_ttl);
  return std::min(grant.duration, limits_of(tier_of(state, *entitlement)).max_ttl);
}

DesiredAccount account_of(const State& state, const Grant& grant, const Entitlement& entitlement,
                          Time now) {
  DesiredAccount account;
  account.grant = grant.id;
  account.login = login_of(state, grant);
  account.entitlement = entitlement.name;
  account.database = entitlement.database;
  account.membership = entitlement.membership;
  account.privileges = entitlement.privileges;
  account.until = grant.until.value_or(now + bounded_duration(state, grant));
  return account;
}

}  // namespace

Result<DesiredAccount> desired_account(const State& state, const Grant& grant, Time now) {
  const Entitlement* entitlement = state.entitlements.find(grant.entitlement);
  if (entitlement == nullptr) {
    return fail(Code::kNotFound, "the entitlement \"" + grant.entitlement + "\" is gone");
  }
  return account_of(state, grant, *entitlement, now);
}

Desired desired_of(const State& state, std::string_view target, Time now) {
  Desired desired;
  state.grants.for_each([&](const std::string& id, const Grant& grant) {
    const Entitlement* entitlement = state.entitlements.find(grant.entitlement);
    if (entitlement == nullptr) return;
    const Resource* resource = state.resources.find(entitlement->resource);
    if (resource == nullptr || resource->target != target) return;
    if (grant.state == GrantState::kRevoking) {
      desired.ending.emplace_back(id, login_of(state, grant));
      return;
    }
    if (end_of(grant) <= now) return;  // its revocation is due, and comes by an event
    desired.accounts.push_back(account_of(state, grant, *entitlement, now));
  });
  std::sort(desired.accounts.begin(), desired.accounts.end(),
            [](const DesiredAccount& a, const DesiredAccount& b) { return a.grant < b.grant; });
  std::sort(desired.ending.begin(), desired.ending.end());
  return desired;
}

std::vector<EventData> on_provisioned(const State& state, std::string_view id, Time now) {
  const Grant* grant = grant_in(state, id, GrantState::kActivating);
  if (grant == nullptr) return {};
  return {GrantActivated{grant->id, now, now + bounded_duration(state, *grant)}};
}

std::vector<EventData> on_try_failed(const State& state, std::string_view id,
                                     std::string_view error) {
  const Grant* grant = state.grants.find(id);
  if (grant == nullptr || grant->state == GrantState::kActive) return {};
  const std::string whole = without_login(std::string(error), login_of(state, *grant));
  return {GrantTryFailed{grant->id, (grant->failure ? grant->failure->tries : 0) + 1,
                         cut_text(whole, kMostError)}};
}

std::string cut_text(std::string_view text, std::size_t most) {
  // A cut through the middle of a character would make the event unreadable.
  std::size_t size = std::min(text.size(), most);
  while (size > 0 && size < text.size() &&
         (static_cast<unsigned char>(text[size]) & 0xc0) == 0x80) {
    --size;
  }
  std::string cut(text.substr(0, size));
  return is_utf8(cut) ? cut : std::string("(no readable text)");
}

std::vector<EventData> on_gone(const State& state, std::string_view id, const StepOutcome& seen) {
  const Grant* grant = grant_in(state, id, GrantState::kRevoking);
  if (grant == nullptr || !seen.gone) return {};
  StepOutcome recorded = seen;
  const std::string login = login_of(state, *grant);
  // As many as an event has room for; the target's own record has all of them.
  std::size_t room = kMostQuarantined, fits = 0;
  for (std::string& object : recorded.quarantined) {
    object = cut_text(without_login(std::move(object), login), kMostError);
    const std::size_t size = canonical(Json(object)).size() + 1;
    if (size > room) break;
    room -= size;
    ++fits;
  }
  if (fits < recorded.quarantined.size()) {
    const std::size_t more = recorded.quarantined.size() - fits;
    recorded.quarantined.resize(fits);
    recorded.quarantined.push_back("and " + std::to_string(more) + " more");
  }
  return {GrantEnded{grant->id, grant->ending->reason, recorded}};
}

}  // namespace writ::core
