#include "core/cow_memory.h"

#include <sys/mman.h>

#include <array>
#include <cstdint>
#include <mutex>
#include <new>

namespace writ::core::detail {
namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr bool kFromHeap = true;
#elif defined(__has_feature)
constexpr bool kFromHeap = __has_feature(address_sanitizer);
#else
constexpr bool kFromHeap = false;
#endif

constexpr std::size_t kStep = 16;
constexpr std::size_t kLargest = 4096 + kStep;  // a page of 512 children; rarer ones are larger
constexpr std::size_t kHuge = std::size_t{2} << 20;
constexpr std::size_t kRegion = 32 * kHuge;  // of addresses: only what is touched takes memory

class Nodes {
 public:
  void* take(std::size_t size) {
    const std::size_t steps = (size + kStep - 1) / kStep;
    const std::lock_guard lock(mutex_);
    if (Free*& first = free_[steps]; first != nullptr) {
      Free* node = first;
      first = node->next;
      return node;
    }
    if (left_ < steps * kStep) begin_region();
    left_ -= steps * kStep;
    if (steps * kStep % kCacheLine == 0) left_ -= left_ % kCacheLine;
    return next_ + left_;
  }
  void give(void* node, std::size_t size) noexcept {
    const std::size_t steps = (size + kStep - 1) / kStep;
    const std::lock_guard lock(mutex_);
    free_[steps] = new (node) Free{free_[steps]};
  }

 private:
  struct Free {
    Free* next;
  };
  void begin_region() {
    void* memory = mmap(nullptr, kRegion + kHuge, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    const auto address = reinterpret_cast<std::uintptr_t>(memory);
    next_ = static_cast<char*>(memory) + (kHuge - address % kHuge) % kHuge;
    left_ = kRegion;
    madvise(next_, kRegion, MADV_HUGEPAGE);  // where there are none, small ones do
  }

  std::mutex mutex_;
  std::array<Free*, kLargest / kStep + 1> free_{};
  char* next_ = nullptr;  // a region, of which the first `left_` bytes are untouched
  std::size_t left_ = 0;
};

// Never destroyed: States may outlive whatever else is static.
Nodes& nodes() {
  static Nodes* const kNodes = new Nodes;
  return *kNodes;
}

}  // namespace

void* take_node(std::size_t size) {
  if (kFromHeap || size > kLargest) return ::operator new(size);
  return nodes().take(size);
}

void give_node(void* node, std::size_t size) noexcept {
  if (kFromHeap || size > kLargest) return ::operator delete(node);
  nodes().give(node, size);
}

}  // namespace writ::core::detail
