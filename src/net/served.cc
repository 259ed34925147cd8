#include "net/served.h"

#include <algorithm>
#include <exception>

#include "base/log.h"

namespace writ::net {
namespace {

constexpr std::size_t kRefusedBody = 64 * 1024;  // read and forgotten before a refusal

// The responder, dropped on the way here, has answered 500.
void log_thrown(const std::exception& error) {
  log(Level::kError, "http_handler_threw", {{"what", error.what()}});
}

}  // namespace

std::size_t Served::body_limit(const Router::Match& match, const Request& caller) const {
  if (match.status != 200) return kRefusedBody;
  const std::size_t most = route_of(match).limits.body;
  return caller.peer == nullptr ? std::min(most, RouteLimits().body) : most;
}

bool Served::has_expired(const Request& caller) const {
  return caller.peer && caller.peer->not_after() <= clock.now();
}

void Served::handle(const Route& route, const Request& request, Responder responder) const {
  try {
    route.handler(request, std::move(responder));
  } catch (const std::exception& error) {
    log_thrown(error);
  }
}

void Served::handle(const Route& route, const Request& request, StreamOffer offer) const {
  try {
    route.stream(request, std::move(offer));
  } catch (const std::exception& error) {
    log_thrown(error);
  }
}

Response refusal(const Router::Match& match) {
  if (match.status == 405) {
    Response response = error_response(
        {Code::kInvalid, "this path takes " + match.allow + " only", {}}, match.status);
    response.headers.emplace_back("Allow", match.allow);
    return response;
  }
  if (match.status == 400) {
    return error_response({Code::kInvalid, "the path is badly percent-encoded", {}}, match.status);
  }
  return error_response({Code::kNotFound, "there is nothing at this path", {}}, match.status);
}

Response error_response(const Error& error, int status) {
  Response response = error_response(error);
  response.status = status;
  return response;
}

bool is_header_text(std::string_view text) {
  return std::none_of(text.begin(), text.end(),
                      [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

std::string_view path_of(std::string_view target) {
  // Two searches for one byte each are faster than one for either.
  const std::string_view path = target.substr(0, std::min(target.find('?'), target.find('#')));
  return path.empty() ? "/" : path;
}

std::string_view query_of(std::string_view target) {
  const std::size_t mark = target.find('?');
  return mark == std::string_view::npos ? std::string_view() : target.substr(mark + 1);
}

}  // namespace writ::net
