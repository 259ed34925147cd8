// target remove, resource remove, entitlement remove, door remove: what is not needed any more.
#include "cmd/client.h"
#include "cmd/proposal.h"
#include "cmd/text.h"
#include "cmd/verbs.h"

namespace writ::cmd {
namespace {

Result<int> remove(Context& context, const Args& args, std::string_view verb) {
  const std::string& name = args.operand("NAME");
  TRY(client, client_for(context));
  auto result = client.command(verb, Json::object({{"name", name}}));
  if (!result) return tl::unexpected<Error>(placed(result.error(), {{"/name", name}}));
  return say_done(context, args, *result, "Removed:  " + name, "");
}

Result<int> remove_target(Context& context, const Args& args) {
  return remove(context, args, "remove_target");
}
Result<int> remove_resource(Context& context, const Args& args) {
  return remove(context, args, "remove_resource");
}
Result<int> remove_entitlement(Context& context, const Args& args) {
  return remove(context, args, "remove_entitlement");
}
Result<int> remove_door(Context& context, const Args& args) {
  return remove(context, args, "remove_door");
}

constexpr std::string_view kForGood =
    "It needs two persons, and it is for good: the name is never used again.";

}  // namespace

std::vector<Verb> remove_verbs() {
  return {
      {.path = "target remove",
       .summary = "remove a target with all that lies in it; nobody may hold anything there",
       .operands = {{"NAME", Count::kOne, Words::kTargets}},
       .options = {json_option()},
       .examples = {{"writ target remove pg-main", ""}},
       .heading = "Administering",
       .run = remove_target,
       .more = "It needs two persons, and it is for good: the names are never used again. Writ "
               "forgets the password of its own role there; what was installed in the target stays "
               "until an administrator of it removes it."},
      {.path = "resource remove",
       .summary = "remove a resource in which nothing lies any more",
       .operands = {{"NAME", Count::kOne}},
       .options = {json_option()},
       .examples = {{"writ resource remove pg-main/orders", ""}},
       .heading = "Administering",
       .run = remove_resource,
       .more = kForGood},
      {.path = "entitlement remove",
       .summary = "remove an entitlement that nobody holds",
       .operands = {{"NAME", Count::kOne, Words::kEntitlements}},
       .options = {json_option()},
       .examples = {{"writ entitlement remove pg-main/orders/writer", ""}},
       .heading = "Administering",
       .run = remove_entitlement,
       .more = kForGood},
      {.path = "door remove",
       .summary = "take a door away from the targets that it stands before",
       .operands = {{"NAME", Count::kOne, Words::kIdentities}},
       .options = {json_option()},
       .examples = {{"writ door remove pg-door", ""}},
       .heading = "Administering",
       .run = remove_door,
       .more = "It needs two persons. Refused while sessions are open through it. The door's "
               "identity stays: writ identity offboard ends that."},
  };
}

}  // namespace writ::cmd
