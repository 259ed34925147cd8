#include "prove/counterexample.h"

#include <algorithm>
#include <set>

#include "cedar/extension.h"
#include "cedar/validate.h"
#include "prove/model.h"
#include "prove/script.h"

namespace writ::prove {
namespace {

using cedar::EntityUid;
using cedar::Type;
using cedar::Value;
using Kind = Type::Kind;

struct Parts {
  std::map<std::string, Value> attributes;
  std::map<std::string, Value> tags;
  std::set<EntityUid> ancestors;
};

class Decoder {
 public:
  Decoder(World& world, std::map<TermId, ModelValue> values)
      : world_(world), terms_(world.terms()), values_(std::move(values)) {}

  Result<Counterexample> run() {
    name_things();
    const auto& environment = world_.environment();
    TRY(principal, uid(environment.principal, world_.principal()));
    TRY(resource, uid(environment.resource, world_.resource()));
    TRY(context, context_value());
    Counterexample made{
        {principal, environment.action, resource, context}, {}, {}, context_read_, {}};
    for (const auto& [name, term] : world_.unknowns()) {
      const auto found = values_.find(term);
      if (found != values_.end()) made.unknowns.emplace(name, number_of(found->second));
    }
    for (const auto& [type, term] : world_.named()) {
      // That it exists can be all that matters, which a formula then does not say.
      if (world_.store() == Store::kComplete && terms_[term].op == TermOp::kThing) {
        mention({type, terms_[term].text});
      }
      if (!values_.contains(term)) continue;
      TRY(named, uid(type, term));
      mention(named);
    }
    CHECK_OK(read_entities());
    mention(principal);
    mention(resource);
    mention(context);
    complete();
    for (const auto& [entity_uid, parts] : entities_) {
      if (missing_.contains(entity_uid)) continue;
      made.entities.emplace(entity_uid, entity(entity_uid, parts));
    }
    made.attributes_read = std::move(attributes_read_);
    for (const auto& [action, declared] : world_.schema().actions()) {
      made.entities.emplace(
          action,
          cedar::Entity{action, Value::record(), Value::record(),
                        cedar::UidSet({declared.ancestors.begin(), declared.ancestors.end()})});
    }
    return made;
  }

 private:
  Result<const ModelValue*> at(TermId term) const {
    const auto found = values_.find(term);
    if (found == values_.end()) return fail(Code::kInternal, "a value was not asked for");
    return &found->second;
  }

  // ---- Names of entities ----

  void name_things() {
    for (const auto& [type, term] : world_.named()) {
      if (terms_[term].op == TermOp::kThing) taken_.emplace(terms_[term].sort, terms_[term].text);
    }
    for (const auto& [term, value] : values_) {
      const Term& it = terms_[term];
      if (it.op != TermOp::kThing) continue;
      names_[{it.sort, value.atom}] = it.text;
    }
  }
  // As policies name it, or a new name after its type.
  EntityUid uid(const std::string& type, const ModelValue& value) {
    const SortId sort = world_.entity_sort(type);
    const Sort& its = terms_.sort(sort);
    if (its.kind == Sort::Kind::kData) {
      return {type, its.constructors[value.constructor].name};
    }
    const auto [named, is_new] = names_.try_emplace({sort, value.atom});
    if (is_new) named->second = fresh(type, sort);
    return {type, named->second};
  }
  Result<EntityUid> uid(const std::string& type, TermId term) {
    TRY(value, at(term));
    return uid(type, *value);
  }
  std::string fresh(const std::string& type, SortId sort) {
    const std::size_t colon = type.rfind(':');
    std::string stem = type.substr(colon == std::string::npos ? 0 : colon + 1);
    for (char& c : stem) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    for (int i = 1;; ++i) {
      std::string name = stem + std::to_string(i);
      if (taken_.emplace(sort, name).second) return name;
    }
  }

  // ---- Values ----

