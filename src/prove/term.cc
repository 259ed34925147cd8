#include "prove/term.h"

#include <algorithm>
#include <limits>

namespace writ::prove {
namespace {

template <class Key, class Ids, class Order>
std::uint32_t intern(Key key, Ids& ids, Order& order) {
  const auto [at, is_new] = ids.emplace(std::move(key), static_cast<std::uint32_t>(order.size()));
  if (is_new) order.push_back(&at->first);
  return at->second;
}

std::string hex(std::uint64_t value, std::uint32_t digits) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string made = "#x";
  for (std::uint32_t i = digits; i-- > 0;) made += kDigits[(value >> (4 * i)) & 15];
  return made;
}

std::string binary(std::uint64_t value, std::uint32_t digits) {
  std::string made = "#b";
  for (std::uint32_t i = digits; i-- > 0;) made += (value >> i) & 1 ? '1' : '0';
  return made;
}

}  // namespace

Terms::Terms() {
  boolean_ = add(Sort{});
  string_ = add(Sort{Sort::Kind::kString, 0, 0, {}, {}});
  true_ = add(Term{});
  false_ = add(Term{TermOp::kFalse, 0, 0, {}, {}, {}});
}

TermId Terms::add(Term term) {
  return intern(std::move(term), term_ids_, terms_);
}
SortId Terms::add(Sort sort) {
  return intern(std::move(sort), sort_ids_, sorts_);
}

SortId Terms::bits(std::uint32_t width) {
  return add(Sort{Sort::Kind::kBits, width, 0, {}, {}});
}
SortId Terms::set(SortId element) {
  return add(Sort{Sort::Kind::kSet, 0, element, {}, {}});
}
SortId Terms::opaque(std::string_view name) {
  return add(Sort{Sort::Kind::kOpaque, 0, 0, std::string(name), {}});
}
SortId Terms::data(std::string_view name, std::vector<Constructor> constructors) {
  return add(Sort{Sort::Kind::kData, 0, 0, std::string(name), std::move(constructors)});
}
SortId Terms::option(SortId of) {
  return data("option", {{"none", {}}, {"some", {of}}});
}

TermId Terms::number(std::int64_t value) {
  return bits_of(64, static_cast<std::uint64_t>(value));
}
TermId Terms::bits_of(std::uint32_t width, std::uint64_t value) {
  const std::string text = width % 4 == 0 ? hex(value, width / 4) : binary(value, width);
  return add(Term{TermOp::kBits, bits(width), 0, {}, text, {}});
}
TermId Terms::bytes_of(const std::uint8_t* bytes, std::size_t count) {
  std::string text = "#x";
  for (std::size_t i = 0; i < count; ++i) text += hex(bytes[i], 2).substr(2);
  return add(
      Term{TermOp::kBits, bits(static_cast<std::uint32_t>(8 * count)), 0, {}, std::move(text), {}});
}
TermId Terms::text(std::string_view utf8) {
  return add(Term{TermOp::kString, string_, 0, {}, std::string(utf8), {}});
}
TermId Terms::thing(SortId sort, std::string_view name) {
  return add(Term{TermOp::kThing, sort, 0, {}, std::string(name), {}});
}
TermId Terms::apply(const Symbol& symbol, std::vector<TermId> args) {
  const SymbolId id = intern(symbol, symbol_ids_, symbols_);
  return add(Term{TermOp::kApply, symbol.result, id, std::move(args), {}, {}});
}

std::optional<std::int64_t> Terms::as_number(TermId term) const {
  const Term& it = *terms_[term];
  if (it.op != TermOp::kBits || sorts_[it.sort]->width != 64) return std::nullopt;
  return static_cast<std::int64_t>(std::stoull(it.text.substr(2), nullptr, 16));
}

// Constants, of which different ones are different values.
bool Terms::is_constant(TermId term) const {
  const Term& it = *terms_[term];
  switch (it.op) {
    case TermOp::kTrue:
    case TermOp::kFalse:
    case TermOp::kBits:
    case TermOp::kString:
    case TermOp::kThing:
      return true;
    case TermOp::kConstruct:
      return std::all_of(it.args.begin(), it.args.end(),
                         [&](TermId each) { return is_constant(each); });
    default:
      return false;
  }
}

