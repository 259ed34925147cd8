// Memory for the nodes of CowMaps, on huge pages: a decision reads nodes that lie anywhere in a
// State, and with small pages it would wait for as many page tables as for nodes.
//
// What is given back is kept for the next node of its size, and never returned to the system; so a
// process holds what its largest State took. Under the address sanitizer each node comes from the
// heap, where its misuse is seen.
#pragma once

#include <cstddef>

namespace writ::core::detail {

// Aligned to 16 bytes; throws std::bad_alloc. Any thread may call both.
void* take_node(std::size_t size);
// `size` is that of the take.
void give_node(void* node, std::size_t size) noexcept;

}  // namespace writ::core::detail
