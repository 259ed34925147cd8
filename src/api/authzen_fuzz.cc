// AuthZEN messages and page tokens out of hostile bytes: no crash, and what is read stays within
// the stated bounds.
#include <cstdlib>

#include "api/authzen.h"
#include "api/page_token.h"

namespace writ::api {
namespace {

void check(bool holds) {
  if (!holds) std::abort();
}

void check_evaluation(const Evaluation& e) {
  for (const std::string_view name :
       {e.subject_type, e.subject_id, e.action, e.resource_type, e.resource_id}) {
    check(name.size() <= kMostName);
  }
  for (const Json* object :
       {e.subject_properties, e.action_properties, e.resource_properties, e.context}) {
    check(object == nullptr || object->as_object() != nullptr);
  }
}

void read_all(const Json& json) {
  if (const auto one = read_evaluation(json)) {
    check_evaluation(*one);
    check(!one->subject_id.empty() && !one->action.empty() && !one->resource_id.empty());
  }
  if (const auto many = read_evaluations(json)) {
    check(many->items.size() <= kMostEvaluations);
    for (const auto& item : many->items) {
      if (item) {
        check_evaluation(*item);
      } else {
        check(!item.error().message.empty() && item.error().where.starts_with('/'));
      }
    }
  }
  for (const core::Sought sought :
       {core::Sought::kSubjects, core::Sought::kResources, core::Sought::kActions}) {
    const auto asked = read_search(json, sought);
    if (!asked) continue;
    check_evaluation(asked->wanted);
    check(!asked->limit || *asked->limit >= 0);
  }
}

}  // namespace
}  // namespace writ::api

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace writ;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto json = parse_json(text)) api::read_all(*json);
  static SeededRandom random(1);
  static const api::PageTokens tokens(random);
  // No bytes of a stranger are a token.
  api::check(!tokens.read(text, "a search", Time{}));
  return 0;
}
