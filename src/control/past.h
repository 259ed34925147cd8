// The state as it was at some place of the journal, walked forward from there: what replays and
// explanations of past decisions rest on.
#pragma once

#include <cstdint>

#include "control/vault.h"
#include "core/state.h"
#include "store/journal.h"

namespace writ::control {

class Past {
 public:
  // From the newest snapshot that this program can read, if it is not past `end`, else from
  // genesis. Both outlive it.
  static Result<Past> before(const store::Journal& journal, const Vault& vault, std::uint64_t end);

  // Folds at most `most` events, and none from `end` on.
  Status walk(std::uint64_t end, std::uint64_t most);
  // The state right before the event of its next_seq.
  const core::State& state() const { return state_; }
  core::State take() { return std::move(state_); }

 private:
  Past(const store::Journal& journal, const Vault& vault) : journal_(&journal), vault_(&vault) {}

  const store::Journal* journal_;
  const Vault* vault_;
  core::State state_;
};

}  // namespace writ::control
