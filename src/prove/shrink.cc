#include "prove/shrink.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "cedar/text.h"
#include "cedar/validate.h"

namespace writ::prove {
namespace {

using cedar::EntityUid;
using cedar::Kind;
using cedar::Value;
using cedar::ValueView;

// From half the way down to the last step, so that the smallest that will do is near.
template <class Size>
std::vector<Size> lesser(Size size) {
  std::vector<Size> made;
  if (size == 0) return made;
  made.push_back(0);
  for (Size step = size / 2; step != 0; step /= 2) made.push_back(size - step);
  return made;
}

Value number_like(ValueView like, std::int64_t number) {
  switch (like.kind()) {
    case Kind::kDecimal:
      return Value::decimal(number);
    case Kind::kDatetime:
      return Value::datetime(number);
    case Kind::kDuration:
      return Value::duration(number);
    default:
      return Value::integer(number);
  }
}

// Offers values of the same kind, each a step simpler and the simplest first, until one is taken.
// Whether one was.
using Takes = std::function<bool(Value)>;
bool offer_simpler(ValueView value, const Takes& takes);

// The same of what has parts: one part less, or one simpler. `made_of(parts)` is the value.
template <class Part>
bool offer_parts(const std::vector<Part>& parts, const Takes& takes, auto&& made_of,
                 auto&& value_of) {
  for (std::size_t i = 0; i < parts.size(); ++i) {
    std::vector<Part> fewer = parts;
    fewer.erase(fewer.begin() + static_cast<std::ptrdiff_t>(i));
    if (takes(made_of(std::move(fewer)))) return true;
  }
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const auto takes_part = [&](Value simpler) {
      std::vector<Part> others = parts;
      value_of(others[i]) = std::move(simpler);
      return takes(made_of(std::move(others)));
    };
    if (offer_simpler(value_of(parts[i]), takes_part)) return true;
  }
  return false;
}

bool offer_simpler(ValueView value, const Takes& takes) {
  switch (value.kind()) {
    case Kind::kBool:
      return value.boolean() && takes(Value::boolean(false));
    case Kind::kInt:
    case Kind::kDecimal:
    case Kind::kDatetime:
    case Kind::kDuration: {
      const auto less = lesser(value.integer());
      return std::any_of(less.begin(), less.end(),
                         [&](std::int64_t each) { return takes(number_like(value, each)); });
    }
    case Kind::kString: {
      const auto less = lesser(value.string().size());
      return std::any_of(less.begin(), less.end(), [&](std::size_t most) {
        return takes(Value::string(cedar::String(cedar::shorten(value.string(), most))));
      });
    }
    case Kind::kSet:
      return offer_parts(
          std::vector<Value>(value.items().begin(), value.items().end()), takes,
          [](std::vector<Value> items) { return Value::set(std::move(items)); },
          [](auto& item) -> auto& { return item; });
    case Kind::kRecord:
      return offer_parts(
          std::vector<cedar::Field>(value.fields().begin(), value.fields().end()), takes,
          [](std::vector<cedar::Field> fields) { return Value::record(std::move(fields)); },
          [](auto& field) -> auto& { return field.second; });
    case Kind::kEntity:
    case Kind::kIp:
    case Kind::kNone:
      break;
  }
  return false;
}

void add_named(ValueView value, std::set<EntityUid>& named) {
  if (value.is(Kind::kEntity)) named.insert(EntityUid(value.entity()));
  if (value.is(Kind::kSet)) {
    for (const Value& item : value.items()) add_named(item, named);
  }
  if (value.is(Kind::kRecord)) {
    for (const cedar::Field& field : value.fields()) add_named(field.second, named);
  }
}

class Shrinker {
 public:
  Shrinker(const World& world, Counterexample from,
           const std::function<bool(const Counterexample&)>& happens)
      : world_(world), happens_(happens), best_(std::move(from)) {}