TermId Terms::negation(TermId of) {
  if (of == true_) return false_;
  if (of == false_) return true_;
  if (terms_[of]->op == TermOp::kNot) return terms_[of]->args[0];
  return add(Term{TermOp::kNot, boolean_, 0, {of}, {}, {}});
}

TermId Terms::junction(TermOp op, const std::vector<TermId>& of) {
  const TermId neutral = op == TermOp::kAnd ? true_ : false_;
  const TermId final = op == TermOp::kAnd ? false_ : true_;
  std::vector<TermId> flat;
  for (const TermId each : of) {
    if (each == neutral) continue;
    if (terms_[each]->op == op) {
      flat.insert(flat.end(), terms_[each]->args.begin(), terms_[each]->args.end());
    } else {
      flat.push_back(each);
    }
  }
  std::sort(flat.begin(), flat.end());
  flat.erase(std::unique(flat.begin(), flat.end()), flat.end());
  for (const TermId each : flat) {
    if (each == final) return final;
    if (terms_[each]->op == TermOp::kNot &&
        std::binary_search(flat.begin(), flat.end(), terms_[each]->args[0])) {
      return final;
    }
  }
  if (flat.empty()) return neutral;
  if (flat.size() == 1) return flat.front();
  return add(Term{op, boolean_, 0, std::move(flat), {}, {}});
}
TermId Terms::all(const std::vector<TermId>& of) {
  return junction(TermOp::kAnd, of);
}
TermId Terms::any(const std::vector<TermId>& of) {
  return junction(TermOp::kOr, of);
}

TermId Terms::ite(TermId condition, TermId then, TermId otherwise) {
  if (condition == true_ || then == otherwise) return then;
  if (condition == false_) return otherwise;
  if (sort_of(then) == boolean_) {
    if (then == true_) return any({condition, otherwise});
    if (then == false_) return all({negation(condition), otherwise});
    if (otherwise == true_) return any({negation(condition), then});
    if (otherwise == false_) return all({condition, then});
  }
  return add(Term{TermOp::kIte, sort_of(then), 0, {condition, then, otherwise}, {}, {}});
}

TermId Terms::equal(TermId a, TermId b) {
  if (a == b) return true_;
  if (is_constant(a) && is_constant(b)) return false_;
  const Term& left = *terms_[a];
  const Term& right = *terms_[b];
  if (left.sort == boolean_) {
    if (a == true_) return b;
    if (b == true_) return a;
    if (a == false_) return negation(b);
    if (b == false_) return negation(a);
  }
  if (left.op == TermOp::kConstruct && right.op == TermOp::kConstruct) {
    if (left.index != right.index) return false_;
    std::vector<TermId> fields;
    for (std::size_t i = 0; i < left.args.size(); ++i) {
      fields.push_back(equal(left.args[i], right.args[i]));
    }
    return all(fields);
  }
  return add(Term{TermOp::kEqual, boolean_, 0, {std::min(a, b), std::max(a, b)}, {}, {}});
}

TermId Terms::bits_op(TermOp op, TermId a, TermId b) {
  const bool is_test = op == TermOp::kLess || op == TermOp::kLessEqual;
  const auto left = as_number(a);
  const auto right = as_number(b);
  if (left && right) {
    if (op == TermOp::kLess) return truth(*left < *right);
    if (op == TermOp::kLessEqual) return truth(*left <= *right);
    const auto x = static_cast<std::uint64_t>(*left);
    const auto y = static_cast<std::uint64_t>(*right);
    if (op == TermOp::kAdd) return bits_of(64, x + y);
    if (op == TermOp::kSubtract) return bits_of(64, x - y);
    if (op == TermOp::kMultiply) return bits_of(64, x * y);
  }
  if (a == b && is_test) return truth(op == TermOp::kLessEqual);
  return add(Term{op, is_test ? boolean_ : sort_of(a), 0, {a, b}, {}, {}});
}

TermId Terms::extend(TermOp op, TermId of, std::uint32_t by) {
  return add(Term{op, bits(sorts_[sort_of(of)]->width + by), by, {of}, {}, {}});
}

