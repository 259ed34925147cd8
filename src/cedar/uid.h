// EntityUid: which entity, as `Type::"id"`. Immutable and shared: a copy counts one reference more.
// Invariant: the hash is of type and id, so unequal hashes mean unequal uids; the hash stands
// beside the pointer, so that a list of uids is searched without following pointers.
#pragma once

#include <atomic>
#include <boost/container/small_vector.hpp>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace writ::cedar {

// 64-bit hash of bytes; the same in every process. Not keyed: never index hostile input by it alone
// where collisions would cost time.
inline std::uint64_t hash_bytes(std::string_view bytes);

namespace detail {
inline std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
  const unsigned __int128 product = static_cast<unsigned __int128>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}
inline constexpr std::uint64_t kHashSeed = 0x9e3779b97f4a7c15;
inline constexpr std::uint64_t kHashStep = 0xa0761d6478bd642f;
template <class Word>
std::uint64_t load(const char* bytes) {
  Word word = 0;
  std::memcpy(&word, bytes, sizeof(word));
  return word;
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
void release(const UidText* text);
inline void keep(const UidText* text) {
  text->owners.fetch_add(1, std::memory_order_relaxed);
}
inline bool same(const UidText* a, const UidText* b) {
  return a == b ||
         (a->hash == b->hash && a->type_size == b->type_size && a->id_size == b->id_size &&
          std::memcmp(a->bytes(), b->bytes(), std::size_t{a->type_size} + a->id_size) == 0);
}
}  // namespace detail

// The last bytes are read once more with those before them, rather than one by one.
inline std::uint64_t hash_bytes(std::string_view bytes) {
  using detail::load;
  const char* p = bytes.data();
  std::size_t left = bytes.size();
  std::uint64_t hash = detail::kHashSeed ^ left;
  for (; left > 8; p += 8, left -= 8) {
    hash = detail::mix(hash ^ load<std::uint64_t>(p), detail::kHashStep);
  }
  std::uint64_t last = 0;
  if (bytes.size() >= 8) {
    last = load<std::uint64_t>(p + left - 8);
  } else if (left >= 4) {
    last = load<std::uint32_t>(p) << 32 | load<std::uint32_t>(p + left - 4);
  } else if (left > 0) {
    last = load<std::uint8_t>(p) << 16 | load<std::uint8_t>(p + left / 2) << 8 |
           load<std::uint8_t>(p + left - 1);
  }
  return detail::mix(hash ^ last, detail::kHashSeed) ^ (hash >> 32);
}

class EntityUid {
 public:
  EntityUid(std::string_view type, std::string_view id);
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

  bool operator==(const EntityUid& other) const {
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

struct UidHash {
  using is_avalanching = void;
  std::size_t operator()(const EntityUid& uid) const { return uid.hash(); }
};

// An immutable-by-use set of uids, ordered by hash: membership without following pointers, and with
// logarithmic cost whatever the uids are. A few stand in it.
class UidSet {
 public:
  UidSet() = default;
  explicit UidSet(std::vector<EntityUid> uids);

  bool contains(const EntityUid& uid) const { return contains(uid.text()); }
  bool contains(const detail::UidText* uid) const {
    if (uids_.size() > kScan) return search(uid);
    for (const EntityUid& each : uids_) {
      if (each.hash() == uid->hash && detail::same(each.text(), uid)) return true;
    }
    return false;
  }
  bool empty() const { return uids_.empty(); }
  std::size_t size() const { return uids_.size(); }
  auto begin() const { return uids_.begin(); }
  auto end() const { return uids_.end(); }
  bool operator==(const UidSet& other) const { return uids_ == other.uids_; }

 private:
  static constexpr std::size_t kScan = 24;
  bool search(const detail::UidText* uid) const;
  boost::container::small_vector<EntityUid, 4> uids_;
};

}  // namespace writ::cedar

template <>
struct std::hash<writ::cedar::EntityUid> {
  std::size_t operator()(const writ::cedar::EntityUid& uid) const noexcept { return uid.hash(); }
};