  Result<Value> value(const ModelValue& of, const Type& type) {
    switch (type.kind) {
      case Kind::kTrue:
      case Kind::kFalse:
      case Kind::kBool:
        return Value::boolean(of.is_true());
      case Kind::kLong:
        return Value::integer(number_of(of));
      case Kind::kString:
        return Value::string(of.atom);
      case Kind::kExtension:
        return extension(of, type.extension);
      case Kind::kEntity:
        return Value::entity(uid(type.entities.front(), of));
      case Kind::kSet: {
        std::vector<Value> items;
        for (const ModelValue& each : of.parts) {
          TRY(item, value(each, *type.element));
          items.push_back(std::move(item));
        }
        return Value::set(std::move(items));
      }
      case Kind::kRecord: {
        std::vector<cedar::Field> fields;
        std::size_t i = 0;
        for (const auto& [name, attribute] : type.attributes) {
          TRY(field, optional(of.parts.at(i++), attribute));
          if (field) fields.emplace_back(name, std::move(*field));
        }
        return Value::record(std::move(fields));
      }
      case Kind::kNever:
        break;
    }
    return fail(Code::kInternal, "a value without a type");
  }
  // Of an attribute; empty when the optional one is not there.
  Result<std::optional<Value>> optional(const ModelValue& of, const cedar::AttributeType& type) {
    if (!type.required && of.constructor == 0) return std::optional<Value>();
    TRY(made, value(type.required ? of : of.parts.at(0), *type.type));
    return std::optional<Value>(std::move(made));
  }

  static Value extension(const ModelValue& of, cedar::Extension extension) {
    switch (extension) {
      case cedar::Extension::kDecimal:
        return Value::decimal(number_of(of));
      case cedar::Extension::kDatetime:
        return Value::datetime(number_of(of));
      case cedar::Extension::kDuration:
        return Value::duration(number_of(of));
      case cedar::Extension::kIpaddr:
        break;
    }
    cedar::IpRange range;
    range.v6 = of.constructor == 1;
    const std::string& bits = of.parts.at(0).atom;
    for (std::size_t i = 0; i < bits.size(); ++i) {
      range.bytes.at(i / 8) = static_cast<std::uint8_t>(range.bytes.at(i / 8) << 1 | (bits[i] & 1));
    }
    const ModelValue& prefix = of.parts.at(1);
    range.prefix = prefix.constructor == 0
                       ? (range.v6 ? 128 : 32)
                       : static_cast<std::uint8_t>(number_of(prefix.parts.at(0)));
    return Value::ip(range);
  }

  Result<Value> context_value() {
    const Type& type = *world_.schema().action(world_.environment().action)->context;
    TRY(whole, world_.context());
    std::vector<cedar::Field> fields;
    std::size_t i = 0;
    for (const auto& [name, attribute] : type.attributes) {
      const auto found = values_.find(terms_[whole].args[i++]);
      if (found == values_.end()) {
        if (attribute.required) fields.emplace_back(name, plain(*attribute.type));
        continue;
      }
      context_read_.insert(name);
      TRY(field, optional(found->second, attribute));
      if (field) fields.emplace_back(name, std::move(*field));
    }
    return Value::record(std::move(fields));
  }

  // ---- Entities ----

  Status read_entities() {
    for (const Read& read : world_.reads()) {
      if (!values_.contains(read.value) || !values_.contains(read.entity)) continue;
      TRY(of, uid(read.type, read.entity));
      mention(of);
      TRY(its, at(read.value));
      Parts& parts = entities_[of];
      const cedar::Schema::EntityType& type = *world_.schema().entity_type(read.type);
      switch (read.kind) {
        case Read::Kind::kExists:
          if (!its->is_true()) missing_.insert(of);
          break;
        case Read::Kind::kAttribute: {
          TRY(made, optional(*its, type.attributes->attributes.find(read.name)->second));
          if (made) {
            attributes_read_[of].insert(read.name);
            mention(*made);
            entities_[of].attributes.emplace(read.name, std::move(*made));
          }
          break;
        }
        case Read::Kind::kTag: {
          if (its->constructor == 0) break;
          TRY(key, at(read.key));
          TRY(made, value(its->parts.at(0), *type.tags));
          mention(made);
          entities_[of].tags.emplace(key->atom, std::move(made));
          break;
        }
        case Read::Kind::kAncestors:
          for (const ModelValue& each : its->parts) {
            const EntityUid above = uid(read.name, each);
            parts.ancestors.insert(above);
          }
          break;
      }
    }
    for (const auto& [each, parts] : std::map(entities_)) {
      for (const EntityUid& above : parts.ancestors) mention(above);
    }
    return {};
  }

