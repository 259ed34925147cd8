#include "control/door_hub.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <filesystem>
#include <future>

#include "control/fake_target_for_test.h"
#include "control/plane.h"
#include "crypto/random.h"
#include "store/faulty_file_system.h"

namespace writ::control {
namespace {

constexpr auto kPatience = std::chrono::seconds(20);

// What a door's end of the stream would see.
class FakeStream final : public net::LineStream {
 public:
  Status send(std::string_view line) override {
    std::lock_guard lock(mutex_);
    if (!open_) return fail(Code::kUnavailable, "closed");
    lines_.emplace_back(line);
    changed_.notify_all();
    return {};
  }
  void close() override {
    std::lock_guard lock(mutex_);
    open_ = false;
    changed_.notify_all();
  }
  bool is_open() const override {
    std::lock_guard lock(mutex_);
    return open_;
  }
  bool sees(const std::string& part) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kPatience, [&] {
      return std::any_of(lines_.begin(), lines_.end(), [&](const std::string& line) {
        return line.find(part) != std::string::npos;
      });
    });
  }
  std::size_t count(const std::string& part) {
    std::lock_guard lock(mutex_);
    return static_cast<std::size_t>(std::count_if(
        lines_.begin(), lines_.end(),
        [&](const std::string& line) { return line.find(part) != std::string::npos; }));
  }
  bool is_closed_in_time() {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kPatience, [&] { return !open_; });
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> lines_;
  bool open_ = true;
};

