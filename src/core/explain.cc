#include "core/explain.h"

#include <algorithm>

#include "cedar/text.h"
#include "cedar/why.h"
#include "core/consulted.h"
#include "core/grants.h"

namespace writ::core {
namespace {

using cedar::EntityUid;
using cedar::Truth;

constexpr std::size_t kMostOthers = 20;  // policies that did not decide, each in a line
constexpr std::size_t kMostValue = 300;  // bytes of a value

std::string cut(std::string text) {
  if (text.size() <= kMostValue) return text;
  return std::string(cedar::shorten(text, kMostValue)) + "…";
}

// Written over several lines, on one.
std::string in_a_line(std::string_view text) {
  std::string made;
  for (const char c : text) {
    const bool space = c == ' ' || c == '\n' || c == '\t' || c == '\r';
    if (!space) {
      made.push_back(c);
    } else if (!made.empty() && made.back() != ' ') {
      made.push_back(' ');
    }
  }
  return cut(std::move(made));
}

// What a reader may know.
class Sight {
 public:
  Sight(const State& state, const Reader& who, const StateReader& reader, Time now)
      : state_(state), who_(who), reader_(reader), now_(now) {
    if (const Subject* subject = state.entities->subject(who.identity)) {
      self_ = &reader.of(*subject);
    }
  }

  bool all() const { return who_.sees == Sees::kAll; }

  bool knows(const EntityUid& uid) const {
    if (all()) return true;
    if (self_ == nullptr) return false;
    if (uid == self_->uid || self_->ancestors.contains(uid)) return true;
    if (uid.type() == "Writ::System") return true;
    const cedar::Entity* entity = reader_.find(uid);
    if (entity == nullptr) return false;
    for (const char* relation : {"owner", "beneficiary", "requester"}) {
      const auto whose = entity->attrs.find(relation);
      const auto whose_uid = whose ? whose->as_entity() : std::nullopt;
      if (!whose_uid) continue;
      if (*whose_uid == self_->uid || self_->ancestors.contains(*whose_uid)) return true;
    }
    return uid.type() == "Writ::Entitlement" && may_use(uid.id());
  }

 private:
  bool may_use(std::string_view entitlement) const {
    if (!grants_of(state_, who_.identity, entitlement).empty() ||
        !offers_for(state_, who_.identity, entitlement, now_).empty()) {
      return true;
    }
    Question question;
    question.subject = who_.identity;
    question.action = "connect";
    question.resource_type = "entitlement";
    question.resource = entitlement;
    return !decide(state_, question, now_).needs.empty();
  }

  const State& state_;
  const Reader& who_;
  const StateReader& reader_;
  const Time now_;
  const cedar::Entity* self_ = nullptr;
};

class Explaining {
 public:
  Explaining(const State& state, const Question& question, const Reader& who, Time now)
      : state_(state),
        question_(question),
        now_(now),
        reader_(state, now),
        sight_(state, who, reader_, now) {}

  Explanation run() {
    made_.decision = decide(state_, question_, now_);
    const Decision& decision = made_.decision;
    say(std::string(decision.allow ? "allowed" : "denied") +
        (decision.message.empty() ? "" : ": " + decision.message));
    const Parties who = parties(state_, question_, reader_);
    if (who.principal == nullptr || !who.resource || now_ < state_.time) return std::move(made_);
    if (sight_.knows(who.principal->uid)) say(line_of(*who.principal));
    if (!sight_.knows(*who.resource)) return std::move(made_);
    say("resource: " + who.resource->print());
    made_.change = next_change(state_, question_, now_);
    if (question_.action == "connect") say_grants();
    policies();
    if (!decision.allow && question_.subject_type.empty() &&
        (question_.action == "connect" || question_.action == "request")) {
      for (const Offer& offer : offers_for(state_, question_.subject, question_.resource, now_)) {
        say("offer \"" + offer.policy + "\" may be taken up: " + describe(offer.terms));
      }
    }
    if (const std::string line = describe(made_.change); !line.empty()) say(line);
    return std::move(made_);
  }

