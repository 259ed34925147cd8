#include <algorithm>
#include <map>
#include <set>

#include "prove/analysis.h"

namespace writ::prove {
namespace {

constexpr std::size_t kMostCauses = 20;  // of one action and direction

Json list(const std::vector<std::string>& of) {
  Json made = Json::array();
  for (const std::string& each : of) made.push(Json(each));
  return made;
}

// A policy of one of the two sets.
struct Part {
  bool after = false;
  std::size_t index = 0;
  auto operator<=>(const Part&) const = default;
};
using Cause = std::vector<Part>;

class Differ {
 public:
  Differ(const WritPolicies& before, const WritPolicies& after, const Means& means)
      : before_(before), after_(after), means_(means) {
    find_changes();
  }

  Result<Diff> run() {
    const auto environments = writ_environments(before_.subject().schema());
    for (std::size_t i = 0; i < environments.size() && !changed_.empty(); ++i) {
      const cedar::Environment& environment = environments[i];
      if (std::chrono::steady_clock::now() >= means_.until) {
        unknown_ += environments.size() - i;
        why_ = "the time limit for all is reached";
        break;
      }
      TRY(matters, change_matters(environment));
      if (!matters) continue;
      for (const bool more : {true, false}) CHECK_OK(look(environment, more));
    }
    join_actions();
    if (unknown_ > 0) {
      made_.unknown.push_back("in " + std::to_string(unknown_) +
                              " environments it is not known whether there are more: " + why_);
    }
    notes();
    return std::move(made_);
  }

 private:
  const Subject& subject(bool after) const { return (after ? after_ : before_).subject(); }
  const cedar::Policy& policy(const Part& part) const {
    return *subject(part.after).policies()[part.index].policy;
  }

  void find_changes() {
    const auto forms = [&](const WritPolicies& set) {
      std::multiset<std::string> made;
      for (const Prepared& each : set.subject().policies()) made.insert(print(*each.policy));
      return made;
    };
    for (const bool after : {false, true}) {
      const std::multiset<std::string> others = forms(after ? before_ : after_);
      const auto& policies = subject(after).policies();
      for (std::size_t i = 0; i < policies.size(); ++i) {
        if (!others.contains(print(*policies[i].policy))) changed_.push_back({after, i});
      }
    }
  }

  Result<bool> change_matters(const cedar::Environment& environment) const {
    World world(before_.subject().schema(), environment, means_.store);
    for (const Part& each : changed_) {
      TRY(meaning, encode(world, subject(each.after).policies()[each.index]));
      if (!never_matters(world.terms(), meaning)) return true;
    }
    return false;
  }

  // Everything in one environment that only one set lets happen, cause by cause.
  Status look(const cedar::Environment& environment, bool more) {
    World world(before_.subject().schema(), environment, means_.store);
    Terms& terms = world.terms();
    const Without first{more ? after_ : before_};
    const Without second{more ? before_ : after_};
    TRY(one, lets(world, first));
    TRY(other, lets(world, second));
    TermId formula = terms.all({one, terms.negation(other)});
    if (terms.is_false(formula)) return {};
    std::vector<Cause>& causes = causes_[{environment.action, more}];
    for (const Cause& cause : causes) {
      TRY(without, apart_from(world, cause));
      formula = terms.all({formula, without});
    }
    const auto happens = [&](const Counterexample& in) {
      return is_possible(in) && lets(first, in) && !lets(second, in) &&
             std::none_of(causes.begin(), causes.end(),
                          [&](const Cause& cause) { return is_among(cause, in); });
    };
    while (causes.size() < kMostCauses) {
      TRY(verdict, refute(world, formula, happens, means_));
      if (verdict.holds()) return {};
      if (verdict.kind == Verdict::Kind::kUnknown) {
        ++unknown_;
        why_ = verdict.why;
        return {};
      }
      const Cause cause = cause_of(*verdict.counterexample);
      add(environment, more, cause, std::move(*verdict.counterexample));
      causes.push_back(cause);
      if (cause.empty()) return {};
      TRY(without, apart_from(world, cause));
      formula = terms.all({formula, without});
    }
    return {};
  }