// Two doors, each before a target of its own, and a live grant behind the first.
class DoorHubTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + "hub_" + new_id("t", random_);
    std::filesystem::create_directories(folder_);
    PlaneOptions options;
    options.data_folder = "data";
    options.kek_file = folder_ + "/kek";
    options.reconciler.first_pause = Millis(5);
    options.reconciler.observe_every = std::chrono::hours(1);
    options.cut_head_start = head_start_;
    options.checkpoint_every = checkpoint_every_;
    ASSERT_TRUE(Plane::found(options, {"example.org", {"ada", "bob"}, {}}, disk_, clock_, random_));
    auto plane = Plane::open(
        options, disk_, clock_, random_,
        [this](const core::TargetSystem&, Secret) -> Result<std::unique_ptr<core::Target>> {
          return std::make_unique<FakeTarget>(system_);
        },
        [](const Error& error) { ADD_FAILURE() << error.text(); });
    ASSERT_TRUE(plane) << plane.error().text();
    plane_ = std::move(*plane);
    plane_->start();
    add_machine("idn_job", core::IdentityKind::kServiceAccount);
    add_machine("idn_else", core::IdentityKind::kServiceAccount);
    add_machine("idn_door", core::IdentityKind::kDoor);
    add_machine("idn_other", core::IdentityKind::kDoor);
    add_target("pg-main", "idn_door");
    add_target("pg-other", "idn_other");
    give("grt_a", "idn_job");
  }
  void TearDown() override {
    plane_.reset();
    std::filesystem::remove_all(folder_);
  }

  void say(std::vector<core::EventData> events) {
    const auto said = plane_->writer().run({{"test"}, {}},
                                           [&](const core::State&, Time) -> Result<core::Outcome> {
                                             return core::Outcome{events, {}, {}};
                                           });
    ASSERT_TRUE(said) << said.error().text();
  }
  void add_machine(const std::string& id, core::IdentityKind kind) {
    core::Identity identity;
    identity.id = id;
    identity.kind = kind;
    identity.name = id.substr(4);
    identity.name_digest = plane_->vault().digest(identity.name);
    identity.owner = "group:administrators";
    identity.since = clock_.now();
    say({core::IdentityAdded{identity}});
  }
  void add_target(const std::string& name, const std::string& door) {
    auto secret = plane_->vault().seal("target:" + name, to_base64(std::string(32, 'k')));
    ASSERT_TRUE(secret);
    core::TargetSystem target{name,     "postgres", "127.0.0.1", 5432,       "disable", "",
                              "writ_c", *secret,    *secret,     {"orders"}, ""};
    const std::string owner = "group:administrators";
    core::Resource root{name, "", name, core::Tier::kHigh, "", owner, "", {}};
    core::Entitlement reader{name + "/reader", name, "reader", "orders", {"orders_reader"}, {}, ""};
    say({core::TargetAdded{target}, core::ResourceAdded{root}, core::EntitlementAdded{reader},
         core::DoorAdded{{door, "postgres", "127.0.0.1", 6432, {name}}}});
  }
  void give(const std::string& id, const std::string& identity) {
    core::Grant grant;
    grant.id = id;
    grant.beneficiary = identity;
    grant.entitlement = "pg-main/reader";
    grant.cause = core::Cause::kBaseline;
    grant.policy = "test";
    grant.duration = std::chrono::minutes(10);
    grant.created = clock_.now();
    say({core::GrantCreated{grant}});
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    while (plane_->states().get()->grants.find(id)->state != core::GrantState::kActive) {
      ASSERT_LT(std::chrono::steady_clock::now(), deadline);
    }
  }

  std::shared_ptr<FakeStream> open(const std::string& door) {
    auto stream = std::make_shared<FakeStream>();
    plane_->doors().opened(door, stream);
    return stream;
  }
  static std::string hello(const std::string& journal = "", Json sessions = Json::array()) {
    return compact(
        Json::object({{"type", "hello"},
                      {"version", 1},
                      {"next_seq", 1},
                      {"door_seq", 77},
                      {"checkpoint", Json::object({{"journal", journal}, {"decisions", ""}})},
                      {"sessions", std::move(sessions)}}));
  }
  static Json open_session(const std::string& session, const std::string& grant,
                           const std::string& credential) {
    return Json::object({{"session", session},
                         {"grant", grant},
                         {"subject", "spiffe://example.org/service_account/idn_job"},
                         {"credential", credential},
                         {"since", "2026-01-01T00:00:00.000Z"}});
  }
  static std::string receipt(std::int64_t seq, const std::string& grant) {
    return compact(Json::object({{"type", "receipt"},
                                 {"seq", seq},
                                 {"command", "cmd_1"},
                                 {"grant", grant},
                                 {"sessions", Json::array()},
                                 {"time", "2026-01-01T00:00:00.000Z"}}));
  }
  // A device of the job with a certificate.
  void enrol(const std::string& device, const std::string& serial) {
    const Time until = clock_.now() + std::chrono::hours(10);
    auto label = plane_->vault().seal("idn_job", "laptop");
    ASSERT_TRUE(label);
    say({core::EnrollmentOpened{core::Enrollment{"enr_" + device, "idn_job", device, until}},
         core::DeviceEnrolled{core::Device{device, "idn_job", *label, "a" + device, until},
                              "enr_" + device},
         core::CertificateIssued{core::certificate_of(serial, "idn_job", device, until)}});
  }
  bool has_account(const std::string& grant) {
    std::lock_guard lock(system_->mutex);
    return std::any_of(system_->accounts.begin(), system_->accounts.end(),
                       [&](const auto& account) { return account.second.grant == grant; });
  }
  bool in_time(const std::function<bool()>& condition) {
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    while (!condition()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      std::this_thread::yield();
    }
    return true;
  }
  void hear(const std::string& door, FakeStream& stream, const std::string& line) {
    plane_->doors().heard(door, stream, line);
  }
  std::shared_ptr<FakeStream> greeted(const std::string& door) {
    auto stream = open(door);
    hear(door, *stream, hello());
    EXPECT_TRUE(stream->sees("\"welcome\""));
    return stream;
  }
  static std::string started(std::int64_t seq, const std::string& session, const std::string& grant,
                             const std::string& identity, const std::string& credential = "c0") {
    return compact(Json::object({{"type", "session_started"},
                                 {"seq", seq},
                                 {"session", session},
                                 {"grant", grant},
                                 {"subject", "spiffe://example.org/service_account/" + identity},
                                 {"credential", credential},
                                 {"source_ip", "192.0.2.7"},
                                 {"application", "psql"},
                                 {"backend", 1},
                                 {"time", "2026-01-01T00:00:00.000Z"}}));
  }
  static std::string ended(std::int64_t seq, const std::string& session, const std::string& grant) {
    return compact(Json::object({{"type", "session_ended"},
                                 {"seq", seq},
                                 {"session", session},
                                 {"grant", grant},
                                 {"reason", "client"},
                                 {"bytes_in", 1},
                                 {"bytes_out", 1},
                                 {"time", "2026-01-01T00:00:00.000Z"}}));
  }
  bool has_session(const std::string& id) { return plane_->states().get()->sessions.contains(id); }

  crypto::SystemRandom random_;
  SystemClock clock_;
  store::FaultyFileSystem disk_{1};
  std::shared_ptr<FakeSystem> system_ = std::make_shared<FakeSystem>();
  std::string folder_;
  Millis head_start_{0};
  Millis checkpoint_every_{1'000};
  std::unique_ptr<Plane> plane_;
};

