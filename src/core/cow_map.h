// A map whose copies share what did not change: copying costs O(1), a change copies only what it
// touches. For snapshots: readers of one copy never see changes to another.
//
//   CowMap<std::string, Grant> m;
//   const Grant* g = m.find("grt_…");      // null when absent; valid while this copy lives
//   m.set("grt_…", grant);                 // insert or replace
//   if (Grant* e = m.edit("grt_…")) …      // to change in place; valid until the next change
//   m.erase("grt_…");                      // nothing happens when absent
//   m.for_each([](const std::string& key, const Grant& value) { … });  // unspecified order
//   CowMap copy = m;                       // O(1)
//
// A root points to pages, a page to shards of about twelve entries, a shard to the entries. Each
// node counts its owners. Invariant: a node is written only while every node from the root down to
// it has one owner; so a run of changes copies each node once, and nodes that others see stay as
// they are. Copies may be read, changed and destroyed on different threads; one copy may not.
#pragma once

#include <atomic>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace writ::core {

inline std::uint64_t cow_hash(std::string_view key) {
  return std::hash<std::string_view>{}(key);
}
inline std::uint64_t cow_hash(std::uint64_t key) {
  const auto product =
      static_cast<unsigned __int128>(key ^ 0x9e3779b97f4a7c15) * 0xd6e8feb86659fd93;
  return static_cast<std::uint64_t>(product >> 64) ^ static_cast<std::uint64_t>(product);
}

namespace detail {

// What the nodes have in common: owners, and memory that is longer than the struct.
struct CowNode {
  std::atomic<std::uint32_t> owners{1};
  bool shared() const { return owners.load(std::memory_order_acquire) != 1; }
  void keep() { owners.fetch_add(1, std::memory_order_relaxed); }
  // True when this was the last owner.
  bool drop() { return owners.fetch_sub(1, std::memory_order_acq_rel) == 1; }
};

// An entry with its key's bytes behind it (strings) or in it (other keys).
template <class Key, class Value>
struct CowEntry : CowNode {
  CowEntry(Key k, Value v) : key(k), value(std::move(v)) {}
  bool has(Key k) const { return key == k; }
  static CowEntry* make(Key k, Value v) { return new CowEntry(k, std::move(v)); }
  CowEntry* clone() const { return make(key, value); }
  static void destroy(CowEntry* entry) { delete entry; }
  template <class Visit>
  void visit(Visit& f, std::string&) const {
    f(key, value);
  }
  Key key;
  Value value;
};
template <class Value>
struct CowEntry<std::string, Value> : CowNode {
  CowEntry(std::string_view k, Value v)
      : size(static_cast<std::uint32_t>(k.size())), value(std::move(v)) {
    std::memcpy(bytes(), k.data(), k.size());
  }
  char* bytes() { return reinterpret_cast<char*>(this + 1); }
  std::string_view key() const { return {reinterpret_cast<const char*>(this + 1), size}; }
  bool has(std::string_view k) const { return key() == k; }
  static CowEntry* make(std::string_view k, Value v) {
    return new (::operator new(sizeof(CowEntry) + k.size())) CowEntry(k, std::move(v));
  }
  CowEntry* clone() const { return make(key(), value); }
  static void destroy(CowEntry* entry) {
    entry->~CowEntry();
    ::operator delete(entry);
  }
  template <class Visit>
  void visit(Visit& f, std::string& buffer) const {
    buffer.assign(key());
    f(static_cast<const std::string&>(buffer), value);
  }
  std::uint32_t size;
  Value value;
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

}  // namespace detail

template <class Key, class Value>
class CowMap {
 public:
  // How a key is passed: strings by view, numbers by value.
  using KeyView = std::conditional_t<std::is_same_v<Key, std::string>, std::string_view, Key>;

  CowMap() = default;
  CowMap(const CowMap& other) : root_(other.root_), size_(other.size_), bits_(other.bits_) {
    if (root_ != nullptr) root_->keep();
  }
  CowMap(CowMap&& other) noexcept { swap(other); }
  CowMap& operator=(CowMap other) noexcept {
    swap(other);
    return *this;
  }
  ~CowMap() { release(root_, bits_); }

  // Keeps one entry as it is now, beyond the map. Not empty, unless moved from.
  class Handle {
   public:
    Handle(const Handle& other) : entry_(other.entry_) { entry_->keep(); }
    Handle(Handle&& other) noexcept : entry_(std::exchange(other.entry_, nullptr)) {}
    Handle& operator=(Handle other) noexcept {
      std::swap(entry_, other.entry_);
      return *this;
    }
    ~Handle() {
      if (entry_ != nullptr) drop_entry(entry_);
    }
    const Value& operator*() const { return entry_->value; }
    const Value* operator->() const { return &entry_->value; }

   private:
    friend class CowMap;
    explicit Handle(detail::CowEntry<Key, Value>* entry) : entry_(entry) { entry_->keep(); }
    detail::CowEntry<Key, Value>* entry_;
  };

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

