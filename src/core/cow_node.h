// What a CowMap is made of: nodes that count their owners, and the slots of its shards. Internal to
// cow_map.h.
//
// A slot holds one entry. Where key and value are small and plain it holds them in place, so that
// reading one loads nothing more; else it holds a pointer to an entry that counts its owners, which
// never moves while anything owns it.
#pragma once

#include <atomic>
#include <bit>
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

namespace writ::core::detail {

// What the nodes have in common: owners, and memory that is longer than the struct.
struct CowNode {
  std::atomic<std::uint32_t> owners{1};
  bool shared() const { return owners.load(std::memory_order_acquire) != 1; }
  void keep() { owners.fetch_add(1, std::memory_order_relaxed); }
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
  static CowEntry* make(Key k, Value v) { return new CowEntry(k, std::move(v)); }
  CowEntry* clone() const { return make(key, content); }
  static void destroy(CowEntry* entry) { delete entry; }
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
  bool has(std::string_view k) const { return key() == k; }
  static std::size_t room(std::size_t key_size) {
    return (key_size + alignof(Value) - 1) & ~(alignof(Value) - 1);
  }
  const Value& value() const { return *reinterpret_cast<const Value*>(bytes() + room(size)); }
  Value& value() { return *reinterpret_cast<Value*>(bytes() + room(size)); }
  static CowEntry* make(std::string_view k, Value v) {
    void* memory = ::operator new(sizeof(CowEntry) + room(k.size()) + sizeof(Value));
    auto* entry = new (memory) CowEntry(k);
    new (static_cast<void*>(&entry->value())) Value(std::move(v));
    return entry;
  }
  CowEntry* clone() const { return make(key(), value()); }
  static void destroy(CowEntry* entry) {
    entry->value().~Value();
    entry->~CowEntry();
    ::operator delete(entry);
  }
  template <class Visit>
  void visit(Visit& f, std::string& buffer) const {
    buffer.assign(key());
    f(static_cast<const std::string&>(buffer), value());
  }
  static_assert(alignof(Value) <= 8);  // where the key's bytes begin
  std::uint32_t size;
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
    constexpr std::size_t kLine = 64, kMost = 5;
    const char* bytes = reinterpret_cast<const char*>(entry);
    for (std::size_t i = 0; i < kMost && i * kLine < sizeof(Entry) + sizeof(Value); ++i) {
      __builtin_prefetch(bytes + i * kLine);
    }
  }
  void keep() const { entry->keep(); }
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

// A bit for each of four tags that is this one.
inline unsigned same_of_four(const std::uint32_t* tags, std::uint32_t tag) {
#if defined(__SSE2__)
  const __m128i four = _mm_loadu_si128(reinterpret_cast<const __m128i*>(tags));
  const __m128i same = _mm_cmpeq_epi32(four, _mm_set1_epi32(static_cast<int>(tag)));
  return static_cast<unsigned>(_mm_movemask_ps(_mm_castsi128_ps(same)));
#else
  unsigned same = 0;
  for (unsigned i = 0; i < 4; ++i) same |= static_cast<unsigned>(tags[i] == tag) << i;
  return same;
#endif
}

// Some entries whose hashes begin alike: their tags together, then their slots. Room is for whole
// fours, and tags beyond `count` are 0, so that four can always be compared at once.
template <class Key, class KeyView, class Value>
struct CowShard : CowNode {
  using Slot = CowSlot<Key, KeyView, Value>;
  static constexpr std::uint32_t kNone = ~0u;

  static CowShard* make(std::uint32_t capacity) {
    capacity = (capacity + 3) & ~3u;
    auto* shard =
        new (::operator new(sizeof(CowShard) + capacity * (sizeof(std::uint32_t) + sizeof(Slot))))
            CowShard;
    shard->capacity = capacity;
    std::memset(shard->tags(), 0, capacity * sizeof(std::uint32_t));
    return shard;
  }
  static void destroy(CowShard* shard) {
    shard->~CowShard();
    ::operator delete(shard);
  }
  std::uint32_t* tags() { return reinterpret_cast<std::uint32_t*>(this + 1); }
  const std::uint32_t* tags() const { return reinterpret_cast<const std::uint32_t*>(this + 1); }
  Slot* slots() { return reinterpret_cast<Slot*>(tags() + capacity); }
  const Slot* slots() const { return reinterpret_cast<const Slot*>(tags() + capacity); }

  // The first place with this tag of which `right(slot)` holds.
  template <class Right>
  std::uint32_t find(std::uint32_t tag, Right right) const {
    for (std::uint32_t i = 0; i < count; i += 4) {
      for (unsigned same = same_of_four(tags() + i, tag); same != 0; same &= same - 1) {
        const std::uint32_t at = i + static_cast<std::uint32_t>(std::countr_zero(same));
        if (at < count && right(slots()[at])) return at;
      }
    }
    return kNone;
  }
  void add(std::uint32_t tag, Slot slot) {
    tags()[count] = tag;
    slots()[count++] = slot;
  }
  Slot take(std::uint32_t at) {
    const Slot slot = slots()[at];
    slots()[at] = slots()[--count];
    tags()[at] = std::exchange(tags()[count], 0u);
    return slot;
  }
  std::uint32_t count = 0;
  std::uint32_t capacity = 0;
  std::uint32_t padding = 0;
};

// A root or page: a fixed number of children.
template <class Child>
struct CowFan : CowNode {
  static CowFan* make(std::size_t children) {
    auto* fan = new (::operator new(sizeof(CowFan) + children * sizeof(Child*))) CowFan;
    std::memset(static_cast<void*>(fan->child()), 0, children * sizeof(Child*));
    return fan;
  }
  static void destroy(CowFan* fan) {
    fan->~CowFan();
    ::operator delete(fan);
  }
  Child** child() { return reinterpret_cast<Child**>(this + 1); }
  Child* const* child() const { return reinterpret_cast<Child* const*>(this + 1); }
  std::uint32_t padding = 0;
};

}  // namespace writ::core::detail
