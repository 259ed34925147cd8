// HTTP/1.1 messages (RFC 9110, RFC 9112) as plain values.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "crypto/x509.h"

namespace writ::net {

using Header = std::pair<std::string, std::string>;

// One request as a handler sees it. Everything it points to is valid during the handler's call
// alone; a handler that answers later copies what it needs (`peer` may be kept).
struct Request {
  std::string_view method;
  std::string_view path;   // without the query, percent-encoded as sent
  std::string_view query;  // without "?"; empty when there is none
  std::string_view body;
  std::vector<std::pair<std::string_view, std::string_view>> headers;
  std::vector<std::pair<std::string_view, std::string>> params;  // from "{name}", decoded
  // The verified client certificate, the same object for every request of a connection; null when
  // the client showed none. Not expired at the time of the call.
  std::shared_ptr<const crypto::Certificate> peer;
  std::string_view source;       // address without port: "192.0.2.7", "::1"
  std::uint64_t connection = 0;  // unique in this process
  unsigned thread_index = 0;     // of the I/O thread that calls, from 0

  // The first header of that name in any case; empty when there is none.
  std::string_view header(std::string_view name) const;
  // The path parameter; empty when the route has none of that name.
  std::string_view param(std::string_view name) const;
  // The decoded query parameter: kNotFound when absent, kInvalid when twice or badly encoded.
  Result<std::string> query_param(std::string_view name) const;
};

struct Response {
  int status = 200;
  std::string body;
  std::string_view content_type = "application/json";  // must have static lifetime
  std::vector<Header> headers;  // beside Content-Type, Content-Length and Connection
};

// {"error":{"code":…,"message":…,"where":…}} with the code's HTTP status; a 401 also has the
// challenge that a certificate is wanted.
Response error_response(const Error& error);
Response json_response(const Json& body, int status = 200);

// Whether a request's "X-Request-ID" can be sent back in its answer, as the server does: at most
// 200 characters of visible ASCII and spaces. Empty: there is none.
bool is_request_id(std::string_view text);

// What a client got. Headers' names are as sent.
struct Reply {
  int status = 0;
  std::string body;
  std::vector<Header> headers;

  std::string_view header(std::string_view name) const;
};

// The error that `error_response` wrote, or one made from the status; for status 400 and above.
Error error_of(const Reply& reply);

// "%2F" and so on; "+" is left alone. kInvalid for a malformed escape or a NUL byte.
Result<std::string> percent_decode(std::string_view text);
// Everything but unreserved characters (RFC 3986 section 2.3) is escaped.
std::string percent_encode(std::string_view text);

}  // namespace writ::net
