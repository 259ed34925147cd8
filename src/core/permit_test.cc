// The printed permits of grants, evaluated as static policies, decide as the stored grants do.
#include <gtest/gtest.h>

#include "cedar/authorize.h"
#include "core/house_test.h"
#include "core/reader.h"

namespace writ::core {
namespace {

using house::House;
using std::chrono::minutes;

TEST(PrintPermit, SaysWhoWhatUntilWhenAndOnWhichConditions) {
  house::Furnished h;
  h.policies(R"(@id("engineers-read") @approval("none")
permit (principal in Writ::Group::"engineering", action == Writ::Action::"request", resource)
when { context.duration <= duration("1h") };)");
  h.hold();
  EXPECT_EQ(print_permit(h.state, *h.state.grants.find("grt_1")),
            R"(@id("grant grt_1")
permit (
  principal == Writ::User::"idn_erin",
  action == Writ::Action::"connect",
  resource == Writ::Entitlement::"pg-main/orders/reader"
)
when { context.now < datetime("2027-01-15T08:30:00.000Z") }
when { principal in Writ::Group::"engineering" }
when { {"approvals": 0, "auth": {"attestation": "none", "method": "certificate", "strength": "one_factor"}, "duration": duration("1800000ms"), "now": context.now}.duration <= duration("1h") };
)");
}

const char* const kOffers[] = {
    R"(@id("o0") permit (principal in Writ::Group::"g0", action == Writ::Action::"request", resource);)",
    R"(@id("o1") permit (principal is Writ::User, action == Writ::Action::"request",
        resource in Writ::Environment::"staging") when { context.duration <= duration("20m") };)",
    R"(@id("o2") permit (principal is Writ::User in Writ::Group::"g1", action == Writ::Action::"request",
        resource in Writ::Resource::"pg/a") unless { context.approvals < 2 };)",
    R"(@id("o3") permit (principal, action == Writ::Action::"request", resource)
        when { context.auth has mfa_age && context.auth.mfa_age < duration("10m") };)",
    R"(@id("o4") permit (principal, action == Writ::Action::"request", resource)
        when { context.now < datetime("2027-01-15T08:20:00.000Z") || principal in Writ::Group::"g2" };)",
    R"(@id("o5") permit (principal == Writ::User::"idn_1", action == Writ::Action::"request", resource)
        when { context.auth.mfa_age > duration("1s") };)",
    R"(@id("b0") permit (principal in Writ::Group::"g0", action == Writ::Action::"connect",
        resource in Writ::Tier::"medium") when { context.source_ip.isInRange(ip("10.0.0.0/8")) };)",
};
const char* const kGuardrails[] = {
    R"(@id("f0") forbid (principal in Writ::Group::"g2", action == Writ::Action::"connect",
        resource in Writ::Environment::"production");)",
    R"(@id("f1") forbid (principal, action, resource in Writ::Tier::"high")
        unless { context.source_ip.isInRange(ip("10.0.0.0/8")) };)",
    R"(@id("f2") forbid (principal is Writ::Workload, action == Writ::Action::"connect", resource)
        when { principal.purpose == "none" };)",
};

