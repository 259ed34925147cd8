#include "cedar/uid.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <new>

#include "cedar/text.h"

namespace writ::cedar {
namespace detail {
const UidText* write_text(void* memory, std::string_view type, std::string_view id) {
  const std::uint64_t type_hash = hash_bytes(type);
  auto* text = new (memory) UidText{{1},
                                    static_cast<std::uint32_t>(type.size()),
                                    static_cast<std::uint32_t>(id.size()),
                                    hash_uid(type_hash, id),
                                    type_hash};
  char* bytes = static_cast<char*>(memory) + sizeof(UidText);
  if (!type.empty()) std::memcpy(bytes, type.data(), type.size());
  if (!id.empty()) std::memcpy(bytes + type.size(), id.data(), id.size());
  return text;
}

const UidText* make_text(std::string_view type, std::string_view id) {
  return write_text(::operator new(size_of_text(type, id)), type, id);
}

void release(const UidText* text) {
  if (text->owners.fetch_sub(1, std::memory_order_acq_rel) == 1) {
    text->~UidText();
    ::operator delete(const_cast<UidText*>(text));
  }
}
}  // namespace detail

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
  std::sort(uids.begin(), uids.end(), detail::by_hash);
  uids.erase(std::unique(uids.begin(), uids.end()), uids.end());
  if (uids.empty()) return;
  const std::size_t tags = detail::room_for_tags(uids.size());
  void* memory = ::operator new(sizeof(Block) + tags * sizeof(std::uint32_t) +
                                uids.size() * sizeof(EntityUid));
  auto* block = new (memory) Block{{1}, static_cast<std::uint32_t>(uids.size())};
  auto* tag = const_cast<std::uint32_t*>(block->tags());
  std::fill_n(tag, tags, 0);
  for (const EntityUid& uid : uids) {
    *tag = detail::tag_of(uid.hash());
    hint_ |= detail::hint_of(*tag++);
  }
  std::uninitialized_move(uids.begin(), uids.end(), const_cast<EntityUid*>(block->uids()));
  block_ = block;
}

void UidSet::release() const {
  if (block_->owners.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  std::destroy_n(block_->uids(), block_->size);
  ::operator delete(const_cast<Block*>(block_));
}

bool UidSet::operator==(const UidSet& other) const {
  return block_ == other.block_ || std::equal(begin(), end(), other.begin(), other.end());
}

bool UidSet::search(const detail::UidText* uid) const {
  const std::size_t count = size();
  if (count <= detail::kMostTagged) {
    const EntityUid* const uids = block_->uids();
    return detail::find_tagged(
               block_->tags(), count, detail::tag_of(uid->hash),
               [&](std::size_t at) { return detail::same(uids[at].text(), uid); }) != count;
  }
  const detail::Borrowed sought(uid);
  return std::binary_search(begin(), end(), sought.uid(), detail::by_hash);
}

}  // namespace writ::cedar
