// Decisions are made the quick way: by indices, with each part of the context made when a policy
// reads it. Here the same questions are answered the plain way, and the answers are the same.
#include <gtest/gtest.h>

#include <algorithm>

#include "base/sanitizer_for_test.h"
#include "cedar/authorize.h"
#include "core/call.h"
#include "core/house_test.h"
#include "core/reader.h"

namespace writ::core {
namespace {

using house::House;
using std::chrono::minutes;

// ---- Context ----

// Conditions that read context in every way, some of which fail on some questions.
constexpr const char* kConditions[] = {
    "context.now < datetime(\"2027-01-15T08:30:00.000Z\")",
    "context.source_ip.isInRange(ip(\"10.0.0.0/8\"))",
    "context has source_ip && context.source_ip.isLoopback()",
    "context.auth.mfa_age <= duration(\"10m\")",
    "context.auth has mfa_age && context.auth.mfa_age > duration(\"1m\")",
    "context has auth.mfa_age",
    "context has auth.nothing.more",
    "context.auth.strength == \"two_factor\"",
    "context.auth.method like \"cert*\"",
    "context.auth.attestation == \"none\" && context.auth has device",
    "context.auth.device == \"dev_a\"",
    "context has auth.credential && context.auth.credential == \"c1\"",
    R"(context.auth == {"attestation": "none", "method": "certificate", "strength": "one_factor"})",
    "context.auth has nothing",
    "context.auth.nothing",
    "context.nothing.more",
    "context has nothing",
    "context.approvals >= 1",
    "context has duration && context.duration < duration(\"1h\")",
    "context.duration",
    "context.actor_chain.isEmpty()",
    "principal in context.actor_chain",
    "context has grant && context.grant.until > context.now",
    "context.grant.nothing == 1",
    "context.now.mfa_age == 1",
    "context has now.more",
    "context == {}",
    "[context.approvals, 2].contains(2) && {\"a\": context}.a.approvals < 9",
    "context.size.width > 3",
    "context has size.width && context has colour",
    "context.colour == \"red\"",
    "context.colour.shade",
};

Facts any_facts(SeededRandom& random, Time now, const std::vector<std::string>& actors,
                const Grant& grant) {
  static constexpr const char* kAddresses[] = {"", "10.2.3.4", "127.0.0.1", "::1", "no address"};
  const auto chance = [&] { return random.below(2) == 0; };
  Facts facts;
  facts.now = now;
  facts.factor_of = chance() ? "idn_a" : "idn_b";
  if (chance()) facts.device = "dev_a";
  if (chance()) facts.mfa_age = Millis(random.below(1'200'000));
  if (chance()) facts.credential = "c1";
  facts.source_ip = kAddresses[random.below(std::size(kAddresses))];
  if (chance()) facts.actors = &actors;
  if (chance()) facts.grant = &grant;
  facts.recorded = facts.grant != nullptr && chance();
  if (chance()) facts.approvals = static_cast<int>(random.below(3));
  if (chance()) facts.duration = minutes(random.below(90));
  return facts;
}

TEST(Context, ReadInPartsIsAsReadWhole) {
  House h;
  h.person("idn_a");
  h.person("idn_b");
  h.target("pg");
  h.entitlement("pg", "reader");
  h.device("dev_a", "idn_a");
  h.factor("idn_a", "dev_a");
  h.live(h.grant("grt_1", "idn_a", "pg/reader", "p"));
  h.now += minutes(5);
  std::string text;
  for (std::size_t i = 0; i < std::size(kConditions); ++i) {
    text += std::string(i % 2 == 0 ? "permit" : "forbid") + " (principal, action, resource) " +
            (i % 3 == 0 ? "unless" : "when") + " { " + kConditions[i] + " };\n";
  }
  auto parsed = cedar::PolicySet::parse(text, "conditions");
  ASSERT_TRUE(parsed) << parsed.error().text();
  const cedar::CompiledPolicies policies(std::move(*parsed));
  const std::vector<cedar::Field> asserted{
      {"size", cedar::Value::record({{"width", cedar::Value::integer(4)}})},
      {"colour", cedar::Value::string("red")}};
  const StateReader reader(h.state, h.now);
  const cedar::Entity& principal = h.state.entities->subject("idn_a")->entity;
  const std::vector<std::string> actors{"idn_a", "idn_b", "idn_unknown"};
  SeededRandom random(11);
  std::size_t errors = 0, reasons = 0;
  for (int i = 0; i < 400; ++i) {
    const Facts facts = any_facts(random, h.now, actors, *h.state.grants.find("grt_1"));
    const std::span<const cedar::Field> said =
        std::span(asserted).first(random.below(asserted.size() + 1));
    const cedar::EntityUid action("Writ::Action", "connect");
    const cedar::EntityUid resource("Writ::Entitlement", "pg/reader");
    const cedar::Response whole = cedar::authorize(
        policies, cedar::Request{principal.uid, action, resource, context_of(h.state, facts, said)},
        reader);
    const Context context(h.state, facts, said);
    const cedar::RequestView request{principal.uid, action, resource, context};
    const cedar::Response parts = cedar::authorize(policies, request, reader);
    ASSERT_EQ(parts.decision, whole.decision);
    ASSERT_EQ(parts.reasons, whole.reasons);
    ASSERT_EQ(parts.forbid_failed, whole.forbid_failed);
    ASSERT_EQ(parts.errors.size(), whole.errors.size());
    for (std::size_t e = 0; e < whole.errors.size(); ++e) {
      ASSERT_EQ(parts.errors[e].policy, whole.errors[e].policy);
      ASSERT_EQ(parts.errors[e].error.text(), whole.errors[e].error.text());
    }
    for (std::size_t p = 0; p < policies.size(); ++p) {
      const auto why = cedar::explain(
          policies, p,
          cedar::Request{principal.uid, action, resource, context_of(h.state, facts, said)},
          reader);
      ASSERT_EQ(cedar::satisfied(policies, p, request, reader),
                why.outcome == cedar::Explanation::Outcome::kSatisfied);
    }
    errors += whole.errors.size();
    reasons += whole.reasons.size();
  }
  EXPECT_GT(errors, 1000u);
  EXPECT_GT(reasons, 1000u);
}

// ---- connect ----

// A connect decided by looking through everything, with the context as one record.
class Plain {
 public:
  Plain(const State& state, const Question& question, Time now)
      : s_(state), q_(question), now_(now), reader_(state, now) {}

