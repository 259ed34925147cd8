#include "store/segments.h"

#include <algorithm>

#include "tlog/decimal.h"

namespace writ::store {
namespace {

constexpr std::size_t kNameDigits = 20;
constexpr std::size_t kCopy = 1 << 20;

tl::unexpected<Error> damaged(std::uint64_t index, const std::string& path) {
  return fail(Code::kCorrupt,
              "entry " + std::to_string(index) + " of the decision log is missing or damaged",
              path);
}

}  // namespace

std::string segment_name(std::uint64_t first) {
  std::string digits = std::to_string(first);
  digits.insert(0, kNameDigits - digits.size(), '0');
  return digits + ".log";
}

Result<std::vector<std::uint64_t>> list_segments(FileSystem& files, const std::string& folder) {
  TRY(names, files.list(folder));
  std::vector<std::uint64_t> firsts;
  for (const std::string& name : names) {
    std::string_view digits = name;
    digits = digits.substr(0, std::min(digits.find_first_not_of('0'), kNameDigits - 1));
    const auto first = tlog::parse_decimal(
        std::string_view(name).substr(digits.size(), kNameDigits - digits.size()));
    if (first && segment_name(*first) == name) firsts.push_back(*first);
  }
  std::sort(firsts.begin(), firsts.end());
  return firsts;
}

Result<std::uint64_t> Segments::recover(std::uint64_t from,
                                        const std::function<void(std::string_view)>& entry) {
  // Standby files of another size are leftovers of a crash or of other settings.
  for (const auto& [name, ready] :
       {std::pair(spare(), &spare_ready_), {reserve(), &reserve_ready_}}) {
    if (!files_.exists(name)) continue;
    TRY(file, files_.open(name, OpenMode::kRead));
    TRY(size, file->size());
    *ready = size == segment_bytes_;
    if (!*ready) CHECK_OK(files_.remove(name));
  }
  TRY(firsts, list_segments(files_, folder_));
  if (firsts.empty()) {
    CHECK_OK(files_.sync_folder(folder_));
    return std::uint64_t{0};
  }
  if (firsts[0] != 0) return damaged(0, folder_);
  for (std::size_t i = 0; i < firsts.size(); ++i) {
    auto segment = std::make_shared<Segment>();
    segment->first = firsts[i];
    if (i + 1 < firsts.size()) segment->count = firsts[i + 1] - firsts[i];
    segments_.push_back(std::move(segment));
  }
  std::function<Status()> settle_before = [] { return Status{}; };
  const auto start = std::upper_bound(firsts.begin(), firsts.end(), from) - firsts.begin() - 1;
  for (auto k = static_cast<std::size_t>(start); k < segments_.size(); ++k) {
    Segment& segment = *segments_[k];
    const std::string name = path(segment.first);
    TRY(opened, files_.open(name, OpenMode::kReadWrite));
    const std::shared_ptr<File> file = std::move(opened);
    RecordCursor cursor(*file, 0, segment.first);
    for (;;) {
      TRY(step, cursor.next());
      if (step == RecordCursor::Step::kEnd) break;
      if ((cursor.index() - 1 - segment.first) % kMarkEvery == 0) {
        segment.marks.push_back(static_cast<std::uint32_t>(cursor.record_offset()));
      }
      if (cursor.index() <= from) continue;
      TRY(body, read_body(cursor.body()));
      entry(body.entry);
    }
    segment.marked = true;
    segment.count = cursor.index() - segment.first;
    if (k + 1 < segments_.size() && cursor.index() == segments_[k + 1]->first) {
      settle_before = [this, file, offset = cursor.offset(), index = cursor.index()] {
        return settle_tail(*file, offset, index);
      };
      continue;
    }
    // The end of the log, unless a later segment holds anything: those are begun only after all
    // before them is durable.
    for (std::size_t later = segments_.size(); --later > k;) {
      const std::string later_name = path(segments_[later]->first);
      TRY(later_file, files_.open(later_name, OpenMode::kRead));
      TRY(tail, inspect_tail(*later_file, 0, segments_[later]->first));
      if (tail.end != 0) return damaged(cursor.index(), name);
      CHECK_OK(files_.remove(later_name));
      segments_.pop_back();
    }
    CHECK_OK(settle_tail(*file, cursor.offset(), cursor.index()));
    // Nothing in this segment proves that the one before was synced.
    if (segment.count == 0) CHECK_OK(settle_before());
    TRY(capacity, file->size());
    segment.file = file;
    active_ = {file, cursor.offset(), capacity};
  }
  CHECK_OK(files_.sync_folder(folder_));
  return segments_.back()->first + segments_.back()->count;
}

// After a failed sync the kernel may show bytes that are not on disk, so all of the segment is
// written and synced anew; what follows the last record becomes zeros.
Status Segments::settle_tail(File& file, std::uint64_t offset, std::uint64_t index) const {
  TRY(tail, inspect_tail(file, offset, index));
  if (tail.damaged) return damaged(index, folder_);
  std::string bytes(kCopy, '\0');
  for (std::uint64_t at = 0; at < offset;) {
    const std::size_t piece = std::min<std::uint64_t>(kCopy, offset - at);
    TRY(got, file.pread(at, std::span(bytes.data(), piece)));
    if (got != piece) return fail(Code::kUnavailable, "a segment changed while it was read");
    CHECK_OK(file.pwrite(at, std::string_view(bytes).substr(0, piece)));
    at += piece;
  }
  bytes.assign(kCopy, '\0');
  for (std::uint64_t at = offset; at < tail.end;) {
    const std::size_t piece = std::min<std::uint64_t>(kCopy, tail.end - at);
    CHECK_OK(file.pwrite(at, std::string_view(bytes).substr(0, piece)));
    at += piece;
  }
  return file.sync();
}

Status Segments::make_zeroed(const std::string& name) {
  if (files_.exists(name)) CHECK_OK(files_.remove(name));
  const auto make = [&]() -> Status {
    TRY(file, files_.open(name, OpenMode::kCreateNew));
    CHECK_OK(file->preallocate(segment_bytes_));
    CHECK_OK(file->sync());
    return files_.sync_folder(folder_);
  };
  Status made = make();
  if (!made) (void)files_.remove(name);
  return made;
}

bool Segments::is_there(const bool& ready) const {
  const std::lock_guard lock(standby_mutex_);
  return ready;
}

void Segments::set_there(bool& ready, bool there) {
  const std::lock_guard lock(standby_mutex_);
  ready = there;
}

Status Segments::make_ready(bool& ready, const std::string& name) {
  if (is_there(ready)) return {};
  const std::lock_guard making(making_mutex_);
  if (is_there(ready)) return {};
  CHECK_OK(make_zeroed(name));
  set_there(ready, true);
  return {};
}

Status Segments::refill_reserve() {
  return make_ready(reserve_ready_, reserve());
}

Status Segments::refill() {
  CHECK_OK(refill_reserve());
  return make_ready(spare_ready_, spare());
}

// Nobody else takes one, so what is there stays there until it is taken.
Result<std::shared_ptr<File>> Segments::take(std::uint64_t first, Space space) {
  bool* from = &spare_ready_;
  std::string source = spare();
  if (auto made = make_ready(spare_ready_, source); !made) {
    if (space == Space::kNormal || !is_there(reserve_ready_)) return fail(std::move(made));
    from = &reserve_ready_;
    source = reserve();
  }
  CHECK_OK(files_.rename(source, path(first)));
  set_there(*from, false);
  CHECK_OK(files_.sync_folder(folder_));
  TRY(file, files_.open(path(first), OpenMode::kReadWrite));
  return std::shared_ptr<File>(std::move(file));
}

Result<std::vector<std::shared_ptr<File>>> Segments::acquire(
    const std::vector<std::uint64_t>& firsts, Space space) {
  std::vector<std::shared_ptr<File>> taken;
  for (const std::uint64_t first : firsts) {
    auto file = take(first, space);
    if (!file) {
      for (std::size_t i = 0; i < taken.size(); ++i) (void)files_.remove(path(firsts[i]));
      return fail(std::move(file));
    }
    taken.push_back(std::move(*file));
  }
  return taken;
}

void Segments::begin(std::uint64_t first, std::shared_ptr<File> file) {
  const std::lock_guard lock(mutex_);
  if (!segments_.empty()) segments_.back()->file.reset();
  auto segment = std::make_shared<Segment>();
  segment->first = first;
  segment->marked = true;
  segment->resting = false;
  segment->file = file;
  segments_.push_back(std::move(segment));
  active_ = {std::move(file), 0, segment_bytes_};
}

void Segments::wrote(const std::vector<std::uint32_t>& sizes) {
  const std::lock_guard lock(mutex_);
  Segment& segment = *segments_.back();
  for (const std::uint32_t size : sizes) {
    if (segment.count % kMarkEvery == 0) {
      segment.marks.push_back(static_cast<std::uint32_t>(active_.offset));
    }
    ++segment.count;
    active_.offset += size;
  }
}

void Segments::rest(std::uint64_t end) {
  std::vector<std::uint64_t> firsts;
  {
    const std::lock_guard lock(mutex_);
    // From the back: before the first that rests, all do.
    for (std::size_t i = segments_.size(); i-- > 1;) {
      Segment& segment = *segments_[i - 1];
      if (segment.resting) break;
      if (segment.first + segment.count > end) continue;
      segment.resting = true;
      firsts.push_back(segment.first);
    }
  }
  for (const std::uint64_t first : firsts) {
    if (auto file = files_.open(path(first), OpenMode::kRead)) (*file)->forget_cached();
  }
}

Status Segments::mark(Segment& segment) const {
  TRY(file, files_.open(path(segment.first), OpenMode::kRead));
  RecordCursor cursor(*file, 0, segment.first);
  std::vector<std::uint32_t> marks;
  while (cursor.index() < segment.first + segment.count) {
    TRY(step, cursor.next());
    if (step == RecordCursor::Step::kEnd) return damaged(cursor.index(), path(segment.first));
    if ((cursor.index() - 1 - segment.first) % kMarkEvery == 0) {
      marks.push_back(static_cast<std::uint32_t>(cursor.record_offset()));
    }
  }
  const std::lock_guard lock(mutex_);
  segment.marks = std::move(marks);
  segment.marked = true;
  return {};
}

Status Segments::read(std::uint64_t from, std::uint64_t limit,
                      const std::function<Status(std::uint64_t, const RecordBody&)>& visit) const {
  const std::uint64_t end = from + limit;
  while (from < end) {
    std::shared_ptr<Segment> segment;
    std::shared_ptr<File> file;
    std::uint64_t last = 0;
    std::uint64_t mark_index = 0;
    std::uint64_t offset = 0;
    for (bool marked = false; !marked;) {
      {
        const std::lock_guard lock(mutex_);
        auto it =
            std::upper_bound(segments_.begin(), segments_.end(), from,
                             [](std::uint64_t index, const auto& s) { return index < s->first; });
        if (it == segments_.begin()) return damaged(from, folder_);
        segment = *std::prev(it);
        last = segment->first + segment->count;
        if (from >= last) return damaged(from, path(segment->first));
        marked = segment->marked;
        file = segment->file;
        if (marked) {
          const std::uint64_t which = (from - segment->first) / kMarkEvery;
          mark_index = segment->first + which * kMarkEvery;
          offset = segment->marks[which];
        }
      }
      if (!marked) CHECK_OK(mark(*segment));
    }
    if (file == nullptr) {
      TRY(opened, files_.open(path(segment->first), OpenMode::kRead));
      file = std::move(opened);
    }
    RecordCursor cursor(*file, offset, mark_index);
    while (cursor.index() < std::min(end, last)) {
      TRY(step, cursor.next());
      if (step == RecordCursor::Step::kEnd) return damaged(cursor.index(), path(segment->first));
      if (cursor.index() <= from) continue;
      TRY(body, read_body(cursor.body()));
      CHECK_OK(visit(cursor.index() - 1, body));
    }
    from = std::min(end, last);
  }
  return {};
}

}  // namespace writ::store
