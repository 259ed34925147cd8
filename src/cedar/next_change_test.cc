#include "cedar/next_change.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "base/sanitizer_for_test.h"
#include "cedar/extension.h"

namespace writ::cedar {
namespace {

using testing::HasSubstr;

constexpr std::int64_t kHour = 3'600'000;

Request request_at(std::int64_t now) {
  return Request{EntityUid("User", "a"), EntityUid("Action", "go"), EntityUid("Doc", "d"),
                 Value::record({{String("now"), Value::datetime(now)},
                                {String("until"), Value::datetime(200)},
                                {String("ttl"), Value::duration(50)},
                                {String("n"), Value::integer(7)}})};
}
CompiledPolicies compiled(std::string_view text) {
  const auto set = PolicySet::parse(text, "p");
  EXPECT_TRUE(set) << set.error().text();
  return CompiledPolicies(set.value_or(PolicySet()));
}
std::string when(std::string_view condition) {
  return "permit (principal, action, resource) when { " + std::string(condition) + " };";
}
// "allow at 200", "never", "until 9" or the error.
std::string next(std::string_view policies, std::int64_t now, const ClockOptions& options = {}) {
  const Entities none;
  const auto made = next_change(compiled(policies), request_at(now), none, options);
  if (!made) return made.error().message;
  if (made->at) {
    return (made->becomes == Decision::kAllow ? "allow at " : "deny at ") +
           std::to_string(*made->at);
  }
  return made->known_until ? "until " + std::to_string(*made->known_until) : "never";
}

TEST(NextChange, IsWhereAComparisonTurns) {
  EXPECT_EQ(next(when("context.now < context.until"), 0), "deny at 200");
  EXPECT_EQ(next(when("context.now <= context.until"), 0), "deny at 201");
  EXPECT_EQ(next(when("context.until <= context.now"), 0), "allow at 200");
  EXPECT_EQ(next(when("context.until < context.now"), 0), "allow at 201");
  EXPECT_EQ(next(when("context.now == context.until"), 0), "allow at 200");
  EXPECT_EQ(next(when("context.now == context.until"), 200), "deny at 201");
  EXPECT_EQ(next(when("context.now != context.until"), 7), "deny at 200");
  EXPECT_EQ(next(when("context.now < context.until"), 200), "never");
  EXPECT_EQ(next(when("true"), 0), "never");
  EXPECT_EQ(next("", 0), "never");
}

TEST(NextChange, FollowsArithmeticOfTimes) {
  EXPECT_EQ(next(when("context.now.offset(context.ttl) < context.until"), 0), "deny at 150");
  EXPECT_EQ(next(when("context.now.durationSince(context.until) >= context.ttl"), 0),
            "allow at 250");
  EXPECT_EQ(next(when("context.until.durationSince(context.now) > context.ttl"), 0), "deny at 150");
  EXPECT_EQ(next(when("context.now.durationSince(context.until).toMilliseconds() * 2 + 1 > "
                      "context.n"),
                 0),
            "allow at 204");
  EXPECT_EQ(next(when("10 - context.now.durationSince(context.until).toMilliseconds() == 7"), 0),
            "allow at 203");
  EXPECT_EQ(next(when("context.now.durationSince(datetime(\"1970-01-01\")).toHours() >= 3"), 0),
            "allow at " + std::to_string(3 * kHour));
  EXPECT_EQ(next(when("context.now.toDate() > datetime(\"1970-01-01\")"), 5),
            "allow at " + std::to_string(24 * kHour));
  EXPECT_EQ(next(when("[datetime(\"1970-01-02\"), context.until].contains(context.now)"), 5),
            "allow at 200");
  EXPECT_EQ(next(when("(if context.now < context.until then 1 else 2) == 2"), 5), "allow at 200");
}

TEST(NextChange, FollowsTheTimeOfDay) {
  const std::string office =
      when("context.now.toTime() >= duration(\"8h\") && context.now.toTime() < duration(\"18h\")");
  EXPECT_EQ(next(office, 0), "allow at " + std::to_string(8 * kHour));
  EXPECT_EQ(next(office, 8 * kHour), "deny at " + std::to_string(18 * kHour));
  EXPECT_EQ(next(office, 18 * kHour), "allow at " + std::to_string(32 * kHour));
  EXPECT_EQ(next(office, -3 * kHour), "allow at " + std::to_string(8 * kHour));
  const std::string shifted =
      when("context.now.offset(duration(\"2h\")).toTime() < duration(\"1h\")");
  EXPECT_EQ(next(shifted, 0), "allow at " + std::to_string(22 * kHour));
}

TEST(NextChange, PassesTimesThatChangeNothing) {
  const std::string twice = when("context.now < context.until") + when("context.n == 7");
  EXPECT_EQ(next(twice, 0), "never");
  const std::string later = when("context.now < context.until") +
                            when("context.now < datetime(\"1970-01-01T00:00:01Z\")");
  EXPECT_EQ(next(later, 0), "deny at 1000");
  const std::string forbidden =
      when("true") + "forbid (principal, action, resource) when { context.now >= context.until };";
  EXPECT_EQ(next(forbidden, 0), "deny at 200");
  const std::string day_and_night = when("context.now.toTime() >= duration(\"12h\")") +
                                    when("context.now.toTime() < duration(\"12h\")");
  ClockOptions few;
  few.most = 4;
  EXPECT_EQ(next(day_and_night, 0, few), "until " + std::to_string(36 * kHour));
}

TEST(NextChange, AForbidThatFailsMayDeny) {
  const std::string policies =
      when("true") +
      "forbid (principal, action, resource) when { context.now >= context.until && "
      "context.missing == 1 };";
  EXPECT_EQ(next(policies, 0), "never");
  ClockOptions denies;
  denies.failed_forbid = FailedForbid::kDenies;
  EXPECT_EQ(next(policies, 0, denies), "deny at 200");
}

TEST(NextChange, LooksOnlyAtPoliciesThatMatter) {
  const std::string other =
      "permit (principal == User::\"b\", action, resource) when { {a: context.now} == {a: 1} };";
  EXPECT_EQ(next(other + when("context.now < context.until"), 0), "deny at 200");
  EXPECT_EQ(next(when("context.n == 8 && {a: context.now} == {a: 1}"), 0), "never");
}

TEST(NextChange, SaysWhenItCannotTell) {
  EXPECT_THAT(next(when("{a: context.now} == {a: context.until}"), 0), HasSubstr("`policy0`"));
  EXPECT_THAT(next(when("context == {}"), 0), HasSubstr("cannot be told"));
  ClockOptions few;
  few.steps = 30;
  EXPECT_THAT(next(when("context.now < context.until"), 0, few), HasSubstr("too many steps"));
  ClockOptions other;
  other.attribute = "n";
  EXPECT_THAT(next(when("true"), 0, other), HasSubstr("no datetime `n`"));
}

// Random conditions on the time, with every millisecond looked at.
class Conditions {
 public:
  explicit Conditions(unsigned long long seed) : random_(seed) {}

