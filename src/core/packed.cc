#include "core/packed.h"

// What reads and writes the fields of very many structs calls these, and stays small.

namespace writ::core {

void Packer::put_count(std::uint64_t v) {
  for (; v >= 0x80; v >>= 7) out_.push_back(static_cast<char>(v | 0x80));
  out_.push_back(static_cast<char>(v));
}

void Packer::put_bytes(std::string_view bytes) {
  put_count(bytes.size());
  out_ += bytes;
}

void Packer::put_integer(std::int64_t v) {
  put_count((static_cast<std::uint64_t>(v) << 1) ^ static_cast<std::uint64_t>(v >> 63));
}

std::uint64_t Unpacker::get_count() {
  std::uint64_t v = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    if (left_.empty()) break;
    const auto byte = static_cast<unsigned char>(left_.front());
    left_.remove_prefix(1);
    v |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return ok_ ? v : 0;
  }
  ok_ = false;
  return 0;
}

std::string_view Unpacker::get_bytes() {
  const std::uint64_t size = get_count();
  if (!ok_ || size > left_.size()) {
    ok_ = false;
    return {};
  }
  const std::string_view bytes = left_.substr(0, size);
  left_.remove_prefix(size);
  return bytes;
}

std::int64_t Unpacker::get_integer() {
  const std::uint64_t v = get_count();
  return static_cast<std::int64_t>(v >> 1) ^ -static_cast<std::int64_t>(v & 1);
}

void Shape::say(std::string_view part) {
  text_ += part;
}

}  // namespace writ::core
