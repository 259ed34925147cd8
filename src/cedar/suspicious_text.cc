#include "cedar/suspicious_text.h"

#include <algorithm>
#include <array>
#include <set>
#include <tuple>

#include "cedar/text.h"
#include "cedar/unicode_tables.h"

namespace writ::cedar {
namespace {

// Valid UTF-8, as all text in a policy is.
std::u32string characters(std::string_view text) {
  std::u32string made;
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const std::size_t size = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    char32_t c = size == 1 ? lead : lead & (0xffU >> (size + 1));
    for (std::size_t k = 1; k < size && i + k < text.size(); ++k) {
      c = (c << 6) | (static_cast<unsigned char>(text[i + k]) & 0x3f);
    }
    made += c;
    i += size;
  }
  return made;
}

bool turns_direction(char32_t c) {
  return (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

std::string quoted(std::string_view text) {
  std::string made;
  append_quoted(made, shorten(text, 60));
  return made;
}

class Reader {
 public:
  std::vector<SuspiciousText> take() && { return std::move(found_); }

  void node(const CoreNode& node) {
    at_ = &node;
    if (node.op == Op::kLiteral && !node.slot) {
      if (const auto text = node.value.as_string()) string(*text);
      if (const auto uid = node.value.as_entity()) {
        type_name(uid->type());
        identifier(uid->id());
      }
    } else if (node.op == Op::kLike) {
      std::string pattern;
      append_pattern(pattern, node.names);
      string(std::string_view(pattern).substr(1, pattern.size() - 2));
    } else if (node.op == Op::kGet || node.op == Op::kHas || node.op == Op::kRecord) {
      for (const std::string& name : node.names) identifier(name);
    }
  }

 private:
  void add(Finding::Kind kind, std::string_view what, std::string_view text,
           const std::string& problem) {
    std::string message = std::string(what) + " " + quoted(text) + " " + problem;
    if (!seen_.emplace(at_->begin, kind, message).second) return;
    found_.push_back({kind, at_->begin, at_->end, std::move(message)});
  }

  void string(std::string_view text) {
    const std::u32string all = characters(text);
    if (std::any_of(all.begin(), all.end(), turns_direction)) {
      add(Finding::Kind::kBidirectional, "the string", text,
          "holds characters that change the direction of writing");
    } else if (!is_single_script(text)) {
      add(Finding::Kind::kMixedScripts, "the string", text, "mixes scripts");
    }
  }

  void type_name(std::string_view name) {
    for (;;) {
      const std::size_t end = name.find("::");
      identifier(name.substr(0, end));
      if (end == std::string_view::npos) return;
      name.remove_prefix(end + 2);
    }
  }

  void identifier(std::string_view text) {
    const std::u32string all = characters(text);
    if (std::any_of(all.begin(), all.end(), turns_direction)) {
      add(Finding::Kind::kBidirectional, "the identifier", text,
          "holds characters that change the direction of writing");
      return;
    }
    const auto odd = std::find_if_not(all.begin(), all.end(), is_identifier_character);
    if (odd != all.end()) {
      constexpr std::string_view kHex = "0123456789abcdef";
      std::string code;
      for (auto rest = static_cast<std::uint32_t>(*odd); rest > 0 || code.empty(); rest >>= 4) {
        code.insert(code.begin(), kHex[rest & 15]);
      }
      add(Finding::Kind::kConfusable, "the identifier", text,
          "holds the character U+" + code + ", which identifiers should not have");
    } else if (!is_single_script(text)) {
      add(Finding::Kind::kMixedScripts, "the identifier", text, "mixes scripts");
    }
  }

  const CoreNode* at_ = nullptr;
  std::vector<SuspiciousText> found_;
  std::set<std::tuple<std::uint32_t, Finding::Kind, std::string>> seen_;
};

}  // namespace

bool is_single_script(std::string_view text) {
  ScriptSet all{~std::uint64_t{0}, ~std::uint64_t{0}, ~std::uint64_t{0}};
  for (const char32_t c : characters(text)) {
    if (c < 0x80 && !((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))) continue;  // common
    const ScriptSet scripts = scripts_of(c);
    for (std::size_t i = 0; i < all.size(); ++i) all.at(i) &= scripts.at(i);
  }
  return all != ScriptSet{};
}

bool is_identifier_character(char32_t c) {
  if (c < 0x80) return c >= 0x20 && c < 0x7f;
  return is_allowed_in_identifiers(c);
}

std::vector<SuspiciousText> suspicious_text(const CoreExpr& expr) {
  Reader reader;
  for (const CoreNode& node : expr.nodes) reader.node(node);
  return std::move(reader).take();
}

}  // namespace writ::cedar
