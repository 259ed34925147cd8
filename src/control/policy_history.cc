#include "control/policy_history.h"

#include "base/bytes.h"
#include "control/writer.h"
#include "crypto/hash.h"

namespace writ::control {
namespace {

// A text was recorded in parts, one after the other; the first whole run is it.
Result<std::string> recorded_text(const Evidence& evidence, const std::string& hash) {
  TRY(seqs, story_of(evidence.journal(), hash));
  std::string text;
  std::int64_t next = 0;
  for (const std::uint64_t seq : seqs) {
    TRY(event, evidence.event(seq));
    const auto* part = std::get_if<core::PolicyTextRecorded>(&event.data);
    if (part == nullptr || part->hash != hash) continue;
    if (part->part == 0) {
      text.clear();
      next = 0;
    }
    if (part->part != next) continue;
    text += part->text;
    if (++next < part->parts) continue;
    if (to_hex(as_bytes(crypto::sha256(text))) != hash) break;
    return text;
  }
  return fail(Code::kCorrupt, "the journal does not hold the policy text with the hash " + hash);
}

}  // namespace

Result<PolicyVersion> policy_version(const Evidence& evidence, std::int64_t version) {
  TRY(seqs, story_of(evidence.journal(), "policy " + std::to_string(version)));
  if (seqs.empty()) {
    return fail(Code::kNotFound,
                "there was no version " + std::to_string(version) + " of the policy");
  }
  PolicyVersion found;
  found.seq = seqs.front();
  TRY(event, evidence.event(found.seq));
  const auto* applied = std::get_if<core::PolicyApplied>(&event.data);
  if (applied == nullptr) return fail(Code::kCorrupt, "this entry puts no policy in force");
  found.version = applied->version;
  found.hash = applied->hash;
  found.time = event.time;
  if (!event.actors.empty()) found.proposer = event.actors.front();
  // What a change does follows its approval in the same batch.
  if (found.seq > 0) {
    TRY(before, evidence.event(found.seq - 1));
    if (const auto* closed = std::get_if<core::ChangeClosed>(&before.data);
        closed != nullptr && closed->approval && closed->outcome == "approved") {
      found.change = closed->change;
      found.approver = closed->approval->approver;
      TRY(story, story_of(evidence.journal(), closed->change));
      TRY(opened, evidence.event(story.front()));
      if (const auto* proposed = std::get_if<core::ChangeProposed>(&opened.data)) {
        found.proposer = proposed->change.proposer;
      }
    }
  }
  TRY(list, recorded_text(evidence, found.hash));
  TRY(json, parse_json(list, {.bytes = 64 << 20, .depth = 4, .items = 4 * core::kMostPolicyFiles}));
  TRY(files, from_json<std::vector<core::NamedText>>(json));
  found.files = std::move(files);
  return found;
}

Result<std::vector<core::PolicyFile>> policy_texts(const Evidence& evidence,
                                                   const std::vector<core::NamedText>& files) {
  std::vector<core::PolicyFile> texts;
  texts.reserve(files.size());
  for (const core::NamedText& file : files) {
    TRY(text, recorded_text(evidence, file.hash));
    texts.push_back({file.name, std::move(text)});
  }
  return texts;
}

}  // namespace writ::control