  Counterexample run() {
    std::vector<EntityUid> all;
    for (const auto& [uid, entity] : best_.entities) {
      if (!cedar::is_action_type(uid.type())) all.push_back(uid);
    }
    for (bool again = true; again && left_ > 0;) {
      again = shrink_unknowns();
      again = shrink_context() || again;
      for (const EntityUid& uid : all) {
        again = drop_entity(uid) || again;
        if (!best_.entities.contains(uid)) continue;
        again = shrink_part(uid, &cedar::Entity::attrs) || again;
        again = shrink_part(uid, &cedar::Entity::tags) || again;
        again = drop_ancestors(uid) || again;
      }
    }
    return std::move(best_);
  }

 private:
  // Takes it if it is a counterexample too.
  bool take(Counterexample candidate) {
    if (left_ == 0) return false;
    --left_;
    if (!happens_(candidate)) return false;
    best_ = std::move(candidate);
    return true;
  }

  // `of(counterexample)` is the value in it; `is_valid(counterexample)` is asked when it changed.
  bool shrink_value(auto&& of, auto&& is_valid) {
    const Takes takes = [&](Value value) {
      Counterexample candidate = best_;
      of(candidate) = std::move(value);
      return is_valid(candidate) && take(std::move(candidate));
    };
    bool any = false;
    while (left_ > 0 && offer_simpler(of(best_), takes)) any = true;
    return any;
  }
  bool shrink_unknowns() {
    bool any = false;
    const auto shrink_one = [&](const std::string& name) {
      for (const std::int64_t less : lesser(best_.unknowns.at(name))) {
        Counterexample candidate = best_;
        candidate.unknowns[name] = less;
        if (take(std::move(candidate))) return true;
      }
      return false;
    };
    for (const auto& [name, number] : std::map(best_.unknowns)) {
      while (shrink_one(name)) any = true;
    }
    return any;
  }
  bool shrink_context() {
    return shrink_value([](Counterexample& in) -> Value& { return in.request.context; },
                        [&](const Counterexample& in) -> bool {
                          return cedar::validate(world_.schema(), in.request).has_value();
                        });
  }
  // An entity's attributes or tags.
  bool shrink_part(const EntityUid& uid, Value cedar::Entity::* part) {
    return shrink_value([&](Counterexample& in) -> Value& { return in.entities.at(uid).*part; },
                        [&](const Counterexample& in) -> bool {
                          return cedar::validate(world_.schema(), in.entities.at(uid)).has_value();
                        });
  }

  // One ancestor after the other, of which no other ancestor says that it is one.
  bool drop_ancestors(const EntityUid& uid) {
    bool any = false;
    const cedar::UidSet all = best_.entities.at(uid).ancestors;
    for (const EntityUid& above : all) {
      std::vector<EntityUid> others;
      bool implied = false;
      for (const EntityUid& each : best_.entities.at(uid).ancestors) {
        if (each == above) continue;
        const auto known = best_.entities.find(each);
        implied =
            implied || (known != best_.entities.end() && known->second.ancestors.contains(above));
        others.push_back(each);
      }
      if (implied) continue;
      Counterexample candidate = best_;
      candidate.entities.at(uid).ancestors = cedar::UidSet(std::move(others));
      any = take(std::move(candidate)) || any;
    }
    return any;
  }

  // Where an entity is named that is not there, another world is meant.
  bool drop_entity(const EntityUid& uid) {
    std::set<EntityUid> named{best_.request.principal, best_.request.resource};
    for (const auto& [type, term] : world_.named()) {
      const Term& it = world_.terms()[term];
      if (it.op == TermOp::kThing) named.emplace(type, it.text);
    }
    add_named(best_.request.context, named);
    for (const auto& [each, entity] : best_.entities) {
      if (each == uid) continue;
      named.insert(entity.ancestors.begin(), entity.ancestors.end());
      add_named(entity.attrs, named);
      add_named(entity.tags, named);
    }
    if (named.contains(uid) || !best_.entities.contains(uid)) return false;
    Counterexample candidate = best_;
    candidate.entities.erase(uid);
    candidate.attributes_read.erase(uid);
    return take(std::move(candidate));
  }

  const World& world_;
  const std::function<bool(const Counterexample&)>& happens_;
  Counterexample best_;
  int left_ = 2000;  // questions
};

}  // namespace

Counterexample shrink(const World& world, Counterexample counterexample,
                      const std::function<bool(const Counterexample&)>& happens) {
  return Shrinker(world, std::move(counterexample), happens).run();
}

}  // namespace writ::prove
