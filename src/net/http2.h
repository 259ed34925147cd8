// HTTP/2 on a server's connection: the session, the routes and the pipe put together. What is
// answered in one turn of the loop leaves in one write. Line streams are HTTP/1.1's alone. For the
// .cc files of this room alone.
#pragma once

#include "net/connection.h"
#include "net/http2_session.h"

namespace writ::net {

class Http2 final : public Protocol, private Http2Session::Owner {
 public:
  explicit Http2(Connection& connection);

  void begin() override;
  void on_input() override;
  void on_drained() override;
  void on_broken(const Error&) override {}
  void complete(std::uint64_t request, Loop::Answer answer) override;
  void settle() override;
  void tick(SteadyTime now) override;
  void retire() override;

 private:
  void on_head(Http2Session::Stream& stream) override;
  void on_request(Http2Session::Stream& stream) override;
  std::string_view date() override { return connection_.loop()->date(); }

  static Http2Limits limits_of(const Connection& connection);

  Connection& connection_;
  const Served& served_;
  SteadyTime idle_since_;
  Http2Session session_;
  SteadyTime write_by_ = SteadyTime::max();  // while the client takes too little
  bool is_reading_ = false;
  bool is_asked_to_settle_ = false;
};

}  // namespace writ::net
