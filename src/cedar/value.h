// Value: what a Cedar expression evaluates to, and what attributes and context hold. Immutable; a
// copy counts one reference more. Invariant: sets are sorted and free of duplicates, records are
// sorted by name, so that equal values have equal forms.
#pragma once

#include <array>
#include <atomic>
#include <compare>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "cedar/uid.h"

namespace writ::cedar {

enum class Kind : std::uint8_t {
  kBool,
  kInt,
  kString,
  kEntity,
  kSet,
  kRecord,
  kDecimal,
  kDatetime,
  kDuration,
  kIp,
  kNone,  // of a ValueView that refers to nothing; never of a Value
};
// "a boolean", "a string", …: for messages.
std::string_view kind_name(Kind kind);

// An address or range: network bytes (the first four for version 4) and prefix length.
struct IpRange {
  std::array<std::uint8_t, 16> bytes{};
  std::uint8_t prefix = 0;
  bool v6 = false;
  auto operator<=>(const IpRange&) const = default;
};

namespace detail {
struct Text {
  mutable std::atomic<std::uint32_t> owners;
  std::uint32_t size;
  std::uint64_t hash;
  const char* bytes() const { return reinterpret_cast<const char*>(this + 1); }
  std::string_view view() const { return {bytes(), size}; }
};
inline bool same(const Text* a, const Text* b) {
  return a == b ||
         (a->hash == b->hash && a->size == b->size && same_bytes(a->bytes(), b->bytes(), a->size));
}
const Text* make_text(std::string_view bytes);
void release(const Text* text);
// What a set or a record holds: the tags of its items, or of their names, and then the items.
template <class Item>
struct List;
struct IpBox {
  mutable std::atomic<std::uint32_t> owners{1};
  IpRange range;
};
}  // namespace detail

// A shared immutable string with its hash. Keep those of often used attribute names.
class String {
 public:
  String(std::string_view bytes) : text_(detail::make_text(bytes)) {}
  String(const char* bytes) : String(std::string_view(bytes)) {}
  String(const std::string& bytes) : String(std::string_view(bytes)) {}
  explicit String(const detail::Text* text) : text_(text) { keep(); }
  String(const String& other) : text_(other.text_) { keep(); }
  // What was moved from can only be assigned to or destroyed.
  String(String&& other) noexcept : text_(std::exchange(other.text_, nullptr)) {}
  String& operator=(String other) noexcept {
    std::swap(text_, other.text_);
    return *this;
  }
  ~String() {
    if (text_ != nullptr) detail::release(text_);
  }
  std::string_view view() const { return text_->view(); }
  const detail::Text* text() const { return text_; }
  std::uint64_t hash() const { return text_->hash; }
  bool operator==(const String& other) const { return detail::same(text_, other.text_); }

 private:
  void keep() const { text_->owners.fetch_add(1, std::memory_order_relaxed); }
  const detail::Text* text_;
};

class Value;
using Field = std::pair<String, Value>;

// A borrowed value: valid while its Value lives. What evaluation passes around; copying costs
// nothing. The accessors without a check want the right kind.
class ValueView {
 public:
  ValueView() : kind_(Kind::kNone), integer_(0) {}
  ValueView(const Value& value);
  static ValueView boolean(bool v) { return ValueView(Kind::kBool, v ? 1 : 0); }
  static ValueView integer(std::int64_t v) { return ValueView(Kind::kInt, v); }
  static ValueView decimal(std::int64_t v) { return ValueView(Kind::kDecimal, v); }
  static ValueView datetime(std::int64_t v) { return ValueView(Kind::kDatetime, v); }
  static ValueView duration(std::int64_t v) { return ValueView(Kind::kDuration, v); }
  static ValueView entity(const EntityUid& uid) {
    return ValueView(uid.text(), detail::tag_of(uid.hash()));
  }
  // The box must outlive every Value that is made of the view.
  static ValueView ip(const detail::IpBox& box) { return ValueView(&box); }

  Kind kind() const { return kind_; }
  bool is(Kind kind) const { return kind_ == kind; }
  bool boolean() const { return integer_ != 0; }
  std::int64_t integer() const { return integer_; }  // kInt, kDecimal, kDatetime, kDuration
  const detail::Text* text() const { return text_; }
  std::string_view string() const { return text_->view(); }
  const detail::UidText* entity() const { return uid_; }
  std::uint32_t entity_tag() const { return tag_; }  // kEntity: of its hash
  const IpRange& ip() const { return ip_->range; }
  std::span<const Value> items() const;            // kSet
  std::span<const Field> fields() const;           // kRecord
  ValueView find(const detail::Text* name) const;  // kRecord; kNone when there is none
  ValueView find(std::string_view name) const;     // the same
  // kRecord: the field that stands where one of this name mostly does. It may be another; null when
  // there is none of this name.
  const Field* near_field(const detail::Text* name) const;
  bool contains(ValueView item) const;       // kSet
  bool contains_all(ValueView items) const;  // kSet, kSet
  bool contains_any(ValueView items) const;  // kSet, kSet
  std::uint64_t hash() const;

