#include "prove/model.h"

#include <algorithm>
#include <functional>
#include <optional>

#include "cedar/text.h"

namespace writ::prove {
namespace {

constexpr std::size_t kMostSteps = 1'000'000;  // of reading one value
constexpr std::size_t kMostDepth = 4'000;      // of calls in calls

tl::unexpected<Error> no_value(const Sexpr& text) {
  return fail(Code::kCorrupt,
              "the solver's model has a value that cannot be read: " + print(text).substr(0, 200));
}

std::optional<std::string> binary_of(const Sexpr& text) {
  const std::string& atom = text.atom;
  if (text.is_list || text.is_text || atom.size() < 3 || atom[0] != '#') return std::nullopt;
  if (atom[1] == 'b') return atom.substr(2);
  if (atom[1] != 'x') return std::nullopt;
  std::string made;
  for (const char c : atom.substr(2)) {
    const auto digit = std::string_view("0123456789abcdef").find(static_cast<char>(c | 0x20));
    if (digit == std::string_view::npos) return std::nullopt;
    for (int bit = 3; bit >= 0; --bit) made += (digit >> bit) & 1 ? '1' : '0';
  }
  return made;
}

// Whether SMT-LIB has it and Unicode calls it a character.
bool is_character(std::uint32_t point) {
  return point <= 0x2ffff && (point < 0xd800 || point >= 0xe000);
}

// Escapes are \u{1f600}, \u00e9 and, by older solvers, \xe9.
std::optional<std::string> unescaped(const std::string& text) {
  std::string made;
  for (std::size_t i = 0; i < text.size();) {
    std::size_t start = 0;
    std::size_t end = 0;
    std::size_t next = 0;
    if (text.compare(i, 3, "\\u{") == 0) {
      start = i + 3;
      end = text.find('}', start);
      if (end == std::string::npos) return std::nullopt;
      next = end + 1;
    } else if (text.compare(i, 2, "\\u") == 0 && i + 6 <= text.size()) {
      start = i + 2;
      next = end = i + 6;
    } else if (text.compare(i, 2, "\\x") == 0 && i + 4 <= text.size()) {
      start = i + 2;
      next = end = i + 4;
    } else {
      made += text[i++];
      continue;
    }
    if (end - start < 1 || end - start > 5) return std::nullopt;
    std::uint32_t point = 0;
    for (std::size_t k = start; k < end; ++k) {
      const auto digit =
          std::string_view("0123456789abcdef").find(static_cast<char>(text[k] | 0x20));
      if (digit == std::string_view::npos) return std::nullopt;
      point = point * 16 + static_cast<std::uint32_t>(digit);
    }
    if (!is_character(point)) return std::nullopt;
    cedar::append_utf8(made, point);
    i = next;
  }
  return made;
}

class Reader {
 public:
  explicit Reader(const Terms& terms) : terms_(terms) {}

  Result<ModelValue> value(SortId sort, const Sexpr& text) {
    const Call call(*this);
    if (spent()) return no_value(text);
    if (const Sexpr* bound = find(text)) return value(sort, *bound);
    if (text.starts_with("let") && text.items.size() == 3) {
      return let<ModelValue>(text, [&](const Sexpr& body) { return value(sort, body); });
    }
    const Sort& its = terms_.sort(sort);
    switch (its.kind) {
      case Sort::Kind::kBool:
        if (!text.is("true") && !text.is("false")) return no_value(text);
        return ModelValue{text.atom, 0, {}};
      case Sort::Kind::kBits: {
        std::optional<std::string> bits = binary_of(text);
        if (!bits || bits->size() != its.width) return no_value(text);
        return ModelValue{std::move(*bits), 0, {}};
      }
      case Sort::Kind::kString: {
        if (!text.is_text) return no_value(text);
        std::optional<std::string> utf8 = unescaped(text.atom);
        if (!utf8) return no_value(text);
        return ModelValue{std::move(*utf8), 0, {}};
      }
      case Sort::Kind::kOpaque:
        return ModelValue{print(text), 0, {}};
      case Sort::Kind::kData:
        return constructed(sort, its, text);
      case Sort::Kind::kSet:
        return set(its.element, text);
    }
    return no_value(text);
  }

