// What a CowMap is made of: nodes that count their owners, and the slots of its shards. Internal to
// cow_map.h.
//
// A slot holds one entry. Where key and value are small and plain it holds them in place, so that
// reading one loads nothing more; else it holds a pointer to an entry that counts its owners, which
// never moves while anything owns it.
#pragma once

#include <algorithm>
#include <atomic>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "cedar/hash.h"
#include "core/cow_memory.h"

namespace writ::core::detail {

// What the nodes have in common: owners, and memory that is longer than the struct.
struct CowNode {
  std::atomic<std::uint32_t> owners{1};
  bool shared() const { return owners.load(std::memory_order_acquire) != 1; }
  void keep() { owners.fetch_add(1, std::memory_order_relaxed); }
  // Of many that lie apart: they are loaded together, where counting alone loads each in turn.
  template <class Node>
  static void keep_all(Node* const* nodes, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) __builtin_prefetch(nodes[i], 1);
    for (std::size_t i = 0; i < count; ++i) {
      if (nodes[i] != nullptr) nodes[i]->keep();
    }
  }
  // True when this was the last owner.
  bool drop() { return owners.fetch_sub(1, std::memory_order_acq_rel) == 1; }
};

// An entry of a small key.
template <class Key, class Value>
struct CowEntry : CowNode {
  CowEntry(Key k, Value v) : key(k), content(std::move(v)) {}
  bool has(Key k) const { return key == k; }
  const Value& value() const { return content; }
  Value& value() { return content; }
  static CowEntry* make(Key k, Value v) {
    return new (take_node(sizeof(CowEntry))) CowEntry(k, std::move(v));
  }
  CowEntry* clone() const { return make(key, content); }
  static void destroy(CowEntry* entry) {
    entry->~CowEntry();
    give_node(entry, sizeof(CowEntry));
  }
  template <class Visit>
  void visit(Visit& f, std::string&) const {
    f(key, content);
  }
  Key key;
  Value content;
};
// An entry of a string: the key's bytes stand before the value, so that what compares the key has
// loaded the value's beginning, too.
template <class Value>
struct CowEntry<std::string, Value> : CowNode {
  explicit CowEntry(std::string_view k) : size(static_cast<std::uint32_t>(k.size())) {
    std::memcpy(bytes(), k.data(), k.size());
  }
  char* bytes() { return reinterpret_cast<char*>(this + 1); }
  const char* bytes() const { return reinterpret_cast<const char*>(this + 1); }
  std::string_view key() const { return {bytes(), size}; }
  bool has(std::string_view k) const {
    return size == k.size() && cedar::detail::same_bytes(bytes(), k.data(), size);
  }
  static std::size_t memory_for(std::size_t key_size) {
    return sizeof(CowEntry) + room(key_size) + sizeof(Value);
  }
  static std::size_t room(std::size_t key_size) {
    return (key_size + alignof(Value) - 1) & ~(alignof(Value) - 1);
  }
  const Value& value() const { return *reinterpret_cast<const Value*>(bytes() + room(size)); }
  Value& value() { return *reinterpret_cast<Value*>(bytes() + room(size)); }
  static CowEntry* make(std::string_view k, Value v) {
    auto* entry = new (take_node(memory_for(k.size()))) CowEntry(k);
    new (static_cast<void*>(&entry->value())) Value(std::move(v));
    return entry;
  }
  CowEntry* clone() const { return make(key(), value()); }
  static void destroy(CowEntry* entry) {
    const std::size_t memory = memory_for(entry->size);
    entry->value().~Value();
    entry->~CowEntry();
    give_node(entry, memory);
  }
  template <class Visit>
  void visit(Visit& f, std::string& buffer) const {
    buffer.assign(key());
    f(static_cast<const std::string&>(buffer), value());
  }
  static_assert(alignof(Value) <= 8);  // where the key's bytes begin
  std::uint32_t size;
};