 private:
  [[gnu::noinline]] ValueView find_behind(const detail::Text* name) const;
  friend class Value;
  ValueView(Kind kind, std::int64_t v) : kind_(kind), integer_(v) {}
  ValueView(const detail::UidText* uid, std::uint32_t tag)
      : kind_(Kind::kEntity), tag_(tag), uid_(uid) {}
  explicit ValueView(const detail::IpBox* ip) : kind_(Kind::kIp), ip_(ip) {}
  Kind kind_;
  std::uint32_t tag_ = 0;
  union {
    std::int64_t integer_;
    const detail::Text* text_;
    const detail::UidText* uid_;
    const detail::List<Value>* set_;
    const detail::List<Field>* record_;
    const detail::IpBox* ip_;
  };
};

namespace detail {
bool equal_contents(ValueView a, ValueView b);  // of one kind
}
inline bool equal(ValueView a, ValueView b) {
  if (a.kind() != b.kind()) return false;
  if (a.is(Kind::kEntity)) {
    return a.entity_tag() == b.entity_tag() && detail::same(a.entity(), b.entity());
  }
  if (a.is(Kind::kString)) return detail::same(a.text(), b.text());
  return detail::equal_contents(a, b);
}
// A total order: by kind, then content. Not Cedar's `<`.
std::strong_ordering compare(ValueView a, ValueView b);

class Value {
 public:
  static Value boolean(bool v) { return Value(ValueView::boolean(v)); }
  static Value integer(std::int64_t v) { return Value(ValueView::integer(v)); }
  static Value string(const String& v);
  static Value entity(const EntityUid& uid);
  static Value set(std::vector<Value> items);
  // Names must be unique; of equal ones any one stays.
  static Value record(std::vector<Field> fields = {});
  static Value decimal(std::int64_t ten_thousandths) {
    return Value(ValueView::decimal(ten_thousandths));
  }
  static Value datetime(std::int64_t ms_since_epoch) {
    return Value(ValueView::datetime(ms_since_epoch));
  }
  static Value duration(std::int64_t ms) { return Value(ValueView::duration(ms)); }
  static Value ip(const IpRange& range);
  // Owns what the view borrows. The view must not be kNone.
  static Value of(ValueView view) {
    keep(view);
    return Value(view);
  }
  // Takes over a reference that is counted already.
  static Value adopt(ValueView view) { return Value(view); }
  // Gives the reference up: the view must be adopted again.
  ValueView surrender() && { return std::exchange(view_, ValueView::boolean(false)); }

  Value(const Value& other) : view_(other.view_) { keep(view_); }
  Value(Value&& other) noexcept : view_(std::exchange(other.view_, ValueView::boolean(false))) {}
  Value& operator=(Value other) noexcept {
    std::swap(view_, other.view_);
    return *this;
  }
  ~Value() { drop(view_); }

  Kind kind() const { return view_.kind(); }
  const ValueView& view() const { return view_; }
  // Empty when the value is of another kind.
  std::optional<bool> as_bool() const;
  std::optional<std::int64_t> as_int() const;
  std::optional<std::string_view> as_string() const;
  std::optional<EntityUid> as_entity() const;
  // A member of a record; empty when there is none or this is no record.
  std::optional<Value> find(std::string_view name) const;

  bool operator==(const Value& other) const { return equal(view_, other.view_); }
  std::strong_ordering operator<=>(const Value& other) const { return compare(view_, other.view_); }
  std::uint64_t hash() const { return view_.hash(); }

 private:
  explicit Value(ValueView view) : view_(view) {}
  static void keep(ValueView view);
  static void drop(ValueView view);
  ValueView view_;
};

inline ValueView::ValueView(const Value& value) : ValueView(value.view()) {}

namespace detail {
// Of a record's hint.
inline constexpr std::uint64_t kNowhere = 15;
inline std::uint64_t hint_bits(std::uint64_t hash, unsigned shift) {
  return (hash >> shift & 15) * 4;
}
template <class Item>
struct List {
  mutable std::atomic<std::uint32_t> owners;
  std::uint32_t size;
  std::uint64_t hash;
  // Of a set: which tags may be in it (tags.h). Of a record: where the first field stands whose
  // name's hash has these four bits, from `shift`, for each value of the four; kNowhere for none.
  std::uint64_t hint;
  std::uint32_t shift;
  std::uint32_t items_at;  // bytes from here
  const std::uint32_t* tags() const { return reinterpret_cast<const std::uint32_t*>(this + 1); }
  const Item* begin() const {
    return reinterpret_cast<const Item*>(reinterpret_cast<const char*>(this) + items_at);
  }
  const Item* end() const { return begin() + size; }
};
}  // namespace detail

inline std::span<const Value> ValueView::items() const {
  return {set_->begin(), set_->size};
}
inline std::span<const Field> ValueView::fields() const {
  return {record_->begin(), record_->size};
}
[[gnu::always_inline]] inline const Field* ValueView::near_field(const detail::Text* name) const {
  const std::uint64_t at =
      record_->hint >> detail::hint_bits(name->hash, record_->shift) & detail::kNowhere;
  return at == detail::kNowhere ? nullptr : record_->begin() + at;
}
inline ValueView ValueView::find(const detail::Text* name) const {
  const Field* const field = near_field(name);
  if (field == nullptr) return {};
  if (detail::same(field->first.text(), name)) [[likely]]
    return field->second;
  return find_behind(name);
}

class Sharing;

// Cedar's JSON form of values, where `__entity` and `__extn` mark what JSON has no type for. Depth
// is that of the Json; null and fractional numbers are refused. `where` is the JSON pointer so far.
// With `sharing` (sharing.h), names and uids are shared with what was read by it before.
Result<Value> value_from_json(const Json& json, const std::string& where = {},
                              Sharing* sharing = nullptr);
// Of an object, for a context: a record, and never an escape.
Result<Value> record_from_json(const Json& json, const std::string& where = {},
                               Sharing* sharing = nullptr);
// {"type": "User", "id": "alice"}, bare or under `__entity`.
Result<EntityUid> uid_from_json(const Json& json, const std::string& where = {},
                                Sharing* sharing = nullptr);
Json to_json(ValueView value);
Json to_json(const EntityUid& uid);
// As a policy writes it: `[1, User::"a", ip("10.0.0.0/8")]`.
std::string print(ValueView value);

}  // namespace writ::cedar