 private:
  // One more step, deeper while it lasts.
  class Call {
   public:
    explicit Call(Reader& reader) : reader_(reader) {
      ++reader.steps_;
      ++reader.depth_;
    }
    ~Call() { --reader_.depth_; }
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;

   private:
    Reader& reader_;
  };
  bool spent() const { return steps_ > kMostSteps || depth_ > kMostDepth; }

  const Sexpr* find(const Sexpr& text) const {
    if (text.is_list || text.is_text) return nullptr;
    for (std::size_t i = bound_.size(); i-- > 0;) {
      if (bound_[i].first == text.atom) return bound_[i].second;
    }
    return nullptr;
  }

  // `(let ((name value)…) body)`: names stand for what is written.
  template <class T>
  Result<T> let(const Sexpr& text, const std::function<Result<T>(const Sexpr&)>& use) {
    const std::size_t before = bound_.size();
    for (const Sexpr& each : text.items[1].items) {
      if (each.items.size() != 2) return no_value(text);
      bound_.emplace_back(each.items[0].atom, &each.items[1]);
    }
    Result<T> made = use(text.items[2]);
    bound_.resize(before);
    return made;
  }

  Result<ModelValue> constructed(SortId sort, const Sort& its, const Sexpr& text) {
    // `name`, `(name field…)`, or either as `(as name Sort)`.
    const Sexpr* head =
        text.is_list && !text.items.empty() && !text.starts_with("as") ? &text.items[0] : &text;
    if (head->starts_with("as") && head->items.size() == 3) head = &head->items[1];
    for (std::uint32_t i = 0; i < its.constructors.size(); ++i) {
      if (!head->is("c" + std::to_string(sort) + "_" + std::to_string(i))) continue;
      const auto& fields = its.constructors[i].fields;
      ModelValue made{{}, i, {}};
      if (!fields.empty() && text.items.size() != fields.size() + 1) return no_value(text);
      for (std::size_t f = 0; f < fields.size(); ++f) {
        TRY(part, value(fields[f], text.items[f + 1]));
        made.parts.push_back(std::move(part));
      }
      return made;
    }
    return no_value(text);
  }

  static ModelValue set_of(std::vector<ModelValue> members) {
    std::sort(members.begin(), members.end());
    members.erase(std::unique(members.begin(), members.end()), members.end());
    return {{}, 0, std::move(members)};
  }

  Result<ModelValue> set(SortId element, const Sexpr& text) {
    if (text.starts_with("as") ||
        (text.is_list && !text.items.empty() && text.items[0].starts_with("as"))) {
      return ModelValue{};  // set.empty, or constant: what is in a set by default is left out
    }
    std::vector<ModelValue> members;
    if (text.starts_with("set.singleton") || text.starts_with("set.insert")) {
      const bool insert = text.starts_with("set.insert");
      for (std::size_t i = 1; i < text.items.size() - (insert ? 1 : 0); ++i) {
        TRY(member, value(element, text.items[i]));
        members.push_back(std::move(member));
      }
      if (insert) {
        TRY(rest, members_of(element, text.items.back()));
        members.insert(members.end(), rest.begin(), rest.end());
      }
      return set_of(std::move(members));
    }
    if (text.starts_with("set.union")) {
      for (std::size_t i = 1; i < text.items.size(); ++i) {
        TRY(part, members_of(element, text.items[i]));
        members.insert(members.end(), part.begin(), part.end());
      }
      return set_of(std::move(members));
    }
    if (text.starts_with("store") && text.items.size() == 4) {
      TRY(before, members_of(element, text.items[1]));
      TRY(member, value(element, text.items[2]));
      const bool in = text.items[3].is("true");
      std::erase(before, member);
      if (in) before.push_back(std::move(member));
      return set_of(std::move(before));
    }
    if (text.starts_with("lambda") && text.items.size() == 3 && !text.items[1].items.empty() &&
        !text.items[1].items[0].items.empty()) {
      const std::string& name = text.items[1].items[0].items[0].atom;
      std::vector<ModelValue> candidates;
      CHECK_OK(candidates_in(element, name, text.items[2], candidates));
      for (ModelValue& each : candidates) {
        TRY(in, holds(element, name, each, text.items[2]));
        if (in) members.push_back(std::move(each));
      }
      return set_of(std::move(members));
    }
    return no_value(text);
  }
  Result<std::vector<ModelValue>> members_of(SortId element, const Sexpr& text) {
    const Call call(*this);
    if (spent()) return no_value(text);
    if (const Sexpr* bound = find(text)) return members_of(element, *bound);
    TRY(made, set(element, text));
    return std::move(made.parts);
  }

