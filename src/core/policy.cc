#include "core/policy.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <mutex>

#include "base/bytes.h"
#include "core/application.h"
#include "core/command.h"
#include "core/invariant.h"
#include "core/names.h"

namespace writ::core {

struct Giver::Alone {
  std::once_flag once;
  std::optional<Slice> slice;
};

namespace {

using cedar::Annotation;
using cedar::Constraint;
using cedar::EntityUid;
using cedar::Expr;
using cedar::Op;
using cedar::Policy;

constexpr std::string_view kActionType = "Writ::Action";
constexpr std::string_view kAdminister = "administer";
constexpr std::string_view kConnect = "connect", kRequest = "request";
constexpr auto kAnnotations = std::to_array<std::string_view>(
    {"id", "max_ttl", "step_up", "approval", "applies_to_break_glass", "description"});

template <class Range>
std::string near(std::string_view wanted, const Range& known) {
  std::vector<std::string> names;
  for (const auto& each : known) names.emplace_back(each);
  return did_you_mean(wanted, names);
}

// ---- What an expression reads of the context ----

std::uint32_t auth_part(std::string_view name) {
  if (name == "method") return part::kAuth | part::kMethod;
  if (name == "strength") return part::kAuth | part::kStrength;
  if (name == "attestation") return part::kAuth | part::kAttestation;
  if (name == "mfa_age") return part::kAuth | part::kMfaAge;
  if (name == "credential") return part::kAuth | part::kCredential;
  if (name == "device") return part::kAuth | part::kDevice;
  return part::kAuth;
}
constexpr std::uint32_t kAuthWhole = part::kAuth | part::kMethod | part::kStrength |
                                     part::kAttestation | part::kMfaAge | part::kCredential |
                                     part::kDevice;
std::uint32_t context_part(std::string_view name) {
  if (name == "now") return part::kNow;
  if (name == "auth") return kAuthWhole;
  if (name == "source_ip") return part::kSourceIp;
  if (name == "actor_chain") return part::kActorChain;
  if (name == "grant") return part::kGrant;
  if (name == "approvals") return part::kApprovals;
  if (name == "duration") return part::kDuration;
  return 0;
}

bool is_member_of_context(const Expr& e, Op op) {
  return e.op == op && !e.names.empty() && e.args.size() == 1 && e.args[0].op == Op::kContext;
}

std::uint32_t reads_of(const Expr& e) {
  if (e.op == Op::kContext) return part::kWhole;
  if (is_member_of_context(e, Op::kGet)) return context_part(e.names[0]);
  if (is_member_of_context(e, Op::kHas)) {
    if (e.names[0] != "auth") return context_part(e.names[0]);
    return e.names.size() == 1 ? part::kAuth : auth_part(e.names[1]);
  }
  if ((e.op == Op::kGet || e.op == Op::kHas) && !e.names.empty() && e.args.size() == 1 &&
      is_member_of_context(e.args[0], Op::kGet) && e.args[0].names[0] == "auth") {
    return auth_part(e.names[0]);
  }
  std::uint32_t reads = 0;
  for (const Expr& arg : e.args) reads |= reads_of(arg);
  return reads;
}

std::uint32_t reads_of(const Policy& policy) {
  std::uint32_t reads = 0;
  for (const cedar::Condition& condition : *policy.conditions) reads |= reads_of(condition.expr);
  return reads;
}

// ---- Scopes ----

// Whether the action scope may cover an action that is in no group of actions.
bool may_cover(const Policy& policy, std::string_view action) {
  const Constraint& scope = policy.action;
  if (scope.shape == Constraint::Shape::kAny) return true;
  return std::any_of(scope.uids.begin(), scope.uids.end(), [&](const EntityUid& uid) {
    return uid.type() == kActionType && uid.id() == action;
  });
}

bool is_offer(const Policy& policy) {
  return policy.effect == cedar::Effect::kPermit && policy.action_is(kActionType, "request");
}

// ---- Checks ----

Error at_annotation(const Policy& policy, const Annotation& a, const std::string& message) {
  Error error = policy.source->error(a.begin, message);
  error.code = Code::kInvalid;
  return error;
}

// Where a name stands in the policy, for messages; the policy's start when it is not found.
std::uint32_t place_of(const Policy& policy, std::string_view quoted) {
  const auto at = policy.text().find(quoted);
  return at == std::string_view::npos ? policy.begin
                                      : policy.begin + static_cast<std::uint32_t>(at);
}

Status check_type(const Policy& policy, std::string_view type) {
  if (!type.starts_with("Writ::") || writ_schema().knows_type(type)) return {};
  std::vector<std::string> types;
  for (const auto& [name, declared] : writ_schema().entity_types()) types.push_back(name);
  return tl::unexpected<Error>(policy.source->error(
      place_of(policy, type),
      "there is no type " + std::string(type) + "." + did_you_mean(type, types)));
}

Status check_uid(const Policy& policy, const EntityUid& uid) {
  CHECK_OK(check_type(policy, uid.type()));
  if (uid.type() != kActionType || writ_schema().action(uid) != nullptr) return {};
  std::vector<std::string> names;
  for (const auto& [action, declared] : writ_schema().actions()) names.emplace_back(action.id());
  return tl::unexpected<Error>(policy.source->error(
      place_of(policy, "\"" + std::string(uid.id()) + "\""),
      "there is no action " + uid.print() + "." + did_you_mean(uid.id(), names)));
}

Status check_scope(const Policy& policy, const Constraint& scope) {
  if (!scope.type.empty()) CHECK_OK(check_type(policy, scope.type));
  for (const EntityUid& uid : scope.uids) CHECK_OK(check_uid(policy, uid));
  return {};
}

Status check_expr(const Policy& policy, const Expr& e) {
  if (e.op == Op::kLiteral) {
    if (const auto uid = e.value.as_entity()) CHECK_OK(check_uid(policy, *uid));
  }
  if (e.op == Op::kIs || e.op == Op::kIsIn) CHECK_OK(check_type(policy, e.names[0]));
  for (const Expr& arg : e.args) CHECK_OK(check_expr(policy, arg));
  return {};
}

Result<Millis> duration_term(const Policy& policy, const Annotation& a, std::string_view text) {
  auto duration = parse_duration(text);
  if (duration) return duration;
  return tl::unexpected<Error>(
      at_annotation(policy, a, "@" + a.name + ": " + duration.error().message));
}

// "none", "N of owner" or "N of Writ::Group::\"NAME\"".
Status read_approval(const Policy& policy, const Annotation& a, Giver& giver) {
  const auto refuse = [&](const std::string& why) -> Status {
    return tl::unexpected<Error>(at_annotation(
        policy, a,
        "@approval wants \"none\", \"N of owner\" or \"N of Writ::Group::\\\"NAME\\\"\"" + why));
  };
  const std::string_view text = a.value;
  if (text == "none") {
    giver.approvals = 0;
    giver.approvers.clear();
    return {};
  }
  if (text.find(';') != std::string_view::npos) return refuse("; several steps are not known yet");
  int count = 0;
  const auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), count);
  const std::string_view rest = text.substr(static_cast<std::size_t>(end - text.data()));
  constexpr std::string_view kOf = " of ";
  if (bad != std::errc() || !rest.starts_with(kOf)) return refuse("");
  if (count < 1 || count > 10) return refuse("; N is from 1 to 10");
  giver.approvals = count;
  const std::string_view whom = rest.substr(kOf.size());
  if (whom == "owner") return {};
  const auto uid = EntityUid::parse(whom);
  if (!uid || uid->type() != "Writ::Group" || uid->id().empty()) return refuse("");
  giver.approvers = "group:" + std::string(uid->id());
  return {};
}

