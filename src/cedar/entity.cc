#include "cedar/entity.h"

#include <algorithm>
#include <optional>

#include "base/json_pointer.h"
#include "cedar/authorize.h"
#include "cedar/program.h"
#include "cedar/schema.h"
#include "cedar/sharing.h"

namespace writ::cedar {
namespace {

// An entity as its JSON says, parents not yet closed.
struct Read {
  Entity entity;
  std::vector<EntityUid> parents;
  std::string where;
  std::size_t position = 0;  // in the array
};

Result<Read> read_entity(const Json& json, const std::string& where, Sharing& sharing) {
  const JsonObject* object = json.as_object();
  if (object == nullptr) {
    return fail(Code::kInvalid, "an entity is an object, not " + std::string(json.type_name()),
                where);
  }
  for (const JsonMember& member : *object) {
    const std::string& name = member.first;
    if (name != "uid" && name != "attrs" && name != "parents" && name != "tags") {
      return fail(Code::kInvalid, "an entity has no member of this name",
                  where + step_to_member(name));
    }
  }
  const Json* uid = json.find("uid");
  const Json* attrs = json.find("attrs");
  const Json* parents = json.find("parents");
  if (uid == nullptr || attrs == nullptr || parents == nullptr) {
    return fail(Code::kInvalid, "an entity has the members uid, attrs and parents", where);
  }
  TRY(id, uid_from_json(*uid, where + "/uid", &sharing));
  Read read{Entity{std::move(id)}, {}, where};
  TRY(fields, record_from_json(*attrs, where + "/attrs", &sharing));
  read.entity.attrs = std::move(fields);
  if (const Json* tags = json.find("tags")) {
    TRY(values, record_from_json(*tags, where + "/tags", &sharing));
    read.entity.tags = std::move(values);
  }
  const JsonArray* array = parents->as_array();
  if (array == nullptr) {
    return fail(Code::kInvalid, "an array is wanted here, not " + std::string(parents->type_name()),
                where + "/parents");
  }
  for (std::size_t i = 0; i < array->size(); ++i) {
    const std::string at = where + "/parents/" + std::to_string(i);
    TRY(parent, uid_from_json((*array)[i], at, &sharing));
    if (is_action_type(read.entity.uid.type()) && !is_action_type(parent.type())) {
      return fail(Code::kInvalid, "an action is in actions alone, not in `" + parent.print() + "`",
                  at);
    }
    read.parents.push_back(std::move(parent));
  }
  std::sort(read.parents.begin(), read.parents.end());
  read.parents.erase(std::unique(read.parents.begin(), read.parents.end()), read.parents.end());
  return read;
}

// Fills `ancestors` of every entity, parents first, without recursion. Here uids go by number: the
// entities, which are sorted by hash, have the first ones in their order, and those parents that
// are no entity the next. So each number is met and marked, and nothing is sorted that is there
// twice.
class Closing {
 public:
  Closing(std::vector<Read>& all, const EntityLimits& limits) : all_(all), limits_(limits) {
    for (const Read& read : all_) {
      for (const EntityUid& parent : read.parents) {
        if (!index_of(all_, parent)) unlisted_.push_back(parent);
      }
    }
    std::sort(unlisted_.begin(), unlisted_.end(), detail::by_hash);
    unlisted_.erase(std::unique(unlisted_.begin(), unlisted_.end()), unlisted_.end());
    above_.resize(all_.size());
    met_.resize(all_.size() + unlisted_.size(), kNever);
  }

