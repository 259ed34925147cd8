// The PostgreSQL wire protocol, 3.0 and 3.2: the packets that open a connection, and the messages
// that a door writes itself (PostgreSQL manual, "Message Formats"). Pure.
//
// A packet:   length (int32, itself included), code or version (int32), body
// A message:  type (byte), length (int32, itself included), body
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace writ::door::postgres {

inline constexpr std::size_t kPacketHead = 8;
inline constexpr std::size_t kLongestStartup = 10'000;  // as PostgreSQL's MAX_STARTUP_PACKET_LENGTH
inline constexpr std::size_t kLongestCancelKey = 256;

inline constexpr std::uint32_t kCancelCode = 80877102;
inline constexpr std::uint32_t kSslCode = 80877103;
inline constexpr std::uint32_t kGssCode = 80877104;
inline constexpr std::uint32_t kVersion30 = 3u << 16;
inline constexpr std::uint32_t kVersion32 = (3u << 16) | 2;

enum class PacketKind { kSsl, kGss, kCancel, kStartup };

struct PacketHead {
  PacketKind kind = PacketKind::kStartup;
  std::uint32_t length = 0;   // of the whole packet
  std::uint32_t version = 0;  // for kStartup: as sent, major version 3
};

// Reads the first kPacketHead bytes of a packet. kInvalid says what is wrong: a length outside
// 8 to kLongestStartup (or not 8 for kSsl and kGss), protocol 2, an unknown version.
Result<PacketHead> parse_packet_head(std::string_view head);

// What a client said in its StartupMessage.
struct Startup {
  std::uint32_t version = kVersion30;  // the one spoken from here on: 3.0 or 3.2
  std::string user;
  std::string database;                                       // empty when the client named none
  std::vector<std::pair<std::string, std::string>> settings;  // the others, in order, once each
  // Set when the client asked for more than there is: answer with negotiate_version.
  bool negotiate = false;
  std::vector<std::string> unknown_options;  // "_pq_.…"
};

// `body` is what follows the head. kInvalid: a missing end, an empty or repeated name, bytes after
// the end, invalid UTF-8, a replication connection.
Result<Startup> parse_startup(std::uint32_t version, std::string_view body);

struct CancelKey {
  std::uint32_t id = 0;  // stands where PostgreSQL has the process id
  std::string secret;    // 4 bytes in 3.0, up to kLongestCancelKey in 3.2
};
Result<CancelKey> parse_cancel(std::string_view body);

// What ends a connection.
struct Refusal {
  std::string sqlstate;
  std::string message;
  std::string detail;  // may be empty
  std::string hint;    // may be empty
};

std::string message(char type, std::string_view body);
std::string fatal(const Refusal& refusal);  // ErrorResponse of severity FATAL
std::string negotiate_version(const Startup& startup);
std::string authentication_ok();
std::string backend_key_data(const CancelKey& key);

std::string ssl_request();
std::string startup_message(const std::vector<std::pair<std::string, std::string>>& settings);
std::string cancel_request(const CancelKey& key);

// Takes whole messages off a stream of bytes. A message longer than `most` is kInvalid.
struct Message {
  char type = 0;
  std::string_view body;
};
// Empty when `bytes` holds no whole message yet. The message's size is 1 + 4 + body.size().
Result<std::optional<Message>> next_message(std::string_view bytes, std::size_t most);

// The fields of an ErrorResponse or NoticeResponse that the door itself looks at.
struct ErrorFields {
  std::string severity;
  std::string sqlstate;
  std::string message;
};
ErrorFields parse_error(std::string_view body);

// Follows a stream of messages without keeping it, to know where a message of our own may stand.
class Boundary {
 public:
  void feed(std::string_view bytes);
  // Between two messages. Never again after a length that cannot be.
  bool at_boundary() const { return sound_ && head_size_ == 0 && body_left_ == 0; }

 private:
  bool sound_ = true;
  unsigned head_size_ = 0;  // bytes of an unfinished head
  unsigned char head_[5] = {};
  std::uint32_t body_left_ = 0;  // bytes of the body still to come
};

}  // namespace writ::door::postgres
