#include "net/http.h"

#include <algorithm>

#include "base/bytes.h"

namespace writ::net {
namespace {

bool equal_name(std::string_view a, std::string_view b) {
  const auto lower = [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return lower(x) == lower(y); });
}

Code code_of_status(int status) {
  switch (status) {
    case 401:
      return Code::kUnauthenticated;
    case 403:
      return Code::kDenied;
    case 404:
      return Code::kNotFound;
    case 409:
      return Code::kConflict;
    case 429:
      return Code::kExhausted;
    case 502:
    case 503:
    case 504:
      return Code::kUnavailable;
    default:
      return status >= 500 ? Code::kInternal : Code::kInvalid;
  }
}

}  // namespace

std::string_view Request::header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (equal_name(key, name)) return value;
  }
  return {};
}

std::string_view Request::param(std::string_view name) const {
  for (const auto& [key, value] : params) {
    if (key == name) return value;
  }
  return {};
}

Result<std::string> Request::query_param(std::string_view name) const {
  std::string_view rest = query;
  std::string_view found;
  int count = 0;
  while (!rest.empty()) {
    const std::size_t end = rest.find('&');
    const std::string_view part = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    const std::size_t equals = part.find('=');
    if (part.substr(0, equals) != name) continue;
    ++count;
    found = equals == std::string_view::npos ? std::string_view() : part.substr(equals + 1);
  }
  const std::string quoted = "the query parameter \"" + std::string(name) + "\"";
  if (count == 0) return fail(Code::kNotFound, quoted + " is missing");
  if (count > 1) return fail(Code::kInvalid, quoted + " stands there more than once");
  return percent_decode(found);
}

Response error_response(const Error& error) {
  Json inner =
      Json::object({{"code", code_name(error.code)}, {"message", std::string_view(error.message)}});
  if (!error.where.empty()) inner.set("where", std::string_view(error.where));
  Response response =
      json_response(Json::object({{"error", std::move(inner)}}), http_status(error.code));
  // RFC 9110 section 15.5.2 wants a challenge; none is registered for certificates of clients.
  if (response.status == 401) {
    response.headers.emplace_back("WWW-Authenticate", "ClientCertificate");
  }
  return response;
}

Response json_response(const Json& body, int status) {
  return {.status = status, .body = compact(body), .headers = {}};
}

bool is_request_id(std::string_view text) {
  return text.size() <= 200 &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

std::string_view Reply::header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (equal_name(key, name)) return value;
  }
  return {};
}

Error error_of(const Reply& reply) {
  Error error{code_of_status(reply.status),
              "the server answered with status " + std::to_string(reply.status),
              {}};
  const auto json = parse_json(reply.body);
  const Json* inner = json ? json->find("error") : nullptr;
  if (inner == nullptr) return error;
  const auto text = [&](std::string_view name) -> const std::string* {
    const Json* member = inner->find(name);
    return member != nullptr ? member->as_string() : nullptr;
  };
  if (const std::string* code = text("code")) error.code = code_from_name(*code);
  if (const std::string* message = text("message")) error.message = *message;
  if (const std::string* where = text("where")) error.where = *where;
  return error;
}

Result<std::string> percent_decode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    const auto byte = from_hex(text.substr(i + 1, 2));
    if (!byte || byte->size() != 1 || byte->front() == '\0') {
      return fail(Code::kInvalid, "\"" + std::string(text.substr(i, 3)) + "\" is no escaped byte");
    }
    out += *byte;
    i += 2;
  }
  return out;
}

std::string percent_encode(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  for (char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '.' || c == '_' || c == '~';
    if (plain) {
      out += c;
    } else {
      out += '%';
      out += kDigits[static_cast<unsigned char>(c) >> 4];
      out += kDigits[static_cast<unsigned char>(c) & 15];
    }
  }
  return out;
}

}  // namespace writ::net
