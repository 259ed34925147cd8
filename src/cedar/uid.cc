#include "cedar/uid.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "cedar/text.h"

namespace writ::cedar {
namespace {

std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
  const unsigned __int128 product = static_cast<unsigned __int128>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

constexpr std::uint64_t kSeed = 0x9e3779b97f4a7c15;
constexpr std::uint64_t kStep = 0xa0761d6478bd642f;

bool hash_less(const EntityUid& a, const EntityUid& b) {
  return a.hash() != b.hash() ? a.hash() < b.hash() : a < b;
}

}  // namespace

std::uint64_t hash_bytes(std::string_view bytes) {
  const char* p = bytes.data();
  std::size_t left = bytes.size();
  std::uint64_t hash = kSeed ^ left;
  for (; left >= 8; p += 8, left -= 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, p, 8);
    hash = mix(hash ^ word, kStep);
  }
  std::uint64_t word = 0;
  if (left > 0) std::memcpy(&word, p, left);
  return mix(hash ^ word, kSeed) ^ (hash >> 32);
}

namespace detail {
void release(const UidText* text) {
  if (text->owners.fetch_sub(1, std::memory_order_acq_rel) == 1) {
    text->~UidText();
    ::operator delete(const_cast<UidText*>(text));
  }
}
}  // namespace detail

EntityUid::EntityUid(std::string_view type, std::string_view id) {
  void* memory = ::operator new(sizeof(detail::UidText) + type.size() + id.size());
  const std::uint64_t type_hash = hash_bytes(type);
  hash_ = mix(type_hash ^ kStep, hash_bytes(id) ^ kSeed);
  auto* text = new (memory) detail::UidText{{1},
                                            static_cast<std::uint32_t>(type.size()),
                                            static_cast<std::uint32_t>(id.size()),
                                            hash_,
                                            type_hash};
  char* bytes = static_cast<char*>(memory) + sizeof(detail::UidText);
  if (!type.empty()) std::memcpy(bytes, type.data(), type.size());
  if (!id.empty()) std::memcpy(bytes + type.size(), id.data(), id.size());
  text_ = text;
}

bool EntityUid::operator<(const EntityUid& other) const {
  const int order = type().compare(other.type());
  return order != 0 ? order < 0 : id() < other.id();
}

std::string EntityUid::print() const {
  std::string out(type());
  out += "::";
  append_quoted(out, id());
  return out;
}

UidSet::UidSet(std::vector<EntityUid> uids) : uids_(std::move(uids)) {
  std::sort(uids_.begin(), uids_.end(), hash_less);
  uids_.erase(std::unique(uids_.begin(), uids_.end()), uids_.end());
}

bool UidSet::search(const detail::UidText* uid) const {
  auto at = std::lower_bound(
      uids_.begin(), uids_.end(), uid->hash,
      [](const EntityUid& each, std::uint64_t hash) { return each.hash() < hash; });
  for (; at != uids_.end() && at->hash() == uid->hash; ++at) {
    if (detail::same(at->text(), uid)) return true;
  }
  return false;
}

}  // namespace writ::cedar
