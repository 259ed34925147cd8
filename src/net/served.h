// What all loops of one listener share, and what a request meets on whichever protocol it comes:
// its route, the bound of its body, the refusals. For the .cc files of this room alone.
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "net/http_server.h"
#include "net/router.h"

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

  // The most bytes of body to take of a request that matched so.
  std::size_t body_limit(const Router::Match& match, const Request& caller) const;
  bool has_expired(const Request& caller) const;
  const Route& route_of(const Router::Match& match) const { return routes[match.route]; }
  // Calls a handler; what it throws ends here, and its responder has then answered.
  void handle(const Route& route, const Request& request, Responder responder) const;
  void handle(const Route& route, const Request& request, StreamOffer offer) const;

  HttpServerOptions options;
  std::shared_ptr<TlsServer> tls;
  const Clock& clock;
  Router router;
  std::vector<Route> routes;
  std::atomic<unsigned> open{0};  // connections
};

// The answer to a request that no route takes: of a match that is not 200.
Response refusal(const Router::Match& match);
// An error with another status than its code's.
Response error_response(const Error& error, int status);
inline Error certificate_expired() {
  return {Code::kUnauthenticated, "the client certificate has expired", {}};
}
// A newline in a header would let whoever chose its value write headers of their own.
bool is_header_text(std::string_view text);
// The path of a request's target, "/" where there is none (RFC 9110 section 4.2.3), and the query
// behind its "?".
std::string_view path_of(std::string_view target);
std::string_view query_of(std::string_view target);

}  // namespace writ::net
