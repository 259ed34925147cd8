#include "cedar/uid.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <new>

#include "cedar/text.h"

namespace writ::cedar {
namespace {

bool hash_less(const EntityUid& a, const EntityUid& b) {
  return a.hash() != b.hash() ? a.hash() < b.hash() : a < b;
}

}  // namespace

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
  hash_ = detail::mix(type_hash ^ detail::kHashStep, hash_bytes(id) ^ detail::kHashSeed);
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

UidSet::UidSet(std::vector<EntityUid> uids) {
  std::sort(uids.begin(), uids.end(), hash_less);
  uids.erase(std::unique(uids.begin(), uids.end()), uids.end());
  uids_.assign(std::make_move_iterator(uids.begin()), std::make_move_iterator(uids.end()));
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
