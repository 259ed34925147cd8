// The session over memory: time and bytes are the test's.
#include "net/http2_session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "net/frames_for_test.h"
#include "net/served.h"

namespace writ::net {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

// What the client has seen of one stream.
struct Seen {
  HeaderList headers;
  std::string body;
  bool is_ended = false;
  std::optional<std::uint32_t> reset;
  std::string status() const { return headers.empty() ? "" : headers.front().second; }
  std::string header(std::string_view name) const {
    for (const auto& [key, value] : headers) {
      if (key == name) return value;
    }
    return "";
  }
};

class Http2SessionTest : public testing::Test, public Http2Session::Owner {
 protected:
  void SetUp() override { start({}); }

  void start(const Http2Limits& limits) {
    session.emplace(*this, caller, limits, now);
    send(std::string(kClientPreface) + frame_bytes(NGHTTP2_SETTINGS, 0, 0, ""));
  }
  void send(std::string_view bytes) {
    session->receive(bytes, now);
    read();
  }
  void send(unsigned type, unsigned flags, std::int32_t stream, std::string_view payload) {
    send(frame_bytes(type, flags, stream, payload));
  }
  // A request without a body, or with one of its own.
  std::int32_t ask(const HeaderList& head, std::optional<std::string> body = std::nullopt) {
    const std::int32_t id = std::exchange(next_id, next_id + 2);
    send(NGHTTP2_HEADERS, kEndHeaders | (body ? 0 : kEndStream), id, blocks.encode(head));
    if (body) send(NGHTTP2_DATA, kEndStream, id, *body);
    return id;
  }
  std::int32_t get(const std::string& path) { return ask(request_head("GET", path)); }
  void read() {
    std::string bytes;
    session->write(bytes, 1 << 24);
    while (auto frame = take_frame(bytes)) {
      Seen& stream = seen[frame->stream];
      if (frame->type == NGHTTP2_HEADERS) {
        ASSERT_TRUE(frame->flags & kEndHeaders);
        for (auto& field : blocks.decode(frame->payload)) stream.headers.push_back(field);
      } else if (frame->type == NGHTTP2_DATA) {
        stream.body += frame->payload;
      } else if (frame->type == NGHTTP2_RST_STREAM) {
        stream.reset = big_endian(frame->payload);
      } else if (frame->type == NGHTTP2_GOAWAY) {
        farewell = big_endian(std::string_view(frame->payload).substr(4));
      } else if (frame->type == NGHTTP2_PING) {
        ++pongs;
      }
      const bool may_end = frame->type == NGHTTP2_HEADERS || frame->type == NGHTTP2_DATA;
      stream.is_ended = stream.is_ended || (may_end && (frame->flags & kEndStream) != 0);
    }
  }
  void answer(std::int32_t id, std::string body) {
    session->answer(id, {.body = std::move(body), .headers = {}}, now);
    read();
  }
  void pass(Millis time) {
    now += time;
    session->tick(now);
    read();
  }

  void on_head(Http2Session::Stream& stream) override {
    stream.body_limit = 1000;
    if (stream.request.path == "/none") session->refuse(stream, refusal({}));
    if (stream.request.path == "/lines") session->reset(stream, NGHTTP2_HTTP_1_1_REQUIRED);
    if (stream.request.path == "/large") stream.body_limit = 1 << 20;
  }
  void on_request(Http2Session::Stream& stream) override {
    ++handled;
    if (stream.request.path == "/later" || stream.request.path == "/large") {
      return waiting.push_back(stream.id);
    }
    session->answer(
        stream.id,
        {.body = std::string(stream.request.method) + " " + std::string(stream.request.path) + "?" +
                 std::string(stream.request.query) + " " + std::string(stream.request.body),
         .headers = {{"Allow", "GET"}, {"X-Evil", "a\r\nb"}}},
        now);
  }
  std::string_view date() override { return "Sun, 06 Nov 1994 08:49:37 GMT"; }

