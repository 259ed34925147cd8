// A small trust domain for tests: two administrators, a DBA, engineers, a machine, one target with
// entitlements, and policies. Commands run as they would, and their events are folded at once.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "core/command.h"
#include "core/decide.h"
#include "core/genesis.h"
#include "core/policy.h"

namespace writ::core::world {

// Seals by writing the subject beside the text; opens only while the subject is not erased.
class PlainSealer final : public Sealer {
 public:
  Result<Sealed> seal(std::string_view subject, std::string_view text) override {
    return Sealed{std::string(subject), to_base64(text)};
  }
  Result<std::string> open(const Sealed& sealed) const override {
    if (erased.contains(sealed.subject)) return fail(Code::kNotFound, "erased");
    return from_base64(sealed.box);
  }
  std::string digest(std::string_view text) const override { return "d" + to_hex(text); }

  std::map<std::string, bool> erased;
};

// Stand-ins for the two functions that this room is given: what they must keep apart, they do.
inline std::string hash_hex(std::string_view text) {
  std::uint64_t h = 0xcbf29ce484222325;
  std::string out;
  for (int round = 0; round < 4; ++round) {
    for (char c : text) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001b3;
    std::string bytes;
    put_u64(bytes, h);
    out += to_hex(bytes);
  }
  return out;
}
inline std::string sign(std::string_view key, std::string_view statement) {
  return to_base64(hash_hex(std::string(key) + "\n" + std::string(statement)));
}
inline bool verify(std::string_view key, std::string_view statement, std::string_view signature) {
  return signature == sign(key, statement);
}

inline const char* kPolicies = R"(
@id("oncall-reads") @max_ttl("1h") @step_up("mfa:15m") @approval("none")
permit (principal in Writ::Group::"oncall", action == Writ::Action::"request",
        resource == Writ::Entitlement::"pg-main/orders/reader");

@id("engineers-read") @max_ttl("45m") @approval("none")
permit (principal in Writ::Group::"engineering", action == Writ::Action::"request",
        resource == Writ::Entitlement::"pg-main/orders/reader");

@id("engineers-write") @max_ttl("30m") @approval("1 of Writ::Group::\"dba\"")
permit (principal in Writ::Group::"engineering", action == Writ::Action::"request",
        resource == Writ::Entitlement::"pg-main/orders/writer");

@id("report-briefly") @max_ttl("10m") @approval("none")
permit (principal in Writ::Group::"engineering", action == Writ::Action::"request",
        resource == Writ::Entitlement::"pg-main/orders/reporter");
@id("report-long") @max_ttl("1h") @approval("1 of Writ::Group::\"dba\"")
permit (principal in Writ::Group::"engineering", action == Writ::Action::"request",
        resource == Writ::Entitlement::"pg-main/orders/reporter");

@id("two-dbas") @max_ttl("1h") @approval("2 of Writ::Group::\"dba\"")
permit (principal in Writ::Group::"engineering", action == Writ::Action::"request",
        resource == Writ::Entitlement::"pg-main/orders/owner");

@id("jobs-write") @max_ttl("30m") @approval("1 of Writ::Group::\"dba\"")
permit (principal in Writ::Group::"jobs", action == Writ::Action::"request",
        resource == Writ::Entitlement::"pg-main/orders/writer");

@id("jobs-read-without-asking")
permit (principal in Writ::Group::"jobs", action == Writ::Action::"connect",
        resource == Writ::Entitlement::"pg-main/orders/reader");
)";

struct World {
  explicit World(bool solo = false, unsigned long long seed = 1) : random(seed) {
    Founding founding{"example.org", "test", "1", "journal-key", "ca", {}, {}};
    founding.administrators = {"alice"};
    if (!solo) founding.administrators.emplace_back("bob");
    founding.policies = {{"default.cedar", default_policies()}, {"sample.cedar", kPolicies}};
    auto outcome = found(founding, outside());
    EXPECT_TRUE(outcome) << (outcome ? "" : outcome.error().text());
    if (!outcome) return;
    commit({"server"}, outcome->events);
    equip("alice");
    if (!solo) equip("bob");
  }