  Decision decide() {
    const Identity* identity = s_.identities.find(q_.subject);
    if (identity == nullptr || identity->state != IdentityState::kActive) return {};
    std::string wanted = q_.grant;
    Facts facts;
    facts.now = now_;
    facts.factor_of = q_.subject;
    facts.source_ip = q_.source_ip;
    facts.actors = &q_.actors;
    if (!q_.credential.empty()) {
      const Certificate* c = s_.certificates.find(q_.credential);
      if (c == nullptr || now_ >= c->until || c->revoked || c->identity != q_.subject) return {};
      const Device* device = s_.devices.find(c->device);
      if (!c->device.empty() && (device == nullptr || now_ >= device->until)) return {};
      if (!c->grant.empty() && !wanted.empty() && wanted != c->grant) return {};
      if (!c->grant.empty()) wanted = c->grant;
      facts.credential = c->serial;
      facts.device = c->device;
    }
    const EntitlementEntry* entry = s_.entities->entitlement(q_.resource);
    if (entry == nullptr) return {};
    if (!q_.door.empty() && !may_ask()) return {};
    const cedar::Entity& principal = reader_.of(*s_.entities->subject(q_.subject));
    std::vector<const Grant*> candidates;
    s_.grants.for_each([&](const std::string&, const Grant& g) {
      if (g.beneficiary != q_.subject || g.entitlement != q_.resource) return;
      if (!wanted.empty() && g.id != wanted) return;
      if (g.state == GrantState::kActive && now_ < *g.until) candidates.push_back(&g);
    });
    std::sort(candidates.begin(), candidates.end(), [](const Grant* a, const Grant* b) {
      return *a->until != *b->until ? *a->until > *b->until : a->id < b->id;
    });
    Decision blocked;
    bool is_blocked = false;
    for (const Grant* g : candidates) {
      Facts of_grant = facts;
      of_grant.grant = g;
      of_grant.approvals = static_cast<int>(g->approvers.size());
      of_grant.duration = g->duration;
      const Giver* giver = s_.policies->giver(g->policy);
      if (giver == nullptr || giver->offer != (g->cause == Cause::kOffer)) continue;
      const Facts giving = giver->offer ? recorded_facts(*g, now_) : of_grant;
      const char* action = giver->offer ? "request" : "connect";
      if (authorize(giver->alone(), principal, action, giving).decision !=
          cedar::Decision::kAllow) {
        continue;
      }
      const Slice& guardrails = s_.policies->guardrails;
      const cedar::Response guard = authorize(guardrails, principal, "connect", of_grant);
      Decision answer;
      if (guard.reasons.empty() && !guard.forbid_failed) {
        answer.allow = true;
        answer.grant = g->id;
        answer.login_stem = s_.entities->subject(q_.subject)->login_stem;
        answer.until = g->until;
        answer.policies.push_back(g->policy);
        return answer;
      }
      for (const std::uint32_t index : guard.reasons) {
        answer.policies.push_back(guardrails.policies.id(index));
      }
      for (const cedar::PolicyError& error : guard.errors) {
        answer.policies.push_back(guardrails.policies.id(error.policy));
        answer.errors.push_back(guardrails.policies.id(error.policy) + ": " + error.error.text());
      }
      if (!is_blocked) blocked = answer;
      is_blocked = true;
    }
    return blocked;
  }

