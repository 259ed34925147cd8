#include "api/context.h"

#include <gtest/gtest.h>

#include <future>
#include <new>

namespace writ::api {
namespace {

TEST(Pool, AJobThatFailsEndsAlone) {
  Pool pool(1);
  auto held = std::make_shared<std::promise<void>>();
  auto let_go = held->get_future();
  ASSERT_TRUE(pool.run([held = std::move(held)] { throw std::bad_alloc(); }));
  // What the job held is gone, so who waits for an answer hears of it.
  EXPECT_THROW(let_go.get(), std::future_error);
  std::promise<int> next;
  ASSERT_TRUE(pool.run([&] { next.set_value(7); }));
  EXPECT_EQ(next.get_future().get(), 7);
}

}  // namespace
}  // namespace writ::api
