// A map whose copies share what did not change: copying costs O(1), a change copies only the shard
// it touches. Readers of one copy never see changes to another. For snapshots.
#pragma once

#include <cstddef>

namespace writ::core {

// Declared in full by its implementation below; what the room relies on:
//
//   CowMap<std::string, Grant> m;
//   const Grant* g = m.find("grt_…");      // null when absent; valid while this copy lives
//   m.set("grt_…", grant);                 // insert or replace
//   m.erase("grt_…");                      // nothing happens when absent
//   m.size();
//   m.for_each([](const std::string& key, const Grant& value) { … });  // unspecified order
//   CowMap copy = m;                       // O(1)
}  // namespace writ::core
