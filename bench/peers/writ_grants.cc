// Writ's own decision in the scenario of grants.py; scenarios.py states what is measured and how.
// The grants are live ones in a State, each with an end and the offer that gave it, and `decide`
// does all that it does for a door: identity, certificate and device, constitution, guardrails, the
// grant and whether its offer still matches.
//
//   writ_grants POLICIES HIERARCHIES SCENARIO    POLICIES is not read: grants are Writ's own
#include <string>
#include <utility>

#include "../plain_sealer.h"
#include "base/random.h"
#include "core/decide.h"
#include "core/event.h"
#include "core/policy.h"
#include "runner.h"

namespace writ::bench {
namespace {

using namespace core;

constexpr Time kNow = Time(Millis(1'800'000'000'000));
constexpr const char* kDoor = "idn_door";
constexpr const char* kOffer = R"(
@id("offer") @max_ttl("8h") @approval("none")
permit (principal is Writ::User, action == Writ::Action::"request", resource);
)";

// A trust domain in which the grants of a hierarchy are live, made of events.
class Domain {
 public:
  explicit Domain(const Json& hierarchy) {
    put(Genesis{"example.org", "bench", "1", false, "key", "ca"});
    TargetSystem target;
    target.name = "target";
    put(TargetAdded{target});
    put(ResourceAdded{Resource{"target", "", "target", Tier::kMedium, "", "", "", {}}});
    for (const Json& each : *hierarchy.find("entities")->as_array()) {
      const Json& uid = *each.find("uid");
      const std::string type = *uid.find("type")->as_string();
      const std::string id = *uid.find("id")->as_string();
      if (type == "User") add_person(id);
      if (type == "Resource") add_resource(id);
    }
    add_identity(kDoor, IdentityKind::kDoor);
    put(DoorAdded{Door{kDoor, "postgres", "127.0.0.1", 6432, {"target"}}});
    const auto hash = [](std::string_view bytes) { return std::to_string(cow_hash(bytes)); };
    for (EventData& data :
         apply_files(state, {{"bench.cedar", default_policies() + kOffer}}, hash)) {
      put(std::move(data));
    }
    for (const Json& each : *hierarchy.find("grants")->as_array()) {
      add_grant(*(*each.as_array())[0].as_string(), *(*each.as_array())[1].as_string());
    }
  }

  State state;

 private:
  void put(EventData data) {
    const Event event{state.next_seq, kNow, "example.org", {"server"}, std::move(data)};
    if (auto status = fold(state, event, sealer_); !status) die(status.error().text());
  }
  void add_identity(const std::string& id, IdentityKind kind) {
    Identity identity;
    identity.id = id;
    identity.kind = kind;
    identity.name_digest = "digest of " + id;
    if (kind == IdentityKind::kUser) {
      identity.sealed_name = Sealed{id, to_base64(id)};
    } else {
      identity.name = id;
    }
    put(IdentityAdded{identity});
  }
  void add_person(const std::string& id) {
    add_identity(id, IdentityKind::kUser);
    put(EnrollmentOpened{Enrollment{"enr", id, "hash", kNow + std::chrono::minutes(15)}});
    put(DeviceEnrolled{Device{"dev of " + id, id, Sealed{id, to_base64("laptop")}, "key of " + id,
                              kNow + std::chrono::days(90)},
                       "enr"});
    put(CertificateIssued{certificate_of(id, id, "dev of " + id, kNow + std::chrono::hours(12))});
  }
  void add_resource(const std::string& id) {
    put(ResourceAdded{Resource{id, "target", "target", Tier::kMedium, "", "", "", {}}});
    Entitlement entitlement;
    entitlement.name = entitlement.resource = id;
    entitlement.role = "reader";
    entitlement.database = "db";
    put(EntitlementAdded{entitlement});
  }
  void add_grant(const std::string& person, const std::string& resource) {
    Grant grant;
    grant.id = new_id("grt", random_);
    grant.beneficiary = person;
    grant.entitlement = resource;
    grant.policy = "offer";
    grant.duration = std::chrono::hours(8);
    grant.created = kNow;
    put(GrantCreated{grant});
    put(GrantActivated{grant.id, kNow, kNow + grant.duration});
  }

  SeededRandom random_{1};
  PlainSealer sealer_;
};

bool allowed(const State& state, const Asked& asked) {
  Question question;
  question.subject = asked[1];
  question.action = asked[3];
  question.resource_type = "entitlement";
  question.resource = asked[5];
  question.credential = asked[1];
  question.source_ip = "10.2.3.4";
  question.door = kDoor;
  return decide(state, question, kNow).allow;
}

int run(const std::string& hierarchies, const char* scenario) {
  Tally tally;
  for_each_hierarchy(hierarchies, [&](const Json& hierarchy) {
    const Domain domain(hierarchy);
    tally.take(
        hierarchy, [&](const Asked& asked) { return allowed(domain.state, asked); },
        [](bool allow) { return allow; });
  });
  tally.print(scenario);
  return 0;
}

}  // namespace
}  // namespace writ::bench

int main(int argc, char** argv) {
  if (argc != 4) writ::bench::die("usage: writ_grants POLICIES HIERARCHIES SCENARIO");
  return writ::bench::run(argv[2], argv[3]);
}