 private:
  struct Judged {
    const Consulted* asked;
    std::size_t index;
    cedar::Why why;
    const cedar::Policy& policy() const { return asked->slice->policies.policy(index); }
    bool forbids() const { return policy().effect == cedar::Effect::kForbid; }
  };

  void say(std::string line) { made_.lines.push_back(std::move(line)); }

  static std::string line_of(const cedar::Entity& principal) {
    std::string groups;
    for (const EntityUid& group : principal.ancestors) {
      if (is_own_group(group.id())) continue;
      groups += (groups.empty() ? "" : ", ") + std::string(group.id());
    }
    return "principal: " + principal.uid.print() + (groups.empty() ? "" : " in " + groups);
  }

  void say_grants() {
    for (const Grant* grant : grants_of(state_, question_.subject, question_.resource)) {
      say(line_of(*grant));
    }
  }
  std::string line_of(const Grant& grant) const {
    std::string line = "grant " + grant.id + ": ";
    if (grant.state == GrantState::kActivating) return line + "its account is being set up";
    if (grant.state == GrantState::kRevoking) {
      return line + "is being taken back (" + std::string(name_of(grant.ending->reason)) + ")";
    }
    if (!grant.until || now_ >= *grant.until) return line + "is over";
    line +=
        "live until " + to_text(*grant.until) + ", given by the policy \"" + grant.policy + "\"";
    return still_offered(state_, grant, now_) ? line : line + ", which gives it no more";
  }

  void policies() {
    const Decision& decision = made_.decision;
    const std::vector<Consulted> all =
        consulted(state_, question_, now_, reader_,
                  decision.grant.empty() ? std::string_view(question_.grant) : decision.grant,
                  decision.allow ? Also::kNothing : Also::kWhatMightGive);
    std::vector<Judged> judged;
    for (const Consulted& asked : all) {
      for (std::size_t i = 0; i < asked.slice->policies.size(); ++i) {
        cedar::Why why = cedar::why(asked.slice->policies.policy(i), asked.request, reader_);
        if (why.covers_action) judged.push_back({&asked, i, std::move(why)});
      }
    }
    const bool forbidden = std::any_of(judged.begin(), judged.end(), decides_against);
    const bool permitted = std::any_of(judged.begin(), judged.end(), permits);
    std::vector<const Judged*> others;
    const Judged* nearest = nullptr;
    for (const Judged& each : judged) {
      if (forbidden ? decides_against(each) : permits(each)) {
        show(each);
      } else if (!each.forbids() && each.why.outcome != Truth::kTrue && !permitted &&
                 (nearest == nullptr || cedar::is_nearer(each.why, nearest->why))) {
        if (nearest != nullptr) others.push_back(nearest);
        nearest = &each;
      } else if (each.why.outcome != Truth::kTrue) {
        others.push_back(&each);
      }
    }
    if (nearest != nullptr) show_nearest(*nearest);
    say_others(std::move(others));
  }

  static bool decides_against(const Judged& each) {
    return each.forbids() && each.why.outcome != Truth::kFalse;
  }

  // An offer opens nothing by itself.
  static bool permits(const Judged& each) {
    return !each.forbids() && each.why.outcome == Truth::kTrue &&
           each.asked->role != Consulted::Role::kOffer;
  }

