#include "net/client_pipe.h"

#include <boost/asio/ip/address.hpp>

namespace writ::net {

using boost::system::error_code;

void ClientPipe::dial(const Endpoint& endpoint, std::shared_ptr<const crypto::TlsContext> context,
                      Millis connect_time) {
  const auto self = std::static_pointer_cast<ClientPipe>(shared_from_this());
  set_deadline(connect_time, "the server did not answer in time");
  error_code not_numeric;
  const auto address = asio::ip::make_address(endpoint.host, not_numeric);
  if (!not_numeric) {
    const auto addresses = tcp::resolver::results_type::create(
        tcp::endpoint(address, endpoint.port), endpoint.host, std::to_string(endpoint.port));
    return connect(addresses, addresses.begin(), endpoint.host, std::move(context));
  }
  resolver_.async_resolve(
      endpoint.host, std::to_string(endpoint.port),
      [self, host = endpoint.host, context = std::move(context)](
          const error_code& error, const tcp::resolver::results_type& addresses) {
        if (self->is_dead()) return;
        if (error) {
          return self->break_off(
              {Code::kUnavailable, "finding \"" + host + "\" failed: " + error.message(), {}});
        }
        self->connect(addresses, addresses.begin(), host, context);
      });
}

void ClientPipe::connect(const tcp::resolver::results_type& addresses,
                         tcp::resolver::results_type::const_iterator next, const std::string& host,
                         std::shared_ptr<const crypto::TlsContext> context) {
  const auto self = std::static_pointer_cast<ClientPipe>(shared_from_this());
  error_code ignored;
  socket().close(ignored);
  const tcp::endpoint target = next->endpoint();
  socket().async_connect(target, [self, addresses, next = std::move(next), host,
                                  context = std::move(context)](const error_code& error) {
    if (self->is_dead()) return;
    if (!error) return self->secure(context, crypto::TlsSession::Role::kClient, host);
    if (auto after = std::next(next); after != addresses.end()) {
      return self->connect(addresses, after, host, context);
    }
    self->break_off(
        {Code::kUnavailable, "connecting to " + host + " failed: " + error.message(), {}});
  });
}

void ClientPipe::set_deadline(Millis from_now, std::string what) {
  timer_.expires_after(from_now);
  timer_.async_wait([weak = weak_from_this(), use = ++timer_use_,
                     what = std::move(what)](const error_code& error) {
    const auto self = std::static_pointer_cast<ClientPipe>(weak.lock());
    if (error || !self || self->timer_use_ != use) return;
    self->break_off({Code::kUnavailable, what, {}});
  });
}

void ClientPipe::clear_deadline() {
  ++timer_use_;
  timer_.cancel();
}

void ClientPipe::tick_every(Millis period, std::function<void()> tick) {
  timer_.expires_after(period);
  timer_.async_wait([weak = weak_from_this(), use = ++timer_use_, period,
                     tick = std::move(tick)](const error_code& error) mutable {
    const auto self = std::static_pointer_cast<ClientPipe>(weak.lock());
    if (error || !self || self->is_dead() || self->timer_use_ != use) return;
    tick();
    if (!self->is_dead()) self->tick_every(period, std::move(tick));
  });
}

void ClientPipe::release() {
  clear_deadline();
  resolver_.cancel();
}

}  // namespace writ::net
