// Structs to JSON and back, from one description of their fields. A struct is described once:
//
//   template <class V>
//   void fields(V& v, Grant& g) {
//     v("id", g.id);
//     v("until", g.until);          // Time: RFC 3339 text; Millis: integer milliseconds
//     v("reason", g.reason);        // std::optional: left out when empty
//   }
//
// `to_json(g)` writes it; `from_json<Grant>(json)` reads it strictly: a missing field, an unknown
// field or a wrong type is an error with the JSON pointer of the place. Enums are described by
//
//   constexpr auto enum_names(Tier) { return std::to_array<std::string_view>({"critical", …}); }
//
// with one name per enumerator, in order from zero. Both functions are found by argument-dependent
// lookup, so they stand in the namespace of their type.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/json.h"

namespace writ {

template <class E>
  requires std::is_enum_v<E>
std::string_view name_of(E e) {
  static constexpr auto kNames = enum_names(E{});
  return kNames.at(static_cast<std::size_t>(e));
}

template <class E>
std::optional<E> from_name(std::string_view name) {
  static constexpr auto kNames = enum_names(E{});
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] == name) return static_cast<E>(i);
  }
  return std::nullopt;
}

class JsonReader;
template <class T>
Json to_json(const T& value);

namespace detail {
template <class T>
struct is_optional : std::false_type {};
template <class T>
struct is_optional<std::optional<T>> : std::true_type {};
template <class T>
struct is_vector : std::false_type {};
template <class T>
struct is_vector<std::vector<T>> : std::true_type {};
template <class T>
struct is_map : std::false_type {};
template <class T>
struct is_map<std::map<std::string, T>> : std::true_type {};
}  // namespace detail

// Collects the fields of one struct.
class JsonWriter {
 public:
  template <class T>
  void operator()(std::string_view name, const T& value) {
    if constexpr (detail::is_optional<T>::value) {
      if (value) object_.emplace_back(std::string(name), to_json(*value));
    } else {
      object_.emplace_back(std::string(name), to_json(value));
    }
  }
  JsonObject take() { return std::move(object_); }

 private:
  JsonObject object_;
};

template <class T>
Json to_json(const T& value) {
  if constexpr (std::is_same_v<T, Json>) {
    return value;
  } else if constexpr (std::is_same_v<T, bool> || std::is_same_v<T, std::string> ||
                       std::is_same_v<T, double>) {
    return Json(value);
  } else if constexpr (std::is_integral_v<T>) {
    return Json(static_cast<std::int64_t>(value));
  } else if constexpr (std::is_enum_v<T>) {
    return Json(name_of(value));
  } else if constexpr (std::is_same_v<T, Time>) {
    return Json(to_text(value));
  } else if constexpr (std::is_same_v<T, Millis>) {
    return Json(static_cast<std::int64_t>(value.count()));
  } else if constexpr (std::is_same_v<T, Hash>) {
    return Json(to_base64(as_bytes(value)));
  } else if constexpr (detail::is_vector<T>::value) {
    JsonArray array;
    array.reserve(value.size());
    for (const auto& item : value) array.push_back(to_json(item));
    return Json(std::move(array));
  } else if constexpr (detail::is_map<T>::value) {
    JsonObject object;
    for (const auto& [key, item] : value) object.emplace_back(key, to_json(item));
    return Json(std::move(object));
  } else {
    JsonWriter writer;
    fields(writer, const_cast<T&>(value));  // a writer only reads
    return Json(writer.take());
  }
}

// Reads the fields of one struct, and keeps the first error.
class JsonReader {
 public:
  JsonReader(const Json& json, std::string pointer) : pointer_(std::move(pointer)) {
    object_ = json.as_object();
    if (object_ == nullptr) complain(pointer_, "an object is wanted here, not " + std::string(json.type_name()));
  }

  template <class T>
  void operator()(std::string_view name, T& value) {
    if (error_) return;
    const Json* member = nullptr;
    for (const JsonMember& m : *object_) {
      if (m.first == name) member = &m.second;
    }
    if (member == nullptr) {
      if constexpr (!detail::is_optional<T>::value) {
        complain(pointer_, "the member \"" + std::string(name) + "\" is missing");
      }
      return;
    }
    ++used_;
    names_.push_back(name);
    read(*member, value, pointer_ + "/" + std::string(name));
  }

