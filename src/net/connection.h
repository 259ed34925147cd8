// The server's side of one connection, and the loop that it lives on. Which protocol a connection
// speaks is known once TLS stands (ALPN). For the .cc files of this room alone.
#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <variant>
#include <vector>

#include "net/line_end.h"
#include "net/served.h"
#include "net/tls_pipe.h"

namespace writ::net {

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
  // The connection is told to settle when the turn ends; at most once a turn needs to be asked.
  void settle_later(std::shared_ptr<Connection> connection);
  void retire_all();     // connections end when they have answered
  void break_off_all();  // … now
  void stop_turning();   // ends run()
  // After run() has ended: what was still posted gets its end, and later mail is returned.
  void close();
  // "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110 section 5.6.7).
  const std::string& date() const { return date_; }

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
  void end_turn();
  void sweep();
  void refresh_date();

  asio::executor_work_guard<asio::io_context::executor_type> work_;
  asio::steady_timer sweeper_;
  std::chrono::milliseconds sweep_every_;
  std::string date_;
  std::vector<std::shared_ptr<Connection>> connections_;
  std::vector<std::shared_ptr<Connection>> unsettled_;
  bool retiring_ = false;

  std::mutex mutex_;
  std::vector<Mail> mail_;                    // guarded by mutex_
  std::vector<std::function<void()>> tasks_;  // guarded by mutex_
  bool closed_ = false;                       // guarded by mutex_
};

// What is spoken on a connection once TLS stands. Belongs to the connection, which it may use until
// on_broken; everything is called on the loop's thread.
class Protocol {
 public:
  virtual ~Protocol() = default;
  virtual void begin() = 0;
  virtual void on_input() = 0;
  virtual void on_drained() = 0;
  virtual void on_broken(const Error& why) = 0;
  virtual void complete(std::uint64_t request, Loop::Answer answer) = 0;
  virtual void settle() = 0;  // the turn ends that settle_later was asked in
  virtual void tick(SteadyTime now) = 0;
  virtual void retire() = 0;
};

class Connection final : public TlsPipe {
 public:
  Connection(std::shared_ptr<Loop> loop, tcp::socket socket);
  ~Connection() override;

  void start();
  // Thread-safe: `request` is answered. At most once per request.
  void answer(std::uint64_t request, Loop::Answer answer);
  const std::shared_ptr<Loop>& loop() const { return loop_; }
  const Served& served() const { return loop_->served; }
  std::shared_ptr<Connection> self() {
    return std::static_pointer_cast<Connection>(shared_from_this());
  }

  // The loop's thread:
  void complete(std::uint64_t request, Loop::Answer answer);
  void settle();
  void tick(SteadyTime now);
  void retire();
  bool is_retiring() const { return retiring_; }
  // Sends what is queued and ends, within a second.
  void close_soon(Ending ending);
  bool is_closing() const { return is_closing_; }
  // A request as far as the connection alone says: peer, source, connection, thread_index.
  const Request& caller() const { return caller_; }

  std::size_t place = 0;  // in the loop's list; the loop's business

 private:
  void on_secured() override;
  void on_input() override;
  void on_drained() override;
  void on_broken(const Error& why) override;

  const std::shared_ptr<Loop> loop_;
  const std::string source_;
  Request caller_;
  std::unique_ptr<Protocol> protocol_;       // once TLS stands
  SteadyTime deadline_ = SteadyTime::max();  // of the handshake, or of the end
  bool retiring_ = false;
  bool is_closing_ = false;
};

}  // namespace writ::net
