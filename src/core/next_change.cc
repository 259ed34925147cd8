#include "core/next_change.h"

#include <algorithm>

#include "cedar/next_change.h"
#include "core/consulted.h"
#include "core/grants.h"

namespace writ::core {
namespace {

using cedar::Expr;
using cedar::Op;

bool is_auth(const Expr& e) {
  return e.op == Op::kGet && e.names.at(0) == "auth" && e.args.at(0).op == Op::kContext;
}

// `context.auth.mfa_age` as what it is: how long ago the factor was shown. False where the age is
// read in another way.
bool spell_age_out(Expr& e, Time shown) {
  if (e.op == Op::kGet && is_auth(e.args[0])) {
    if (e.names[0] != "mfa_age") return true;
    Expr now;
    now.op = Op::kGet;
    now.names = {"now"};
    now.args = std::move(e.args[0].args);
    Expr then;
    then.value = cedar::Value::datetime(unix_ms(shown));
    e.op = Op::kCall;
    e.function = cedar::Function::kDurationSince;
    e.names.clear();
    e.args = {std::move(now), std::move(then)};
    return true;
  }
  if (e.op == Op::kHas && (is_auth(e.args[0]) || e.args[0].op == Op::kContext)) return true;
  if (e.op == Op::kContext || is_auth(e)) return false;
  if (e.op == Op::kGet && e.args[0].op == Op::kContext) return true;
  bool all = true;
  for (Expr& arg : e.args) all = spell_age_out(arg, shown) && all;
  return all;
}

// The slice with ages spelled out; of guardrails with a permit that they would be held against.
std::optional<cedar::CompiledPolicies> timed(const Consulted& asked) {
  cedar::PolicySet set;
  const bool ages = asked.factor_shown && (asked.slice->reads & part::kMfaAge) != 0;
  const auto& policies = asked.slice->policies;
  for (std::size_t i = 0; i < policies.size(); ++i) {
    cedar::Policy policy = policies.policy(i);
    if (ages) {
      auto conditions = *policy.conditions;
      for (cedar::Condition& each : conditions) {
        if (!spell_age_out(each.expr, *asked.factor_shown)) return std::nullopt;
      }
      policy.conditions = std::make_shared<const std::vector<cedar::Condition>>(conditions);
    }
    if (!set.add(std::move(policy))) return std::nullopt;
  }
  if (asked.role == Consulted::Role::kGuardrails) {
    auto all = cedar::PolicySet::parse("permit (principal, action, resource);", "",
                                       {.ids = cedar::Ids::kPosition});
    cedar::Policy permit = all->policies().front();
    permit.id = "\n";  // no policy's: an @id has none
    if (!set.add(std::move(permit))) return std::nullopt;
  }
  return cedar::CompiledPolicies(std::move(set));
}

class Looking {
 public:
  Looking(const State& state, const Question& question, Time now, const ChangeBounds& bounds)
      : state_(state), question_(question), now_(now), bounds_(bounds) {}

  NextChange run() {
    if (state_.policies == nullptr || state_.entities == nullptr || now_ < state_.time) return {};
    const bool is = decide(state_, question_, now_).allow;
    collect_ends();
    Time time = now_;
    for (int i = 0; i < bounds_.times; ++i) {
      const auto end = std::upper_bound(ends_.begin(), ends_.end(), time);
      const std::optional<Time> next_end = end == ends_.end() ? std::nullopt : std::optional(*end);
      const Piece piece = policies_from(time);
      const std::optional<Time> next =
          !piece.until || (next_end && *next_end < *piece.until) ? next_end : piece.until;
      if (piece.known_until && (!next || *piece.known_until < *next)) {
        return {{}, is, piece.known_until};
      }
      if (!next) return {{}, is, {}};
      if (decide(state_, question_, *next).allow != is) return {next, !is, {}};
      time = *next;
    }
    return {{}, is, time};
  }

 private:
  struct Piece {
    std::optional<Time> until;        // a policy set answers otherwise from here on
    std::optional<Time> known_until;  // what comes behind is not known
  };

  // How long the policies answer as they do, as long as nothing else ends.
  Piece policies_from(Time time) const {
    Piece made;
    const StateReader reader(state_, time);
    for (const Consulted& asked :
         consulted(state_, question_, time, reader, question_.grant, Also::kNothing)) {
      if ((asked.slice->reads & (part::kNow | part::kMfaAge)) == 0) continue;
      const auto policies = timed(asked);
      const auto change =
          policies ? cedar::next_change(
                         *policies, asked.request, reader,
                         {.failed_forbid = cedar::FailedForbid::kDenies, .steps = bounds_.steps})
                   : Result<cedar::NextChange>(fail(Code::kInvalid, "an age is read as a whole"));
      if (!change) {
        made.known_until = time;
        continue;
      }
      const auto earlier = [](std::optional<Time>& of, std::optional<std::int64_t> ms) {
        if (ms && (!of || Time(Millis(*ms)) < *of)) of = Time(Millis(*ms));
      };
      earlier(made.until, change->at);
      earlier(made.known_until, change->known_until);
    }
    return made;
  }

  void add(Time end) {
    if (end > now_ && end != Time::max()) ends_.push_back(end);
  }
  // The memberships of an identity, and of whoever owns it.
  void add_memberships(std::string id) {
    for (int owners = 0; owners < 8; ++owners) {
      if (const std::vector<Membership>* list = state_.memberships.find(id)) {
        for (const Membership& each : *list) add(each.until);
      }
      const Identity* identity = state_.identities.find(id);
      if (identity == nullptr || !identity->owner.starts_with("identity:")) return;
      id = identity->owner.substr(9);
    }
  }
  void collect_ends() {
    if (question_.subject_type.empty()) add_memberships(question_.subject);
    for (const std::string& actor : question_.actors) add_memberships(actor);
    if (const Certificate* c = state_.certificates.find(question_.credential)) {
      add(c->until);
      add(c->good_until);
    }
    for (const Grant* grant : grants_of(state_, question_.subject, question_.resource)) {
      if (grant->until) add(*grant->until);
    }
    if (const Grant* grant = state_.grants.find(question_.resource)) {
      add_memberships(grant->beneficiary);
    }
    if (const Request* request = state_.requests.find(question_.resource)) {
      add_memberships(request->beneficiary);
      add_memberships(request->requester);
    }
    if (const Change* change = state_.changes.find(question_.resource)) {
      add_memberships(change->proposer);
    }
    if (state_.identities.contains(question_.resource)) add_memberships(question_.resource);
    std::sort(ends_.begin(), ends_.end());
  }

  const State& state_;
  const Question& question_;
  const Time now_;
  const ChangeBounds bounds_;
  std::vector<Time> ends_;
};

}  // namespace

NextChange next_change(const State& state, const Question& question, Time now,
                       const ChangeBounds& bounds) {
  return Looking(state, question, now, bounds).run();
}

}  // namespace writ::core