// Retirement waits for the receipt as long as it takes.
class PatientDoorHubTest : public DoorHubTest {
 protected:
  PatientDoorHubTest() { head_start_ = std::chrono::hours(1); }
};

// Nobody signs a checkpoint but who asks for one.
class SilentDoorHubTest : public DoorHubTest {
 protected:
  SilentDoorHubTest() { checkpoint_every_ = std::chrono::hours(1); }
};

TEST_F(DoorHubTest, TakesReportsInOrderAndAcknowledgesThem) {
  auto stream = greeted("idn_door");
  hear("idn_door", *stream, started(1, "ses_1", "grt_a", "idn_job"));
  EXPECT_TRUE(stream->sees("{\"type\":\"ack\",\"seq\":1}"));
  EXPECT_TRUE(has_session("ses_1"));
  hear("idn_door", *stream, ended(2, "ses_1", "grt_a"));
  EXPECT_TRUE(stream->sees("{\"type\":\"ack\",\"seq\":2}"));
  EXPECT_FALSE(has_session("ses_1"));
  hear("idn_door", *stream, ended(4, "ses_1", "grt_a"));  // 3 is missing
  EXPECT_TRUE(stream->is_closed_in_time());
}

TEST_F(DoorHubTest, ADoorReportsNothingAboutGrantsOfOtherTargets) {
  auto stream = greeted("idn_other");
  hear("idn_other", *stream, started(1, "ses_x", "grt_a", "idn_job"));
  EXPECT_TRUE(stream->is_closed_in_time());
  EXPECT_FALSE(has_session("ses_x"));
}

TEST_F(DoorHubTest, ADoorDoesNotSayThatSomebodyElseUsedAGrant) {
  auto stream = greeted("idn_door");
  hear("idn_door", *stream, started(1, "ses_x", "grt_a", "idn_else"));
  EXPECT_TRUE(stream->is_closed_in_time());
  EXPECT_FALSE(has_session("ses_x"));
}

TEST_F(DoorHubTest, ADoorDoesNotEndTheSessionsOfAnother) {
  auto stream = greeted("idn_door");
  hear("idn_door", *stream, started(1, "ses_1", "grt_a", "idn_job"));
  ASSERT_TRUE(stream->sees("\"ack\""));
  for (const std::string& grant : {std::string("grt_a"), std::string("grt_gone")}) {
    auto other = greeted("idn_other");
    hear("idn_other", *other, ended(1, "ses_1", grant));
    EXPECT_TRUE(other->is_closed_in_time());
  }
  EXPECT_TRUE(has_session("ses_1"));
}

TEST_F(DoorHubTest, ReportsThatDoNotCountAreRefused) {
  for (const std::int64_t seq : {0, -1}) {
    auto stream = greeted("idn_door");
    hear("idn_door", *stream, started(seq, "ses_0", "grt_a", "idn_job"));
    EXPECT_TRUE(stream->is_closed_in_time());
    EXPECT_FALSE(has_session("ses_0"));
  }
}

TEST_F(DoorHubTest, SaysWelcomeOnceAndTakesMoreSessionsAfterIt) {
  auto stream = greeted("idn_door");
  hear("idn_door", *stream,
       "{\"type\":\"sessions\",\"sessions\":[{\"session\":\"ses_9\",\"grant\":\"grt_gone\","
       "\"subject\":\"spiffe://example.org/user/"
       "x\",\"credential\":\"c0\",\"since\":\"2026-01-01T00:00:00.000Z\"}]}");
  EXPECT_TRUE(stream->sees("grt_gone"));  // it is cut
  EXPECT_TRUE(stream->is_open());
  hear("idn_door", *stream, hello());
  EXPECT_TRUE(stream->is_closed_in_time());
}

TEST_F(DoorHubTest, ACutThatMeetsAHelloIsNotLost) {
  auto stream = open("idn_door");  // no hello yet: it hears of no cut
  std::promise<void> revoked;
  plane_->writer().submit(
      {{"test"}, {}},
      [&](const core::State&, Time) -> Result<core::Outcome> {
        return core::Outcome{
            {core::GrantRevoking{"grt_a", core::EndReason::kRevoked, std::nullopt, std::nullopt}},
            {},
            {}};
      },
      [&](const Result<Done>&) { revoked.set_value(); });
  hear("idn_door", *stream, hello("", Json::array({open_session("ses_1", "grt_a", "c0")})));
  EXPECT_TRUE(stream->sees("\"cut\""));
  revoked.get_future().wait();
}