TermId Terms::construct(SortId sort, std::uint32_t constructor, std::vector<TermId> fields) {
  return add(Term{TermOp::kConstruct, sort, constructor, std::move(fields), {}, {}});
}

TermId Terms::is(std::uint32_t constructor, TermId of) {
  const Term& it = *terms_[of];
  if (it.op == TermOp::kConstruct) return truth(it.index == constructor);
  if (sorts_[it.sort]->constructors.size() == 1) return true_;
  if (it.op == TermOp::kIte) {
    return ite(it.args[0], is(constructor, it.args[1]), is(constructor, it.args[2]));
  }
  return add(Term{TermOp::kIs, boolean_, constructor, {of}, {}, {}});
}

TermId Terms::select(std::uint32_t constructor, std::uint32_t field, TermId of) {
  const Term& it = *terms_[of];
  const SortId sort = sorts_[it.sort]->constructors[constructor].fields[field];
  if (it.op == TermOp::kConstruct && it.index == constructor) return it.args[field];
  if (it.op == TermOp::kIte) {
    // Of a branch with another constructor any value will do, so that of the other branch.
    const auto is_other = [&](TermId branch) {
      return terms_[branch]->op == TermOp::kConstruct && terms_[branch]->index != constructor;
    };
    if (is_other(it.args[1])) return select(constructor, field, it.args[2]);
    if (is_other(it.args[2])) return select(constructor, field, it.args[1]);
    return ite(it.args[0], select(constructor, field, it.args[1]),
               select(constructor, field, it.args[2]));
  }
  return add(Term{TermOp::kSelect, sort, 256 * constructor + field, {of}, {}, {}});
}

TermId Terms::set_of(SortId set, std::vector<TermId> members) {
  std::sort(members.begin(), members.end());
  members.erase(std::unique(members.begin(), members.end()), members.end());
  return add(Term{TermOp::kSetOf, set, 0, std::move(members), {}, {}});
}

TermId Terms::member(TermId item, TermId set) {
  const Term& in = *terms_[set];
  if (in.op != TermOp::kSetOf) return add(Term{TermOp::kMember, boolean_, 0, {item, set}, {}, {}});
  std::vector<TermId> cases;
  for (const TermId each : in.args) cases.push_back(equal(item, each));
  return any(cases);
}

TermId Terms::subset(TermId a, TermId b) {
  const Term& left = *terms_[a];
  if (a == b) return true_;
  if (left.op != TermOp::kSetOf) return add(Term{TermOp::kSubset, boolean_, 0, {a, b}, {}, {}});
  std::vector<TermId> each;
  for (const TermId item : std::vector<TermId>(left.args)) each.push_back(member(item, b));
  return all(each);
}

TermId Terms::meet(TermId a, TermId b) {
  if (terms_[a]->op != TermOp::kSetOf) std::swap(a, b);
  if (terms_[a]->op != TermOp::kSetOf) {
    return add(Term{TermOp::kMeet, boolean_, 0, {std::min(a, b), std::max(a, b)}, {}, {}});
  }
  std::vector<TermId> each;
  for (const TermId item : std::vector<TermId>(terms_[a]->args)) each.push_back(member(item, b));
  return any(each);
}

TermId Terms::like(TermId text, const std::vector<std::string>& pieces) {
  const auto of = [&](TermOp op, const std::string& piece) {
    return add(Term{op, boolean_, 0, {text, this->text(piece)}, {}, {}});
  };
  if (pieces.size() == 1) return equal(text, this->text(pieces[0]));
  if (std::all_of(pieces.begin(), pieces.end(), [](const auto& p) { return p.empty(); })) {
    return true_;
  }
  if (pieces.size() == 2 && pieces[1].empty()) return of(TermOp::kHasPrefix, pieces[0]);
  if (pieces.size() == 2 && pieces[0].empty()) return of(TermOp::kHasSuffix, pieces[1]);
  if (pieces.size() == 3 && pieces[0].empty() && pieces[2].empty()) {
    return of(TermOp::kContains, pieces[1]);
  }
  return add(Term{TermOp::kLike, boolean_, 0, {text}, {}, pieces});
}

}  // namespace writ::prove
