#include "door/postgres/wire.h"

#include <algorithm>
#include <cstring>

#include "base/bytes.h"

namespace writ::door::postgres {
namespace {

// A string that ends in NUL, taken off the front of `rest`.
std::optional<std::string_view> take_string(std::string_view& rest) {
  const std::size_t end = rest.find('\0');
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view text = rest.substr(0, end);
  rest.remove_prefix(end + 1);
  return text;
}

std::string packet(std::uint32_t code, std::string_view body) {
  std::string out;
  out.reserve(kPacketHead + body.size());
  put_u32(out, static_cast<std::uint32_t>(kPacketHead + body.size()));
  put_u32(out, code);
  out += body;
  return out;
}

void put_string(std::string& out, std::string_view text) {
  out += text;
  out.push_back('\0');
}

}  // namespace

Result<PacketHead> parse_packet_head(std::string_view head) {
  if (head.size() != kPacketHead) return fail(Code::kInvalid, "the packet is cut short");
  PacketHead parsed;
  parsed.length = get_u32(head.data());
  const std::uint32_t code = get_u32(head.data() + 4);
  if (parsed.length < kPacketHead || parsed.length > kLongestStartup) {
    return fail(Code::kInvalid,
                "invalid length of startup packet: " + std::to_string(parsed.length) +
                    " bytes; at most " + std::to_string(kLongestStartup) + " are taken");
  }
  switch (code) {
    case kSslCode:
    case kGssCode:
      parsed.kind = code == kSslCode ? PacketKind::kSsl : PacketKind::kGss;
      if (parsed.length != kPacketHead) {
        return fail(Code::kInvalid, "a request for encryption must be 8 bytes long");
      }
      return parsed;
    case kCancelCode:
      parsed.kind = PacketKind::kCancel;
      return parsed;
    default:
      break;
  }
  const std::uint32_t major = code >> 16;
  if (major != 3) {
    return fail(Code::kInvalid, "unsupported frontend protocol " + std::to_string(major) + "." +
                                    std::to_string(code & 0xffff) +
                                    ": this door speaks 3.0 and 3.2");
  }
  parsed.version = code;
  return parsed;
}

Result<Startup> parse_startup(std::uint32_t version, std::string_view body) {
  Startup startup;
  // 3.1 is no version; a client that asks for it, or for more than 3.2, learns what it gets.
  startup.version = (version & 0xffff) >= 2 ? kVersion32 : kVersion30;
  startup.negotiate = version != startup.version;
  std::vector<std::string_view> names;
  while (true) {
    const auto name = take_string(body);
    if (!name) return fail(Code::kInvalid, "invalid startup packet: it has no end");
    if (name->empty()) break;
    const auto value = take_string(body);
    if (!value) return fail(Code::kInvalid, "invalid startup packet: a setting has no value");
    if (!is_utf8(*name) || !is_utf8(*value)) {
      return fail(Code::kInvalid, "invalid startup packet: it is not valid UTF-8");
    }
    if (std::find(names.begin(), names.end(), *name) != names.end()) {
      return fail(Code::kInvalid, "invalid startup packet: a setting is given twice");
    }
    names.push_back(*name);
    if (*name == "user") {
      startup.user = *value;
    } else if (*name == "database") {
      startup.database = *value;
    } else if (*name == "replication") {
      const bool off = *value == "off" || *value == "false" || *value == "no" || *value == "0";
      if (!off) {
        return fail(Code::kInvalid, "replication connections do not pass through this door");
      }
    } else if (name->starts_with("_pq_.")) {
      startup.unknown_options.emplace_back(*name);
      startup.negotiate = true;
    } else {
      startup.settings.emplace_back(*name, *value);
    }
  }
  if (!body.empty()) {
    return fail(Code::kInvalid, "invalid startup packet: bytes follow its end");
  }
  return startup;
}

Result<CancelKey> parse_cancel(std::string_view body) {
  if (body.size() < 8 || body.size() > 4 + kLongestCancelKey) {
    return fail(Code::kInvalid, "invalid length of cancel request");
  }
  return CancelKey{get_u32(body.data()), std::string(body.substr(4))};
}

std::string message(char type, std::string_view body) {
  std::string out;
  out.reserve(5 + body.size());
  out.push_back(type);
  put_u32(out, static_cast<std::uint32_t>(4 + body.size()));
  out += body;
  return out;
}

std::string fatal(const Refusal& refusal) {
  std::string body;
  const auto field = [&body](char type, std::string_view text) {
    if (text.empty()) return;
    body.push_back(type);
    // A NUL would end the field early.
    for (const char c : text) body.push_back(c == '\0' ? ' ' : c);
    body.push_back('\0');
  };
  field('S', "FATAL");
  field('V', "FATAL");
  field('C', refusal.sqlstate);
  field('M', refusal.message);
  field('D', refusal.detail);
  field('H', refusal.hint);
  body.push_back('\0');
  return message('E', body);
}

std::string negotiate_version(const Startup& startup) {
  std::string body;
  put_u32(body, startup.version);
  put_u32(body, static_cast<std::uint32_t>(startup.unknown_options.size()));
  for (const std::string& option : startup.unknown_options) put_string(body, option);
  return message('v', body);
}

std::string authentication_ok() {
  return message('R', std::string(4, '\0'));
}

std::string backend_key_data(const CancelKey& key) {
  std::string body;
  put_u32(body, key.id);
  body += key.secret;
  return message('K', body);
}

std::string ssl_request() {
  return packet(kSslCode, {});
}

std::string startup_message(const std::vector<std::pair<std::string, std::string>>& settings) {
  std::string body;
  for (const auto& [name, value] : settings) {
    put_string(body, name);
    put_string(body, value);
  }
  body.push_back('\0');
  return packet(kVersion30, body);
}

std::string cancel_request(const CancelKey& key) {
  std::string body;
  put_u32(body, key.id);
  body += key.secret;
  return packet(kCancelCode, body);
}

Result<std::optional<Message>> next_message(std::string_view bytes, std::size_t most) {
  if (bytes.size() < 5) return std::optional<Message>();
  const std::uint32_t length = get_u32(bytes.data() + 1);
  if (length < 4 || length > most) {
    return fail(Code::kInvalid, "a message of " + std::to_string(length) + " bytes");
  }
  if (bytes.size() < 1 + std::size_t{length}) return std::optional<Message>();
  return std::optional<Message>(Message{bytes[0], bytes.substr(5, length - 4)});
}

ErrorFields parse_error(std::string_view body) {
  ErrorFields fields;
  while (!body.empty() && body[0] != '\0') {
    const char type = body[0];
    body.remove_prefix(1);
    const auto text = take_string(body);
    if (!text) break;
    if (type == 'V') fields.severity = *text;
    if (type == 'C') fields.sqlstate = *text;
    if (type == 'M') fields.message = *text;
  }
  return fields;
}

void Boundary::feed(std::string_view bytes) {
  while (sound_ && !bytes.empty()) {
    if (body_left_ > 0) {
      const std::size_t skip = std::min<std::size_t>(body_left_, bytes.size());
      body_left_ -= static_cast<std::uint32_t>(skip);
      bytes.remove_prefix(skip);
      continue;
    }
    const std::size_t take = std::min<std::size_t>(5 - head_size_, bytes.size());
    std::memcpy(head_ + head_size_, bytes.data(), take);
    head_size_ += static_cast<unsigned>(take);
    bytes.remove_prefix(take);
    if (head_size_ < 5) return;
    head_size_ = 0;
    const std::uint32_t length = get_u32(reinterpret_cast<const char*>(head_) + 1);
    if (length < 4 || length > 0x7fffffffu) {
      sound_ = false;
      return;
    }
    body_left_ = length - 4;
  }
}

}  // namespace writ::door::postgres