TEST_F(DoorHubTest, TheStreamOfADoorInQuarantineIsClosed) {
  auto stream = greeted("idn_door");
  say({core::IdentityStateChanged{"idn_door", core::IdentityState::kQuarantined}});
  EXPECT_TRUE(stream->is_closed_in_time());
}

TEST_F(DoorHubTest, ADoorThatRemembersAnotherHistoryHaltsTheServer) {
  // The same key, as after a restored backup: a head that this journal never had.
  const auto signer = tlog::NoteSigner::over(origin_of(LogName::kJournal, "example.org"),
                                             plane_->vault().note_key());
  ASSERT_TRUE(signer);
  tlog::Head other{2, tlog::leaf_hash("something else")};
  const auto note = tlog::sign_checkpoint({signer->verifier().name, other, {}}, *signer);
  ASSERT_TRUE(note);
  EXPECT_FALSE(plane_->writer().halted());
  auto stream = open("idn_door");
  hear("idn_door", *stream, hello(*note));
  EXPECT_TRUE(plane_->writer().halted());
}

TEST_F(DoorHubTest, ADoorThatRemembersThisHistoryDoesNot) {
  const auto note = plane_->evidence().checkpoint(LogName::kJournal);
  ASSERT_TRUE(note);
  say({core::GroupAdded{{"g", "", false}}});
  auto stream = open("idn_door");
  hear("idn_door", *stream, hello(*note));
  EXPECT_TRUE(stream->sees("\"welcome\""));
  EXPECT_FALSE(plane_->writer().halted());
}

TEST_F(DoorHubTest, ARevokedCertificateEndsItsSessionsAndNoOthers) {
  enrol("dev_1", "c1");
  enrol("dev_2", "c2");
  auto stream = greeted("idn_door");
  hear("idn_door", *stream, started(1, "ses_1", "grt_a", "idn_job", "c1"));
  hear("idn_door", *stream, started(2, "ses_2", "grt_a", "idn_job", "c2"));
  ASSERT_TRUE(stream->sees("{\"type\":\"ack\",\"seq\":2}"));
  const core::Session before = *plane_->states().get()->sessions.find("ses_1");
  EXPECT_EQ(before.credential, "c1");
  EXPECT_EQ(before.device, "dev_1");
  say({core::CertificateRevoked{"c1", "revoked", std::nullopt}});
  EXPECT_TRUE(stream->sees("\"certificates\":[\"c1\"]"));
  EXPECT_EQ(stream->count("\"c2\""), 0u);
  EXPECT_EQ(stream->count("grt_a"), 0u);  // the grant goes on
  // It ends when the door has seen it end.
  EXPECT_TRUE(core::has_lost_credential(*plane_->states().get(), before));
  hear("idn_door", *stream, ended(3, "ses_1", "grt_a"));
  ASSERT_TRUE(stream->sees("{\"type\":\"ack\",\"seq\":3}"));
  EXPECT_FALSE(has_session("ses_1"));
  EXPECT_TRUE(has_session("ses_2"));
}

TEST_F(DoorHubTest, ARemovedDeviceEndsSessionsThatOutlivedTheirCertificate) {
  enrol("dev_1", "c1");
  auto stream = greeted("idn_door");
  hear("idn_door", *stream, started(1, "ses_1", "grt_a", "idn_job", "c1"));
  ASSERT_TRUE(stream->sees("\"ack\""));
  say({core::CertificateExpired{"c1"}});
  EXPECT_EQ(stream->count("\"cut\""), 0u);
  say({core::DeviceRemoved{"dev_1", "removed", std::nullopt}});
  EXPECT_TRUE(stream->sees("\"certificates\":[\"c1\"]"));
}

TEST_F(DoorHubTest, ASessionOfARevokedCertificateIsCutAgainUntilItsEndIsReported) {
  enrol("dev_1", "c1");
  auto stream = greeted("idn_door");
  hear("idn_door", *stream, started(1, "ses_1", "grt_a", "idn_job", "c1"));
  ASSERT_TRUE(stream->sees("\"ack\""));
  say({core::CertificateRevoked{"c1", "revoked", std::nullopt}});
  EXPECT_TRUE(in_time([&] { return stream->count("\"certificates\":[\"c1\"]") >= 3; }));
  // A door that comes back with it hears of it again.
  auto again = open("idn_door");
  hear("idn_door", *again, hello("", Json::array({open_session("ses_1", "grt_a", "c1")})));
  EXPECT_TRUE(again->sees("\"certificates\":[\"c1\"]"));
}

