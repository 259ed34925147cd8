#include "net/line_stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <deque>
#include <thread>

#include "net/asio.h"
#include "net/http_client.h"
#include "net/http_server.h"
#include "net/pki_for_test.h"

namespace writ::net {
namespace {

using std::chrono::seconds;
using testing::HasSubstr;
using testing::StartsWith;

// What happened, in order, for a test to wait for.
class Events {
 public:
  void add(std::string event) {
    const std::lock_guard lock(mutex_);
    events_.push_back(std::move(event));
    changed_.notify_all();
  }
  std::string next() {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, seconds(10), [&] { return !events_.empty(); })) return "nothing";
    std::string event = std::move(events_.front());
    events_.pop_front();
    return event;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::string> events_;
};

class LineStreamTest : public testing::Test {
 protected:
  void serve(HttpServerOptions options = {}) {
    options.port = port;
    server = std::make_unique<HttpServer>(pki.tls_server(), clock, std::move(options));
    server->stream("/lines/{name}", [this](const Request& request, StreamOffer offer) {
      if (request.param("name") == "closed") {
        return offer.refuse({Code::kDenied, "not you", {}});
      }
      auto line = offer.accept(
          {.on_line = [this](LineStream&,
                             std::string_view text) { at_server.add("line " + std::string(text)); },
           .on_close = [this](LineStream&,
                              const Error& why) { at_server.add("close " + why.message); }});
      const std::lock_guard lock(mutex);
      accepted = line;
      at_server.add("accepted " + std::string(request.param("name")));
    });
    const Status started = server->start();
    ASSERT_TRUE(started) << started.error().text();
    port = server->port();
  }
  std::shared_ptr<LineStream> server_end() {
    const std::lock_guard lock(mutex);
    return accepted;
  }

  void run_client(const std::string& target, LineClientOptions options = {}) {
    options.first_pause = Millis(10);
    client = std::make_unique<LineClient>(
        io, Endpoint{"127.0.0.1", port}, pki.tls_client(shown), target,
        LineClientHandlers{
            .on_open =
                [this](const std::shared_ptr<LineStream>& line) {
                  {
                    const std::lock_guard lock(mutex);
                    opened = line;
                  }
                  at_client.add("open");
                },
            .on_line = [this](
                           LineStream&,
                           std::string_view text) { at_client.add("line " + std::string(text)); },
            .on_down = [this](const Error& why) { at_client.add("down " + why.message); }},
        pki.random, options);
    thread = std::thread([this] { io.run(); });
  }
  std::shared_ptr<LineStream> client_end() {
    const std::lock_guard lock(mutex);
    return opened;
  }
  void TearDown() override {
    if (thread.joinable()) {
      asio::post(io, [this] { client.reset(); });
      work.reset();
      thread.join();
    }
    if (server) server->stop(Millis(100));
  }