  bool applies_or_fails(const Part& part, const Counterexample& in) const {
    const One one{subject(part.after), part.index};
    return applies(one, in) || fails(one, in);
  }
  // The changed policies that apply or fail there.
  Cause cause_of(const Counterexample& in) const {
    Cause made;
    for (const Part& each : changed_) {
      if (applies_or_fails(each, in)) made.push_back(each);
    }
    return made;
  }
  // Whether all of them apply or fail.
  bool is_among(const Cause& cause, const Counterexample& in) const {
    return std::all_of(cause.begin(), cause.end(),
                       [&](const Part& each) { return applies_or_fails(each, in); });
  }
  // That not all of them apply or fail.
  Result<TermId> apart_from(World& world, const Cause& cause) const {
    Terms& terms = world.terms();
    std::vector<TermId> all;
    for (const Part& each : cause) {
      TRY(meaning, encode(world, subject(each.after).policies()[each.index]));
      all.push_back(terms.any({terms.negation(meaning.ok), meaning.holds}));
    }
    return terms.negation(terms.all(all));
  }

  void add(const cedar::Environment& environment, bool more, const Cause& cause,
           Counterexample found) {
    std::set<std::string> ids;
    for (const Part& each : cause) ids.insert(policy(each).id);
    std::vector<std::string> before = reasons(before_, found);
    std::vector<std::string> after = reasons(after_, found);
    made_.differences.push_back({more,
                                 environment.action,
                                 {},
                                 {ids.begin(), ids.end()},
                                 std::move(found),
                                 std::move(before),
                                 std::move(after)});
  }

  // One difference for each direction and cause, with all its actions.
  void join_actions() {
    std::vector<Difference> joined;
    for (Difference& each : made_.differences) {
      const auto same = std::find_if(joined.begin(), joined.end(), [&](const Difference& other) {
        return !each.cause.empty() && other.more == each.more && other.cause == each.cause;
      });
      if (same == joined.end()) {
        joined.push_back(std::move(each));
      } else if (same->action != each.action) {
        same->also.push_back(each.action.print());
      }
    }
    made_.differences = std::move(joined);
  }

  void notes() {
    for (const Part& each : changed_) {
      const auto& others = subject(!each.after).policies();
      const cedar::Policy& its = policy(each);
      const bool applied = its.annotation("applies_to_break_glass") != nullptr;
      const auto other = std::find_if(others.begin(), others.end(), [&](const Prepared& one) {
        return one.policy->id == its.id;
      });
      const bool is_there =
          other != others.end() && other->policy->annotation("applies_to_break_glass") != nullptr;
      if (!applied || is_there) continue;
      made_.notes.push_back("the guardrail " + its.id +
                            (each.after ? " now applies to break-glass access"
                                        : " no longer applies to break-glass access"));
    }
    invariant_notes();
  }

  // The statements themselves are compared: what they say is proved of each set alone.
  void invariant_notes() {
    const auto forms = [](const WritPolicies& set) {
      std::map<std::string, std::string> made;
      const auto invariants = core::parse_invariants(set.files());
      if (!invariants) return made;  // refused already
      for (std::size_t i = 0; i < invariants->list.size(); ++i) {
        made.emplace(invariants->list[i].text, print(invariants->statements.policies()[i]));
      }
      return made;
    };
    const auto old = forms(before_);
    const auto now = forms(after_);
    for (const auto& [text, form] : old) {
      const auto at = now.find(text);
      if (at == now.end()) {
        made_.notes.push_back("the invariant \"" + text + "\" is dropped");
      } else if (at->second != form) {
        made_.notes.push_back("the invariant \"" + text + "\" is stated otherwise");
      }
    }
    for (const auto& [text, form] : now) {
      if (!old.contains(text)) made_.notes.push_back("the invariant \"" + text + "\" is new");
    }
  }

  const WritPolicies& before_;
  const WritPolicies& after_;
  const Means& means_;
  std::vector<Part> changed_;
  std::map<std::pair<cedar::EntityUid, bool>, std::vector<Cause>> causes_;
  Diff made_;
  std::size_t unknown_ = 0;
  std::string why_;
};

}  // namespace

Result<Diff> diff(const WritPolicies& before, const WritPolicies& after, const Means& means) {
  return Differ(before, after, means).run();
}

Json to_json(const Diff& of) {
  Json differences = Json::array();
  for (const Difference& each : of.differences) differences.push(to_json(each));
  const bool is_known = of.unknown.empty() || !of.differences.empty() || !of.notes.empty();
  return Json::object({{"same", is_known ? Json(of.same()) : Json()},
                       {"differences", std::move(differences)},
                       {"notes", list(of.notes)},
                       {"unknown", list(of.unknown)}});
}

Json to_json(const Difference& of) {
  Json made =
      Json::object({{"change", of.more ? "more" : "less"}, {"action", Json(of.action.print())}});
  made.set("also", list(of.also));
  made.set("cause", list(of.cause));
  made.set("counterexample", to_json(of.counterexample));
  made.set("before", list(of.before));
  made.set("after", list(of.after));
  return made;
}

}  // namespace writ::prove
