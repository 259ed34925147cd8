// Result and Error: how every fallible call in Writ answers. Exceptions stay inside the room that
// uses a throwing library.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

namespace writ {

// The closed list of failures. Mapped once to HTTP (`http_status`) and to exit status
// (`exit_status`).
enum class Code {
  kInvalid,          // the input is wrong; the same call fails again
  kUnauthenticated,  // who is asking is not proven
  kDenied,           // who is asking may not
  kNotFound,         // the named thing does not exist, or the asker may not know of it
  kExists,           // the name or id is taken
  kConflict,         // the state moved on, or is not one in which this can be done
  kExhausted,        // a stated limit is reached; try later or ask for less
  kUnavailable,      // something this needs cannot be reached now; try again
  kCorrupt,          // stored or received bytes are not what they claim to be
  kInternal,         // a defect in Writ
};

struct Error {
  Code code = Code::kInternal;
  std::string message;  // what happened, to which thing, what to do next; a plain sentence
  std::string where;    // file:line:column, JSON pointer or flag; empty when there is no place

  // "where: message", or the message alone.
  std::string text() const { return where.empty() ? message : where + ": " + message; }
};

template <class T>
using Result = tl::expected<T, Error>;

using Status = Result<void>;

inline tl::unexpected<Error> fail(Code code, std::string message, std::string where = {}) {
  return tl::unexpected<Error>(Error{code, std::move(message), std::move(where)});
}

// Passes an error on, from a Result of any type.
template <class T>
tl::unexpected<Error> fail(Result<T>&& failed) {
  return tl::unexpected<Error>(std::move(failed).error());
}
template <class T>
tl::unexpected<Error> fail(const Result<T>& failed) {
  return tl::unexpected<Error>(failed.error());
}

// "invalid", "denied", …: the name used in JSON and logs.
std::string_view code_name(Code code);
// The reverse of `code_name`; kInternal for a name it does not know.
Code code_from_name(std::string_view name);
int http_status(Code code);
// 1 internal, 2 invalid, 3 denied or unauthenticated, 4 not found, 5 conflict or exists,
// 6 unavailable or exhausted, 7 corrupt. 0 is success and never an Error.
int exit_status(Code code);

}  // namespace writ

// `TRY(x, f())`: declares x with the value of f(), or returns f's error from this function.
#define WRIT_CONCAT_(a, b) a##b
#define WRIT_CONCAT(a, b) WRIT_CONCAT_(a, b)
#define TRY_IMPL_(tmp, decl, ...)                \
  auto tmp = (__VA_ARGS__);                      \
  if (!tmp) return ::writ::fail(std::move(tmp)); \
  decl = std::move(*tmp)
#define TRY(decl, ...) TRY_IMPL_(WRIT_CONCAT(try_result_, __COUNTER__), auto decl, __VA_ARGS__)
// `CHECK_OK(f())`: returns f's error from this function, if there is one.
#define CHECK_OK(...)                                                  \
  do {                                                                 \
    auto check_result_ = (__VA_ARGS__);                                \
    if (!check_result_) return ::writ::fail(std::move(check_result_)); \
  } while (false)
