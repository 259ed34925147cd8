#include "cmd/statement.h"

#include "base/clock.h"
#include "cmd/text.h"

namespace writ::cmd {
namespace {

// Ids of identities get their names beside them, at any depth.
Json with_names(const Json& json, const Told& told) {
  if (const std::string* text = json.as_string()) {
    const std::string_view prefix = "identity:";
    const std::string id = text->starts_with(prefix) ? text->substr(prefix.size()) : *text;
    const auto name = told.names.find(id);
    if (name == told.names.end() || name->second.empty()) return json;
    return Json(name->second + " (" + *text + ")");
  }
  if (const JsonArray* items = json.as_array()) {
    JsonArray out;
    for (const Json& item : *items) out.push_back(with_names(item, told));
    return Json(std::move(out));
  }
  if (const Json* box = json.find("box"); box != nullptr && box->as_string() != nullptr) {
    const auto words = told.words.find(*box->as_string());
    if (words != told.words.end()) return Json(words->second);
  }
  if (const JsonObject* members = json.as_object()) {
    JsonObject out;
    for (const JsonMember& m : *members) out.emplace_back(m.first, with_names(m.second, told));
    return Json(std::move(out));
  }
  return json;
}

// Moves the members of that name to the front, in this order, so that the question reads well.
Json ordered(const Json& json, std::initializer_list<std::string_view> first) {
  const JsonObject* members = json.as_object();
  if (members == nullptr) return json;
  JsonObject out;
  for (const std::string_view name : first) {
    if (const Json* value = json.find(name)) out.emplace_back(std::string(name), *value);
  }
  for (const JsonMember& m : *members) {
    bool had = false;
    for (const JsonMember& o : out) had = had || o.first == m.first;
    if (!had) out.push_back(m);
  }
  return Json(std::move(out));
}

std::string coloured_diff(const std::string& diff, const TableStyle& style) {
  std::string out;
  std::string_view rest = diff;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string line = printable_lines(rest.substr(0, end));
    const Tone tone = line.starts_with("+")   ? Tone::kGood
                      : line.starts_with("-") ? Tone::kBad
                      : line.starts_with("@") ? Tone::kDim
                                              : Tone::kBold;
    out += "  " + (line.starts_with(" ") ? line : toned(line, tone, style)) + "\n";
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return out;
}

std::string whole_text(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    out += "  " + printable_lines(text.substr(0, end)) + "\n";
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

// Policies: what differs from those in force, and files that go away.
std::string show_policies(const Told& told, const TableStyle& style) {
  std::string out;
  std::map<std::string, std::string> gone = told.policies;
  std::size_t same = 0;
  for (const auto& [name, text] : told.files) {
    const std::string title = toned(printable(name), Tone::kBold, style);
    const auto before = told.policies.find(name);
    gone.erase(name);
    if (before == told.policies.end()) {
      out += "\n" + title + (told.policies.empty() ? ", the whole text:\n" : ", a new file:\n") +
             whole_text(text);
      continue;
    }
    const std::string diff = unified_diff(before->second, text, printable(name));
    if (before->second == text) {
      ++same;
    } else if (diff.empty()) {  // no line differs: the end of the last one does
      out += "\n" + title + ": the last line ends, or ends no longer\n";
    } else {
      out += "\n" + title + ":\n" + coloured_diff(diff, style);
    }
  }
  if (same > 0) {
    out += "\n" + std::to_string(same) +
           (same == 1 ? " file stays as it is in force\n" : " files stay as they are in force\n");
  }
  for (const auto& [name, text] : gone) {
    out += "\n" + toned(printable(name), Tone::kBold, style) + ", goes away:\n" +
           coloured_diff(unified_diff(text, "", printable(name)), style);
  }
  return out;
}

std::string show_request(const Json& request, const Told& told, const TableStyle& style) {
  Json shown = request;
  // The signed form of the purpose is sealed; the server opens it for whoever may decide.
  if (!told.purpose.empty()) shown.set("purpose", Json(told.purpose));
  if (const Json* terms = request.find("terms")) {
    shown.set("terms", ordered(*terms, {"max_ttl_ms", "approvals", "approvers", "step_up_ms"}));
  }
  return record(with_names(ordered(shown, {"requester", "beneficiary", "entitlement", "duration_ms",
                                           "purpose", "offer", "terms", "id"}),
                           told),
                style, 2);
}

}  // namespace

std::string show_statement(const Json& statement, const Told& told, const TableStyle& style) {
  std::string out;
  const JsonObject* members = statement.as_object();
  if (members == nullptr) return record(statement, style);
  for (const std::string_view name : {"request", "entitlement", "resource"}) {
    const Json* part = statement.find(name);
    if (part == nullptr) continue;
    const std::string_view title = name == "request"       ? "The request"
                                   : name == "entitlement" ? "What it gives"
                                                           : "Where that lies";
    out += toned(title, Tone::kBold, style) + "\n";
    out += name == "request" ? show_request(*part, told, style)
                             : record(with_names(ordered(*part, {"name"}), told), style, 2);
  }
  if (const Json* change = statement.find("change")) {
    out += toned("The change", Tone::kBold, style) + "\n";
    out += record(with_names(ordered(*change, {"proposer", "verb", "body"}), told), style, 2);
    const Json* verb = change->find("verb");
    if (verb != nullptr && *verb == Json("apply_policy")) out += show_policies(told, style);
  }
  Json rest = Json::object();
  for (const JsonMember& m : *members) {
    if (m.first != "request" && m.first != "entitlement" && m.first != "resource" &&
        m.first != "change") {
      rest.set(m.first, m.second);
    }
  }
  out +=
      toned("What you sign", Tone::kBold, style) + "\n" +
      record(with_names(ordered(rest, {"decision", "approver", "trust_domain"}), told), style, 2);
  return out;
}

}  // namespace writ::cmd
