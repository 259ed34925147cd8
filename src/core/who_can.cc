#include "core/who_can.h"

#include <algorithm>

#include "core/approvers.h"
#include "core/asking.h"
#include "core/consulted.h"
#include "core/grants.h"
#include "core/partly.h"

namespace writ::core {
namespace {

// A connect of which nothing is shown yet.
class Connecting {
 public:
  Connecting(const State& state, const Question& question, Time now)
      : state_(state), question_(question), now_(now), reader_(state, now) {
    const Parties who = parties(state, question, reader_);
    entry_ = state.entities->entitlement(question.resource);
    subject_ = state.entities->subject(question.subject);
    principal_ = who.principal;
  }
  bool is_of_both() const {
    return entry_ != nullptr && subject_ != nullptr && principal_ != nullptr;
  }

  // What stands in its way: the guardrails that deny it. Empty optional when one of them does
  // whatever the connection shows.
  using Depends = std::optional<std::vector<std::string>>;
  Depends guarded(const Grant* grant) const {
    const cedar::Request request = request_with(grant);
    const auto& guardrails = state_.policies->guardrails.policies;
    const cedar::Response said = cedar::authorize(guardrails, request, reader_);
    std::vector<std::uint32_t> denying(said.reasons.begin(), said.reasons.end());
    for (const cedar::PolicyError& error : said.errors) denying.push_back(error.policy);
    std::vector<std::string> ids;
    for (const std::uint32_t each : denying) {
      if (applies(guardrails.policy(each), request, reader_) != Applies::kSometimes) return {};
      ids.emplace_back(guardrails.id(each));
    }
    return ids;
  }

  struct Opening {
    std::string policy;
    std::vector<std::string> depends;  // what of the connection it reads
  };
  // The permits that may open it without asking. One that does in any case is the only one.
  std::vector<Opening> openings() const {
    std::vector<Opening> made;
    const cedar::Request request = request_with(nullptr);
    const Slice& baselines = state_.policies->baselines;
    for (std::size_t i = 0; i < baselines.scopes.size(); ++i) {
      if (!baselines.scopes[i].covers(subject_->kind, *principal_, entry_->entity)) continue;
      const Applies is = applies(baselines.policies.policy(i), request, reader_);
      if (is == Applies::kNever) continue;
      std::string id(baselines.policies.id(i));
      if (is == Applies::kAlways) return {{std::move(id), {}}};
      const Giver* giver = state_.policies->giver(id);
      made.push_back({std::move(id), names_of_connection(giver == nullptr ? 0 : giver->reads)});
    }
    return made;
  }

 private:
  // As decide.cc asks: of a grant, approvals and duration are its own.
  cedar::Request request_with(const Grant* grant) const {
    Facts facts = facts_of(question_, now_);
    facts.grant = grant;
    facts.approvals.reset();
    facts.duration.reset();
    if (grant == nullptr) {
      facts.approvals = 0;
      facts.duration = baseline_duration(entry_->tier);
    }
    return {principal_->uid, action_named("connect")->entity.uid, entry_->entity.uid,
            context_of(state_, facts)};
  }

  const State& state_;
  const Question& question_;
  const Time now_;
  const StateReader reader_;
  const EntitlementEntry* entry_ = nullptr;
  const Subject* subject_ = nullptr;
  const cedar::Entity* principal_ = nullptr;  // null when there is none
};

bool needs(const Decision& is, std::string_view what) {
  return std::find(is.needs.begin(), is.needs.end(), what) != is.needs.end();
}

void add_grants(const State& state, const Connecting& connecting, Question question, Time now,
                std::vector<Way>& made) {
  for (const Grant* grant : grants_of(state, question.subject, question.resource)) {
    if (grant->state != GrantState::kActive) continue;
    question.grant = grant->id;
    const Decision is = decide(state, question, now);
    Way way{How::kGrant, grant->policy, grant->id, grant->until, {}, {}};
    if (!is.allow) {
      if (is.policies.empty()) continue;  // it is not guardrails that deny it
      auto depends = connecting.guarded(grant);
      if (!depends || depends->empty()) continue;
      way.depends = std::move(*depends);
    }
    made.push_back(std::move(way));
  }
}

void add_baseline(const State& state, const Connecting& connecting, const Question& question,
                  Time now, std::vector<Way>& made) {
  const auto held = grants_of(state, question.subject, question.resource);
  const auto is_awaited = [](const Grant* grant) {
    return grant->state == GrantState::kActivating;
  };
  if (std::any_of(held.begin(), held.end(), is_awaited)) return;
  const Subject* subject = state.entities->subject(question.subject);
  if (subject == nullptr || subject->state != IdentityState::kActive) return;
  const auto openings = connecting.openings();
  if (openings.empty()) return;
  auto depends = Connecting::Depends(std::in_place);
  if (const Decision is = decide(state, question, now); !needs(is, "baseline_grant")) {
    depends = connecting.guarded(nullptr);
    // What is denied then is a live grant.
    if (depends && depends->empty() && !is.policies.empty()) return;
  }
  if (!depends) return;
  for (const Connecting::Opening& each : openings) {
    Way way{How::kBaseline, each.policy, {}, {}, {}, each.depends};
    way.depends.insert(way.depends.end(), depends->begin(), depends->end());
    made.push_back(std::move(way));
  }
}

void add_offers(const State& state, const Question& question, Time now, std::vector<Way>& made) {
  for (Offer& offer : offers_for(state, question.subject, question.resource, now)) {
    made.push_back({How::kOffer, std::move(offer.policy), {}, {}, std::move(offer.terms), {}});
  }
}

// Persons alone approve: policies say it of nobody.
bool is_a_person(const State& state, std::string_view id) {
  const Identity* identity = state.identities.find(id);
  return identity != nullptr && is_person(identity->kind);
}

void add_permit(const State& state, const Question& question, Time now, std::vector<Way>& made) {
  if (question.action == "approve" && !is_a_person(state, question.subject)) return;
  const Decision is = decide(state, question, now);
  Way way;
  if (is.allow) {
    if (!is.policies.empty()) way.policy = is.policies.front();
  } else {
    if (!needs(is, "mfa")) return;
    way.depends = {"mfa"};
  }
  made.push_back(std::move(way));
}

// Whom the terms of an offer name decides, where policies let them.
void add_approvals(const State& state, const Question& question, Time now, std::vector<Way>& made) {
  std::vector<Way> permitted;
  add_permit(state, question, now, permitted);
  if (permitted.empty()) return;
  for (Offer& offer : offers_to_approve(state, question.resource, question.subject, now)) {
    made.push_back({How::kApproval,
                    std::move(offer.policy),
                    {},
                    {},
                    std::move(offer.terms),
                    permitted.front().depends});
  }
}

// Requests for an entitlement; of the rest, changes are approved by whom policies let.
bool is_about_requests(const Question& question) {
  return question.action == "approve" && question.resource_type == "entitlement";
}

class Walking {
 public:
  Walking(const State& state, const CanBounds& bounds, Time now)
      : state_(state), bounds_(bounds), now_(now) {}

