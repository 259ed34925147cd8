// A trust domain for tests, made of events alone: what commands would refuse can be folded too.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/decide.h"
#include "core/policy.h"
#include "core/world_test.h"

namespace writ::core::house {

constexpr Time kStart = Time(Millis(1'800'000'000'000));

struct House {
  House() { add(Genesis{"example.org", "test", "1", false, "key", "ca"}); }

  Status push(EventData data) {
    const Event event{state.next_seq, now, "example.org", {"server"}, std::move(data)};
    return fold(state, event, sealer);
  }
  void add(EventData data) {
    const std::string kind(kind_of(data));
    const Status status = push(std::move(data));
    ASSERT_TRUE(status) << kind << ": " << status.error().text();
  }

  void person(const std::string& id, IdentityKind kind = IdentityKind::kUser) {
    Identity identity;
    identity.id = id;
    identity.kind = kind;
    identity.sealed_name = Sealed{id, to_base64(id + "@example.org")};
    identity.name_digest = sealer.digest(id + "@example.org");
    identity.since = now;
    add(IdentityAdded{identity});
  }
  void machine(const std::string& id, const std::string& name, IdentityKind kind,
               const std::string& owner = "") {
    Identity identity;
    identity.id = id;
    identity.kind = kind;
    identity.name = name;
    identity.name_digest = sealer.digest(name);
    identity.owner = owner;
    add(IdentityAdded{identity});
  }
  void group(const std::string& name) { add(GroupAdded{Group{name, "work", false}}); }
  void join(const std::string& group_name, const std::string& id,
            Millis life = std::chrono::days(90)) {
    add(MembershipAdded{Membership{group_name, id, now + life}});
  }
  void target(const std::string& name) {
    TargetSystem t;
    t.name = name;
    t.kind = "postgres";
    add(TargetAdded{t});
    resource(name, "", name);
  }
  void resource(const std::string& name, const std::string& parent, const std::string& target_name,
                const std::string& environment = "", Tier tier = Tier::kHigh) {
    Resource r;
    r.name = name;
    r.parent = parent;
    r.target = target_name;
    r.environment = environment;
    r.tier = tier;
    r.owner = things_owner;
    add(ResourceAdded{r});
  }
  void entitlement(const std::string& resource_name, const std::string& role) {
    Entitlement e;
    e.name = resource_name + "/" + role;
    e.resource = resource_name;
    e.role = role;
    e.database = "orders";
    add(EntitlementAdded{e});
  }
  void door(const std::string& id, const std::string& name,
            const std::vector<std::string>& targets) {
    machine(id, name, IdentityKind::kDoor);
    if (!targets.empty()) add(DoorAdded{Door{id, "postgres", "127.0.0.1", 6432, targets}});
  }
  void policies(const std::string& text) { files({{"test.cedar", text}}); }
  void files(const std::vector<PolicyFile>& set) {
    const auto hash = [](std::string_view bytes) {
      return std::to_string(cedar::hash_bytes(bytes));
    };
    for (const EventData& data : apply_files(state, set, hash)) add(data);
  }
  void device(const std::string& id, const std::string& identity) {
    add(EnrollmentOpened{
        Enrollment{"enr_" + id, identity, "hash of " + id, now + std::chrono::minutes(15)}});
    add(DeviceEnrolled{Device{id, identity, Sealed{identity, to_base64("laptop")}, "key",
                              now + std::chrono::days(90)},
                       "enr_" + id});
  }
  void certificate(const std::string& serial, const std::string& identity, const std::string& dev,
                   const std::string& grant = "") {
    add(CertificateIssued{
        certificate_of(serial, identity, dev, now + std::chrono::hours(12), grant)});
  }
  void factor(const std::string& identity, const std::string& dev) {
    if (!state.second_factors.contains(identity)) {
      add(SecondFactorSet{identity, Sealed{identity, "c2VlZA=="}});
    }
    add(SecondFactorShown{identity, dev, state.second_factors.find(identity)->last_step + 1});
  }
  Grant grant(const std::string& id, const std::string& beneficiary, const std::string& name,
              const std::string& policy) const {
    Grant g;
    g.id = id;
    g.beneficiary = beneficiary;
    g.entitlement = name;
    g.policy = policy;
    g.duration = std::chrono::minutes(30);
    g.created = now;
    return g;
  }
  void activate(const std::string& id) {
    add(GrantActivated{id, now, now + state.grants.find(id)->duration});
  }
  void live(const Grant& g) {
    add(GrantCreated{g});
    activate(g.id);
  }
  void end(const std::string& id) {
    add(GrantRevoking{id, EndReason::kRevoked, std::nullopt, std::nullopt});
    add(GrantEnded{id, EndReason::kRevoked, StepOutcome{true, 0, {}}});
  }

  Decision ask(const Question& question) const { return decide(state, question, now); }

  Time now = kStart;
  std::string things_owner;  // of resources that are added from here on
  world::PlainSealer sealer;
  State state;
};

// erin of engineering, with a device and certificate; one target with a door; one offer.
struct Furnished : House {
  Furnished() {
    person("idn_erin");
    person("idn_dana");
    person("idn_alice");
    for (const char* name : {"engineering", "dba", "administrators"}) group(name);
    join("engineering", "idn_erin");
    join("dba", "idn_dana");
    join("administrators", "idn_alice");
    device("dev_erin", "idn_erin");
    certificate("c1", "idn_erin", "dev_erin");
    things_owner = "group:dba";
    target("pg-main");
    resource("pg-main/orders", "pg-main", "pg-main", "production");
    entitlement("pg-main/orders", "reader");
    entitlement("pg-main/orders", "writer");
    door("idn_door", "pg-door", {"pg-main"});
    policies(kOffer);
  }
  void policies(const std::string& text) { House::policies(default_policies() + text); }

  Question connect() const {
    Question q;
    q.subject = "idn_erin";
    q.action = "connect";
    q.resource_type = "entitlement";
    q.resource = "pg-main/orders/reader";
    q.credential = "c1";
    q.source_ip = "10.0.0.7";
    q.door = "idn_door";
    return q;
  }
  void hold() { live(grant("grt_1", "idn_erin", "pg-main/orders/reader", "engineers-read")); }

  static constexpr const char* kOffer = R"(
@id("engineers-read") @max_ttl("45m") @approval("none")
permit (principal in Writ::Group::"engineering", action == Writ::Action::"request",
        resource == Writ::Entitlement::"pg-main/orders/reader");
)";
};

}  // namespace writ::core::house
