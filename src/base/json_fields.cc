#include "base/json_fields.h"

#include <utility>

#include "base/json_pointer.h"

namespace writ {

void JsonWriter::put(std::string_view name, Json value) {
  object_.emplace_back(std::string(name), std::move(value));
}

JsonReader::JsonReader(const Json& json, std::string pointer)
    : object_(json.as_object()), pointer_(std::move(pointer)) {
  if (object_ == nullptr) want("an object", json, pointer_);
}

Status JsonReader::finish() {
  if (!error_ && used_ != object_->size()) {
    for (const JsonMember& m : *object_) {
      bool known = false;
      for (std::string_view name : names_) known = known || name == m.first;
      if (!known) complain(place_of(m.first), "there is no member of this name");
    }
  }
  if (error_) return tl::unexpected<Error>(*error_);
  return {};
}

const Json* JsonReader::take(std::string_view name, Need need) {
  if (error_) return nullptr;
  const Json* member = nullptr;
  for (const JsonMember& m : *object_) {
    if (m.first == name) member = &m.second;
  }
  if (member == nullptr) {
    if (need == Need::kPresent) {
      complain(pointer_, "the member \"" + std::string(name) + "\" is missing");
    }
    return nullptr;
  }
  ++used_;
  names_.push_back(name);
  return member;
}

void JsonReader::read(const Json& json, Json& value, const std::string&) {
  if (!error_) value = json;
}

void JsonReader::read(const Json& json, bool& value, const std::string& pointer) {
  const bool* read = json.as_bool();
  if (read == nullptr) return want("a boolean", json, pointer);
  value = *read;
}

void JsonReader::read(const Json& json, double& value, const std::string& pointer) {
  if (const double* read = json.as_double()) {
    value = *read;
  } else if (const std::int64_t* whole = json.as_int()) {
    value = static_cast<double>(*whole);
  } else {
    want("a number", json, pointer);
  }
}

void JsonReader::read(const Json& json, std::string& value, const std::string& pointer) {
  const std::string* read = json.as_string();
  if (read == nullptr) return want("a string", json, pointer);
  value = std::string(*read);  // with no more room than it needs, as many of these stay
}

void JsonReader::read(const Json& json, Time& value, const std::string& pointer) {
  const std::string* text = json.as_string();
  if (text == nullptr) return want("a time", json, pointer);
  const auto time = parse_time(*text);
  if (!time) return complain(pointer, time.error().message);
  value = *time;
}

void JsonReader::read(const Json& json, Millis& value, const std::string& pointer) {
  const std::int64_t* read = json.as_int();
  if (read == nullptr) return want("an integer of milliseconds", json, pointer);
  value = Millis(*read);
}

void JsonReader::read(const Json& json, Hash& value, const std::string& pointer) {
  const std::string* text = json.as_string();
  if (text == nullptr) return want("a base64 hash", json, pointer);
  const auto bytes = from_base64(*text);
  if (!bytes || bytes->size() != value.size()) {
    return complain(pointer, "this is no base64 of 32 bytes");
  }
  value = *to_hash(*bytes);
}

const std::int64_t* JsonReader::integer(const Json& json, const std::string& pointer) {
  const std::int64_t* read = json.as_int();
  if (read == nullptr) want("an integer", json, pointer);
  return error_ ? nullptr : read;
}

const JsonArray* JsonReader::array(const Json& json, const std::string& pointer) {
  const JsonArray* read = json.as_array();
  if (read == nullptr) want("an array", json, pointer);
  return error_ ? nullptr : read;
}

const JsonObject* JsonReader::object(const Json& json, const std::string& pointer) {
  const JsonObject* read = json.as_object();
  if (read == nullptr) want("an object", json, pointer);
  return error_ ? nullptr : read;
}

std::optional<std::size_t> JsonReader::one_of(const Json& json,
                                              std::span<const std::string_view> names,
                                              const std::string& pointer) {
  const std::string* text = json.as_string();
  if (text == nullptr) want("a string", json, pointer);
  if (error_) return std::nullopt;
  std::string all;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i] == *text) return i;
    all.append(all.empty() ? "" : ", ").append(names[i]);
  }
  complain(pointer, "\"" + *text + "\" is none of " + all);
  return std::nullopt;
}

std::string JsonReader::place_of(std::string_view name) const {
  return pointer_ + step_to_member(name);
}

std::string JsonReader::place_of(const std::string& pointer, std::size_t index) {
  return pointer + "/" + std::to_string(index);
}

void JsonReader::want(std::string_view what, const Json& json, const std::string& pointer) {
  complain(pointer, std::string(what) + " is wanted here, not " + std::string(json.type_name()));
}

void JsonReader::complain(const std::string& pointer, std::string message) {
  if (!error_) error_ = Error{Code::kInvalid, std::move(message), pointer};
}

void JsonReader::keep(const Status& status) {
  if (!status && !error_) error_ = status.error();
}

}  // namespace writ
