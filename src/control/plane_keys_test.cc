// The keys of the plane: what erasing, rotating and founding do to them.
#include <gtest/gtest.h>

#include "control/plane_for_test.h"

namespace writ::control {
namespace {

TEST_F(PlaneTest, RefusesAForeignKeyEncryptionKey) {
  std::filesystem::remove(options_.kek_file);
  ASSERT_TRUE(crypto::KeyEncryptionKey::create(options_.kek_file, random_));
  const auto plane = Plane::open(options_, disk_, clock_, random_, nullptr, nullptr);
  ASSERT_FALSE(plane);
  EXPECT_NE(plane.error().message.find("key-encryption key"), std::string::npos);
}

TEST_F(PlaneTest, ErasingASubjectMakesItsFieldsUnreadable) {
  start();
  auto sealed = plane_->vault().seal("idn_p", "a name");
  ASSERT_TRUE(sealed);
  ASSERT_TRUE(say({core::GroupAdded{{"g", "", false}}}));  // stores the key
  EXPECT_EQ(*plane_->vault().open(*sealed), "a name");
  ASSERT_TRUE(
      plane_->writer().run({{"test"}, {}}, [](const core::State&, Time) -> Result<core::Outcome> {
        return core::Outcome{{core::GroupAdded{{"h", "", false}}}, {}, {"idn_p"}};
      }));
  EXPECT_EQ(plane_->vault().open(*sealed).error().code, Code::kNotFound);
}

// Every byte of every file in the data folder, as it lies on the disk.
TEST_F(PlaneTest, NoFileHoldsTheNameOfAPerson) {
  start();
  add_target();
  const std::string name = "zebediah";
  const auto by_ada = [&](const std::string& verb, const Json& body) {
    core::Actor ada;
    ada.identity = core::find_identity(*plane_->states().get(), plane_->vault(), "ada")->id;
    const core::Actor actor = ada;
    auto done = plane_->writer().run(
        {{ada.identity}, new_id("cmd", random_), plane_->vault().digest(canonical(body))},
        [&](const core::State& state, Time now) {
          const core::Outside outside{
              now, random_, plane_->vault(),
              [](std::string_view text) { return to_hex(as_bytes(crypto::sha256(text))); },
              [](std::string_view, std::string_view, std::string_view) { return false; }};
          return core::run_command(state, actor, verb, body, outside);
        });
    EXPECT_TRUE(done) << verb << ": " << (done ? "" : done.error().text());
    return done ? done->result : Json();
  };
  const std::string id = *by_ada("add_identity", Json::object({{"kind", "user"}, {"name", name}}))
                              .find("identity")
                              ->as_string();
  const auto is_named = [&](const char* verb, Json body) {
    body.set("identity", name);
    by_ada(verb, body);
  };
  by_ada("add_group", Json::object({{"name", "readers"}, {"purpose", "read"}}));
  is_named("add_member", Json::object({{"group", "readers"}}));
  is_named("add_member", Json::object({{"group", "administrators"}}));  // waits for a second person

  core::Grant grant;
  grant.id = "grt_abcdef";
  grant.beneficiary = id;
  grant.entitlement = "pg-main/orders/reader";
  grant.cause = core::Cause::kBaseline;
  grant.policy = "test";
  grant.duration = std::chrono::minutes(10);
  grant.created = clock_.now();
  ASSERT_TRUE(say({core::GrantCreated{grant}}));
  ASSERT_TRUE(reaches(grant.id, core::GrantState::kActive));
  EXPECT_TRUE(has_account("writ_zebediah_abcdef"));
  std::promise<void> told;
  core::Question question;
  question.subject = id;
  question.action = "connect";
  question.resource_type = "entitlement";
  question.resource = grant.entitlement;
  plane_->decisions().ask_now(question, [&](const Told&) { told.set_value(); });
  told.get_future().get();
  ASSERT_TRUE(revoke(grant.id));
  ASSERT_TRUE(ends(grant.id));
  is_named("remove_member", Json::object({{"group", "readers"}, {"reason", "zebediah leaves"}}));
  is_named("set_identity_state",
           Json::object({{"state", "offboarded"}, {"reason", "zebediah left"}}));
  is_named("erase_subject", Json::object());
  plane_->stop();
  EXPECT_EQ(core::display_name(*plane_->states().get(), plane_->vault(), id), "(erased)");
  plane_.reset();
  std::size_t files = 0;
  const std::function<void(const std::string&)> look = [&](const std::string& folder) {
    const auto names = disk_.list(folder);
    ASSERT_TRUE(names) << folder;
    for (const std::string& each : *names) {
      const std::string path = folder + "/" + each;
      const auto bytes = disk_.read_all(path, std::size_t{1} << 30);
      if (!bytes) {
        look(path);
        continue;
      }
      ++files;
      EXPECT_EQ(bytes->find(name), std::string::npos) << path;
    }
  };
  look("data");
  EXPECT_GT(files, 3u);
  // Without the key, all of it still folds.
  start();
  EXPECT_EQ(core::display_name(*plane_->states().get(), plane_->vault(), id), "(erased)");
}

TEST_F(PlaneTest, ANewKeyEncryptionKeyOpensWhatTheOldOneDid) {
  start();
  auto sealed = plane_->vault().seal("idn_p", "a name");
  ASSERT_TRUE(sealed);
  ASSERT_TRUE(say({core::GroupAdded{{"g", "", false}}}));  // stores the key
  plane_.reset();
  std::filesystem::copy_file(options_.kek_file, folder_ + "/old");
  const auto rotated = Plane::rotate_keys(options_, disk_, random_);
  ASSERT_TRUE(rotated) << rotated.error().text();
  EXPECT_EQ(*rotated, 6u);  // three of its own, two founders, and the one above
  EXPECT_FALSE(std::filesystem::exists(options_.kek_file + ".next"));
  start();
  EXPECT_EQ(*plane_->vault().open(*sealed), "a name");
  plane_.reset();
  std::filesystem::copy_file(folder_ + "/old", options_.kek_file,
                             std::filesystem::copy_options::overwrite_existing);
  EXPECT_FALSE(Plane::open(options_, disk_, clock_, random_, nullptr, nullptr));
}

TEST_F(PlaneTest, ARotationThatWasInterruptedGoesOn) {
  // The keys were wrapped anew, and the file was not put into its place yet.
  std::filesystem::copy_file(options_.kek_file, folder_ + "/old");
  ASSERT_TRUE(Plane::rotate_keys(options_, disk_, random_));
  std::filesystem::rename(options_.kek_file, options_.kek_file + ".next");
  std::filesystem::rename(folder_ + "/old", options_.kek_file);
  EXPECT_FALSE(Plane::open(options_, disk_, clock_, random_, nullptr, nullptr));
  const auto again = Plane::rotate_keys(options_, disk_, random_);
  ASSERT_TRUE(again) << again.error().text();
  start();
}

TEST_F(PlaneTest, TheFoundersGetNewTicketsUntilTheyHaveDevices) {
  const auto again = Plane::reopen_tickets(options_, disk_, clock_, random_);
  ASSERT_TRUE(again) << again.error().text();
  EXPECT_EQ(again->codes.size(), 2u);
  start();
  const auto state = plane_->states().get();
  EXPECT_EQ(state->enrollments.size(), 2u);  // the older ones are over
  std::vector<core::EventData> events;
  for (const char* name : {"ada", "bob"}) {
    const std::string id = core::find_identity(*state, plane_->vault(), name)->id;
    events.push_back(core::SecondFactorSet{id, core::Sealed{id, ""}});
  }
  ASSERT_TRUE(say(events));
  plane_.reset();
  const auto refused = Plane::reopen_tickets(options_, disk_, clock_, random_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kConflict);
}

}  // namespace
}  // namespace writ::control
