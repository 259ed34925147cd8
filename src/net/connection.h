// The server's side of one connection, the loop that it lives on, and what all loops share. For the
// .cc files of this room alone.
#pragma once

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <variant>
#include <vector>

#include "net/http_server.h"
#include "net/line_end.h"
#include "net/message_reader.h"
#include "net/router.h"
#include "net/tls_pipe.h"

namespace writ::net {

struct Route {
  Handler handler;
  StreamHandler stream;  // one of the two
  RouteLimits limits;
};

// Written before the threads start, then only read, but for `open`.
struct Served {
  Served(HttpServerOptions o, std::shared_ptr<TlsServer> t, const Clock& c)
      : options(std::move(o)), tls(std::move(t)), clock(c) {}

  HttpServerOptions options;
  std::shared_ptr<TlsServer> tls;
  const Clock& clock;
  Router router;
  std::vector<Route> routes;
  std::atomic<unsigned> open{0};  // connections
};

class Connection;

// One thread's event loop and its connections.
class Loop : public std::enable_shared_from_this<Loop> {
 public:
  Loop(std::shared_ptr<Served> served, unsigned index);

  void run();
  bool is_this_thread() const;
  // Thread-safe. What is given before the loop turns again shares one wake-up.
  using Answer = std::variant<Response, std::shared_ptr<LineEnd>>;
  void deliver(std::shared_ptr<Connection> connection, std::uint64_t request, Answer answer);
  void post(std::function<void()> task);

  // The loop's thread:
  void adopt(tcp::socket socket);
  void remove(Connection& connection);
  void retire_all();     // connections end when they have answered
  void break_off_all();  // … now
  void stop_turning();   // ends run()
  // After run() has ended: what was still posted gets its end, and later mail is returned.
  void close();
  const std::string& date_header() const { return date_header_; }

  const std::shared_ptr<Served> keeper;  // connections may outlive the server in handlers' hands
  asio::io_context io{1};
  const unsigned index;
  Served& served;

 private:
  struct Mail {
    std::shared_ptr<Connection> connection;
    std::uint64_t request;
    Answer answer;
  };

  void wake();  // with mutex_ held, when there was nothing before
  void open_mail();
  static void return_mail(Answer& answer);
  void sweep();
  void refresh_date();

  asio::executor_work_guard<asio::io_context::executor_type> work_;
  asio::steady_timer sweeper_;
  std::chrono::milliseconds sweep_every_;
  std::string date_header_;
  std::vector<std::shared_ptr<Connection>> connections_;
  bool retiring_ = false;

  std::mutex mutex_;
  std::vector<Mail> mail_;                    // guarded by mutex_
  std::vector<std::function<void()>> tasks_;  // guarded by mutex_
  bool closed_ = false;                       // guarded by mutex_
};

class Connection final : public TlsPipe {
 public:
  Connection(std::shared_ptr<Loop> loop, tcp::socket socket);
  ~Connection() override;

  void start();
  // Thread-safe: `request` is answered. At most once per request.
  void answer(std::uint64_t request, Loop::Answer answer);
  const std::shared_ptr<Loop>& loop() const { return loop_; }
  const LineTimes& line_times() const { return loop_->served.options.lines; }

  // The loop's thread:
  void complete(std::uint64_t request, Loop::Answer answer);
  void tick(SteadyTime now);
  void retire();

  std::size_t place = 0;  // in the loop's list; the loop's business

 private:
  enum class Phase { kHandshake, kReading, kHandling, kDraining, kStream, kClosing };

  void on_secured() override;
  void on_input() override;
  void on_drained() override;
  void on_broken(const Error& why) override;

  void process();
  void take_head();
  // Reads the headers, and keeps the request's id for its answer.
  void take_headers(const std::string& in);
  void dispatch();
  void begin_stream();
  void refuse(int status, const Error& error);
  void put(const Response& response);
  void wait_for_more();
  void close_soon(Ending ending);
  void set_deadline(Millis from_now) { deadline_ = steady_now() + from_now; }
  void no_deadline() { deadline_ = SteadyTime::max(); }
  bool peer_expired() const;

  const std::shared_ptr<Loop> loop_;
  const std::uint64_t id_;
  std::string source_;
  MessageReader reader_;
  Request request_;
  Router::Match match_;
  std::string request_id_;      // "X-Request-ID" of the request at hand; empty: none
  std::uint64_t sequence_ = 0;  // of the request being handled
  Phase phase_ = Phase::kHandshake;
  SteadyTime deadline_ = SteadyTime::max();
  bool processing_ = false;
  bool head_begun_ = false;  // the deadline of this head is set
  bool in_body_ = false;
  bool keep_alive_ = true;
  bool retiring_ = false;
  std::shared_ptr<LineEnd> line_;
};

}  // namespace writ::net
