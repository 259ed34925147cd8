#include "control/evidence.h"

namespace writ::control {

std::string origin_of(LogName log, std::string_view trust_domain) {
  return std::string(trust_domain) + "/" + std::string(name_of(log));
}

Result<std::unique_ptr<Evidence>> Evidence::over(
    store::Journal& journal, store::DecisionLog& decisions, store::FileSystem& files,
    std::string decisions_folder, const crypto::Signer& key, std::string_view trust_domain) {
  TRY(journal_signer, tlog::NoteSigner::over(origin_of(LogName::kJournal, trust_domain), key));
  TRY(decisions_signer, tlog::NoteSigner::over(origin_of(LogName::kDecisions, trust_domain), key));
  return std::unique_ptr<Evidence>(
      new Evidence(journal, decisions, files, std::move(decisions_folder),
                   std::move(journal_signer), std::move(decisions_signer)));
}

Result<std::string> Evidence::checkpoint(LogName log) {
  std::lock_guard lock(mutex_);
  if (log == LogName::kDecisions) {
    if (const auto last = decisions_.checkpoint()) {
      TRY(seen, tlog::read_own_checkpoint(*last));
      if (seen.head.size == decisions_.size()) return *last;
    }
    return decisions_.write_checkpoint(decisions_signer_);
  }
  const store::Head head = journal_.head();
  TRY(last, journal_.checkpoint_get());
  if (last) {
    TRY(seen, tlog::read_own_checkpoint(*last));
    if (seen.head.size == head.size) return *last;
  }
  TRY(note, tlog::sign_checkpoint({journal_signer_.verifier().name, head, {}}, journal_signer_));
  CHECK_OK(journal_.checkpoint_put(note));
  return note;
}

Result<std::string> Evidence::last_checkpoint(LogName log) const {
  std::optional<std::string> last;
  if (log == LogName::kDecisions) {
    last = decisions_.checkpoint();
  } else {
    TRY(stored, journal_.checkpoint_get());
    last = std::move(stored);
  }
  if (!last) return fail(Code::kNotFound, "the log has no checkpoint yet");
  return *last;
}

std::string Evidence::verifier_key(LogName log) const {
  return tlog::verifier_key_text(
      (log == LogName::kJournal ? journal_signer_ : decisions_signer_).verifier());
}

std::uint64_t Evidence::size(LogName log) const {
  return log == LogName::kJournal ? journal_.head().size : decisions_.size();
}

Result<std::vector<Hash>> Evidence::consistency(LogName log, std::uint64_t from,
                                                std::uint64_t to) const {
  return log == LogName::kJournal ? journal_.consistency_proof(from, to)
                                  : decisions_.consistency_proof(from, to);
}

Result<std::string> Evidence::prove(LogName log, std::uint64_t index) {
  if (index >= size(log)) {
    return fail(Code::kNotFound, "the log \"" + std::string(name_of(log)) + "\" has no entry " +
                                     std::to_string(index) + "; it has " +
                                     std::to_string(size(log)));
  }
  TRY(note, checkpoint(log));
  if (log == LogName::kDecisions) {
    TRY(proof, decisions_.prove(index));
    return tlog::proof_text(proof);
  }
  TRY(seen, tlog::read_own_checkpoint(note));
  TRY(events, journal_.read(index, 1));
  tlog::EntryProof proof;
  proof.entry = events.front();
  proof.index = index;
  TRY(inclusion, journal_.inclusion_proof(index, seen.head.size));
  proof.inclusion = std::move(inclusion);
  proof.checkpoint = std::move(note);
  return tlog::proof_text(proof);
}

Result<std::string> Evidence::tile(LogName log, std::string_view path) const {
  TRY(tile, tlog::parse_tile_path(path));
  if (log == LogName::kJournal) return journal_.tile(tile);
  return files_.read_all(decisions_folder_ + "/" + tlog::tile_path(tile));
}

Result<core::Event> Evidence::event(std::uint64_t seq) const {
  if (seq >= journal_.head().size) {
    return fail(Code::kNotFound, "the journal has no entry " + std::to_string(seq));
  }
  TRY(events, journal_.read(seq, 1));
  return core::decode_event(events.front());
}

}  // namespace writ::control
