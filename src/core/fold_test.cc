#include <gtest/gtest.h>

#include "core/entities.h"
#include "core/grants.h"
#include "core/house_test.h"

namespace writ::core {
namespace {

using house::Furnished;
using house::House;

TEST(Fold, RefusesWhatCannotFollow) {
  Furnished h;
  const auto refused = [&](EventData data) {
    const std::string before = encode_snapshot(h.state);
    const Status status = h.push(std::move(data));
    EXPECT_EQ(encode_snapshot(h.state), before);
    return !status && status.error().code == Code::kCorrupt;
  };
  EXPECT_TRUE(refused(Genesis{"example.org"}));
  EXPECT_TRUE(refused(GroupAdded{Group{"dba", "", false}}));
  EXPECT_TRUE(refused(MembershipAdded{Membership{"dba", "idn_nobody", h.now}}));
  EXPECT_TRUE(refused(MembershipEnded{"dba", "idn_erin", ""}));
  EXPECT_TRUE(refused(DeviceEnrolled{Device{"dev_x", "idn_erin"}, "enr_unknown"}));
  EXPECT_TRUE(refused(CertificateRevoked{"ff", ""}));
  EXPECT_TRUE(refused(GrantActivated{"grt_none", h.now, h.now}));
  EXPECT_TRUE(refused(GrantEnded{"grt_none"}));
  EXPECT_TRUE(refused(PolicyApplied{7, h.state.policy_hash, 1}));
  EXPECT_TRUE(refused(PolicyApplied{2, "nothing of this hash", 1}));
  EXPECT_TRUE(refused(PolicyApplied{2, h.state.policy_hash, 2}));  // it has one file
  EXPECT_TRUE(refused(DoorAdded{Door{"idn_erin", "postgres", "h", 1, {}}}));
  h.hold();
  EXPECT_TRUE(refused(GrantActivated{"grt_1", h.now, h.now}));
  EXPECT_TRUE(refused(GrantEnded{"grt_1"}));
  EXPECT_TRUE(refused(GrantTryFailed{"grt_1", 1, ""}));
  h.add(IdentityStateChanged{"idn_erin", IdentityState::kOffboarded});
  EXPECT_TRUE(refused(IdentityStateChanged{"idn_erin", IdentityState::kActive}));
}

TEST(Fold, RefusesGapsTimeRunningBackAndForeignDomains) {
  House h;
  const GroupAdded data{Group{"dba", "", false}};
  const auto refused = [&](const Event& event) { return !fold(h.state, event, h.sealer); };
  EXPECT_TRUE(refused({2, h.now, "example.org", {}, data}));
  EXPECT_TRUE(refused({0, h.now, "example.org", {}, data}));
  EXPECT_TRUE(refused({1, h.now - Millis(1), "example.org", {}, data}));
  EXPECT_TRUE(refused({1, h.now, "example.com", {}, data}));
  EXPECT_FALSE(refused({1, h.now, "example.org", {}, data}));
}

TEST(Fold, AGrantBeforeAnyPolicyGivesNothing) {
  House h;
  h.person("idn_erin");
  h.target("pg-main");
  h.entitlement("pg-main", "reader");
  h.live(h.grant("grt_1", "idn_erin", "pg-main/reader", "engineers-read"));
  EXPECT_TRUE(h.state.grants.contains("grt_1"));
  EXPECT_FALSE(still_offered(h.state, *h.state.grants.find("grt_1"), h.now));
}

TEST(Fold, SameEventsSameState) {
  world::World first(false, 3), second(false, 3);
  first.furnish();
  second.furnish();
  EXPECT_EQ(encode_snapshot(first.state), encode_snapshot(second.state));
}

TEST(Fold, EndedGrantsLeaveNothingInMemory) {
  Furnished h;
  const std::size_t ends = h.state.ends.size();
  for (int i = 0; i < 50; ++i) {
    const std::string id = "grt_" + std::to_string(i);
    h.live(h.grant(id, "idn_erin", "pg-main/orders/reader", "engineers-read"));
    h.add(SessionStarted{Session{"ses_" + id, "idn_door", id, "idn_erin"}, i + 1});
    h.end(id);
  }
  EXPECT_EQ(h.state.grants.size(), 0u);
  EXPECT_EQ(h.state.sessions.size(), 0u);
  EXPECT_EQ(h.state.sessions_of.size(), 0u);
  EXPECT_EQ(h.state.sessions_at.size(), 0u);
  EXPECT_EQ(h.state.grant_index->size(), 0u);
  EXPECT_EQ(h.state.grant_index->next_end(), std::nullopt);
  EXPECT_EQ(h.state.ends.size(), ends);
}

TEST(Fold, CountsTheOpenSessionsOfEachDoor) {
  Furnished h;
  h.live(h.grant("grt_1", "idn_erin", "pg-main/orders/reader", "engineers-read"));
  h.add(SessionStarted{Session{"ses_1", "idn_door", "grt_1", "idn_erin"}, 1});
  h.add(SessionStarted{Session{"ses_2", "idn_door", "grt_1", "idn_erin"}, 2});
  h.add(SessionEnded{"ses_1", "grt_1", "idn_door", 3});
  ASSERT_NE(h.state.sessions_at.find("idn_door"), nullptr);
  EXPECT_EQ(*h.state.sessions_at.find("idn_door"), 1);
  const auto again = decode_snapshot(encode_snapshot(h.state), h.sealer);
  ASSERT_TRUE(again) << again.error().text();
  EXPECT_EQ(*again->sessions_at.find("idn_door"), 1);
}

TEST(Fold, ASessionLosesItsCredentialWithCertificateOrDevice) {
  Furnished h;
  Session session{"ses_1", "idn_door", "grt_1", "idn_erin"};
  session.credential = "cx";
  session.device = "dev_x";
  EXPECT_TRUE(has_lost_credential(h.state, session));  // nobody enrolled it
  h.state.devices.set("dev_x", Device{"dev_x", "idn_erin"});
  EXPECT_FALSE(has_lost_credential(h.state, session));  // its certificate merely ran out
  h.state.certificates.set("cx", certificate_of("cx", "idn_erin", "dev_x", {}));
  EXPECT_FALSE(has_lost_credential(h.state, session));
  h.state.certificates.edit("cx")->revoked = "revoked";
  EXPECT_TRUE(has_lost_credential(h.state, session));
  h.state.certificates.set("cx", certificate_of("cx", "idn_erin", "dev_y", {}));
  EXPECT_TRUE(has_lost_credential(h.state, session));
}

TEST(Fold, SnapshotsThatReadersHoldStayAsTheyWere) {
  Furnished h;
  h.hold();
  const State before = h.state;
  const std::string bytes = encode_snapshot(before);
  h.end("grt_1");
  h.add(MembershipEnded{"engineering", "idn_erin", ""});
  h.add(IdentityStateChanged{"idn_erin", IdentityState::kQuarantined});
  EXPECT_EQ(encode_snapshot(before), bytes);
  EXPECT_TRUE(decide(before, h.connect(), h.now).allow);
  EXPECT_FALSE(h.ask(h.connect()).allow);
}

TEST(Fold, AnErasedNameIsGoneEverywhere) {
  Furnished h;
  EXPECT_EQ(display_name(h.state, h.sealer, "idn_erin"), "idn_erin@example.org");
  EXPECT_TRUE(h.state.entities->subject("idn_erin")->entity.attrs.find("name"));
  h.add(SubjectErased{"idn_erin"});
  EXPECT_FALSE(h.state.entities->subject("idn_erin")->entity.attrs.find("name"));
  h.sealer.erased["idn_erin"] = true;
  EXPECT_EQ(display_name(h.state, h.sealer, "idn_erin"), "(erased)");
  // The name stays taken.
  EXPECT_EQ(find_identity(h.state, h.sealer, "idn_erin@example.org")->id, "idn_erin");
}

// Events of every kind with fields from a small pool: whatever happens, fold answers, an error
// changes nothing, and the state can be written and read.
TEST(Fold, HostileEventsNeverBreakTheState) {
  const std::vector<std::string> pool{"",
                                      "idn_erin",
                                      "idn_dana",
                                      "dba",
                                      "engineering",
                                      "pg-main",
                                      "pg-main/orders",
                                      "pg-main/orders/reader",
                                      "grt_1",
                                      "grt_2",
                                      "ses_1",
                                      "idn_door",
                                      "dev_erin",
                                      "c1",
                                      "engineers-read",
                                      "identity:idn_erin",
                                      "group:dba",
                                      "req_1",
                                      "chg_1",
                                      "fnd_1"};
  for (unsigned seed = 1; seed <= 8; ++seed) {
    Furnished h;
    SeededRandom random(seed);
    const auto any = [&] { return pool[random.below(pool.size())]; };
    const auto time = [&] {
      return h.now + Millis(static_cast<std::int64_t>(random.below(200'000)) - 100'000);
    };
    const auto grant = [&] {
      Grant g = h.grant(any(), any(), any(), any());
      g.state = static_cast<GrantState>(random.below(3));
      if (random.below(3) != 0) g.state = GrantState::kActivating;
      return g;
    };
    int taken = 0;
    for (int step = 0; step < 1500; ++step) {
      h.now += Millis(static_cast<std::int64_t>(random.below(50)));
      const std::string before = step % 10 == 0 ? encode_snapshot(h.state) : "";
      EventData data;
      const auto seq = static_cast<std::int64_t>(random.below(2000)) - 10;
      switch (random.below(24)) {
        case 0:
          data = MembershipAdded{Membership{any(), any(), time()}};
          break;
        case 1:
          data = MembershipEnded{any(), any(), any()};
          break;
        case 2:
          data = GrantCreated{grant()};
          break;
        case 3:
          data = GrantActivated{any(), time(), time()};
          break;
        case 4:
          data = GrantRevoking{any(), EndReason::kExpired, any(), std::nullopt};
          break;
        case 5:
          data = GrantEnded{any(), EndReason::kExpired, {}};
          break;
        case 6:
          data = SessionStarted{Session{any(), any(), any(), any()}, seq};
          break;
        case 7:
          data = SessionEnded{any(), any(), any(), seq};
          break;
        case 8:
          data = GrantCut{any(), any(), seq, {any(), any()}};
          break;
        case 9:
          data = ResourceAdded{Resource{any(), any(), any(), Tier::kHigh, any(), any()}};
          break;
        case 10:
          data = EntitlementAdded{Entitlement{any(), any(), any()}};
          break;
        case 11:
          data = OwnerChanged{"resource:" + any(), any()};
          break;
        case 12:
          data = RequestOpened{Request{any(), any(), any(), any()}};
          break;
        case 13:
          data = RequestClosed{any(), any(), std::nullopt};
          break;
        case 14:
          data = ChangeProposed{Change{any(), any(), any(), Json(), time(), time()}};
          break;
        case 15:
          data = ChangeClosed{any(), any(), std::nullopt};
          break;
        case 16:
          data = EnrollmentOpened{Enrollment{any(), any(), any(), time()}};
          break;
        case 17:
          data = DeviceEnrolled{Device{any(), any(), Sealed{any(), any()}, any(), time()}, any()};
          break;
        case 18:
          data = DeviceRemoved{any(), any()};
          break;
        case 19:
          data = CertificateIssued{certificate_of(any(), any(), any(), time())};
          break;
        case 20:
          data = CertificateExpired{any()};
          break;
        case 21:
          data = HoldingsObserved{
              any(), {Holding{any(), any(), any()}}, {Holding{any(), any(), any()}}};
          break;
        case 22:
          data = FindingOpened{Finding{any(), any(), any()}};
          break;
        default:
          data = SubjectErased{any()};
      }
      const Status status = h.push(std::move(data));
      taken += status ? 1 : 0;
      if (!status && !before.empty()) {
        ASSERT_EQ(status.error().code, Code::kCorrupt);
        ASSERT_EQ(encode_snapshot(h.state), before);
      }
      (void)h.ask(h.connect());
    }
    EXPECT_GT(taken, 100);
    const std::string bytes = encode_snapshot(h.state);
    const auto again = decode_snapshot(bytes, h.sealer);
    ASSERT_TRUE(again) << again.error().text();
    EXPECT_EQ(encode_snapshot(*again), bytes);
    EXPECT_EQ(again->ends.size(), h.state.ends.size());
    EXPECT_EQ(next_end(*again), next_end(h.state));
  }
}

TEST(State, SpiffeIdsLeadBack) {
  Furnished h;
  const std::string id = spiffe_id(h.state, *h.state.identities.find("idn_door"));
  EXPECT_EQ(id, "spiffe://example.org/door/idn_door");
  EXPECT_EQ(*identity_of_spiffe(h.state, id), "idn_door");
  for (const char* bad :
       {"spiffe://example.com/door/idn_door", "spiffe://example.org/user/idn_door",
        "spiffe://example.org/door", "https://example.org/door/idn_door", ""}) {
    EXPECT_EQ(identity_of_spiffe(h.state, bad).error().code, Code::kInvalid) << bad;
  }
}

TEST(State, PersonsBehindFollowsOwnersAndSurvivesCircles) {
  Furnished h;
  h.machine("idn_job", "job", IdentityKind::kServiceAccount, "group:dba");
  h.machine("idn_child", "child", IdentityKind::kAgent, "identity:idn_job");
  EXPECT_EQ(persons_behind(h.state, "idn_child", h.now), std::vector<std::string>{"idn_dana"});
  h.add(OwnerChanged{"identity:idn_job", "identity:idn_child"});
  EXPECT_TRUE(persons_behind(h.state, "idn_child", h.now).empty());
}

TEST(Snapshot, OtherVersionsBuildsAndDamageAreRefused) {
  Furnished h;
  h.hold();
  const std::string good = encode_snapshot(h.state);
  ASSERT_TRUE(decode_snapshot(good, h.sealer));
  std::string newer = good;
  newer[14] = 3;
  const auto refused = decode_snapshot(newer, h.sealer);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kInvalid);
  EXPECT_NE(refused.error().message.find("newer"), std::string::npos);
  std::string other = good;
  other[16] = static_cast<char>(other[16] ^ 1);
  EXPECT_EQ(decode_snapshot(other, h.sealer).error().code, Code::kInvalid);
  for (std::size_t size = 0; size < good.size(); size += 7) {
    EXPECT_FALSE(decode_snapshot(std::string_view(good).substr(0, size), h.sealer));
  }
  for (std::size_t i = 23; i < good.size(); i += 11) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 4);
    EXPECT_EQ(decode_snapshot(bad, h.sealer).error().code, Code::kCorrupt);
  }
}

TEST(Snapshot, DecidesAsTheStateThatItWasTakenFrom) {
  Furnished h;
  h.hold();
  h.factor("idn_erin", "dev_erin");
  const auto again = decode_snapshot(encode_snapshot(h.state), h.sealer);
  ASSERT_TRUE(again) << again.error().text();
  Question question = h.connect();
  EXPECT_EQ(decide(*again, question, h.now).grant, "grt_1");
  question.resource = "pg-main/orders/writer";
  EXPECT_FALSE(decide(*again, question, h.now).allow);
  EXPECT_EQ(again->next_seq, h.state.next_seq);
  EXPECT_EQ(find_identity(*again, h.sealer, "pg-door")->id, "idn_door");
}

}  // namespace
}  // namespace writ::core
