#include "cedar/search.h"

#include <algorithm>
#include <numeric>

#include "cedar/evaluation.h"
#include "cedar/tpe_fold.h"

namespace writ::cedar {
namespace {

using Lookups = std::vector<Lookup>;

// More of them are no better than looking at every candidate.
constexpr std::size_t kMostLookups = 1'000;

class Narrowing {
 public:
  Narrowing(const CoreExpr& expr, Sought sought, const EntityReader& entities)
      : expr_(expr),
        variable_(sought == Sought::kPrincipal ? Op::kPrincipal : Op::kResource),
        entities_(entities) {}

  std::optional<Lookups> of(std::uint32_t at) const {
    const CoreNode& node = expr_[at];
    switch (node.op) {
      case Op::kLiteral:
        if (node.value.as_bool().value_or(false)) return std::nullopt;
        return Lookups();
      case Op::kAnd:
        return best(node);
      case Op::kOr:
        return all(node.args);
      case Op::kIf:
        return all({node.args[1], node.args[2]});
      case Op::kEqual:
        if (std::optional<Lookups> found = equality(node.args[0], node.args[1])) return found;
        return equality(node.args[1], node.args[0]);
      case Op::kIn:
        return membership(node);
      case Op::kCall:
        if (node.function != Function::kContains) return std::nullopt;
        return attribute_lookup(Lookup::Kind::kHolds, node.args[0], node.args[1]);
      default:
        return std::nullopt;
    }
  }

 private:
  // Any one operand of `&&` narrows; the one that asks for least is taken.
  std::optional<Lookups> best(const CoreNode& node) const {
    std::optional<Lookups> made;
    for (const std::uint32_t arg : node.args) {
      std::optional<Lookups> one = of(arg);
      if (one && (!made || rank(*one) < rank(*made))) made = std::move(one);
    }
    return made;
  }
  static std::size_t rank(const Lookups& of) {
    std::size_t made = 0;
    for (const Lookup& each : of) made += each.kind == Lookup::Kind::kIs ? 1 : 100;
    return made;
  }

  std::optional<Lookups> all(const std::vector<std::uint32_t>& of_these) const {
    Lookups made;
    for (const std::uint32_t arg : of_these) {
      std::optional<Lookups> one = of(arg);
      if (!one || made.size() + one->size() > kMostLookups) return std::nullopt;
      made.insert(made.end(), one->begin(), one->end());
    }
    return made;
  }

  bool is_variable(std::uint32_t at) const { return expr_[at].op == variable_; }
  const Value* literal(std::uint32_t at) const {
    return expr_[at].op == Op::kLiteral ? &expr_[at].value : nullptr;
  }

  std::optional<Lookups> equality(std::uint32_t left, std::uint32_t right) const {
    const Value* value = literal(right);
    if (value == nullptr) return std::nullopt;
    if (is_variable(left)) return Lookups{{Lookup::Kind::kIs, {}, *value}};
    return attribute_lookup(Lookup::Kind::kHas, left, right);
  }

  std::optional<Lookups> attribute_lookup(Lookup::Kind kind, std::uint32_t left,
                                          std::uint32_t right) const {
    const CoreNode& get = expr_[left];
    const Value* value = literal(right);
    if (get.op != Op::kGet || !is_variable(get.args[0]) || value == nullptr) return std::nullopt;
    return Lookups{{kind, get.names[0], *value}};
  }

  std::optional<Lookups> membership(const CoreNode& node) const {
    const Value* above = literal(node.args[1]);
    if (is_variable(node.args[0]) && above != nullptr) {
      if (above->kind() == Kind::kEntity) return Lookups{{Lookup::Kind::kIn, {}, *above}};
      if (above->kind() != Kind::kSet || above->view().items().size() > kMostLookups) {
        return std::nullopt;
      }
      Lookups made;
      for (const Value& item : above->view().items()) {
        made.push_back({Lookup::Kind::kIn, {}, item});
      }
      return made;
    }
    // `User::"a" in resource.readers`: the attribute is one of those that she is in, or herself.
    const Value* below = literal(node.args[0]);
    const std::optional<EntityUid> uid = below == nullptr ? std::nullopt : below->as_entity();
    const CoreNode& get = expr_[node.args[1]];
    if (!uid || get.op != Op::kGet || !is_variable(get.args[0])) return std::nullopt;
    const Entity* entity = entities_.find(*uid);
    Lookups made{{Lookup::Kind::kHas, get.names[0], *below},
                 {Lookup::Kind::kHolds, get.names[0], *below}};
    if (entity == nullptr) return made;
    if (entity->ancestors.size() > kMostLookups / 2) return std::nullopt;
    for (const EntityUid& each : entity->ancestors) {
      made.push_back({Lookup::Kind::kHas, get.names[0], Value::entity(each)});
      made.push_back({Lookup::Kind::kHolds, get.names[0], Value::entity(each)});
    }
    return made;
  }

