// add_target, add_resource, add_entitlement, add_door: what there is to be had, and through what.
// All need two persons.
#include <algorithm>

#include "core/call.h"
#include "core/names.h"
#include "core/verbs.h"

namespace writ::core {
namespace {

struct AddTarget {
  TargetSystem target;
  std::vector<Resource> resources;
  std::vector<Entitlement> entitlements;
};
template <class V>
void fields(V& v, AddTarget& a) {
  v("target", a.target);
  v("resources", a.resources);
  v("entitlements", a.entitlements);
}
struct AddResource {
  Resource resource;
};
template <class V>
void fields(V& v, AddResource& a) {
  v("resource", a.resource);
}
struct AddEntitlement {
  Entitlement entitlement;
};
template <class V>
void fields(V& v, AddEntitlement& a) {
  v("entitlement", a.entitlement);
}
struct AddDoor {
  Door door;  // its identity by name or id
};
template <class V>
void fields(V& v, AddDoor& a) {
  v("door", a.door);
}

constexpr std::size_t kMostListed = 1000;
// Of an entitlement's lists in JSON: each step that makes an account has them in its event.
constexpr std::size_t kMostLists = 40'000;

Status check_short(std::string_view text, std::string_view pointer, std::size_t most = 255) {
  if (text.empty() || text.size() > most) {
    return fail(Code::kInvalid, "1 to " + std::to_string(most) + " bytes are wanted here",
                std::string(pointer));
  }
  return check_text(text, pointer);
}

Status check_target(const Call& call, const TargetSystem& target, const std::string& at) {
  CHECK_OK(check_simple_name(target.name, at + "/name"));
  if (call.state.removed.contains(target.name)) {
    return fail(Code::kExists, "the name was used before; names are never used again",
                at + "/name");
  }
  if (call.state.targets.contains(target.name) || call.state.resources.contains(target.name)) {
    return fail(Code::kExists, "there is a target of this name", at + "/name");
  }
  if (target.kind != "postgres") {
    return fail(Code::kInvalid, "the kinds of target are: postgres", at + "/kind");
  }
  CHECK_OK(check_short(target.host, at + "/host"));
  if (target.port < 1 || target.port > 65535) {
    return fail(Code::kInvalid, "a port is 1 to 65535", at + "/port");
  }
  if (target.tls != "require" && target.tls != "verify-full" && target.tls != "disable") {
    return fail(Code::kInvalid, "tls is require, verify-full or disable", at + "/tls");
  }
  const bool local = target.host.starts_with("/") || target.host == "127.0.0.1" ||
                     target.host == "::1" || target.host == "localhost";
  if (target.tls == "disable" && !local) {
    return fail(Code::kInvalid, "only a target on this machine may go without TLS", at + "/tls");
  }
  // Otherwise nobody could tell it from an impostor, which would be handed the connector's
  // password.
  if (target.tls != "disable" && target.ca.empty()) {
    return fail(Code::kInvalid,
                "with tls \"" + target.tls +
                    "\" the PEM of the certificate authority is needed; a self-signed certificate "
                    "is its own",
                at + "/ca");
  }
  CHECK_OK(check_short(target.connector, at + "/connector", 63));
  if (target.connector_secret.box.empty() || target.key.box.empty()) {
    return fail(Code::kInvalid, "the connector's secret and the key arrive sealed", at);
  }
  if (!target.door.empty()) {
    return fail(Code::kInvalid, "a door is added later, with add_door", at + "/door");
  }
  if (target.databases.empty() || target.databases.size() > kMostListed) {
    return fail(Code::kInvalid, "name the databases that Writ controls", at + "/databases");
  }
  for (std::size_t i = 0; i < target.databases.size(); ++i) {
    CHECK_OK(check_short(target.databases[i], at + "/databases/" + std::to_string(i), 63));
  }
  return {};
}

// The part of a name after its parent's and a slash; empty when it does not lie there.
std::string_view last_part(std::string_view name, std::string_view parent) {
  if (name.size() <= parent.size() + 1 || !name.starts_with(parent) || name[parent.size()] != '/') {
    return {};
  }
  return name.substr(parent.size() + 1);
}

// `target` is known by now, or comes with the same command; the same holds for `parent`.
Result<Resource> checked_resource(const Call& call, Resource resource, const Resource* parent,
                                  std::string_view target, const std::string& at) {
  if (resource.target != target) {
    return fail(Code::kInvalid, "this resource lies in another target", at + "/target");
  }
  if (resource.name == target) {
    if (!resource.parent.empty()) {
      return fail(Code::kInvalid, "a target lies in nothing", at + "/parent");
    }
  } else {
    if (parent == nullptr || parent->target != target) {
      return fail(Code::kNotFound,
                  "there is no resource \"" + resource.parent.substr(0, 200) + "\"",
                  at + "/parent");
    }
    if (!check_simple_name(last_part(resource.name, parent->name), "")) {
      return fail(Code::kInvalid, "the name is its parent's, a slash, and 1 to 63 of a-z 0-9 _ -",
                  at + "/name");
    }
  }
  if (call.state.removed.contains(resource.name)) {
    return fail(Code::kExists, "the name was used before; names are never used again",
                at + "/name");
  }
  if (call.state.resources.contains(resource.name) ||
      call.state.entitlements.contains(resource.name)) {
    return fail(Code::kExists, "there is a resource or entitlement of this name", at + "/name");
  }
  TRY(owner, owner_named(call, resource.owner, at + "/owner"));
  resource.owner = std::move(owner);
  if (!resource.environment.empty()) {
    CHECK_OK(check_simple_name(resource.environment, at + "/environment"));
  }
  if (!resource.sensitivity.empty()) {
    CHECK_OK(check_simple_name(resource.sensitivity, at + "/sensitivity"));
  }
  if (resource.labels.size() > 64) {
    return fail(Code::kInvalid, "at most 64 labels", at + "/labels");
  }
  for (std::size_t i = 0; i < resource.labels.size(); ++i) {
    CHECK_OK(check_short(resource.labels[i], at + "/labels/" + std::to_string(i), 63));
  }
  return resource;
}

Status check_entitlement(const Call& call, const Entitlement& entitlement, const Resource* resource,
                         const TargetSystem* target, const std::string& at) {
  if (resource == nullptr || target == nullptr) {
    return fail(Code::kNotFound,
                "there is no resource \"" + entitlement.resource.substr(0, 200) + "\"",
                at + "/resource");
  }
  CHECK_OK(check_simple_name(entitlement.role, at + "/role"));
  if (entitlement.name != resource->name + "/" + entitlement.role) {
    return fail(Code::kInvalid,
                "the name is its resource's, a slash, and the role: " + resource->name + "/" +
                    entitlement.role,
                at + "/name");
  }
  if (call.state.removed.contains(entitlement.name)) {
    return fail(Code::kExists, "the name was used before; names are never used again",
                at + "/name");
  }
  if (call.state.entitlements.contains(entitlement.name) ||
      call.state.resources.contains(entitlement.name)) {
    return fail(Code::kExists, "there is a resource or entitlement of this name", at + "/name");
  }
  const auto& databases = target->databases;
  if (std::find(databases.begin(), databases.end(), entitlement.database) == databases.end()) {
    return fail(Code::kInvalid, "the target has no database of this name", at + "/database");
  }
  if (entitlement.membership.empty() == entitlement.privileges.empty()) {
    return fail(Code::kInvalid, "it is a membership in roles, or a list of privileges: one of them",
                at + "/membership");
  }
  if (entitlement.membership.size() + entitlement.privileges.size() > kMostListed ||
      canonical(to_json(entitlement.membership)).size() +
              canonical(to_json(entitlement.privileges)).size() >
          kMostLists) {
    return fail(Code::kInvalid,
                "this list is too long: it has at most " + std::to_string(kMostListed) +
                    " items, and " + std::to_string(kMostLists) +
                    " bytes; grant a role in the target, and name that",
                at);
  }
  for (std::size_t i = 0; i < entitlement.membership.size(); ++i) {
    CHECK_OK(check_short(entitlement.membership[i], at + "/membership/" + std::to_string(i), 63));
  }
  for (std::size_t i = 0; i < entitlement.privileges.size(); ++i) {
    CHECK_OK(check_short(entitlement.privileges[i], at + "/privileges/" + std::to_string(i)));
  }
  if (!entitlement.description.empty()) {
    CHECK_OK(check_text(entitlement.description, at + "/description"));
  }
  return {};
}

Carried two_persons(std::vector<EventData> events, Json result) {
  return Carried{Outcome{std::move(events), std::move(result), {}}, Persons::kTwo};
}

}  // namespace

Result<Carried> add_target(const Call& call, const Json& json) {
  TRY(body, from_json<AddTarget>(json));
  CHECK_OK(may_administer(call, "add_target"));
  CHECK_OK(check_target(call, body.target, "/target"));
  if (body.resources.size() > kMostListed || body.entitlements.size() > kMostListed) {
    return fail(Code::kInvalid, "add the target first, and the rest in steps");
  }
  std::vector<EventData> events{TargetAdded{body.target}};
  std::vector<Resource> added;
  const auto resource_named = [&](const std::string& name) -> const Resource* {
    for (const Resource& resource : added) {
      if (resource.name == name) return &resource;
    }
    return nullptr;
  };
  for (std::size_t i = 0; i < body.resources.size(); ++i) {
    const Resource& resource = body.resources[i];
    const std::string at = "/resources/" + std::to_string(i);
    if (resource_named(resource.name) != nullptr) {
      return fail(Code::kInvalid, "this resource stands here twice", at + "/name");
    }
    TRY(checked,
        checked_resource(call, resource, resource_named(resource.parent), body.target.name, at));
    added.push_back(checked);
    events.push_back(ResourceAdded{std::move(checked)});
  }
  if (resource_named(body.target.name) == nullptr) {
    return fail(Code::kInvalid,
                "the target is a resource too: add one named " + body.target.name +
                    ", without a parent, before what lies in it",
                "/resources");
  }
  std::vector<std::string> names;
  for (std::size_t i = 0; i < body.entitlements.size(); ++i) {
    const Entitlement& entitlement = body.entitlements[i];
    const std::string at = "/entitlements/" + std::to_string(i);
    if (resource_named(entitlement.name) != nullptr ||
        std::find(names.begin(), names.end(), entitlement.name) != names.end()) {
      return fail(Code::kInvalid, "this name stands here twice", at + "/name");
    }
    CHECK_OK(check_entitlement(call, entitlement, resource_named(entitlement.resource),
                               &body.target, at));
    names.push_back(entitlement.name);
    events.push_back(EntitlementAdded{entitlement});
  }
  return two_persons(std::move(events), Json::object({{"target", body.target.name}}));
}

Result<Carried> add_resource(const Call& call, const Json& json) {
  TRY(body, from_json<AddResource>(json));
  CHECK_OK(may_administer(call, "add_resource"));
  TRY(target, target_named(call, body.resource.target, "/resource/target"));
  TRY(resource,
      checked_resource(call, body.resource, call.state.resources.find(body.resource.parent),
                       target->name, "/resource"));
  const Json result = Json::object({{"resource", resource.name}});
  return two_persons({ResourceAdded{std::move(resource)}}, result);
}

Result<Carried> add_entitlement(const Call& call, const Json& json) {
  TRY(body, from_json<AddEntitlement>(json));
  CHECK_OK(may_administer(call, "add_entitlement"));
  const Resource* resource = call.state.resources.find(body.entitlement.resource);
  const TargetSystem* target =
      resource == nullptr ? nullptr : call.state.targets.find(resource->target);
  CHECK_OK(check_entitlement(call, body.entitlement, resource, target, "/entitlement"));
  return two_persons({EntitlementAdded{body.entitlement}},
                     Json::object({{"entitlement", body.entitlement.name}}));
}

Result<Carried> add_door(const Call& call, const Json& json) {
  TRY(body, from_json<AddDoor>(json));
  CHECK_OK(may_administer(call, "add_door"));
  TRY(identity, identity_named(call, body.door.identity, "/door/identity"));
  if (identity->kind != IdentityKind::kDoor || identity->state != IdentityState::kActive) {
    return fail(Code::kInvalid, "a door is an active identity of kind door", "/door/identity");
  }
  if (call.state.doors.contains(identity->id)) {
    return fail(Code::kExists, "this door is added already", "/door/identity");
  }
  if (body.door.kind != "postgres") {
    return fail(Code::kInvalid, "the kinds of door are: postgres", "/door/kind");
  }
  CHECK_OK(check_short(body.door.host, "/door/host"));
  if (body.door.port < 1 || body.door.port > 65535) {
    return fail(Code::kInvalid, "a port is 1 to 65535", "/door/port");
  }
  if (body.door.targets.empty() || body.door.targets.size() > kMostListed) {
    return fail(Code::kInvalid, "name the targets behind this door", "/door/targets");
  }
  for (std::size_t i = 0; i < body.door.targets.size(); ++i) {
    const std::string at = "/door/targets/" + std::to_string(i);
    TRY(target, target_named(call, body.door.targets[i], at));
    if (!target->door.empty()) {
      return fail(Code::kConflict, "another door stands in front of this target", at);
    }
    if (target->kind != body.door.kind) {
      return fail(Code::kInvalid, "this target is of another kind than the door", at);
    }
  }
  body.door.identity = identity->id;
  return two_persons({DoorAdded{body.door}}, Json::object({{"door", identity->id}}));
}

}  // namespace writ::core