  MovableClock clock;
  Pki pki{clock};
  TlsIdentity shown = pki.client();
  std::uint16_t port = 0;
  std::mutex mutex;
  std::shared_ptr<LineStream> accepted;  // guarded by mutex
  std::shared_ptr<LineStream> opened;    // guarded by mutex
  Events at_server;
  Events at_client;
  std::unique_ptr<HttpServer> server;
  asio::io_context io;
  asio::executor_work_guard<asio::io_context::executor_type> work{io.get_executor()};
  std::unique_ptr<LineClient> client;
  std::thread thread;
};

TEST_F(LineStreamTest, CarriesLinesBothWaysInOrder) {
  serve({.threads = 2});
  run_client("/lines/door-1");
  EXPECT_EQ(at_server.next(), "accepted door-1");
  EXPECT_EQ(at_client.next(), "open");
  const std::string longest(kLongestLine, 'x');
  ASSERT_TRUE(server_end()->send(longest));
  EXPECT_EQ(at_client.next(), "line " + longest);
  std::thread sender([this] {
    for (int i = 0; i < 5000; ++i) EXPECT_TRUE(client_end()->send(std::to_string(i)));
  });
  for (int i = 0; i < 5000; ++i) EXPECT_TRUE(server_end()->send("s" + std::to_string(i)));
  sender.join();
  for (int i = 0; i < 5000; ++i) {
    ASSERT_EQ(at_server.next(), "line " + std::to_string(i));
    ASSERT_EQ(at_client.next(), "line s" + std::to_string(i));
  }
}

TEST_F(LineStreamTest, RefusesLinesThatAreNone) {
  serve();
  run_client("/lines/x");
  ASSERT_EQ(at_client.next(), "open");
  EXPECT_EQ(client_end()->send("").error().code, Code::kInvalid);
  EXPECT_EQ(client_end()->send("a\nb").error().code, Code::kInvalid);
  EXPECT_EQ(client_end()->send(std::string(kLongestLine + 1, 'x')).error().code, Code::kInvalid);
}

TEST_F(LineStreamTest, ClosesProperlyFromTheServer) {
  serve();
  run_client("/lines/x");
  ASSERT_EQ(at_client.next(), "open");
  ASSERT_EQ(at_server.next(), "accepted x");
  const auto first = server_end();
  ASSERT_TRUE(first->send("last words"));
  first->close();
  EXPECT_FALSE(first->is_open());
  EXPECT_EQ(first->send("more").error().code, Code::kUnavailable);
  EXPECT_EQ(at_client.next(), "line last words");
  EXPECT_THAT(at_client.next(), StartsWith("down "));
  EXPECT_THAT(at_server.next(), StartsWith("close "));
  // It comes back by itself.
  EXPECT_EQ(at_client.next(), "open");
  EXPECT_EQ(at_server.next(), "accepted x");
}

TEST_F(LineStreamTest, ClosesProperlyFromTheClient) {
  serve();
  run_client("/lines/x");
  ASSERT_EQ(at_client.next(), "open");
  ASSERT_EQ(at_server.next(), "accepted x");
  const auto first = client_end();
  ASSERT_TRUE(first->send("last words"));
  first->close();
  EXPECT_EQ(at_server.next(), "line last words");
  EXPECT_THAT(at_server.next(), StartsWith("close "));
  EXPECT_THAT(at_client.next(), StartsWith("down "));
  EXPECT_EQ(at_client.next(), "open");
}

TEST_F(LineStreamTest, ReconnectsAfterTheServerRestarts) {
  serve();
  run_client("/lines/x");
  ASSERT_EQ(at_client.next(), "open");
  ASSERT_EQ(at_server.next(), "accepted x");
  server->stop();
  EXPECT_THAT(at_server.next(), StartsWith("close "));
  EXPECT_THAT(at_client.next(), StartsWith("down "));
  EXPECT_THAT(at_client.next(), HasSubstr("refused"));
  server.reset();
  serve();
  std::string event = at_client.next();
  while (event.starts_with("down ")) event = at_client.next();
  EXPECT_EQ(event, "open");
  ASSERT_TRUE(client_end()->send("back"));
  EXPECT_EQ(at_server.next(), "accepted x");
  EXPECT_EQ(at_server.next(), "line back");
}

TEST_F(LineStreamTest, TellsTheClientWhyItWasRefused) {
  serve();
  run_client("/lines/closed");
  EXPECT_EQ(at_client.next(), "down not you");
}

TEST_F(LineStreamTest, HeartbeatsKeepAQuietStreamOpen) {
  const LineTimes times{.heartbeat = Millis(20), .dead = Millis(200)};
  serve({.idle_time = Millis(50), .lines = times});
  run_client("/lines/x", {.lines = times});
  ASSERT_EQ(at_client.next(), "open");
  ASSERT_EQ(at_server.next(), "accepted x");
  // Far past `dead`, the next event is still this line.
  asio::steady_timer timer(io);
  std::condition_variable rung;
  bool has_rung = false;
  timer.expires_after(Millis(600));
  timer.async_wait([&](const boost::system::error_code&) {
    const std::lock_guard lock(mutex);
    has_rung = true;
    rung.notify_one();
  });
  {
    std::unique_lock lock(mutex);
    rung.wait(lock, [&] { return has_rung; });
  }
  ASSERT_TRUE(client_end()->send("still here"));
  EXPECT_EQ(at_server.next(), "line still here");
}

TEST_F(LineStreamTest, TakesASilentClientForDead) {
  serve({.lines = {.heartbeat = Millis(20), .dead = Millis(150)}});
  RawClient raw(port, pki.tls_client(shown));
  ASSERT_TRUE(
      raw.send("GET /lines/raw HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n"
               "Upgrade: writ-lines/1\r\n\r\nearly\n\nlater\n"));
  EXPECT_EQ(at_server.next(), "accepted raw");
  EXPECT_EQ(at_server.next(), "line early");
  EXPECT_EQ(at_server.next(), "line later");
  EXPECT_EQ(at_server.next(), "close the other side of the line stream fell silent");
  const std::string got = raw.read_to_end();
  EXPECT_THAT(got, StartsWith("HTTP/1.1 101 Switching Protocols\r\n"));
  EXPECT_THAT(got, HasSubstr("\r\n\r\n\n"));
}

TEST_F(LineStreamTest, RefusesTooLongLinesAndBadText) {
  serve();
  for (const std::string& bytes : {std::string(kLongestLine + 1, 'x'), std::string("\xff\n")}) {
    RawClient raw(port, pki.tls_client(shown));
    ASSERT_TRUE(
        raw.send("GET /lines/raw HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n"
                 "Upgrade: writ-lines/1\r\n\r\n"));
    ASSERT_THAT(raw.read_until("\r\n\r\n"), StartsWith("HTTP/1.1 101 "));
    raw.send(bytes);
    EXPECT_EQ(at_server.next(), "accepted raw");
    EXPECT_THAT(at_server.next(), StartsWith("close the other side sent a line"));
  }
}

TEST_F(LineStreamTest, WantsTheUpgradeHeader) {
  serve();
  HttpClient http({"127.0.0.1", port}, pki.tls_client(shown));
  EXPECT_EQ(http.call("GET", "/lines/x")->status, 426);
}

TEST_F(LineStreamTest, BoundsTheQueueOfASlowReader) {
  serve();
  RawClient raw(port, pki.tls_client(shown));
  ASSERT_TRUE(
      raw.send("GET /lines/raw HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n"
               "Upgrade: writ-lines/1\r\n\r\n"));
  ASSERT_EQ(at_server.next(), "accepted raw");
  const std::string line(60'000, 'x');
  Status sent;
  for (int i = 0; i < 100'000 && sent; ++i) sent = server_end()->send(line);
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().code, Code::kExhausted);
}

TEST_F(LineStreamTest, EndsWhenTheCertificateExpires) {
  shown = pki.identity("door/1", crypto::CertificateUsage::kClient, Millis(5000));
  serve({.lines = {.heartbeat = Millis(20)}});
  run_client("/lines/x");
  ASSERT_EQ(at_client.next(), "open");
  ASSERT_EQ(at_server.next(), "accepted x");
  clock.advance(Millis(5000));
  EXPECT_EQ(at_server.next(), "close the client certificate has expired");
}

TEST_F(LineStreamTest, AcceptsLaterFromAnotherThread) {
  serve();
  std::optional<StreamOffer> kept;
  std::condition_variable came;
  HttpServer other(pki.tls_server(), clock);
  other.stream("/later", [&](const Request&, StreamOffer offer) {
    const std::lock_guard lock(mutex);
    kept.emplace(std::move(offer));
    came.notify_one();
  });
  ASSERT_TRUE(other.start());
  port = other.port();
  run_client("/later");
  std::unique_lock lock(mutex);
  came.wait(lock, [&] { return kept.has_value(); });
  const auto line =
      kept->accept({.on_line = nullptr, .on_close = [this](LineStream&, const Error& why) {
                      at_server.add("close " + why.message);
                    }});
  lock.unlock();
  ASSERT_TRUE(line->send("first"));
  EXPECT_EQ(at_client.next(), "open");
  EXPECT_EQ(at_client.next(), "line first");
  other.stop();
  EXPECT_THAT(at_server.next(), StartsWith("close "));
}

}  // namespace
}  // namespace writ::net
