#include "core/reader.h"

#include <algorithm>

#include "cedar/extension.h"

namespace writ::core {
namespace {

using cedar::EntityUid;
using cedar::Field;
using cedar::String;
using cedar::Value;
using cedar::ValueView;

struct Names {
  String now{"now"}, auth{"auth"}, method{"method"}, strength{"strength"},
      attestation{"attestation"}, mfa_age{"mfa_age"}, credential{"credential"}, device{"device"},
      source_ip{"source_ip"}, actor_chain{"actor_chain"}, grant{"grant"}, approvals{"approvals"},
      duration{"duration"}, requester{"requester"}, beneficiary{"beneficiary"};
  Value certificate = Value::string("certificate");
  Value one_factor = Value::string("one_factor");
  Value two_factor = Value::string("two_factor");
  Value none = Value::string("none");
};
const Names& names() {
  static const Names kNames;
  return kNames;
}

Value text(std::string_view t) {
  return Value::string(String(t));
}

// The type's name without "Writ::"; empty for other types.
std::string_view writ_type(std::string_view type) {
  constexpr std::string_view kWrit = "Writ::";
  return type.starts_with(kWrit) ? type.substr(kWrit.size()) : std::string_view();
}

std::optional<int> approvals_of(const Facts& facts) {
  if (facts.approvals || facts.grant == nullptr) return facts.approvals;
  return static_cast<int>(facts.grant->approvers.size());
}

std::optional<Millis> duration_of(const Facts& facts) {
  if (facts.duration || facts.grant == nullptr) return facts.duration;
  return facts.grant->duration;
}

// Collects the attributes of an entity that lives as long as a decision.
class Attributes {
 public:
  Attributes& add(std::string_view name, std::string_view value) {
    fields_.emplace_back(String(name), text(value));
    return *this;
  }
  Attributes& add_known(std::string_view name, std::string_view value) {
    return value.empty() ? *this : add(name, value);
  }
  Attributes& add(std::string_view name, std::int64_t value) {
    fields_.emplace_back(String(name), Value::integer(value));
    return *this;
  }
  Attributes& add(std::string_view name, const std::optional<Time>& value) {
    if (value) fields_.emplace_back(String(name), Value::datetime(unix_ms(*value)));
    return *this;
  }
  Attributes& add(std::string_view name, const EntityUid& value) {
    fields_.emplace_back(String(name), Value::entity(value));
    return *this;
  }
  Attributes& add(std::string_view name, const std::optional<EntityUid>& value) {
    return value ? add(name, *value) : *this;
  }
  Value take() { return Value::record(std::move(fields_)); }

