// A schema whose types say of what kind they are.
#include <set>

#include "cedar/schema.h"
#include "cedar/schema_syntax.h"

namespace writ::cedar {
namespace {

class Namer {
 public:
  explicit Namer(SchemaSyntax schema) : schema_(std::move(schema)) {
    for (const SchemaNamespace& space : schema_.namespaces) {
      for (const SchemaCommon& each : space.commons) commons_.insert(full(space, each.name.name));
      for (const SchemaEntity& each : space.entities) entities_.insert(full(space, each.name.name));
      if (!space.actions.empty()) entities_.insert(full(space, "Action"));
    }
  }

  Result<SchemaSyntax> run() {
    for (SchemaNamespace& space : schema_.namespaces) {
      for (SchemaCommon& each : space.commons) CHECK_OK(name(space, each.type));
      for (SchemaEntity& each : space.entities) {
        CHECK_OK(name(space, each.shape));
        if (each.tags) CHECK_OK(name(space, *each.tags));
        for (SchemaName& parent : each.parents) CHECK_OK(entity(space, parent));
      }
      for (SchemaAction& each : space.actions) {
        CHECK_OK(name(space, each.context));
        for (SchemaName& type : each.principals) CHECK_OK(entity(space, type));
        for (SchemaName& type : each.resources) CHECK_OK(entity(space, type));
        for (SchemaActionRef& parent : each.parents) {
          if (parent.type.empty()) parent.type = full(space, "Action");
        }
      }
    }
    return std::move(schema_);
  }

 private:
  using Shape = SchemaType::Shape;

  static std::string full(const SchemaNamespace& space, const std::string& name) {
    return space.name.name.empty() ? name : space.name.name + "::" + name;
  }
  static std::vector<std::string> candidates(const SchemaNamespace& space,
                                             const std::string& name) {
    if (name.find("::") != std::string::npos) return {name};
    return {full(space, name), name};
  }
  tl::unexpected<Error> unknown(const SchemaPlace& place, const std::string& name) const {
    return tl::unexpected<Error>(schema_.error(place, "there is no type `" + name + "`"));
  }

  Status entity(const SchemaNamespace& space, SchemaName& of) const {
    for (const std::string& each : candidates(space, of.name)) {
      if (!entities_.contains(each)) continue;
      of.name = each;
      return {};
    }
    return unknown(of.place, of.name);
  }

  Status name(const SchemaNamespace& space, SchemaType& of) const {
    for (SchemaType& element : of.element) CHECK_OK(name(space, element));
    for (SchemaAttribute& attribute : of.attributes) CHECK_OK(name(space, attribute.type));
    if (of.shape != Shape::kName && of.shape != Shape::kCommon) return {};
    for (const std::string& each : candidates(space, of.name)) {
      if (commons_.contains(each)) {
        of.shape = Shape::kCommon;
        of.name = each;
        return {};
      }
      if (of.shape == Shape::kName && entities_.contains(each)) {
        of.shape = Shape::kEntity;
        of.name = each;
        return {};
      }
    }
    std::string_view bare = of.name;
    if (bare.starts_with("__cedar::")) bare.remove_prefix(9);
    if (bare == "Long" || bare == "String" || bare == "Bool") {
      of.shape = bare == "Long"     ? Shape::kLong
                 : bare == "String" ? Shape::kString
                                    : Shape::kBoolean;
      return {};
    }
    if (!extension_named(bare)) return unknown(of.place, of.name);
    of.shape = Shape::kExtension;
    of.name = std::string(bare);
    return {};
  }

  SchemaSyntax schema_;
  std::set<std::string> commons_;
  std::set<std::string> entities_;
};

}  // namespace

Result<SchemaSyntax> with_resolved_types(const SchemaSyntax& schema) {
  return Namer(schema).run();
}

}  // namespace writ::cedar
