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
#include <span>
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
      if (value) put(name, to_json(*value));
    } else {
      put(name, to_json(value));
    }
  }
  JsonObject take() { return std::move(object_); }

 private:
  void put(std::string_view name, Json value);

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
  JsonReader(const Json& json, std::string pointer);

  template <class T>
  void operator()(std::string_view name, T& value) {
    const Json* member = take(name, detail::is_optional<T>::value ? Need::kNone : Need::kPresent);
    if (member != nullptr) read(*member, value, place_of(name));
  }

  // After all fields: unknown members are an error too.
  Status finish();

  void read(const Json& json, Json& value, const std::string& pointer);
  void read(const Json& json, bool& value, const std::string& pointer);
  void read(const Json& json, double& value, const std::string& pointer);
  void read(const Json& json, std::string& value, const std::string& pointer);
  void read(const Json& json, Time& value, const std::string& pointer);
  void read(const Json& json, Millis& value, const std::string& pointer);
  void read(const Json& json, Hash& value, const std::string& pointer);
  template <class T>
  void read(const Json& json, T& value, const std::string& pointer) {
    if constexpr (std::is_integral_v<T>) {
      const std::int64_t* v = integer(json, pointer);
      if (v == nullptr) return;
      value = static_cast<T>(*v);
      if (static_cast<std::int64_t>(value) != *v || (std::is_unsigned_v<T> && *v < 0)) {
        complain(pointer, "the integer is out of range");
      }
    } else if constexpr (std::is_enum_v<T>) {
      static constexpr auto kNames = enum_names(T{});
      if (const auto at = one_of(json, kNames, pointer)) value = static_cast<T>(*at);
    } else if constexpr (detail::is_optional<T>::value) {
      if (!error_) read(json, value.emplace(), pointer);
    } else if constexpr (detail::is_vector<T>::value) {
      const JsonArray* items = array(json, pointer);
      if (items == nullptr) return;
      value.clear();
      for (const Json& item : *items) {
        typename T::value_type element{};
        read(item, element, place_of(pointer, value.size()));
        value.push_back(std::move(element));
      }
    } else if constexpr (detail::is_map<T>::value) {
      const JsonObject* members = object(json, pointer);
      if (members == nullptr) return;
      value.clear();
      for (const JsonMember& m : *members) {
        read(m.second, value[m.first], pointer + "/" + m.first);
      }
    } else {
      if (error_) return;
      JsonReader inner(json, pointer);
      if (!inner.error_) fields(inner, value);
      keep(inner.finish());
    }
  }

 private:
  enum class Need { kNone, kPresent };

  // Null after an error, and when the member is not there; that may be an error too.
  const Json* take(std::string_view name, Need need);
  // Null or nothing after an error, which may be that `json` is of another type.
  const std::int64_t* integer(const Json& json, const std::string& pointer);
  const JsonArray* array(const Json& json, const std::string& pointer);
  const JsonObject* object(const Json& json, const std::string& pointer);
  std::optional<std::size_t> one_of(const Json& json, std::span<const std::string_view> names,
                                    const std::string& pointer);

  std::string place_of(std::string_view name) const;
  static std::string place_of(const std::string& pointer, std::size_t index);
  void want(std::string_view what, const Json& json, const std::string& pointer);
  void complain(const std::string& pointer, std::string message);
  void keep(const Status& status);

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
