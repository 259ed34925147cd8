#include <charconv>

#include "net/http_client.h"

namespace writ::net {

Result<Endpoint> parse_endpoint(std::string_view text) {
  const auto malformed = [&] {
    return fail(Code::kInvalid,
                "\"" + std::string(text) + "\" is no server address; \"host:port\" is wanted");
  };
  std::string_view rest = text;
  if (rest.starts_with("https://")) rest.remove_prefix(8);
  if (rest.ends_with('/')) rest.remove_suffix(1);
  Endpoint endpoint;
  const std::size_t colon = rest.rfind(':');
  if (colon == std::string_view::npos) return malformed();
  std::string_view host = rest.substr(0, colon);
  const std::string_view port = rest.substr(colon + 1);
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return malformed();
  }
  for (char c : host) {
    const bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '.' || c == '-' || c == '_' || c == ':' || c == '%';
    if (!good) return malformed();
  }
  const auto read = std::from_chars(port.data(), port.data() + port.size(), endpoint.port);
  if (host.empty() || read.ec != std::errc{} || read.ptr != port.data() + port.size() ||
      endpoint.port == 0) {
    return malformed();
  }
  endpoint.host = host;
  return endpoint;
}

std::string to_text(const Endpoint& endpoint) {
  const bool is_v6 = endpoint.host.find(':') != std::string::npos;
  return (is_v6 ? "[" + endpoint.host + "]" : endpoint.host) + ":" + std::to_string(endpoint.port);
}

}  // namespace writ::net
