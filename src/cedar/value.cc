#include "cedar/value.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "cedar/extension.h"
#include "cedar/text.h"

namespace writ::cedar {
namespace detail {

const Text* make_text(std::string_view bytes) {
  void* memory = ::operator new(sizeof(Text) + bytes.size());
  auto* text = new (memory) Text{{1}, static_cast<std::uint32_t>(bytes.size()), hash_bytes(bytes)};
  if (!bytes.empty()) {
    std::memcpy(static_cast<char*>(memory) + sizeof(Text), bytes.data(), bytes.size());
  }
  return text;
}

void release(const Text* text) {
  if (text->owners.fetch_sub(1, std::memory_order_acq_rel) == 1) {
    text->~Text();
    ::operator delete(const_cast<Text*>(text));
  }
}

}  // namespace detail

namespace {

bool is_last(const auto* box) {
  return box->owners.fetch_sub(1, std::memory_order_acq_rel) == 1;
}

template <class Item>
void release(const detail::List<Item>* list) {
  if (!is_last(list)) return;
  std::destroy(list->begin(), list->end());
  list->~List();
  ::operator delete(const_cast<detail::List<Item>*>(list));
}

std::uint64_t combine(std::uint64_t hash, std::uint64_t next) {
  return (hash ^ next) * 0x9fb21c651e98df25 + (hash >> 29);
}

// What a list says of itself: see detail::List.
struct Hint {
  std::uint64_t bits;
  unsigned shift = 0;
};
// Of a record: with the four bits of hashes that tell most of its names apart, of a few tries.
Hint hint_of(const std::vector<Field>& fields) {
  const auto with = [&](unsigned shift, std::size_t& told_apart) {
    std::uint64_t bits = ~std::uint64_t{0};
    told_apart = 0;
    for (std::size_t i = fields.size(); i-- > 0;) {
      const std::uint64_t at = detail::hint_bits(fields[i].first.hash(), shift);
      if ((bits >> at & detail::kNowhere) == detail::kNowhere) ++told_apart;
      // Behind the last place that fits, any other says that one has to look.
      const std::uint64_t place = i < detail::kNowhere ? i : 0;
      bits = (bits & ~(detail::kNowhere << at)) | place << at;
    }
    return bits;
  };
  Hint best{~std::uint64_t{0}};
  std::size_t most = 0;
  for (unsigned shift = 0; shift < 32 && most < std::min(fields.size(), std::size_t{16});
       shift += 4) {
    std::size_t told_apart = 0;
    const std::uint64_t bits = with(shift, told_apart);
    if (told_apart > most) best = {bits, shift};
    most = std::max(most, told_apart);
  }
  return best;
}

// Makes a list of items, which are in order. `hash` is of an item, for the tags.
template <class Item>
const detail::List<Item>* make_list(std::vector<Item>&& items, std::uint64_t hash_of_all, Hint hint,
                                    auto hash) {
  const std::size_t tags = detail::room_for_tags(items.size());
  const std::size_t items_at = sizeof(detail::List<Item>) + tags * sizeof(std::uint32_t);
  void* memory = ::operator new(items_at + items.size() * sizeof(Item));
  auto* list = new (memory) detail::List<Item>{
      {1},        static_cast<std::uint32_t>(items.size()), hash_of_all, hint.bits,
      hint.shift, static_cast<std::uint32_t>(items_at)};
  auto* tag = const_cast<std::uint32_t*>(list->tags());
  std::fill_n(tag, tags, 0);
  for (const Item& item : items) *tag++ = detail::tag_of(hash(item));
  std::uninitialized_move(items.begin(), items.end(), const_cast<Item*>(list->begin()));
  return list;
}

}  // namespace

std::string_view kind_name(Kind kind) {
  constexpr std::array<std::string_view, 11> kNames{
      "a boolean", "an integer", "a string",   "an entity",     "a set",  "a record",
      "a decimal", "a datetime", "a duration", "an IP address", "nothing"};
  return kNames.at(static_cast<std::size_t>(kind));
}

ValueView ValueView::find(std::string_view name) const {
  const auto at =
      std::lower_bound(record_->begin(), record_->end(), name,
                       [](const Field& f, std::string_view n) { return f.first.view() < n; });
  if (at == record_->end() || at->first.view() != name) return {};
  return at->second;
}

ValueView ValueView::find_behind(const detail::Text* name) const {
  const std::size_t count = record_->size;
  if (count > detail::kMostTagged) return find(name->view());
  const Field* const fields = record_->begin();
  const std::size_t at = detail::find_tagged(
      record_->tags(), count, detail::tag_of(name->hash),
      [&](std::size_t i) { return detail::same(fields[i].first.text(), name); });
  return at == count ? ValueView() : ValueView(fields[at].second);
}

bool ValueView::contains(ValueView item) const {
  const std::size_t count = set_->size;
  const std::uint32_t tag = detail::tag_of(item.hash());
  if ((set_->hint & detail::hint_of(tag)) == 0) return false;
  const Value* const items = set_->begin();
  if (count <= detail::kMostTagged) {
    return detail::find_tagged(set_->tags(), count, tag,
                               [&](std::size_t i) { return equal(items[i], item); }) != count;
  }
  const auto at = std::lower_bound(items, items + count, item, [](const Value& a, ValueView b) {
    return compare(a, b) == std::strong_ordering::less;
  });
  return at != items + count && equal(*at, item);
}

bool ValueView::contains_all(ValueView items) const {
  const detail::List<Value>& mine = *set_;
  const detail::List<Value>& theirs = *items.set_;
  if (set_ == items.set_) return true;
  if (theirs.size > mine.size) return false;
  auto at = mine.begin();
  for (const Value& item : theirs) {
    std::strong_ordering order = std::strong_ordering::less;
    while (at != mine.end() && (order = compare(*at, item)) == std::strong_ordering::less) ++at;
    if (at == mine.end() || order != std::strong_ordering::equal) return false;
  }
  return true;
}

bool ValueView::contains_any(ValueView items) const {
  const detail::List<Value>& mine = *set_;
  const detail::List<Value>& theirs = *items.set_;
  auto a = mine.begin();
  auto b = theirs.begin();
  while (a != mine.end() && b != theirs.end()) {
    const std::strong_ordering order = compare(*a, *b);
    if (order == std::strong_ordering::equal) return true;
    order == std::strong_ordering::less ? ++a : ++b;
  }
  return false;
}

std::uint64_t ValueView::hash() const {
  const auto of = [this](std::uint64_t content) {
    return combine(static_cast<std::uint64_t>(kind_) + 1, content);
  };
  switch (kind_) {
    case Kind::kString:
      return of(text_->hash);
    case Kind::kEntity:
      return of(uid_->hash);
    case Kind::kSet:
      return of(set_->hash);
    case Kind::kRecord:
      return of(record_->hash);
    case Kind::kIp:
      return of(hash_bytes({reinterpret_cast<const char*>(ip_->range.bytes.data()), 16}) +
                ip_->range.prefix);
    default:
      return of(static_cast<std::uint64_t>(integer_) * 0x9e3779b97f4a7c15);
  }
}

bool detail::equal_contents(ValueView a, ValueView b) {
  const auto same_items = [&](auto mine, auto theirs) {
    return mine.data() == theirs.data() ||
           (a.hash() == b.hash() &&
            std::equal(mine.begin(), mine.end(), theirs.begin(), theirs.end()));
  };
  switch (a.kind()) {
    case Kind::kSet:
      return same_items(a.items(), b.items());
    case Kind::kRecord:
      return same_items(a.fields(), b.fields());
    case Kind::kIp:
      return a.ip() == b.ip();
    default:
      return a.integer() == b.integer();
  }
}

std::strong_ordering compare(ValueView a, ValueView b) {
  if (a.kind() != b.kind()) return a.kind() <=> b.kind();
  switch (a.kind()) {
    case Kind::kString:
      return a.text() == b.text() ? std::strong_ordering::equal : a.string() <=> b.string();
    case Kind::kEntity: {
      if (detail::same(a.entity(), b.entity())) return std::strong_ordering::equal;
      const auto order = a.entity()->type() <=> b.entity()->type();
      return order != 0 ? order : a.entity()->id() <=> b.entity()->id();
    }
    case Kind::kSet: {
      if (a.items().data() == b.items().data()) return std::strong_ordering::equal;
      return std::lexicographical_compare_three_way(a.items().begin(), a.items().end(),
                                                    b.items().begin(), b.items().end());
    }
    case Kind::kRecord: {
      if (a.fields().data() == b.fields().data()) return std::strong_ordering::equal;
      return std::lexicographical_compare_three_way(
          a.fields().begin(), a.fields().end(), b.fields().begin(), b.fields().end(),
          [](const Field& x, const Field& y) {
            const auto order = x.first.view() <=> y.first.view();
            return order != 0 ? order : x.second <=> y.second;
          });
    }
    case Kind::kIp:
      return a.ip() <=> b.ip();
    default:
      return a.integer() <=> b.integer();
  }
}

Value Value::string(const String& v) {
  ValueView view;
  view.kind_ = Kind::kString;
  view.text_ = v.text();
  return Value::of(view);
}

Value Value::entity(const EntityUid& uid) {
  return Value::of(ValueView::entity(uid));
}

Value Value::set(std::vector<Value> items) {
  std::sort(items.begin(), items.end());
  items.erase(std::unique(items.begin(), items.end()), items.end());
  std::uint64_t hash = 0, hint = 0;
  for (const Value& item : items) {
    hash = combine(hash, item.hash());
    hint |= detail::hint_of(detail::tag_of(item.hash()));
  }
  ValueView view;
  view.kind_ = Kind::kSet;
  view.set_ =
      make_list(std::move(items), hash, Hint{hint}, [](const Value& item) { return item.hash(); });
  return Value(view);
}

Value Value::record(std::vector<Field> fields) {
  const auto less = [](const Field& a, const Field& b) { return a.first.view() < b.first.view(); };
  if (!std::is_sorted(fields.begin(), fields.end(), less)) {
    std::sort(fields.begin(), fields.end(), less);
  }
  fields.erase(std::unique(fields.begin(), fields.end(),
                           [](const Field& a, const Field& b) { return a.first == b.first; }),
               fields.end());
  std::uint64_t hash = 0;
  for (const Field& field : fields) {
    hash = combine(combine(hash, field.first.hash()), field.second.hash());
  }
  ValueView view;
  view.kind_ = Kind::kRecord;
  const Hint hint = hint_of(fields);
  view.record_ = make_list(std::move(fields), hash, hint,
                           [](const Field& field) { return field.first.hash(); });
  return Value(view);
}

Value Value::ip(const IpRange& range) {
  auto* box = new detail::IpBox;
  box->range = range;
  ValueView view;
  view.kind_ = Kind::kIp;
  view.ip_ = box;
  return Value(view);
}

void Value::keep(ValueView view) {
  const auto add = [](const auto* box) { box->owners.fetch_add(1, std::memory_order_relaxed); };
  switch (view.kind_) {
    case Kind::kString:
      add(view.text_);
      break;
    case Kind::kEntity:
      add(view.uid_);
      break;
    case Kind::kSet:
      add(view.set_);
      break;
    case Kind::kRecord:
      add(view.record_);
      break;
    case Kind::kIp:
      add(view.ip_);
      break;
    default:
      break;
  }
}

void Value::drop(ValueView view) {
  switch (view.kind_) {
    case Kind::kString:
      detail::release(view.text_);
      break;
    case Kind::kEntity:
      detail::release(view.uid_);
      break;
    case Kind::kSet:
      release(view.set_);
      break;
    case Kind::kRecord:
      release(view.record_);
      break;
    case Kind::kIp:
      if (is_last(view.ip_)) delete view.ip_;
      break;
    default:
      break;
  }
}

std::optional<bool> Value::as_bool() const {
  if (kind() != Kind::kBool) return std::nullopt;
  return view_.boolean();
}
std::optional<std::int64_t> Value::as_int() const {
  if (kind() != Kind::kInt) return std::nullopt;
  return view_.integer();
}
std::optional<std::string_view> Value::as_string() const {
  if (kind() != Kind::kString) return std::nullopt;
  return view_.string();
}
std::optional<EntityUid> Value::as_entity() const {
  if (kind() != Kind::kEntity) return std::nullopt;
  return EntityUid(view_.entity());
}
std::optional<Value> Value::find(std::string_view name) const {
  if (kind() != Kind::kRecord) return std::nullopt;
  const ValueView found = view_.find(name);
  if (found.is(Kind::kNone)) return std::nullopt;
  return Value::of(found);
}

std::string print(ValueView value) {
  std::string out;
  switch (value.kind()) {
    case Kind::kBool:
      return value.boolean() ? "true" : "false";
    case Kind::kInt:
      return std::to_string(value.integer());
    case Kind::kString:
      append_quoted(out, value.string());
      return out;
    case Kind::kEntity:
      return EntityUid(value.entity()).print();
    case Kind::kSet:
      for (const Value& item : value.items()) out += (out.empty() ? "" : ", ") + print(item);
      return "[" + out + "]";
    case Kind::kRecord:
      for (const Field& field : value.fields()) {
        if (!out.empty()) out += ", ";
        append_quoted(out, field.first.view());
        out += ": " + print(field.second);
      }
      return "{" + out + "}";
    case Kind::kDecimal:
      return "decimal(\"" + decimal_text(value.integer()) + "\")";
    case Kind::kDatetime:
      if (!has_datetime_text(value.integer())) {
        return "datetime(\"1970-01-01\").offset(duration(\"" + duration_text(value.integer()) +
               "\"))";
      }
      return "datetime(\"" + datetime_text(value.integer()) + "\")";
    case Kind::kDuration:
      return "duration(\"" + duration_text(value.integer()) + "\")";
    case Kind::kIp:
      return "ip(\"" + ip_text(value.ip()) + "\")";
    case Kind::kNone:
      break;
  }
  return out;
}

}  // namespace writ::cedar
