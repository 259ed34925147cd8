#include "net/http_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <future>
#include <thread>

#include "net/http_client.h"
#include "net/pki_for_test.h"

namespace writ::net {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr std::string_view kGet = "GET /echo HTTP/1.1\r\nHost: x\r\n\r\n";

std::string post(std::string_view body, std::string_view more = {}) {
  return "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n" + std::string(more) + "\r\n" + std::string(body);
}

class HttpServerTest : public testing::Test {
 protected:
  void serve(HttpServerOptions options = {},
             ClientCertificate wanted = ClientCertificate::kRequired) {
    tls = pki.tls_server(wanted);
    server = std::make_unique<HttpServer>(tls, clock, std::move(options));
    server->route("POST", "/echo",
                  [](const Request& request, Responder responder) {
                    responder.send({.body = std::string(request.body), .headers = {}});
                  },
                  {.body = 1000});
    server->route("GET", "/echo", [](const Request& request, Responder responder) {
      responder.send_error({Code::kDenied, "seen " + std::string(request.query), {}});
    });
    server->route("GET", "/who", [](const Request& request, Responder responder) {
      responder.send({.body = request.peer ? request.peer->spiffe_id() : "nobody", .headers = {}});
    });
    server->route("GET", "/silent", [](const Request&, Responder) {});
    server->route("GET", "/later", [this](const Request&, Responder responder) {
      const std::lock_guard lock(mutex);
      waiting.push_back(std::move(responder));
      arrived.notify_all();
    });
  }
  void start() {
    const Status started = server->start();
    ASSERT_TRUE(started) << started.error().text();
  }
  HttpClient client(const TlsIdentity& shown) {
    return HttpClient({"127.0.0.1", server->port()}, pki.tls_client(shown));
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

TEST_F(HttpServerTest, AnswersManyRequestsOnOneConnection) {
  serve();
  start();
  HttpClient http = client(pki.client());
  for (int i = 0; i < 100; ++i) {
    const auto reply = http.call("POST", "/echo", "hello " + std::to_string(i));
    ASSERT_TRUE(reply) << reply.error().text();
    EXPECT_EQ(reply->status, 200);
    EXPECT_EQ(reply->body, "hello " + std::to_string(i));
    EXPECT_EQ(reply->header("content-type"), "application/json");
  }
  EXPECT_EQ(http.server()->spiffe_id(), "spiffe://test/server/1");
  EXPECT_EQ(http.call("GET", "/who")->body, "spiffe://test/user/alice");
}

TEST_F(HttpServerTest, AnswersErrorsAsJson) {
  serve();
  start();
  HttpClient http = client(pki.client());
  const auto reply = http.call("GET", "/echo?a=b");
  EXPECT_EQ(reply->status, 403);
  EXPECT_EQ(error_of(*reply).code, Code::kDenied);
  EXPECT_EQ(error_of(*reply).message, "seen a=b");
  EXPECT_EQ(http.call("GET", "/none")->status, 404);
  const auto wrong = http.call("DELETE", "/echo");
  EXPECT_EQ(wrong->status, 405);
  EXPECT_EQ(wrong->header("Allow"), "POST, GET, HEAD");
  EXPECT_EQ(http.call("GET", "/silent")->status, 500);
  EXPECT_EQ(http.call("GET", "bad").error().code, Code::kInvalid);
  EXPECT_EQ(http.call("GET", "/a\r\nX: y").error().code, Code::kInvalid);
}

TEST_F(HttpServerTest, RoutesTargetsInAbsoluteFormByTheirPath) {
  serve();
  server->route("GET", "/", [](const Request& request, Responder responder) {
    responder.send({.body = "root " + std::string(request.query), .headers = {}});
  });
  start();
  const auto answer = [&](const std::string& target) {
    RawClient raw(server->port(), pki.tls_client(pki.client()));
    raw.send("GET " + target + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    return raw.read_to_end();
  };
  EXPECT_THAT(answer("https://x/who"), testing::EndsWith("spiffe://test/user/alice"));
  EXPECT_THAT(answer("HTTPS://x/echo?a=b"), HasSubstr("seen a=b"));
  EXPECT_THAT(answer("http://x/echo?a=b"), StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(answer("https://x"), testing::EndsWith("root "));
  EXPECT_THAT(answer("https://x?a=b"), testing::EndsWith("root a=b"));
  EXPECT_THAT(answer("https:///who"), StartsWith("HTTP/1.1 400 "));
}

TEST_F(HttpServerTest, AnswersPipelinedRequestsInOrder) {
  serve();
  start();
  RawClient raw(server->port(), pki.tls_client(pki.client()));
  std::string requests;
  for (int i = 0; i < 500; ++i) requests += post("body " + std::to_string(i) + ";");
  requests += "GET /who HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
  ASSERT_TRUE(raw.send(requests));
  const std::string replies = raw.read_to_end();
  std::size_t at = 0;
  for (int i = 0; i < 500; ++i) {
    at = replies.find("body " + std::to_string(i) + ";", at);
    ASSERT_NE(at, std::string::npos) << i;
  }
  EXPECT_THAT(replies, testing::EndsWith("spiffe://test/user/alice"));
}

// The bytes themselves: a body that follows a HEAD would be taken for the next answer.
TEST_F(HttpServerTest, SendsNoByteOfABodyAfterHead) {
  serve();
  start();
  RawClient raw(server->port(), pki.tls_client(pki.client()));
  ASSERT_TRUE(
      raw.send("HEAD /who HTTP/1.1\r\nHost: x\r\n\r\n"
               "HEAD /none HTTP/1.1\r\nHost: x\r\n\r\n"
               "HEAD /later HTTP/1.1\r\nHost: x\r\n\r\n"
               "HEAD who HTTP/1.1\r\nHost: x\r\n\r\n"));
  auto responders = take_waiting(1);
  responders[0].send({.body = "later", .headers = {}});
  std::string replies = raw.read_to_end();
  for (const std::string_view status : {"200 ", "404 ", "200 ", "400 "}) {
    EXPECT_THAT(replies, StartsWith("HTTP/1.1 " + std::string(status)));
    replies.erase(0, replies.find("\r\n\r\n") + 4);
  }
  EXPECT_EQ(replies, "");
}

TEST_F(HttpServerTest, MakesNoStreamOfHead) {
  serve();
  server->stream("/lines", [](const Request&, StreamOffer) { FAIL(); });
  start();
  RawClient raw(server->port(), pki.tls_client(pki.client()));
  ASSERT_TRUE(
      raw.send("HEAD /lines HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n"
               "Upgrade: writ-lines/1\r\n\r\n"));
  const std::string reply = raw.read_to_end();
  EXPECT_THAT(reply, StartsWith("HTTP/1.1 426 "));
  EXPECT_THAT(reply, testing::EndsWith("\r\n\r\n"));
}

TEST_F(HttpServerTest, TakesAnswersFromOtherThreadsLater) {
  serve({.threads = 2});
  start();
  std::vector<std::future<Result<Reply>>> replies;
  for (int i = 0; i < 8; ++i) {
    replies.push_back(std::async(std::launch::async,
                                 [this] { return client(pki.client()).call("GET", "/later"); }));
  }
  int number = 0;
  for (Responder& responder : take_waiting(8)) {
    responder.send({.body = std::to_string(number++), .headers = {}});
    responder.send({.body = "twice", .headers = {}});
  }
  std::string all;
  for (auto& reply : replies) all += reply.get()->body;
  std::sort(all.begin(), all.end());
  EXPECT_EQ(all, "01234567");
}

TEST_F(HttpServerTest, AnswersToClientsThatHaveGoneAreDropped) {
  serve();
  start();
  {
    RawClient raw(server->port(), pki.tls_client(pki.client()));
    ASSERT_TRUE(raw.send("GET /later HTTP/1.1\r\nHost: x\r\n\r\n"));
    auto responders = take_waiting(1);
    waiting = std::move(responders);
  }
  for (Responder& responder : std::exchange(waiting, {})) responder.send({.headers = {}});
  EXPECT_EQ(client(pki.client()).call("GET", "/who")->status, 200);
}

TEST_F(HttpServerTest, RefusesMissingForeignExpiredAndMisusedCertificates) {
  serve();
  start();
  const Pki foreign(clock);
  const auto code = [&](const TlsIdentity& shown) {
    const auto reply = client(shown).call("GET", "/who");
    return reply ? std::optional<Code>() : reply.error().code;
  };
  EXPECT_EQ(code(pki.client()), std::nullopt);
  EXPECT_EQ(code({}), Code::kUnauthenticated);
  EXPECT_EQ(code(Pki(clock).client()), Code::kUnauthenticated);
  EXPECT_EQ(code(pki.identity("user/bob", crypto::CertificateUsage::kServer)),
            Code::kUnauthenticated);
  const TlsIdentity short_lived =
      pki.identity("user/bob", crypto::CertificateUsage::kClient, Millis(5000));
  EXPECT_EQ(code(short_lived), std::nullopt);
  clock.advance(Millis(5000));
  EXPECT_EQ(code(short_lived), Code::kUnauthenticated);
}

TEST_F(HttpServerTest, RefusesACertificateThatExpiresOnAnOpenConnection) {
  serve();
  start();
  RawClient raw(server->port(), pki.tls_client(pki.identity(
                                    "user/bob", crypto::CertificateUsage::kClient, Millis(5000))));
  ASSERT_TRUE(raw.send("GET /who HTTP/1.1\r\nHost: x\r\n\r\n"));
  EXPECT_THAT(raw.read_until("user/bob"), HasSubstr("200 OK"));
  ASSERT_TRUE(raw.send("GET /who HTTP/1.1\r\n"));
  clock.advance(Millis(5000));
  raw.send("Host: x\r\n\r\n");
  const std::string rest = raw.read_to_end();
  EXPECT_THAT(rest, HasSubstr("401 Unauthorized"));
  EXPECT_THAT(rest, HasSubstr("\r\nWWW-Authenticate: ClientCertificate\r\n"));
  EXPECT_THAT(rest, Not(HasSubstr("200 OK")));
}

TEST_F(HttpServerTest, LetsClientsWithoutCertificateInWhereThatIsOptional) {
  serve({}, ClientCertificate::kOptional);
  start();
  EXPECT_EQ(client({}).call("GET", "/who")->body, "nobody");
  EXPECT_EQ(client(pki.client()).call("GET", "/who")->body, "spiffe://test/user/alice");
  EXPECT_EQ(client(Pki(clock).client()).call("GET", "/who").error().code, Code::kUnauthenticated);
}

TEST_F(HttpServerTest, ClientRefusesAServerThatIsNotTheExpectedOne) {
  serve();
  start();
  const auto code = [&](const std::string& roots, const ExpectedServer& expected) {
    HttpClient http({"127.0.0.1", server->port()},
                    *TlsClient::create(pki.client(), roots, expected, clock));
    const auto reply = http.call("GET", "/who");
    return reply ? std::optional<Code>() : reply.error().code;
  };
  EXPECT_EQ(code(pki.roots(), ExpectSpiffe{"spiffe://test/server/1"}), std::nullopt);
  EXPECT_EQ(code(pki.roots(), ExpectSpiffePrefix{"spiffe://test/server/"}), std::nullopt);
  EXPECT_EQ(code(pki.roots(), ExpectHost{"localhost"}), std::nullopt);
  EXPECT_EQ(code(pki.roots(), ExpectHost{"127.0.0.1"}), std::nullopt);
  EXPECT_EQ(code(pki.roots(), ExpectSpiffe{"spiffe://test/server/2"}), Code::kUnauthenticated);
  EXPECT_EQ(code(pki.roots(), ExpectSpiffePrefix{"spiffe://test/door/"}), Code::kUnauthenticated);
  EXPECT_EQ(code(pki.roots(), ExpectHost{"example.org"}), Code::kUnauthenticated);
  EXPECT_EQ(code(Pki(clock).roots(), ExpectSpiffe{"spiffe://test/server/1"}),
            Code::kUnauthenticated);
}

TEST_F(HttpServerTest, UsesNewCertificatesForNewConnections) {
  serve();
  start();
  HttpClient old = client(pki.client());
  ASSERT_EQ(old.call("GET", "/who")->status, 200);
  const std::string first = old.server()->serial();
  ASSERT_TRUE(tls->replace(pki.server(), pki.roots()));
  HttpClient fresh = client(pki.client());
  ASSERT_EQ(fresh.call("GET", "/who")->status, 200);
  EXPECT_NE(fresh.server()->serial(), first);
  ASSERT_EQ(old.call("GET", "/who")->status, 200);
  EXPECT_EQ(old.server()->serial(), first);
  EXPECT_FALSE(tls->replace({"junk", Secret()}, pki.roots()));
  EXPECT_EQ(client(pki.client()).call("GET", "/who")->status, 200);
}

TEST_F(HttpServerTest, TakesALargeBodyOnlyFromWhoShowedACertificate) {
  serve({}, ClientCertificate::kOptional);
  server->route("POST", "/large",
                [](const Request& request, Responder responder) {
                  responder.send({.body = std::to_string(request.body.size()), .headers = {}});
                },
                {.body = 4 << 20});
  start();
  const std::string body(3 << 20, 'x');
  EXPECT_EQ(client(pki.client()).call("POST", "/large", body)->body, std::to_string(body.size()));
  EXPECT_EQ(client(pki.client()).call("POST", "/large", body + body)->status, 413);
  EXPECT_EQ(client({}).call("POST", "/large", body)->status, 413);
  EXPECT_EQ(client({}).call("POST", "/large", "x")->body, "1");
}

TEST_F(HttpServerTest, RefusesWhatIsTooLargeOrMalformedOnceAndCloses) {
  serve();
  start();
  const auto answer = [&](std::string_view bytes) {
    RawClient raw(server->port(), pki.tls_client(pki.client()));
    raw.send(bytes);
    return raw.read_to_end();
  };
  EXPECT_THAT(answer(post(std::string(1001, 'x'))), StartsWith("HTTP/1.1 413 "));
  EXPECT_THAT(answer(post(std::string(3'000'000, 'x'))), StartsWith("HTTP/1.1 413 "));
  EXPECT_THAT(answer("GET / HTTP/1.1\r\nA: " + std::string(20'000, 'a')),
              StartsWith("HTTP/1.1 431 "));
  EXPECT_THAT(answer("nonsense\r\n\r\n"), StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(answer("GET /echo HTTP/1.1\r\n\r\n"), StartsWith("HTTP/1.1 400 Bad Request\r\n"));
  EXPECT_THAT(answer("GET /echo HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n" + std::string(kGet)),
              Not(HasSubstr("403")));
  EXPECT_THAT(answer("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n"),
              StartsWith("HTTP/1.1 501 Not Implemented\r\n"));
  EXPECT_THAT(answer("GET /echo HTTP/1.0\r\nHost: x\r\n\r\n"), StartsWith("HTTP/1.1 505 "));
  for (const char* host : {"a b", "a/b", "a@b", "\"a\"", ":1"}) {
    EXPECT_THAT(answer("GET /echo HTTP/1.1\r\nHost: " + std::string(host) + "\r\n\r\n"),
                StartsWith("HTTP/1.1 400 "))
        << host;
  }
  EXPECT_THAT(answer("GET /echo#part HTTP/1.1\r\nHost: x\r\n\r\n"), StartsWith("HTTP/1.1 400 "));
  const std::string both = answer("nonsense\r\n\r\n" + std::string(kGet));
  EXPECT_THAT(both, Not(HasSubstr("403")));
  EXPECT_THAT(both, HasSubstr("\"code\":\"invalid\""));
}

TEST_F(HttpServerTest, SaysContinueToClientsThatWait) {
  serve();
  start();
  RawClient raw(server->port(), pki.tls_client(pki.client()));
  const std::string all = post("hello", "Expect: 100-continue\r\n");
  ASSERT_TRUE(raw.send(std::string_view(all).substr(0, all.size() - 5)));
  EXPECT_EQ(raw.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  ASSERT_TRUE(raw.send("hello"));
  EXPECT_THAT(raw.read_until("hello"), StartsWith("HTTP/1.1 200 OK"));
}

TEST_F(HttpServerTest, EndsSlowHeadsBodiesHandshakesAndIdleConnections) {
  serve({.handshake_time = Millis(150),
         .header_time = Millis(150),
         .body_time = Millis(150),
         .idle_time = Millis(400)});
  start();
  {
    // One byte at a time does not buy more time.
    RawClient raw(server->port(), pki.tls_client(pki.client()));
    while (raw.send("G")) {
      if (!raw.read_until("G").empty()) break;
    }
  }
  RawClient head(server->port(), pki.tls_client(pki.client()));
  ASSERT_TRUE(head.send("GET /echo HT"));
  EXPECT_THAT(head.read_to_end(), StartsWith("HTTP/1.1 408 "));
  RawClient body(server->port(), pki.tls_client(pki.client()));
  const std::string request = post("hello");
  ASSERT_TRUE(body.send(std::string_view(request).substr(0, request.size() - 1)));
  EXPECT_THAT(body.read_to_end(), StartsWith("HTTP/1.1 408 "));
  RawClient idle(server->port(), pki.tls_client(pki.client()));
  ASSERT_TRUE(idle.send(kGet));
  EXPECT_THAT(idle.read_to_end(), StartsWith("HTTP/1.1 403 "));
  const int silent = RawClient::connect_to(server->port());
  char byte = 0;
  EXPECT_EQ(::recv(silent, &byte, 1, 0), 0);
  ::close(silent);
}

TEST_F(HttpServerTest, EndsClientsThatDoNotReadTheirAnswers) {
  serve({.write_time = Millis(150)});
  server->route("GET", "/large", [](const Request&, Responder responder) {
    responder.send({.body = std::string(32 << 20, 'x'), .headers = {}});
  });
  start();
  RawClient raw(server->port(), pki.tls_client(pki.client()));
  ASSERT_TRUE(raw.send("GET /large HTTP/1.1\r\nHost: x\r\n\r\n"));
  EXPECT_THAT(raw.read_until("\r\n\r\n"), StartsWith("HTTP/1.1 200"));
  // Others are served meanwhile. Stopping waits for this one until its time is up.
  EXPECT_EQ(client(pki.client()).call("GET", "/who")->status, 200);
  server->stop(std::chrono::seconds(10));
  EXPECT_LT(raw.read_to_end().size(), std::size_t{32 << 20});
}

TEST_F(HttpServerTest, SendsLargeAnswersWhole) {
  serve();
  server->route("GET", "/large", [](const Request&, Responder responder) {
    responder.send({.body = std::string(8 << 20, 'x'), .headers = {}});
  });
  start();
  HttpClient http = client(pki.client());
  for (int i = 0; i < 3; ++i) EXPECT_EQ(http.call("GET", "/large")->body.size(), 8u << 20);
}

TEST_F(HttpServerTest, LimitsConnections) {
  serve({.connections = 2});
  start();
  RawClient one(server->port(), pki.tls_client(pki.client()));
  RawClient two(server->port(), pki.tls_client(pki.client()));
  ASSERT_TRUE(one.is_good() && two.is_good());
  RawClient three(server->port(), pki.tls_client(pki.client()));
  EXPECT_FALSE(three.is_good());
}

TEST_F(HttpServerTest, FinishesRequestsInFlightWhenStopping) {
  serve();
  start();
  auto reply =
      std::async(std::launch::async, [this] { return client(pki.client()).call("GET", "/later"); });
  auto responders = take_waiting(1);
  RawClient idle(server->port(), pki.tls_client(pki.client()));
  std::thread stopper([this] { server->stop(std::chrono::seconds(10)); });
  EXPECT_EQ(idle.read_to_end(), "");
  responders[0].send({.body = "done", .headers = {}});
  const auto got = reply.get();
  ASSERT_TRUE(got) << got.error().text();
  EXPECT_EQ(got->body, "done");
  EXPECT_EQ(got->header("Connection"), "close");
  stopper.join();
  EXPECT_EQ(client(pki.client()).call("GET", "/who").error().code, Code::kUnavailable);
}

TEST_F(HttpServerTest, OutlivesRespondersThatAreNeverUsed) {
  serve();
  start();
  auto reply =
      std::async(std::launch::async, [this] { return client(pki.client()).call("GET", "/later"); });
  auto responders = take_waiting(1);
  server->stop(Millis(10));
  EXPECT_EQ(reply.get().error().code, Code::kUnavailable);
  server.reset();
  responders.clear();
}

TEST_F(HttpServerTest, DropsTasksThatComeAfterItStopped) {
  serve();
  start();
  server->stop();
  const auto held = std::make_shared<int>();
  server->post(0, [held] { FAIL(); });
  EXPECT_EQ(held.use_count(), 1);
}

TEST_F(HttpServerTest, CallsTheTurnsEndOnTheHandlersThread) {
  std::atomic<int> turns{0};
  std::thread::id turn_thread;
  HttpServerOptions options;
  options.on_turn_end = [&](unsigned index) {
    EXPECT_EQ(index, 0u);
    turn_thread = std::this_thread::get_id();
    ++turns;
  };
  serve(std::move(options));
  std::thread::id handler_thread;
  server->route("GET", "/thread", [&](const Request& request, Responder responder) {
    EXPECT_EQ(request.thread_index, 0u);
    handler_thread = std::this_thread::get_id();
    responder.send({.headers = {}});
  });
  start();
  EXPECT_EQ(client(pki.client()).call("GET", "/thread")->status, 200);
  std::promise<void> posted;
  server->post(0, [&] { posted.set_value(); });
  posted.get_future().wait();
  server->stop();
  EXPECT_GT(turns.load(), 0);
  EXPECT_EQ(turn_thread, handler_thread);
}

TEST_F(HttpServerTest, SaysWhyItCannotListen) {
  serve();
  start();
  HttpServer second(tls, clock, {.port = server->port()});
  EXPECT_EQ(second.start().error().code, Code::kUnavailable);
  HttpServer third(tls, clock, {.address = "localhost"});
  EXPECT_EQ(third.start().error().code, Code::kInvalid);
}

}  // namespace
}  // namespace writ::net
