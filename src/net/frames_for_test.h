// HTTP/2 frames (RFC 9113 section 4) by hand, for tests and the fuzzer: what a client may say, and
// what none should. Only header blocks are nghttp2's.
#pragma once

#include <nghttp2/nghttp2.h>

#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace writ::net {

using HeaderList = std::vector<std::pair<std::string, std::string>>;

inline constexpr unsigned kEndStream = NGHTTP2_FLAG_END_STREAM;
inline constexpr unsigned kEndHeaders = NGHTTP2_FLAG_END_HEADERS;
inline constexpr std::string_view kClientPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

struct Frame {
  unsigned type = 0;
  unsigned flags = 0;
  std::int32_t stream = 0;
  std::string payload;
};

inline std::string big_endian(std::uint32_t number, unsigned size = 4) {
  std::string bytes;
  while (size-- > 0) bytes += static_cast<char>(number >> (8 * size));
  return bytes;
}
inline std::uint32_t big_endian(std::string_view bytes) {
  std::uint32_t number = 0;
  for (const char c : bytes.substr(0, 4)) number = number << 8 | static_cast<unsigned char>(c);
  return number;
}

inline std::string frame_bytes(unsigned type, unsigned flags, std::int32_t stream,
                               std::string_view payload) {
  std::string bytes = big_endian(static_cast<std::uint32_t>(payload.size()), 3);
  bytes += static_cast<char>(type);
  bytes += static_cast<char>(flags);
  bytes += big_endian(static_cast<std::uint32_t>(stream));
  return bytes.append(payload);
}

// Takes one whole frame from the front.
inline std::optional<Frame> take_frame(std::string& bytes) {
  if (bytes.size() < 9) return std::nullopt;
  const std::size_t size = big_endian(bytes) >> 8;
  if (bytes.size() < 9 + size) return std::nullopt;
  Frame frame{static_cast<unsigned char>(bytes[3]), static_cast<unsigned char>(bytes[4]),
              static_cast<std::int32_t>(big_endian(std::string_view(bytes).substr(5))),
              bytes.substr(9, size)};
  bytes.erase(0, 9 + size);
  return frame;
}

// Header blocks of one connection (RFC 7541), both ways.
class HeaderBlocks {
 public:
  HeaderBlocks() {
    if (nghttp2_hd_deflate_new(&deflater_, 4096) != 0 || nghttp2_hd_inflate_new(&inflater_) != 0) {
      std::abort();
    }
  }
  ~HeaderBlocks() {
    nghttp2_hd_deflate_del(deflater_);
    nghttp2_hd_inflate_del(inflater_);
  }
  HeaderBlocks(const HeaderBlocks&) = delete;

  std::string encode(const HeaderList& headers) {
    std::vector<nghttp2_nv> fields;
    for (const auto& [name, value] : headers) {
      fields.push_back({octets(name), octets(value), name.size(), value.size(), 0});
    }
    std::string block(nghttp2_hd_deflate_bound(deflater_, fields.data(), fields.size()), '\0');
    const auto size =
        nghttp2_hd_deflate_hd(deflater_, octets(block), block.size(), fields.data(), fields.size());
    block.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
    return block;
  }

  HeaderList decode(std::string_view block) {
    HeaderList headers;
    for (;;) {
      nghttp2_nv field;
      int flags = 0;
      const auto used =
          nghttp2_hd_inflate_hd2(inflater_, &field, &flags, octets(block), block.size(), 1);
      if (used < 0) std::abort();
      block.remove_prefix(static_cast<std::size_t>(used));
      if ((flags & NGHTTP2_HD_INFLATE_EMIT) != 0) {
        headers.emplace_back(text(field.name, field.namelen), text(field.value, field.valuelen));
      }
      if ((flags & NGHTTP2_HD_INFLATE_FINAL) != 0) {
        nghttp2_hd_inflate_end_headers(inflater_);
        return headers;
      }
    }
  }

 private:
  static std::uint8_t* octets(std::string_view bytes) {
    return reinterpret_cast<std::uint8_t*>(const_cast<char*>(bytes.data()));
  }
  static std::string text(const std::uint8_t* bytes, std::size_t size) {
    return {reinterpret_cast<const char*>(bytes), size};
  }

  nghttp2_hd_deflater* deflater_ = nullptr;
  nghttp2_hd_inflater* inflater_ = nullptr;
};

inline HeaderList request_head(std::string method, std::string path, HeaderList more = {}) {
  HeaderList head = {{":method", std::move(method)},
                     {":scheme", "https"},
                     {":authority", "x"},
                     {":path", std::move(path)}};
  head.insert(head.end(), more.begin(), more.end());
  return head;
}

}  // namespace writ::net
