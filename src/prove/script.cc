#include "prove/script.h"

#include <algorithm>
#include <set>

namespace writ::prove {
namespace {

class Printer {
 public:
  Printer(const Terms& terms, Dialect dialect) : terms_(terms), dialect_(dialect) {}

  std::string run(TermId claim, const std::vector<TermId>& asked) {
    std::vector<TermId> roots = asked;
    roots.push_back(claim);
    const std::vector<bool> used = parts_of(terms_, roots);
    made_ = "(set-option :produce-models true)\n(set-logic ALL)\n";
    declare_sorts(used);
    std::set<std::pair<SortId, TermId>> things;
    std::set<SymbolId> symbols;
    for (TermId term = 0; term < used.size(); ++term) {
      if (!used[term]) continue;
      const Term& it = terms_[term];
      if (it.op == TermOp::kThing) things.emplace(it.sort, term);
      if (it.op == TermOp::kApply) symbols.insert(it.index);
    }
    for (const auto& [sort, thing] : things) {
      made_ += "(declare-fun " + name(thing) + " () " + sort_text(sort) + ")\n";
    }
    for (const SymbolId each : symbols) declare(each);
    for (TermId term = 0; term < used.size(); ++term) {
      if (!used[term] || is_leaf(term)) continue;
      made_ += "(define-fun " + name(term) + " () " + sort_text(terms_[term].sort) + " ";
      define(term);
      made_ += ")\n";
    }
    tell_apart(things);
    made_ += "(assert " + text(claim) + ")\n(check-sat)\n";
    if (!asked.empty()) {
      made_ += "(get-value (";
      for (const TermId each : asked) made_ += text(each) + " ";
      made_ += "))\n";
    }
    return std::move(made_);
  }

 private:
  std::string name(TermId term) const {
    return (terms_[term].op == TermOp::kThing ? "k" : "t") + std::to_string(term);
  }
  static std::string constructor(SortId sort, std::uint32_t index) {
    return "c" + std::to_string(sort) + "_" + std::to_string(index);
  }
  static std::string selector(SortId sort, std::uint32_t index, std::uint32_t field) {
    return "s" + std::to_string(sort) + "_" + std::to_string(index) + "_" + std::to_string(field);
  }

  std::string sort_text(SortId sort) const {
    const Sort& it = terms_.sort(sort);
    switch (it.kind) {
      case Sort::Kind::kBool:
        return "Bool";
      case Sort::Kind::kBits:
        return "(_ BitVec " + std::to_string(it.width) + ")";
      case Sort::Kind::kString:
        return "String";
      case Sort::Kind::kSet:
        return "(Set " + sort_text(it.element) + ")";
      case Sort::Kind::kData:
        return "D" + std::to_string(sort);
      case Sort::Kind::kOpaque:
        return "E" + std::to_string(sort);
    }
    return "";
  }

  void use(SortId sort, std::set<SortId>& into) const {
    if (!into.insert(sort).second) return;
    const Sort& it = terms_.sort(sort);
    if (it.kind == Sort::Kind::kSet) use(it.element, into);
    for (const Constructor& each : it.constructors) {
      for (const SortId field : each.fields) use(field, into);
    }
  }

  // Ascending, so that what a datatype is made of stands before it.
  void declare_sorts(const std::vector<bool>& used) {
    std::set<SortId> sorts;
    for (TermId term = 0; term < used.size(); ++term) {
      if (!used[term]) continue;
      use(terms_[term].sort, sorts);
      if (terms_[term].op != TermOp::kApply) continue;
      for (const SortId arg : terms_.symbol(terms_[term].index).args) use(arg, sorts);
    }
    for (const SortId sort : sorts) {
      const Sort& it = terms_.sort(sort);
      if (it.kind == Sort::Kind::kOpaque) made_ += "(declare-sort " + sort_text(sort) + " 0)\n";
      if (it.kind != Sort::Kind::kData) continue;
      made_ += "(declare-datatypes ((" + sort_text(sort) + " 0)) ((";
      for (std::uint32_t i = 0; i < it.constructors.size(); ++i) {
        made_ += "(" + constructor(sort, i);
        const auto& fields = it.constructors[i].fields;
        for (std::uint32_t f = 0; f < fields.size(); ++f) {
          made_ += " (" + selector(sort, i, f) + " " + sort_text(fields[f]) + ")";
        }
        made_ += ")";
      }
      made_ += ")))\n";
    }
  }

