#include "prove/world.h"

#include <algorithm>
#include <limits>

#include "prove/script.h"

namespace writ::prove {
namespace {

using cedar::Type;
using Kind = Type::Kind;

// The name of a record's constructor tells records with the same fields under other names apart.
std::string constructor_name(const cedar::AttributeTypes& attributes) {
  std::string made;
  for (const auto& [name, attribute] : attributes) {
    made += std::to_string(name.size()) + ":" + name + (attribute.required ? " " : "? ");
  }
  return made;
}

// The characters of UTF-8; empty when it is none.
bool fits_solver(std::string_view utf8) {
  for (std::size_t i = 0; i < utf8.size();) {
    const auto lead = static_cast<std::uint8_t>(utf8[i]);
    const std::size_t size = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    if (i + size > utf8.size()) return false;
    std::uint32_t point = size == 1 ? lead : lead & (0xffU >> (size + 1));
    for (std::size_t k = 1; k < size; ++k) {
      point = point << 6 | (static_cast<std::uint8_t>(utf8[i + k]) & 0x3fU);
    }
    if (point > 0x2ffff) return false;
    i += size;
  }
  return true;
}

}  // namespace

World::World(const cedar::Schema& schema, cedar::Environment environment, Store store)
    : schema_(schema), environment_(std::move(environment)), store_(store) {}

SortId World::entity_sort(std::string_view type) {
  std::vector<Constructor> choices;
  if (cedar::is_action_type(type)) {
    for (const auto& [uid, action] : schema_.actions()) {
      if (uid.type() == type) choices.push_back({std::string(uid.id()), {}});
    }
  } else if (const auto* declared = schema_.entity_type(type);
             declared != nullptr && declared->enumerated) {
    for (const std::string& id : declared->choices) choices.push_back({id, {}});
  }
  return choices.empty() ? terms_.opaque(type) : terms_.data(type, std::move(choices));
}

SortId World::ip_sort() {
  // Without a shorter prefix it is the address alone, so that each range has one form.
  return terms_.data("ip", {{"v4", {terms_.bits(32), terms_.option(terms_.bits(5))}},
                            {"v6", {terms_.bits(128), terms_.option(terms_.bits(7))}}});
}

Result<SortId> World::sort_of(const Type& type) {
  switch (type.kind) {
    case Kind::kTrue:
    case Kind::kFalse:
    case Kind::kBool:
      return terms_.boolean();
    case Kind::kLong:
      return terms_.bits(64);
    case Kind::kString:
      return terms_.string();
    case Kind::kExtension:
      return type.extension == cedar::Extension::kIpaddr ? ip_sort() : terms_.bits(64);
    case Kind::kSet: {
      if (type.element == nullptr) break;
      TRY(element, sort_of(*type.element));
      return terms_.set(element);
    }
    case Kind::kRecord: {
      if (type.open) break;
      Constructor made{constructor_name(type.attributes), {}};
      for (const auto& [name, attribute] : type.attributes) {
        TRY(field, sort_of(*attribute.type));
        made.fields.push_back(attribute.required ? field : terms_.option(field));
      }
      return terms_.data("record", {std::move(made)});
    }
    case Kind::kEntity:
      if (type.entities.size() != 1) break;
      return entity_sort(type.entities.front());
    case Kind::kNever:
      break;
  }
  return fail(Code::kInvalid, "a value of type " + print(type) + " cannot be part of a proof");
}

Result<TermId> World::text(std::string_view utf8) {
  if (!fits_solver(utf8)) {
    return fail(Code::kInvalid,
                "a character above U+2FFFF cannot be part of a proof: solvers have none");
  }
  return terms_.text(utf8);
}

TermId World::ip(const cedar::IpRange& range) {
  const std::uint32_t width = range.v6 ? 128 : 32;
  const SortId sort = ip_sort();
  const std::uint32_t prefix_bits = range.v6 ? 7 : 5;
  const TermId prefix = range.prefix == width
                            ? terms_.none(terms_.option(terms_.bits(prefix_bits)))
                            : terms_.some(terms_.bits_of(prefix_bits, range.prefix));
  return terms_.construct(sort, range.v6 ? 1 : 0,
                          {terms_.bytes_of(range.bytes.data(), width / 8), prefix});
}

Result<TermId> World::entity(const cedar::EntityUid& uid) {
  const SortId sort = entity_sort(uid.type());
  const Sort& its = terms_.sort(sort);
  TermId made = 0;
  if (its.kind == Sort::Kind::kOpaque) {
    made = terms_.thing(sort, uid.id());
  } else {
    const auto at = std::find_if(its.constructors.begin(), its.constructors.end(),
                                 [&](const Constructor& each) { return each.name == uid.id(); });
    if (at == its.constructors.end()) {
      return fail(Code::kInvalid, "the schema has no " + uid.print());
    }
    made = terms_.construct(sort, static_cast<std::uint32_t>(at - its.constructors.begin()));
  }
  if (!cedar::is_action_type(uid.type())) named_.emplace(std::string(uid.type()), made);
  return made;
}

Result<TermId> World::constant(cedar::ValueView value, const Type& type) {
  using Of = cedar::Kind;
  switch (value.kind()) {
    case Of::kBool:
      return terms_.truth(value.boolean());
    case Of::kInt:
    case Of::kDecimal:
    case Of::kDatetime:
    case Of::kDuration:
      return terms_.number(value.integer());
    case Of::kString:
      return text(value.string());
    case Of::kEntity:
      return entity(cedar::EntityUid(value.entity()));
    case Of::kIp:
      return ip(value.ip());
    case Of::kSet: {
      TRY(sort, sort_of(type));
      std::vector<TermId> members;
      for (const cedar::Value& each : value.items()) {
        TRY(member, constant(each, *type.element));
        members.push_back(member);
      }
      return terms_.set_of(sort, std::move(members));
    }
    case Of::kRecord: {
      TRY(sort, sort_of(type));
      std::vector<TermId> fields;
      for (const auto& [name, attribute] : type.attributes) {
        const cedar::ValueView its = value.find(name);
        if (its.is(Of::kNone)) {
          TRY(inner, sort_of(*attribute.type));
          fields.push_back(terms_.none(terms_.option(inner)));
          continue;
        }
        TRY(field, constant(its, *attribute.type));
        fields.push_back(attribute.required ? field : terms_.some(field));
      }
      return terms_.construct(sort, 0, std::move(fields));
    }
    case Of::kNone:
      break;
  }
  return fail(Code::kInternal, "a constant without a value");
}

TermId World::principal() {
  const TermId made = terms_.apply({"principal", {}, entity_sort(environment_.principal)});
  named_.emplace(environment_.principal, made);
  return made;
}
TermId World::resource() {
  const TermId made = terms_.apply({"resource", {}, entity_sort(environment_.resource)});
  named_.emplace(environment_.resource, made);
  return made;
}

Result<TermId> World::context() {
  const Type& type = *schema_.action(environment_.action)->context;
  TRY(sort, sort_of(type));
  const std::vector<SortId> sorts = terms_.sort(sort).constructors.front().fields;
  std::vector<TermId> fields;
  std::size_t i = 0;
  for (const auto& [name, attribute] : type.attributes) {
    fields.push_back(terms_.apply({"context." + name, {}, sorts[i++]}));
  }
  return terms_.construct(sort, 0, std::move(fields));
}

Result<TermId> World::attribute(TermId entity, const std::string& type, const std::string& name) {
  const auto& attributes = schema_.entity_type(type)->attributes->attributes;
  const auto at = attributes.find(name);
  if (at == attributes.end()) return fail(Code::kInternal, type + " has no attribute " + name);
  TRY(sort, sort_of(*at->second.type));
  const TermId value = terms_.apply({type + "." + name,
                                     {terms_.sort_of(entity)},
                                     at->second.required ? sort : terms_.option(sort)},
                                    {entity});
  reads_.insert({Read::Kind::kAttribute, entity, type, name, 0, value});
  named_.emplace(type, entity);
  return value;
}

Result<TermId> World::tag(TermId entity, const std::string& type, TermId key) {
  TRY(sort, sort_of(*schema_.entity_type(type)->tags));
  const TermId value =
      terms_.apply({type + " tag", {terms_.sort_of(entity), terms_.string()}, terms_.option(sort)},
                   {entity, key});
  reads_.insert({Read::Kind::kTag, entity, type, {}, key, value});
  named_.emplace(type, entity);
  return value;
}

TermId World::ancestors(TermId entity, const std::string& type, const std::string& above) {
  const TermId value = terms_.apply(
      {type + " in " + above, {terms_.sort_of(entity)}, terms_.set(entity_sort(above))}, {entity});
  reads_.insert({Read::Kind::kAncestors, entity, type, above, 0, value});
  named_.emplace(type, entity);
  return value;
}

TermId World::exists(TermId entity, const std::string& type) {
  if (store_ == Store::kComplete) return terms_.truth(true);
  const TermId value =
      terms_.apply({type + " exists", {terms_.sort_of(entity)}, terms_.boolean()}, {entity});
  reads_.insert({Read::Kind::kExists, entity, type, {}, 0, value});
  named_.emplace(type, entity);
  return value;
}

// Solvers are slow at division, and fast at the multiplication that it undoes.
World::Division World::divide(TermId number, std::int64_t by) {
  const SortId sort = terms_.bits(64);
  const std::string name = " of division by " + std::to_string(by);
  const Division made{terms_.apply({"quotient" + name, {sort}, sort}, {number}),
                      terms_.apply({"rest" + name, {sort}, sort}, {number})};
  const auto at_most = [&](TermId a, TermId b) { return terms_.bits_op(TermOp::kLessEqual, a, b); };
  const auto is_negative = [&](TermId of) {
    return terms_.bits_op(TermOp::kLess, of, terms_.number(0));
  };
  const TermId product = terms_.bits_op(TermOp::kMultiply, made.quotient, terms_.number(by));
  // The bounds and the sign exclude what is right only modulo 2^64.
  divisions_[{made.quotient, made.rest}] = terms_.all(
      {terms_.equal(number, terms_.bits_op(TermOp::kAdd, product, made.rest)),
       at_most(terms_.number(0), made.rest), at_most(made.rest, terms_.number(by - 1)),
       at_most(terms_.number(std::numeric_limits<std::int64_t>::min() / by - 1), made.quotient),
       at_most(made.quotient, terms_.number(std::numeric_limits<std::int64_t>::max() / by)),
       terms_.equal(is_negative(number), is_negative(made.quotient))});
  return made;
}

TermId World::unknown(const std::string& name) {
  const TermId made = terms_.apply({name, {}, terms_.bits(64)});
  unknowns_.emplace(name, made);
  return made;
}

// Only entities whose ancestors are read count: those of others can be none. Which types' ancestors
// are looked at is closed under composition, so that no chain is overlooked.
TermId World::assumptions(TermId formula) {
  std::vector<TermId> all = premises_;
  all.push_back(formula);
  const std::vector<bool> matters = parts_of(terms_, all);
  all.pop_back();
  // What is divided is part of the quotient and rest, and so are divisions in it.
  for (const auto& [terms, is_right] : divisions_) {
    if (matters[terms.first] || matters[terms.second]) all.push_back(is_right);
  }
  std::set<std::pair<std::string, std::string>> below;  // type, type of ancestors
  std::set<std::pair<std::string, TermId>> entities;
  for (const Read& read : reads_) {
    if (read.kind != Read::Kind::kAncestors || !matters[read.value]) continue;
    below.emplace(read.type, read.name);
    entities.emplace(read.type, read.entity);
  }
  for (bool grew = true; grew;) {
    const auto before = below.size();
    for (const auto& [a, b] : std::vector(below.begin(), below.end())) {
      for (const auto& [c, d] : std::vector(below.begin(), below.end())) {
        if (b == c) below.emplace(a, d);
      }
    }
    grew = below.size() > before;
  }
  for (const auto& [type, entity] : entities) {
    if (below.contains({type, type})) {
      all.push_back(terms_.negation(terms_.member(entity, ancestors(entity, type, type))));
    }
    for (const auto& [other, above] : entities) {
      if (!below.contains({type, other})) continue;
      const TermId is_in = terms_.member(above, ancestors(entity, type, other));
      std::vector<TermId> holds;
      for (const auto& [from, to] : below) {
        if (from != other) continue;
        holds.push_back(terms_.subset(ancestors(above, other, to), ancestors(entity, type, to)));
      }
      all.push_back(terms_.implies(is_in, terms_.all(holds)));
    }
  }
  return terms_.all(all);
}

}  // namespace writ::prove