// An entry of a value that has its key in itself: own_key(value).
template <class Value>
concept HasOwnKey = requires(const Value& value) {
  { own_key(value) } -> std::same_as<std::string_view>;
};
template <HasOwnKey Value>
struct CowEntry<std::string, Value> : CowNode {
  explicit CowEntry(Value v) : content(std::move(v)) {}
  bool has(std::string_view k) const { return own_key(content) == k; }
  const Value& value() const { return content; }
  Value& value() { return content; }
  static CowEntry* make(std::string_view, Value v) {
    return new (take_node(sizeof(CowEntry))) CowEntry(std::move(v));
  }
  CowEntry* clone() const { return make(own_key(content), content); }
  static void destroy(CowEntry* entry) {
    entry->~CowEntry();
    give_node(entry, sizeof(CowEntry));
  }
  template <class Visit>
  void visit(Visit& f, std::string& buffer) const {
    buffer.assign(own_key(content));
    f(static_cast<const std::string&>(buffer), content);
  }
  Value content;
};

// A slot that points to its entry and owns it with others.
template <class Key, class KeyView, class Value>
struct CowPointer {
  using Entry = CowEntry<Key, Value>;
  static CowPointer make(KeyView key, Value value) { return {Entry::make(key, std::move(value))}; }
  bool has(KeyView key) const { return entry->has(key); }
  const Value& value() const { return entry->value(); }
  // The key, and what stands first in the value.
  void prefetch() const {
    constexpr std::size_t kFirst = 144;
    prefetch_bytes<std::min(kFirst, sizeof(Entry) + sizeof(Value))>(entry);
  }
  void keep() const { entry->keep(); }
  void prefetch_owners() const { __builtin_prefetch(entry, 1); }
  void drop() const {
    if (entry->drop()) Entry::destroy(entry);
  }
  void assign(KeyView key, Value value) {
    if (entry->shared()) {
      std::exchange(*this, make(key, std::move(value))).drop();
    } else {
      entry->value() = std::move(value);
    }
  }
  // To change in place, with nobody else seeing it.
  Value& own() {
    if (entry->shared()) std::exchange(*this, CowPointer{entry->clone()}).drop();
    return entry->value();
  }
  template <class Visit>
  void visit(Visit& f, std::string& buffer) const {
    entry->visit(f, buffer);
  }
  Entry* entry;
};

// A slot that is its entry.
template <class Key, class Value>
struct CowPlain {
  static CowPlain make(Key key, Value value) { return {key, value}; }
  bool has(Key k) const { return key == k; }
  const Value& value() const { return content; }
  void prefetch() const {}
  void keep() const {}
  void prefetch_owners() const {}
  void drop() const {}
  void assign(Key, Value value) { content = value; }
  Value& own() { return content; }
  template <class Visit>
  void visit(Visit& f, std::string&) const {
    f(key, content);
  }
  Key key;
  Value content;
};

template <class Key, class KeyView, class Value>
using CowSlot = std::conditional_t<std::is_trivially_copyable_v<Key> &&
                                       std::is_trivially_copyable_v<Value> && sizeof(Value) <= 40,
                                   CowPlain<Key, Value>, CowPointer<Key, KeyView, Value>>;

// A bit for each of fourteen tags that is this one: as many as stand in a line of the processor's
// cache behind what a shard says of itself.
constexpr std::uint32_t kTagsAtOnce = 14;
inline unsigned same_of_fourteen(const std::uint32_t* tags, std::uint32_t tag) {
#if defined(__SSE2__)
  const __m128i wanted = _mm_set1_epi32(static_cast<int>(tag));
  const auto* four = reinterpret_cast<const __m128i*>(tags);
  const auto same = [&](__m128i some) { return _mm_cmpeq_epi32(some, wanted); };
  const __m128i low = _mm_packs_epi32(same(_mm_loadu_si128(four)), same(_mm_loadu_si128(four + 1)));
  const __m128i high =
      _mm_packs_epi32(same(_mm_loadu_si128(four + 2)), same(_mm_loadl_epi64(four + 3)));
  return static_cast<unsigned>(_mm_movemask_epi8(_mm_packs_epi16(low, high)));
#else
  unsigned same = 0;
  for (unsigned i = 0; i < kTagsAtOnce; ++i) same |= static_cast<unsigned>(tags[i] == tag) << i;
  return same;
#endif
}

