// Byte strings and their text forms. A byte string is a std::string (owned) or std::string_view;
// secret bytes are a Secret (base/secret.h) instead.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace writ {

// A SHA-256 digest, or any 32-byte hash.
using Hash = std::array<std::uint8_t, 32>;

inline std::string_view as_bytes(const Hash& hash) {
  return {reinterpret_cast<const char*>(hash.data()), hash.size()};
}
// Fails unless `bytes` is 32 long.
Result<Hash> to_hash(std::string_view bytes);

std::string to_hex(std::string_view bytes);                 // lower case
Result<std::string> from_hex(std::string_view text);        // either case, even length
std::string to_base64(std::string_view bytes);              // RFC 4648 section 4, padded
Result<std::string> from_base64(std::string_view text);     // strict: padded, canonical
std::string to_base64url(std::string_view bytes);           // RFC 4648 section 5, unpadded
Result<std::string> from_base64url(std::string_view text);  // strict: unpadded, canonical
std::string to_base32(std::string_view bytes);              // RFC 4648 section 6, unpadded

// Big-endian integers, as network protocols write them.
inline void put_u16(std::string& out, std::uint16_t v) {
  out.push_back(static_cast<char>(v >> 8));
  out.push_back(static_cast<char>(v & 0xff));
}
inline void put_u32(std::string& out, std::uint32_t v) {
  put_u16(out, static_cast<std::uint16_t>(v >> 16));
  put_u16(out, static_cast<std::uint16_t>(v & 0xffff));
}
inline void put_u64(std::string& out, std::uint64_t v) {
  put_u32(out, static_cast<std::uint32_t>(v >> 32));
  put_u32(out, static_cast<std::uint32_t>(v & 0xffffffff));
}
inline std::uint16_t get_u16(const char* p) {
  const auto* b = reinterpret_cast<const unsigned char*>(p);
  return static_cast<std::uint16_t>((b[0] << 8) | b[1]);
}
inline std::uint32_t get_u32(const char* p) {
  return (static_cast<std::uint32_t>(get_u16(p)) << 16) | get_u16(p + 2);
}
inline std::uint64_t get_u64(const char* p) {
  return (static_cast<std::uint64_t>(get_u32(p)) << 32) | get_u32(p + 4);
}

// True for text that is valid UTF-8 (no surrogates, no overlong forms).
bool is_utf8(std::string_view text);

// How many single-character edits turn one into the other; for "did you mean".
std::size_t edit_distance(std::string_view a, std::string_view b);

}  // namespace writ
