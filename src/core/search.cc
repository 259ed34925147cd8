#include "core/search.h"

#include <algorithm>
#include <functional>
#include <set>

#include "base/json_pointer.h"
#include "core/application.h"
#include "core/asking.h"
#include "core/entities.h"
#include "core/grants.h"
#include "core/policy.h"

namespace writ::core {
namespace {

// Whether its types and actions are those of the asking door.
bool is_of_application(const Question& question) {
  return !question.door.empty() && question.resource_type != "entitlement";
}

// Actions differ in what is asserted with them. Each member must be of one of the application.
Status check_with_any_action(const std::string& part, const Json& asserted,
                             const ApplicationSchema* applications, const ApplicationTypes& types) {
  const JsonObject* members = asserted.as_object();
  if (members == nullptr) {
    return fail(Code::kInvalid, "an object is wanted here", asserted_at(part));
  }
  for (const auto& [name, value] : *members) {
    const Json alone = Json::object({{part, Json::object({{name, value}})}});
    Status taken = fail(Code::kInvalid,
                        "the application has no action with which the door may assert \"" + name +
                            "\"; its schema would say: @asserted " + name,
                        asserted_at(part) + step_to_member(name));
    if (applications != nullptr) {
      for (const auto& [action, names] : applications->asserted_with) {
        if (action.type() != types.action.type() || !names.contains(name)) continue;
        const auto read = read_asserted(alone, applications, types.subject, action, types.resource);
        taken = read ? Status() : fail(read);
        if (taken) break;
      }
    }
    CHECK_OK(taken);
  }
  return {};
}

class Searching {
 public:
  Searching(const State& state, const Search& search, const Narrowed& narrowed,
            const std::optional<std::string>& after, std::size_t results, std::size_t steps,
            Time now)
      : state_(state),
        search_(search),
        narrowed_(narrowed),
        after_(after),
        results_(results),
        steps_(steps),
        now_(now),
        question_(search.question),
        space_(namespace_of_door(state, search.question.door)) {}

  SearchPage run() {
    if (state_.policies == nullptr || state_.entities == nullptr) return {};
    switch (search_.sought) {
      case Sought::kSubjects:
        subjects();
        break;
      case Sought::kResources:
        resources();
        break;
      case Sought::kActions:
        actions_on();
        break;
    }
    return std::move(page_);
  }

 private:
  bool about_entitlements() const { return question_.resource_type == "entitlement"; }
  bool of_application() const { return is_of_application(question_); }

  // Whether the loop goes on behind this candidate.
  bool look_at(const std::string& candidate) {
    if (!step_to(candidate)) return false;
    sought_member() = candidate;
    if (would_allow()) page_.found.push_back(candidate);
    return true;
  }
  bool step_to(const std::string& candidate) {
    if (page_.found.size() >= results_ || page_.steps >= steps_) {
      page_.more = true;
      return false;
    }
    ++page_.steps;
    page_.last = candidate;
    return true;
  }

  std::string& sought_member() {
    switch (search_.sought) {
      case Sought::kSubjects:
        return question_.subject;
      case Sought::kResources:
        return question_.resource;
      case Sought::kActions:
        break;
    }
    return question_.action;
  }

  bool would_allow() {
    if (!about_entitlements()) return decide(state_, question_, now_).allow;
    if (!question_.door.empty() && !(question_.action == "connect" && stands_before())) {
      return false;
    }
    if (question_.action == "connect" &&
        grants_of(state_, question_.subject, question_.resource).empty()) {
      return false;  // as decide would say, with more words
    }
    Question alone = question_;
    alone.door.clear();  // what the door stands before, it was asked above
    return decide(state_, alone, now_).allow;
  }

  bool stands_before() const {
    const EntitlementEntry* entry = state_.entities->entitlement(question_.resource);
    const Door* door = state_.doors.find(question_.door);
    return entry != nullptr && door != nullptr &&
           std::find(door->targets.begin(), door->targets.end(), entry->target) !=
               door->targets.end();
  }

  template <class Map, class Wanted>
  void walk(const Map& map, Wanted wanted) {
    const auto after = after_ ? std::optional<std::string_view>(*after_) : std::nullopt;
    map.for_each_after(after, [&](const std::string& key, const auto& value) {
      return wanted(value) ? look_at(key) : step_to(key);
    });
  }
  template <class Map>
  void walk(const Map& map) {
    walk(map, [](const auto&) { return true; });
  }

  // The candidates of `narrowed`, else all that are in the map.
  template <class Map>
  void walk_narrowed(const Map& map) {
    if (!narrowed_.names) return walk(map);
    auto it = narrowed_.names->begin();
    if (after_) it = std::upper_bound(it, narrowed_.names->end(), *after_, Map::comes_before);
    for (; it != narrowed_.names->end(); ++it) {
      if (!look_at(*it)) return;
    }
  }

