#include "control/past.h"

#include <algorithm>

#include "base/log.h"

namespace writ::control {

Result<Past> Past::before(const store::Journal& journal, const Vault& vault, std::uint64_t end) {
  Past past(journal, vault);
  TRY(snapshot, journal.snapshot_get());
  if (!snapshot || snapshot->seq > end) return past;
  auto decoded = core::decode_snapshot(snapshot->bytes, vault);
  if (decoded && decoded->next_seq == snapshot->seq) {
    past.state_ = std::move(*decoded);
  } else {
    log(Level::kWarn, "snapshot_unreadable",
        {{"error", decoded ? std::string("it is of another seq") : decoded.error().text()}});
  }
  return past;
}

Status Past::walk(std::uint64_t end, std::uint64_t most) {
  constexpr std::uint64_t kTogether = 1000;
  for (std::uint64_t left = most; state_.next_seq < end && left > 0;) {
    TRY(events,
        journal_->read(state_.next_seq, std::min({kTogether, left, end - state_.next_seq})));
    if (events.empty()) return fail(Code::kCorrupt, "the journal ends before its head");
    for (const std::string& bytes : events) {
      TRY(event, core::decode_event(bytes));
      CHECK_OK(core::fold(state_, event, *vault_));
    }
    left -= events.size();
  }
  return {};
}

}  // namespace writ::control
