// Any text as entities, with and without a schema, as a value and as a context: reading never
// crashes, a value survives being written, and what a schema made explicit it need not make again.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "cedar/entity.h"
#include "cedar/typed_json.h"
#include "cedar/validate.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace writ::cedar;
  const std::string_view text(reinterpret_cast<const char*>(bytes), size);
  if (const auto entities = Entities::parse_json(text)) {
    for (const Entity& entity : *entities) {
      if (entities->find(entity.uid) != &entity) std::abort();
      if (entity.ancestors.contains(entity.uid)) std::abort();
    }
  }
  const auto json = writ::parse_json(text);
  if (!json) return 0;
  if (const auto value = value_from_json(*json)) {
    const auto again = value_from_json(to_json(value->view()));
    if (!again || !(*again == *value)) std::abort();
  }
  static const Schema schema = *Schema::parse(
      "entity U in U { a?: ipaddr, s?: Set<datetime>, r?: { u: U } } tags decimal;"
      "action all; action v in [all] appliesTo { principal: U, resource: U,"
      "context: { a?: duration, u?: Set<U> } };");
  const writ::Json whole = with_actions(schema, explicit_entities(schema, *json));
  if (with_actions(schema, explicit_entities(schema, whole)) != whole) std::abort();
  if (const auto entities = Entities::from_json(whole)) (void)validate(schema, *entities);
  const EntityUid action("Action", "v");
  if (const auto context = record_from_json(explicit_context(schema, *json, action))) {
    (void)validate_context(schema, action, *context);
  }
  return 0;
}
