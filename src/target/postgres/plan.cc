// Comparing what should be with what is. Pure.
#include <map>

#include "target/postgres/postgres_target.h"

namespace writ::target::postgres {

std::vector<core::Step> PostgresTarget::plan(
    const std::vector<core::DesiredAccount>& desired,
    const std::vector<core::ObservedAccount>& observed) const {
  std::map<std::string, const core::ObservedAccount*> seen;
  for (const core::ObservedAccount& account : observed) seen[account.login] = &account;

  std::vector<core::Step> steps;
  std::map<std::string, const core::DesiredAccount*> wanted;
  for (const core::DesiredAccount& account : desired) wanted[account.login] = &account;
  // What narrows goes first. An account without a grant's id is none of Writ's.
  for (const core::ObservedAccount& account : observed) {
    if (account.grant && !wanted.contains(account.login)) {
      steps.push_back({core::StepKind::kRetire, account.login, std::nullopt});
    }
  }
  for (const core::DesiredAccount& account : desired) {
    const auto found = seen.find(account.login);
    const core::ObservedAccount* now = found == seen.end() ? nullptr : found->second;
    // A superuser's privileges, a password that Writ did not set, another end: put right.
    const bool right = now != nullptr && now->grant == account.grant && now->can_login &&
                       !now->superuser && !now->has_password && now->valid_until == account.until;
    if (!right) steps.push_back({core::StepKind::kProvision, account.login, account});
  }
  return steps;
}

}  // namespace writ::target::postgres
