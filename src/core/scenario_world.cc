#include "core/scenario_world.h"

#include <algorithm>
#include <set>

#include "base/bytes.h"

namespace writ::core {
namespace {

constexpr Millis kBefore = std::chrono::days(366);  // since when things are there

// Nothing in a scenario is secret.
class Unsealed final : public Sealer {
 public:
  Result<Sealed> seal(std::string_view subject, std::string_view text) override {
    return Sealed{std::string(subject), to_base64(text)};
  }
  Result<std::string> open(const Sealed& sealed) const override { return from_base64(sealed.box); }
  std::string digest(std::string_view text) const override { return to_hex(text); }
};

class World {
 public:
  // `file` outlives it.
  explicit World(const ScenarioFile& file)
      : file_(file),
        now_(now_of(file)),
        identities_(file.identities.value_or(std::map<std::string, SaidIdentity>())),
        resources_(file.resources.value_or(std::map<std::string, SaidResource>())) {}

  Result<State> build(const std::shared_ptr<const Policies>& policies) {
    policies_ = policies;
    add(now_ - kBefore, Genesis{"scenario.test", "", "1", true, "", ""}, "");
    add_groups();
    // An owner before what it owns.
    for (const bool owned : {false, true}) {
      for (const auto& [name, said] : identities_) {
        if (said.owner.has_value() == owned) CHECK_OK(add_identity(name, said));
      }
    }
    CHECK_OK(add_resources());
    CHECK_OK(add_grants());
    std::stable_sort(facts_.begin(), facts_.end(),
                     [](const Fact& a, const Fact& b) { return a.time < b.time; });
    State state;
    for (Fact& fact : facts_) {
      const Event event{
          state.next_seq, fact.time, "scenario.test", {"server"}, std::move(fact.data)};
      if (const Status done = fold(state, event, sealer_); !done) {
        return fail(Code::kInvalid, done.error().message, fact.pointer);
      }
      state.policies = policies;
    }
    return state;
  }

 private:
  struct Fact {
    Time time;
    EventData data;
    std::string pointer;  // where the file says it
  };
  void add(Time time, EventData data, std::string pointer) {
    facts_.push_back({time, std::move(data), std::move(pointer)});
  }

  void add_groups() {
    std::set<std::string> groups;
    const auto owner = [&](const std::optional<std::string>& name) {
      constexpr std::string_view kGroup = "group:";
      if (name && name->starts_with(kGroup)) groups.insert(name->substr(kGroup.size()));
    };
    for (const auto& [name, said] : identities_) {
      if (said.groups) groups.insert(said.groups->begin(), said.groups->end());
      owner(said.owner);
    }
    for (const auto& [name, said] : resources_) owner(said.owner);
    for (const std::string& group : groups) {
      add(now_ - kBefore, GroupAdded{Group{group, "", false}}, "/identities");
    }
  }

  Status add_identity(const std::string& name, const SaidIdentity& said) {
    const std::string at = "/identities/" + name;
    Identity identity;
    identity.id = name;
    identity.kind = said.kind.value_or(IdentityKind::kUser);
    if (is_person(identity.kind)) {
      identity.sealed_name = Sealed{name, to_base64(name)};
    } else {
      identity.name = name;
    }
    identity.name_digest = sealer_.digest(name);
    identity.tier = said.tier.value_or(Tier::kMedium);
    identity.owner = said.owner.value_or("");
    identity.purpose = said.purpose.value_or("");
    identity.environment = said.environment.value_or("");
    identity.state = said.state.value_or(IdentityState::kActive);
    identity.since = now_ - kBefore;
    add(now_ - kBefore, IdentityAdded{identity}, at);
    for (const std::string& group : said.groups.value_or(std::vector<std::string>())) {
      add(now_ - kBefore, MembershipAdded{Membership{group, name, now_ + 10 * kBefore}}, at);
    }
    TRY(code, duration_at(said.code, at + "/code"));
    if (code) {
      if (*code > kBefore) return fail(Code::kInvalid, "that is too long ago", at + "/code");
      add(now_ - kBefore, SecondFactorSet{name, Sealed{name, ""}}, at);
      add(now_ - *code, SecondFactorShown{name, "", 1}, at);
    }
    return {};
  }

