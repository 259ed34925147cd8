// Memory for the nodes of CowMaps, on huge pages: a decision reads nodes that lie anywhere in a
// State, and with small pages it would wait for as many page tables as for nodes.
//
// What is given back is kept for the next node of its size, and never returned to the system; so a
// process holds what its largest State took. Under the address sanitizer each node comes from the
// heap, where its misuse is seen.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

namespace writ::core::detail {

constexpr std::size_t kCacheLine = 64;  // bytes that a processor loads at once

// Aligned to 16 bytes; a node of whole lines to a line, unless it comes from the heap. Throws
// std::bad_alloc. Any thread may call both.
void* take_node(std::size_t size);
// `size` is that of the take.
void give_node(void* node, std::size_t size) noexcept;

// Begins to load every line of the processor's cache that these bytes touch. `from` may be null,
// and is aligned to 8; that many bytes need not be there.
template <std::size_t kSize>
[[gnu::always_inline]] inline void prefetch_bytes(const void* from) {
  const auto load = [begin = reinterpret_cast<std::uintptr_t>(from)](std::size_t at) {
    __builtin_prefetch(reinterpret_cast<const void*>(begin + at));
  };
  const auto each = [&]<std::size_t... kLine>(std::index_sequence<kLine...>) {
    (load(kLine * kCacheLine), ...);
  };
  each(std::make_index_sequence<(kSize + kCacheLine - 1) / kCacheLine>());
  if constexpr (kSize > 8) load(kSize - 1);
}

}  // namespace writ::core::detail
