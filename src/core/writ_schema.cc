#include "core/writ_schema.h"

#include <cstdio>
#include <cstdlib>

namespace writ::core {

std::string_view writ_schema_text() {
  return R"(// What Writ's policies may speak of. Printed by: writ policy schema
namespace Writ {

  // ---- Who ----

  // Every identity is also alone in a group of its own, Group::"identity:ID": so what names a group
  // or an identity (an owner), or an identity of any type, is a group, and is asked with `in`.
  entity Group = { name: String, purpose: String, administers: Bool };

  // The name is gone once the person is erased.
  entity User, ThirdParty, Workload, ServiceAccount, Runner, Agent, Device, Door, Connector, Server
    in [Group] = {
    kind: String, name?: String, tier: Tier, environment?: Environment, owner?: Group,
    purpose?: String,
  };

  // ---- What ----

  entity System;
  entity Tier enum ["critical", "high", "medium", "legacy"];
  entity Environment;
  entity Target = { name: String };
  entity Resource in [Resource, Target] = {
    name: String, tier: Tier, sensitivity: String, labels: Set<String>, environment?: Environment,
    owner?: Group,
  };
  entity Entitlement in [Resource, Target, Environment, Tier] = {
    name: String, role: String, database: String, resource: Resource, target: Target, tier: Tier,
    sensitivity: String, labels: Set<String>, environment?: Environment, owner?: Group,
  };

  // The owner is that of the entitlement's resource. `policy` gave the grant.
  entity Grant in [Entitlement] = {
    beneficiary: Group, entitlement: Entitlement, owner?: Group, cause: String, state: String,
    policy: String, approvals: Long, from?: datetime, until?: datetime,
  };
  entity Request in [Entitlement] = {
    requester: Group, beneficiary: Group, entitlement: Entitlement, owner?: Group,
    approvers?: Group, offer: String, until: datetime,
  };
  // A change that waits for its second person: the command that it would carry out.
  entity Change = { requester: Group, verb: String };
  entity Finding in [Target] = {
    kind: String, severity: String, login?: String, owner?: Group, target?: Target,
  };

  // ---- Circumstances ----

  // mfa_age: since the last one-time code from this device; absent without one.
  type Auth = {
    method: String, strength: String, attestation: String, mfa_age?: duration, credential?: String,
    device?: String,
  };
  // actor_chain: who acts for the principal, as groups of one.
  type Circumstances = {
    now: datetime, auth: Auth, approvals: Long, actor_chain: Set<Group>, source_ip?: ipaddr,
  };

  // ---- Access ----

  action connect appliesTo {
    principal: [User, ThirdParty, Workload, ServiceAccount, Runner, Agent, Device, Door, Connector,
                Server],
    resource: [Entitlement],
    context: {
      now: datetime, auth: Auth, approvals: Long, duration: duration, grant?: Grant,
      actor_chain: Set<Group>, source_ip?: ipaddr,
    },
  };
  // The offer of a live grant is asked again with what the grant recorded, which is neither address
  // nor chain.
  action request appliesTo {
    principal: [User, ThirdParty, Workload, ServiceAccount, Runner, Agent, Device, Door, Connector,
                Server],
    resource: [Entitlement],
    context: {
      now: datetime, auth: Auth, approvals: Long, duration: duration, actor_chain?: Set<Group>,
      source_ip?: ipaddr,
    },
  };
  // Of a request: how long it is for, who asks, who gets the access, and the approvals before this
  // one. System: a change to Writ itself, and who proposes it. Nobody is named where it is asked
  // whether somebody may approve at all. Whatever policies say, nobody approves what they ask for or
  // get themselves.
  action approve appliesTo {
    principal: [User, ThirdParty, Workload, ServiceAccount, Runner, Agent, Device, Door, Connector,
                Server],
    resource: [Entitlement, System],
    context: {
      now: datetime, auth: Auth, approvals: Long, duration?: duration, requester?: Group,
      beneficiary?: Group, actor_chain: Set<Group>, source_ip?: ipaddr,
    },
  };
  // Known, and asked by nothing yet.
  action issue, recover, break_glass;

  // ---- Reading ----

  action list, list_own appliesTo {
    principal: [User, ThirdParty, Workload, ServiceAccount, Runner, Agent, Device, Door, Connector,
                Server],
    resource: [System],
    context: Circumstances,
  };
  action explain, read_evidence, search, who_can, what_can appliesTo {
    principal: [User, ThirdParty, Workload, ServiceAccount, Runner, Agent, Device, Door, Connector,
                Server],
    resource: [System, Entitlement, Resource, Target, Environment, Tier, Grant, Request, Change,
               Finding, Group, User, ThirdParty, Workload, ServiceAccount, Runner, Agent, Device,
               Door, Connector, Server],
    context: Circumstances,
  };

  // ---- Administering ----

  action administer;
  action add_identity, set_identity_state, erase_subject, add_group, add_member, remove_member,
         confirm_device, remove_device, revoke_certificate, add_target, add_resource,
         add_entitlement, add_door, remove_target, remove_resource, remove_entitlement, remove_door,
         apply_policy, plan_policy
    in [administer] appliesTo {
    principal: [User, ThirdParty, Workload, ServiceAccount, Runner, Agent, Device, Door, Connector,
                Server],
    resource: [System],
    context: Circumstances,
  };
  // System: whoever may do it to any, or nothing of that id is there.
  action revoke in [administer] appliesTo {
    principal: [User, ThirdParty, Workload, ServiceAccount, Runner, Agent, Device, Door, Connector,
                Server],
    resource: [Grant, System],
    context: Circumstances,
  };
  action open_enrollment in [administer] appliesTo {
    principal: [User, ThirdParty, Workload, ServiceAccount, Runner, Agent, Device, Door, Connector,
                Server],
    resource: [User, ThirdParty, Workload, ServiceAccount, Runner, Agent, Device, Door, Connector,
               Server, System],
    context: Circumstances,
  };
  action remedy in [administer] appliesTo {
    principal: [User, ThirdParty, Workload, ServiceAccount, Runner, Agent, Device, Door, Connector,
                Server],
    resource: [Finding, System],
    context: Circumstances,
  };
}
)";
}

const cedar::Schema& writ_schema() {
  static const cedar::Schema kSchema = [] {
    auto schema = cedar::Schema::parse(writ_schema_text(), kWritSchemaFile);
    if (!schema) {
      // It is text of this program: only a defect gets here.
      std::fputs((schema.error().text() + "\n").c_str(), stderr);
      std::abort();
    }
    return std::move(*schema);
  }();
  return kSchema;
}

}  // namespace writ::core
