// A map whose copies share what did not change: copying costs O(1), a change copies only what it
// touches. For snapshots: readers of one copy never see changes to another.
//
//   CowMap<std::string, Grant> m;
//   const Grant* g = m.find("grt_…");      // null when absent; valid while this copy lives
//   m.set("grt_…", grant);                 // insert or replace; answers where it stands
//   if (Grant* e = m.edit("grt_…")) …      // to change in place; valid until the next change
//   m.erase("grt_…");                      // nothing happens when absent
//   m.for_each([](const std::string& key, const Grant& value) { … });  // unspecified order
//   m.for_each_after("grt_…", [](…) { return true; });  // what comes behind it, in pieces
//   CowMap copy = m;                       // O(1)
//
// Who looks several things up lets their loads overlap, with hashes that it keeps:
//
//   auto place = m.begin(hash);  // begins to load what says where the shard is
//   m.load_tags(place);          // … the shard's tags; or load_shard: nearly all of the shard
//   m.load_slot(place);          // … the slot with that tag
//   m.load_entry(place);         // … the entry; this step alone may be left out
//   const Grant* g = m.find("grt_…", place);
//
// A value that has its key in itself says so with own_key(value); then no other copy is kept of it.
//
// A root points to pages, a page to shards of about twelve entries, a shard holds or points to the
// entries (cow_node.h). Each node counts its owners. Invariant: a node is written only while every
// node from the root down to it has one owner; so a run of changes copies each node once, and nodes
// that others see stay as they are. Copies may be read, changed and destroyed on different threads;
// one copy may not.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "cedar/uid.h"
#include "core/cow_node.h"

namespace writ::core {

inline std::uint64_t cow_hash(std::string_view key) {
  return cedar::hash_bytes(key);
}
inline std::uint64_t cow_hash(std::uint64_t key) {
  const auto product =
      static_cast<unsigned __int128>(key ^ 0x9e3779b97f4a7c15) * 0xd6e8feb86659fd93;
  return static_cast<std::uint64_t>(product >> 64) ^ static_cast<std::uint64_t>(product);
}

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

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

  const Value* find(KeyView key) const { return find(key, cow_hash(key)); }
  // `hash` is cow_hash(key).
  const Value* find(KeyView key, std::uint64_t hash) const {
    const Shard* shard = shard_of(tag_of(hash));
    if (shard == nullptr) return nullptr;
    const std::uint32_t at = place_in(*shard, tag_of(hash), key);
    return at == kNone ? nullptr : &shard->slot(at).value();
  }
  bool contains(KeyView key) const { return find(key) != nullptr; }

  // On the way to where the entry of a hash probably is.
  class Place {
   private:
    friend class CowMap;
    std::uint64_t hash_ = 0;
    const detail::CowShard<Key, KeyView, Value>* const* where_ = nullptr;
    const detail::CowShard<Key, KeyView, Value>* shard_ = nullptr;
    const typename detail::CowShard<Key, KeyView, Value>::Slot* slot_ = nullptr;
  };
  Place begin(std::uint64_t hash) const {
    Place place;
    place.hash_ = hash;
    if (root_ == nullptr) return place;
    place.where_ = where(tag_of(hash));
    __builtin_prefetch(static_cast<const void*>(place.where_));
    return place;
  }
  void load_tags(Place& place) const {
    if (place.where_ == nullptr) return;
    place.shard_ = *place.where_;
    __builtin_prefetch(place.shard_);
  }
  // As load_tags, and the slots of most shards as well, for one that is not to wait twice.
  void load_shard(Place& place) const {
    if (place.where_ == nullptr) return;
    place.shard_ = *place.where_;
    constexpr std::size_t kMost = 320;
    detail::prefetch_bytes<std::min(kMost, Shard::memory_for(kFull + kFull / 3))>(place.shard_);
  }
  void load_slot(Place& place) const {
    if (place.shard_ == nullptr) return;
    const std::uint32_t at =
        place.shard_->find(tag_of(place.hash_), [](const Slot&) { return true; });
    if (at == kNone) return;
    place.slot_ = &place.shard_->slot(at);
    detail::prefetch_bytes<sizeof(Slot)>(place.slot_);
  }
  void load_entry(const Place& place) const {
    if (place.slot_ != nullptr) place.slot_->prefetch();
  }
  const Value* find(KeyView key, const Place& place) const {
    if (place.slot_ == nullptr) return nullptr;
    if (place.slot_->has(key)) [[likely]]
      return &place.slot_->value();
    return find(key, place.hash_);
  }

  // Room for as many, made at once. Of a map that has none yet.
  void reserve(std::size_t count) {
    while (empty() && count > std::size_t{kFull} << bits_) ++bits_;
  }