  const Value* find(KeyView key) const {
    const Entry* entry = entry_of(key);
    return entry == nullptr ? nullptr : &entry->value;
  }
  // The key must be there.
  Handle handle(KeyView key) const { return Handle(entry_of(key)); }
  bool contains(KeyView key) const { return find(key) != nullptr; }

  void set(KeyView key, Value value) {
    if (size_ >= std::size_t{kFull} << bits_) resize(bits_ + 1);
    const std::uint32_t tag = tag_of(key);
    Shard*& shard = own_path(tag);
    const std::uint32_t at = shard == nullptr ? kNone : shard->find(tag, key);
    if (at != kNone) {
      Entry*& entry = own_shard(shard)->entries()[at];
      if (entry->shared()) {
        Entry* old = std::exchange(entry, Entry::make(key, std::move(value)));
        drop_entry(old);
      } else {
        entry->value = std::move(value);
      }
      return;
    }
    own_shard(shard, 1);
    shard->add(tag, Entry::make(key, std::move(value)));
    ++size_;
  }

  Value* edit(KeyView key) {
    if (find(key) == nullptr) return nullptr;
    const std::uint32_t tag = tag_of(key);
    Shard*& shard = own_path(tag);
    Entry*& entry = own_shard(shard)->entries()[shard->find(tag, key)];
    if (entry->shared()) {
      Entry* old = std::exchange(entry, entry->clone());
      drop_entry(old);
    }
    return &entry->value;
  }

  // The value to change in place, made from nothing when absent.
  Value& operator[](KeyView key) {
    if (find(key) == nullptr) set(key, Value{});
    return *edit(key);
  }

  void erase(KeyView key) {
    if (find(key) == nullptr) return;
    const std::uint32_t tag = tag_of(key);
    Shard*& shard = own_path(tag);
    own_shard(shard);
    drop_entry(shard->take(shard->find(tag, key)));
    if (shard->count == 0) Shard::destroy(std::exchange(shard, nullptr));
    if (--size_ == 0) {
      release(std::exchange(root_, nullptr), std::exchange(bits_, 0u));
    } else if (bits_ > 0 && size_ < std::size_t{kSparse} << bits_) {
      resize(bits_ - 1);
    }
  }

  template <class Visit>
  void for_each(Visit f) const {
    if (root_ == nullptr) return;
    std::string buffer;
    for (std::size_t i = 0; i < root_size(bits_); ++i) {
      const Page* page = root_->child()[i];
      for (std::size_t j = 0; j <= page_mask(bits_); ++j) {
        const Shard* shard = page->child()[j];
        for (std::uint32_t k = 0; shard != nullptr && k < shard->count; ++k) {
          shard->entries()[k]->visit(f, buffer);
        }
      }
    }
  }

 private:
  static constexpr std::uint32_t kNone = ~0u;
  static constexpr unsigned kFull = 12;   // average entries of a shard before there are more shards
  static constexpr unsigned kSparse = 2;  // and before there are fewer

  using Entry = detail::CowEntry<Key, Value>;

  struct Shard : detail::CowNode {
    static Shard* make(std::uint32_t capacity) {
      capacity = (capacity + 3) & ~3u;  // keeps the pointers after the tags aligned
      auto* shard =
          new (::operator new(sizeof(Shard) + capacity * (sizeof(std::uint32_t) + sizeof(Entry*))))
              Shard;
      shard->capacity = capacity;
      return shard;
    }
    static void destroy(Shard* shard) {
      shard->~Shard();
      ::operator delete(shard);
    }
    std::uint32_t* tags() { return reinterpret_cast<std::uint32_t*>(this + 1); }
    const std::uint32_t* tags() const { return reinterpret_cast<const std::uint32_t*>(this + 1); }
    Entry** entries() { return reinterpret_cast<Entry**>(tags() + capacity); }
    Entry* const* entries() const { return reinterpret_cast<Entry* const*>(tags() + capacity); }
    std::uint32_t find(std::uint32_t tag, KeyView key) const {
      for (std::uint32_t i = 0; i < count; ++i) {
        if (tags()[i] == tag && entries()[i]->has(key)) return i;
      }
      return kNone;
    }
    void add(std::uint32_t tag, Entry* entry) {
      tags()[count] = tag;
      entries()[count++] = entry;
    }
    Entry* take(std::uint32_t at) {
      Entry* entry = entries()[at];
      tags()[at] = tags()[--count];
      entries()[at] = entries()[count];
      return entry;
    }
    std::uint32_t count = 0;
    std::uint32_t capacity = 0;
    std::uint32_t padding = 0;
  };
  static_assert(sizeof(Shard) % alignof(Entry*) == 0);
  using Page = detail::CowFan<Shard>;
  using Root = detail::CowFan<Page>;

