// Deciding what is allowed takes no memory from the heap.
#include <gtest/gtest.h>

#include <cstdlib>
#include <new>

#include "core/house_test.h"

// The thread sanitizer has operators of its own, and they cannot be replaced.
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define WRIT_COUNTS_NOTHING
#endif
#endif

#ifndef WRIT_COUNTS_NOTHING
namespace {

thread_local std::size_t allocations = 0;  // of this thread, through operator new

void* counted(std::size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}

}  // namespace

void* operator new(std::size_t size) {
  return counted(size);
}
void* operator new[](std::size_t size) {
  return counted(size);
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  ++allocations;
  return std::malloc(size == 0 ? 1 : size);
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete[](void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
  std::free(memory);
}

namespace writ::core {
namespace {

TEST(Connect, AllowedTakesNoMemory) {
  house::Furnished h;
  h.policies(std::string(house::Furnished::kOffer) + R"(
@id("inside") forbid (principal, action == Writ::Action::"connect",
                      resource in Writ::Environment::"production")
unless { context.source_ip.isInRange(ip("10.0.0.0/8")) };
@id("fresh") forbid (principal is Writ::User, action == Writ::Action::"connect", resource)
unless { context.auth has mfa_age && context.auth.mfa_age <= duration("15m") };
@id("short") forbid (principal in Writ::Group::"engineering", action, resource)
when { context.duration > duration("2h") || context.approvals > 9 ||
       context.auth.strength != "two_factor" || context.now < datetime("2020-01-01") };
@id("others") forbid (principal in Writ::Group::"dba", action, resource in Writ::Tier::"critical");
)");
  h.factor("idn_erin", "dev_erin");
  // With and without others of the same person.
  for (const bool many : {false, true}) {
    for (int i = 0; many && i < 20; ++i) {
      h.live(h.grant("grt_w" + std::to_string(i), "idn_erin", "pg-main/orders/writer", "x"));
    }
    if (!many) h.hold();
    const Question question = h.connect();
    ASSERT_TRUE(h.ask(question).allow) << h.ask(question).message;
    const std::size_t before = allocations;
    const bool allow = decide(h.state, question, h.now).allow;
    EXPECT_EQ(allocations - before, 0u);
    EXPECT_TRUE(allow);
  }
}

TEST(Connect, AllowedByAnotherGrantOrTogetherTakesNoMemoryOfItsOwn) {
  house::Furnished h;
  h.hold();
  Grant lost = h.grant("grt_lost", "idn_erin", "pg-main/orders/reader", "no-such-offer");
  lost.duration = std::chrono::hours(1);
  h.live(lost);  // it lasts longest, and gives nothing
  const Question question = h.connect();
  ASSERT_EQ(h.ask(question).grant, "grt_1") << h.ask(question).message;
  std::size_t before = allocations;
  EXPECT_TRUE(decide(h.state, question, h.now).allow);
  EXPECT_EQ(allocations - before, 0u);

  const std::vector<const Question*> asked(40, &question);
  before = allocations;
  const std::vector<Decision> decisions = decide_together(h.state, asked, h.now);
  EXPECT_EQ(allocations - before, 1u);  // the list of the answers
  for (const Decision& decision : decisions) EXPECT_TRUE(decision.allow);
}

}  // namespace
}  // namespace writ::core
#endif