  Status close() {
    std::vector<State> states(all_.size(), State::kNew);
    struct Visit {
      Number entity;
      std::vector<Number> parents;
      std::size_t next_parent = 0;
    };
    std::vector<Visit> path;
    for (Number start = 0; start < all_.size(); ++start) {
      if (states[start] == State::kDone) continue;
      path.push_back({start, parents_of(start)});
      states[start] = State::kOpen;
      while (!path.empty()) {
        Visit& visit = path.back();
        if (visit.next_parent < visit.parents.size()) {
          const Number parent = visit.parents[visit.next_parent++];
          if (parent >= all_.size() || states[parent] == State::kDone) continue;
          if (states[parent] == State::kOpen) {
            return fail(Code::kInvalid,
                        "`" + all_[parent].entity.uid.print() + "` is its own ancestor",
                        all_[parent].where);
          }
          states[parent] = State::kOpen;
          path.push_back({parent, parents_of(parent)});
          continue;
        }
        CHECK_OK(unite(visit.entity, visit.parents));
        states[visit.entity] = State::kDone;
        path.pop_back();
      }
    }
    return {};
  }

 private:
  using Number = std::uint32_t;
  static constexpr Number kNever = ~Number{0};
  enum class State : std::uint8_t { kNew, kOpen, kDone };

  static const EntityUid* uid_of(const Read& read) { return &read.entity.uid; }
  static const EntityUid* uid_of(const EntityUid& uid) { return &uid; }
  // In a list that is sorted by hash.
  static std::optional<std::size_t> index_of(const auto& list, const EntityUid& uid) {
    const auto at = std::lower_bound(
        list.begin(), list.end(), uid,
        [](const auto& each, const EntityUid& u) { return detail::by_hash(*uid_of(each), u); });
    if (at == list.end() || !(*uid_of(*at) == uid)) return std::nullopt;
    return static_cast<std::size_t>(at - list.begin());
  }

  std::vector<Number> parents_of(Number entity) const {
    std::vector<Number> made;
    made.reserve(all_[entity].parents.size());
    for (const EntityUid& uid : all_[entity].parents) {
      const std::optional<std::size_t> known = index_of(all_, uid);
      made.push_back(static_cast<Number>(known ? *known : all_.size() + *index_of(unlisted_, uid)));
    }
    return made;
  }

  // The parents and what is above them, which is known.
  Status unite(Number entity, const std::vector<Number>& parents) {
    std::vector<Number>& above = above_[entity];
    const auto meet = [&](Number number) {
      if (met_[number] == entity) return false;
      met_[number] = entity;
      above.push_back(number);
      return true;
    };
    for (const Number parent : parents) {
      ++steps_;
      // What is above a parent that was met already was met with it.
      if (meet(parent) && parent < all_.size()) {
        steps_ += above_[parent].size();
        if (steps_ > limits_.steps) {
          return fail(Code::kExhausted,
                      "finding the ancestors of the entities takes more than " +
                          std::to_string(limits_.steps) + " steps",
                      all_[entity].where);
        }
        for (const Number each : above_[parent]) meet(each);
      }
      if (total_ + above.size() > limits_.ancestors) {
        return fail(Code::kExhausted,
                    "the entities have more than " + std::to_string(limits_.ancestors) +
                        " ancestors in all",
                    all_[entity].where);
      }
    }
    total_ += above.size();
    std::vector<EntityUid> uids;
    uids.reserve(above.size());
    for (const Number each : above) {
      uids.push_back(each < all_.size() ? all_[each].entity.uid : unlisted_[each - all_.size()]);
    }
    all_[entity].entity.ancestors = UidSet(std::move(uids));
    return {};
  }