  void mention(const EntityUid& each) {
    if (cedar::is_action_type(each.type())) return;
    entities_.emplace(each, Parts{});
  }
  void mention(cedar::ValueView value) {
    if (value.is(cedar::Kind::kEntity)) return mention(EntityUid(value.entity()));
    if (value.is(cedar::Kind::kSet)) {
      for (const Value& each : value.items()) mention(each.view());
    } else if (value.is(cedar::Kind::kRecord)) {
      for (const cedar::Field& each : value.fields()) mention(each.second.view());
    }
  }
  void mention(const Value& value) { mention(value.view()); }

  // Required attributes that nothing reads get a plain value, and ancestors those above them.
  void complete() {
    for (bool grew = true; grew;) {
      const std::size_t before = entities_.size();
      for (const auto& [each, parts] : std::map(entities_)) {
        const auto* type = world_.schema().entity_type(each.type());
        if (type == nullptr) continue;
        for (const auto& [name, attribute] : type->attributes->attributes) {
          if (!attribute.required || parts.attributes.contains(name)) continue;
          Value made = plain(*attribute.type);
          mention(made);
          entities_[each].attributes.emplace(name, std::move(made));
        }
      }
      grew = entities_.size() > before;
    }
    for (bool grew = true; grew;) {
      grew = false;
      for (auto& [each, parts] : entities_) {
        const std::size_t before = parts.ancestors.size();
        for (const EntityUid& above : std::set(parts.ancestors)) {
          const auto at = entities_.find(above);
          if (at == entities_.end() || missing_.contains(above)) continue;
          parts.ancestors.insert(at->second.ancestors.begin(), at->second.ancestors.end());
        }
        grew = grew || parts.ancestors.size() > before;
      }
    }
  }

  Value plain(const Type& type) {
    switch (type.kind) {
      case Kind::kTrue:
        return Value::boolean(true);
      case Kind::kLong:
        return Value::integer(0);
      case Kind::kString:
        return Value::string("");
      case Kind::kExtension:
        if (type.extension == cedar::Extension::kIpaddr) {
          return Value::ip(*cedar::parse_ip("0.0.0.0"));
        }
        return extension(ModelValue{"0", 0, {}}, type.extension);
      case Kind::kSet:
        return Value::set({});
      case Kind::kRecord: {
        std::vector<cedar::Field> fields;
        for (const auto& [name, attribute] : type.attributes) {
          if (attribute.required) fields.emplace_back(name, plain(*attribute.type));
        }
        return Value::record(std::move(fields));
      }
      case Kind::kEntity:
        return Value::entity(plain_entity(type.entities.front()));
      default:
        return Value::boolean(false);
    }
  }
  EntityUid plain_entity(const std::string& type) {
    const SortId sort = world_.entity_sort(type);
    const Sort& its = terms_.sort(sort);
    if (its.kind == Sort::Kind::kData) return {type, its.constructors.front().name};
    std::string& name = plain_names_[type];
    if (name.empty()) name = fresh(type, sort);
    return {type, name};
  }

  static Value record(const std::map<std::string, Value>& of) {
    std::vector<cedar::Field> fields;
    for (const auto& [name, value] : of) fields.emplace_back(name, value);
    return Value::record(std::move(fields));
  }
  static cedar::Entity entity(const EntityUid& uid, const Parts& parts) {
    return {uid, record(parts.attributes), record(parts.tags),
            cedar::UidSet({parts.ancestors.begin(), parts.ancestors.end()})};
  }

