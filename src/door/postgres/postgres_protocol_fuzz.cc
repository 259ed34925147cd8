// Everything that reads bytes of others: packets that open a connection, messages of a target, the
// boundary between messages, and answers of the server.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/random.h"
#include "door/postgres/reports.h"
#include "door/postgres/target_login.h"
#include "door/postgres/wire.h"

namespace {

using namespace writ;
using namespace writ::door::postgres;

void must(bool ok) {
  if (!ok) std::abort();
}

void read_packets(std::string_view bytes) {
  if (bytes.size() < kPacketHead) return;
  const auto head = parse_packet_head(bytes.substr(0, kPacketHead));
  if (!head) return;
  must(head->length >= kPacketHead && head->length <= kLongestStartup);
  const std::string_view body = bytes.substr(kPacketHead, head->length - kPacketHead);
  if (head->kind == PacketKind::kCancel) {
    if (const auto key = parse_cancel(body)) {
      must(cancel_request(*key).substr(kPacketHead) == body);
    }
  } else if (const auto startup = parse_startup(head->version, body)) {
    must(startup->version == kVersion30 || startup->version == kVersion32);
    must(next_message(negotiate_version(*startup), kLongestStartup * 2)->has_value());
  }
}

// The boundary is the same in whatever pieces the stream comes, and agrees with reading whole
// messages.
void follow(std::string_view bytes) {
  Boundary whole;
  whole.feed(bytes);
  Boundary pieces;
  for (std::size_t at = 0, size = 1; at < bytes.size(); at += size, size = size % 7 + 1) {
    pieces.feed(bytes.substr(at, size));
  }
  must(whole.at_boundary() == pieces.at_boundary());
  std::string_view rest = bytes;
  while (true) {
    const auto next = next_message(rest, 0x7fffffff);
    if (!next) return must(!whole.at_boundary());
    if (!next->has_value()) break;
    parse_error((*next)->body);
    rest.remove_prefix(5 + (*next)->body.size());
  }
  must(whole.at_boundary() == rest.empty());
}

void log_in(std::string_view bytes) {
  SeededRandom random(1);
  ScramCache cache;
  TargetLogin::Wanted wanted;
  wanted.grant = "g";
  wanted.settings = {{"user", "u"}};
  wanted.password = Secret(std::string_view("secret"));
  TargetLogin login(std::move(wanted), cache, random);
  for (std::size_t at = 0; at < bytes.size(); at += 50) {
    if (!login.feed(bytes.substr(at, 50))) return;
  }
  must(!login.done());  // nobody guesses the proof
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 4) {
    case 0:
      read_packets(bytes);
      break;
    case 1:
      follow(bytes);
      break;
    case 2:
      log_in(bytes);
      break;
    default:
      (void)parse_decision(bytes);
      if (const auto json = parse_json(bytes)) {
        (void)parse_welcome(*json);
        (void)parse_cut(*json);
      }
  }
  return 0;
}
