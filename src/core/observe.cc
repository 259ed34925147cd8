// on_observed: what one whole observation of a target means. What is there and not desired is a
// finding: standing privilege, drift or an orphan.
#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "core/command.h"
#include "core/dormant.h"
#include "core/login.h"

namespace writ::core {
namespace {

// An observation is taken before it is judged. A grant that changed in between is not held against
// it.
constexpr Millis kSettling = std::chrono::seconds(10);
// A last use that moved by less renews no finding: evidence would be nothing but that.
constexpr Millis kUseMoved = std::chrono::hours(1);
constexpr std::size_t kHoldingsAnEvent = 100;
constexpr std::size_t kBytesAnEvent = 50'000;  // of its holdings, in JSON
// What is longer in a target is cut.
constexpr std::size_t kMostLogin = 255;
constexpr std::size_t kMostWhat = 1000;
// More changes than these are left for the next observation.
constexpr std::size_t kMostEvents = 10'000;
constexpr std::size_t kMostNamed = 5;
constexpr std::string_view kConnector = "connector";
// How a target's observation names what is nobody's in particular, and what it keeps from Writ.
constexpr std::string_view kEveryone = "public";
constexpr std::string_view kProtected = "protected from Writ";
constexpr std::string_view kReplication = "replication";

constexpr std::string_view kKinds[] = {
    "standing_password", "superuser", "unexplained_privilege", "orphan", "drift", kDormant};

struct Scene {
  const State& state;
  const TargetSystem& target;
  const Observed& observed;
  Time now;
};

// Live grants of this target, by login.
std::map<std::string, const Grant*> logins_of(const Scene& scene) {
  std::map<std::string, const Grant*> logins;
  scene.state.grants.for_each([&](const std::string&, const Grant& grant) {
    const Entitlement* entitlement = scene.state.entitlements.find(grant.entitlement);
    if (entitlement == nullptr) return;
    const Resource* resource = scene.state.resources.find(entitlement->resource);
    if (resource != nullptr && resource->target == scene.target.name)
      logins[login_of(scene.state, grant)] = &grant;
  });
  return logins;
}

// How events name an account: one that Writ made, without the person's name.
std::string named(const std::map<std::string, const Grant*>& logins,
                  const std::set<std::string>& made, const std::string& login) {
  return logins.contains(login) || made.contains(login) ? recorded_login(login) : login;
}
std::set<std::string> made_by_writ(const Observed& observed) {
  std::set<std::string> made;
  for (const ObservedAccount& account : observed.accounts) {
    if (account.grant) made.insert(account.login);
  }
  return made;
}

// What a target says may be as long as it likes; an event is not.
Observed bounded(Observed observed) {
  for (ObservedAccount& account : observed.accounts) {
    account.login = cut_text(account.login, kMostLogin);
    if (account.grant) account.grant = cut_text(*account.grant, kMostLogin);
  }
  for (ObservedHolding& holding : observed.holdings) {
    holding.login = cut_text(holding.login, kMostLogin);
    holding.what = cut_text(holding.what, kMostWhat);
    holding.resource = cut_text(holding.resource, kMostWhat);
  }
  return observed;
}

std::string use_text(const std::optional<Time>& last_use) {
  if (!last_use) return "when it was last used, the target does not tell";
  return "last used at " + to_text(*last_use);
}

std::string some_of(const std::vector<std::string>& items) {
  std::string text;
  for (std::size_t i = 0; i < items.size() && i < kMostNamed; ++i) {
    text += (i > 0 ? ", " : "") + cut_text(items[i], 200);
  }
  if (items.size() > kMostNamed) {
    text += " and " + std::to_string(items.size() - kMostNamed) + " more";
  }
  return text;
}

Finding finding_about(const Scene& scene, std::string_view kind, const std::string& login,
                      Severity severity) {
  Finding finding;
  finding.kind = kind;
  finding.about = scene.target.name + ": " + login;
  finding.severity = severity;
  finding.target = scene.target.name;
  finding.login = login;
  if (const Resource* resource = scene.state.resources.find(scene.target.name)) {
    finding.owner = resource->owner;
  }
  finding.since = scene.now;
  return finding;
}

// Why no connector takes the password of this login; empty when it would.
std::string kept_from_writ(const std::vector<std::string>& holdings) {
  const auto has = [&](std::string_view what) {
    return std::find(holdings.begin(), holdings.end(), what) != holdings.end();
  };
  if (has(kProtected)) return "an administrator of the target protected it";
  if (has(kReplication)) return "it is a replication login";
  return {};
}

// What everyone who can log in holds, whatever was granted to whom.
void judge_everyone(const Scene& scene, const std::vector<std::string>& holdings,
                    std::vector<Finding>& findings) {
  if (holdings.empty()) return;
  Finding finding =
      finding_about(scene, "unexplained_privilege", std::string(kEveryone), Severity::kMedium);
  finding.detail =
      "everyone who can log in (PUBLIC) holds what no grant explains: " + some_of(holdings);
  findings.push_back(std::move(finding));
}

// A login that nobody used for longer than the target's tier allows, where the target tells. Its
// remedy is that of its password.
void judge_use(const Scene& scene, const ObservedAccount& account, std::vector<Finding>& findings) {
  const Resource* resource = scene.state.resources.find(scene.target.name);
  const Millis limit =
      limits_of(resource == nullptr ? Tier::kCritical : resource->tier).dormant_after;
  if (!account.last_use || scene.now - *account.last_use < limit) return;
  Finding finding = finding_about(scene, kDormant, account.login, Severity::kMedium);
  finding.detail = "nobody used " + account.login + " for " + to_text(limit) +
                   ", the limit of the target's tier; " + use_text(account.last_use);
  if (!findings.empty() && findings.back().kind == "standing_password" &&
      findings.back().login == account.login) {
    finding.remedy = findings.back().remedy;
  }
  finding.last_use = account.last_use;
  findings.push_back(std::move(finding));
}

// An account that Writ did not make.
void judge_foreign(const Scene& scene, const ObservedAccount& account,
                   const std::vector<std::string>& holdings, std::vector<Finding>& findings) {
  if (account.superuser) {
    Finding finding = finding_about(scene, "superuser", account.login,
                                    account.can_login ? Severity::kCritical : Severity::kHigh);
    finding.detail =
        account.login + " is a superuser: no policy holds for it; " + use_text(account.last_use);
    finding.last_use = account.last_use;
    findings.push_back(std::move(finding));
  }
  if (account.login == scene.target.connector || !account.can_login) return;
  if (account.has_password) {
    Finding finding = finding_about(scene, "standing_password", account.login, Severity::kHigh);
    finding.detail = account.login + " logs in with a standing password that Writ did not issue" +
                     (account.valid_until ? ", valid until " + to_text(*account.valid_until)
                                          : std::string(", without an end")) +
                     "; " + use_text(account.last_use);
    const std::string kept = kept_from_writ(holdings);
    if (!kept.empty()) finding.detail += "; Writ leaves it alone: " + kept;
    if (!account.superuser && kept.empty()) {  // no connector may touch one
      finding.remedy = "retire the password of " + account.login + " in " + scene.target.name +
                       "; the account stays";
    }
    finding.last_use = account.last_use;
    findings.push_back(std::move(finding));
  }
  judge_use(scene, account, findings);
  std::vector<std::string> held = holdings;
  std::erase(held, kProtected);
  if (!held.empty() && !account.superuser) {
    Finding finding =
        finding_about(scene, "unexplained_privilege", account.login, Severity::kMedium);
    finding.detail = account.login + " holds what no grant explains: " + some_of(held) + "; " +
                     use_text(account.last_use);
    finding.last_use = account.last_use;
    findings.push_back(std::move(finding));
  }
}

// How the account of a live grant differs from what the grant stands for; empty when it does not.
std::string drift_of(const Scene& scene, const Grant& grant, const ObservedAccount& account,
                     const std::vector<std::string>& holdings) {
  if (account.superuser) return "it is a superuser";
  const Entitlement* entitlement = scene.state.entitlements.find(grant.entitlement);
  if (entitlement == nullptr) return {};
  std::vector<std::string> more;
  for (const std::string& what : holdings) {
    constexpr std::string_view kMember = "member of ";
    bool meant = false;
    if (what.starts_with(kMember)) {
      const std::string role = what.substr(kMember.size());
      const auto& roles = entitlement->membership;
      meant = std::find(roles.begin(), roles.end(), role) != roles.end() ||
              (!entitlement->privileges.empty() && role.starts_with("writ_"));
    } else {
      const auto& privileges = entitlement->privileges;
      meant = std::find(privileges.begin(), privileges.end(), what) != privileges.end();
    }
    if (!meant) more.push_back(what);
  }
  if (!more.empty()) return "it holds more than its grant: " + some_of(more);
  if (grant.state != GrantState::kActive || scene.now < *grant.from + kSettling) return {};
  if (!account.can_login) return "it cannot log in";
  if (!account.valid_until || *account.valid_until > *grant.until + std::chrono::seconds(1)) {
    return "the target would let it log in past the grant's end";
  }
  return {};
}

std::vector<Finding> findings_of(const Scene& scene,
                                 const std::map<std::string, const Grant*>& logins) {
  std::map<std::string, std::vector<std::string>> holdings;
  for (const ObservedHolding& holding : scene.observed.holdings) {
    if (holding.what != "superuser") holdings[holding.login].push_back(holding.what);
  }
  std::vector<Finding> findings;
  std::set<std::string> seen;
  auto& everyone = holdings[std::string(kEveryone)];
  std::sort(everyone.begin(), everyone.end());
  judge_everyone(scene, everyone, findings);
  for (const ObservedAccount& account : scene.observed.accounts) {
    if (!seen.insert(account.login).second) continue;
    auto& mine = holdings[account.login];
    std::sort(mine.begin(), mine.end());
    const auto login = logins.find(account.login);
    if (login != logins.end() && account.grant == login->second->id) {
      const Grant& grant = *login->second;
      if (grant.state == GrantState::kRevoking) continue;  // on its way out, and shown as that
      const std::string drift = drift_of(scene, grant, account, mine);
      if (drift.empty()) continue;
      Finding finding =
          finding_about(scene, "drift", recorded_login(account.login), Severity::kHigh);
      finding.detail = "the account of grant " + grant.id + " is not as it was made: " + drift;
      finding.last_use = account.last_use;
      findings.push_back(std::move(finding));
    } else if (account.grant) {
      const std::string orphan = recorded_login(account.login);
      Finding finding = finding_about(scene, "orphan", orphan, Severity::kHigh);
      finding.detail = orphan + " was made for grant " + account.grant->substr(0, 64) +
                       ", which is not live; " + use_text(account.last_use);
      finding.remedy = "end the account " + orphan + " in " + scene.target.name;
      finding.last_use = account.last_use;
      findings.push_back(std::move(finding));
    } else {
      judge_foreign(scene, account, mine, findings);
    }
  }
  for (const auto& [login, grant] : logins) {
    if (grant->state != GrantState::kActive || seen.contains(login)) continue;
    if (scene.now < *grant->from + kSettling || *grant->until <= scene.now) continue;
    Finding finding = finding_about(scene, "drift", recorded_login(login), Severity::kHigh);
    finding.detail = "the account of grant " + grant->id + " is missing in the target";
    findings.push_back(std::move(finding));
  }
  return findings;
}

auto key_of(const Holding& h) {
  return std::tie(h.login, h.what, h.resource, h.grant);
}
bool before(const Holding& a, const Holding& b) {
  return key_of(a) < key_of(b);
}

std::vector<Holding> holdings_of(const Scene& scene,
                                 const std::map<std::string, const Grant*>& logins) {
  const std::set<std::string> made = made_by_writ(scene.observed);
  std::vector<Holding> holdings;
  for (const ObservedHolding& observed : scene.observed.holdings) {
    Holding holding{
        scene.target.name,
        named(logins, made, observed.login),
        without_login(observed.what, made.contains(observed.login) ? observed.login : ""),
        observed.resource,
        {}};
    const auto grant = logins.find(observed.login);
    if (grant != logins.end()) holding.grant = grant->second->id;
    if (observed.login == scene.target.connector) holding.grant = kConnector;
    holdings.push_back(std::move(holding));
  }
  std::sort(holdings.begin(), holdings.end(), before);
  holdings.erase(
      std::unique(holdings.begin(), holdings.end(),
                  [](const Holding& a, const Holding& b) { return key_of(a) == key_of(b); }),
      holdings.end());
  return holdings;
}

void observe_holdings(const Scene& scene, const std::vector<Holding>& now_there,
                      std::vector<EventData>& events) {
  static const std::vector<Holding> kNone;
  const std::vector<Holding>* known = scene.state.holdings.find(scene.target.name);
  const std::vector<Holding>& there_before = known == nullptr ? kNone : *known;
  std::vector<Holding> added, removed;
  std::set_difference(now_there.begin(), now_there.end(), there_before.begin(), there_before.end(),
                      std::back_inserter(added), before);
  std::set_difference(there_before.begin(), there_before.end(), now_there.begin(), now_there.end(),
                      std::back_inserter(removed), before);
  HoldingsObserved event{scene.target.name, {}, {}};
  std::size_t bytes = 0;
  const auto flush = [&] {
    if (!event.added.empty() || !event.removed.empty()) events.push_back(event);
    event.added.clear();
    event.removed.clear();
    bytes = 0;
  };
  const auto take = [&](std::vector<Holding>& list, const Holding& holding) {
    const std::size_t size = canonical(to_json(holding)).size() + 1;
    if (event.added.size() + event.removed.size() >= kHoldingsAnEvent ||
        bytes + size > kBytesAnEvent) {
      flush();
    }
    bytes += size;
    list.push_back(holding);
  };
  for (const Holding& holding : removed) take(event.removed, holding);
  for (const Holding& holding : added) take(event.added, holding);
  flush();
}

// True when the open finding still says what there is to say.
bool is_current(const Finding& open, const Finding& seen) {
  if (open.severity != seen.severity || open.owner != seen.owner || open.remedy != seen.remedy ||
      open.last_use.has_value() != seen.last_use.has_value()) {
    return false;
  }
  if (!seen.last_use) return open.detail == seen.detail;
  if (*seen.last_use >= *open.last_use + kUseMoved) return false;
  // The detail ends with the last use; what stands before it must not have changed.
  const auto stem = [](const Finding& f) {
    return f.detail.substr(0, f.detail.rfind(use_text(f.last_use)));
  };
  return stem(open) == stem(seen);
}

}  // namespace

std::vector<EventData> on_observed(const State& state, const TargetSystem& target,
                                   const Observed& seen, Time now, Random& random) {
  if (!state.targets.contains(target.name)) return {};  // removed meanwhile
  const Observed observed = bounded(seen);
  const Scene scene{state, target, observed, now};
  const auto logins = logins_of(scene);
  std::vector<EventData> events;
  observe_holdings(scene, holdings_of(scene, logins), events);

  std::set<std::string> still;  // ids of findings that are still so
  for (Finding& finding : findings_of(scene, logins)) {
    const std::string* id = state.finding_ids.find(finding.kind + "\n" + finding.about);
    if (id == nullptr) {
      do {
        finding.id = new_id("fnd", random);
      } while (state.findings.contains(finding.id));
      events.push_back(FindingOpened{std::move(finding)});
      continue;
    }
    still.insert(*id);
    const Finding& open = *state.findings.find(*id);
    if (is_current(open, finding)) continue;
    finding.id = *id;
    finding.since = open.since;
    events.push_back(FindingOpened{std::move(finding)});
  }
  std::vector<std::string> gone;
  state.findings.for_each([&](const std::string& id, const Finding& finding) {
    const bool ours =
        std::find(std::begin(kKinds), std::end(kKinds), finding.kind) != std::end(kKinds);
    if (ours && finding.target == target.name && !still.contains(id)) gone.push_back(id);
  });
  std::sort(gone.begin(), gone.end());
  for (const std::string& id : gone) events.push_back(FindingClosed{id, "gone"});
  if (events.size() > kMostEvents) events.erase(events.begin() + kMostEvents, events.end());
  return events;
}

}  // namespace writ::core
