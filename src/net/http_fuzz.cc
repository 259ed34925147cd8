// Bytes from the network, through everything that reads them before a handler does: message
// reading, routing, query decoding. The input's first byte says how the rest arrives; what is found
// must not depend on that.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "net/http.h"
#include "net/message_reader.h"
#include "net/router.h"
#include "net/served.h"

namespace {

using writ::net::MessageKind;
using writ::net::MessageReader;
using Found = MessageReader::Found;

const writ::net::Router& routes() {
  static const writ::net::Router router = [] {
    writ::net::Router made;
    const bool good = made.add("GET", "/a", 0) && made.add("POST", "/a/{b}/c", 1) &&
                      made.add("GET", "/{a}/{b}", 2);
    if (!good) std::abort();
    return made;
  }();
  return router;
}

// A transcript of all messages in `bytes`, given to the reader `step` bytes at a time.
std::string read_all(MessageKind kind, std::string_view bytes, std::size_t step) {
  MessageReader reader(kind, 4096);
  std::string input;
  std::string transcript;
  std::vector<std::pair<std::string_view, std::string_view>> headers;
  for (;;) {
    switch (reader.feed(input)) {
      case Found::kMore: {
        if (bytes.empty()) return transcript;
        const std::string_view part = bytes.substr(0, step);
        input.append(part);
        bytes.remove_prefix(part.size());
        break;
      }
      case Found::kHead:
        reader.limit_body(1000);
        transcript += "head\n";
        break;
      case Found::kMessage: {
        reader.headers(input, headers);
        for (const auto& [name, value] : headers) {
          transcript.append(name).append("=").append(value).append("\n");
        }
        if (kind == MessageKind::kRequest) {
          const std::string_view target = reader.target(input);
          writ::net::Request request;
          request.query = writ::net::query_of(target);
          const auto match = routes().match(reader.method(input), writ::net::path_of(target));
          transcript += std::to_string(match.status) + match.allow;
          for (const auto& param : match.params) transcript += param.second;
          if (const auto value = request.query_param("q")) transcript += *value;
        }
        transcript.append(reader.upgrade(input)).append(reader.keep_alive() ? "+" : "-");
        transcript.append(reader.body(input)).append("\n");
        reader.next(input);
        break;
      }
      case Found::kBad:
        if (reader.bad_status() < 400 || reader.bad_message().empty()) std::abort();
        return transcript;
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0 || size > 64 * 1024) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const MessageKind kind = (data[0] & 1) != 0 ? MessageKind::kRequest : MessageKind::kReply;
  const std::size_t step = (data[0] >> 1) + 1u;
  const std::string whole = read_all(kind, bytes, bytes.size());
  const std::string pieces = read_all(kind, bytes, step);
  if (whole != pieces) std::abort();
  return 0;
}