  // What is named, and all that it lies in.
  Status add_resources() {
    const std::vector<std::string> entitlements =
        file_.entitlements.value_or(std::vector<std::string>());
    std::vector<std::string> named;
    for (const auto& [name, said] : resources_) named.push_back(name);
    for (const std::string& name : entitlements) {
      const auto cut = name.rfind('/');
      if (cut == std::string::npos || cut + 1 == name.size()) {
        return fail(Code::kInvalid,
                    "\"" + name + "\" is no entitlement: TARGET/…/ROLE, as pg-main/orders/reader",
                    "/entitlements");
      }
      named.push_back(name.substr(0, cut));
    }
    for (const std::string& name : named) {
      for (auto cut = name.find('/'); cut != std::string::npos; cut = name.find('/', cut + 1)) {
        resources_.try_emplace(name.substr(0, cut));
      }
      resources_.try_emplace(name);
    }
    for (const auto& [name, said] : resources_) {
      const auto cut = name.rfind('/');
      Resource resource;
      resource.name = name;
      resource.target = name.substr(0, name.find('/'));
      if (cut == std::string::npos) {
        TargetSystem target;
        target.name = name;
        add(now_ - kBefore, TargetAdded{target}, "/resources/" + name);
      } else {
        resource.parent = name.substr(0, cut);
      }
      resource.tier = said.tier.value_or(Tier::kHigh);
      resource.environment = said.environment.value_or("");
      resource.owner = said.owner.value_or("");
      resource.sensitivity = said.sensitivity.value_or("");
      resource.labels = said.labels.value_or(std::vector<std::string>());
      add(now_ - kBefore, ResourceAdded{resource}, "/resources/" + name);
    }
    for (const std::string& name : entitlements) {
      const auto cut = name.rfind('/');
      Entitlement entitlement;
      entitlement.name = name;
      entitlement.resource = name.substr(0, cut);
      entitlement.role = name.substr(cut + 1);
      add(now_ - kBefore, EntitlementAdded{entitlement}, "/entitlements");
    }
    return {};
  }

  Status add_grants() {
    const std::vector<SaidGrant> grants = file_.grants.value_or(std::vector<SaidGrant>());
    for (std::size_t i = 0; i < grants.size(); ++i) {
      const SaidGrant& said = grants[i];
      const std::string at = "/grants/" + std::to_string(i);
      const Giver* giver = policies_->giver(said.policy);
      if (giver == nullptr) {
        return fail(Code::kInvalid,
                    "no policy \"" + said.policy +
                        "\" gives grants: an offer does, or a permit "
                        "for Writ::Action::\"connect\"",
                    at + "/policy");
      }
      TRY(duration, duration_at(said.duration, at + "/for"));
      TRY(since, duration_at(said.since, at + "/since"));
      TRY(code, duration_at(said.code, at + "/code"));
      if (since && *since > kBefore) return fail(Code::kInvalid, "that is too long ago", at);
      Grant grant;
      grant.id = "grt_" + std::to_string(i);
      grant.beneficiary = said.identity;
      grant.entitlement = said.entitlement;
      grant.cause = giver->offer ? Cause::kOffer : Cause::kBaseline;
      grant.policy = said.policy;
      grant.duration = duration.value_or(std::chrono::minutes(10));
      grant.approvers = said.approvers.value_or(std::vector<std::string>());
      if (code) grant.mfa_age_ms = code->count();
      grant.created = now_ - since.value_or(Millis(0));
      add(grant.created, GrantCreated{grant}, at);
      add(grant.created, GrantActivated{grant.id, grant.created, grant.created + grant.duration},
          at);
    }
    return {};
  }

  const ScenarioFile& file_;
  const Time now_;
  std::map<std::string, SaidIdentity> identities_;
  std::map<std::string, SaidResource> resources_;
  std::shared_ptr<const Policies> policies_;
  std::vector<Fact> facts_;
  Unsealed sealer_;
};

}  // namespace

Result<std::optional<Millis>> duration_at(const std::optional<std::string>& text,
                                          const std::string& pointer) {
  std::optional<Millis> duration;
  if (!text) return duration;
  auto read = parse_duration(*text);
  if (!read) return fail(Code::kInvalid, read.error().message, pointer);
  duration = *read;
  return duration;
}

Time now_of(const ScenarioFile& file) {
  return file.now.value_or(from_unix_ms(1'800'000'000'000));
}

Result<State> world_of(const ScenarioFile& file, const std::shared_ptr<const Policies>& policies) {
  return World(file).build(policies);
}

}  // namespace writ::core
