#include "store/record.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/bytes.h"

namespace writ::store {
namespace {

constexpr std::size_t kReadAhead = 256 << 10;

// Eight tables: eight bytes a step.
using CrcTables = std::array<std::array<std::uint32_t, 256>, 8>;

CrcTables make_tables() {
  CrcTables tables{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82f63b78u : 0u);
    tables[0][i] = crc;
  }
  for (std::uint32_t i = 0; i < 256; ++i) {
    for (std::size_t t = 1; t < 8; ++t) {
      const std::uint32_t before = tables[t - 1][i];
      tables[t][i] = (before >> 8) ^ tables[0][before & 0xff];
    }
  }
  return tables;
}

std::uint32_t crc32c_by_table(std::string_view bytes) {
  static const CrcTables kTables = make_tables();
  const CrcTables& t = kTables;
  std::uint32_t crc = 0xffffffffu;
  const auto* p = reinterpret_cast<const unsigned char*>(bytes.data());
  std::size_t size = bytes.size();
  for (; size >= 8; size -= 8, p += 8) {
    const std::uint32_t low =
        crc ^ (static_cast<std::uint32_t>(p[0]) | static_cast<std::uint32_t>(p[1]) << 8 |
               static_cast<std::uint32_t>(p[2]) << 16 | static_cast<std::uint32_t>(p[3]) << 24);
    crc = t[7][low & 0xff] ^ t[6][(low >> 8) & 0xff] ^ t[5][(low >> 16) & 0xff] ^ t[4][low >> 24] ^
          t[3][p[4]] ^ t[2][p[5]] ^ t[1][p[6]] ^ t[0][p[7]];
  }
  for (; size > 0; --size, ++p) crc = (crc >> 8) ^ t[0][(crc ^ *p) & 0xff];
  return ~crc;
}

#ifdef __x86_64__
// The processor's own instruction.
__attribute__((target("sse4.2"))) std::uint32_t crc32c_by_sse(std::string_view bytes) {
  std::uint64_t crc = 0xffffffffu;
  const char* p = bytes.data();
  std::size_t size = bytes.size();
  for (; size >= 8; size -= 8, p += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, p, sizeof word);
    crc = __builtin_ia32_crc32di(crc, word);
  }
  auto short_crc = static_cast<std::uint32_t>(crc);
  for (; size > 0; --size, ++p) {
    short_crc = __builtin_ia32_crc32qi(short_crc, static_cast<unsigned char>(*p));
  }
  return ~short_crc;
}
#endif

auto fastest_crc32c() -> std::uint32_t (*)(std::string_view) {
#ifdef __x86_64__
  if (__builtin_cpu_supports("sse4.2") != 0) return crc32c_by_sse;
#endif
  return crc32c_by_table;
}

void overwrite_u32(char* at, std::uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) *at++ = static_cast<char>((value >> shift) & 0xff);
}

bool all_zero(std::string_view bytes) {
  return bytes.empty() ||
         (bytes[0] == 0 && std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0);
}

}  // namespace

std::uint32_t crc32c(std::string_view bytes) {
  static std::uint32_t (*const crc)(std::string_view) = fastest_crc32c();
  return crc(bytes);
}

std::string make_record(std::string_view entry, std::string_view salt, std::string_view payload) {
  const std::size_t body_size = 4 + entry.size() + salt.size() + payload.size();
  std::string record;
  record.reserve(kRecordHeader + body_size);
  record.resize(kRecordHeader);
  put_u16(record, static_cast<std::uint16_t>(entry.size()));
  record += entry;
  put_u16(record, static_cast<std::uint16_t>(salt.size()));
  record += salt;
  record += payload;
  overwrite_u32(record.data(), static_cast<std::uint32_t>(body_size));
  overwrite_u32(record.data() + 12, crc32c(std::string_view(record).substr(kRecordHeader)));
  return record;
}

