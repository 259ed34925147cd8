#include "cmd/args.h"

#include <gtest/gtest.h>

#include "cmd/verbs.h"

namespace writ::cmd {
namespace {

const Verb& verb(std::string_view path) {
  for (const Verb& each : verbs()) {
    if (each.path == path) return each;
  }
  throw std::runtime_error("no such verb");
}

TEST(Args, OptionsAndOperandsStandInAnyOrder) {
  const auto args =
      parse_args(verb("request"), {"--for", "30m", "pg/orders/reader", "--purpose=because of x"});
  ASSERT_TRUE(args) << args.error().text();
  EXPECT_EQ(args->operand("ENTITLEMENT"), "pg/orders/reader");
  EXPECT_EQ(args->option("--for"), "30m");
  EXPECT_EQ(args->option("--purpose"), "because of x");
  EXPECT_FALSE(args->has("--wait"));
}

TEST(Args, AValueMayLookLikeAnOption) {
  const auto args = parse_args(verb("request"), {"e", "--purpose", "x", "--for", "-5m"});
  ASSERT_TRUE(args);
  EXPECT_EQ(args->option("--for"), "-5m");
}

TEST(Args, WordsAfterTwoDashesAreKeptAsTheyAre) {
  const auto args = parse_args(verb("connect"), {"e", "--", "-c", "select 1", "--json"});
  ASSERT_TRUE(args);
  EXPECT_EQ(args->rest(), (std::vector<std::string>{"-c", "select 1", "--json"}));
  EXPECT_FALSE(args->has("--json"));
}

TEST(Args, AMisspelledOptionNamesTheNearest) {
  const auto args = parse_args(verb("request"), {"e", "--purpos", "x"});
  ASSERT_FALSE(args);
  EXPECT_EQ(args.error().where, "--purpos");
  EXPECT_NE(args.error().message.find("did you mean --purpose?"), std::string::npos);
}

TEST(Args, WhatIsMissingIsNamed) {
  EXPECT_NE(parse_args(verb("request"), {"--purpose", "x"}).error().message.find("ENTITLEMENT"),
            std::string::npos);
  EXPECT_EQ(parse_args(verb("request"), {"e"}).error().where, "--purpose");
  EXPECT_EQ(parse_args(verb("request"), {"e", "--purpose"}).error().where, "--purpose");
  EXPECT_EQ(parse_args(verb("request"), {"e", "--purpose", "--wait"}).error().where, "--purpose");
}

TEST(Args, WhatIsTooMuchIsNamed) {
  EXPECT_EQ(parse_args(verb("withdraw"), {"a", "b"}).error().where, "b");
  EXPECT_EQ(parse_args(verb("withdraw"), {"a", "--", "b"}).error().where, "--");
  EXPECT_EQ(parse_args(verb("withdraw"), {"a", "--json=1"}).error().where, "--json");
  EXPECT_EQ(parse_args(verb("request"), {"e", "--for", "1m", "--for", "2m"}).error().where,
            "--for");
}

TEST(Args, AChoiceNamesTheNearest) {
  const auto args = parse_args(verb("list"), {"grant"});
  ASSERT_FALSE(args);
  EXPECT_EQ(args.error().message, "did you mean grants?");
  EXPECT_NE(parse_args(verb("list"), {"zzz"}).error().message.find("entitlements, requests"),
            std::string::npos);
}

TEST(FindVerb, FindsVerbsOfOneAndTwoWords) {
  EXPECT_EQ(find_verb(verbs(), {"request", "x"})->verb->path, "request");
  EXPECT_EQ(find_verb(verbs(), {"evidence", "verify"})->words, 2U);
}

TEST(FindVerb, SuggestsTheNearest) {
  EXPECT_NE(find_verb(verbs(), {"reqest"}).error().message.find("`writ request`"),
            std::string::npos);
  EXPECT_NE(
      find_verb(verbs(), {"evidence", "verfy"}).error().message.find("`writ evidence verify`"),
      std::string::npos);
  EXPECT_NE(find_verb(verbs(), {"evidence"}).error().message.find("show, verify, prove, check"),
            std::string::npos);
  EXPECT_NE(find_verb(verbs(), {"qqqqqqqq"}).error().message.find("writ help"), std::string::npos);
}

TEST(Verbs, EveryVerbHasHelpAHeadingAndAHandler) {
  const std::string all = overview(verbs(), {});
  for (const Verb& each : verbs()) {
    EXPECT_NE(each.run, nullptr) << each.path;
    EXPECT_FALSE(each.summary.empty()) << each.path;
    EXPECT_NE(all.find("  " + std::string(each.path) + " "), std::string::npos) << each.path;
    EXPECT_NE(help_of(each, {}).find("writ " + std::string(each.path)), std::string::npos);
    for (const Option& option : each.options) {
      EXPECT_TRUE(option.name.starts_with("--")) << each.path;
      EXPECT_FALSE(option.help.empty()) << each.path << option.name;
    }
  }
}

}  // namespace
}  // namespace writ::cmd