  ExplainedPolicy explained(const Judged& each) const {
    const cedar::Policy& policy = each.policy();
    ExplainedPolicy made;
    made.id = policy.id;
    made.forbids = each.forbids();
    made.position = policy.position().text();
    if (each.asked->role == Consulted::Role::kGiver) made.grant = each.asked->grant->id;
    for (const cedar::Part& part : each.why.parts) {
      ExplainedPart shown{part.position.text(), part.text, part.holds, {}};
      for (const cedar::Fact& fact : part.saw) {
        shown.saw.push_back({cut(fact.text), value_of(fact)});
      }
      made.parts.push_back(std::move(shown));
    }
    if (const auto& failure = each.why.failure) {
      made.failed = {failure->position.text(), failure->text,
                     failure->is == Truth::kTrue    ? "holds"
                     : failure->is == Truth::kFalse ? "is false"
                                                    : failure->message};
    }
    return made;
  }

  std::string value_of(const cedar::Fact& fact) const {
    if (fact.of && !sight_.knows(*fact.of)) return "(not shown to you)";
    if (fact.value) return cut(cedar::print(*fact.value));
    if (fact.of && fact.attribute == "name") {
      const Identity* identity = state_.identities.find(fact.of->id());
      if (identity != nullptr && identity->sealed_name) return "(erased)";
    }
    return "(none)";
  }

  static std::string title(const ExplainedPolicy& policy) {
    return std::string(policy.forbids ? "forbid" : "permit") + " \"" + policy.id + "\" (" +
           policy.position + ")";
  }
  static std::string sentence(const ExplainedPolicy::Failed& failed) {
    return in_a_line(failed.text) +
           (failed.because == "holds" || failed.because == "is false" ? " " : ": ") +
           failed.because + ", at " + failed.position;
  }

  void say_parts(const ExplainedPolicy& policy) {
    for (const ExplainedPart& part : policy.parts) {
      const bool says_itself = part.saw.size() == 1 && part.saw[0].what == part.text;
      say("    " + in_a_line(part.text) + (says_itself ? ": " + part.saw[0].value : ""));
      if (says_itself) continue;
      for (const ExplainedPart::Saw& saw : part.saw) say("      " + saw.what + ": " + saw.value);
    }
  }

  void show(const Judged& each) {
    ExplainedPolicy policy = explained(each);
    if (each.why.outcome == Truth::kError) {
      say(title(policy) +
          ": denies, because it could not be evaluated: " + sentence(*policy.failed));
    } else if (!policy.grant.empty()) {
      say(title(policy) + ": gives grant " + policy.grant);
    } else {
      say(title(policy) + (policy.forbids ? ": forbids this" : ": permits this"));
    }
    say_parts(policy);
    made_.decided.push_back(std::move(policy));
  }

  void show_nearest(const Judged& each) {
    ExplainedPolicy policy = explained(each);
    say("nearest: " + title(policy) + ": " + sentence(*policy.failed));
    say_parts(policy);
    made_.nearest = std::move(policy);
  }

  void say_others(std::vector<const Judged*> others) {
    const std::size_t more = others.size() - std::min(others.size(), kMostOthers);
    others.resize(others.size() - more);
    for (const Judged* each : others) {
      const ExplainedPolicy policy = explained(*each);
      say(title(policy) + ": does not apply: " + sentence(*policy.failed));
    }
    if (more > 0) say("and " + std::to_string(more) + " more policies that do not apply");
  }

  const State& state_;
  const Question& question_;
  const Time now_;
  const StateReader reader_;
  const Sight sight_;
  Explanation made_;
};

}  // namespace

Explanation explain(const State& state, const Question& question, const Reader& reader, Time now) {
  if (state.policies == nullptr || state.entities == nullptr) {
    Explanation made;
    made.decision = decide(state, question, now);
    made.lines.push_back("denied: " + made.decision.message);
    return made;
  }
  return Explaining(state, question, reader, now).run();
}

std::string describe(const NextChange& change) {
  if (change.at) {
    return "changes by itself at " + to_text(*change.at) + ": " +
           (change.allow ? "allowed" : "denied") + " from then on";
  }
  if (change.known_until) {
    return "does not change by itself before " + to_text(*change.known_until) +
           "; what comes then is not known";
  }
  return {};
}

}  // namespace writ::core
