// Strict JSON (RFC 8259), exact for 64-bit integers, and its canonical form (RFC 8785).
//
// Reading refuses what other readers let pass: duplicate keys, integers outside int64, lone
// surrogates, invalid UTF-8, trailing text, and anything past the stated limits. Errors say
// line:column.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"

namespace writ {

class Json;
using JsonArray = std::vector<Json>;
using JsonMember = std::pair<std::string, Json>;
// Members in the order they were read or added; keys are unique.
using JsonObject = std::vector<JsonMember>;

class Json {
 public:
  Json() : value_(nullptr) {}
  Json(std::nullptr_t) : value_(nullptr) {}
  Json(bool v) : value_(v) {}
  Json(int v) : value_(static_cast<std::int64_t>(v)) {}
  Json(std::int64_t v) : value_(v) {}
  Json(std::uint64_t v) : value_(static_cast<std::int64_t>(v)) {}  // must fit int64
  Json(double v) : value_(v) {}
  Json(const char* v) : value_(std::string(v)) {}
  Json(std::string_view v) : value_(std::string(v)) {}
  Json(std::string v) : value_(std::move(v)) {}
  Json(JsonArray v) : value_(std::move(v)) {}
  Json(JsonObject v) : value_(std::move(v)) {}
  Json(const Json& other);
  Json(Json&& other) noexcept;
  Json& operator=(const Json& other);
  Json& operator=(Json&& other) noexcept;
  ~Json();
  // Json::object({{"a", 1}, {"b", "two"}})
  static Json object(std::initializer_list<JsonMember> members = {}) {
    return Json(JsonObject(members));
  }
  static Json array(std::initializer_list<Json> items = {}) { return Json(JsonArray(items)); }

  bool is_null() const { return std::holds_alternative<std::nullptr_t>(value_); }
  // Null when the value is of another type.
  const bool* as_bool() const { return std::get_if<bool>(&value_); }
  const std::int64_t* as_int() const { return std::get_if<std::int64_t>(&value_); }
  const double* as_double() const { return std::get_if<double>(&value_); }
  const std::string* as_string() const { return std::get_if<std::string>(&value_); }
  const JsonArray* as_array() const { return std::get_if<JsonArray>(&value_); }
  const JsonObject* as_object() const { return std::get_if<JsonObject>(&value_); }
  JsonArray* as_array() { return std::get_if<JsonArray>(&value_); }
  JsonObject* as_object() { return std::get_if<JsonObject>(&value_); }
  // "null", "a boolean", "an integer", …: for messages.
  std::string_view type_name() const;

  // The member of that name, or null when this is no object or has none.
  const Json* find(std::string_view key) const;
  // Sets a member, replacing one of the same name; turns null into an object first.
  Json& set(std::string_view key, Json value);
  // Adds to an array; turns null into an array first.
  Json& push(Json value);

  bool operator==(const Json& other) const;

 private:
  std::variant<std::nullptr_t, bool, std::int64_t, double, std::string, JsonArray, JsonObject>
      value_;
};

struct JsonLimits {
  std::size_t bytes = 1 << 20;  // of text
  std::size_t depth = 32;       // of nested arrays and objects
  std::size_t items = 100'000;  // values in all
};

// `name` stands before line:column in errors ("entities.json:3:14"); empty for "line 3:14" alone.
Result<Json> parse_json(std::string_view text, const JsonLimits& limits = {},
                        std::string_view name = {});

// RFC 8785: sorted keys, no spaces, shortest numbers. Same value, same bytes.
std::string canonical(const Json& json);
// Members in their order, no spaces; for wires that need no canonical form.
std::string compact(const Json& json);
// Indented by two spaces, for people.
std::string pretty(const Json& json);
// Appends `text` as a JSON string with its quotes.
void append_json_string(std::string& out, std::string_view text);

}  // namespace writ
