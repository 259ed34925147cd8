#include "core/who_can.h"

#include <algorithm>

#include "cedar/tpe.h"
#include "cedar/tpe_fold.h"
#include "core/consulted.h"
#include "core/grants.h"

namespace writ::core {
namespace {

constexpr std::uint32_t kOfConnection = part::kMethod | part::kStrength | part::kAttestation |
                                        part::kMfaAge | part::kCredential | part::kDevice |
                                        part::kSourceIp;

// Whether a guardrail that denies this connect may let it pass, once more is known of it.
bool may_pass(const State& state, const Question& question, std::string_view id, Time now) {
  const auto& guardrails = state.policies->guardrails.policies;
  const auto index = guardrails.index_of(id);
  if (!index) return false;
  const cedar::Policy& policy = guardrails.policy(*index);
  if ((Slice({&policy}).reads & kOfConnection) == 0) return false;
  const StateReader reader(state, now);
  const Parties who = parties(state, question, reader);
  const auto expr = cedar::lower(policy);
  if (who.principal == nullptr || !who.resource || !expr) return false;
  const auto part = [](const cedar::EntityUid& uid) {
    return cedar::PartialUid{std::string(uid.type()), std::string(uid.id())};
  };
  const cedar::PartialRequest request{
      part(who.principal->uid), action_named("connect")->entity.uid, part(*who.resource), {}};
  const cedar::KnownEntities entities(reader, cedar::Unlisted::kAbsent);
  const cedar::detail::Known known{request, entities};
  cedar::Steps steps(100'000);
  const cedar::Residual left = cedar::detail::Folding(known, steps).fold(*expr, nullptr);
  return left.outcome == cedar::Residual::Outcome::kPartial;
}

// What a denied connect depends on: all guardrails that deny it; none when one always does.
std::vector<std::string> depends_of(const State& state, const Question& question,
                                    const Decision& denied, Time now) {
  std::vector<std::string> ids;
  for (const std::string_view id : denied.policies) {
    if (!may_pass(state, question, id, now)) return {};
    ids.emplace_back(id);
  }
  return ids;
}

void add_grants(const State& state, Question question, Time now, std::vector<Way>& made) {
  for (const Grant* grant : grants_of(state, question.subject, question.resource)) {
    if (grant->state != GrantState::kActive) continue;
    question.grant = grant->id;
    const Decision is = decide(state, question, now);
    Way way{How::kGrant, grant->policy, grant->id, grant->until, {}, {}};
    if (!is.allow) {
      way.depends = depends_of(state, question, is, now);
      if (way.depends.empty()) continue;
    }
    made.push_back(std::move(way));
  }
}

// The permit that opens a connect without asking, whatever guardrails say of it.
std::string baseline_of(const State& state, const Question& question, Time now) {
  const StateReader reader(state, now);
  for (const Consulted& asked : consulted(state, question, now, reader, {}, Also::kWhatMightGive)) {
    if (asked.role != Consulted::Role::kBaseline) continue;
    const auto& baselines = asked.slice->policies;
    const cedar::Response response = cedar::authorize(baselines, asked.request, reader);
    if (!response.reasons.empty()) return baselines.id(response.reasons.front());
  }
  return {};
}

void add_baseline(const State& state, const Question& question, Time now, std::vector<Way>& made) {
  const Decision is = decide(state, question, now);
  const bool opens =
      std::find(is.needs.begin(), is.needs.end(), "baseline_grant") != is.needs.end();
  Way way{How::kBaseline, {}, {}, {}, {}, {}};
  if (opens) {
    if (!is.policies.empty()) way.policy = is.policies.front();
  } else {
    way.depends = depends_of(state, question, is, now);
    if (way.depends.empty()) return;
    way.policy = baseline_of(state, question, now);
  }
  made.push_back(std::move(way));
}

void add_offers(const State& state, const Question& question, Time now, std::vector<Way>& made) {
  for (Offer& offer : offers_for(state, question.subject, question.resource, now)) {
    made.push_back({How::kOffer, std::move(offer.policy), {}, {}, std::move(offer.terms), {}});
  }
}

void add_permit(const State& state, const Question& question, Time now, std::vector<Way>& made) {
  const Decision is = decide(state, question, now);
  Way way;
  if (is.allow) {
    if (!is.policies.empty()) way.policy = is.policies.front();
  } else {
    if (std::find(is.needs.begin(), is.needs.end(), "mfa") == is.needs.end()) return;
    way.depends = {"mfa"};
  }
  made.push_back(std::move(way));
}

class Walking {
 public:
  Walking(const State& state, const CanBounds& bounds, Time now)
      : state_(state), bounds_(bounds), now_(now) {}

  CanPage who(Question question) {
    const Candidates candidates = subjects_for(state_, question, now_);
    const auto look = [&](const std::string& id) {
      question.subject = id;
      return look_at(id, question);
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
    const Candidates candidates = entitlements_for(state_, question, now_);
    const auto look = [&](const std::string& name) {
      question.resource = name;
      return look_at(name, question);
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

  bool look_at(const std::string& candidate, const Question& question) {
    if (results_ >= bounds_.results || looked_at_ >= bounds_.steps) {
      page_.more = true;
      return false;
    }
    ++looked_at_;
    ++page_.steps;
    page_.last = candidate;
    if (add(question)) ++results_;
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
    add_grants(state, question, now, made);
    if (made.empty()) add_baseline(state, question, now, made);
    add_offers(state, question, now, made);
  } else if (question.action == "request") {
    add_offers(state, question, now, made);
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
