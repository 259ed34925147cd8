// JsonPlace: where in JSON something stands, as parts on the stack that lead up to the root. It is
// written out for an error alone: if each value had its place as text, a long name would be copied
// for all that stand below it.
// Invariant: the place above, and the name, outlive the place.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/json_pointer.h"
#include "base/result.h"
#include "cedar/value.h"

namespace writ::cedar {

class JsonPlace {
 public:
  explicit JsonPlace(std::string_view root) : name_(root) {}
  JsonPlace(const JsonPlace&) = delete;
  JsonPlace& operator=(const JsonPlace&) = delete;

  JsonPlace operator/(std::string_view name) const& { return {this, name, 0}; }
  JsonPlace operator/(std::size_t index) const& { return {this, {}, index}; }
  // The place above would be gone.
  JsonPlace operator/(std::string_view name) const&& = delete;
  JsonPlace operator/(std::size_t index) const&& = delete;

  // The root, and the JSON pointer from there.
  std::string text() const {
    std::vector<const JsonPlace*> places;
    for (const JsonPlace* at = this; at != nullptr; at = at->above_) places.push_back(at);
    std::string made(places.back()->name_);
    places.pop_back();
    for (; !places.empty(); places.pop_back()) {
      const JsonPlace& at = *places.back();
      made +=
          at.name_.data() != nullptr ? step_to_member(at.name_) : "/" + std::to_string(at.index_);
    }
    return made;
  }

 private:
  JsonPlace(const JsonPlace* above, std::string_view name, std::size_t index)
      : above_(above), name_(name), index_(index) {}

  const JsonPlace* above_ = nullptr;
  std::string_view name_;  // null: the index says which
  std::size_t index_ = 0;
};

// As those of value.h.
Result<Value> value_from_json(const Json& json, const JsonPlace& where, Sharing* sharing = nullptr);
Result<EntityUid> uid_from_json(const Json& json, const JsonPlace& where,
                                Sharing* sharing = nullptr);

}  // namespace writ::cedar