Status check_annotations(const Policy& policy) {
  for (const Annotation& a : policy.annotations) {
    if (std::find(kAnnotations.begin(), kAnnotations.end(), a.name) == kAnnotations.end()) {
      return tl::unexpected<Error>(at_annotation(
          policy, a, "there is no annotation @" + a.name + "." + near(a.name, kAnnotations)));
    }
    const bool term = a.name == "max_ttl" || a.name == "step_up" || a.name == "approval";
    if (term && !is_offer(policy)) {
      return tl::unexpected<Error>(at_annotation(
          policy, a,
          "@" + a.name +
              " stands on offers only: permits with action == Writ::Action::\"request\""));
    }
    if (a.name == "applies_to_break_glass" && policy.effect != cedar::Effect::kForbid) {
      return tl::unexpected<Error>(
          at_annotation(policy, a, "@applies_to_break_glass stands on forbids only"));
    }
  }
  const Annotation* id = policy.annotation("id");
  if (id == nullptr || id->value.empty() || id->value.size() > 200) {
    return tl::unexpected<Error>(policy.source->error(
        policy.begin, "every policy has an @id(\"…\") of 1 to 200 bytes, by which it is known"));
  }
  return {};
}

// What an offer's conditions may read: what a grant records, so that they can be asked again.
constexpr std::uint32_t kRecorded = part::kNow | part::kAuth | part::kMethod | part::kStrength |
                                    part::kAttestation | part::kMfaAge | part::kApprovals |
                                    part::kDuration;