  World& world_;
  Terms& terms_;
  std::map<TermId, ModelValue> values_;
  std::map<std::pair<SortId, std::string>, std::string> names_;  // by the solver's name
  std::set<std::pair<SortId, std::string>> taken_;
  std::map<std::string, std::string> plain_names_;  // by type
  std::map<EntityUid, Parts> entities_;
  std::set<EntityUid> missing_;
  std::set<std::string, std::less<>> context_read_;
  std::map<EntityUid, std::set<std::string, std::less<>>> attributes_read_;
};

// A record's members of these names.
Value only(cedar::ValueView record, const std::set<std::string, std::less<>>& names) {
  std::vector<cedar::Field> fields;
  for (const cedar::Field& each : record.fields()) {
    if (names.contains(each.first.view())) fields.push_back(each);
  }
  return Value::record(std::move(fields));
}

}  // namespace

std::vector<TermId> questions(World& world, TermId claim) {
  const Terms& terms = world.terms();
  // The model needs no values of what the claim does not speak of.
  std::vector<bool> matters = parts_of(terms, {claim});
  std::set<TermId> asked{world.principal(), world.resource()};
  matters.resize(terms.size());
  if (const Result<TermId> context = world.context()) {
    for (const TermId field : terms[*context].args) {
      if (field < matters.size() && matters[field]) asked.insert(field);
    }
  }
  for (const auto& [name, term] : world.unknowns()) {
    if (matters[term]) asked.insert(term);
  }
  for (const Read& read : world.reads()) {
    if (!matters[read.value]) continue;
    asked.insert(read.value);
    asked.insert(read.entity);
    if (read.kind == Read::Kind::kTag) asked.insert(read.key);
  }
  for (const auto& [type, term] : world.named()) {
    if (matters[term]) asked.insert(term);
  }
  return {asked.begin(), asked.end()};
}

Result<Counterexample> decode(World& world, const std::vector<TermId>& questions,
                              const std::string& values) {
  TRY(read, parse_sexprs(values));
  if (read.size() != 1 || read[0].items.size() != questions.size()) {
    return fail(Code::kCorrupt,
                "the solver's model is not what was asked for: " + values.substr(0, 200));
  }
  std::map<TermId, ModelValue> model;
  for (std::size_t i = 0; i < questions.size(); ++i) {
    const Sexpr& pair = read[0].items[i];
    if (pair.items.size() != 2) return fail(Code::kCorrupt, "the solver's model is malformed");
    TRY(value, read_value(world.terms(), world.terms().sort_of(questions[i]), pair.items[1]));
    model.emplace(questions[i], std::move(value));
  }
  TRY(made, Decoder(world, std::move(model)).run());
  CHECK_OK(validate(world.schema(), made.request));
  for (const auto& [uid, entity] : made.entities) {
    CHECK_OK(validate(world.schema(), entity));
  }
  return made;
}

Json to_json(const Counterexample& of) {
  Json request = Json::object({{"principal", of.request.principal.print()},
                               {"action", of.request.action.print()},
                               {"resource", of.request.resource.print()}});
  request.set("context", to_json(of.request.context.view()));
  Json entities = Json::array();
  for (const auto& [uid, entity] : of.entities) {
    if (cedar::is_action_type(uid.type())) continue;
    Json parents = Json::array();
    for (const EntityUid& above : entity.ancestors) parents.push(to_json(above));
    Json one = Json::object({{"uid", to_json(uid)}});
    one.set("attrs", to_json(entity.attrs.view()));
    one.set("parents", std::move(parents));
    if (!entity.tags.view().fields().empty()) one.set("tags", to_json(entity.tags.view()));
    entities.push(std::move(one));
  }
  Json made = Json::object({});
  for (const auto& [name, value] : of.unknowns) request.set(name, Json(value));
  made.set("request", std::move(request));
  made.set("entities", std::move(entities));
  return made;
}

std::string describe(const Counterexample& of) {
  std::string made = "principal  " + of.request.principal.print() + "\naction     " +
                     of.request.action.print() + "\nresource   " + of.request.resource.print() +
                     "\ncontext    " +
                     print(only(of.request.context.view(), of.context_read).view()) + "\n";
  for (const auto& [name, value] : of.unknowns) {
    made += "           " + name + ": " + std::to_string(value) + "\n";
  }
  for (const auto& [uid, entity] : of.entities) {
    if (cedar::is_action_type(uid.type())) continue;
    std::string line;
    if (!entity.ancestors.empty()) {
      std::set<std::string> above;
      for (const EntityUid& each : entity.ancestors) above.insert(each.print());
      for (const std::string& each : above) line += (line.empty() ? " in " : ", ") + each;
    }
    const auto read = of.attributes_read.find(uid);
    if (read != of.attributes_read.end()) {
      line += " " + print(only(entity.attrs.view(), read->second).view());
    }
    if (!entity.tags.view().fields().empty()) line += " tags " + print(entity.tags.view());
    if (!line.empty()) made += "           " + uid.print() + line + "\n";
  }
  return made;
}

}  // namespace writ::prove