  CanPage who(Question question) {
    const Candidates candidates = is_about_requests(question)
                                      ? Candidates(deciders_of(state_, question.resource, now_))
                                      : subjects_for(state_, question, now_);
    const auto look = [&](const std::string& id) {
      question.subject = id;
      return look_at(id, {&question});
    };
    if (candidates) {
      each(*candidates, look);
    } else {
      all(state_.identities, look);
    }
    return std::move(page_);
  }

  CanPage what(std::string_view identity) {
    Question question;
    question.subject = identity;
    if (!bounds_.after) administration(question);
    question.resource_type = "entitlement";
    question.action = "connect";
    Question approving = question;
    approving.action = "approve";
    Candidates candidates = entitlements_for(state_, question, now_);
    const Candidates decided = decided_by(state_, identity, now_);
    if (candidates && decided) {
      candidates->insert(candidates->end(), decided->begin(), decided->end());
      candidates = sorted_names(std::move(*candidates));
    } else {
      candidates.reset();
    }
    const auto look = [&](const std::string& name) {
      question.resource = approving.resource = name;
      return look_at(name, {&question, &approving});
    };
    if (candidates) {
      each(*candidates, look);
    } else {
      all(state_.entitlements, look);
    }
    return std::move(page_);
  }

 private:
  // All of it comes on the first page, and counts towards no bound.
  void administration(Question question) {
    question.resource_type = "system";
    question.resource = state_.genesis.trust_domain;
    for (const Action& action : actions()) {
      if (action.name == "connect" || action.name == "request") continue;
      ++page_.steps;
      question.action = action.name;
      add(question);
    }
  }

  bool look_at(const std::string& candidate, std::initializer_list<const Question*> questions) {
    if (results_ >= bounds_.results || looked_at_ >= bounds_.steps ||
        (looked_at_ > 0 && bounds_.is_late())) {
      page_.more = true;
      return false;
    }
    ++looked_at_;
    ++page_.steps;
    page_.last = candidate;
    for (const Question* each : questions) results_ += add(*each) ? 1 : 0;
    return true;
  }
  bool add(const Question& question) {
    std::vector<Way> made = ways(state_, question, now_);
    if (made.empty()) return false;
    page_.found.push_back({question.subject, question.action, question.resource_type,
                           question.resource, std::move(made)});
    return true;
  }

  void each(const std::vector<std::string>& candidates, auto look) {
    auto at = candidates.begin();
    if (bounds_.after) {
      at = std::upper_bound(at, candidates.end(), *bounds_.after, [](const auto& a, const auto& b) {
        return CowMap<std::string, bool>::comes_before(a, b);
      });
    }
    for (; at != candidates.end(); ++at) {
      if (!look(*at)) return;
    }
  }
  template <class Map>
  void all(const Map& map, auto look) {
    const auto after =
        bounds_.after ? std::optional<std::string_view>(*bounds_.after) : std::nullopt;
    map.for_each_after(after, [&](const std::string& key, const auto&) { return look(key); });
  }

  const State& state_;
  const CanBounds& bounds_;
  const Time now_;
  std::size_t results_ = 0;
  std::size_t looked_at_ = 0;
  CanPage page_;
};

}  // namespace

std::vector<Way> ways(const State& state, const Question& question, Time now) {
  std::vector<Way> made;
  if (question.action == "connect") {
    const Connecting connecting(state, question, now);
    if (!connecting.is_of_both()) return made;
    add_grants(state, connecting, question, now, made);
    if (made.empty()) add_baseline(state, connecting, question, now, made);
    add_offers(state, question, now, made);
  } else if (question.action == "request") {
    add_offers(state, question, now, made);
  } else if (is_about_requests(question)) {
    add_approvals(state, question, now, made);
  } else {
    add_permit(state, question, now, made);
  }
  return made;
}

CanPage who_can(const State& state, const Question& question, const CanBounds& bounds, Time now) {
  if (state.policies == nullptr || state.entities == nullptr) return {};
  return Walking(state, bounds, now).who(question);
}

CanPage what_can(const State& state, std::string_view identity, const CanBounds& bounds, Time now) {
  if (state.policies == nullptr || state.entities == nullptr) return {};
  return Walking(state, bounds, now).what(identity);
}

}  // namespace writ::core
