// What a client may rely on, whichever protocol it speaks: the same requests and the same limits on
// HTTP/1.1 and HTTP/2.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <future>
#include <map>
#include <mutex>

#include "net/frames_for_test.h"
#include "net/http_client.h"
#include "net/http_server.h"
#include "net/pki_for_test.h"

namespace writ::net {
namespace {

using testing::HasSubstr;

// One connection that asks one thing after the other.
class Peer {
 public:
  virtual ~Peer() = default;
  // Status 0: the connection ended instead.
  virtual Reply call(const std::string& method, const std::string& target,
                     const std::string& body = {}, const std::vector<Header>& headers = {}) = 0;
};

class Http1Peer final : public Peer {
 public:
  Http1Peer(std::uint16_t port, std::shared_ptr<TlsClient> tls)
      : client_({"127.0.0.1", port}, std::move(tls)) {}
  Reply call(const std::string& method, const std::string& target, const std::string& body,
             const std::vector<Header>& headers) override {
    return client_.call(method, target, body, headers).value_or(Reply());
  }

 private:
  HttpClient client_;
};

class Http2Peer final : public Peer {
 public:
  Http2Peer(std::uint16_t port, const std::shared_ptr<TlsClient>& tls)
      : raw_(port, tls, {"h2", "http/1.1"}) {
    raw_.send(
        std::string(kClientPreface) +
        frame_bytes(NGHTTP2_SETTINGS, 0, 0,
                    big_endian(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 2) +
                        big_endian(NGHTTP2_MAX_WINDOW_SIZE)) +
        frame_bytes(NGHTTP2_WINDOW_UPDATE, 0, 0, big_endian(NGHTTP2_MAX_WINDOW_SIZE - 65535)));
  }
  bool is_good() const { return raw_.is_good() && raw_.protocol() == "h2"; }

  Reply call(const std::string& method, const std::string& target, const std::string& body,
             const std::vector<Header>& headers) override {
    const auto id = ask(method, target, body, headers);
    return reply_to(id);
  }

