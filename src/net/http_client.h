// HTTPS/1.1 clients. `HttpClient` blocks, for the command line. `AsyncClient` and `LineClient` run
// on the caller's io_context (net/asio.h), for doors.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "base/result.h"
#include "net/http.h"
#include "net/line_stream.h"
#include "net/tls.h"

namespace boost::asio {
class io_context;  // NOLINT(readability-identifier-naming)
}

namespace writ::net {

// Where a server listens. Who it must be is the TlsClient's business.
struct Endpoint {
  std::string host;  // name or address
  std::uint16_t port = 0;
};
// "host:port", "[::1]:8443", or "https://host:port" with nothing behind.
Result<Endpoint> parse_endpoint(std::string_view text);
std::string to_text(const Endpoint& endpoint);

struct ClientLimits {
  Millis connect_time{5'000};         // TCP and TLS together
  Millis reply_time{30'000};          // from the request's first byte to the reply's last
  std::size_t reply_body = 16 << 20;  // bytes; more is kInvalid
};

// Blocking, keeps one connection open. Not thread-safe.
//
// Errors of all clients: kUnavailable when the server cannot be reached or breaks off (a request
// may then have been carried out: ids given by the client make it safe to repeat);
// kUnauthenticated when the server is not who it must be, or refuses our certificate; kInvalid when
// its reply is not HTTP. A reply of any status is no error: see `error_of`.
class HttpClient {
 public:
  HttpClient(Endpoint endpoint, std::shared_ptr<TlsClient> tls, ClientLimits limits = {});
  ~HttpClient();

  Result<Reply> call(std::string_view method, std::string_view target, std::string_view body = {},
                     const std::vector<Header>& headers = {});
  // The server's verified certificate on the open connection; null when there is none.
  std::shared_ptr<const crypto::Certificate> server() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

struct AsyncClientOptions {
  ClientLimits limits;
  unsigned connections = 4;   // kept open at most
  unsigned in_flight = 1024;  // requests queued or sent; more fail with kExhausted at once
};

// A small pool of keep-alive connections. Thread-safe; callbacks run on the io_context, which one
// thread runs. Destroy it on that thread, or when that no longer runs: it drops its connections,
// and callbacks not yet called get kUnavailable. Nothing is sent twice by itself.
class AsyncClient {
 public:
  using Callback = std::function<void(Result<Reply>)>;

  AsyncClient(boost::asio::io_context& io, Endpoint endpoint, std::shared_ptr<TlsClient> tls,
              AsyncClientOptions options = {});
  ~AsyncClient();

  // Never calls back before it returns.
  void call(std::string method, std::string target, std::string body, Callback callback);
  void post(std::string target, std::string body, Callback callback) {
    call("POST", std::move(target), std::move(body), std::move(callback));
  }

 private:
  struct State;
  std::shared_ptr<State> state_;
};

struct LineClientOptions {
  ClientLimits limits;
  LineTimes lines;
  Millis first_pause{100};  // before the second try; doubles with each, with jitter
  Millis longest_pause{5'000};
};

// Called on the io_context's thread.
struct LineClientHandlers {
  // The stream is open; keep the pointer to send from other threads.
  std::function<void(const std::shared_ptr<LineStream>&)> on_open;
  std::function<void(LineStream&, std::string_view line)> on_line;
  // It was lost, or a try to open it failed; the next try follows by itself.
  std::function<void(const Error&)> on_down;
};

// Keeps one line stream open to a server, trying without end until destroyed. Destroy it on the
// io_context's thread, or when that no longer runs; no handler is called afterwards.
class LineClient {
 public:
  LineClient(boost::asio::io_context& io, Endpoint endpoint, std::shared_ptr<TlsClient> tls,
             std::string target, LineClientHandlers handlers, Random& random,
             LineClientOptions options = {});
  ~LineClient();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace writ::net
