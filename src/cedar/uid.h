// EntityUid: which entity, as `Type::"id"`. Immutable and shared: a copy counts one reference more.
// Invariant: the hash is of type and id, so unequal hashes mean unequal uids; the hash stands
// beside the pointer, so that a list of uids is searched without following pointers.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <new>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "cedar/hash.h"
#include "cedar/tags.h"

namespace writ::cedar {

namespace detail {
inline std::uint64_t hash_uid(std::uint64_t type_hash, std::string_view id) {
  return hash_bytes(id, type_hash);
}
struct UidText {
  mutable std::atomic<std::uint32_t> owners;
  std::uint32_t type_size;
  std::uint32_t id_size;
  std::uint64_t hash;
  std::uint64_t type_hash;
  // The type's bytes, then the id's, follow.
  const char* bytes() const { return reinterpret_cast<const char*>(this + 1); }
  std::string_view type() const { return {bytes(), type_size}; }
  std::string_view id() const { return {bytes() + type_size, id_size}; }
};
// Makes the text of a uid, with one reference, on the heap or where there is size_of_text of room.
const UidText* make_text(std::string_view type, std::string_view id);
const UidText* write_text(void* memory, std::string_view type, std::string_view id);
inline std::size_t size_of_text(std::string_view type, std::string_view id) {
  return sizeof(UidText) + type.size() + id.size();
}
void release(const UidText* text);
inline void keep(const UidText* text) {
  text->owners.fetch_add(1, std::memory_order_relaxed);
}
[[gnu::always_inline]] inline bool same(const UidText* a, const UidText* b) {
  return a == b ||
         (a->hash == b->hash && a->type_size == b->type_size && a->id_size == b->id_size &&
          same_bytes(a->bytes(), b->bytes(), std::size_t{a->type_size} + a->id_size));
}
inline bool says(const UidText* text, std::string_view type, std::string_view id) {
  return text->type_size == type.size() && text->id_size == id.size() &&
         same_bytes(text->bytes(), type.data(), type.size()) &&
         same_bytes(text->bytes() + type.size(), id.data(), id.size());
}
}  // namespace detail

class EntityUid {
 public:
  EntityUid(std::string_view type, std::string_view id)
      : EntityUid(adopt(detail::make_text(type, id))) {}
  explicit EntityUid(const detail::UidText* text) : text_(text), hash_(text->hash) {
    detail::keep(text_);
  }
  EntityUid(const EntityUid& other) : EntityUid(other.text_) {}
  // What was moved from can only be assigned to or destroyed.
  EntityUid(EntityUid&& other) noexcept
      : text_(std::exchange(other.text_, nullptr)), hash_(other.hash_) {}
  EntityUid& operator=(const EntityUid& other) {
    EntityUid copy(other);
    swap(copy);
    return *this;
  }
  EntityUid& operator=(EntityUid&& other) noexcept {
    swap(other);
    return *this;
  }
  ~EntityUid() {
    if (text_ != nullptr) detail::release(text_);
  }

  // Takes over a reference that is counted already.
  static EntityUid adopt(const detail::UidText* text) { return EntityUid(text, text->hash); }
  // `User::"alice"` as it stands in a policy, with escapes; fails on anything else.
  static Result<EntityUid> parse(std::string_view text);

  std::string_view type() const { return text_->type(); }
  std::string_view id() const { return text_->id(); }
  std::uint64_t hash() const { return hash_; }
  const detail::UidText* text() const { return text_; }
  // As a policy writes it, with escapes.
  std::string print() const;

  [[gnu::always_inline]] bool operator==(const EntityUid& other) const {
    return hash_ == other.hash_ && detail::same(text_, other.text_);
  }
  // By type, then id, bytewise.
  bool operator<(const EntityUid& other) const;

 private:
  EntityUid(const detail::UidText* text, std::uint64_t hash) : text_(text), hash_(hash) {}
  void swap(EntityUid& other) noexcept {
    std::swap(text_, other.text_);
    std::swap(hash_, other.hash_);
  }
  const detail::UidText* text_;
  std::uint64_t hash_;
};

namespace detail {
// The order of a list that is searched by hash.
inline bool by_hash(const EntityUid& a, const EntityUid& b) {
  return a.hash() != b.hash() ? a.hash() < b.hash() : a < b;
}

// What a uid's text says as an EntityUid, without counting a reference: the text outlives it.
class Borrowed {
 public:
  explicit Borrowed(const UidText* text) { new (&uid_) EntityUid(EntityUid::adopt(text)); }
  ~Borrowed() {}  // the reference is not ours to drop
  Borrowed(const Borrowed&) = delete;
  Borrowed& operator=(const Borrowed&) = delete;
  const EntityUid& uid() const { return uid_; }

 private:
  union {
    EntityUid uid_;
  };
};
}  // namespace detail

// An immutable set of uids, ordered by hash, with their tags: membership without following
// pointers, and with logarithmic cost whatever the uids are. Copies share.
class UidSet {
 public:
  UidSet() = default;
  explicit UidSet(std::vector<EntityUid> uids);
  UidSet(const UidSet& other) : block_(other.block_), hint_(other.hint_) {
    if (block_ != nullptr) block_->owners.fetch_add(1, std::memory_order_relaxed);
  }
  UidSet(UidSet&& other) noexcept
      : block_(std::exchange(other.block_, nullptr)), hint_(std::exchange(other.hint_, 0)) {}
  UidSet& operator=(UidSet other) noexcept {
    std::swap(block_, other.block_);
    std::swap(hint_, other.hint_);
    return *this;
  }
  ~UidSet() {
    if (block_ != nullptr) release();
  }

  bool contains(const EntityUid& uid) const {
    return contains(uid.text(), detail::tag_of(uid.hash()));
  }
  // `tag` is of the uid's hash: what is not in the set is mostly told by it alone.
  bool contains(const detail::UidText* uid, std::uint32_t tag) const {
    return (hint_ & detail::hint_of(tag)) != 0 && search(uid);
  }
  // Begins to load what `contains` reads.
  void prefetch() const { __builtin_prefetch(block_); }
  bool empty() const { return block_ == nullptr; }
  std::size_t size() const { return block_ == nullptr ? 0 : block_->size; }
  const EntityUid* begin() const { return block_ == nullptr ? nullptr : block_->uids(); }
  const EntityUid* end() const { return begin() + size(); }
  bool operator==(const UidSet& other) const;

 private:
  struct Block {  // the tags of `size` uids and then these follow
    mutable std::atomic<std::uint32_t> owners;
    std::uint32_t size;
    const std::uint32_t* tags() const { return reinterpret_cast<const std::uint32_t*>(this + 1); }
    const EntityUid* uids() const {
      return reinterpret_cast<const EntityUid*>(tags() + detail::room_for_tags(size));
    }
  };
  [[gnu::noinline]] bool search(const detail::UidText* uid) const;
  void release() const;
  const Block* block_ = nullptr;  // of an empty set: none
  std::uint64_t hint_ = 0;        // which tags may be in it (tags.h)
};

}  // namespace writ::cedar