void append_stamped(std::string& out, std::string_view record, std::uint64_t index,
                    std::uint64_t synced_from) {
  const std::size_t at = out.size();
  out += record;
  overwrite_u32(out.data() + at + 4, static_cast<std::uint32_t>(index));
  overwrite_u32(out.data() + at + 8, static_cast<std::uint32_t>(synced_from));
  overwrite_u32(out.data() + at + 16, crc32c({out.data() + at, 16}));
}

bool read_header(std::string_view bytes, RecordHeader& header) {
  if (bytes.size() < kRecordHeader) return false;
  header = {get_u32(bytes.data()), get_u32(bytes.data() + 4), get_u32(bytes.data() + 8),
            get_u32(bytes.data() + 12)};
  return header.body_size >= 4 && header.body_size <= kMostRecordBody &&
         get_u32(bytes.data() + 16) == crc32c(bytes.substr(0, 16));
}

Result<RecordBody> read_body(std::string_view body) {
  const auto part = [&body]() -> Result<std::string_view> {
    if (body.size() < 2 || body.size() - 2 < get_u16(body.data())) {
      return fail(Code::kCorrupt, "a record's parts do not fit into it");
    }
    const std::string_view bytes = body.substr(2, get_u16(body.data()));
    body.remove_prefix(2 + bytes.size());
    return bytes;
  };
  TRY(entry, part());
  TRY(salt, part());
  return RecordBody{entry, salt, body};
}

Result<std::string_view> RecordCursor::window(std::uint64_t offset, std::size_t size) {
  if (offset < buffer_at_ || offset + size > buffer_at_ + buffer_.size()) {
    buffer_.resize(size > kReadAhead ? size : kReadAhead);
    TRY(got, file_.pread(offset, std::span(buffer_.data(), buffer_.size())));
    buffer_.resize(got);
    buffer_at_ = offset;
  }
  return std::string_view(buffer_).substr(offset - buffer_at_, size);
}

Result<RecordCursor::Step> RecordCursor::next() {
  TRY(head, window(offset_, kRecordHeader));
  RecordHeader header;
  if (!read_header(head, header) || header.index != static_cast<std::uint32_t>(index_)) {
    return Step::kEnd;
  }
  // Records of one sync share its first index; the next sync begins with its own.
  const bool begins_group = header.synced_from == header.index;
  if (!begins_group && !first_ && header.synced_from != group_) return Step::kEnd;
  TRY(bytes, window(offset_, kRecordHeader + header.body_size));
  if (bytes.size() < kRecordHeader + header.body_size) return Step::kEnd;
  const std::string_view body = bytes.substr(kRecordHeader);
  if (crc32c(body) != header.body_crc) return Step::kEnd;
  first_ = false;
  group_ = header.synced_from;
  header_ = header;
  body_ = body;
  record_offset_ = offset_;
  offset_ += bytes.size();
  ++index_;
  return Step::kRecord;
}

Result<Tail> inspect_tail(const File& file, std::uint64_t offset, std::uint64_t index) {
  TRY(size, file.size());
  Tail tail{offset, false};
  std::string buffer;
  for (std::uint64_t at = offset; at < size;) {
    buffer.resize(std::min<std::uint64_t>(kReadAhead + kRecordHeader, size - at));
    TRY(got, file.pread(at, std::span(buffer.data(), buffer.size())));
    if (got == 0) break;
    buffer.resize(got);
    const std::string_view bytes(buffer);
    if (!all_zero(bytes)) {
      tail.end = at + bytes.find_last_not_of('\0') + 1;
      for (std::size_t i = 0; i + kRecordHeader <= bytes.size() && !tail.damaged; ++i) {
        RecordHeader header;
        // A header never begins with a byte above 0x00 0x10; this skips most places at once.
        if (bytes[i] != 0 || !read_header(bytes.substr(i, kRecordHeader), header)) continue;
        // Distances in the low 32 bits, so that they survive the wrap.
        const auto ahead =
            static_cast<std::int32_t>(header.synced_from - static_cast<std::uint32_t>(index));
        tail.damaged = ahead > 0;
      }
    }
    if (at + got >= size) break;
    at += got > kRecordHeader ? got - kRecordHeader : got;
  }
  return tail;
}

}  // namespace writ::store