  // The value as it stands now; valid until the next change.
  const Value* set(KeyView key, Value value) {
    if (size_ >= std::size_t{kFull} << bits_) resize(bits_ + 1);
    const std::uint32_t tag = tag_of(cow_hash(key));
    Shard*& shard = own_path(tag);
    const std::uint32_t at = shard == nullptr ? kNone : place_in(*shard, tag, key);
    if (at != kNone) {
      Slot& slot = own_shard(shard)->slot(at);
      slot.assign(key, std::move(value));
      return &slot.value();
    }
    const Slot made = Slot::make(key, std::move(value));
    try {
      add(shard, tag, made);
    } catch (...) {
      made.drop();
      throw;
    }
    ++size_;
    return &shard->slot(shard->count - 1).value();
  }

  Value* edit(KeyView key) {
    if (find(key) == nullptr) return nullptr;
    const std::uint32_t tag = tag_of(cow_hash(key));
    Shard*& shard = own_path(tag);
    return &own_shard(shard)->slot(place_in(*shard, tag, key)).own();
  }

  // The value to change in place, made from nothing when absent.
  Value& operator[](KeyView key)
    requires(!detail::HasOwnKey<Value>)
  {
    if (find(key) == nullptr) set(key, Value{});
    return *edit(key);
  }

  void erase(KeyView key) {
    if (find(key) == nullptr) return;
    const std::uint32_t tag = tag_of(cow_hash(key));
    Shard*& shard = own_path(tag);
    remove(shard, place_in(*shard, tag, key));
    if (--size_ == 0) {
      release(std::exchange(root_, nullptr), std::exchange(bits_, 0u));
    } else if (bits_ > 0 && size_ < std::size_t{kSparse} << bits_) {
      resize(bits_ - 1);
    }
  }