 private:
  bool may_ask() const {
    const Identity* door = s_.identities.find(q_.door);
    const Door* what = s_.doors.find(q_.door);
    const Entitlement* entitlement = s_.entitlements.find(q_.resource);
    const Resource* resource = s_.resources.find(entitlement->resource);
    return !q_.credential.empty() && door != nullptr && door->kind == IdentityKind::kDoor &&
           door->state == IdentityState::kActive && what != nullptr &&
           std::find(what->targets.begin(), what->targets.end(), resource->target) !=
               what->targets.end();
  }
  cedar::Response authorize(const Slice& slice, const cedar::Entity& principal,
                            std::string_view action, const Facts& facts) const {
    const cedar::Request request{principal.uid, cedar::EntityUid("Writ::Action", action),
                                 cedar::EntityUid("Writ::Entitlement", q_.resource),
                                 context_of(s_, facts)};
    return cedar::authorize(slice.policies, request, reader_);
  }

  const State& s_;
  const Question& q_;
  Time now_;
  StateReader reader_;
};

constexpr const char* kPolicies = R"(
@id("o0") @approval("none")
permit (principal in Writ::Group::"g0", action == Writ::Action::"request", resource);
@id("o1") @approval("none")
permit (principal is Writ::User, action == Writ::Action::"request",
        resource in Writ::Environment::"staging") when { context.duration <= duration("20m") };
@id("o2") @approval("none")
permit (principal, action == Writ::Action::"request", resource in Writ::Resource::"pg/a")
unless { context.auth.mfa_age > duration("10m") };
@id("f0")
forbid (principal in Writ::Group::"g1", action == Writ::Action::"connect",
        resource in Writ::Tier::"medium");
@id("f1")
forbid (principal, action, resource in Writ::Environment::"production")
unless { context.source_ip.isInRange(ip("10.0.0.0/8")) };
@id("f2")
forbid (principal is Writ::User in Writ::Group::"g2", action in [Writ::Action::"connect"], resource)
unless { context.auth has mfa_age && context.auth.mfa_age <= duration("15m") };
@id("f3")
forbid (principal, action == Writ::Action::"connect", resource is Writ::Entitlement)
when { context.approvals > 1 && context.auth.device == principal.purpose };
@id("f4")
forbid (principal, action == Writ::Action::"connect", resource)
when { context.grant.cause == "break_glass" || context has auth.credential && context.auth.credential like "lost*" };
@id("f5")
forbid (principal, action == Writ::Action::"connect", resource is Writ::Resource);
@id("f6")
forbid (principal == Writ::User::"idn_3", action == Writ::Action::"connect",
        resource == Writ::Entitlement::"pg/b/writer");
@id("f7")
forbid (principal is Writ::Workload, action == Writ::Action::"connect",
        resource is Writ::Entitlement in Writ::Target::"pg")
unless { context.duration < duration("30m") };
)";
// What was in force before: some give more, some forbid less.
constexpr const char* kOtherPolicies = R"(
@id("o0") @approval("none")
permit (principal, action == Writ::Action::"request", resource);
@id("o2") @approval("none")
permit (principal is Writ::User, action == Writ::Action::"request", resource);
@id("f9")
forbid (principal in Writ::Group::"g0", action, resource in Writ::Resource::"pg/b")
when { context.approvals == 0 };
)";