  static unsigned page_bits(unsigned bits) { return bits / 2; }
  static std::size_t page_mask(unsigned bits) { return (std::size_t{1} << page_bits(bits)) - 1; }
  static std::size_t root_size(unsigned bits) { return std::size_t{1} << (bits - page_bits(bits)); }
  static std::uint32_t tag_of(KeyView key) { return static_cast<std::uint32_t>(cow_hash(key)); }
  std::size_t index_of(std::uint32_t tag) const {
    return static_cast<std::size_t>((std::uint64_t{tag} << bits_) >> 32);
  }

  Entry* entry_of(KeyView key) const {
    if (root_ == nullptr) return nullptr;
    const std::uint32_t tag = tag_of(key);
    const Shard* shard = root_->child()[index_of(tag) >> page_bits(bits_)]
                             ->child()[index_of(tag) & page_mask(bits_)];
    if (shard == nullptr) return nullptr;
    const std::uint32_t at = shard->find(tag, key);
    return at == kNone ? nullptr : shard->entries()[at];
  }

  void swap(CowMap& other) noexcept {
    std::swap(root_, other.root_);
    std::swap(size_, other.size_);
    std::swap(bits_, other.bits_);
  }

  static void drop_entry(Entry* entry) {
    if (entry->drop()) Entry::destroy(entry);
  }
  static void drop_shard(Shard* shard) {
    if (shard == nullptr || !shard->drop()) return;
    for (std::uint32_t i = 0; i < shard->count; ++i) drop_entry(shard->entries()[i]);
    Shard::destroy(shard);
  }
  static void drop_page(Page* page, unsigned bits) {
    if (!page->drop()) return;
    for (std::size_t i = 0; i <= page_mask(bits); ++i) drop_shard(page->child()[i]);
    Page::destroy(page);
  }
  static void release(Root* root, unsigned bits) {
    if (root == nullptr || !root->drop()) return;
    for (std::size_t i = 0; i < root_size(bits); ++i) drop_page(root->child()[i], bits);
    Root::destroy(root);
  }

  static Root* make_root(unsigned bits) {
    Root* root = Root::make(root_size(bits));
    for (std::size_t i = 0; i < root_size(bits); ++i) {
      root->child()[i] = Page::make(page_mask(bits) + 1);
    }
    return root;
  }

  // The place of the tag's shard, in a page and a root that nobody else owns.
  Shard*& own_path(std::uint32_t tag) {
    if (root_ == nullptr) root_ = make_root(bits_);
    if (root_->shared()) {
      Root* copy = Root::make(root_size(bits_));
      for (std::size_t i = 0; i < root_size(bits_); ++i) {
        (copy->child()[i] = root_->child()[i])->keep();
      }
      release(std::exchange(root_, copy), bits_);
    }
    Page*& page = root_->child()[index_of(tag) >> page_bits(bits_)];
    if (page->shared()) {
      Page* copy = Page::make(page_mask(bits_) + 1);
      for (std::size_t i = 0; i <= page_mask(bits_); ++i) {
        if ((copy->child()[i] = page->child()[i]) != nullptr) copy->child()[i]->keep();
      }
      drop_page(std::exchange(page, copy), bits_);
    }
    return page->child()[index_of(tag) & page_mask(bits_)];
  }

  // The shard, with nobody else owning it and room for `more` entries.
  static Shard* own_shard(Shard*& shard, std::uint32_t more = 0) {
    if (shard == nullptr) return shard = Shard::make(more);
    const std::uint32_t wanted = shard->count + more;
    const bool shared = shard->shared();
    if (!shared && wanted <= shard->capacity) return shard;
    Shard* copy = Shard::make(wanted);
    copy->count = shard->count;
    for (std::uint32_t i = 0; i < shard->count; ++i) {
      copy->tags()[i] = shard->tags()[i];
      copy->entries()[i] = shard->entries()[i];
      if (shared) copy->entries()[i]->keep();
    }
    Shard* old = std::exchange(shard, copy);
    if (shared) {
      drop_shard(old);
    } else {
      Shard::destroy(old);  // its entries have moved
    }
    return shard;
  }

  void resize(unsigned bits) {
    CowMap next;
    next.bits_ = bits;
    next.root_ = make_root(bits);
    next.size_ = size_;
    for (std::size_t i = 0; root_ != nullptr && i < root_size(bits_); ++i) {
      for (std::size_t j = 0; j <= page_mask(bits_); ++j) {
        Shard* shard = root_->child()[i]->child()[j];
        for (std::uint32_t k = 0; shard != nullptr && k < shard->count; ++k) {
          Shard*& to = next.own_path(shard->tags()[k]);
          own_shard(to, 1);
          shard->entries()[k]->keep();
          to->add(shard->tags()[k], shard->entries()[k]);
        }
      }
    }
    swap(next);
  }

  Root* root_ = nullptr;
  std::size_t size_ = 0;
  unsigned bits_ = 0;  // there are 2^bits_ shards
};

}  // namespace writ::core