  void declare(SymbolId symbol) {
    const Symbol& it = terms_.symbol(symbol);
    made_ += "(declare-fun f" + std::to_string(symbol) + " (";
    for (const SortId arg : it.args) made_ += sort_text(arg) + " ";
    made_ += ") " + sort_text(it.result) + ")\n";
  }

  void tell_apart(const std::set<std::pair<SortId, TermId>>& things) {
    for (auto at = things.begin(); at != things.end();) {
      const auto end =
          std::find_if(at, things.end(), [&](const auto& each) { return each.first != at->first; });
      if (std::distance(at, end) > 1) {
        made_ += "(assert (distinct";
        for (auto each = at; each != end; ++each) made_ += " " + name(each->second);
        made_ += "))\n";
      }
      at = end;
    }
  }

  bool is_leaf(TermId term) const {
    switch (terms_[term].op) {
      case TermOp::kTrue:
      case TermOp::kFalse:
      case TermOp::kBits:
      case TermOp::kString:
      case TermOp::kThing:
        return true;
      default:
        return terms_[term].args.empty() && terms_[term].op != TermOp::kSetOf;
    }
  }

  // As it stands in another term.
  std::string text(TermId term) const {
    if (!is_leaf(term)) return name(term);
    const Term& it = terms_[term];
    switch (it.op) {
      case TermOp::kTrue:
        return "true";
      case TermOp::kFalse:
        return "false";
      case TermOp::kBits:
        return it.text;
      case TermOp::kString:
        return quoted(it.text);
      case TermOp::kApply:
        return "f" + std::to_string(it.index);
      case TermOp::kConstruct:
        return constructor(it.sort, it.index);
      default:
        return name(term);
    }
  }

  // Everything but plain characters as \u{…}. The text is UTF-8.
  static std::string quoted(std::string_view utf8) {
    constexpr std::string_view kHex = "0123456789abcdef";
    std::string made = "\"";
    for (std::size_t i = 0; i < utf8.size();) {
      const auto lead = static_cast<std::uint8_t>(utf8[i]);
      const std::size_t size = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
      std::uint32_t point = size == 1 ? lead : lead & (0xffU >> (size + 1));
      for (std::size_t k = 1; k < size && i + k < utf8.size(); ++k) {
        point = point << 6 | (static_cast<std::uint8_t>(utf8[i + k]) & 0x3fU);
      }
      i += size;
      if (point >= ' ' && point <= '~' && point != '"' && point != '\\') {
        made += static_cast<char>(point);
        continue;
      }
      std::string digits;
      do {
        digits.insert(digits.begin(), kHex[point & 15]);
        point >>= 4;
      } while (point != 0);
      made += "\\u{" + digits + "}";
    }
    return made + "\"";
  }

  void call(std::string_view function, const std::vector<TermId>& args) {
    made_ += "(";
    made_ += function;
    for (const TermId arg : args) made_ += " " + text(arg);
    made_ += ")";
  }

  std::string empty_set(SortId set) const {
    return dialect_ == Dialect::kCvc5 ? "(as set.empty " + sort_text(set) + ")"
                                      : "((as const " + sort_text(set) + ") false)";
  }

