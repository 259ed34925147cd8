#include "core/dormant.h"

#include <algorithm>

#include "base/random.h"

namespace writ::core {
namespace {

// Uses within this time of the last one are not remembered.
constexpr Millis kToTheDay = std::chrono::hours(24);

std::string about_of(const std::string& id) {
  return (id.starts_with("dev_") ? "device: " : "identity: ") + id;
}
std::string end_key(const std::string& id) {
  return std::string(kDormant) + " " + id;
}
// Doors, servers and connectors are always in use, or their targets say so.
bool is_watched(IdentityKind kind) {
  switch (kind) {
    case IdentityKind::kDevice:
    case IdentityKind::kDoor:
    case IdentityKind::kConnector:
    case IdentityKind::kServer:
      return false;
    default:
      return true;
  }
}

// The identity whose tier counts; null when it is not watched: gone, or not active.
const Identity* holder_of(const State& state, const std::string& id) {
  const Device* device = state.devices.find(id);
  const Identity* identity = state.identities.find(device != nullptr ? device->identity : id);
  const bool watched = identity != nullptr && identity->state == IdentityState::kActive &&
                       is_watched(identity->kind);
  return watched ? identity : nullptr;
}

const Finding* finding_on(const State& state, const std::string& id) {
  const std::string* open = state.finding_ids.find(std::string(kDormant) + "\n" + about_of(id));
  return open == nullptr ? nullptr : state.findings.find(*open);
}

// When it is next to be looked at; nothing when no time alone changes anything.
std::optional<Time> next_look(const State& state, const std::string& id) {
  const Identity* identity = holder_of(state, id);
  const Finding* open = finding_on(state, id);
  const Time used = last_use_of(state, id);
  if (open != nullptr) {
    const bool over = identity == nullptr || used >= open->since;
    return over ? std::optional(open->since) : std::nullopt;
  }
  if (identity == nullptr) return std::nullopt;
  return used + limits_of(identity->tier).dormant_after;
}

void add(std::vector<std::string>& ids, const std::string& id) {
  if (!id.empty()) ids.push_back(id);
}

}  // namespace

std::string watched_by(const Finding& finding) {
  if (finding.kind != kDormant || !finding.target.empty()) return {};
  const auto space = finding.about.find(' ');
  return space == std::string::npos ? std::string() : finding.about.substr(space + 1);
}

Time last_use_of(const State& state, const std::string& id) {
  const Time* used = state.last_uses.find(id);
  const Device* device = state.devices.find(id);
  const Identity* identity = state.identities.find(device != nullptr ? device->identity : id);
  return std::max(used == nullptr ? Time() : *used, identity == nullptr ? Time() : identity->since);
}

std::optional<EventData> dormancy_event(const State& state, const std::string& id, Time now) {
  const std::optional<Time> look = next_look(state, id);
  if (!look || *look > now) return std::nullopt;
  if (const Finding* open = finding_on(state, id)) return FindingClosed{open->id, "gone"};
  const Identity& identity = *holder_of(state, id);
  const bool is_device = state.devices.contains(id);
  const Time used = last_use_of(state, id);
  Finding finding;
  finding.kind = kDormant;
  finding.about = about_of(id);
  finding.severity = identity.tier <= Tier::kHigh ? Severity::kHigh : Severity::kMedium;
  finding.detail =
      std::string(is_device ? "nobody used this device for " : "nobody used this identity for ") +
      to_text(limits_of(identity.tier).dormant_after) + ", the limit of tier " +
      std::string(name_of(identity.tier)) + "; last seen on " + to_text(used).substr(0, 10);
  finding.remedy = is_device ? "end this device; its holder enrols it again when it is needed"
                             : "quarantine this identity: its grants end, and it gets no others "
                               "until that is lifted";
  finding.owner = identity.owner.empty() ? "identity:" + identity.id : identity.owner;
  finding.last_use = used;
  finding.since = now;
  SeededRandom random(state.next_seq ^ cow_hash(id));  // an id needs to be new, not secret
  do {
    finding.id = new_id("fnd", random);
  } while (state.findings.contains(finding.id));
  return FindingOpened{std::move(finding)};
}

DormancyWatch::DormancyWatch(const State& state, const EventData& data) {
  std::vector<std::string> ids;
  if (const auto* issued = std::get_if<CertificateIssued>(&data)) {
    uses_ = true;
    add(ids, issued->certificate.identity);
    add(ids, issued->certificate.device);
  } else if (const auto* started = std::get_if<SessionStarted>(&data)) {
    uses_ = true;
    add(ids, started->session.identity);
    add(ids, started->session.device);
  } else if (const auto* opened = std::get_if<RequestOpened>(&data)) {
    uses_ = true;
    add(ids, opened->request.requester);
  } else if (const auto* shown = std::get_if<SecondFactorShown>(&data)) {
    uses_ = true;
    add(ids, shown->identity);
    add(ids, shown->device);
  } else if (const auto* enrolled = std::get_if<DeviceEnrolled>(&data)) {
    uses_ = true;
    add(ids, enrolled->device.identity);
    add(ids, enrolled->device.id);
  } else if (const auto* removed = std::get_if<DeviceRemoved>(&data)) {
    add(ids, removed->device);
  } else if (const auto* added = std::get_if<IdentityAdded>(&data)) {
    add(ids, added->identity.id);
  } else if (const auto* changed = std::get_if<IdentityStateChanged>(&data)) {
    add(ids, changed->identity);
    if (const auto* devices = state.devices_of.find(changed->identity)) {
      ids.insert(ids.end(), devices->begin(), devices->end());
    }
  } else if (const auto* finding = std::get_if<FindingOpened>(&data)) {
    add(ids, watched_by(finding->finding));
  } else if (const auto* closed = std::get_if<FindingClosed>(&data)) {
    if (const Finding* open = state.findings.find(closed->finding)) add(ids, watched_by(*open));
  }
  for (std::string& id : ids) {
    const std::optional<Time> before = next_look(state, id);
    watched_.push_back({std::move(id), before});
  }
}

void DormancyWatch::finish(State& state, Time now) const {
  for (const Watched& each : watched_) {
    const bool known = state.identities.contains(each.id) || state.devices.contains(each.id);
    if (uses_ && known &&
        (now - last_use_of(state, each.id) >= kToTheDay || !state.last_uses.contains(each.id) ||
         finding_on(state, each.id) != nullptr)) {
      state.last_uses.set(each.id, now);
    }
    if (!known) state.last_uses.erase(each.id);
    const std::optional<Time> after = next_look(state, each.id);
    if (after == each.before) continue;
    if (each.before) state.ends.erase(end_key(each.id), *each.before);
    if (after) state.ends.set(end_key(each.id), *after);
  }
}

void watch_all(State& state) {
  const auto watch = [&](const std::string& id) {
    if (const auto look = next_look(state, id)) state.ends.set(end_key(id), *look);
  };
  state.identities.for_each([&](const std::string& id, const Identity&) { watch(id); });
  state.devices.for_each([&](const std::string& id, const Device&) { watch(id); });
  // Of what is there no more, a finding may be open until the next turn.
  state.findings.for_each([&](const std::string&, const Finding& finding) {
    const std::string id = watched_by(finding);
    if (!id.empty() && !state.identities.contains(id) && !state.devices.contains(id)) watch(id);
  });
}

}  // namespace writ::core