  // After all fields: unknown members are an error too.
  Status finish() {
    if (!error_ && used_ != object_->size()) {
      for (const JsonMember& m : *object_) {
        bool known = false;
        for (std::string_view name : names_) known = known || name == m.first;
        if (!known) complain(pointer_ + "/" + m.first, "there is no member of this name");
      }
    }
    if (error_) return tl::unexpected<Error>(*error_);
    return {};
  }

  template <class T>
  void read(const Json& json, T& value, const std::string& pointer) {
    if (error_) return;
    const auto want = [&](std::string_view what) {
      complain(pointer, std::string(what) + " is wanted here, not " + std::string(json.type_name()));
    };
    if constexpr (std::is_same_v<T, Json>) {
      value = json;
    } else if constexpr (std::is_same_v<T, bool>) {
      json.as_bool() ? void(value = *json.as_bool()) : want("a boolean");
    } else if constexpr (std::is_same_v<T, std::string>) {
      json.as_string() ? void(value = *json.as_string()) : want("a string");
    } else if constexpr (std::is_same_v<T, double>) {
      if (json.as_double()) {
        value = *json.as_double();
      } else {
        json.as_int() ? void(value = static_cast<double>(*json.as_int())) : want("a number");
      }
    } else if constexpr (std::is_integral_v<T>) {
      const std::int64_t* v = json.as_int();
      if (v == nullptr) return want("an integer");
      value = static_cast<T>(*v);
      if (static_cast<std::int64_t>(value) != *v || (std::is_unsigned_v<T> && *v < 0)) {
        complain(pointer, "the integer is out of range");
      }
    } else if constexpr (std::is_enum_v<T>) {
      if (json.as_string() == nullptr) return want("a string");
      if (auto e = from_name<T>(*json.as_string())) {
        value = *e;
      } else {
        std::string names;
        for (std::string_view n : enum_names(T{})) names += (names.empty() ? "" : ", ") + std::string(n);
        complain(pointer, "\"" + *json.as_string() + "\" is none of " + names);
      }
    } else if constexpr (std::is_same_v<T, Time>) {
      if (json.as_string() == nullptr) return want("a time");
      auto time = parse_time(*json.as_string());
      time ? void(value = *time) : complain(pointer, time.error().message);
    } else if constexpr (std::is_same_v<T, Millis>) {
      json.as_int() ? void(value = Millis(*json.as_int())) : want("an integer of milliseconds");
    } else if constexpr (std::is_same_v<T, Hash>) {
      if (json.as_string() == nullptr) return want("a base64 hash");
      auto bytes = from_base64(*json.as_string());
      if (!bytes || bytes->size() != value.size()) return complain(pointer, "this is no base64 of 32 bytes");
      value = *to_hash(*bytes);
    } else if constexpr (detail::is_optional<T>::value) {
      value.emplace();
      read(json, *value, pointer);
    } else if constexpr (detail::is_vector<T>::value) {
      if (json.as_array() == nullptr) return want("an array");
      value.clear();
      std::size_t i = 0;
      for (const Json& item : *json.as_array()) {
        typename T::value_type element{};
        read(item, element, pointer + "/" + std::to_string(i++));
        value.push_back(std::move(element));
      }
    } else if constexpr (detail::is_map<T>::value) {
      if (json.as_object() == nullptr) return want("an object");
      value.clear();
      for (const JsonMember& m : *json.as_object()) {
        read(m.second, value[m.first], pointer + "/" + m.first);
      }
    } else {
      JsonReader inner(json, pointer);
      if (!inner.error_) fields(inner, value);
      if (auto status = inner.finish(); !status) error_ = status.error();
    }
  }

 private:
  void complain(const std::string& pointer, std::string message) {
    if (!error_) error_ = Error{Code::kInvalid, std::move(message), pointer.empty() ? "/" : pointer};
  }

  const JsonObject* object_ = nullptr;
  std::string pointer_;
  std::vector<std::string_view> names_;
  std::size_t used_ = 0;
  std::optional<Error> error_;
};

// `pointer` is where `json` stands in the whole document.
template <class T>
Result<T> from_json(const Json& json, const std::string& pointer = {}) {
  T value{};
  static const Json kEmpty = Json::object();
  JsonReader reader(kEmpty, pointer);
  reader.read(json, value, pointer);
  CHECK_OK(reader.finish());
  return value;
}

}  // namespace writ
