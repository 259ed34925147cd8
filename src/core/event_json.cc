// Events to bytes and back: one canonical form, because the bytes are hashed.
#include <utility>

#include "core/event.h"

namespace writ::core {
namespace {

constexpr std::int64_t kVersion = 1;
constexpr JsonLimits kLimits{.bytes = 1 << 20, .depth = 48, .items = 100'000};

struct Envelope {
  std::int64_t v = kVersion;
  std::uint64_t seq = 0;
  Time time;
  std::string trust_domain;
  std::vector<std::string> actors;
  std::string kind;
  Json data;
};
template <class V>
void fields(V& v, Envelope& e) {
  v("v", e.v);
  v("seq", e.seq);
  v("time", e.time);
  v("trust_domain", e.trust_domain);
  v("actors", e.actors);
  v("kind", e.kind);
  v("data", e.data);
}

tl::unexpected<Error> corrupt(std::string message, std::string where = {}) {
  return fail(Code::kCorrupt, "this is no event: " + std::move(message), std::move(where));
}

template <class Kind>
Result<EventData> data_from(const Json& json) {
  TRY(data, from_json<Kind>(json, "/data"));
  return EventData(std::move(data));
}

template <std::size_t... I>
Result<EventData> data_of_kind(std::string_view kind, const Json& json, std::index_sequence<I...>) {
  Result<EventData> result = corrupt("its kind \"" + std::string(kind) + "\" is unknown", "/kind");
  (void)((std::variant_alternative_t<I, EventKinds>::kKind == kind &&
          (result = data_from<std::variant_alternative_t<I, EventKinds>>(json), true)) ||
         ...);
  return result;
}

}  // namespace

std::string encode(const Event& event) {
  Envelope envelope;
  envelope.seq = event.seq;
  envelope.time = event.time;
  envelope.trust_domain = event.trust_domain;
  envelope.actors = event.actors;
  envelope.kind = kind_of(event.data);
  envelope.data = std::visit([](const auto& e) { return to_json(e); }, event.data);
  return canonical(to_json(envelope));
}

Result<Event> decode_event(std::string_view bytes) {
  auto json = parse_json(bytes, kLimits);
  if (!json) return corrupt(json.error().message, json.error().where);
  auto envelope = from_json<Envelope>(*json);
  if (!envelope) return corrupt(envelope.error().message, envelope.error().where);
  if (envelope->v != kVersion) {
    return corrupt("version " + std::to_string(envelope->v) + " of \"" + envelope->kind +
                       "\" is not known to this program; a newer one may read it",
                   "/v");
  }
  auto data = data_of_kind(envelope->kind, envelope->data,
                           std::make_index_sequence<std::variant_size_v<EventKinds>>());
  if (!data) return corrupt(data.error().message, data.error().where);
  Event event{envelope->seq, envelope->time, std::move(envelope->trust_domain),
              std::move(envelope->actors), std::move(*data)};
  // One event has one form: the bytes are hashed.
  if (encode(event) != bytes) return corrupt("its JSON is not in canonical form");
  return event;
}

}  // namespace writ::core
