#include "net/client_message.h"

#include <algorithm>

namespace writ::net {
namespace {

bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
  });
}

bool is_visible(std::string_view text, char least) {
  return std::all_of(text.begin(), text.end(), [&](char c) { return c >= least && c != 0x7f; });
}

}  // namespace

Status check_request(std::string_view method, std::string_view target,
                     const std::vector<Header>& headers) {
  if (!is_token(method) || !target.starts_with('/') || !is_visible(target, '!')) {
    return fail(Code::kInvalid, "\"" + std::string(target) + "\" is no request target");
  }
  for (const auto& [name, value] : headers) {
    if (!is_token(name) || !is_visible(value, ' ')) {
      return fail(Code::kInvalid, "\"" + name + "\" is no header that can be sent");
    }
  }
  return {};
}

void append_request(std::string& out, const Endpoint& endpoint, std::string_view method,
                    std::string_view target, std::string_view body,
                    const std::vector<Header>& headers) {
  out.append(method).append(" ").append(target).append(" HTTP/1.1\r\nHost: ");
  out.append(to_text(endpoint)).append("\r\n");
  if (!body.empty() || method == "POST" || method == "PUT" || method == "PATCH") {
    out.append("Content-Length: ").append(std::to_string(body.size())).append("\r\n");
  }
  bool has_type = body.empty();
  for (const auto& [name, value] : headers) {
    out.append(name).append(": ").append(value).append("\r\n");
    has_type = has_type || name == "Content-Type";
  }
  if (!has_type) out.append("Content-Type: application/json\r\n");
  out.append("\r\n").append(body);
}

Reply take_reply(const MessageReader& reader, const std::string& input) {
  Reply reply;
  reply.status = reader.status();
  reply.body = reader.body(input);
  std::vector<std::pair<std::string_view, std::string_view>> headers;
  reader.headers(input, headers);
  reply.headers.reserve(headers.size());
  for (const auto& [name, value] : headers) reply.headers.emplace_back(name, value);
  return reply;
}

}  // namespace writ::net
