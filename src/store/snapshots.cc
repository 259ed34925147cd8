#include "store/snapshots.h"

#include <algorithm>
#include <charconv>
#include <cstdio>

#include "base/bytes.h"
#include "base/log.h"
#include "tlog/tree.h"

namespace writ::store {
namespace {

constexpr std::string_view kMagic = "writ-snapshot-1\n";
constexpr std::size_t kHash = 32;
constexpr std::size_t kEnd = kMagic.size() + 8 + 2 * kHash;
constexpr std::string_view kUnfinished = "unfinished";

std::string name_of(std::uint64_t seq) {
  const std::string digits = std::to_string(seq);
  return std::string(20 - digits.size(), '0') + digits;
}

// What stands behind the bytes.
struct End {
  Head at;
  Hash sum{};
};

std::string write_end(const End& end) {
  std::string bytes(kMagic);
  put_u64(bytes, end.at.size);
  bytes += as_bytes(end.at.root);
  bytes += as_bytes(end.sum);
  return bytes;
}

std::optional<End> read_end(std::string_view bytes) {
  if (bytes.size() != kEnd || !bytes.starts_with(kMagic)) return std::nullopt;
  bytes.remove_prefix(kMagic.size());
  End end;
  end.at.size = get_u64(bytes.data());
  const auto root = to_hash(bytes.substr(8, kHash)), sum = to_hash(bytes.substr(8 + kHash));
  if (!root || !sum) return std::nullopt;
  end.at.root = *root;
  end.sum = *sum;
  return end;
}

// kCorrupt when there is none of this number.
Result<End> end_of(const File& file, std::uint64_t seq) {
  TRY(size, file.size());
  TRY(bytes, file.read(size - std::min<std::uint64_t>(size, kEnd), kEnd));
  const std::optional<End> end = read_end(bytes);
  if (!end || end->at.size != seq) return fail(Code::kCorrupt, "the snapshot's end is damaged");
  return *end;
}

Result<std::string> bytes_of(const File& file, const Hash& sum) {
  TRY(size, file.size());
  TRY(bytes, file.read(0, size - kEnd));
  if (tlog::leaf_hash(bytes) != sum) return fail(Code::kCorrupt, "the snapshot is damaged");
  return bytes;
}

}  // namespace

std::string Snapshots::path_of(std::uint64_t seq) const {
  return folder_ + "/" + name_of(seq);
}

Result<std::vector<std::uint64_t>> Snapshots::list() const {
  std::vector<std::uint64_t> seqs;
  const auto names = files_.list(folder_);
  if (!names && names.error().code == Code::kNotFound) return seqs;
  if (!names) return fail(names);
  for (const std::string& name : *names) {
    std::uint64_t seq = 0;
    std::from_chars(name.data(), name.data() + name.size(), seq);
    if (name == name_of(seq)) seqs.push_back(seq);
  }
  return seqs;
}

Status Snapshots::write(const std::string& path, std::string_view bytes, std::string_view end) {
  // In pieces: another file's sync that comes meanwhile waits for one of them.
  constexpr std::size_t kPiece = 4 << 20;
  TRY(file, files_.open(path, OpenMode::kCreate));
  CHECK_OK(file->truncate(0));
  for (std::size_t from = 0; from < bytes.size(); from += kPiece) {
    CHECK_OK(file->pwrite(from, bytes.substr(from, kPiece)));
    CHECK_OK(file->sync());
  }
  CHECK_OK(file->pwrite(bytes.size(), end));
  return file->sync();
}

Status Snapshots::put(const Head& at, std::string_view bytes, const IsOurs& is_ours) {
  const std::lock_guard lock(putting_);
  CHECK_OK(files_.make_folder(folder_));
  TRY(seqs, list());
  const auto is_of_ours = [&](std::uint64_t seq) {
    const auto file = files_.open(path_of(seq), OpenMode::kRead);
    const auto end = file ? end_of(**file, seq) : Result<End>(fail(file));
    return end && is_ours(end->at);
  };
  const auto others = std::stable_partition(seqs.begin(), seqs.end(), is_of_ours);
  std::vector<std::uint64_t> gone(others, seqs.end());
  std::vector<std::uint64_t> ours(seqs.begin(), others);
  if (!ours.empty() && ours.back() > at.size) {
    return fail(Code::kInvalid, "there is a later snapshot already");
  }
  const std::string unfinished = folder_ + "/" + std::string(kUnfinished);
  auto written = write(unfinished, bytes, write_end(End{at, tlog::leaf_hash(bytes)}));
  if (!written) {
    (void)files_.remove(unfinished);
    return written;
  }
  CHECK_OK(files_.rename(unfinished, path_of(at.size)));
  CHECK_OK(files_.sync_folder(folder_));
  std::erase(ours, at.size);
  std::erase(gone, at.size);
  if (!ours.empty()) gone.insert(gone.end(), ours.begin(), ours.end() - 1);
  for (const std::uint64_t seq : gone) CHECK_OK(files_.remove(path_of(seq)));
  return {};
}

Result<std::optional<Snapshot>> Snapshots::newest(const IsOurs& is_ours) const {
  TRY(seqs, list());
  std::reverse(seqs.begin(), seqs.end());
  for (const std::uint64_t seq : seqs) {
    const auto file = files_.open(path_of(seq), OpenMode::kRead);
    if (!file && file.error().code == Code::kNotFound) continue;  // a newer one replaced it
    const auto end = file ? end_of(**file, seq) : Result<End>(fail(file));
    if (end && !is_ours(end->at)) continue;
    auto bytes = end ? bytes_of(**file, end->sum) : Result<std::string>(fail(end));
    if (bytes) return Snapshot{seq, std::move(*bytes)};
    log(Level::kWarn, "snapshot_damaged", {{"seq", seq}, {"error", bytes.error().text()}});
  }
  return std::nullopt;
}

}  // namespace writ::store
