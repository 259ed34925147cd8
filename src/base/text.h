// Texts that very many structs hold: immutable, and small beside a std::string. Both read as a
// std::string_view.
//
//   SharedText  a pointer's room; copies share the bytes. For what many structs say alike: who
//               makes one of a text that is there already copies that one. The empty one owns
//               nothing.
//   SharedTexts a list of them, and again a pointer's room. One alone costs nothing more.
//   InlineText  the text itself, up to 23 bytes: as much as an id. For what each struct says
//               otherwise, and where it is read nothing more is loaded.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <ostream>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/json_fields.h"

namespace writ {

class SharedText {
 public:
  SharedText() = default;
  SharedText(std::string_view text) : block_(make(text)) {}
  SharedText(const std::string& text) : SharedText(std::string_view(text)) {}
  SharedText(const char* text) : SharedText(std::string_view(text)) {}
  SharedText(const SharedText& other) : block_(other.block_) {
    if (block_ != nullptr) block_->owners.fetch_add(1, std::memory_order_relaxed);
  }
  SharedText(SharedText&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
  SharedText& operator=(SharedText other) noexcept {
    std::swap(block_, other.block_);
    return *this;
  }
  ~SharedText() {
    if (block_ != nullptr) drop();
  }

  std::string_view view() const {
    return block_ == nullptr ? std::string_view() : std::string_view(block_->bytes(), block_->size);
  }
  operator std::string_view() const { return view(); }
  operator std::string() const { return str(); }
  operator Json() const { return Json(view()); }
  std::string str() const { return std::string(view()); }
  // Where its size and its bytes stand, to load them early.
  const void* data() const { return block_; }
  std::size_t size() const { return block_ == nullptr ? 0 : block_->size; }
  bool empty() const { return block_ == nullptr; }
  bool shares(const SharedText& other) const { return block_ == other.block_; }

 private:
  friend class SharedTexts;
  struct Block {
    mutable std::atomic<std::uint32_t> owners;
    std::uint32_t size;
    // The bytes follow.
    const char* bytes() const { return reinterpret_cast<const char*>(this + 1); }
  };
  static const Block* make(std::string_view text) {
    if (text.empty()) return nullptr;
    void* memory = ::operator new(sizeof(Block) + text.size());
    std::memcpy(static_cast<char*>(memory) + sizeof(Block), text.data(), text.size());
    return new (memory) Block{{1}, static_cast<std::uint32_t>(text.size())};
  }
  void drop() {
    if (block_->owners.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
    block_->~Block();
    ::operator delete(const_cast<Block*>(block_));
  }
  const Block* block_ = nullptr;
};

class SharedTexts {
 public:
  using value_type = SharedText;

  SharedTexts() = default;
  SharedTexts(const std::vector<std::string>& texts) {
    for (const std::string& text : texts) push_back(text);
  }
  SharedTexts(const SharedTexts& other) {
    for (const SharedText& text : other) push_back(text);
  }
  SharedTexts(SharedTexts&& other) noexcept = default;
  SharedTexts& operator=(SharedTexts other) noexcept {
    std::swap(one_.block_, other.one_.block_);
    return *this;
  }
  ~SharedTexts() { clear(); }

  bool empty() const { return one_.block_ == nullptr; }
  std::size_t size() const { return is_list() ? list()->size() : empty() ? 0 : 1; }
  const SharedText* begin() const { return is_list() ? list()->data() : &one_; }
  const SharedText* end() const { return begin() + size(); }
  void push_back(SharedText text) {
    if (empty() && !text.empty()) {
      one_ = std::move(text);
      return;
    }
    if (!is_list()) {
      auto* made = new List(begin(), end());
      one_ = SharedText();
      one_.block_ = reinterpret_cast<const SharedText::Block*>(
          reinterpret_cast<std::uintptr_t>(made) | kList);
    }
    list()->push_back(std::move(text));
  }
  void reserve(std::size_t) {}  // as of std::vector
  bool operator==(const SharedTexts& other) const {
    return std::equal(
        begin(), end(), other.begin(), other.end(),
        [](const SharedText& a, const SharedText& b) { return a.view() == b.view(); });
  }
  void clear() {
    if (is_list()) {
      delete list();
      one_.block_ = nullptr;
    }
    one_ = SharedText();
  }

 private:
  using List = std::vector<SharedText>;
  static constexpr std::uintptr_t kList = 1;
  std::uintptr_t bits() const { return reinterpret_cast<std::uintptr_t>(one_.block_); }
  bool is_list() const { return (bits() & kList) != 0; }
  List* list() const { return reinterpret_cast<List*>(bits() & ~kList); }

  // The only text, if that is not empty; else instead of its bytes a List, and kList.
  SharedText one_;
};

class InlineText {
 public:
  InlineText() = default;
  InlineText(std::string_view text) {
    if (text.size() > kMost) {
      new (place_elsewhere()) SharedText(text);
      bytes_.front() = kElsewhere;
    } else {
      if (!text.empty()) std::memcpy(bytes_.data() + 1, text.data(), text.size());
      bytes_.front() = static_cast<char>(text.size());
    }
  }
  InlineText(const std::string& text) : InlineText(std::string_view(text)) {}
  InlineText(const char* text) : InlineText(std::string_view(text)) {}
  InlineText(const InlineText& other) : bytes_(other.bytes_) {
    if (other.is_elsewhere()) new (place_elsewhere()) SharedText(other.elsewhere());
  }
  InlineText(InlineText&& other) noexcept
      : bytes_(std::exchange(other.bytes_, decltype(bytes_){})) {}
  InlineText& operator=(InlineText other) noexcept {
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~InlineText() {
    if (is_elsewhere()) elsewhere().~SharedText();
  }

  std::string_view view() const {
    if (is_elsewhere()) return elsewhere().view();
    return {bytes_.data() + 1, static_cast<std::size_t>(bytes_.front())};
  }
  operator std::string_view() const { return view(); }
  operator std::string() const { return str(); }
  operator Json() const { return Json(view()); }
  std::string str() const { return std::string(view()); }
  std::size_t size() const { return view().size(); }
  bool empty() const { return bytes_.front() == 0; }

 private:
  static constexpr std::size_t kMost = 23;
  static constexpr char kElsewhere = 127;
  bool is_elsewhere() const { return bytes_.front() == kElsewhere; }
  char* place_elsewhere() { return bytes_.data() + sizeof(SharedText); }
  const SharedText& elsewhere() const {
    return *std::launder(reinterpret_cast<const SharedText*>(bytes_.data() + sizeof(SharedText)));
  }
  SharedText& elsewhere() {
    return *std::launder(reinterpret_cast<SharedText*>(place_elsewhere()));
  }

  // Its size, and the text; of a longer one kElsewhere, and a SharedText where one may stand.
  alignas(SharedText) std::array<char, kMost + 1> bytes_{};
};

namespace detail {
template <class T>
concept CompactText = std::is_same_v<T, SharedText> || std::is_same_v<T, InlineText>;
// A struct's member of text, whichever.
template <class T>
concept Text = std::is_same_v<T, std::string> || CompactText<T>;
}  // namespace detail

template <detail::CompactText A, detail::Text B>
bool operator==(const A& a, const B& b) {
  return std::string_view(a) == std::string_view(b);
}
template <detail::CompactText A>
bool operator==(const A& a, std::string_view b) {
  return a.view() == b;
}
template <detail::CompactText A>
bool operator==(const A& a, const char* b) {
  return a.view() == b;
}
template <detail::CompactText A>
auto operator<=>(const A& a, const A& b) {
  return a.view() <=> b.view();
}
template <detail::CompactText B>
std::string operator+(std::string_view a, const B& b) {
  return std::string(a).append(b.view());
}
template <detail::CompactText A>
std::string operator+(const A& a, std::string_view b) {
  return a.str().append(b);
}
template <detail::CompactText A>
std::ostream& operator<<(std::ostream& out, const A& a) {
  return out << a.view();
}

// In JSON they are as std::string and a vector of it.
template <detail::CompactText A>
Json to_json(const A& a) {
  return Json(a.view());
}
template <>
struct detail::is_vector<SharedTexts> : std::true_type {};
template <>
inline void JsonReader::read(const Json& json, SharedText& text, const std::string& pointer) {
  std::string value;
  read(json, value, pointer);
  text = value;
}
template <>
inline void JsonReader::read(const Json& json, InlineText& text, const std::string& pointer) {
  std::string value;
  read(json, value, pointer);
  text = value;
}

}  // namespace writ