 private:
  std::vector<Field> fields_;
};

std::optional<EntityUid> owner_of_entitlement(const State& state, std::string_view entitlement) {
  const EntitlementEntry* entry = state.entities->entitlement(entitlement);
  if (entry == nullptr) return std::nullopt;
  const auto owner = entry->entity.attrs.find("owner");
  return owner ? owner->as_entity() : std::nullopt;
}

cedar::UidSet below(const State& state, std::string_view entitlement) {
  const EntitlementEntry* entry = state.entities->entitlement(entitlement);
  if (entry == nullptr) return {};
  std::vector<EntityUid> above(entry->entity.ancestors.begin(), entry->entity.ancestors.end());
  above.push_back(entry->entity.uid);
  return cedar::UidSet(std::move(above));
}

cedar::Entity entity_of(const State& state, const Grant& g) {
  cedar::Entity entity{EntityUid("Writ::Grant", g.id)};
  Attributes attrs;
  attrs.add("beneficiary", own_group(g.beneficiary))
      .add("entitlement", EntityUid("Writ::Entitlement", g.entitlement))
      .add("owner", owner_of_entitlement(state, g.entitlement))
      .add("cause", name_of(g.cause))
      .add("state", name_of(g.state))
      .add("policy", g.policy)
      .add("approvals", static_cast<std::int64_t>(g.approvers.size()))
      .add("from", g.from)
      .add("until", g.until);
  entity.attrs = attrs.take();
  entity.ancestors = below(state, g.entitlement);
  return entity;
}

cedar::Entity entity_of(const State& state, const Request& r) {
  cedar::Entity entity{EntityUid("Writ::Request", r.id)};
  Attributes attrs;
  attrs.add("requester", own_group(r.requester))
      .add("beneficiary", own_group(r.beneficiary))
      .add("entitlement", EntityUid("Writ::Entitlement", r.entitlement))
      .add("owner", owner_of_entitlement(state, r.entitlement))
      .add("approvers", owner_uid(state, r.terms.approvers))
      .add("offer", r.offer)
      .add("until", std::optional(r.until));
  entity.attrs = attrs.take();
  entity.ancestors = below(state, r.entitlement);
  return entity;
}

cedar::Entity entity_of(const State&, const Change& c) {
  cedar::Entity entity{EntityUid("Writ::Change", c.id)};
  Attributes attrs;
  attrs.add("requester", own_group(c.proposer)).add("verb", c.verb);
  entity.attrs = attrs.take();
  return entity;
}

cedar::Entity entity_of(const State& state, const Finding& f) {
  cedar::Entity entity{EntityUid("Writ::Finding", f.id)};
  Attributes attrs;
  attrs.add("kind", f.kind)
      .add("severity", name_of(f.severity))
      .add_known("login", f.login)
      .add("owner", owner_uid(state, f.owner));
  if (!f.target.empty()) {
    const EntityUid target("Writ::Target", f.target);
    attrs.add("target", target);
    entity.ancestors = cedar::UidSet({target});
  }
  entity.attrs = attrs.take();
  return entity;
}

template <class Map>
std::optional<cedar::Entity> entity_in(const State& state, const Map& map, std::string_view id) {
  const auto* found = map.find(id);
  if (found == nullptr) return std::nullopt;
  return entity_of(state, *found);
}

}  // namespace

const cedar::Entity* StateReader::find(const EntityUid& uid) const {
  for (const cedar::Entity& each : made_) {
    if (each.uid == uid) return &each;
  }
  return make(uid);
}

const cedar::Entity* StateReader::make(const EntityUid& uid) const {
  const std::string_view type = writ_type(uid.type());
  if (type.empty()) return state_.policies->entities.find(uid);
  const EntityIndex& index = *state_.entities;
  if (type == "Group") return group(uid);
  if (type == "Resource") return index.resource(uid.id());
  if (type == "Target") return index.target(uid.id());
  if (type == "Entitlement") {
    const EntitlementEntry* entry = index.entitlement(uid.id());
    return entry == nullptr ? nullptr : &entry->entity;
  }
  if (type == "Action") {
    const Action* action = action_named(uid.id());
    return action == nullptr ? nullptr : &action->entity;
  }
  std::optional<cedar::Entity> made;
  if (type == "Grant") made = entity_in(state_, state_.grants, uid.id());
  if (type == "Request") made = entity_in(state_, state_.requests, uid.id());
  if (type == "Change") made = entity_in(state_, state_.changes, uid.id());
  if (type == "Finding") made = entity_in(state_, state_.findings, uid.id());
  if (made) return &keep(std::move(*made));
  const Subject* subject = index.subject(uid.id());
  return subject != nullptr && subject->entity.uid == uid ? &of(*subject) : nullptr;
}

const cedar::Entity* StateReader::group(const EntityUid& uid) const {
  if (!is_own_group(uid.id())) return state_.entities->group(uid.id());
  return &keep(cedar::Entity{uid, Value::record({{String("name"), text(uid.id())},
                                                 {String("purpose"), text("")},
                                                 {String("administers"), Value::boolean(false)}})});
}

const cedar::Entity& StateReader::of(const Subject& subject) const {
  if (now_ < subject.groups_until) return subject.entity;
  for (const cedar::Entity& each : made_) {
    if (each.uid == subject.entity.uid) return each;
  }
  cedar::Entity entity = subject.entity;
  entity.ancestors = groups_at(state_, subject.entity.uid.id(), now_);
  return keep(std::move(entity));
}

std::optional<EntityUid> resource_uid(const State& state, std::string_view type,
                                      std::string_view id) {
  static constexpr std::pair<std::string_view, std::string_view> kTypes[] = {
      {"entitlement", "Writ::Entitlement"}, {"grant", "Writ::Grant"},
      {"request", "Writ::Request"},         {"change", "Writ::Change"},
      {"finding", "Writ::Finding"},         {"group", "Writ::Group"},
      {"target", "Writ::Target"},           {"resource", "Writ::Resource"},
      {"environment", "Writ::Environment"}, {"tier", "Writ::Tier"}};
  if (type == "system") return EntityUid("Writ::System", state.genesis.trust_domain);
  for (const auto& [name, entity_type] : kTypes) {
    if (name == type) return EntityUid(entity_type, id);
  }
  const auto kind = from_name<IdentityKind>(type);
  if (type != "identity" && !kind) return std::nullopt;
  const Subject* subject = state.entities->subject(id);
  if (subject != nullptr) return subject->entity.uid;
  return EntityUid(type_of(kind.value_or(IdentityKind::kUser)), id);
}

std::optional<Millis> mfa_age_of(const State& state, const Facts& facts) {
  if (facts.recorded) {
    const std::int64_t age = facts.grant->mfa_age_ms;
    return age < 0 ? std::nullopt : std::optional(Millis(age));
  }
  if (facts.mfa_age || facts.factor_of.empty()) return facts.mfa_age;
  const SecondFactor* factor = state.second_factors.find(facts.factor_of);
  if (factor == nullptr || !factor->fresh) return std::nullopt;
  if (!facts.device.empty() && factor->fresh_device != facts.device) return std::nullopt;
  return std::max(Millis(0), facts.now - *factor->fresh);
}

Value context_of(const State& state, const Facts& facts, std::span<const Field> asserted) {
  const Names& n = names();
  std::vector<Field> fields(asserted.begin(), asserted.end());
  if (facts.actors != nullptr) {
    std::vector<Value> chain;
    for (const std::string& actor : *facts.actors) {
      chain.push_back(Value::entity(own_group(actor)));
    }
    fields.emplace_back(n.actor_chain, Value::set(std::move(chain)));
  }
  if (const auto given = approvals_of(facts)) {
    fields.emplace_back(n.approvals, Value::integer(*given));
  }
  std::vector<Field> auth{{n.attestation, n.none}, {n.method, n.certificate}};
  if (!facts.credential.empty()) auth.emplace_back(n.credential, text(facts.credential));
  if (!facts.device.empty()) auth.emplace_back(n.device, text(facts.device));
  const auto age = mfa_age_of(state, facts);
  if (age) auth.emplace_back(n.mfa_age, Value::duration(age->count()));
  auth.emplace_back(n.strength, age ? n.two_factor : n.one_factor);
  fields.emplace_back(n.auth, Value::record(std::move(auth)));
  if (const auto length = duration_of(facts)) {
    fields.emplace_back(n.duration, Value::duration(length->count()));
  }
  if (facts.grant != nullptr && !facts.recorded) {
    fields.emplace_back(n.grant, Value::entity(EntityUid("Writ::Grant", facts.grant->id)));
  }
  fields.emplace_back(n.now, Value::datetime(unix_ms(facts.now)));
  const auto add_identity = [&](const String& name, std::string_view id) {
    if (!id.empty()) fields.emplace_back(name, Value::entity(own_group(id)));
  };
  add_identity(n.requester, facts.requester);
  add_identity(n.beneficiary, facts.beneficiary);
  if (const auto ip = cedar::parse_ip(facts.source_ip)) {
    fields.emplace_back(n.source_ip, Value::ip(*ip));
  }
  return Value::record(std::move(fields));
}

std::optional<ValueView> Context::find(std::span<const String> path) const {
  const Names& n = names();
  const String& name = path[0];
  if (path.size() == 2 && name == n.auth) return auth(path[1]);
  if (path.size() != 1) return std::nullopt;
  if (name == n.source_ip) return source_ip();
  if (name == n.now) return ValueView::datetime(unix_ms(facts_.now));
  if (name == n.duration) {
    const auto length = duration_of(facts_);
    return length ? ValueView::duration(length->count()) : ValueView();
  }
  if (name == n.approvals) {
    const auto given = approvals_of(facts_);
    return given ? ValueView::integer(*given) : ValueView();
  }
  if (name == n.auth || name == n.actor_chain || name == n.grant) return std::nullopt;
  if (name == n.requester && !facts_.requester.empty()) return std::nullopt;
  if (name == n.beneficiary && !facts_.beneficiary.empty()) return std::nullopt;
  for (const Field& field : asserted_) {
    if (field.first == name) return field.second;
  }
  return ValueView();
}

std::optional<ValueView> Context::auth(const String& name) const {
  const Names& n = names();
  if (name == n.mfa_age) {
    const auto age = mfa_age_of(state_, facts_);
    return age ? ValueView::duration(age->count()) : ValueView();
  }
  if (name == n.strength) return mfa_age_of(state_, facts_) ? n.two_factor : n.one_factor;
  if (name == n.method) return n.certificate;
  if (name == n.attestation) return n.none;
  if (name == n.credential || name == n.device) return std::nullopt;
  return ValueView();
}

ValueView Context::source_ip() const {
  if (facts_.address != nullptr) return ValueView::ip(*facts_.address);
  if (address_ == Address::kUnread) {
    const auto ip = cedar::parse_ip(facts_.source_ip);
    if (ip) ip_.range = *ip;
    address_ = ip ? Address::kRead : Address::kNone;
  }
  return address_ == Address::kRead ? ValueView::ip(ip_) : ValueView();
}

ValueView Context::whole() const {
  if (!whole_) whole_ = context_of(state_, facts_, asserted_);
  return *whole_;
}

Facts recorded_facts(const Grant& grant, Time now) {
  Facts facts;
  facts.now = now;
  facts.grant = &grant;
  facts.recorded = true;
  return facts;
}

bool gives(const State& state, const StateReader& reader, const Giver& giver, IdentityKind kind,
           const cedar::Entity& principal, const cedar::Entity& entitlement, const Facts& facts) {
  if (!giver.scope.covers(kind, principal, entitlement)) return false;
  if (giver.scope.is_all()) return true;
  static const Action& requesting = *action_named("request");
  static const Action& connecting = *action_named("connect");
  const Context context(state, facts);
  const cedar::Entity& action = giver.offer ? requesting.entity : connecting.entity;
  const cedar::RequestView request{principal.uid, action.uid, entitlement.uid, context,
                                   &principal,    &action,    &entitlement};
  return cedar::conditions_hold(giver.among, giver.place, request, reader) == cedar::Holds::kYes;
}

Terms terms_of(const State& state, const Giver& giver, const EntitlementEntry& entry) {
  Terms terms;
  const Millis ceiling = limits_of(entry.tier).max_ttl;
  terms.max_ttl = std::min(giver.max_ttl.value_or(ceiling), ceiling);
  terms.step_up = giver.step_up;
  terms.approvals = giver.approvals;
  terms.approvers = giver.approvers;
  if (terms.approvers == "owner") {
    const Entitlement* entitlement = state.entitlements.find(entry.entity.uid.id());
    const Resource* at =
        entitlement == nullptr ? nullptr : state.resources.find(entitlement->resource);
    while (at != nullptr && at->owner.empty() && !at->parent.empty()) {
      at = state.resources.find(at->parent);
    }
    if (at != nullptr && !at->owner.empty()) terms.approvers = at->owner;
  }
  return terms;
}

}  // namespace writ::core
