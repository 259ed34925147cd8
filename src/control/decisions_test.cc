#include "control/decisions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace writ::control {
namespace {

TEST(Reason, IsWhatCoreSays) {
  core::Decision decision;
  for (const std::string_view grant : {"", "grt_1"}) {
    decision.grant = grant;
    decision.policies.clear();
    for (const std::string_view policy : {"one", "with \"quotes\"", "three"}) {
      JsonText text;
      text.raw("{\"before\":0");
      append_reason(text, decision);
      const auto json = parse_json(std::string(text.raw("}").view()));
      ASSERT_TRUE(json) << json.error().text();
      std::vector<std::string> said;
      for (const Json& each : *json->find("reason")->as_array()) said.push_back(*each.as_string());
      EXPECT_EQ(said, core::reason_of(decision));
      decision.policies.push_back(policy);
    }
  }
}

}  // namespace
}  // namespace writ::control