  // The order of for_each_after.
  static bool comes_before(KeyView a, KeyView b) {
    const std::uint32_t a_tag = tag_of(cow_hash(a));
    const std::uint32_t b_tag = tag_of(cow_hash(b));
    return a_tag != b_tag ? a_tag < b_tag : a < b;
  }
  // The same in an order that stays while entries come and go: from behind `after` (which may be
  // gone) or from the start, until `f` says false.
  template <class Visit>
  void for_each_after(std::optional<KeyView> after, Visit f) const {
    if (root_ == nullptr) return;
    using Ordered = std::pair<std::uint32_t, Key>;
    std::vector<std::pair<Ordered, const void*>> entries;  // sorted alike whatever the values are
    std::string buffer;
    const std::uint32_t first = after ? tag_of(cow_hash(*after)) : 0;
    const std::size_t shards = std::size_t{1} << bits_;
    for (std::size_t i = after ? index_of(first) : 0; i < shards; ++i) {
      const Shard* shard = root_->child()[i >> page_bits(bits_)]->child()[i & page_mask(bits_)];
      entries.clear();
      for (std::uint32_t k = 0; shard != nullptr && k < shard->count; ++k) {
        const std::uint32_t tag = shard->tags()[k];
        const auto add = [&](const Key& key, const Value& value) {
          if (after && (tag < first || (tag == first && !(KeyView(key) > *after)))) return;
          entries.emplace_back(Ordered(tag, key), &value);
        };
        shard->slot(k).visit(add, buffer);
      }
      std::sort(entries.begin(), entries.end());
      for (const auto& [key, value] : entries) {
        if (!f(key.second, *static_cast<const Value*>(value))) return;
      }
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
          shard->slot(k).prefetch();  // all, for they lie apart
        }
        for (std::uint32_t k = 0; shard != nullptr && k < shard->count; ++k) {
          shard->slot(k).visit(f, buffer);
        }
      }
    }
  }

 private:
  using Shard = detail::CowShard<Key, KeyView, Value>;
  using Slot = typename Shard::Slot;
  using Page = detail::CowFan<Shard>;
  using Root = detail::CowFan<Page>;

  static constexpr std::uint32_t kNone = Shard::kNone;
  static constexpr unsigned kFull = 12;   // average entries of a shard before there are more shards
  static constexpr unsigned kSparse = 2;  // and before there are fewer

  static unsigned page_bits(unsigned bits) { return bits / 2; }
  static std::size_t page_mask(unsigned bits) { return (std::size_t{1} << page_bits(bits)) - 1; }
  static std::size_t root_size(unsigned bits) { return std::size_t{1} << (bits - page_bits(bits)); }
  static std::uint32_t tag_of(std::uint64_t hash) { return static_cast<std::uint32_t>(hash); }
  std::size_t index_of(std::uint32_t tag) const {
    return static_cast<std::size_t>((std::uint64_t{tag} << bits_) >> 32);
  }
  const Shard* shard_of(std::uint32_t tag) const {
    if (root_ == nullptr) return nullptr;
    return *where(tag);
  }
  const Shard* const* where(std::uint32_t tag) const {
    const std::size_t index = index_of(tag);
    return root_->child()[index >> page_bits(bits_)]->child() + (index & page_mask(bits_));
  }
  static std::uint32_t place_in(const Shard& shard, std::uint32_t tag, KeyView key) {
    return shard.find(tag, [&](const Slot& slot) { return slot.has(key); });
  }

  void swap(CowMap& other) noexcept {
    std::swap(root_, other.root_);
    std::swap(size_, other.size_);
    std::swap(bits_, other.bits_);
  }

  static void drop_shard(Shard* shard) {
    if (shard == nullptr || !shard->drop()) return;
    for (std::uint32_t i = 0; i < shard->count; ++i) shard->slot(i).drop();
    Shard::destroy(shard);
  }
  static void drop_page(Page* page, unsigned bits) {
    if (!page->drop()) return;
    for (std::size_t i = 0; i <= page_mask(bits); ++i) drop_shard(page->child()[i]);
    Page::destroy(page, page_mask(bits) + 1);
  }
  static void release(Root* root, unsigned bits) {
    if (root == nullptr || !root->drop()) return;
    for (std::size_t i = 0; i < root_size(bits); ++i) drop_page(root->child()[i], bits);
    Root::destroy(root, root_size(bits));
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
      std::copy_n(root_->child(), root_size(bits_), copy->child());
      detail::CowNode::keep_all(copy->child(), root_size(bits_));
      release(std::exchange(root_, copy), bits_);
    }
    Page*& page = root_->child()[index_of(tag) >> page_bits(bits_)];
    if (page->shared()) {
      Page* copy = Page::make(page_mask(bits_) + 1);
      std::copy_n(page->child(), page_mask(bits_) + 1, copy->child());
      detail::CowNode::keep_all(copy->child(), page_mask(bits_) + 1);
      drop_page(std::exchange(page, copy), bits_);
    }
    return page->child()[index_of(tag) & page_mask(bits_)];
  }

  // Of what follows, all that may fail comes before any change.

  // The shard, with nobody else owning it.
  static Shard* own_shard(Shard*& shard) {
    const std::uint32_t count = shard->count;
    if (shard->shared()) replace(shard, Shard::make_from(*shard, count), count);
    return shard;
  }
  // Puts in its place another one whose first `copied` entries are from this. False: others still
  // own this.
  static bool replace(Shard*& shard, Shard* by, std::uint32_t copied) {
    Shard* old = std::exchange(shard, by);
    if (!old->shared()) {
      Shard::destroy(old);  // its entries have moved
      return true;
    }
    for (std::uint32_t i = 0; i < copied; ++i) by->slot(i).prefetch_owners();
    for (std::uint32_t i = 0; i < copied; ++i) by->slot(i).keep();
    drop_shard(old);
    return false;
  }
  // Puts an entry behind the last one.
  static void add(Shard*& shard, std::uint32_t tag, Slot slot) {
    const std::uint32_t last = shard == nullptr ? 0 : shard->count;
    if (shard == nullptr) {
      shard = Shard::make(1);
    } else if (shard->shared() || !Shard::fits(*shard, last + 1)) {
      replace(shard, Shard::make_from(*shard, last + 1), last);
    } else {
      ++shard->count;
    }
    shard->tags()[last] = tag;
    shard->slot(last) = slot;
  }
  // Drops an entry; the last one stands in its place then.
  static void remove(Shard*& shard, std::uint32_t at) {
    const std::uint32_t last = shard->count - 1;
    if (last == 0) return drop_shard(std::exchange(shard, nullptr));
    const Slot gone = shard->slot(at);
    const auto close = [&](Shard& in) {
      if (at == last) return;
      in.tags()[at] = shard->tags()[last];
      in.slot(at) = shard->slot(last);
    };
    if (shard->shared() || !Shard::fits(*shard, last)) {
      Shard* made = Shard::make_from(*shard, last);
      close(*made);
      if (!replace(shard, made, last)) return;  // whoever owns the other one has the entry
    } else {
      close(*shard);
      shard->count = last;
    }
    gone.drop();
  }

  // Without memory the process ends here: half of the entries would be in two maps.
  void resize(unsigned bits) noexcept {
    CowMap next;
    next.bits_ = bits;
    next.root_ = make_root(bits);
    next.size_ = size_;
    for (std::size_t i = 0; root_ != nullptr && i < root_size(bits_); ++i) {
      for (std::size_t j = 0; j <= page_mask(bits_); ++j) {
        Shard*& shard = root_->child()[i]->child()[j];
        if (shard == nullptr) continue;
        // What nobody else sees moves; counting would load every entry.
        const bool moves = !root_->shared() && !root_->child()[i]->shared() && !shard->shared();
        for (std::uint32_t k = 0; k < shard->count; ++k) {
          if (!moves) shard->slot(k).keep();
          add(next.own_path(shard->tags()[k]), shard->tags()[k], shard->slot(k));
        }
        if (moves) Shard::destroy(std::exchange(shard, nullptr));
      }
    }
    swap(next);
  }

  Root* root_ = nullptr;
  std::size_t size_ = 0;
  unsigned bits_ = 0;  // there are 2^bits_ shards
};

}  // namespace writ::core
