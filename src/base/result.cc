#include "base/result.h"

#include <array>

namespace writ {
namespace {

struct CodeRow {
  Code code;
  std::string_view name;
  int http;
  int exit;
};

constexpr std::array kCodes{
    CodeRow{Code::kInvalid, "invalid", 400, 2},
    CodeRow{Code::kUnauthenticated, "unauthenticated", 401, 3},
    CodeRow{Code::kDenied, "denied", 403, 3},
    CodeRow{Code::kNotFound, "not_found", 404, 4},
    CodeRow{Code::kExists, "exists", 409, 5},
    CodeRow{Code::kConflict, "conflict", 409, 5},
    CodeRow{Code::kExhausted, "exhausted", 429, 6},
    CodeRow{Code::kUnavailable, "unavailable", 503, 6},
    CodeRow{Code::kCorrupt, "corrupt", 500, 7},
    CodeRow{Code::kInternal, "internal", 500, 1},
};

const CodeRow& row(Code code) {
  for (const CodeRow& r : kCodes) {
    if (r.code == code) return r;
  }
  return kCodes.back();
}

}  // namespace

std::string_view code_name(Code code) {
  return row(code).name;
}
int http_status(Code code) {
  return row(code).http;
}
int exit_status(Code code) {
  return row(code).exit;
}

Code code_from_name(std::string_view name) {
  for (const CodeRow& r : kCodes) {
    if (r.name == name) return r.code;
  }
  return Code::kInternal;
}

}  // namespace writ
