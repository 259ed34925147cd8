// Records: how the decision log keeps an entry in a segment file. All numbers are big-endian.
//
//   header   u32 size of the body, at least 1
//            u32 index of the entry, its low 32 bits
//            u32 index of the first entry that was synced together with this one, likewise
//            u32 CRC-32C of the body
//            u32 CRC-32C of the header up to here
//   body     u16 size, entry; u16 size, salt; payload
//
// Records follow each other from the beginning of a segment; zeros follow the last. The third
// number tells a torn tail from damage: everything before it had been synced when this record was
// written.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "store/file_system.h"

namespace writ::store {

inline constexpr std::size_t kRecordHeader = 20;
inline constexpr std::size_t kMostRecordBody = (1 << 20) + 1024;

// CRC-32C (Castagnoli), RFC 3720 appendix B.4.
std::uint32_t crc32c(std::string_view bytes);

// A record whose index is still to be stamped.
std::string make_record(std::string_view entry, std::string_view salt, std::string_view payload);
// Appends the record with its place to `out`.
void append_stamped(std::string& out, std::string_view record, std::uint64_t index,
                    std::uint64_t synced_from);

struct RecordHeader {
  std::uint32_t body_size = 0;
  std::uint32_t index = 0;
  std::uint32_t synced_from = 0;
  std::uint32_t body_crc = 0;
};
// Of kRecordHeader bytes; false when they are no header.
bool read_header(std::string_view bytes, RecordHeader& header);

struct RecordBody {
  std::string_view entry;
  std::string_view salt;
  std::string_view payload;
};
// kCorrupt when the parts do not fit.
Result<RecordBody> read_body(std::string_view body);

// Walks the records of a segment, reading ahead.
class RecordCursor {
 public:
  // The record at `offset` is the entry `index`. `file` outlives the cursor.
  RecordCursor(const File& file, std::uint64_t offset, std::uint64_t index)
      : file_(file), offset_(offset), index_(index) {}

  enum class Step { kRecord, kEnd };
  // kEnd at anything that is not the record of the next index: zeros, a torn record, damage. The
  // error is an I/O error.
  Result<Step> next();
  // The record that `next` found; the body is valid until the next call.
  const RecordHeader& header() const { return header_; }
  std::string_view body() const { return body_; }
  std::uint64_t record_offset() const { return record_offset_; }
  // Where `next` will look, and for which entry.
  std::uint64_t offset() const { return offset_; }
  std::uint64_t index() const { return index_; }

 private:
  // `size` bytes at `offset`, or fewer at the end of the file.
  Result<std::string_view> window(std::uint64_t offset, std::size_t size);

  const File& file_;
  std::uint64_t offset_;
  std::uint64_t index_;
  std::uint64_t record_offset_ = 0;
  bool first_ = true;
  std::uint32_t group_ = 0;  // `synced_from` of the last record
  RecordHeader header_;
  std::string_view body_;
  std::string buffer_;
  std::uint64_t buffer_at_ = 0;
};

// After the records of a segment ended at `offset`, before entry `index`: what follows?
struct Tail {
  std::uint64_t end = 0;  // of the last byte that is not zero; `offset` when there is none
  bool damaged = false;   // a later record proves that entry `index` had been synced
};
Result<Tail> inspect_tail(const File& file, std::uint64_t offset, std::uint64_t index);

}  // namespace writ::store