  std::string boolean(int depth) {
    if (depth > 0) {
      switch (random_.below(6)) {
        case 0:
          return "(" + boolean(depth - 1) + " && " + boolean(depth - 1) + ")";
        case 1:
          return "(" + boolean(depth - 1) + " || " + boolean(depth - 1) + ")";
        case 2:
          return "!" + boolean(depth - 1);
        case 3:
          return "(if " + boolean(depth - 1) + " then " + boolean(depth - 1) + " else " +
                 boolean(depth - 1) + ")";
        default:
          break;
      }
    }
    const std::string sign = pick({" < ", " <= ", " > ", " >= ", " == ", " != "});
    switch (random_.below(4)) {
      case 0:
        return "(" + moving() + sign + fixed() + ")";
      case 1:
        return "(" + fixed() + sign + moving() + ")";
      case 2:
        return "(" + moving() + ".durationSince(" + fixed() + ")" + sign + duration() + ")";
      default:
        return "(" + fixed() + ".durationSince(" + moving() + ").toMilliseconds() * " +
               pick({"2", "-3", "1"}) + sign + std::to_string(random_.below(200)) + ")";
    }
  }
  std::string pick(const std::vector<std::string>& from) {
    return from[random_.below(from.size())];
  }
  std::int64_t time() { return static_cast<std::int64_t>(random_.below(400)); }

 private:
  std::string moving() {
    return random_.below(3) == 0 ? "context.now.offset(" + duration() + ")" : "context.now";
  }
  std::string fixed() { return "datetime(\"" + datetime_text(time()) + "\")"; }
  std::string duration() {
    return "duration(\"" + duration_text(static_cast<std::int64_t>(random_.below(200)) - 100) +
           "\")";
  }
  SeededRandom random_;
};

TEST(NextChange, IsTheFirstAndNothingChangesBefore) {
  constexpr std::int64_t kLast = 800;  // nothing changes later
  const Entities none;
  int changes = 0;
  for (unsigned long long seed = 0; seed < rounds(300U); ++seed) {
    Conditions conditions(seed);
    std::string text;
    for (int i = 0; i < 3; ++i) {
      text += conditions.pick({"permit", "permit", "forbid"}) + " (principal, action, resource) " +
              conditions.pick({"when", "unless"}) + " { " + conditions.boolean(2) + " };\n";
    }
    const CompiledPolicies policies = compiled(text);
    const std::int64_t now = conditions.time();
    const auto made = next_change(policies, request_at(now), none);
    ASSERT_TRUE(made) << made.error().text() << "\n" << text;
    ASSERT_FALSE(made->known_until);
    const Decision is = authorize(policies, request_at(now), none).decision;
    const std::int64_t until = made->at.value_or(kLast);
    ASSERT_LE(until, kLast);
    for (std::int64_t time = now; time < until; ++time) {
      ASSERT_EQ(authorize(policies, request_at(time), none).decision, is)
          << seed << " at " << time << "\n"
          << text;
    }
    if (!made->at) continue;
    ++changes;
    EXPECT_NE(made->becomes, is);
    EXPECT_EQ(authorize(policies, request_at(until), none).decision, made->becomes) << text;
  }
  EXPECT_GT(changes, rounds(60));
}

}  // namespace
}  // namespace writ::cedar
