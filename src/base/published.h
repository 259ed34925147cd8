// A value that one thread replaces and many read without waiting for it.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>

namespace writ {

// Readers keep a `Reader` per thread; it takes the lock only when the value has been replaced.
// std::atomic<std::shared_ptr> would say this in one line, but is slow and races in libstdc++ 12.
template <class T>
class Published {
 public:
  explicit Published(std::shared_ptr<const T> first) : value_(std::move(first)) {}

  // Readers see `next` from their next `get` on. The old value is released here, not in a reader,
  // unless a reader still holds it.
  void publish(std::shared_ptr<const T> next) {
    {
      std::lock_guard lock(mutex_);
      value_.swap(next);
    }
    generation_.fetch_add(1, std::memory_order_release);
  }

  std::shared_ptr<const T> get() const {
    std::lock_guard lock(mutex_);
    return value_;
  }

  // One per reading thread. References that `get` returned are valid until its next call.
  class Reader {
   public:
    explicit Reader(const Published& source) : source_(source) {}
    const std::shared_ptr<const T>& get() {
      const std::uint64_t now = source_.generation_.load(std::memory_order_acquire);
      if (!cached_ || now != generation_) {
        cached_ = source_.get();
        generation_ = now;
      }
      return cached_;
    }

   private:
    const Published& source_;
    std::shared_ptr<const T> cached_;
    std::uint64_t generation_ = 0;
  };

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const T> value_;  // guarded by mutex_
  std::atomic<std::uint64_t> generation_{0};
};

}  // namespace writ