Result<Giver> giver_of(const Policy& policy, const Slice& among, std::size_t place) {
  Giver giver{.id = policy.id,
              .among = among.policies,
              .place = static_cast<std::uint32_t>(place),
              .scope = among.scopes[place],
              .reads = reads_of(policy),
              .offer = is_offer(policy),
              .made_alone = std::make_shared<Giver::Alone>()};
  if (!giver.offer) return giver;
  for (const cedar::Condition& condition : *policy.conditions) {
    if ((reads_of(condition.expr) & ~kRecorded) == 0) continue;
    return tl::unexpected<Error>(policy.source->error(
        condition.begin,
        "an offer is asked again while its grant lives, so of context it may read now, approvals, "
        "duration, auth.method, auth.strength, auth.attestation and auth.mfa_age; put this "
        "condition into a forbid for Writ::Action::\"connect\""));
  }
  for (const Annotation& a : policy.annotations) {
    if (a.name == "max_ttl") {
      TRY(max_ttl, duration_term(policy, a, a.value));
      giver.max_ttl = max_ttl;
    } else if (a.name == "step_up") {
      constexpr std::string_view kMfa = "mfa:";
      if (!a.value.starts_with(kMfa)) {
        return tl::unexpected<Error>(
            at_annotation(policy, a, "@step_up wants \"mfa:AGE\", as in \"mfa:15m\""));
      }
      TRY(age, duration_term(policy, a, std::string_view(a.value).substr(kMfa.size())));
      giver.step_up = age;
    } else if (a.name == "approval") {
      CHECK_OK(read_approval(policy, a, giver));
    }
  }
  return giver;
}

Status check_policy(const Policy& policy) {
  CHECK_OK(check_annotations(policy));
  CHECK_OK(check_scope(policy, policy.principal));
  CHECK_OK(check_scope(policy, policy.action));
  CHECK_OK(check_scope(policy, policy.resource));
  for (const cedar::Condition& condition : *policy.conditions) {
    CHECK_OK(check_expr(policy, condition.expr));
  }
  return {};
}

std::vector<const Policy*> only(const std::vector<const Policy*>& all, auto&& wanted) {
  std::vector<const Policy*> some;
  for (const Policy* policy : all) {
    if (wanted(*policy)) some.push_back(policy);
  }
  return some;
}

cedar::CompiledPolicies compiled(const std::vector<const Policy*>& which, std::string_view action) {
  cedar::PolicySet set;
  for (const Policy* policy : which) {
    Policy copy = *policy;
    if (!action.empty() && may_cover(*policy, action)) copy.action = Constraint{};
    (void)set.add(std::move(copy));  // their ids are known to differ
  }
  return cedar::CompiledPolicies(std::move(set));
}

}  // namespace

