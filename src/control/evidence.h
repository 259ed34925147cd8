// Reading evidence: checkpoints, proofs and tiles of both logs, the journal and this server's
// decision log. Thread-safe.
#pragma once

#include <array>
#include <mutex>
#include <string>
#include <vector>

#include "core/state.h"
#include "store/decision_log.h"
#include "store/journal.h"
#include "tlog/checkpoint.h"
#include "tlog/proof.h"

namespace writ::control {

enum class LogName { kJournal, kDecisions };
constexpr auto enum_names(LogName) {
  return std::to_array<std::string_view>({"journal", "decisions"});
}

// "example.org/journal", "example.org/decisions": the origin of a log, and the name of its key.
std::string origin_of(LogName log, std::string_view trust_domain);

class Evidence {
 public:
  // All outlive it; `key` must be Ed25519.
  static Result<std::unique_ptr<Evidence>> over(
      store::Journal& journal, store::DecisionLog& decisions, store::FileSystem& files,
      std::string decisions_folder, const crypto::Signer& key, std::string_view trust_domain);

  // A signed note over everything that is acknowledged now. Signs only when something was added.
  Result<std::string> checkpoint(LogName log);
  // The last one that was signed, where a new one cannot be written; kNotFound when there is none.
  Result<std::string> last_checkpoint(LogName log) const;
  // "name+hash+base64".
  std::string verifier_key(LogName log) const;
  std::uint64_t size(LogName log) const;
  Result<std::vector<Hash>> consistency(LogName log, std::uint64_t from, std::uint64_t to) const;
  // The offline proof of one entry, as text.
  Result<std::string> prove(LogName log, std::uint64_t index);
  // The octets of a tile or bundle by its path ("tile/entries/000.p/7"). Of the decision log those
  // that its last checkpoint covers.
  Result<std::string> tile(LogName log, std::string_view path) const;
  Result<store::DecisionEntry> decision(std::uint64_t index) const {
    return decisions_.read(index);
  }
  Result<std::vector<store::DecisionEntry>> decisions_from(std::uint64_t from,
                                                           std::size_t limit) const {
    return decisions_.read(from, limit);
  }
  // One event, decoded.
  Result<core::Event> event(std::uint64_t seq) const;

  const store::Journal& journal() const { return journal_; }

 private:
  Evidence(store::Journal& journal, store::DecisionLog& decisions, store::FileSystem& files,
           std::string decisions_folder, tlog::NoteSigner journal_signer,
           tlog::NoteSigner decisions_signer)
      : journal_(journal),
        decisions_(decisions),
        files_(files),
        decisions_folder_(std::move(decisions_folder)),
        journal_signer_(std::move(journal_signer)),
        decisions_signer_(std::move(decisions_signer)) {}

  store::Journal& journal_;
  store::DecisionLog& decisions_;
  store::FileSystem& files_;
  const std::string decisions_folder_;
  const tlog::NoteSigner journal_signer_;
  const tlog::NoteSigner decisions_signer_;
  std::mutex mutex_;  // one checkpoint at a time
};

}  // namespace writ::control
