// The target as one class; its parts are in observe.cc, retire.cc, provision.cc, plan.cc and
// probe.cc.
//
// Invariant: every call of a function in the cluster can be repeated, so a call whose connection
// broke is tried once more on a new one.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/target.h"
#include "target/postgres/connection.h"
#include "target/postgres/target.h"

namespace writ::target::postgres {

class PostgresTarget final : public core::Target {
 public:
  explicit PostgresTarget(TargetOptions options) : options_(std::move(options)) {}

  Result<core::Observed> observe() override;
  Result<std::vector<core::ObservedAccount>> observe(
      const std::vector<std::string>& logins) override;
  std::vector<core::Step> plan(const std::vector<core::DesiredAccount>& desired,
                               const std::vector<core::ObservedAccount>& observed) const override;
  Result<core::StepOutcome> apply(const core::Step& step, std::uint64_t fence) override;
  std::vector<Result<core::StepOutcome>> apply_all(const std::vector<core::Step>& steps,
                                                   std::uint64_t fence) override;
  Result<core::Probe> probe(const std::string& login, const std::string& database,
                            const Secret& secret) override;
  Result<std::vector<core::ObservedUse>> uses(const std::string& login) override;

 private:
  using Outcomes = std::map<std::string, Result<core::StepOutcome>>;

  // Runs a statement in a database over the connection kept for it.
  Result<Rows> call(const std::string& database, const std::string& sql,
                    const std::vector<Cell>& parameters = {});
  Result<Connection*> connection(const std::string& database);

  Result<core::StepOutcome> provision(const core::DesiredAccount& account, std::uint64_t fence);
  Result<core::StepOutcome> disable_secret(const std::string& login, std::uint64_t fence);

  // Ends logins (each named once), and answers one outcome for each.
  Outcomes retire(const std::vector<std::string>& logins, std::uint64_t fence);
  Status retire_together(const std::vector<std::string>& logins, std::uint64_t fence,
                         Outcomes& outcomes);
  Status roll_back_prepared(const std::string& login, const std::vector<std::string>& databases,
                            const std::vector<std::string>& gids);
  Result<std::vector<std::string>> clean(const std::string& login,
                                         const std::vector<std::string>& databases);
  std::string at(const std::string& database) const { return options_.name + "/" + database; }

  TargetOptions options_;
  std::map<std::string, std::unique_ptr<Connection>> connections_;  // by database
};

}  // namespace writ::target::postgres