Slice::Slice(const std::vector<const Policy*>& which, std::string_view action)
    : policies(compiled(which, action)) {
  for (const Policy* policy : which) {
    scopes.emplace_back(*policy);
    reads |= reads_of(*policy);
  }
}

const Slice& Giver::alone() const {
  std::call_once(made_alone->once, [&] {
    made_alone->slice.emplace(std::vector{&policy()}, offer ? kRequest : kConnect);
  });
  return *made_alone->slice;
}

Result<std::shared_ptr<const Policies>> compile_policies(const std::vector<PolicyFile>& files,
                                                         std::string hash) {
  auto made = std::make_shared<Policies>();
  made->hash = std::move(hash);
  TRY(applications, application_schema(files));
  TRY(entities, application_entities(files, applications ? &applications->schema : nullptr));
  CHECK_OK(parse_invariants(files));
  std::vector<cedar::PolicySet> sets;  // all stay where they are while `all` points to them
  std::vector<const Policy*> all;
  std::map<std::string_view, const Policy*> by_id;
  for (const PolicyFile& file : files) {
    if (kind_of(file) != PolicyFileKind::kPolicies) continue;
    TRY(parsed, cedar::PolicySet::parse(file.text, file.name, {.ids = cedar::Ids::kAnnotation}));
    if (!parsed.templates().empty()) {
      const Policy& found = parsed.templates().front();
      return tl::unexpected<Error>(found.source->error(
          found.begin, "templates have no use here: nothing links them; write the policy out"));
    }
    sets.push_back(std::move(parsed));
    for (const Policy& policy : sets.back().policies()) {
      CHECK_OK(check_policy(policy));
      const auto [first, is_new] = by_id.try_emplace(policy.id, &policy);
      if (!is_new) {
        return tl::unexpected<Error>(at_annotation(policy, *policy.annotation("id"),
                                                   "the id \"" + policy.id +
                                                       "\" is taken; it stands first at " +
                                                       first->second->position().text()));
      }
      all.push_back(&policy);
    }
  }
  const auto forbids = [](const Policy& p) { return p.effect == cedar::Effect::kForbid; };
  const auto select = [&](auto&& wanted) { return only(all, wanted); };
  const auto baselines =
      select([&](const Policy& p) { return !forbids(p) && may_cover(p, kConnect); });
  const auto requests = select(
      [&](const Policy& p) { return is_offer(p) || (forbids(p) && may_cover(p, kRequest)); });
  made->guardrails = Slice(
      select([&](const Policy& p) { return forbids(p) && may_cover(p, kConnect); }), kConnect);
  made->baselines = Slice(baselines, kConnect);
  made->requests = Slice(requests, kRequest);
  made->others = Slice(select([&](const Policy& p) { return !is_offer(p); }));
  std::size_t among_baselines = 0, among_requests = 0;
  for (const Policy* policy : all) {
    const bool is_baseline =
        among_baselines < baselines.size() && baselines[among_baselines] == policy;
    const bool is_request = among_requests < requests.size() && requests[among_requests] == policy;
    if (is_baseline || is_offer(*policy)) {
      TRY(giver, is_baseline ? giver_of(*policy, made->baselines, among_baselines)
                             : giver_of(*policy, made->requests, among_requests));
      made->giver_places.try_emplace(cow_hash(policy->id),
                                     static_cast<std::uint32_t>(made->givers.size()));
      made->givers.push_back(std::move(giver));
    }
    among_baselines += is_baseline ? 1 : 0;
    among_requests += is_request ? 1 : 0;
  }
  made->known = known_entities(all, entities, applications);
  made->known_index = index_of(made->known, entities, all);
  made->entities = std::move(entities);
  made->applications = std::move(applications);
  return made;
}

const Giver* Policies::giver(std::string_view id, std::uint64_t id_hash) const {
  const auto place = giver_places.find(id_hash);
  if (place == giver_places.end()) return nullptr;
  const Giver& giver = givers[place->second];
  return cedar::same_text(giver.id, id) ? &giver : nullptr;
}

