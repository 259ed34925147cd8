// Any text as entities, as a value and as a schema: reading never crashes, and a value survives
// being written.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "cedar/entity.h"
#include "cedar/typed_json.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace writ::cedar;
  const std::string_view text(reinterpret_cast<const char*>(bytes), size);
  if (const auto entities = Entities::parse_json(text)) {
    for (const Entity& entity : *entities) {
      if (entities->find(entity.uid) != &entity) std::abort();
      if (entity.ancestors.contains(entity.uid)) std::abort();
    }
  }
  if (const auto json = writ::parse_json(text)) {
    if (const auto value = value_from_json(*json)) {
      const auto again = value_from_json(to_json(value->view()));
      if (!again || !(*again == *value)) std::abort();
    }
  }
  if (const auto schema = Schema::parse(text)) {
    for (const auto& [uid, action] : schema->actions()) {
      explicit_context(*schema, writ::Json::object({{"x", 1}}), uid);
    }
  }
  return 0;
}