  Request caller;
  SteadyTime now{std::chrono::hours(1)};
  HeaderBlocks blocks;
  std::optional<Http2Session> session;
  std::int32_t next_id = 1;
  std::map<std::int32_t, Seen> seen;
  std::optional<std::uint32_t> farewell;  // of a GOAWAY
  int pongs = 0;
  int handled = 0;
  std::vector<std::int32_t> waiting;
};

TEST_F(Http2SessionTest, AnswersARequestWithABody) {
  const auto id = ask(request_head("POST", "/a?b=c", {{"x-request-id", "r1"}}), "hello");
  EXPECT_EQ(seen[id].body, "POST /a?b=c hello");
  EXPECT_TRUE(seen[id].is_ended);
  EXPECT_THAT(
      seen[id].headers,
      ElementsAre(std::pair(":status", "200"), std::pair("date", "Sun, 06 Nov 1994 08:49:37 GMT"),
                  std::pair("content-type", "application/json"), std::pair("content-length", "17"),
                  std::pair("x-request-id", "r1"), std::pair("allow", "GET")));
  EXPECT_TRUE(session->is_idle());
}

TEST_F(Http2SessionTest, AnswersInWhateverOrderAnswersCome) {
  const auto first = get("/later"), second = get("/later"), third = get("/now");
  EXPECT_TRUE(seen[third].is_ended);
  answer(second, "second");
  EXPECT_EQ(seen[second].body, "second");
  EXPECT_FALSE(seen[first].is_ended);
  answer(first, "first");
  EXPECT_EQ(seen[first].body, "first");
}

TEST_F(Http2SessionTest, TakesAHeadInSeveralFramesAndABodyInMany) {
  const std::string block =
      blocks.encode(request_head("POST", "/a", {{"x", std::string(300, 'x')}}));
  send(NGHTTP2_HEADERS, 0, 1, block.substr(0, 10));
  send(NGHTTP2_CONTINUATION, 0, 1, block.substr(10, 100));
  send(NGHTTP2_CONTINUATION, kEndHeaders, 1, block.substr(110));
  for (int i = 0; i < 10; ++i) send(NGHTTP2_DATA, 0, 1, std::to_string(i));
  EXPECT_EQ(handled, 0);
  send(NGHTTP2_DATA, kEndStream, 1, "");
  EXPECT_EQ(seen[1].body, "POST /a? 0123456789");
}

TEST_F(Http2SessionTest, ForgetsTrailers) {
  send(NGHTTP2_HEADERS, kEndHeaders, 1, blocks.encode(request_head("POST", "/a")));
  send(NGHTTP2_DATA, 0, 1, "body");
  send(NGHTTP2_HEADERS, kEndHeaders | kEndStream, 1, blocks.encode({{"x-request-id", "late"}}));
  EXPECT_EQ(seen[1].body, "POST /a? body");
  EXPECT_EQ(seen[1].header("x-request-id"), "");
}

TEST_F(Http2SessionTest, SaysContinueToClientsThatWait) {
  send(NGHTTP2_HEADERS, kEndHeaders, 1,
       blocks.encode(request_head("POST", "/a", {{"expect", "100-continue"}})));
  EXPECT_EQ(seen[1].status(), "100");
  send(NGHTTP2_DATA, kEndStream, 1, "body");
  EXPECT_EQ(seen[1].body, "POST /a? body");
}

TEST_F(Http2SessionTest, AnswersHeadWithoutABody) {
  const auto id = ask(request_head("HEAD", "/a"));
  EXPECT_EQ(seen[id].body, "");
  EXPECT_EQ(seen[id].header("content-length"), "9");
  EXPECT_TRUE(seen[id].is_ended);
  const auto refused = ask(request_head("HEAD", "/a", HeaderList(65, {"x", "y"})));
  EXPECT_EQ(seen[refused].status(), "431");
  EXPECT_EQ(seen[refused].body, "");
  EXPECT_TRUE(seen[refused].is_ended);
}

// A refusal need not wait for the rest of the request, and says that it is not wanted.
TEST_F(Http2SessionTest, RefusesBeforeTheBodyIsThere) {
  send(NGHTTP2_HEADERS, kEndHeaders, 1, blocks.encode(request_head("POST", "/none")));
  EXPECT_EQ(seen[1].status(), "404");
  EXPECT_EQ(seen[1].reset, NGHTTP2_NO_ERROR);
  send(NGHTTP2_DATA, kEndStream, 1, "late");
  EXPECT_EQ(farewell, std::nullopt);
  next_id = 3;
  const auto lines = get("/lines");
  EXPECT_EQ(seen[lines].reset, NGHTTP2_HTTP_1_1_REQUIRED);
  EXPECT_TRUE(session->is_idle());
}

TEST_F(Http2SessionTest, RefusesLargeBodies) {
  const auto id = ask(request_head("POST", "/a"), std::string(1001, 'x'));
  EXPECT_EQ(seen[id].status(), "413");
  EXPECT_THAT(seen[id].body, HasSubstr("larger than 1000 bytes"));
  EXPECT_EQ(handled, 0);
  EXPECT_TRUE(session->is_idle());
}

TEST_F(Http2SessionTest, BoundsAllBodiesOfAConnectionTogether) {
  start({.bodies = 10'000});
  const std::string half(6'000, 'x');
  for (const std::int32_t id : {1, 3}) {
    send(NGHTTP2_HEADERS, kEndHeaders, id, blocks.encode(request_head("POST", "/large")));
    send(NGHTTP2_DATA, 0, id, half);
  }
  EXPECT_EQ(seen[1].status(), "");
  EXPECT_EQ(seen[3].status(), "429");
  // What the refused one held is free again.
  send(NGHTTP2_HEADERS, kEndHeaders, 5, blocks.encode(request_head("POST", "/large")));
  send(NGHTTP2_DATA, kEndStream, 5, std::string(4'000, 'x'));
  EXPECT_THAT(waiting, ElementsAre(5));
}

TEST_F(Http2SessionTest, RefusesLargeHeads) {
  for (const HeaderList& more :
       {HeaderList{{"x", std::string(17'000, 'x')}}, HeaderList(65, {"x", "y"})}) {
    const auto id = std::exchange(next_id, next_id + 2);
    const std::string block = blocks.encode(request_head("GET", "/a", more));
    send(NGHTTP2_HEADERS, kEndStream, id, block.substr(0, 10));
    send(NGHTTP2_CONTINUATION, kEndHeaders, id, block.substr(10));
    EXPECT_EQ(seen[id].status(), "431");
  }
  EXPECT_EQ(handled, 0);
  EXPECT_THAT(seen[get("/a")].body, HasSubstr("GET /a"));
}

// One header of 3 KB, put into the dynamic table and then named again by one byte each time.
TEST_F(Http2SessionTest, EndsAClientWhoseHeadUnpacksToFarTooMuch) {
  const std::string block =
      blocks.encode(request_head("GET", "/a", {{"x", std::string(2'900, 'x')}}));
  send(NGHTTP2_HEADERS, kEndStream, 1, block);
  send(NGHTTP2_CONTINUATION, 0, 1, std::string(100, '\xbe'));
  EXPECT_EQ(farewell, NGHTTP2_ENHANCE_YOUR_CALM);
  EXPECT_TRUE(session->is_over());
}

TEST_F(Http2SessionTest, RefusesMalformedRequests) {
  const auto outcome = [&](HeaderList head) {
    const auto id = ask(head);
    return seen[id].reset ? "reset" : seen[id].status();
  };
  EXPECT_EQ(outcome(request_head("GET", "/a")), "200");
  // RFC 9113 section 8.3.1: pseudo-header fields, each once, in front, and none that is unknown.
  EXPECT_EQ(outcome({{":scheme", "https"}, {":authority", "x"}, {":path", "/a"}}), "reset");
  EXPECT_EQ(outcome({{":method", "GET"}, {":authority", "x"}, {":path", "/a"}}), "reset");
  EXPECT_EQ(outcome({{":method", "GET"}, {":scheme", "https"}, {":authority", "x"}}), "reset");
  EXPECT_EQ(outcome({{":method", "GET"}, {":scheme", "https"}, {":path", "/a"}}), "reset");
  EXPECT_EQ(outcome(request_head("GET", "/a", {{":path", "/b"}})), "reset");
  EXPECT_EQ(outcome(request_head("GET", "/a", {{"a", "b"}, {":method", "GET"}})), "reset");
  EXPECT_EQ(outcome(request_head("GET", "/a", {{":status", "200"}})), "reset");
  EXPECT_EQ(outcome(request_head("GET", "/a", {{":protocol", "websocket"}})), "reset");
  EXPECT_EQ(outcome(request_head("GET", "")), "reset");
  // Section 8.2: names and values; 8.2.2: what belongs to a connection.
  EXPECT_EQ(outcome(request_head("GET", "/a", {{"Upper", "b"}})), "reset");
  EXPECT_EQ(outcome(request_head("GET", "/a", {{"a b", "c"}})), "reset");
  EXPECT_EQ(outcome(request_head("GET", "/a", {{"a", "b\nc"}})), "reset");
  EXPECT_EQ(outcome(request_head("GET", "/a", {{"a", " b"}})), "reset");
  for (const char* name :
       {"connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"}) {
    EXPECT_EQ(outcome(request_head("GET", "/a", {{name, "x"}})), "reset") << name;
  }
  EXPECT_EQ(outcome(request_head("GET", "/a", {{"te", "gzip"}})), "reset");
  EXPECT_EQ(outcome(request_head("GET", "/a", {{"te", "trailers"}})), "200");
  EXPECT_EQ(outcome(request_head("GET", "/a", {{"host", "x"}, {"host", "x"}})), "reset");
  // What this server does not take.
  EXPECT_EQ(outcome(request_head("GET", "/a", {{"host", "y"}})), "400");
  EXPECT_EQ(outcome(request_head("GET", "/a", {{"host", "x"}})), "200");
  EXPECT_EQ(outcome(request_head("OPTIONS", "*")), "400");
  EXPECT_EQ(outcome(request_head("GET", "/a#part")), "400");
  EXPECT_EQ(outcome({{":method", "CONNECT"}, {":authority", "x"}}), "400");
  EXPECT_EQ(
      outcome({{":method", "GET"}, {":scheme", "http"}, {":authority", "x"}, {":path", "/a"}}),
      "400");
  // Section 8.1.1: a length that is not the body's.
  EXPECT_NE(outcome(request_head("GET", "/a", {{"content-length", "5"}})), "200");
  EXPECT_EQ(farewell, std::nullopt);
  EXPECT_EQ(outcome(request_head("GET", "/a")), "200");
}

TEST_F(Http2SessionTest, RefusesMoreStreamsThanItAllows) {
  start({.streams = 3});
  for (int i = 0; i < 4; ++i) get("/later");
  EXPECT_EQ(seen[7].reset, NGHTTP2_REFUSED_STREAM);
  answer(1, "");
  get("/later");
  EXPECT_EQ(seen[9].reset, std::nullopt);
  EXPECT_EQ(handled, 4);
}

// CVE-2023-44487: a reset frees the stream, not the work that was begun for it.
TEST_F(Http2SessionTest, CountsRequestsThatWereResetUntilTheyAreAnswered) {
  start({.streams = 3});
  for (int i = 0; i < 20; ++i) {
    const auto id = get("/later");
    send(NGHTTP2_RST_STREAM, 0, id, big_endian(NGHTTP2_CANCEL));
  }
  EXPECT_EQ(handled, 3);
  EXPECT_FALSE(session->is_idle());
  for (const auto id : waiting) answer(id, "too late");
  EXPECT_TRUE(session->is_idle());
  get("/later");
  EXPECT_EQ(handled, 4);
}

TEST_F(Http2SessionTest, EndsClientsThatFlood) {
  const std::string reset = frame_bytes(NGHTTP2_RST_STREAM, 0, 1, big_endian(NGHTTP2_CANCEL));
  const std::vector<std::pair<const char*, std::string>> floods = {
      {"ping", frame_bytes(NGHTTP2_PING, 0, 0, "12345678")},
      {"settings", frame_bytes(NGHTTP2_SETTINGS, 0, 0, "")},
      {"empty data", frame_bytes(NGHTTP2_DATA, 0, 1, "")},
      {"priority", frame_bytes(NGHTTP2_PRIORITY, 0, 1, big_endian(3) + "\1")},
      {"window", frame_bytes(NGHTTP2_WINDOW_UPDATE, 0, 0, big_endian(1))},
      {"goaway", frame_bytes(NGHTTP2_GOAWAY, 0, 0, big_endian(0) + big_endian(0))},
      {"reset", reset},
  };
  for (const auto& [name, frame] : floods) {
    start({});
    farewell.reset();
    send(NGHTTP2_HEADERS, kEndHeaders, 1, HeaderBlocks().encode(request_head("POST", "/a")));
    for (int i = 0; i < 900; ++i) send(frame);
    EXPECT_EQ(farewell, std::nullopt) << name;
    for (int i = 0; i < 200; ++i) send(frame);
    EXPECT_EQ(farewell, NGHTTP2_ENHANCE_YOUR_CALM) << name;
    EXPECT_TRUE(session->is_over()) << name;
  }
}

TEST_F(Http2SessionTest, EndsAClientThatOpensAndResets) {
  int asked = 0;
  while (!session->is_over() && asked < 10'000) {
    const auto id = get("/later");
    ++asked;
    send(NGHTTP2_RST_STREAM, 0, id, big_endian(NGHTTP2_CANCEL));
    for (const auto late : std::exchange(waiting, {})) answer(late, "");
  }
  EXPECT_EQ(farewell, NGHTTP2_ENHANCE_YOUR_CALM);
  EXPECT_LT(asked, 1'200);
}

TEST_F(Http2SessionTest, EndsAClientThatContinuesAHeadWithoutEnd) {
  send(NGHTTP2_HEADERS, 0, 1, blocks.encode(request_head("GET", "/a")));
  for (int i = 0; i < 100 && !session->is_over(); ++i) send(NGHTTP2_CONTINUATION, 0, 1, "");
  EXPECT_TRUE(session->is_over());
  EXPECT_EQ(handled, 0);
}

// A client that asks much may also say much: two window updates and a ping for each request.
TEST_F(Http2SessionTest, LetsABusyClientSayWhatItMust) {
  for (int i = 0; i < 5'000; ++i) {
    const auto id = get("/a");
    ASSERT_TRUE(seen[id].is_ended) << i;
    send(NGHTTP2_WINDOW_UPDATE, 0, 0, big_endian(100));
    send(NGHTTP2_WINDOW_UPDATE, 0, id, big_endian(100));
    send(NGHTTP2_PING, 0, 0, "12345678");
  }
  EXPECT_EQ(pongs, 5'000);
  EXPECT_EQ(farewell, std::nullopt);
}

TEST_F(Http2SessionTest, EndsSlowHeads) {
  send(NGHTTP2_HEADERS, 0, 1, blocks.encode(request_head("GET", "/a")));
  pass(Millis(6'000));
  send(NGHTTP2_CONTINUATION, 0, 1, "");
  EXPECT_EQ(farewell, std::nullopt);
  pass(Millis(4'000));
  EXPECT_EQ(farewell, NGHTTP2_ENHANCE_YOUR_CALM);
}

TEST_F(Http2SessionTest, RefusesSlowBodies) {
  send(NGHTTP2_HEADERS, kEndHeaders, 1, blocks.encode(request_head("POST", "/a")));
  for (int i = 0; i < 29; ++i) {
    pass(Millis(1'000));
    send(NGHTTP2_DATA, 0, 1, "x");
  }
  EXPECT_EQ(seen[1].status(), "");
  pass(Millis(1'000));
  EXPECT_EQ(seen[1].status(), "408");
  EXPECT_EQ(seen[1].reset, NGHTTP2_NO_ERROR);
  EXPECT_TRUE(session->is_idle());
}

// A window that never opens holds the answer for a while, and then nothing.
TEST_F(Http2SessionTest, CancelsAnswersThatNobodyTakes) {
  send(NGHTTP2_SETTINGS, 0, 0, big_endian(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 2) + big_endian(0));
  const auto id = get("/a");
  EXPECT_EQ(seen[id].status(), "200");
  EXPECT_EQ(seen[id].body, "");
  pass(Millis(29'000));
  EXPECT_EQ(seen[id].reset, std::nullopt);
  pass(Millis(1'000));
  EXPECT_EQ(seen[id].reset, NGHTTP2_CANCEL);
  EXPECT_TRUE(session->is_idle());
}

TEST_F(Http2SessionTest, TakesNoRequestWhileTooManyAnswersWait) {
  start({.answers = 1'000});
  send(NGHTTP2_SETTINGS, 0, 0, big_endian(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 2) + big_endian(0));
  get("/later");
  answer(1, std::string(1'001, 'x'));
  const auto refused = get("/a");
  EXPECT_EQ(seen[refused].reset, NGHTTP2_REFUSED_STREAM);
  send(NGHTTP2_WINDOW_UPDATE, 0, 1, big_endian(2'000));
  EXPECT_TRUE(seen[1].is_ended);
  send(NGHTTP2_SETTINGS, 0, 0,
       big_endian(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 2) + big_endian(1'000));
  EXPECT_TRUE(seen[get("/a")].is_ended);
}

TEST_F(Http2SessionTest, AnswersWhatIsUnderWayWhenItGoesAway) {
  const auto id = get("/later");
  session->go_away();
  read();
  EXPECT_EQ(farewell, NGHTTP2_NO_ERROR);
  EXPECT_FALSE(session->is_over());
  const auto late = get("/a");
  EXPECT_THAT(seen[late].headers, IsEmpty());
  answer(id, "done");
  EXPECT_EQ(seen[id].body, "done");
  EXPECT_TRUE(session->is_over());
}

TEST_F(Http2SessionTest, EndsWhatIsNoHttp2) {
  for (const std::string& bytes :
       {std::string("GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
        std::string(kClientPreface) + frame_bytes(NGHTTP2_HEADERS, kEndHeaders, 2, "\x82"),
        std::string(kClientPreface) + frame_bytes(NGHTTP2_SETTINGS, 0, 0, "odd"),
        std::string(kClientPreface) + frame_bytes(NGHTTP2_SETTINGS, 0, 0, "") +
            frame_bytes(NGHTTP2_HEADERS, kEndHeaders, 1, "\xff\xff\xff\xff\xff\xff"),
        std::string(kClientPreface) + frame_bytes(NGHTTP2_PUSH_PROMISE, 0, 1, "")}) {
    session.emplace(*this, caller, Http2Limits(), now);
    farewell.reset();
    send(bytes);
    EXPECT_NE(farewell.value_or(0), NGHTTP2_NO_ERROR) << bytes;
    EXPECT_TRUE(session->is_over()) << bytes;
  }
}

}  // namespace
}  // namespace writ::net