const std::vector<Action>& actions() {
  static const std::vector<Action> kActions = [] {
    constexpr auto kControl = std::to_array<std::string_view>(
        {"connect", "request", "approve", "issue", "recover", "break_glass", "explain", "search",
         "who_can", "what_can", "read_evidence", "list", "list_own"});
    // Commands that are decided under another name, or by who is concerned.
    constexpr auto kNoActions =
        std::to_array<std::string_view>({"request_access", "withdraw", "open_baseline", "approve"});
    std::vector<Action> list;
    const auto add = [&](std::string_view name, bool administers) {
      cedar::Entity entity{EntityUid(kActionType, name)};
      if (administers) entity.ancestors = cedar::UidSet({EntityUid(kActionType, kAdminister)});
      list.push_back(Action{std::string(name), administers, std::move(entity)});
    };
    for (std::string_view name : kControl) add(name, false);
    for (const Verb& verb : verbs()) {
      if (std::find(kNoActions.begin(), kNoActions.end(), verb.name) == kNoActions.end()) {
        add(verb.name, true);
      }
    }
    add("plan_policy", true);
    return list;
  }();
  return kActions;
}

const Action* action_named(std::string_view name) {
  for (const Action& action : actions()) {
    if (action.name == name) return &action;
  }
  return nullptr;
}

std::string default_policies() {
  return R"(// What a new trust domain starts with. Change it with: writ policy apply

@id("administrators-administer")
@description("Changes to Writ itself; those that law needs two persons for wait for the second one.")
permit (
  principal in Writ::Group::"administrators",
  action in [
    Writ::Action::"administer", Writ::Action::"list", Writ::Action::"search",
    Writ::Action::"who_can", Writ::Action::"what_can", Writ::Action::"explain",
    Writ::Action::"read_evidence"
  ],
  resource
);

@id("administrators-approve-changes")
permit (
  principal in Writ::Group::"administrators",
  action == Writ::Action::"approve",
  resource is Writ::System
);

@id("terms-name-the-approvers")
@description("Who may approve a request is named by the terms of its offer; nobody else gets this far.")
permit (principal, action == Writ::Action::"approve", resource is Writ::Entitlement);

@id("everyone-searches-their-own")
@description("What one may do oneself; who may use what one owns; doors: in their own application.")
permit (principal, action == Writ::Action::"search", resource) when {
  principal == resource || (resource has owner && principal in resource.owner)
};

@id("owners-ask-who-can")
@description("Who can use or administer what one owns.")
permit (principal, action == Writ::Action::"who_can", resource) when {
  resource has owner && principal in resource.owner
};

@id("everyone-asks-what-they-can")
@description("What one can do oneself, and what the machines can that one owns.")
permit (principal, action == Writ::Action::"what_can", resource) when {
  principal == resource || (resource has owner && principal in resource.owner)
};

@id("everyone-lists-their-own")
permit (principal, action == Writ::Action::"list_own", resource);

@id("everyone-reads-their-own")
permit (
  principal,
  action in [Writ::Action::"explain", Writ::Action::"read_evidence"],
  resource
) when {
  (resource has beneficiary && principal in resource.beneficiary) ||
  (resource has requester && principal in resource.requester) ||
  (resource has owner && principal in resource.owner)
};
)";
}

std::string describe(const Terms& terms) {
  std::string text = "at most " + to_text(terms.max_ttl);
  if (terms.step_up) text += ", a one-time code from the last " + to_text(*terms.step_up);
  if (terms.approvals == 0) return text + ", no approval";
  text += terms.approvals == 1 ? ", one approval by "
                               : ", " + std::to_string(terms.approvals) + " approvals by ";
  if (terms.approvers.starts_with("group:")) return text + terms.approvers.substr(6);
  return text + "the owner";
}

std::string too_long(Millis duration, Millis most) {
  constexpr Millis kLongestShown = std::chrono::days(366);  // a number of any length says no more
  return to_text(std::min(duration, kLongestShown)) +
         " is too long; on these terms it is at most " + to_text(most);
}

}  // namespace writ::core