// Some entries whose hashes begin alike: their tags from the front, their slots from the back, in
// as few whole lines of the cache as hold them; so how many they are also says how long it is.
template <class Key, class KeyView, class Value>
struct CowShard : CowNode {
  using Slot = CowSlot<Key, KeyView, Value>;
  static constexpr std::uint32_t kNone = ~0u;
  static_assert(alignof(Slot) <= 16);  // as take_node aligns

  // Its entries are still to be said.
  static CowShard* make(std::uint32_t count) {
    const std::size_t memory = memory_for(count);
    auto* shard = new (take_node(memory)) CowShard;
    std::memset(static_cast<void*>(shard + 1), 0, memory - sizeof(CowShard));
    shard->count = count;
    return shard;
  }
  // The first `count` entries of another, or all of them and places for more.
  static CowShard* make_from(const CowShard& other, std::uint32_t count) {
    CowShard* shard = make(count);
    const std::uint32_t copied = std::min(count, other.count);
    std::copy_n(other.tags(), copied, shard->tags());
    for (std::uint32_t i = 0; i < copied; ++i) shard->slot(i) = other.slot(i);
    return shard;
  }
  static void destroy(CowShard* shard) {
    const std::size_t memory = memory_for(shard->count);
    shard->~CowShard();
    give_node(shard, memory);
  }
  static constexpr std::size_t memory_for(std::size_t count) {
    const std::size_t size = sizeof(CowShard) + count * (sizeof(std::uint32_t) + sizeof(Slot));
    return (size + kCacheLine - 1) / kCacheLine * kCacheLine;
  }
  // Whether it may have as many in the memory that it has.
  static bool fits(const CowShard& shard, std::size_t count) {
    return memory_for(shard.count) == memory_for(count);
  }
  std::uint32_t* tags() { return reinterpret_cast<std::uint32_t*>(this + 1); }
  const std::uint32_t* tags() const { return reinterpret_cast<const std::uint32_t*>(this + 1); }
  Slot& slot(std::uint32_t at) { return const_cast<Slot&>(std::as_const(*this).slot(at)); }
  const Slot& slot(std::uint32_t at) const {
    const auto* end = reinterpret_cast<const char*>(this) + memory_for(count);
    return reinterpret_cast<const Slot*>(end)[-1 - static_cast<std::ptrdiff_t>(at)];
  }

  // The first place with this tag of which `right(slot)` holds.
  template <class Right>
  [[gnu::always_inline]] std::uint32_t find(std::uint32_t tag, Right right) const {
    std::uint32_t from = 0;
    do {
      const std::uint32_t left = std::min(count - from, kTagsAtOnce);
      unsigned same = same_of_fourteen(tags() + from, tag) & ((1u << left) - 1);
      for (; same != 0; same &= same - 1) {
        const std::uint32_t at = from + static_cast<std::uint32_t>(std::countr_zero(same));
        if (right(slot(at))) return at;
      }
      from += kTagsAtOnce;
    } while (from < count);
    return kNone;
  }
  std::uint32_t count = 0;
};

// A root or page: a fixed number of children.
template <class Child>
struct CowFan : CowNode {
  static CowFan* make(std::size_t children) {
    auto* fan = new (take_node(memory_for(children))) CowFan;
    std::memset(static_cast<void*>(fan->child()), 0, children * sizeof(Child*));
    return fan;
  }
  static void destroy(CowFan* fan, std::size_t children) {
    fan->~CowFan();
    give_node(fan, memory_for(children));
  }
  static std::size_t memory_for(std::size_t children) {
    return sizeof(CowFan) + children * sizeof(Child*);
  }
  Child** child() { return reinterpret_cast<Child**>(this + 1); }
  Child* const* child() const { return reinterpret_cast<Child* const*>(this + 1); }
  std::uint32_t padding = 0;
};

}  // namespace writ::core::detail