struct RandomHouse : House {
  explicit RandomHouse(unsigned seed) : random(seed) {
    for (int i = 0; i < 6; ++i) person("idn_" + std::to_string(i));
    machine("idn_6", "job", IdentityKind::kWorkload);
    for (const char* name : {"g0", "g1", "g2"}) group(name);
    target("pg");
    resource("pg/a", "pg", "pg", "production", Tier::kHigh);
    resource("pg/b", "pg", "pg", "staging", Tier::kMedium);
    for (const char* name : {"pg/a", "pg/b"}) {
      entitlement(name, "reader");
      entitlement(name, "writer");
    }
    for (int i = 0; i < 12; ++i) {
      join("g" + std::to_string(random.below(3)), any_identity(), minutes(5 + random.below(60)));
    }
    for (const char* text : kOffers) {
      if (random.below(4) != 0) cedar_text += std::string(text) + "\n";
    }
    for (const char* text : kGuardrails) {
      if (random.below(2) != 0) guardrails += std::string(text) + "\n";
    }
    policies(cedar_text + guardrails);
    for (int i = 0; i < 25; ++i) {
      now += Millis(random.below(60'000));
      const bool baseline = random.below(7) == 0;
      Grant g = grant("grt_" + std::to_string(i), any_identity(), any_entitlement(),
                      baseline ? "b0" : "o" + std::to_string(random.below(6)));
      g.cause = baseline ? Cause::kBaseline : Cause::kOffer;
      g.duration = minutes(1 + random.below(40));
      for (unsigned long long n = random.below(3); n > 0; --n) g.approvers.push_back("idn_0");
      if (random.below(2) != 0) g.mfa_age_ms = static_cast<std::int64_t>(random.below(1'200'000));
      add(GrantCreated{g});
      if (random.below(8) != 0) activate(g.id);
      if (random.below(8) == 0) {
        add(GrantRevoking{g.id, EndReason::kRevoked, std::nullopt, std::nullopt});
      }
    }
  }
  std::string any_identity() { return "idn_" + std::to_string(random.below(7)); }
  std::string any_entitlement() {
    return std::string(random.below(2) != 0 ? "pg/a/" : "pg/b/") +
           (random.below(2) != 0 ? "reader" : "writer");
  }

  SeededRandom random;
  std::string cedar_text;
  std::string guardrails;
};

TEST(PrintPermit, PrintedPermitsAndStoredGrantsAgree) {
  int allowed = 0, denied = 0;
  for (unsigned seed = 1; seed <= 60; ++seed) {
    RandomHouse h(seed);
    std::string text = h.guardrails;
    h.state.grants.for_each(
        [&](const std::string&, const Grant& g) { text += print_permit(h.state, g); });
    auto parsed = cedar::PolicySet::parse(text, "printed", {.ids = cedar::Ids::kAnnotation});
    ASSERT_TRUE(parsed) << parsed.error().text() << text;
    const cedar::CompiledPolicies printed(std::move(*parsed));
    for (int i = 0; i < 60; ++i) {
      if (i % 12 == 11) h.now += minutes(h.random.below(12));
      Question q;
      q.subject = h.any_identity();
      q.action = "connect";
      q.resource_type = "entitlement";
      q.resource = h.any_entitlement();
      q.source_ip = h.random.below(2) != 0 ? "10.1.2.3" : "203.0.113.9";
      const Decision decision = h.ask(q);

      const StateReader reader(h.state, h.now);
      const Subject& subject = *h.state.entities->subject(q.subject);
      // A grant's permit alone says with which of its facts the guardrails are asked; none of these
      // guardrails reads them.
      Facts facts;
      facts.now = h.now;
      facts.source_ip = q.source_ip;
      facts.approvals = 0;
      const cedar::Request request{
          reader.of(subject).uid, cedar::EntityUid("Writ::Action", "connect"),
          cedar::EntityUid("Writ::Entitlement", q.resource), context_of(h.state, facts)};
      const cedar::Response response = cedar::authorize(printed, request, reader);
      const bool permitted =
          response.decision == cedar::Decision::kAllow && !response.forbid_failed;
      ASSERT_EQ(decision.allow, permitted) << "seed " << seed << " " << q.subject << " "
                                           << q.resource << ": " << decision.message << "\n"
                                           << text;
      ++(permitted ? allowed : denied);
    }
    // A decoded snapshot decides the same.
    const auto again = decode_snapshot(encode_snapshot(h.state), h.sealer);
    ASSERT_TRUE(again) << again.error().text();
    EXPECT_EQ(encode_snapshot(*again), encode_snapshot(h.state));
    for (int i = 0; i < 30; ++i) {
      Question q;
      q.subject = h.any_identity();
      q.action = i % 3 == 0 ? "request" : "connect";
      q.resource_type = "entitlement";
      q.resource = h.any_entitlement();
      q.source_ip = "10.1.2.3";
      q.duration = minutes(10);
      const Decision a = decide(h.state, q, h.now), b = decide(*again, q, h.now);
      ASSERT_EQ(a.allow, b.allow);
      ASSERT_EQ(reason_of(a), reason_of(b));
      ASSERT_EQ(a.needs, b.needs);
      ASSERT_EQ(a.grant, b.grant);
      ASSERT_EQ(a.message, b.message);
    }
  }
  // Compilers evaluate arguments in different orders, and so draw other worlds.
  EXPECT_GT(allowed, 100);
  EXPECT_GT(denied, 200);
}

}  // namespace
}  // namespace writ::core