  Outside outside() { return Outside{now, random, sealer, hash_hex, verify}; }

  void commit(std::vector<std::string> actors, const std::vector<EventData>& data) {
    for (const EventData& each : data) {
      const Event event{state.next_seq, now, "example.org", actors, each};
      const Status status = fold(state, event, sealer);
      ASSERT_TRUE(status) << status.error().text();
      events.push_back(event);
    }
  }

  std::string id(const std::string& name) {
    const Identity* identity = find_identity(state, sealer, name);
    return identity == nullptr ? name : identity->id;
  }
  Actor actor(const std::string& name) {
    Actor actor;
    actor.identity = id(name);
    if (const auto* devices = state.devices_of.find(actor.identity)) {
      actor.device = devices->front();
    }
    actor.source_ip = "127.0.0.1";
    return actor;
  }

  // Runs and folds; the whole outcome, as it was decided.
  Result<Outcome> run(const std::string& who, std::string_view verb, const Json& body) {
    const Actor sender = actor(who);
    auto outcome = run_command(state, sender, verb, body, outside());
    if (!outcome) return outcome;
    commit({sender.identity}, outcome->events);
    for (const std::string& subject : outcome->erase_subjects) sealer.erased[subject] = true;
    return outcome;
  }
  Json must(const std::string& who, std::string_view verb, const Json& body) {
    auto outcome = run(who, verb, body);
    EXPECT_TRUE(outcome) << verb << ": " << (outcome ? "" : outcome.error().text());
    return outcome ? outcome->result : Json::object();
  }
  Error refused(const std::string& who, std::string_view verb, const Json& body) {
    const std::uint64_t before = state.next_seq;
    auto outcome = run(who, verb, body);
    EXPECT_FALSE(outcome) << verb << " was accepted";
    EXPECT_EQ(state.next_seq, before);
    return outcome ? Error{} : outcome.error();
  }

  // A device and a second factor, as enrolling gives them.
  void equip(const std::string& name) {
    const std::string identity = id(name);
    Enrollment enrollment{new_id("enr", random), identity, hash_hex(new_id("cod", random)),
                          now + std::chrono::minutes(15)};
    const Sealed label{identity, to_base64(name + "'s laptop")};
    const Device device{new_id("dev", random), identity, label, "key of " + identity,
                        now + std::chrono::days(90)};
    commit({"server"}, {EnrollmentOpened{enrollment}, DeviceEnrolled{device, enrollment.id}});
    if (is_person(state.identities.find(identity)->kind)) {
      commit({"server"}, {SecondFactorSet{identity, Sealed{identity, "c2VlZA=="}}});
    }
  }
  void show_factor(const std::string& name) {
    const Actor sender = actor(name);
    const std::int64_t step = state.second_factors.find(sender.identity)->last_step + 1;
    commit({sender.identity}, {SecondFactorShown{sender.identity, sender.device, step}});
  }
  void person(const std::string& name) {
    must("alice", "add_identity", Json::object({{"kind", "user"}, {"name", name}}));
    equip(name);
  }
  void join(const std::string& group, const std::string& name) {
    const Json done =
        must("alice", "add_member", Json::object({{"group", group}, {"identity", name}}));
    if (const Json* change = done.find("change")) approve("bob", *change->as_string());
  }

  Json approval(const std::string& who, const std::string& what, bool yes = true) {
    const Actor sender = actor(who);
    const auto statement = approval_statement(state, sealer, what, sender.identity, yes);
    if (!statement)
      return Json::object(
          {{"id", what}, {"approve", yes}, {"signature", ""}, {"statement_hash", ""}});
    const Device* device = state.devices.find(sender.device);
    return Json::object(
        {{"id", what},
         {"approve", yes},
         {"signature", sign(device == nullptr ? "" : device->public_key, *statement)},
         {"statement_hash", hash_hex(*statement)}});
  }
  Json approve(const std::string& who, const std::string& what, bool yes = true) {
    show_factor(who);
    return must(who, "approve", approval(who, what, yes));
  }
  // A change: alice proposes, bob approves.
  Json change(std::string_view verb, const Json& body) {
    const Json proposed = must("alice", verb, body);
    const Json* id = proposed.find("change");
    EXPECT_NE(id, nullptr) << canonical(proposed);
    return id == nullptr ? Json() : approve("bob", *id->as_string());
  }

