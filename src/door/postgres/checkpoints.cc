#include "door/postgres/checkpoints.h"

#include <unistd.h>

#include "base/file.h"

namespace writ::door::postgres {

Result<RememberedHeads> RememberedHeads::open(const std::string& folder,
                                              const std::vector<std::string>& log_keys) {
  RememberedHeads heads;
  heads.path_ = folder + "/checkpoints.json";
  for (const std::string& key : log_keys) {
    TRY(verifier, tlog::parse_verifier_key(key));
    heads.keys_.push_back(std::move(verifier));
  }
  if (::access(heads.path_.c_str(), F_OK) == 0) {
    TRY(text, read_file(heads.path_, 256 << 10));
    const auto json = parse_json(text, {}, heads.path_);
    if (!json) return fail(Code::kCorrupt, json.error().message, json.error().where);
    const auto notes = from_json<Checkpoints>(*json);
    if (!notes) return fail(Code::kCorrupt, notes.error().message, heads.path_);
    heads.notes_ = *notes;
    for (const std::string& note : {heads.notes_.journal, heads.notes_.decisions}) {
      if (!note.empty()) CHECK_OK(heads.read(note));
    }
  }
  return heads;
}

Result<tlog::Checkpoint> RememberedHeads::read(const std::string& note) const {
  return keys_.empty() ? tlog::read_own_checkpoint(note) : tlog::open_checkpoint(note, keys_);
}

Result<std::string> RememberedHeads::newer(std::string_view log, const std::string& known,
                                           const std::string& shown,
                                           const std::vector<Hash>& proof) const {
  const std::string name(log);
  if (shown.empty()) {
    if (known.empty() && keys_.empty()) return known;
    return fail(Code::kCorrupt, "the server shows no checkpoint of its " + name);
  }
  TRY(now, read(shown));
  if (known.empty()) return shown;
  TRY(before, read(known));
  if (before.origin != now.origin) {
    return fail(Code::kCorrupt, "the server's " + name + " is another log: " + now.origin +
                                    ", not " + before.origin);
  }
  if (now.head.size < before.head.size) {
    return fail(Code::kCorrupt, "the server's " + name + " has " + std::to_string(now.head.size) +
                                    " entries, but had " + std::to_string(before.head.size) +
                                    ": it was cut short or restored from an old copy");
  }
  if (now.head.size == before.head.size && now.head.root != before.head.root) {
    return fail(Code::kCorrupt, "the server's " + name + " was rewritten");
  }
  if (!keys_.empty()) {
    if (auto status = tlog::verify_consistency(before.head, now.head, proof); !status) {
      return fail(Code::kCorrupt, "the server does not prove that its " + name +
                                      " grew from what this door saw: " + status.error().message);
    }
  }
  return shown;
}

Status RememberedHeads::accept(const Welcome& welcome) {
  TRY(journal, newer("journal", notes_.journal, welcome.checkpoint.journal, welcome.journal_proof));
  TRY(decisions, newer("decision log", notes_.decisions, welcome.checkpoint.decisions,
                       welcome.decisions_proof));
  if (journal == notes_.journal && decisions == notes_.decisions) return {};
  Checkpoints next{std::move(journal), std::move(decisions)};
  CHECK_OK(write_file(path_, pretty(to_json(next)), 0600));
  notes_ = std::move(next);
  return {};
}

}  // namespace writ::door::postgres