  std::int32_t ask(const std::string& method, const std::string& target, const std::string& body,
                   const std::vector<Header>& headers) {
    const std::int32_t id = std::exchange(next_, next_ + 2);
    HeaderList more = {{"content-length", std::to_string(body.size())}};
    for (auto [name, value] : headers) {
      for (char& c : name) c = static_cast<char>(std::tolower(c));
      more.emplace_back(name, value);
    }
    std::string out = frame_bytes(NGHTTP2_HEADERS, kEndHeaders | (body.empty() ? kEndStream : 0u),
                                  id, blocks_.encode(request_head(method, target, more)));
    for (std::size_t at = 0; at < body.size();) {
      // As much as both windows (RFC 9113 section 6.9) and a frame hold.
      const std::size_t credit = std::min(window_, stream_window_ + stream_credit_[id] - at);
      const std::size_t size = std::min({credit, body.size() - at, std::size_t{16'384}});
      if (size == 0) {
        if (!raw_.send(std::exchange(out, {})) || !read()) return id;
        if (replies_[id].status != 0) return id;  // it does not want the rest
        continue;
      }
      out += frame_bytes(NGHTTP2_DATA, at + size == body.size() ? kEndStream : 0u, id,
                         std::string_view(body).substr(at, size));
      at += size;
      window_ -= size;
    }
    raw_.send(out);
    return id;
  }

  Reply reply_to(std::int32_t id) {
    while (!ended_[id] && read()) continue;
    return ended_[id] ? std::move(replies_[id]) : Reply();
  }

 private:
  // One frame more; false at the end.
  bool read() {
    std::optional<Frame> frame;
    while (!(frame = take_frame(in_))) {
      if (!raw_.read_more(in_)) return false;
    }
    Reply& reply = replies_[frame->stream];
    const bool is_end = (frame->flags & kEndStream) != 0;
    if (frame->type == NGHTTP2_HEADERS) {
      for (auto& [name, value] : blocks_.decode(frame->payload)) {
        if (name == ":status") reply.status = std::stoi(value);
        reply.headers.emplace_back(name, value);
      }
      ended_[frame->stream] = is_end;
    } else if (frame->type == NGHTTP2_DATA) {
      reply.body += frame->payload;
      ended_[frame->stream] = is_end;
    } else if (frame->type == NGHTTP2_WINDOW_UPDATE) {
      const std::size_t more = big_endian(frame->payload);
      (frame->stream == 0 ? window_ : stream_credit_[frame->stream]) += more;
    } else if (frame->type == NGHTTP2_SETTINGS && frame->flags == 0) {
      for (std::string_view rest = frame->payload; rest.size() >= 6; rest.remove_prefix(6)) {
        if (rest.substr(0, 2) == big_endian(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 2)) {
          stream_window_ = big_endian(rest.substr(2));
        }
      }
      raw_.send(frame_bytes(NGHTTP2_SETTINGS, NGHTTP2_FLAG_ACK, 0, ""));
    }
    return true;
  }

  RawClient raw_;
  HeaderBlocks blocks_;
  std::string in_;
  std::int32_t next_ = 1;
  std::size_t window_ = 65'535;         // of the connection
  std::size_t stream_window_ = 65'535;  // that each stream begins with
  std::map<std::int32_t, std::size_t> stream_credit_;
  std::map<std::int32_t, Reply> replies_;
  std::map<std::int32_t, bool> ended_;
};

enum class Spoken { kHttp1, kHttp2 };

class HttpContract : public testing::TestWithParam<Spoken> {
 protected:
  void serve(HttpServerOptions options = {},
             ClientCertificate wanted = ClientCertificate::kRequired) {
    tls = pki.tls_server(wanted);
    server = std::make_unique<HttpServer>(tls, clock, std::move(options));
    const auto echo = [](const Request& request, Responder responder) {
      responder.send({.body = std::string(request.method) + " " + std::string(request.query) + " " +
                              std::string(request.param("name")) + " " + std::string(request.body),
                      .headers = {}});
    };
    server->route("POST", "/echo", echo, {.body = 1000});
    server->route("GET", "/echo", echo);
    server->route("GET", "/echo/{name}", echo);
    server->route("GET", "/error", [](const Request&, Responder responder) {
      responder.send_error({Code::kDenied, "no", "/where"});
    });
    server->route("GET", "/who", [](const Request& request, Responder responder) {
      responder.send({.body = request.peer ? request.peer->spiffe_id() : "nobody", .headers = {}});
    });
    server->route("GET", "/silent", [](const Request&, Responder) {});
    server->route("GET", "/throws",
                  [](const Request&, Responder) { throw std::runtime_error("thrown"); });
    server->route("POST", "/large",
                  [](const Request& request, Responder responder) {
                    responder.send({.body = std::string(request.body), .headers = {}});
                  },
                  {.body = 4 << 20});
    server->route("GET", "/much", [](const Request&, Responder responder) {
      responder.send({.body = std::string(32 << 20, 'x'), .headers = {}});
    });
    server->route("GET", "/later", [this](const Request&, Responder responder) {
      const std::lock_guard lock(mutex);
      waiting.push_back(std::move(responder));
      arrived.notify_all();
    });
    const Status started = server->start();
    ASSERT_TRUE(started) << started.error().text();
  }
  std::unique_ptr<Peer> peer(const TlsIdentity& shown) {
    if (GetParam() == Spoken::kHttp1) {
      return std::make_unique<Http1Peer>(server->port(), pki.tls_client(shown));
    }
    auto made = std::make_unique<Http2Peer>(server->port(), pki.tls_client(shown));
    EXPECT_TRUE(made->is_good());
    return made;
  }
  std::vector<Responder> take_waiting(std::size_t count) {
    std::unique_lock lock(mutex);
    arrived.wait(lock, [&] { return waiting.size() >= count; });
    return std::exchange(waiting, {});
  }

  MovableClock clock;
  Pki pki{clock};
  std::shared_ptr<TlsServer> tls;
  std::unique_ptr<HttpServer> server;
  std::mutex mutex;
  std::condition_variable arrived;
  std::vector<Responder> waiting;
};

INSTANTIATE_TEST_SUITE_P(, HttpContract, testing::Values(Spoken::kHttp1, Spoken::kHttp2),
                         [](const auto& tested) {
                           return tested.param == Spoken::kHttp1 ? "Http1" : "Http2";
                         });

TEST_P(HttpContract, AnswersOneRequestAfterTheOther) {
  serve();
  const auto client = peer(pki.client());
  for (int i = 0; i < 200; ++i) {
    const Reply reply = client->call("POST", "/echo?n=1", "hello " + std::to_string(i));
    EXPECT_EQ(reply.status, 200);
    EXPECT_EQ(reply.body, "POST n=1  hello " + std::to_string(i));
    EXPECT_EQ(reply.header("Content-Type"), "application/json");
    EXPECT_EQ(reply.header("Content-Length"), std::to_string(reply.body.size()));
    EXPECT_THAT(reply.header("Date"), HasSubstr("2025"));
  }
  EXPECT_EQ(client->call("GET", "/echo/a%20b").body, "GET  a b ");
  EXPECT_EQ(client->call("GET", "/who").body, "spiffe://test/user/alice");
}

TEST_P(HttpContract, AnswersErrorsAsJson) {
  serve();
  const auto client = peer(pki.client());
  const Reply denied = client->call("GET", "/error");
  EXPECT_EQ(denied.status, 403);
  EXPECT_EQ(error_of(denied).where, "/where");
  const Reply none = client->call("GET", "/none");
  EXPECT_EQ(none.status, 404);
  EXPECT_EQ(error_of(none).code, Code::kNotFound);
  const Reply wrong = client->call("DELETE", "/echo");
  EXPECT_EQ(wrong.status, 405);
  EXPECT_EQ(wrong.header("Allow"), "POST, GET, HEAD");
  EXPECT_EQ(client->call("GET", "/echo/%zz").status, 400);
  EXPECT_EQ(client->call("GET", "/silent").status, 500);
  EXPECT_EQ(client->call("GET", "/throws").status, 500);
}

// RFC 9110 section 9.3.2: what GET would answer, but for the body.
TEST_P(HttpContract, AnswersHeadAsGetWithoutABody) {
  serve();
  const auto client = peer(pki.client());
  for (const std::string target : {"/who", "/error", "/none", "/echo/%zz", "/silent", "/throws"}) {
    const Reply get = client->call("GET", target);
    const Reply head = client->call("HEAD", target);
    EXPECT_EQ(head.status, get.status) << target;
    EXPECT_EQ(head.body, "") << target;
    for (const auto& [name, value] : get.headers) {
      if (name == "Date" || name == "date") continue;
      EXPECT_EQ(head.header(name), value) << target << " " << name;
    }
    EXPECT_EQ(head.headers.size(), get.headers.size()) << target;
  }
  const Reply wrong = client->call("HEAD", "/large");
  EXPECT_EQ(wrong.status, 405);
  EXPECT_EQ(wrong.header("Allow"), "POST");
  EXPECT_EQ(wrong.body, "");
  EXPECT_EQ(client->call("GET", "/who").body, "spiffe://test/user/alice") << "still in step";
}

TEST_P(HttpContract, AnswersARefusedHeadWithoutABody) {
  serve();
  const std::vector<Header> large(10, {"X-Large", std::string(2'000, 'x')});
  const Reply refused = peer(pki.client())->call("HEAD", "/echo", {}, large);
  EXPECT_EQ(refused.status, 431);
  EXPECT_EQ(refused.body, "");
}

TEST_P(HttpContract, RepeatsTheRequestsId) {
  serve();
  const auto client = peer(pki.client());
  EXPECT_EQ(client->call("GET", "/echo", {}, {{"X-Request-ID", "r 1"}}).header("X-Request-ID"),
            "r 1");
  EXPECT_EQ(client->call("GET", "/none", {}, {{"X-Request-ID", "r2"}}).header("X-Request-ID"),
            "r2");
  const std::string long_id(201, 'x');
  EXPECT_EQ(client->call("GET", "/echo", {}, {{"X-Request-ID", long_id}}).header("X-Request-ID"),
            "");
}

TEST_P(HttpContract, TakesNoLargerBodyThanTheRoute) {
  serve();
  EXPECT_EQ(peer(pki.client())->call("POST", "/echo", std::string(1000, 'x')).status, 200);
  const Reply refused = peer(pki.client())->call("POST", "/echo", std::string(1001, 'x'));
  EXPECT_EQ(refused.status, 413);
  EXPECT_THAT(error_of(refused).message, HasSubstr("1000 bytes"));
  EXPECT_EQ(peer(pki.client())->call("POST", "/echo", std::string(3'000'000, 'x')).status, 413);
}

TEST_P(HttpContract, TakesNoLargeHead) {
  serve();
  const std::vector<Header> large(10, {"X-Large", std::string(2'000, 'x')});
  EXPECT_EQ(peer(pki.client())->call("GET", "/echo", {}, large).status, 431);
  const std::vector<Header> many(70, {"X-Many", "x"});
  EXPECT_EQ(peer(pki.client())->call("GET", "/echo", {}, many).status, 431);
}

TEST_P(HttpContract, TakesALargeBodyOnlyFromWhoShowedACertificate) {
  serve({}, ClientCertificate::kOptional);
  const std::string body(3 << 20, 'x');
  const auto known = peer(pki.client());
  EXPECT_TRUE(known->call("POST", "/large", body).body == body);
  EXPECT_TRUE(known->call("POST", "/large", body).body == body);
  EXPECT_EQ(peer({})->call("POST", "/large", body).status, 413);
  EXPECT_EQ(peer({})->call("POST", "/large", "x").body, "x");
  EXPECT_EQ(peer({})->call("GET", "/who").body, "nobody");
}

TEST_P(HttpContract, RefusesACertificateThatExpiresOnAnOpenConnection) {
  serve();
  const auto client =
      peer(pki.identity("user/bob", crypto::CertificateUsage::kClient, Millis(5000)));
  EXPECT_EQ(client->call("GET", "/who").body, "spiffe://test/user/bob");
  clock.advance(Millis(5000));
  // The server may have closed the connection before the request was there.
  const Reply reply = client->call("GET", "/who");
  EXPECT_TRUE(reply.status == 401 || reply.status == 0) << reply.status;
  EXPECT_EQ(reply.header("WWW-Authenticate"), reply.status == 401 ? "ClientCertificate" : "");
}

TEST_P(HttpContract, TakesAnswersFromOtherThreadsLater) {
  serve({.threads = 2});
  std::vector<std::future<Reply>> replies;
  for (int i = 0; i < 4; ++i) {
    replies.push_back(std::async(std::launch::async,
                                 [this] { return peer(pki.client())->call("GET", "/later"); }));
  }
  int number = 0;
  for (Responder& responder : take_waiting(4)) {
    responder.send({.body = std::to_string(number++), .headers = {}});
    responder.send({.body = "twice", .headers = {}});
  }
  std::string all;
  for (auto& reply : replies) all += reply.get().body;
  std::sort(all.begin(), all.end());
  EXPECT_EQ(all, "0123");
}

TEST_P(HttpContract, FinishesRequestsInFlightWhenStopping) {
  serve();
  auto reply =
      std::async(std::launch::async, [this] { return peer(pki.client())->call("GET", "/later"); });
  auto responders = take_waiting(1);
  std::thread stopper([this] { server->stop(std::chrono::seconds(10)); });
  responders[0].send({.body = "done", .headers = {}});
  EXPECT_EQ(reply.get().body, "done");
  stopper.join();
}

TEST_P(HttpContract, HandsABatchOverAfterRequests) {
  std::atomic<int> turns{0};
  serve({.on_turn_end = [&](unsigned) { ++turns; }});
  EXPECT_EQ(peer(pki.client())->call("GET", "/echo").status, 200);
  server->stop();
  EXPECT_GT(turns.load(), 0);
}

// HTTP/2's own.
class Http2Server : public HttpContract {};
INSTANTIATE_TEST_SUITE_P(, Http2Server, testing::Values(Spoken::kHttp2));

TEST_P(Http2Server, HandlesRequestsOfOneConnectionSideBySide) {
  serve();
  Http2Peer client(server->port(), pki.tls_client(pki.client()));
  const auto first = client.ask("GET", "/later", {}, {}),
             second = client.ask("GET", "/later", {}, {});
  auto responders = take_waiting(2);
  responders[1].send({.body = "second", .headers = {}});
  EXPECT_EQ(client.reply_to(second).body, "second");
  EXPECT_EQ(client.call("GET", "/who", {}, {}).status, 200);
  responders[0].send({.body = "first", .headers = {}});
  EXPECT_EQ(client.reply_to(first).body, "first");
}

TEST_P(Http2Server, LeavesHttp1ToClientsThatNameIt) {
  serve();
  const auto protocol_of = [&](std::initializer_list<std::string_view> named) {
    const RawClient raw(server->port(), pki.tls_client(pki.client()), named);
    return raw.is_good() ? std::string(raw.protocol()) : "refused";
  };
  EXPECT_EQ(protocol_of({"http/1.1", "h2"}), "h2");
  EXPECT_EQ(protocol_of({"http/1.1"}), "http/1.1");
  EXPECT_EQ(protocol_of({"spdy/3", "http/1.1"}), "http/1.1");
  EXPECT_EQ(protocol_of({}), "");
  EXPECT_EQ(protocol_of({"spdy/3"}), "refused");
}

TEST_P(Http2Server, EndsAClientThatSpeaksSomethingElse) {
  serve();
  RawClient raw(server->port(), pki.tls_client(pki.client()), {"h2"});
  ASSERT_TRUE(raw.send("GET /who HTTP/1.1\r\nHost: x\r\n\r\n"));
  std::string all = raw.read_to_end();
  std::vector<unsigned> types;
  while (const auto frame = take_frame(all)) types.push_back(frame->type);
  EXPECT_THAT(types, testing::Contains(NGHTTP2_GOAWAY));
}

TEST_P(Http2Server, SaysGoodbyeToIdleClients) {
  serve({.idle_time = Millis(100)});
  RawClient raw(server->port(), pki.tls_client(pki.client()), {"h2"});
  ASSERT_TRUE(raw.send(std::string(kClientPreface) + frame_bytes(NGHTTP2_SETTINGS, 0, 0, "")));
  std::string all = raw.read_to_end();
  Frame last;
  while (const auto frame = take_frame(all)) last = *frame;
  EXPECT_EQ(last.type, NGHTTP2_GOAWAY);
  EXPECT_EQ(big_endian(std::string_view(last.payload).substr(4)), NGHTTP2_NO_ERROR);
}

TEST_P(Http2Server, EndsClientsThatDoNotReadTheirAnswers) {
  serve({.write_time = Millis(150)});
  RawClient raw(server->port(), pki.tls_client(pki.client()), {"h2"});
  const std::string most = big_endian(NGHTTP2_MAX_WINDOW_SIZE);
  ASSERT_TRUE(raw.send(
      std::string(kClientPreface) +
      frame_bytes(NGHTTP2_SETTINGS, 0, 0,
                  big_endian(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 2) + most) +
      frame_bytes(NGHTTP2_WINDOW_UPDATE, 0, 0, big_endian(NGHTTP2_MAX_WINDOW_SIZE - 65535)) +
      frame_bytes(NGHTTP2_HEADERS, kEndHeaders | kEndStream, 1,
                  HeaderBlocks().encode(request_head("GET", "/much")))));
  std::string seen;
  while (seen.size() < 1000 && raw.read_more(seen)) continue;
  // Others are served meanwhile. Stopping waits for this one until its time is up.
  EXPECT_EQ(peer(pki.client())->call("GET", "/who").status, 200);
  server->stop(std::chrono::seconds(10));
  EXPECT_LT(raw.read_to_end().size(), std::size_t{32 << 20});
}

}  // namespace
}  // namespace writ::net