  // The other side of `(= name other)`; null for another form.
  static const Sexpr* other_side(const std::string& name, const Sexpr& text) {
    if (!text.starts_with("=") || text.items.size() != 3) return nullptr;
    if (text.items[1].is(name)) return &text.items[2];
    return text.items[2].is(name) ? &text.items[1] : nullptr;
  }

  Status candidates_in(SortId element, const std::string& name, const Sexpr& text,
                       std::vector<ModelValue>& into) {
    const Call call(*this);
    if (spent()) return no_value(text);
    if (const Sexpr* other = other_side(name, text)) {
      TRY(made, value(element, *other));
      into.push_back(std::move(made));
      return {};
    }
    if (text.starts_with("let") && text.items.size() == 3) {
      for (const Sexpr& each : text.items[1].items) {
        if (each.items.size() == 2) CHECK_OK(candidates_in(element, name, each.items[1], into));
      }
      return let<void>(text,
                       [&](const Sexpr& body) { return candidates_in(element, name, body, into); });
    }
    for (const std::string_view op : {"and", "or", "not", "ite"}) {
      if (!text.starts_with(op)) continue;
      for (std::size_t i = 1; i < text.items.size(); ++i) {
        CHECK_OK(candidates_in(element, name, text.items[i], into));
      }
    }
    return {};
  }

  Result<bool> holds(SortId element, const std::string& name, const ModelValue& of,
                     const Sexpr& text) {
    const Call call(*this);
    if (spent()) return no_value(text);
    if (text.is("true")) return true;
    if (text.is("false")) return false;
    if (const Sexpr* bound = find(text)) return holds(element, name, of, *bound);
    if (const Sexpr* other = other_side(name, text)) {
      TRY(made, value(element, *other));
      return made == of;
    }
    if (text.starts_with("let") && text.items.size() == 3) {
      return let<bool>(text, [&](const Sexpr& body) { return holds(element, name, of, body); });
    }
    if (text.starts_with("not") && text.items.size() == 2) {
      TRY(inner, holds(element, name, of, text.items[1]));
      return !inner;
    }
    if (text.starts_with("ite") && text.items.size() == 4) {
      TRY(test, holds(element, name, of, text.items[1]));
      return holds(element, name, of, text.items[test ? 2 : 3]);
    }
    const bool any = text.starts_with("or");
    if (!any && !text.starts_with("and")) return no_value(text);
    for (std::size_t i = 1; i < text.items.size(); ++i) {
      TRY(part, holds(element, name, of, text.items[i]));
      if (part == any) return any;
    }
    return !any;
  }

  const Terms& terms_;
  std::vector<std::pair<std::string, const Sexpr*>> bound_;
  std::size_t steps_ = 0;
  std::size_t depth_ = 0;
};

}  // namespace

std::strong_ordering ModelValue::operator<=>(const ModelValue& other) const {
  if (const auto order = atom <=> other.atom; order != 0) return order;
  if (const auto order = constructor <=> other.constructor; order != 0) return order;
  return std::lexicographical_compare_three_way(parts.begin(), parts.end(), other.parts.begin(),
                                                other.parts.end());
}

std::int64_t number_of(const ModelValue& bits) {
  std::uint64_t made = 0;
  for (const char c : bits.atom) made = made << 1 | (c == '1' ? 1 : 0);
  return static_cast<std::int64_t>(made);
}

Result<ModelValue> read_value(const Terms& terms, SortId sort, const Sexpr& text) {
  return Reader(terms).value(sort, text);
}

}  // namespace writ::prove
