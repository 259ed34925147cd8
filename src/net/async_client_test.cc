#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <thread>

#include "net/asio.h"
#include "net/http_client.h"
#include "net/http_server.h"
#include "net/pki_for_test.h"

namespace writ::net {
namespace {

class AsyncClientTest : public testing::Test {
 protected:
  void serve() {
    server = std::make_unique<HttpServer>(pki.tls_server(), clock, HttpServerOptions{.port = port});
    server->route("POST", "/echo", [](const Request& request, Responder responder) {
      responder.send({.body = std::string(request.body), .headers = {}});
    });
    server->route("POST", "/connection", [](const Request& request, Responder responder) {
      responder.send({.body = std::to_string(request.connection), .headers = {}});
    });
    server->route("POST", "/never", [this](const Request&, Responder responder) {
      const std::lock_guard lock(mutex);
      kept.push_back(std::move(responder));
    });
    ASSERT_TRUE(server->start());
    port = server->port();
  }
  void run(AsyncClientOptions options = {}, const TlsIdentity* shown = nullptr) {
    client = std::make_unique<AsyncClient>(
        io, Endpoint{"127.0.0.1", port}, pki.tls_client(shown != nullptr ? *shown : own), options);
    thread = std::thread([this] { io.run(); });
  }
  std::future<Result<Reply>> post(std::string target, std::string body) {
    auto promise = std::make_shared<std::promise<Result<Reply>>>();
    client->post(std::move(target), std::move(body),
                 [promise](Result<Reply> reply) { promise->set_value(std::move(reply)); });
    return promise->get_future();
  }
  void close_client() {
    std::promise<void> closed;
    asio::post(io, [&] {
      client.reset();
      closed.set_value();
    });
    closed.get_future().wait();
  }
  void TearDown() override {
    if (thread.joinable()) {
      close_client();
      work.reset();
      thread.join();
    }
    if (server) server->stop(Millis(50));
  }

  MovableClock clock;
  Pki pki{clock};
  TlsIdentity own = pki.client();
  std::uint16_t port = 0;
  std::mutex mutex;
  std::vector<Responder> kept;  // guarded by mutex
  std::unique_ptr<HttpServer> server;
  asio::io_context io;
  asio::executor_work_guard<asio::io_context::executor_type> work{io.get_executor()};
  std::unique_ptr<AsyncClient> client;
  std::thread thread;
};

TEST_F(AsyncClientTest, AnswersManyCallsOverFewConnections) {
  serve();
  run({.connections = 2});
  std::vector<std::future<Result<Reply>>> replies;
  for (int i = 0; i < 500; ++i) replies.push_back(post("/echo", std::to_string(i)));
  for (int i = 0; i < 500; ++i) {
    const auto reply = replies[static_cast<std::size_t>(i)].get();
    ASSERT_TRUE(reply) << reply.error().text();
    EXPECT_EQ(reply->body, std::to_string(i));
  }
  std::set<std::string> connections;
  for (int i = 0; i < 20; ++i) connections.insert(post("/connection", "").get()->body);
  EXPECT_LE(connections.size(), 2u);
}

TEST_F(AsyncClientTest, FailsBeyondItsBound) {
  serve();
  run({.connections = 1, .in_flight = 3});
  std::vector<std::future<Result<Reply>>> replies;
  for (int i = 0; i < 3; ++i) replies.push_back(post("/never", ""));
  EXPECT_EQ(post("/echo", "").get().error().code, Code::kExhausted);
  close_client();
  for (auto& reply : replies) EXPECT_EQ(reply.get().error().code, Code::kUnavailable);
}

TEST_F(AsyncClientTest, GivesUpInTime) {
  serve();
  run({.limits = {.connect_time = Millis(100), .reply_time = Millis(100)}, .connections = 1});
  auto first = post("/never", "");
  auto queued = post("/never", "");
  EXPECT_EQ(first.get().error().code, Code::kUnavailable);
  EXPECT_EQ(queued.get().error().code, Code::kUnavailable);
  EXPECT_EQ(post("/echo", "x").get()->body, "x");
}

TEST_F(AsyncClientTest, FailsAtOnceWithoutAServerAndRecovers) {
  serve();
  server->stop();
  run();
  EXPECT_EQ(post("/echo", "").get().error().code, Code::kUnavailable);
  serve();
  EXPECT_EQ(post("/echo", "x").get()->body, "x");
  server->stop();
  EXPECT_EQ(post("/echo", "").get().error().code, Code::kUnavailable);
}

TEST_F(AsyncClientTest, SaysThatItsCertificateWasRefused) {
  serve();
  const TlsIdentity foreign = Pki(clock).client();
  run({}, &foreign);
  EXPECT_EQ(post("/echo", "").get().error().code, Code::kUnauthenticated);
}

TEST_F(AsyncClientTest, RefusesBadTargets) {
  serve();
  run();
  EXPECT_EQ(post("no slash", "").get().error().code, Code::kInvalid);
}

}  // namespace
}  // namespace writ::net
