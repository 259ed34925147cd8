// HTTP/1.1 on a server's connection: one request after the other, until it ends or becomes a line
// stream. For the .cc files of this room alone.
#pragma once

#include <memory>
#include <string>

#include "net/connection.h"
#include "net/message_reader.h"

namespace writ::net {

class Http1 final : public Protocol {
 public:
  explicit Http1(Connection& connection);

  void begin() override;
  void on_input() override;
  void on_drained() override;
  void on_broken(const Error& why) override;
  void complete(std::uint64_t request, Loop::Answer answer) override;
  void settle() override {}  // every answer leaves at once
  void tick(SteadyTime now) override;
  void retire() override;

 private:
  enum class Phase { kReading, kHandling, kDraining, kStream, kClosing };

  void process();
  void take_head();
  // Reads the headers, and keeps the request's id for its answer.
  void take_headers(const std::string& in);
  void dispatch();
  void begin_stream();
  void refuse(const Response& response);
  void put(const Response& response);
  void wait_for_more();
  void set_deadline(Millis from_now) { deadline_ = steady_now() + from_now; }
  void no_deadline() { deadline_ = SteadyTime::max(); }
  bool is_idle() const { return phase_ == Phase::kReading && !in_body_ && input().empty(); }
  std::string& input() { return connection_.input(); }
  const std::string& input() const { return connection_.input(); }

  Connection& connection_;
  const Served& served_;
  MessageReader reader_;
  Request request_;
  Router::Match match_;
  std::string request_id_;      // "X-Request-ID" of the request at hand; empty: none
  std::uint64_t sequence_ = 0;  // of the request being handled
  Phase phase_ = Phase::kReading;
  SteadyTime deadline_ = SteadyTime::max();
  bool processing_ = false;
  bool head_begun_ = false;  // the deadline of this head is set
  bool in_body_ = false;
  bool keep_alive_ = true;
  bool is_head_ = false;  // the request at hand wants no body
  std::shared_ptr<LineEnd> line_;
};

}  // namespace writ::net