TEST_F(DoorHubTest, ASessionThatStartedOnWhatWasTakenAwayIsCutWhenItIsReported) {
  enrol("dev_1", "c1");
  say({core::CertificateRevoked{"c1", "revoked", std::nullopt}});
  auto stream = greeted("idn_door");
  hear("idn_door", *stream, started(1, "ses_1", "grt_a", "idn_job", "c1"));
  EXPECT_TRUE(stream->sees("\"certificates\":[\"c1\"]"));
}

TEST_F(DoorHubTest, ADoorDoesNotSayThatAnotherIdentitysCertificateOpenedASession) {
  enrol("dev_1", "c1");
  give("grt_else", "idn_else");
  auto stream = greeted("idn_door");
  hear("idn_door", *stream, started(1, "ses_x", "grt_else", "idn_else", "c1"));
  EXPECT_TRUE(stream->is_closed_in_time());
  EXPECT_FALSE(has_session("ses_x"));
}

TEST_F(DoorHubTest, ACertificateRevokedWhileADoorSaysHelloIsCutThereToo) {
  enrol("dev_1", "c1");
  auto stream = open("idn_door");  // no hello yet
  say({core::CertificateRevoked{"c1", "revoked", std::nullopt}});
  hear("idn_door", *stream, hello("", Json::array({open_session("ses_new", "grt_a", "c1")})));
  EXPECT_TRUE(stream->sees("\"certificates\":[\"c1\"]"));
}

TEST_F(DoorHubTest, ManyGrantsAreCutInOneLine) {
  give("grt_b", "idn_job");
  give("grt_c", "idn_job");
  auto stream = greeted("idn_door");
  say({core::GrantRevoking{"grt_a", core::EndReason::kSignal, std::nullopt, std::nullopt},
       core::GrantRevoking{"grt_b", core::EndReason::kSignal, std::nullopt, std::nullopt},
       core::GrantRevoking{"grt_c", core::EndReason::kSignal, std::nullopt, std::nullopt}});
  EXPECT_TRUE(stream->sees("\"grants\":[\"grt_a\",\"grt_b\",\"grt_c\"]"));
  EXPECT_EQ(stream->count("\"cut\""), 1u);
}

TEST_F(PatientDoorHubTest, ALoginIsRetiredWhenTheDoorHasCutItsSessions) {
  auto stream = greeted("idn_door");
  say({core::GrantRevoking{"grt_a", core::EndReason::kRevoked, std::nullopt, std::nullopt}});
  give("grt_b", "idn_job");
  give("grt_c", "idn_job");
  EXPECT_TRUE(has_account("grt_a"));
  hear("idn_door", *stream, receipt(1, "grt_a"));
  EXPECT_TRUE(in_time([&] { return !has_account("grt_a"); }));
}

TEST_F(PatientDoorHubTest, WithoutADoorALoginIsRetiredAtOnce) {
  ASSERT_TRUE(has_account("grt_a"));
  say({core::GrantRevoking{"grt_a", core::EndReason::kRevoked, std::nullopt, std::nullopt}});
  EXPECT_TRUE(in_time([&] { return !has_account("grt_a"); }));
}

TEST_F(SilentDoorHubTest, AHelloSignsNothingWhereThereIsACheckpoint) {
  const auto note = plane_->evidence().checkpoint(LogName::kJournal);
  ASSERT_TRUE(note);
  ASSERT_TRUE(plane_->evidence().checkpoint(LogName::kDecisions));
  say({core::GroupAdded{{"g", "", false}}});
  auto stream = open("idn_door");
  hear("idn_door", *stream, hello(*note));
  EXPECT_TRUE(stream->sees("\"welcome\""));
  EXPECT_EQ(*plane_->evidence().last_checkpoint(LogName::kJournal), *note);
}

TEST_F(DoorHubTest, RemembersWhichDecisionNumbersADoorHasUsed) {
  EXPECT_EQ(plane_->doors().decision_floor("idn_door"), 0);
  greeted("idn_door");
  EXPECT_EQ(plane_->doors().decision_floor("idn_door"), 77);
  EXPECT_EQ(plane_->doors().decision_floor("idn_other"), 0);
}

}  // namespace
}  // namespace writ::control
