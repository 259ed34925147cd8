// Folding events of identities, their groups and owners.
#include "core/fold_event.h"
#include "core/policy.h"

namespace writ::core::folding {
namespace {

std::string membership_key(const Membership& m) {
  return "membership " + m.identity + " " + m.group;
}

}  // namespace

Status Fold::operator()(const Genesis& e) {
  if (e.trust_domain.empty()) return corrupt("the trust domain has no name");
  s.genesis = e;
  s.entities = std::make_shared<EntityIndex>();
  s.grant_index = std::make_shared<GrantIndex>();
  s.policies = *compile_policies({});
  return {};
}

Status Fold::operator()(const IdentityAdded& e) {
  const Identity& i = e.identity;
  CHECK_OK(unknown(s.identities, "identity", i.id));
  CHECK_OK(unknown(s.identity_ids, "name with digest", i.name_digest));
  CHECK_OK(owner_known(i.owner));
  if (is_person(i.kind) ? !i.sealed_name || !i.name.empty() : i.sealed_name || i.name.empty()) {
    return corrupt("the name of a person is sealed, of a machine it is not: \"" + i.id + "\"");
  }
  s.identities.set(i.id, i);
  s.identity_ids.set(i.name_digest, i.id);
  if (auto status = put_identity(i.id); !status) {
    s.identities.erase(i.id);
    s.identity_ids.erase(i.name_digest);
    return status;
  }
  return {};
}

Status Fold::operator()(const IdentityStateChanged& e) {
  CHECK_OK(known(s.identities, "identity", e.identity));
  if (s.identities.find(e.identity)->state == IdentityState::kOffboarded) {
    return corrupt("the identity \"" + e.identity + "\" is offboarded, which is final");
  }
  Identity* identity = s.identities.edit(e.identity);
  identity->state = e.state;
  identity->since = event.time;
  entities([&](EntityIndex& index) { index.put_state(s, e.identity); });
  return {};
}

Status Fold::operator()(const OwnerChanged& e) {
  CHECK_OK(owner_known(e.owner));
  if (e.owner.empty()) return corrupt("a new owner has no name");
  if (e.of.starts_with("identity:")) {
    CHECK_OK(known(s.identities, "identity", e.of.substr(9)));
    s.identities.edit(e.of.substr(9))->owner = e.owner;
    return put_identity(e.of.substr(9));
  }
  if (!e.of.starts_with("resource:")) return corrupt("\"" + e.of + "\" cannot be owned");
  CHECK_OK(known(s.resources, "resource", e.of.substr(9)));
  s.resources.edit(e.of.substr(9))->owner = e.owner;
  entities([&](EntityIndex& index) { index.put_resource(s, e.of.substr(9)); });
  return {};
}

Status Fold::operator()(const GroupAdded& e) {
  CHECK_OK(unknown(s.groups, "group", e.group.name));
  s.groups.set(e.group.name, e.group);
  entities([&](EntityIndex& index) { index.put_group(s, e.group.name); });
  return {};
}

Status Fold::operator()(const MembershipAdded& e) {
  const Membership& m = e.membership;
  CHECK_OK(known(s.identities, "identity", m.identity));
  CHECK_OK(known(s.groups, "group", m.group));
  auto& list = s.memberships[m.identity];
  const auto at = std::lower_bound(list.begin(), list.end(), m,
                                   [](const auto& a, const auto& b) { return a.group < b.group; });
  if (at != list.end() && at->group == m.group) {
    s.ends.erase(membership_key(*at), at->until);
    *at = m;
  } else {
    list.insert(at, m);
    insert_sorted(s.members[m.group], m.identity);
  }
  s.ends.set(membership_key(m), m.until);
  put_memberships(m.identity);
  return {};
}

Status Fold::operator()(const MembershipEnded& e) {
  const auto* list = s.memberships.find(e.identity);
  const auto is_it = [&](const Membership& m) { return m.group == e.group; };
  if (list == nullptr || std::none_of(list->begin(), list->end(), is_it)) {
    return corrupt("\"" + e.identity + "\" is no member of \"" + e.group + "\"");
  }
  auto* mine = s.memberships.edit(e.identity);
  const auto at = std::find_if(mine->begin(), mine->end(), is_it);
  s.ends.erase(membership_key(*at), at->until);
  mine->erase(at);
  if (mine->empty()) s.memberships.erase(e.identity);
  remove_from(s.members, e.group, e.identity);
  put_memberships(e.identity);
  return {};
}

Status Fold::operator()(const SubjectErased& e) {
  CHECK_OK(known(s.identities, "identity", e.subject));
  Identity* identity = s.identities.edit(e.subject);
  // Whether the key is gone yet or not, from here on nobody reads the name.
  if (identity->sealed_name) identity->sealed_name->box = {};
  return put_identity(e.subject);
}

}  // namespace writ::core::folding