struct Busy : House {
  explicit Busy(unsigned seed) : random(seed) {
    for (int i = 0; i < 5; ++i) person(name(i));
    machine(name(5), "job", IdentityKind::kWorkload);
    for (const char* g : {"g0", "g1", "g2"}) group(g);
    target("pg");
    resource("pg/a", "pg", "pg", "production", Tier::kHigh);
    resource("pg/b", "pg", "pg", "staging", Tier::kMedium);
    for (const char* r : {"pg/a", "pg/b"}) {
      entitlement(r, "reader");
      entitlement(r, "writer");
    }
    for (int i = 0; i < 10; ++i) {
      join("g" + std::to_string(random.below(3)), any_identity(), minutes(5 + random.below(60)));
    }
    for (int i = 0; i < 6; ++i) {
      device("dev" + name(i), name(i));
      certificate("c" + name(i), name(i), i == 4 ? "" : "dev" + name(i));
      if (random.below(2) == 0) factor(name(i), random.below(3) != 0 ? "dev" + name(i) : "other");
    }
    for (const char* id : {"idn_door", "idn_side"}) door(id, id, {"pg"});
    policies(kPolicies);
    for (int i = 0; i < 30; ++i) turn();
  }
  static std::string name(int i) { return "idn_" + std::to_string(i); }
  std::string any_identity() { return name(static_cast<int>(random.below(6))); }
  std::string any_entitlement() {
    return std::string(random.below(2) != 0 ? "pg/a/" : "pg/b/") +
           (random.below(2) != 0 ? "reader" : "writer");
  }
  std::string any_grant() {
    std::vector<std::string> ids;
    state.grants.for_each([&](const std::string& id, const Grant&) { ids.push_back(id); });
    std::sort(ids.begin(), ids.end());
    return ids.empty() ? "" : ids[random.below(ids.size())];
  }
  // Something happens to what stands around the grants.
  void turn_around() {
    const std::string id = random.below(2) != 0 ? "idn_door" : "idn_side";
    const IdentityState state_now = state.identities.find(id)->state;
    switch (random.below(6)) {
      case 0:
        add(IdentityStateChanged{id, state_now == IdentityState::kActive
                                         ? IdentityState::kQuarantined
                                         : IdentityState::kActive});
        break;
      case 1:
        if (state.doors.contains(id)) add(DoorRemoved{id});
        break;
      case 2:
        add(DoorAdded{Door{id, "postgres", "127.0.0.1", 6432, {"pg"}}});
        break;
      case 3:
        policies(random.below(2) != 0 ? kPolicies : kOtherPolicies);
        break;
      case 4: {
        const std::string serial = "c" + any_identity();
        if (random.below(4) == 0) add(CertificateRevoked{serial, "lost"});
        break;
      }
      default: {
        const std::string device = "dev" + any_identity();
        if (random.below(4) == 0 && state.devices.contains(device)) add(DeviceRemoved{device});
      }
    }
  }
  // Something happens to some grant, or around them.
  void turn() {
    now += Millis(random.below(90'000));
    if (random.below(4) == 0) return turn_around();
    const std::string id = any_grant();
    const Grant* grant = state.grants.find(id);
    switch (random.below(8)) {
      case 0:
        if (grant != nullptr && grant->state == GrantState::kActivating) activate(id);
        break;
      case 1:
        if (grant != nullptr && grant->state != GrantState::kRevoking) {
          add(GrantRevoking{id, EndReason::kRevoked, std::nullopt, std::nullopt});
        }
        break;
      case 2:
        if (grant != nullptr && grant->state == GrantState::kRevoking) {
          add(GrantEnded{id, EndReason::kRevoked, StepOutcome{true, 0, {}}});
        }
        break;
      case 3:
        if (grant != nullptr && grant->state != GrantState::kActive) {
          add(GrantTryFailed{id, 1, "down"});
        }
        break;
      default: {
        Grant g = this->grant("grt_" + std::to_string(next++), any_identity(), any_entitlement(),
                              "o" + std::to_string(random.below(4)));
        g.duration = minutes(1 + random.below(40));
        for (auto n = random.below(3); n > 0; --n) g.approvers.push_back("idn_0");
        if (random.below(2) != 0) g.mfa_age_ms = static_cast<std::int64_t>(random.below(900'000));
        add(GrantCreated{g});
        if (random.below(4) != 0) activate(g.id);
        if (random.below(6) == 0) {
          certificate("c" + g.id, g.beneficiary, "dev" + g.beneficiary, g.id);
        }
      }
    }
  }
  Question question() {
    Question q;
    q.subject = any_identity();
    q.action = "connect";
    q.resource_type = "entitlement";
    q.resource = any_entitlement();
    if (const Grant* grant = state.grants.find(any_grant()); grant && random.below(5) != 0) {
      q.subject = grant->beneficiary;
      q.resource = grant->entitlement;
    }
    q.source_ip = random.below(3) != 0 ? "10.1.2.3" : "203.0.113.9";
    if (random.below(6) != 0) q.credential = "c" + (random.below(9) != 0 ? q.subject : "idn_0");
    if (random.below(8) == 0) q.grant = any_grant();
    if (random.below(8) == 0) q.credential = "c" + any_grant();
    if (random.below(3) == 0) q.door = random.below(3) != 0 ? "idn_door" : "idn_side";
    return q;
  }

  SeededRandom random;
  int next = 0;
};

TEST(Connect, IsDecidedAsThePlainWay) {
  int allowed = 0, blocked = 0;
  for (unsigned seed = 1; seed <= rounds(80U); ++seed) {
    Busy h(seed);
    for (int i = 0; i < 120; ++i) {
      // A published snapshot is not touched by what happens after, and decides as before.
      const State snapshot = h.state;
      const Time then = h.now;
      const Question q = h.question();
      const Decision plain = Plain(snapshot, q, then).decide();
      h.turn();
      const Decision quick = decide(snapshot, q, then);
      ASSERT_EQ(quick.allow, plain.allow) << "seed " << seed << ": " << quick.message;
      ASSERT_EQ(quick.grant, plain.grant);
      ASSERT_EQ(quick.login(), plain.login());
      ASSERT_EQ(quick.until, plain.until);
      if (plain.allow || !plain.policies.empty()) {
        ASSERT_EQ(reason_of(quick), reason_of(plain)) << quick.message;
      }
      ASSERT_EQ(quick.errors, plain.errors);
      allowed += plain.allow ? 1 : 0;
      blocked += !plain.allow && !plain.policies.empty() ? 1 : 0;
    }
  }
  EXPECT_GT(allowed, rounds(150));
  EXPECT_GT(blocked, rounds(30));
}

void expect_same(const Decision& a, const Decision& b) {
  ASSERT_EQ(a.allow, b.allow) << a.message << " / " << b.message;
  ASSERT_EQ(a.message, b.message);
  ASSERT_EQ(a.grant, b.grant);
  ASSERT_EQ(a.login(), b.login());
  ASSERT_EQ(a.until, b.until);
  ASSERT_EQ(a.policies, b.policies);
  ASSERT_EQ(a.errors, b.errors);
  ASSERT_EQ(a.needs, b.needs);
}

TEST(Connect, IsDecidedTogetherAndFromASnapshotAsAlone) {
  int allowed = 0;
  for (unsigned seed = 1; seed <= 20; ++seed) {
    Busy h(seed);
    for (int i = 0; i < 8; ++i) {
      for (int turns = 0; turns < 15; ++turns) h.turn();
      const auto again = decode_snapshot(encode_snapshot(h.state), h.sealer);
      ASSERT_TRUE(again) << again.error().text();
      std::vector<Question> questions;
      for (std::uint64_t n = h.random.below(40); n > 0; --n) {
        questions.push_back(h.question());
        if (h.random.below(8) == 0) questions.back().action = "request";
        if (h.random.below(8) == 0) questions.back().resource_type = "system";
        if (h.random.below(8) == 0) questions.back().subject = "idn_unknown";
      }
      std::vector<const Question*> asked;
      for (const Question& q : questions) asked.push_back(&q);
      const std::vector<Decision> together = decide_together(h.state, asked, h.now);
      ASSERT_EQ(together.size(), questions.size());
      for (std::size_t k = 0; k < questions.size(); ++k) {
        const Decision alone = decide(h.state, questions[k], h.now);
        expect_same(together[k], alone);
        expect_same(decide(*again, questions[k], h.now), alone);
        allowed += alone.allow ? 1 : 0;
      }
    }
  }
  EXPECT_GT(allowed, 100);
  const State nothing;
  const Question q;
  const Question* asked[] = {&q};
  EXPECT_FALSE(decide_together(nothing, asked, house::kStart)[0].allow);
}

}  // namespace
}  // namespace writ::core
