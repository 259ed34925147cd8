#include "control/time_guard.h"

#include <gtest/gtest.h>

namespace writ::control {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

const Time kStart = *parse_time("2026-11-21T09:00:00Z");

TEST(TimeGuard, FollowsTheWallClock) {
  FixedClock clock(kStart);
  TimeGuard guard(clock, kStart);
  clock.advance(hours(5));
  EXPECT_EQ(guard.now(), kStart + hours(5));
  EXPECT_FALSE(guard.jumped());
}

TEST(TimeGuard, GoesOnByTheMonotonicClockWhenTheWallClockIsSetBack) {
  FixedClock clock(kStart);
  TimeGuard guard(clock, kStart);
  clock.jump(-hours(1));
  clock.advance(minutes(10));
  EXPECT_EQ(guard.now(), kStart + minutes(10));
  EXPECT_TRUE(guard.jumped());
  clock.jump(hours(1));
  EXPECT_EQ(guard.now(), kStart + minutes(10));
  EXPECT_FALSE(guard.jumped());
}

TEST(TimeGuard, DoesNotBelieveALeapForward) {
  FixedClock clock(kStart);
  TimeGuard guard(clock, kStart);
  clock.jump(hours(24 * 365));
  clock.advance(seconds(1));
  EXPECT_EQ(guard.now(), kStart + seconds(1));
  EXPECT_TRUE(guard.jumped());
}

TEST(TimeGuard, NeverAnswersBeforeTheLastCommittedTime) {
  FixedClock clock(kStart);
  TimeGuard guard(clock, kStart);
  guard.committed(kStart + seconds(20));
  EXPECT_EQ(guard.now(), kStart + seconds(20));
  clock.advance(seconds(30));
  EXPECT_EQ(guard.now(), kStart + seconds(30));
}

TEST(TimeGuard, AStartBehindTheJournalIsAJump) {
  FixedClock clock(kStart);
  TimeGuard guard(clock, kStart + hours(1));
  EXPECT_TRUE(guard.jumped());
  clock.advance(minutes(1));
  EXPECT_EQ(guard.now(), kStart + hours(1) + minutes(1));
}

}  // namespace
}  // namespace writ::control