  void define(TermId term) {
    const Term& it = terms_[term];
    const bool cvc5 = dialect_ == Dialect::kCvc5;
    switch (it.op) {
      case TermOp::kApply:
        return call("f" + std::to_string(it.index), it.args);
      case TermOp::kNot:
        return call("not", it.args);
      case TermOp::kAnd:
        return call("and", it.args);
      case TermOp::kOr:
        return call("or", it.args);
      case TermOp::kIte:
        return call("ite", it.args);
      case TermOp::kEqual:
        return call("=", it.args);
      case TermOp::kAdd:
        return call("bvadd", it.args);
      case TermOp::kSubtract:
        return call("bvsub", it.args);
      case TermOp::kMultiply:
        return call("bvmul", it.args);
      case TermOp::kLess:
        return call("bvslt", it.args);
      case TermOp::kLessEqual:
        return call("bvsle", it.args);
      case TermOp::kShiftRight:
        return call("bvlshr", it.args);
      case TermOp::kXor:
        return call("bvxor", it.args);
      case TermOp::kSignExtend:
        return call("(_ sign_extend " + std::to_string(it.index) + ")", it.args);
      case TermOp::kZeroExtend:
        return call("(_ zero_extend " + std::to_string(it.index) + ")", it.args);
      case TermOp::kConstruct:
        return call(constructor(it.sort, it.index), it.args);
      case TermOp::kIs:
        return call("(_ is " + constructor(terms_.sort_of(it.args[0]), it.index) + ")", it.args);
      case TermOp::kSelect:
        return call(selector(terms_.sort_of(it.args[0]), it.index / 256, it.index % 256), it.args);
      case TermOp::kSetOf:
        return set_of(it);
      case TermOp::kMember:
        if (cvc5) return call("set.member", it.args);
        return call("select", {it.args[1], it.args[0]});
      case TermOp::kSubset:
        return call(cvc5 ? "set.subset" : "subset", it.args);
      case TermOp::kMeet:
        made_ += "(not (= ";
        call(cvc5 ? "set.inter" : "intersection", it.args);
        made_ += " " + empty_set(terms_.sort_of(it.args[0])) + "))";
        return;
      case TermOp::kHasPrefix:
        return call("str.prefixof", {it.args[1], it.args[0]});
      case TermOp::kHasSuffix:
        return call("str.suffixof", {it.args[1], it.args[0]});
      case TermOp::kContains:
        return call("str.contains", it.args);
      case TermOp::kLike:
        made_ += "(str.in_re " + text(it.args[0]) + " (re.++";
        for (std::size_t i = 0; i < it.pieces.size(); ++i) {
          made_ += (i > 0 ? " re.all (str.to_re " : " (str.to_re ") + quoted(it.pieces[i]) + ")";
        }
        made_ += "))";
        return;
      default:
        made_ += text(term);
    }
  }

  void set_of(const Term& it) {
    if (it.args.empty()) {
      made_ += empty_set(it.sort);
      return;
    }
    if (dialect_ == Dialect::kCvc5) {
      made_ += "(set.insert";
      for (const TermId member : it.args) made_ += " " + text(member);
      made_ += " " + empty_set(it.sort) + ")";
      return;
    }
    for (std::size_t i = 0; i < it.args.size(); ++i) made_ += "(store ";
    made_ += empty_set(it.sort);
    for (const TermId member : it.args) made_ += " " + text(member) + " true)";
  }

  const Terms& terms_;
  Dialect dialect_;
  std::string made_;
};

}  // namespace

std::vector<bool> parts_of(const Terms& terms, const std::vector<TermId>& roots) {
  std::vector<bool> used(terms.size());
  for (const TermId root : roots) used[root] = true;
  for (std::size_t term = used.size(); term-- > 0;) {
    if (!used[term]) continue;
    for (const TermId arg : terms[static_cast<TermId>(term)].args) used[arg] = true;
  }
  return used;
}

std::string script(const Terms& terms, TermId claim, const std::vector<TermId>& asked,
                   Dialect dialect) {
  return Printer(terms, dialect).run(claim, asked);
}

}  // namespace writ::prove
