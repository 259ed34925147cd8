// A trust domain of some size, made of events, and questions about it: what decide_bench and
// grants_bench measure.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "core/decide.h"
#include "core/event.h"
#include "core/policy.h"
#include "plain_sealer.h"

namespace writ::bench {

using namespace writ::core;

constexpr int kIdentities = 10'000;
constexpr int kEntitlements = 1'000;
constexpr int kGroups = 50;
constexpr Time kStart = Time(Millis(1'800'000'000'000));

constexpr const char* kPolicies = R"(
@id("production-from-inside")
forbid (principal, action == Writ::Action::"connect", resource in Writ::Environment::"production")
unless { context.source_ip.isInRange(ip("10.0.0.0/8")) };
@id("fresh-factor-for-critical")
forbid (principal is Writ::User, action == Writ::Action::"connect", resource in Writ::Tier::"critical")
unless { context.auth has mfa_age && context.auth.mfa_age <= duration("15m") };
@id("members-read") @max_ttl("1h") @approval("none")
permit (principal in Writ::Group::"group-1", action == Writ::Action::"request",
        resource in Writ::Environment::"production");
@id("everyone-reads") @max_ttl("1h") @approval("1 of owner")
permit (principal is Writ::User, action == Writ::Action::"request", resource);
)";

// Connects, kept as one text: so they take little of the caches that what they are decided on
// needs.
class Questions {
 public:
  explicit Questions(std::string door) : door_(std::move(door)) {}
  std::size_t size() const { return ends_.size() / kParts; }
  void add(std::string_view subject, std::string_view resource, std::string_view credential) {
    for (const std::string_view part : {subject, resource, credential}) {
      text_ += part;
      ends_.push_back(static_cast<std::uint32_t>(text_.size()));
    }
  }
  // Makes a question of one, as whoever parsed a request leaves it: its texts are at hand.
  void read(std::size_t i, Question& question) const {
    std::size_t at = i * kParts;
    const auto next = [&] {
      const std::size_t from = at == 0 ? 0 : ends_[at - 1];
      return std::string_view(text_).substr(from, ends_[at++] - from);
    };
    question.subject = next();
    question.action = "connect";
    question.resource_type = "entitlement";
    question.resource = next();
    question.credential = next();
    question.source_ip = "10.2.3.4";
    question.door = door_;
  }

 private:
  static constexpr std::size_t kParts = 3;
  std::string door_;
  std::string text_;
  std::vector<std::uint32_t> ends_;  // of the parts, in the text
};

// A trust domain of some size, made of events.
class Domain {
 public:
  Domain() {
    put(Genesis{"example.org", "bench", "1", false, "key", "ca"});
    for (int i = 0; i < kGroups; ++i)
      put(GroupAdded{Group{"group-" + std::to_string(i), "", false}});
    for (int i = 0; i < kIdentities; ++i) add_person();
    TargetSystem target;
    target.name = "pg-main";
    put(TargetAdded{target});
    put(ResourceAdded{
        Resource{"pg-main", "", "pg-main", Tier::kHigh, "production", "group:group-0"}});
    for (int i = 0; i < kEntitlements; ++i) add_entitlement(i);
    Identity door;
    door.id = door_ = new_id("idn", random);
    door.kind = IdentityKind::kDoor;
    door.name = "pg-door";
    door.name_digest = "door";
    put(IdentityAdded{door});
    put(DoorAdded{Door{door_, "postgres", "127.0.0.1", 6432, {"pg-main"}}});
    const auto hash = [](std::string_view bytes) { return std::to_string(cow_hash(bytes)); };
    for (EventData& data :
         apply_files(state, {{"bench.cedar", default_policies() + kPolicies}}, hash)) {
      put(std::move(data));
    }
  }

  void put(EventData data) {
    const Event event{state.next_seq, now, "example.org", {"server"}, std::move(data)};
    if (auto status = fold(state, event, sealer); !status) {
      std::cerr << status.error().text() << "\n";
      std::exit(1);
    }
    ++events;
  }

  std::string add_grant() {
    Grant g;
    g.id = new_id("grt", random);
    g.beneficiary = people_[random.below(people_.size())];
    g.entitlement = entitlements_[random.below(entitlements_.size())];
    g.policy = "everyone-reads";
    g.request = new_id("req", random);
    g.purpose = Sealed{g.beneficiary, std::string(72, 'A')};
    g.approvers.push_back(people_[0]);
    g.duration = std::chrono::hours(1);
    g.created = now;
    put(GrantCreated{g});
    put(GrantActivated{g.id, now, now + g.duration});
    return g.id;
  }
  void end_grant(const std::string& id) {
    put(GrantRevoking{id, EndReason::kExpired, std::nullopt, std::nullopt});
    put(GrantEnded{id, EndReason::kExpired, {}});
  }

  // Connects that are allowed, of random grants.
  Questions questions(std::size_t count) const {
    std::vector<const Grant*> grants;
    state.grants.for_each([&](const std::string&, const Grant& g) { grants.push_back(&g); });
    SeededRandom order(3);
    for (std::size_t i = grants.size(); i > 1; --i) {
      std::swap(grants[i - 1], grants[order.below(i)]);
    }
    grants.resize(std::min(grants.size(), count));
    Questions all(door_);
    for (const Grant* g : grants) {
      all.add(g->beneficiary, g->entitlement, "serial of " + g->beneficiary);
    }
    return all;
  }

  SeededRandom random{1};
  PlainSealer sealer;
  State state;
  Time now = kStart;
  std::uint64_t events = 0;

 private:
  void add_person() {
    Identity person;
    person.id = new_id("idn", random);
    person.sealed_name = Sealed{person.id, to_base64("person-" + std::to_string(people_.size()))};
    person.name_digest = std::to_string(people_.size());
    put(IdentityAdded{person});
    for (int i = 0; i < 3; ++i) {
      put(MembershipAdded{Membership{"group-" + std::to_string(random.below(kGroups)), person.id,
                                     now + std::chrono::days(90)}});
    }
    const Device device{"dev of " + person.id, person.id, Sealed{person.id, to_base64("laptop")},
                        std::string(120, 'k'), now + std::chrono::days(90)};
    put(EnrollmentOpened{Enrollment{"enr", person.id, "hash", now + std::chrono::minutes(15)}});
    put(DeviceEnrolled{device, "enr"});
    put(CertificateIssued{certificate_of("serial of " + person.id, person.id, device.id,
                                         now + std::chrono::hours(12))});
    people_.push_back(person.id);
  }
  void add_entitlement(int i) {
    const std::string resource = "pg-main/db-" + std::to_string(i / 2);
    if (i % 2 == 0) {
      put(ResourceAdded{
          Resource{resource, "pg-main", "pg-main", Tier::kHigh, "", "group:group-0"}});
    }
    Entitlement e;
    e.name = resource + (i % 2 == 0 ? "/reader" : "/writer");
    e.resource = resource;
    e.role = i % 2 == 0 ? "reader" : "writer";
    e.database = "db";
    put(EntitlementAdded{e});
    entitlements_.push_back(e.name);
  }

  std::string door_;
  std::vector<std::string> people_;
  std::vector<std::string> entitlements_;
};

}  // namespace writ::bench
