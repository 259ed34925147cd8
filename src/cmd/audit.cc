#include "cmd/audit.h"

#include <algorithm>

namespace writ::cmd {
namespace {

constexpr std::size_t kMostFaults = 20;

std::string counted(std::uint64_t n) {
  return std::to_string(n) + (n == 1 ? " entry" : " entries");
}

// A bundle of a tree of this size; a server whose tree has grown may serve the whole one only.
Result<std::vector<std::string>> entries_of(LogSource& source, Log log, std::uint64_t index,
                                            std::uint64_t size) {
  tlog::Tile tile{tlog::TileKind::kEntries, 0, index,
                  static_cast<unsigned>(
                      std::min<std::uint64_t>(tlog::kTileWidth, size - index * tlog::kTileWidth))};
  const unsigned wanted = tile.width;
  auto bytes = source.bundle(log, tile);
  if (!bytes && bytes.error().code == Code::kNotFound && wanted < tlog::kTileWidth) {
    tile.width = tlog::kTileWidth;
    bytes = source.bundle(log, tile);
  }
  if (!bytes) return fail(std::move(bytes));
  TRY(entries, tlog::parse_entry_bundle(*bytes, tile.width));
  entries.resize(wanted);
  return entries;
}

class Reader {
 public:
  Reader(Audit& audit, std::vector<Expected> expected)
      : audit_(audit), expected_(std::move(expected)) {
    std::stable_sort(expected_.begin(), expected_.end(), [](const Expected& a, const Expected& b) {
      return a.head.size < b.head.size;
    });
  }

  void add_fault(std::string fault) {
    if (audit_.faults.size() < kMostFaults) audit_.faults.push_back(std::move(fault));
  }

  // Before the first entry and after each.
  void compare() {
    for (; next_ < expected_.size() && expected_[next_].head.size == frontier_.size(); ++next_) {
      const Expected& expected = expected_[next_];
      if (expected.head.root == frontier_.root()) continue;
      add_fault("the first " + counted(expected.head.size) + " are not those that " +
                expected.whose + " saw: entries were rewritten");
    }
  }

  void take(const std::string& entry) {
    frontier_.append(tlog::leaf_hash(entry));
    compare();
  }

  void finish() {
    audit_.read = frontier_.size();
    if (audit_.read == audit_.head.size && !(frontier_.head() == audit_.head)) {
      add_fault(
          "the entries do not give the root that the checkpoint signs: entries were "
          "rewritten or exchanged");
    }
    for (const Expected& expected : expected_) {
      if (expected.head.size <= audit_.head.size) continue;
      add_fault("the log ends after " + counted(audit_.head.size) + ", but " + expected.whose +
                " saw " + counted(expected.head.size) +
                ": its end was cut off, or an old backup was restored");
    }
  }

 private:
  Audit& audit_;
  std::vector<Expected> expected_;  // by size
  std::size_t next_ = 0;
  tlog::Frontier frontier_;
};

}  // namespace

Result<Audit> audit_log(LogSource& source, Log log, const tlog::NoteVerifier& key,
                        std::vector<Expected> expected, const OnEntry& on_entry) {
  Audit audit;
  audit.log = log;
  auto note = source.checkpoint(log);
  if (!note && note.error().code == Code::kNotFound) {
    audit.faults.emplace_back("there is no signed checkpoint");
    return audit;
  }
  if (!note) return fail(std::move(note));
  audit.checkpoint = std::move(*note);
  const auto checkpoint = tlog::open_checkpoint(audit.checkpoint, key, key.name);
  if (!checkpoint) {
    audit.faults.push_back("the checkpoint does not hold under the key that this device knows: " +
                           checkpoint.error().text());
    return audit;
  }
  audit.head = checkpoint->head;
  Reader reader(audit, std::move(expected));
  reader.compare();
  std::uint64_t index = 0;
  while (index < audit.head.size) {
    auto entries = entries_of(source, log, index / tlog::kTileWidth, audit.head.size);
    if (!entries) {
      const Code code = entries.error().code;
      if (code != Code::kNotFound && code != Code::kCorrupt) return fail(std::move(entries));
      reader.add_fault("the entries from " + std::to_string(index) +
                       " on cannot be read: " + entries.error().text());
      break;
    }
    for (const std::string& entry : *entries) {
      if (const Status taken = on_entry(index, entry); !taken) {
        reader.add_fault("entry " + std::to_string(index) + ": " + taken.error().message);
      }
      reader.take(entry);
      ++index;
    }
  }
  reader.finish();
  return audit;
}

Status JournalReader::take(std::uint64_t index, const std::string& entry) {
  TRY(event, core::decode_event(entry));
  if (event.seq != index) return fail(Code::kCorrupt, "it says that it is another entry");
  if (event.time < last_) return fail(Code::kCorrupt, "it is older than the one before it");
  last_ = event.time;
  if (event.trust_domain != trust_domain_) {
    return fail(Code::kCorrupt, "it is of another trust domain");
  }
  const auto* genesis = std::get_if<core::Genesis>(&event.data);
  if ((index == 0) != (genesis != nullptr)) {
    return fail(Code::kCorrupt,
                index == 0 ? "the first entry is no genesis" : "a second genesis stands here");
  }
  if (genesis != nullptr && genesis->journal_key != journal_key_) {
    return fail(Code::kCorrupt,
                "genesis names another journal key than the one that this device "
                "knows");
  }
  if (const auto* anchor = std::get_if<core::DecisionsAnchored>(&event.data)) {
    anchors_.push_back({{static_cast<std::uint64_t>(anchor->size), anchor->root},
                        "the journal's entry " + std::to_string(index)});
  }
  return {};
}

}  // namespace writ::cmd