  // Names in order, each once.
  void walk(const std::set<std::string>& names) {
    for (auto it = after_ ? names.upper_bound(*after_) : names.begin(); it != names.end(); ++it) {
      if (!look_at(*it)) return;
    }
  }

  // The entities of a type that the policy files speak of.
  void walk_known(const std::string& type) {
    const std::vector<cedar::EntityUid>& known = state_.policies->known;
    const cedar::EntityUid first(type, after_.value_or(""));
    if (narrowed_.places) {
      for (const std::uint32_t place : *narrowed_.places) {
        const cedar::EntityUid& uid = known[place];
        if (uid.type() != type || (after_ ? !(first < uid) : uid < first)) continue;
        if (!look_at(std::string(uid.id()))) return;
      }
      return;
    }
    auto it = after_ ? std::upper_bound(known.begin(), known.end(), first)
                     : std::lower_bound(known.begin(), known.end(), first);
    for (; it != known.end() && it->type() == type; ++it) {
      if (!look_at(std::string(it->id()))) return;
    }
  }

  void subjects() {
    if (!question_.subject_type.empty()) {
      if (of_application()) walk_known(type_in(space_, question_.subject_type));
      return;
    }
    walk_narrowed(state_.identities);
  }

  void resources() {
    const std::string& type = question_.resource_type;
    if (of_application()) return walk_known(type_in(space_, type));
    if (about_entitlements() && question_.action == "connect") {
      std::set<std::string> held;
      for (const Grant* grant : grants_of(state_, question_.subject)) {
        held.insert(grant->entitlement);
      }
      return walk(held);
    }
    if (about_entitlements()) return walk_narrowed(state_.entitlements);
    if (type == "system") return walk(std::set<std::string>{state_.genesis.trust_domain});
    if (type == "identity") return walk(state_.identities);
    if (type == "group") return walk(state_.groups);
    if (type == "target") return walk(state_.targets);
    if (type == "resource") return walk(state_.resources);
    if (type == "grant") return walk(state_.grants);
    if (type == "request") return walk(state_.requests);
    if (type == "change") return walk(state_.changes);
    if (type == "finding") return walk(state_.findings);
    if (const auto kind = from_name<IdentityKind>(type)) {
      walk(state_.identities, [&](const Identity& identity) { return identity.kind == *kind; });
    }
  }

  void actions_on() {
    if (of_application()) return walk_known(type_in(space_, "Action"));
    std::set<std::string> names;
    for (const Action& action : actions()) names.insert(action.name);
    walk(names);
  }

  const State& state_;
  const Search& search_;
  const Narrowed& narrowed_;
  const std::optional<std::string>& after_;
  const std::size_t results_;
  const std::size_t steps_;
  const Time now_;
  Question question_;  // about the candidate at hand
  const std::string space_;
  SearchPage page_;
};

}  // namespace

Narrowed narrowed(const State& state, const Search& search, Time now) {
  if (state.policies == nullptr || state.entities == nullptr) return {};
  const Question& question = search.question;
  const bool entitlements = question.resource_type == "entitlement";
  const bool of_application = is_of_application(question);
  if (search.sought == Sought::kSubjects) {
    if (of_application || !question.subject_type.empty()) return {};
    return {subjects_for(state, question, now), {}};
  }
  if (search.sought != Sought::kResources) return {};
  if (of_application) return {{}, known_for(state, question, now)};
  if (!entitlements || question.action == "connect") return {};  // a connect walks its grants
  return {entitlements_for(state, question, now), {}};
}

Status check_asserted(const State& state, const Search& search) {
  const Question& question = search.question;
  const JsonObject* asserted = question.asserted.as_object();
  if (asserted == nullptr || asserted->empty() || state.policies == nullptr) return {};
  if (!is_of_application(question)) {
    return fail(Code::kInvalid, "attributes of Writ's own types are never asserted",
                asserted_at(asserted->front().first));
  }
  const auto types = application_types(state, question);
  if (!types) return {};  // what is of no application is found nowhere, whatever is asserted
  const auto& declared = state.policies->applications;
  const ApplicationSchema* applications = declared ? &*declared : nullptr;
  const auto check = [&](const Json& some) -> Status {
    CHECK_OK(read_asserted(some, applications, types->subject, types->action, types->resource));
    return {};
  };
  if (search.sought != Sought::kActions) return check(question.asserted);
  for (const auto& [part, json] : *asserted) {
    if (part == "action" || part == "context") {
      CHECK_OK(check_with_any_action(part, json, applications, *types));
    } else {
      CHECK_OK(check(Json::object({{part, json}})));
    }
  }
  return {};
}

SearchPage search(const State& state, const Search& search, const Narrowed& narrowed,
                  const std::optional<std::string>& after, std::size_t results, std::size_t steps,
                  Time now) {
  return Searching(state, search, narrowed, after, results, steps, now).run();
}

}  // namespace writ::core
