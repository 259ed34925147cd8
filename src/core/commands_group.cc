// add_group, add_member, remove_member. What concerns an administering group needs two persons.
#include <algorithm>

#include "core/call.h"
#include "core/names.h"
#include "core/verbs.h"

namespace writ::core {
namespace {

struct AddGroup {
  std::string name;
  std::string purpose;
  std::optional<bool> administers;
};
template <class V>
void fields(V& v, AddGroup& g) {
  v("name", g.name);
  v("purpose", g.purpose);
  v("administers", g.administers);
}

struct AddMember {
  std::string group;
  std::string identity;
  std::optional<Time> until;
  std::optional<Millis> duration;
};
template <class V>
void fields(V& v, AddMember& m) {
  v("group", m.group);
  v("identity", m.identity);
  v("until", m.until);
  v("for_ms", m.duration);
}

struct RemoveMember {
  std::string group;
  std::string identity;
  Json reason;
};
template <class V>
void fields(V& v, RemoveMember& m) {
  v("group", m.group);
  v("identity", m.identity);
  v("reason", m.reason);
}

Persons persons_for(bool administers) {
  return administers ? Persons::kTwo : Persons::kOne;
}

Result<Time> end_of(const Call& call, const AddMember& body, const Identity& identity) {
  if (body.until && body.duration) {
    return fail(Code::kInvalid, "say until or for_ms, not both", "/until");
  }
  const Millis most = limits_of(identity.tier).review;
  const std::string pointer = body.duration ? "/for_ms" : "/until";
  Millis length = most;
  if (body.duration) length = *body.duration;
  if (body.until) length = *body.until - call.now();
  if (length <= Millis(0)) return fail(Code::kInvalid, "this end is not in the future", pointer);
  if (length > most) {
    return fail(Code::kInvalid,
                "a membership of tier " + std::string(name_of(identity.tier)) +
                    " is reviewed after at most " + to_text(most),
                pointer);
  }
  return call.now() + length;
}

}  // namespace

Result<Carried> add_group(const Call& call, const Json& json) {
  TRY(body, from_json<AddGroup>(json));
  CHECK_OK(may_administer(call, "add_group"));
  CHECK_OK(check_simple_name(body.name, "/name"));
  CHECK_OK(check_text(body.purpose, "/purpose"));
  if (call.state.groups.contains(body.name)) {
    return fail(Code::kExists, "there is a group of this name", "/name");
  }
  const Group group{body.name, trimmed(body.purpose), body.administers.value_or(false)};
  return Carried{Outcome{{GroupAdded{group}}, Json::object({{"group", group.name}}), {}},
                 persons_for(group.administers)};
}

Result<Carried> add_member(const Call& call, const Json& json) {
  TRY(body, from_json<AddMember>(json));
  CHECK_OK(may_administer(call, "add_member"));
  TRY(group, group_named(call, body.group, "/group"));
  TRY(identity, identity_named(call, body.identity, "/identity"));
  if (identity->state == IdentityState::kOffboarded) {
    return fail(Code::kConflict, "this identity is offboarded", "/identity");
  }
  if (group->administers && !is_person(identity->kind)) {
    return fail(Code::kInvalid, "only people administer Writ", "/identity");
  }
  TRY(until, end_of(call, body, *identity));
  const Json result =
      Json::object({{"group", group->name}, {"identity", identity->id}, {"until", to_json(until)}});
  return Carried{
      Outcome{{MembershipAdded{Membership{group->name, identity->id, until}}}, result, {}},
      persons_for(group->administers)};
}

Result<Carried> remove_member(const Call& call, const Json& json) {
  TRY(body, from_json<RemoveMember>(json));
  CHECK_OK(may_administer(call, "remove_member"));
  CHECK_OK(check_words(call, body.reason, "/reason"));
  TRY(group, group_named(call, body.group, "/group"));
  TRY(identity, identity_named(call, body.identity, "/identity"));
  const auto* memberships = call.state.memberships.find(identity->id);
  const bool member = memberships != nullptr &&
                      std::any_of(memberships->begin(), memberships->end(),
                                  [&](const Membership& m) { return m.group == group->name; });
  if (!member) {
    return fail(Code::kNotFound, "this identity is not in the group " + group->name, "/identity");
  }
  const Json result = Json::object({{"group", group->name}, {"identity", identity->id}});
  TRY(note, sealed_words(call, body.reason, "/reason", identity->id));
  return Carried{Outcome{{MembershipEnded{group->name, identity->id, "removed", note}}, result, {}},
                 persons_for(group->administers)};
}

}  // namespace writ::core
