// An HTTPS listener on TLS 1.3 with client certificates: HTTP/1.1 (RFC 9112), and HTTP/2 (RFC 9113)
// with clients that name "h2" (ALPN). A few I/O threads, each with its own event loop; a connection
// stays on its thread. Handlers run there and must not block; they answer at once or later, from
// any thread. An answer repeats the "X-Request-ID" of its request.
//
// Requests of an HTTP/1.1 connection are handled one after the other, in order (pipelined ones
// wait), those of an HTTP/2 connection side by side. A request is handled only while the
// connection's client certificate is valid. What is malformed, too large or too slow gets one JSON
// error, and an HTTP/1.1 connection closes; HTTP/2 closes the stream, and the connection when the
// whole of it is in doubt or costs too much.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "net/http.h"
#include "net/line_stream.h"
#include "net/tls.h"

namespace writ::net {

class Connection;

// The right to answer one request, once, from any thread. Dropped unused, it answers 500. Later
// calls, and calls after the client has gone, do nothing. Many responses sent from one thread in
// a row wake each I/O thread once.
class Responder {
 public:
  Responder(std::shared_ptr<Connection> connection, std::uint64_t request);
  Responder(Responder&&) noexcept = default;
  Responder& operator=(Responder&&) noexcept;
  Responder(const Responder&) = delete;
  Responder& operator=(const Responder&) = delete;
  ~Responder();

  void send(Response response);
  void send_error(const Error& error) { send(error_response(error)); }

 private:
  friend class StreamOffer;
  std::shared_ptr<Connection> connection_;
  std::uint64_t request_;
};

// A client that asks for a line stream. Accept or refuse once, from any thread; dropped unused, it
// answers 500.
class StreamOffer {
 public:
  explicit StreamOffer(Responder responder) : responder_(std::move(responder)) {}
  // Lines may be sent at once; they follow the 101. When the client has gone meanwhile, on_close
  // says so.
  std::shared_ptr<LineStream> accept(LineHandlers handlers);
  void refuse(const Error& error) { responder_.send_error(error); }

 private:
  Responder responder_;
};

using Handler = std::function<void(const Request&, Responder)>;
using StreamHandler = std::function<void(const Request&, StreamOffer)>;

struct RouteLimits {
  // Bytes; more is 413. Of a client that showed no certificate never more than the default is
  // taken.
  std::size_t body = 1 << 20;
};

struct HttpServerOptions {
  std::string address = "127.0.0.1";  // IP address to listen on
  std::uint16_t port = 0;             // 0: any free one
  unsigned threads = 1;
  std::size_t header_bytes = 16 * 1024;  // request line and headers; more is 431
  unsigned streams = 100;                // of an HTTP/2 connection with a certificate, at once
  unsigned connections = 4096;           // open at once; more are closed at accept
  Millis handshake_time{5'000};
  Millis header_time{10'000};  // from a request's first byte to the end of its headers
  Millis body_time{30'000};    // from there to its last byte
  Millis idle_time{120'000};   // between requests
  Millis write_time{30'000};   // for a client to take a whole response
  LineTimes lines;
  // Called on an I/O thread after each turn of its loop in which it may have called handlers: the
  // place to hand a batch over. Optional.
  std::function<void(unsigned thread_index)> on_turn_end;
};

// Routes are added before `start`. Destruction stops it.
class HttpServer {
 public:
  // `clock` must outlive it.
  HttpServer(std::shared_ptr<TlsServer> tls, const Clock& clock, HttpServerOptions options = {});
  ~HttpServer();

  // `pattern` is "/a/{name}/b": exact segments and parameters that match one non-empty segment.
  // An exact segment wins over a parameter. A pattern that is malformed or taken ends the process.
  // A route of GET takes HEAD too: its handler answers as to GET, and the body is not sent.
  void route(std::string_view method, std::string_view pattern, Handler handler,
             RouteLimits limits = {});
  // GET with "Upgrade: writ-lines/1" on HTTP/1.1; without it the answer is 426, and on HTTP/2 the
  // stream is reset with HTTP_1_1_REQUIRED.
  void stream(std::string_view pattern, StreamHandler handler);

  // Binds, listens and starts the threads.
  Status start();
  std::uint16_t port() const;  // after start

  // Stops accepting, lets requests in flight finish for at most `grace`, closes streams and idle
  // connections, joins the threads. Idempotent. Not from a handler.
  void stop(Millis grace = Millis(2'000));

  // Runs `task` on that I/O thread. Tasks after `stop` are dropped.
  void post(unsigned thread_index, std::function<void()> task);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace writ::net