  const CoreExpr& expr_;
  Op variable_;
  const EntityReader& entities_;
};

// Those for which some permit may hold; empty for all.
std::optional<std::vector<std::uint32_t>> narrowed(const TypedPolicies& policies,
                                                   const PartialResponse& response, Sought sought,
                                                   const EntityIndex& candidates,
                                                   const EntityReader& entities) {
  std::vector<std::uint32_t> made;
  for (std::size_t i = 0; i < response.residuals.size(); ++i) {
    const Residual& residual = response.residuals[i];
    if (policies.set().policies()[i].effect == Effect::kForbid) continue;
    if (residual.outcome == Residual::Outcome::kTrue) return std::nullopt;
    if (residual.outcome != Residual::Outcome::kPartial) continue;
    const std::optional<Lookups> found = lookups(residual.expr, sought, entities);
    if (!found) return std::nullopt;
    for (const Lookup& each : *found) {
      if (!candidates.can(each)) return std::nullopt;
      const std::span<const std::uint32_t> some = candidates.find(each);
      made.insert(made.end(), some.begin(), some.end());
    }
  }
  std::sort(made.begin(), made.end());
  made.erase(std::unique(made.begin(), made.end()), made.end());
  return made;
}

}  // namespace

std::optional<Lookups> lookups(const CoreExpr& expr, Sought sought, const EntityReader& entities) {
  return Narrowing(expr, sought, entities).of(expr.root);
}

namespace {

// Whether the parts of the scope that are known by uid cover the request. Cheaper than folding.
bool may_cover(const Constraint& scope, const EntityUid& uid, const EntityReader& entities) {
  if (scope.uids.empty() && !scope.list) return true;
  const auto is = [&](const EntityUid& each) { return each == uid; };
  if (std::any_of(scope.uids.begin(), scope.uids.end(), is)) return true;
  const Entity* entity = scope.shape == Constraint::Shape::kEq ? nullptr : entities.find(uid);
  return entity != nullptr &&
         std::any_of(scope.uids.begin(), scope.uids.end(),
                     [&](const EntityUid& each) { return entity->ancestors.contains(each); });
}

}  // namespace

std::optional<Lookups> narrow(const CompiledPolicies& policies, const PartialRequest& request,
                              Sought sought, const EntityReader& entities, std::uint64_t most) {
  const KnownEntities known_entities(entities, Unlisted::kAbsent);
  const detail::Known known{request, known_entities};
  Steps steps(most);
  detail::Folding folding(known, steps);
  const std::optional<EntityUid> other =
      sought == Sought::kResource ? request.principal.uid() : request.resource.uid();
  Lookups made;
  for (std::size_t i = 0; i < policies.size(); ++i) {
    const Policy& policy = policies.policy(i);
    if (policy.effect == Effect::kForbid || !may_cover(policy.action, request.action, entities)) {
      continue;
    }
    const Constraint& scope = sought == Sought::kResource ? policy.principal : policy.resource;
    if (other && !may_cover(scope, *other, entities)) continue;
    const Result<CoreExpr> expr = lower(policy);
    if (!expr) return std::nullopt;
    const Residual left = folding.fold(*expr, nullptr);
    if (steps.spent() || left.outcome == Residual::Outcome::kTrue) return std::nullopt;
    if (left.outcome != Residual::Outcome::kPartial) continue;
    std::optional<Lookups> some = lookups(left.expr, sought, entities);
    if (!some || made.size() + some->size() > kMostLookups) return std::nullopt;
    for (Lookup& each : *some) {
      if (std::find(made.begin(), made.end(), each) == made.end()) made.push_back(std::move(each));
    }
  }
  return made;
}

namespace {

// Whether the one stands before the other: by hash, which tells nearly all apart.
bool before(const EntityUid& a, const EntityUid& b) {
  return detail::by_hash(a, b);
}
bool before(const Value& a, const Value& b) {
  return a.hash() != b.hash() ? a.hash() < b.hash() : a < b;
}

}  // namespace

template <class Key>
void EntityIndex::Sorted<Key>::sort() {
  std::vector<std::uint32_t> order(keys_.size());
  std::iota(order.begin(), order.end(), 0U);
  // Indices were added ascending; where they are of one key they stay so.
  std::stable_sort(order.begin(), order.end(),
                   [&](std::uint32_t a, std::uint32_t b) { return before(keys_[a], keys_[b]); });
  std::vector<Key> keys;
  std::vector<std::uint32_t> indices;
  indices.reserve(order.size());
  for (const std::uint32_t each : order) {
    if (keys.empty() || !(keys.back() == keys_[each])) {
      keys.push_back(std::move(keys_[each]));
      starts_.push_back(indices.size());
    }
    indices.push_back(indices_[each]);
  }
  starts_.push_back(indices.size());
  keys_ = std::move(keys);
  indices_ = std::move(indices);
}

template <class Key>
std::span<const std::uint32_t> EntityIndex::Sorted<Key>::find(const Key& key) const {
  const auto at = std::lower_bound(keys_.begin(), keys_.end(), key,
                                   [](const Key& a, const Key& b) { return before(a, b); });
  if (at == keys_.end() || !(*at == key)) return {};
  const std::size_t found = static_cast<std::size_t>(at - keys_.begin());
  return std::span(indices_).subspan(starts_[found], starts_[found + 1] - starts_[found]);
}

EntityIndex::EntityIndex(std::span<const Entity> entities,
                         const std::vector<std::string>& attributes)
    : entities_(entities) {
  for (const std::string& each : attributes) by_value_.push_back({each, {}, {}});
  for (std::uint32_t i = 0; i < entities.size(); ++i) {
    const Entity& entity = entities[i];
    is_.add(entity.uid, i);
    in_.add(entity.uid, i);
    for (const EntityUid& above : entity.ancestors) in_.add(above, i);
    for (ByValue& by : by_value_) {
      const ValueView value = entity.attrs.view().find(by.attribute);
      if (value.is(Kind::kNone)) continue;
      by.has.add(Value::of(value), i);
      if (!value.is(Kind::kSet)) continue;
      for (const Value& item : value.items()) by.holds.add(item, i);
    }
  }
  is_.sort();
  in_.sort();
  for (ByValue& by : by_value_) {
    by.has.sort();
    by.holds.sort();
  }
}

const EntityIndex::ByValue* EntityIndex::of(std::string_view attribute) const {
  const auto at = std::find_if(by_value_.begin(), by_value_.end(),
                               [&](const ByValue& by) { return by.attribute == attribute; });
  return at == by_value_.end() ? nullptr : &*at;
}

bool EntityIndex::can(const Lookup& lookup) const {
  return lookup.kind == Lookup::Kind::kIs || lookup.kind == Lookup::Kind::kIn ||
         of(lookup.attribute) != nullptr;
}

std::span<const std::uint32_t> EntityIndex::find(const Lookup& lookup) const {
  if (lookup.kind == Lookup::Kind::kIs || lookup.kind == Lookup::Kind::kIn) {
    const std::optional<EntityUid> uid = lookup.value.as_entity();
    if (!uid) return {};
    return (lookup.kind == Lookup::Kind::kIs ? is_ : in_).find(*uid);
  }
  const ByValue* by = of(lookup.attribute);
  if (by == nullptr) return {};
  return (lookup.kind == Lookup::Kind::kHas ? by->has : by->holds).find(lookup.value);
}

Result<Found> search(const TypedPolicies& policies, const PartialRequest& request,
                     const EntityIndex& candidates, const EntityReader& entities,
                     const SearchOptions& options) {
  const std::optional<EntityUid> principal = request.principal.uid();
  const std::optional<EntityUid> resource = request.resource.uid();
  if (principal.has_value() == resource.has_value() || !request.context) {
    return fail(Code::kInvalid,
                "a search wants either the principal or the resource unknown, and nothing else");
  }
  const Sought sought = principal ? Sought::kResource : Sought::kPrincipal;
  const std::string& type = principal ? request.resource.type : request.principal.type;
  TRY(response, tpe(policies, request, KnownEntities(entities, Unlisted::kAbsent)));
  Found found;
  const bool failing_denies = options.failed_forbid == FailedForbid::kDenies;
  if (response.decision == Decision::kDeny) return found;
  if (failing_denies && response.forbid_failed) return found;

  std::vector<std::uint32_t> some;
  if (auto narrow = narrowed(policies, response, sought, candidates, entities)) {
    some = std::move(*narrow);
  } else {
    some.resize(candidates.entities().size());
    std::iota(some.begin(), some.end(), 0U);
  }
  PolicySet left;
  TRY(all, residual_policies(policies.set(), response, Which::kAll));
  for (std::size_t i = 0; i < response.residuals.size(); ++i) {
    const Residual::Outcome outcome = response.residuals[i].outcome;
    if (outcome == Residual::Outcome::kTrue || outcome == Residual::Outcome::kPartial) {
      CHECK_OK(left.add(all.policies()[i]));
    }
  }
  const CompiledPolicies compiled(std::move(left));
  const detail::PlainContext context(*request.context);
  for (const std::uint32_t index : some) {
    const Entity& entity = candidates.entities()[index];
    if (entity.uid.type() != type) continue;
    ++found.looked_at;
    const RequestView view{principal ? *principal : entity.uid, request.action,
                           resource ? *resource : entity.uid,   context,
                           principal ? nullptr : &entity,       nullptr,
                           resource ? nullptr : &entity};
    const Response is = authorize(compiled, view, entities);
    const bool denied = failing_denies && is.forbid_failed;
    if (is.decision == Decision::kAllow && !denied) found.allowed.push_back(index);
  }
  return found;
}

}  // namespace writ::cedar
