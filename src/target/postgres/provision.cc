// Making logins, removing standing passwords, and the order in which a list of steps is taken.
#include <algorithm>

#include "target/postgres/postgres_target.h"

namespace writ::target::postgres {

Result<core::StepOutcome> PostgresTarget::provision(const core::DesiredAccount& account,
                                                    std::uint64_t fence) {
  if (!account.privileges.empty()) {
    // Grants what the entitlement's role lacks, on tables made since for instance.
    CHECK_OK(call(account.database, "SELECT writ.refresh($1)", {account.entitlement}));
  }
  CHECK_OK(call(options_.main_database,
                "SELECT writ.provision($1, $2, $3, $4, $5::text[], $6::text[], $7, "
                "'epoch'::timestamptz + $8::bigint * interval '1 ms', $9::int, $10::bigint)",
                {account.grant, account.login, account.entitlement, account.database,
                 array_text(account.membership), array_text(account.privileges), account.verifier,
                 std::to_string(unix_ms(account.until)), std::to_string(account.connection_limit),
                 std::to_string(fence)}));
  return core::StepOutcome{};
}

Result<core::StepOutcome> PostgresTarget::disable_secret(const std::string& login,
                                                         std::uint64_t fence) {
  CHECK_OK(call(options_.main_database, "SELECT writ.disable_secret($1, $2::bigint)",
                {login, std::to_string(fence)}));
  TRY(seen, observe({login}));
  if (!seen.empty() && seen.front().has_password) {
    return fail(Code::kUnavailable, "the login " + login + " has a password again; try again");
  }
  return core::StepOutcome{};
}

Result<core::StepOutcome> PostgresTarget::apply(const core::Step& step, std::uint64_t fence) {
  return std::move(apply_all({step}, fence).front());
}

std::vector<Result<core::StepOutcome>> PostgresTarget::apply_all(
    const std::vector<core::Step>& steps, std::uint64_t fence) {
  std::vector<Result<core::StepOutcome>> outcomes(steps.size(),
                                                  fail(Code::kInternal, "the step was not taken"));
  // What narrows goes first.
  std::vector<std::string> ending;
  for (const core::Step& step : steps) {
    if (step.kind == core::StepKind::kRetire) ending.push_back(step.login);
  }
  std::sort(ending.begin(), ending.end());
  ending.erase(std::unique(ending.begin(), ending.end()), ending.end());
  const Outcomes ended = retire(ending, fence);

  for (std::size_t i = 0; i < steps.size(); ++i) {
    const core::Step& step = steps[i];
    switch (step.kind) {
      case core::StepKind::kRetire:
        outcomes[i] = ended.at(step.login);
        break;
      case core::StepKind::kDisableSecret:
        outcomes[i] = disable_secret(step.login, fence);
        break;
      case core::StepKind::kProvision:
        if (step.account && step.account->login == step.login) {
          outcomes[i] = provision(*step.account, fence);
        } else {
          outcomes[i] = fail(Code::kInvalid, "a step that provisions " + step.login +
                                                 " must carry the account of that login");
        }
        break;
    }
  }
  return outcomes;
}

}  // namespace writ::target::postgres
