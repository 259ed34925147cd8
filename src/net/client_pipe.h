// A client's connection on an event loop: finds the address, connects, secures, and ends when it
// takes too long. For the .cc files of this room alone.
#pragma once

#include <boost/asio/steady_timer.hpp>

#include "net/http_client.h"
#include "net/tls_pipe.h"

namespace writ::net {

class ClientPipe : public TlsPipe {
 public:
  explicit ClientPipe(asio::io_context& io) : TlsPipe(tcp::socket(io)), resolver_(io), timer_(io) {}

  // on_secured or on_broken follows.
  void dial(const Endpoint& endpoint, std::shared_ptr<const crypto::TlsContext> context,
            Millis connect_time);

 protected:
  // Breaks off with `what` ("… did not answer in time") unless set anew or cleared before.
  void set_deadline(Millis from_now, std::string what);
  void clear_deadline();
  // Calls `tick` that often until the pipe is dead; replaces the deadline.
  void tick_every(Millis period, std::function<void()> tick);
  // To be called by on_broken.
  void release();

 private:
  void connect(const tcp::resolver::results_type& addresses,
               tcp::resolver::results_type::const_iterator next, const std::string& host,
               std::shared_ptr<const crypto::TlsContext> context);

  tcp::resolver resolver_;
  asio::steady_timer timer_;
  unsigned timer_use_ = 0;  // a timer that fired already cannot be cancelled, but told apart
};

}  // namespace writ::net