  static Json resource(const std::string& name, const std::string& parent, const std::string& tier,
                       const std::string& owner) {
    return Json::object({{"name", name},
                         {"parent", parent},
                         {"target", "pg-main"},
                         {"tier", tier},
                         {"environment", "production"},
                         {"owner", owner},
                         {"sensitivity", ""},
                         {"labels", Json::array()}});
  }
  static Json entitlement(const std::string& role) {
    return Json::object({{"name", "pg-main/orders/" + role},
                         {"resource", "pg-main/orders"},
                         {"role", role},
                         {"database", "orders"},
                         {"membership", Json::array({"orders_" + role})},
                         {"privileges", Json::array()},
                         {"description", ""}});
  }
  static Json target() {
    const Json sealed = Json::object({{"subject", "target:pg-main"}, {"box", "c2VjcmV0"}});
    return Json::object(
        {{"target", Json::object({{"name", "pg-main"},
                                  {"kind", "postgres"},
                                  {"host", "127.0.0.1"},
                                  {"port", 5432},
                                  {"tls", "require"},
                                  {"ca", "-----BEGIN CERTIFICATE-----"},
                                  {"connector", "writ_connector"},
                                  {"connector_secret", sealed},
                                  {"key", sealed},
                                  {"databases", Json::array({"orders"})},
                                  {"door", ""}})},
         {"resources", Json::array({resource("pg-main", "", "high", "group:dba"),
                                    resource("pg-main/orders", "pg-main", "high", "group:dba")})},
         {"entitlements", Json::array({entitlement("reader"), entitlement("writer"),
                                       entitlement("reporter"), entitlement("owner")})}});
  }

  // People in groups, a machine of erin's, a target and a door.
  void furnish() {
    for (const char* group : {"engineering", "oncall", "dba", "jobs"}) {
      must("alice", "add_group", Json::object({{"name", group}, {"purpose", "work"}}));
    }
    for (const char* name : {"dana", "dave", "erin", "evan", "oscar"}) person(name);
    join("dba", "dana");
    join("dba", "dave");
    join("engineering", "erin");
    join("engineering", "evan");
    join("oncall", "oscar");
    change("add_target", target());
    must("alice", "add_identity",
         Json::object({{"kind", "service_account"},
                       {"name", "billing-job"},
                       {"owner", "identity:erin"},
                       {"purpose", "nightly billing"}}));
    join("jobs", "billing-job");
    equip("billing-job");
    must("alice", "add_identity",
         Json::object(
             {{"kind", "door"}, {"name", "pg-door"}, {"owner", "group:dba"}, {"purpose", "door"}}));
    change("add_door",
           Json::object({{"door", Json::object({{"identity", "pg-door"},
                                                {"kind", "postgres"},
                                                {"host", "127.0.0.1"},
                                                {"port", 6432},
                                                {"targets", Json::array({"pg-main"})}})}}));
  }

  static Json ask(const std::string& role, const std::string& purpose = "INC-1") {
    return Json::object({{"entitlement", "pg-main/orders/" + role}, {"purpose", purpose}});
  }
  // The id of a fresh grant, active.
  std::string granted(const std::string& who, const Json& body) {
    const Json result = must(who, "request_access", body);
    const Json* grant = result.find("grant");
    EXPECT_NE(grant, nullptr) << canonical(result);
    if (grant == nullptr) return {};
    commit({"server"}, on_provisioned(state, *grant->as_string(), now));
    return *grant->as_string();
  }

  void advance(Millis by) { now += by; }
  void tick() { commit({"server"}, due(state, now)); }

  Time now = from_unix_ms(1'800'000'000'000);
  SeededRandom random;
  PlainSealer sealer;
  State state;
  std::vector<Event> events;
};

inline std::string text(const Json& json, std::string_view member) {
  const Json* found = json.find(member);
  return found != nullptr && found->as_string() ? *found->as_string() : std::string();
}

}  // namespace writ::core::world
