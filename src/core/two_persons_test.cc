// Law 4: whatever changes who may administer Writ, or who may approve access, needs two persons.
#include <gtest/gtest.h>

#include "core/world_test.h"

namespace writ::core {
namespace {

using world::text;
using world::World;

// What stands beside the default policies from here on.
constexpr const char* kMore = R"(
@id("helpdesk-adds-people")
permit (principal in Writ::Group::"helpdesk", action == Writ::Action::"add_identity",
        resource is Writ::System);
@id("guests-administer")
permit (principal is Writ::ThirdParty, action == Writ::Action::"add_group",
        resource is Writ::System);
)";

Json member(const std::string& group, const std::string& name) {
  return Json::object({{"group", group}, {"identity", name}});
}
Json state_of(const std::string& name, const std::string& state) {
  return Json::object({{"identity", name}, {"state", state}, {"reason", "a reason"}});
}

struct TwoPersons : testing::Test {
  TwoPersons() {
    w.furnish();
    w.must("alice", "add_group", Json::object({{"name", "helpdesk"}, {"purpose", "helps"}}));
  }
  void apply(const std::string& more) {
    w.change(
        "apply_policy",
        Json::object(
            {{"files",
              Json::array({Json::object({{"name", "default.cedar"}, {"text", default_policies()}}),
                           Json::object({{"name", "more.cedar"}, {"text", more}})})}}));
  }
  bool waits(const std::string& verb, const Json& body) {
    return w.must("alice", verb, body).find("change") != nullptr;
  }
  World w;
};

TEST_F(TwoPersons, PuttingSomebodyWhereAPolicyLetsThemAdminister) {
  EXPECT_FALSE(waits("add_member", member("helpdesk", "evan")));
  apply(kMore);
  EXPECT_TRUE(waits("add_member", member("helpdesk", "erin")));
  EXPECT_FALSE(waits("add_member", member("oncall", "erin")));
}

TEST_F(TwoPersons, TakingThatAwayAgain) {
  apply(kMore);
  w.join("helpdesk", "erin");
  EXPECT_TRUE(
      waits("remove_member",
            Json::object({{"group", "helpdesk"}, {"identity", "erin"}, {"reason", "moved"}})));
}

TEST_F(TwoPersons, AddingAnIdentityThatAPolicyLetsAdminister) {
  apply(kMore);
  EXPECT_FALSE(waits("add_identity", Json::object({{"kind", "user"}, {"name", "frank"}})));
  const Json guest = Json::object({{"kind", "third_party"}, {"name", "guest"}});
  const Json proposed = w.must("alice", "add_identity", guest);
  ASSERT_NE(proposed.find("change"), nullptr);
  EXPECT_EQ(text(w.must("alice", "add_identity", guest), "change"), text(proposed, "change"));
  const Json done = w.approve("bob", text(proposed, "change"));
  EXPECT_EQ(display_name(w.state, w.sealer, w.id("guest")), "guest");
  EXPECT_EQ(text(*done.find("result"), "identity"), w.id("guest"));
}

TEST_F(TwoPersons, QuarantineOrOffboardingOfAnAdministrator) {
  w.join("administrators", "dana");
  EXPECT_TRUE(waits("set_identity_state", state_of("dana", "quarantined")));
  EXPECT_TRUE(waits("set_identity_state", state_of("dana", "offboarded")));
  EXPECT_FALSE(waits("set_identity_state", state_of("erin", "quarantined")));
  EXPECT_FALSE(waits("set_identity_state", state_of("erin", "active")));
}

TEST_F(TwoPersons, NeverFewerThanTwoRemain) {
  EXPECT_EQ(w.refused("alice", "set_identity_state", state_of("bob", "quarantined")).code,
            Code::kConflict);
}

TEST_F(TwoPersons, MakingAnApproverOfSomebody) {
  // dba approves by the terms of offers, and owns what lies in pg-main.
  EXPECT_TRUE(waits("add_member", member("dba", "evan")));
  EXPECT_FALSE(waits("add_member", member("engineering", "evan")));
  EXPECT_FALSE(waits("set_identity_state", state_of("dana", "quarantined")));
  EXPECT_TRUE(waits("set_identity_state", state_of("dana", "active")));
}

TEST_F(TwoPersons, HandingAResourceToAnotherOwner) {
  Json orders = World::resource("pg-main/other", "pg-main", "high", "identity:dave");
  w.change("add_resource", Json::object({{"resource", orders}}));
  EXPECT_TRUE(waits("set_identity_state", Json::object({{"identity", "dave"},
                                                        {"state", "offboarded"},
                                                        {"reason", "left"},
                                                        {"reassign_to", "identity:erin"}})));
}

TEST_F(TwoPersons, WhoFoundedAloneNeedsNobody) {
  World solo(true);
  solo.must("alice", "add_identity", Json::object({{"kind", "user"}, {"name", "carol"}}));
  const Json done = solo.must("alice", "add_member", member("administrators", "carol"));
  EXPECT_EQ(done.find("change"), nullptr);
}

struct FirstDevice : testing::Test {
  FirstDevice() {
    w.furnish();
    w.change("add_member", member("administrators", "dana"));
    w.must("alice", "add_identity", Json::object({{"kind", "user"}, {"name", "frank"}}));
    w.advance(std::chrono::minutes(20));  // codes that were shown are old by now
    Enrollment enrollment{"enr_f", w.id("frank"), "hash", w.now + std::chrono::minutes(15),
                          w.id("alice")};
    Device device{"dev_f",
                  w.id("frank"),
                  Sealed{w.id("frank"), ""},
                  "key",
                  w.now + std::chrono::days(90),
                  w.id("alice")};
    w.commit({"server"}, {EnrollmentOpened{enrollment}, DeviceEnrolled{device, "enr_f"},
                          SecondFactorSet{w.id("frank"), Sealed{w.id("frank"), ""}, "dev_f"}});
  }
  const Json body = Json::object({{"device", "dev_f"}});
  World w;
};

TEST_F(FirstDevice, IsConfirmedByAnotherThanWhoOpenedTheEnrolment) {
  w.show_factor("alice");
  EXPECT_EQ(w.refused("alice", "confirm_device", body).code, Code::kDenied);
  EXPECT_EQ(w.refused("bob", "confirm_device", body).where, kNeedsSecondFactor);
  w.show_factor("bob");
  w.must("bob", "confirm_device", body);
  EXPECT_EQ(w.state.devices.find("dev_f")->opened_by, "");
  EXPECT_EQ(w.state.second_factors.find(w.id("frank"))->awaits, "");
  w.must("bob", "confirm_device", body);  // again: nothing happens
}

TEST_F(FirstDevice, IsConfirmedByAdministratorsAlone) {
  w.show_factor("erin");
  EXPECT_EQ(w.refused("erin", "confirm_device", body).code, Code::kDenied);
}

TEST_F(FirstDevice, AnEnrolmentSaysWhoOpenedIt) {
  w.must("bob", "open_enrollment", Json::object({{"identity", "frank"}}));
  const auto& opened = std::get<EnrollmentOpened>(w.events.back().data);
  EXPECT_EQ(opened.enrollment.opened_by, w.id("bob"));
}

}  // namespace
}  // namespace writ::core
