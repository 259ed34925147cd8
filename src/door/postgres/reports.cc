#include "door/postgres/reports.h"

#include "base/bytes.h"

namespace writ::door::postgres {
namespace {

tl::unexpected<Error> lacks(std::string_view what, std::string_view member) {
  return fail(Code::kInvalid, std::string(what) + " from the server lacks a proper \"" +
                                  std::string(member) + "\"");
}

// The member as text; empty when it is absent or of another type.
std::string text_of(const Json& json, std::string_view member) {
  const Json* found = json.find(member);
  return found != nullptr && found->as_string() != nullptr ? *found->as_string() : std::string();
}

std::optional<Time> time_of(const Json& json, std::string_view member) {
  const auto time = parse_time(text_of(json, member));
  return time ? std::optional<Time>(*time) : std::nullopt;
}

// A name that may stand in a start-up packet: 1 to 63 bytes, as PostgreSQL's names.
bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= 63 && text.find('\0') == std::string_view::npos;
}

Result<std::vector<Hash>> parse_proof(const Json& line, std::string_view log) {
  std::vector<Hash> proof;
  const Json* consistency = line.find("consistency");
  const Json* hashes = consistency == nullptr ? nullptr : consistency->find(log);
  if (hashes == nullptr) return proof;
  if (hashes->as_array() == nullptr || hashes->as_array()->size() > 128) {
    return lacks("the welcome", "consistency");
  }
  for (const Json& item : *hashes->as_array()) {
    if (item.as_string() == nullptr) return lacks("the welcome", "consistency");
    TRY(bytes, from_base64(*item.as_string()));
    TRY(hash, to_hash(bytes));
    proof.push_back(hash);
  }
  return proof;
}

}  // namespace

Result<Decision> parse_decision(std::string_view body) {
  constexpr std::string_view kWhat = "the decision";
  TRY(json, parse_json(body, JsonLimits{.bytes = 64 << 10, .depth = 16}, kWhat));
  const Json* decision = json.find("decision");
  if (decision == nullptr || decision->as_bool() == nullptr) return lacks(kWhat, "decision");
  Decision parsed;
  parsed.allowed = *decision->as_bool();
  static const Json kNone = Json::object();
  const Json* found = json.find("context");
  const Json& context = found == nullptr ? kNone : *found;
  parsed.decision_id = text_of(context, "decision_id");
  parsed.message = text_of(context, "message");
  if (!parsed.allowed) {
    if (const Json* needs = context.find("needs"); needs != nullptr && needs->as_array()) {
      for (const Json& need : *needs->as_array()) {
        if (need.as_string() != nullptr) parsed.needs.push_back(*need.as_string());
      }
    }
    return parsed;
  }
  parsed.grant = text_of(context, "grant");
  parsed.login = text_of(context, "login");
  parsed.database = text_of(context, "database");
  const auto until = time_of(context, "until");
  const Json* autonomy = context.find("autonomy_ms");
  if (parsed.grant.empty()) return lacks(kWhat, "grant");
  if (!is_name(parsed.login)) return lacks(kWhat, "login");
  if (!is_name(parsed.database)) return lacks(kWhat, "database");
  if (!until) return lacks(kWhat, "until");
  if (autonomy == nullptr || autonomy->as_int() == nullptr || *autonomy->as_int() < 0) {
    return lacks(kWhat, "autonomy_ms");
  }
  parsed.until = *until;
  parsed.now = time_of(context, "now");
  parsed.autonomy = Millis(*autonomy->as_int());
  return parsed;
}

Result<Welcome> parse_welcome(const Json& line) {
  constexpr std::string_view kWhat = "the welcome";
  Welcome welcome;
  const Json* acked = line.find("acked");
  if (acked == nullptr || acked->as_int() == nullptr) return lacks(kWhat, "acked");
  welcome.acked = *acked->as_int();
  if (const Json* checkpoint = line.find("checkpoint"); checkpoint != nullptr) {
    welcome.checkpoint.journal = text_of(*checkpoint, "journal");
    welcome.checkpoint.decisions = text_of(*checkpoint, "decisions");
  }
  TRY(journal_proof, parse_proof(line, "journal"));
  TRY(decisions_proof, parse_proof(line, "decisions"));
  welcome.journal_proof = std::move(journal_proof);
  welcome.decisions_proof = std::move(decisions_proof);
  const Json* targets = line.find("targets");
  if (targets == nullptr || targets->as_array() == nullptr) return lacks(kWhat, "targets");
  for (const Json& item : *targets->as_array()) {
    TargetAddress target;
    target.target = text_of(item, "target");
    target.host = text_of(item, "host");
    target.ca = text_of(item, "ca");
    const Json* port = item.find("port");
    if (target.target.empty() || target.host.empty() || port == nullptr ||
        port->as_int() == nullptr || *port->as_int() < 1 || *port->as_int() > 65535) {
      return lacks(kWhat, "targets");
    }
    target.port = static_cast<std::uint16_t>(*port->as_int());
    TRY(key, from_base64url(text_of(item, "key")));
    if (key.size() < 16) return lacks(kWhat, "key");
    target.key = Secret(std::move(key));
    welcome.targets.push_back(std::move(target));
  }
  return welcome;
}

Result<Cut> parse_cut(const Json& line) {
  Cut cut;
  cut.command = text_of(line, "command");
  cut.reason = text_of(line, "reason");
  const auto take = [&](std::string_view member, std::vector<std::string>& to) -> Status {
    const Json* items = line.find(member);
    if (items == nullptr) return {};
    if (items->as_array() == nullptr) return lacks("the cut", member);
    for (const Json& item : *items->as_array()) {
      if (item.as_string() == nullptr || item.as_string()->empty()) return lacks("the cut", member);
      to.push_back(*item.as_string());
    }
    return {};
  };
  CHECK_OK(take("grants", cut.grants));
  CHECK_OK(take("certificates", cut.certificates));
  if (cut.grants.empty() && cut.certificates.empty()) return lacks("the cut", "grants");
  return cut;
}

}  // namespace writ::door::postgres
