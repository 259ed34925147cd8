#include "core/views.h"

#include <algorithm>

#include "core/approval.h"
#include "core/call.h"
#include "core/decide.h"
#include "core/grants.h"
#include "core/login.h"
#include "core/rows.h"

namespace writ::core {
namespace {

std::string joined(const std::vector<std::string>& items, std::string_view between) {
  std::string text;
  for (const std::string& item : items) text += (text.empty() ? "" : std::string(between)) + item;
  return text;
}

// "up to 1h, needs a code from the last 15m, approval by dba (1)".
std::string words(const Viewer& viewer, const Terms& terms) {
  std::string text = "up to " + to_text(terms.max_ttl);
  if (terms.step_up) text += ", needs a code from the last " + to_text(*terms.step_up);
  if (terms.approvals == 0) return text + ", no approval";
  std::string by = viewer.owner(terms.approvers);
  if (by.starts_with("group:")) by = by.substr(6);
  if (by.empty()) by = "the owner";
  return text + ", approval by " + by + " (" + std::to_string(terms.approvals) + ")";
}

// "held until …", "activating", "pending req_…", or nothing.
std::string standing(const Viewer& viewer, const std::string& entitlement) {
  for (const Grant* grant : grants_of(viewer.state, viewer.asker, entitlement)) {
    if (grant->state == GrantState::kActive && *grant->until > viewer.now) {
      return "held until " + to_text(*grant->until);
    }
    if (grant->state == GrantState::kActivating) return "activating " + grant->id;
  }
  std::string pending;
  viewer.state.requests.for_each([&](const std::string& id, const Request& request) {
    const bool mine = request.requester == viewer.asker || request.beneficiary == viewer.asker;
    if (mine && request.entitlement == entitlement) pending = "pending " + id;
  });
  return pending;
}

void entitlements(const Viewer& viewer, JsonArray& rows) {
  viewer.state.entitlements.for_each([&](const std::string& name, const Entitlement& e) {
    const auto offers = offers_for(viewer.state, viewer.asker, name, viewer.now);
    const std::string held = standing(viewer, name);
    if (viewer.scope == Scope::kOwn && offers.empty() && held.empty()) return;
    std::vector<std::string> ids, terms;
    for (const Offer& offer : offers) {
      ids.push_back(offer.policy);
      terms.push_back(words(viewer, offer.terms));
    }
    const Resource* resource = viewer.state.resources.find(e.resource);
    rows.push_back(Json::object({{"name", name},
                                 {"terms", joined(terms, " or ")},
                                 {"state", held},
                                 {"tier", name_of(tier_of(viewer.state, e))},
                                 {"target", resource == nullptr ? "" : resource->target},
                                 {"database", e.database},
                                 {"offers", joined(ids, ", ")},
                                 {"description", e.description}}));
  });
}

void grants(const Viewer& viewer, JsonArray& rows) {
  viewer.state.grants.for_each([&](const std::string& id, const Grant& g) {
    if (!viewer.concerns(g.beneficiary)) return;
    std::vector<std::string> approvers;
    for (const SharedText& person : g.approvers) approvers.push_back(viewer.name(person));
    rows.push_back(
        Json::object({{"id", id},
                      {"identity", viewer.name(g.beneficiary)},
                      {"entitlement", g.entitlement},
                      {"state", name_of(g.state)},
                      {"until", text_of(g.until)},
                      {"cause", name_of(g.cause)},
                      {"policy", g.policy},
                      {"purpose", g.purpose ? opened_or_erased(viewer.sealer, *g.purpose) : ""},
                      {"approved_by", joined(approvers, ", ")},
                      {"request", g.request},
                      {"login", login_of(viewer.state, g)},
                      {"from", text_of(g.from)},
                      {"end_reason", g.ending ? name_of(g.ending->reason) : ""},
                      {"tries", g.failure ? g.failure->tries : 0},
                      {"last_error", g.failure ? g.failure->error : ""}}));
  });
}

void requests(const Viewer& viewer, JsonArray& rows) {
  viewer.state.requests.for_each([&](const std::string& id, const Request& r) {
    const bool mine = viewer.concerns(r.requester) || viewer.concerns(r.beneficiary);
    const bool decides = may_approve(viewer.state, r, viewer.asker, viewer.now).has_value();
    if (!mine && !decides) return;
    const auto given = counting_approvals(viewer.state, r, viewer.now).size();
    rows.push_back(Json::object(
        {{"id", id},
         {"requester", viewer.name(r.requester)},
         {"identity", viewer.name(r.beneficiary)},
         {"entitlement", r.entitlement},
         {"duration", to_text(r.duration)},
         {"purpose", opened_or_erased(viewer.sealer, r.purpose)},
         {"approvals", std::to_string(given) + " of " + std::to_string(r.terms.approvals)},
         {"approvers", viewer.owner(r.terms.approvers)},
         {"yours_to_decide", decides},
         {"terms", words(viewer, r.terms)},
         {"offer", r.offer},
         {"opened", to_text(r.opened)},
         {"until", to_text(r.until)}}));
  });
}

// What a change does, in a few words.
std::string summary_of(const Viewer& viewer, const Change& change) {
  const auto at = [&](std::initializer_list<std::string_view> path) -> std::string {
    const Json* json = &change.body;
    for (std::string_view step : path) {
      if (json == nullptr) return {};
      json = json->find(step);
    }
    return json != nullptr && json->as_string() ? *json->as_string() : std::string();
  };
  if (change.verb == "add_target") return at({"target", "name"});
  if (change.verb == "add_resource") return at({"resource", "name"});
  if (change.verb == "add_entitlement") return at({"entitlement", "name"});
  if (change.verb == "add_door") return viewer.name(at({"door", "identity"}));
  if (change.verb == "add_group") return at({"name"});
  if (change.verb == "add_member" || change.verb == "remove_member") {
    return viewer.name(at({"identity"})) + " in " + at({"group"});
  }
  if (change.verb == "add_identity") {
    const Json* name = change.body.find("name");
    if (name == nullptr || name->as_object() == nullptr) return at({"name"});
    const auto sealed = from_json<Sealed>(*name);
    return sealed ? opened_or_erased(viewer.sealer, *sealed) : std::string();
  }
  if (change.verb == "set_identity_state") {
    return viewer.name(at({"identity"})) + " " + at({"state"});
  }
  for (const std::string_view member : {"identity", "name"}) {
    if (const std::string named = at({member}); !named.empty()) return viewer.name(named);
  }
  const Json* files = change.body.find("files");
  if (files == nullptr || files->as_array() == nullptr) return {};
  std::vector<std::string> names;
  for (const Json& file : *files->as_array()) {
    const Json* name = file.find("name");
    if (name != nullptr && name->as_string()) names.push_back(*name->as_string());
  }
  return joined(names, ", ");
}

void changes(const Viewer& viewer, JsonArray& rows) {
  viewer.state.changes.for_each([&](const std::string& id, const Change& c) {
    const bool decides = may_approve(viewer.state, c, viewer.asker, viewer.now).has_value();
    if (!viewer.concerns(c.proposer) && !decides) return;
    rows.push_back(Json::object({{"id", id},
                                 {"proposer", viewer.name(c.proposer)},
                                 {"verb", c.verb},
                                 {"what", summary_of(viewer, c)},
                                 {"yours_to_decide", decides},
                                 {"opened", to_text(c.opened)},
                                 {"until", to_text(c.until)}}));
  });
}

// Told to end, and not yet reported as ended.
bool is_ending(const State& state, const Session& session) {
  const Grant* grant = state.grants.find(session.grant);
  return grant == nullptr || grant->state == GrantState::kRevoking ||
         has_lost_credential(state, session);
}

void sessions(const Viewer& viewer, JsonArray& rows) {
  viewer.state.sessions.for_each([&](const std::string& id, const Session& s) {
    if (!viewer.concerns(s.identity)) return;
    const Grant* grant = viewer.state.grants.find(s.grant);
    rows.push_back(Json::object({{"id", id},
                                 {"identity", viewer.name(s.identity)},
                                 {"entitlement", grant == nullptr ? "" : grant->entitlement},
                                 {"grant", s.grant},
                                 {"state", is_ending(viewer.state, s) ? "ending" : "open"},
                                 {"since", to_text(s.since)},
                                 {"device", s.device},
                                 {"credential", s.credential},
                                 {"source_ip", s.source_ip},
                                 {"application", s.application},
                                 {"door", viewer.name(s.door)},
                                 {"backend", s.backend}}));
  });
}

struct Kind {
  std::string_view name;
  void (*rows)(const Viewer&, JsonArray&);
};
constexpr Kind kKinds[] = {
    {"entitlements", entitlements}, {"grants", grants},     {"requests", requests},
    {"changes", changes},           {"sessions", sessions}, {"holdings", holding_rows},
    {"identities", identity_rows},  {"groups", group_rows}, {"findings", finding_rows},
    {"targets", target_rows},       {"doors", door_rows},   {"policies", policy_rows},
    {"devices", device_rows},
};

// Rows come in the order of their first member.
bool before(const Json& a, const Json& b) {
  const std::string* x = a.as_object()->front().second.as_string();
  const std::string* y = b.as_object()->front().second.as_string();
  if (x == nullptr || y == nullptr || *x == *y) return canonical(a) < canonical(b);
  return *x < *y;
}

}  // namespace

std::string text_of(const std::optional<Time>& time) {
  return time ? to_text(*time) : "";
}

std::string Viewer::name(std::string_view id) const {
  return id.empty() ? std::string() : display_name(state, sealer, id);
}

std::string Viewer::owner(std::string_view owner) const {
  constexpr std::string_view kIdentity = "identity:";
  if (!owner.starts_with(kIdentity)) return std::string(owner);
  return name(owner.substr(kIdentity.size()));
}

bool Viewer::concerns(std::string_view identity) const {
  if (scope == Scope::kAll || identity == asker) return true;
  const auto persons = persons_behind(state, identity, now);
  return std::find(persons.begin(), persons.end(), asker) != persons.end();
}

bool Viewer::owned(std::string_view owner) const {
  if (scope == Scope::kAll) return true;
  const auto persons = persons_of_owner(state, owner, now);
  return std::find(persons.begin(), persons.end(), asker) != persons.end();
}

Result<JsonArray> view(const State& state, const Sealer& sealer, std::string_view kind,
                       std::string_view asker, Scope scope, Time now) {
  for (const Kind& each : kKinds) {
    if (each.name != kind) continue;
    JsonArray rows;
    each.rows(Viewer{state, sealer, asker, scope, now}, rows);
    std::sort(rows.begin(), rows.end(), before);
    return rows;
  }
  std::string known;
  for (const Kind& each : kKinds) known += (known.empty() ? "" : ", ") + std::string(each.name);
  return fail(Code::kInvalid,
              "there is no list \"" + std::string(kind.substr(0, 64)) + "\"; these are: " + known);
}

Json whoami(const State& state, const Sealer& sealer, const Actor& actor, Time now) {
  const Identity* identity = state.identities.find(actor.identity);
  if (identity == nullptr) return Json::object({{"identity", actor.identity}});
  JsonArray groups;
  bool administers = false;
  if (const auto* memberships = state.memberships.find(identity->id)) {
    for (const Membership& m : *memberships) {
      if (m.until <= now) continue;
      const Group* group = state.groups.find(m.group);
      administers = administers || (group != nullptr && group->administers);
      groups.push_back(Json::object({{"group", m.group}, {"until", to_text(m.until)}}));
    }
  }
  const Device* device = state.devices.find(actor.device);
  const Certificate* certificate = state.certificates.find(actor.credential);
  const SecondFactor* factor = state.second_factors.find(identity->id);
  const bool fresh = factor != nullptr && factor->fresh && factor->fresh_device == actor.device;
  return Json::object(
      {{"identity", identity->id},
       {"name", display_name(state, sealer, identity->id)},
       {"kind", name_of(identity->kind)},
       {"tier", name_of(identity->tier)},
       {"state", name_of(identity->state)},
       {"trust_domain", state.genesis.trust_domain},
       {"spiffe", spiffe_id(state, *identity)},
       {"owner", Viewer{state, sealer, actor.identity, Scope::kOwn, now}.owner(identity->owner)},
       {"groups", std::move(groups)},
       {"administers", administers},
       {"device", actor.device},
       {"device_label", device == nullptr ? "" : opened_or_erased(sealer, device->label)},
       {"device_until", device == nullptr ? "" : to_text(device->until)},
       {"certificate", actor.credential},
       {"certificate_until", certificate == nullptr ? "" : to_text(certificate->until)},
       {"second_factor", factor == nullptr ? "none" : (fresh ? "shown" : "set")},
       {"second_factor_age_ms",
        fresh ? Json(std::max<std::int64_t>(0, (now - *factor->fresh).count())) : Json()}});
}

}  // namespace writ::core
