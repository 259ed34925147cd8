// Bytes from the network, through a whole HTTP/2 session and the routing behind it. The input's
// first byte says how the rest is meant (as it is, behind a preface, or as a list of frames whose
// lengths are mended) and how it arrives; what the session finds must not depend on how it arrives.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "net/frames_for_test.h"
#include "net/http2_session.h"
#include "net/served.h"

namespace {

using writ::net::Http2Limits;
using writ::net::Http2Session;
using writ::net::Request;
using writ::net::Router;
using writ::net::SteadyTime;

constexpr Http2Limits kLimits{
    .streams = 5, .header_bytes = 2'000, .bodies = 4'000, .answers = 9'000};
constexpr std::size_t kBody = 1'000;

const Router& routes() {
  static const Router router = [] {
    Router made;
    const bool good = made.add("GET", "/", 0) && made.add("POST", "/a/{b}", 1) &&
                      made.add("POST", "/later", 2) && made.add("GET", "/stream", 3);
    if (!good) std::abort();
    return made;
  }();
  return router;
}

class Owner final : public Http2Session::Owner {
 public:
  void on_head(Http2Session::Stream& stream) override {
    stream.match = routes().match(stream.request.method, stream.request.path);
    stream.body_limit = kBody;
    if (stream.match.status != 200)
      return session->refuse(stream, writ::net::refusal(stream.match));
    if (stream.match.route == 3) session->reset(stream, NGHTTP2_HTTP_1_1_REQUIRED);
  }
  void on_request(Http2Session::Stream& stream) override {
    const Request& request = stream.request;
    if (request.body.size() > kBody || request.headers.size() > 64) std::abort();
    if (++under_way > kLimits.streams) std::abort();
    transcript.append(request.method).append(request.path).append(request.query);
    for (const auto& [name, value] : request.headers) transcript.append(name).append(value);
    transcript.append(request.body).append("\n");
    if (stream.match.route == 2) return waiting.push_back(stream.id);
    answer(stream.id);
  }
  std::string_view date() override { return "today"; }

  void answer(std::int32_t id) {
    --under_way;
    session->answer(
        id, {.body = std::string(static_cast<std::size_t>(id) % 3000, 'x'), .headers = {}}, now);
  }

  Http2Session* session = nullptr;
  SteadyTime now{};
  std::string transcript;
  std::vector<std::int32_t> waiting;
  unsigned under_way = 0;
};

// What was found in `bytes`, given to a session `step` bytes at a time.
std::string run(std::string_view bytes, std::size_t step) {
  Request caller;
  Owner owner;
  Http2Session session(owner, caller, kLimits, owner.now);
  owner.session = &session;
  while (!bytes.empty()) {
    const std::string_view part = bytes.substr(0, step);
    bytes.remove_prefix(part.size());
    session.receive(part, owner.now);
  }
  std::string out;
  session.write(out, 1 << 20);
  for (const std::int32_t id : owner.waiting) owner.answer(id);
  // Everything has an end: a minute later nothing is under way.
  owner.now += writ::Millis(61'000);
  session.tick(owner.now);
  session.write(out, 1 << 20);
  owner.now += writ::Millis(61'000);
  session.tick(owner.now);
  session.write(out, 1 << 20);
  if (!session.is_over() && !session.is_idle()) std::abort();
  return owner.transcript;
}

// Each frame: type, flags, stream, size, payload.
std::string mended(std::string_view bytes) {
  std::string out;
  while (bytes.size() >= 4) {
    const auto octet = [&](std::size_t at) { return static_cast<unsigned char>(bytes[at]); };
    const std::string_view payload = bytes.substr(4, octet(3));
    out += writ::net::frame_bytes(octet(0) % 11u, octet(1), octet(2), payload);
    bytes.remove_prefix(4 + payload.size());
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0 || size > 64 * 1024) return 0;
  const std::string_view given(reinterpret_cast<const char*>(data) + 1, size - 1);
  std::string bytes;
  if ((data[0] & 3) != 0) {
    bytes =
        std::string(writ::net::kClientPreface) + writ::net::frame_bytes(NGHTTP2_SETTINGS, 0, 0, "");
  }
  bytes += (data[0] & 3) > 1 ? mended(given) : std::string(given);
  const std::size_t step = (data[0] >> 2) + 1u;
  if (run(bytes, bytes.size()) != run(bytes, step)) std::abort();
  return 0;
}
