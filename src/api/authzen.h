// Messages of AuthZEN Authorization API 1.0, decoded: sections 6 (Access Evaluation), 7 (Access
// Evaluations) and 8 (Search). Pure; unknown members are ignored, as section 10.1.1 says. Internal
// to the room.
//
// Invariant: what was read points into the Json that it was read from.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "control/decisions.h"
#include "core/search.h"

namespace writ::api {

inline constexpr std::size_t kMostEvaluations = 256;  // of one message
inline constexpr std::size_t kMostName = 1024;        // bytes of a type, an id or a name
inline constexpr std::int64_t kUsualResults = 100;    // of a page
inline constexpr std::int64_t kMostResults = 1000;

struct Evaluation {
  std::string_view subject_type, subject_id;
  std::string_view action;
  std::string_view resource_type, resource_id;
  // Each null when absent, else an object.
  const Json* subject_properties = nullptr;
  const Json* action_properties = nullptr;
  const Json* resource_properties = nullptr;
  const Json* context = nullptr;
};

// kInvalid with the JSON pointer of the first thing that is wrong.
Result<Evaluation> read_evaluation(const Json& body);

struct Evaluations {
  // In their order, with what they take over from the top. Empty: the message is a single
  // evaluation.
  std::vector<Result<Evaluation>> items;
  control::Until until = control::Until::kAll;
};
// What is wrong with an item is the item's error; what is wrong with the whole is kInvalid.
Result<Evaluations> read_evaluations(const Json& body);

struct SearchAsked {
  Evaluation wanted;  // what is sought is empty; of a type that is sought, its type is there
  std::string token;  // empty: the first page
  std::optional<std::int64_t> limit;
};
Result<SearchAsked> read_search(const Json& body, core::Sought sought);

}  // namespace writ::api