  std::vector<Read>& all_;
  const EntityLimits& limits_;
  std::vector<EntityUid> unlisted_;         // sorted by hash
  std::vector<std::vector<Number>> above_;  // by entity: its ancestors, once it is done
  std::vector<Number> met_;                 // by number: the entity for which it was met last
  std::size_t total_ = 0;                   // ancestors
  std::uint64_t steps_ = 0;
};

}  // namespace

Result<Entities> Entities::parse_json(std::string_view text, std::string_view name,
                                      const EntityLimits& limits, const CompiledPolicies* readers) {
  TRY(json, writ::parse_json(text, JsonLimits{limits.bytes, limits.depth, limits.items}, name));
  return from_json(json, name, limits, readers);
}

Result<Entities> Entities::from_json(const Json& json, std::string_view name,
                                     const EntityLimits& limits, const CompiledPolicies* readers) {
  const std::string where = place_in_json(name);
  const JsonArray* array = json.as_array();
  if (array == nullptr) {
    return fail(Code::kInvalid, "entities are an array, not " + std::string(json.type_name()),
                where);
  }
  std::vector<Read> all;
  all.reserve(array->size());
  Sharing sharing(array->size());
  if (readers != nullptr) {
    for (const String& known : readers->program().names) sharing.shared(known);
    for (const EntityUid& known : readers->program().uids) sharing.shared(known);
  }
  for (std::size_t i = 0; i < array->size(); ++i) {
    TRY(read, read_entity((*array)[i], where + "/" + std::to_string(i), sharing));
    read.position = i;
    all.push_back(std::move(read));
  }
  std::sort(all.begin(), all.end(), [](const Read& a, const Read& b) {
    if (a.entity.uid == b.entity.uid) return a.position < b.position;
    return detail::by_hash(a.entity.uid, b.entity.uid);
  });
  std::vector<Read> once;
  once.reserve(all.size());
  for (Read& read : all) {
    if (!once.empty() && once.back().entity.uid == read.entity.uid) {
      const Read& first = once.back();
      if (!(first.entity.attrs == read.entity.attrs) || !(first.entity.tags == read.entity.tags) ||
          first.parents != read.parents) {
        return fail(Code::kExists,
                    "`" + read.entity.uid.print() + "` stands twice, with different contents; " +
                        "first at " + first.where,
                    read.where);
      }
      continue;
    }
    once.push_back(std::move(read));
  }
  CHECK_OK(Closing(once, limits).close());
  std::vector<Row> entities;
  entities.reserve(once.size());
  for (Read& read : once) entities.push_back(Row{std::move(read.entity)});
  Entities made(std::move(entities));
  if (readers != nullptr) made.index_actions(readers->shared_program());
  return made;
}

void Entities::index_actions(std::shared_ptr<const detail::Program> readers) {
  if (readers->policies.size() >= detail::kMostBits) return;
  readers_ = std::move(readers);
  of_action_.resize(entities_.size(), kNotKnown);
  for (std::size_t i = 0; i < entities_.size(); ++i) {
    const Entity& entity = entities_[i];
    if (is_action_type(entity.uid.type())) {
      of_action_[i] = detail::policies_of(*readers_, entity.uid, &entity);
    }
  }
}

Entities::Entities(std::vector<Row> entities)
    : entities_(std::move(entities)),
      starts_(entities_.size(), [&](std::size_t i) { return entities_[i].uid.hash(); }) {}

namespace {

constexpr std::size_t kFew = 16;  // more are searched by halving

// Of entities near each other, the one with this hash that `is_it`.
const Entity* scan(const auto& near, std::uint64_t hash, auto is_it) {
  for (const Entity& entity : near) {
    if (entity.uid.hash() == hash && is_it(entity.uid.text())) return &entity;
  }
  return nullptr;
}

}  // namespace

const Entity* Entities::search(std::span<const Row> near, const EntityUid& uid) {
  const auto at = std::lower_bound(
      near.begin(), near.end(), uid,
      [](const Entity& entity, const EntityUid& u) { return detail::by_hash(entity.uid, u); });
  return at != near.end() && at->uid == uid ? &*at : nullptr;
}

const Entity* Entities::search(std::span<const Row> near, std::string_view type,
                               std::string_view id) {
  return search(near, EntityUid(type, id));
}

const Entity* Entities::find(const EntityUid& uid) const {
  const std::span<const Row> near = this->near(uid.hash());
  if (near.size() > kFew) return search(near, uid);
  return scan(near, uid.hash(),
              [&](const detail::UidText* text) { return detail::same(text, uid.text()); });
}

const Entity* Entities::find(std::string_view type, std::string_view id) const {
  const std::uint64_t hash = detail::hash_uid(hash_bytes(type), id);
  const std::span<const Row> near = this->near(hash);
  if (near.size() > kFew) return search(near, type, id);
  return scan(near, hash,
              [&](const detail::UidText* text) { return detail::says(text, type, id); });
}

}  // namespace writ::cedar
