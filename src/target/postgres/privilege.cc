#include "target/postgres/privilege.h"

#include <algorithm>
#include <map>

#include "base/bytes.h"

namespace writ::target::postgres {
namespace {

// What may be granted on each kind. TRIGGER is missing: it runs the holder's code as whoever writes
// to the table.
const std::map<std::string, std::vector<std::string>, std::less<>>& verbs_of() {
  static const std::map<std::string, std::vector<std::string>, std::less<>> kVerbs{
      {"table", {"SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES"}},
      {"sequence", {"USAGE", "SELECT", "UPDATE"}},
      {"function", {"EXECUTE"}},
      {"schema", {"USAGE", "CREATE"}},
      {"database", {"CONNECT", "TEMPORARY", "CREATE"}},
  };
  return kVerbs;
}

std::string upper(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return out;
}

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  void skip_space() {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
  }
  bool at_end() {
    skip_space();
    return at_ == text_.size();
  }
  bool take(char c) {
    skip_space();
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  // The next keyword in upper case, empty when there is none.
  std::string word() {
    skip_space();
    const std::size_t start = at_;
    while (at_ < text_.size() && ((text_[at_] | 32) >= 'a' && (text_[at_] | 32) <= 'z')) ++at_;
    return upper(text_.substr(start, at_ - start));
  }
  Result<std::string> identifier() {
    skip_space();
    std::string out;
    if (at_ < text_.size() && text_[at_] == '"') {
      for (++at_; at_ < text_.size(); ++at_) {
        if (text_[at_] != '"') {
          out += text_[at_];
        } else if (at_ + 1 < text_.size() && text_[at_ + 1] == '"') {
          out += text_[at_++];
        } else {
          break;
        }
      }
      if (at_ == text_.size()) return fail(Code::kInvalid, "a quoted name has no end");
      ++at_;
    } else {
      while (at_ < text_.size()) {
        char c = text_[at_];
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 32);
        const bool first = (c >= 'a' && c <= 'z') || c == '_';
        if (!first && (out.empty() || !((c >= '0' && c <= '9') || c == '$'))) break;
        out += c;
        ++at_;
      }
    }
    if (out.empty() || out.size() > 63) {
      return fail(Code::kInvalid, "a name of 1 to 63 bytes is wanted");
    }
    return out;
  }
  // Up to the closing parenthesis of a list of types.
  Result<std::string> types() {
    if (!take('(')) return fail(Code::kInvalid, "a function is named with its types, f(integer)");
    const std::size_t end = text_.rfind(')');
    if (end == std::string_view::npos || end < at_) {
      return fail(Code::kInvalid, "a ) is missing");
    }
    std::string out(text_.substr(at_, end - at_));
    at_ = end + 1;
    constexpr std::string_view kAllowed =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_$.,[]\" ";
    if (out.find_first_not_of(kAllowed) != std::string::npos) {
      return fail(Code::kInvalid, "these are not types: " + out);
    }
    return out;
  }

 private:
  std::string_view text_;
  std::size_t at_ = 0;
};

Result<Privilege> parse(Reader& reader, std::string_view database) {
  Privilege p;
  do {
    std::string verb = reader.word();
    if (verb == "TEMP") verb = "TEMPORARY";
    if (verb.empty()) return fail(Code::kInvalid, "a privilege such as SELECT is wanted");
    p.verbs.push_back(std::move(verb));
  } while (reader.take(','));
  if (reader.word() != "ON") return fail(Code::kInvalid, "ON is wanted after the privileges");

  std::string checked;
  const std::string kind = reader.word();
  if (kind == "ALL") {
    const std::string plural = reader.word();
    if (plural != "TABLES" && plural != "SEQUENCES" && plural != "FUNCTIONS") {
      return fail(Code::kInvalid, "TABLES, SEQUENCES or FUNCTIONS is wanted after ALL");
    }
    if (reader.word() != "IN" || reader.word() != "SCHEMA") {
      return fail(Code::kInvalid, "IN SCHEMA is wanted after ALL " + plural);
    }
    checked = plural == "TABLES" ? "table" : plural == "SEQUENCES" ? "sequence" : "function";
    p.kind = "all " + checked + "s";
    TRY(schema, reader.identifier());
    p.schema = std::move(schema);
  } else if (kind == "TABLE" || kind == "SEQUENCE" || kind == "FUNCTION") {
    checked = p.kind = kind == "TABLE" ? "table" : kind == "SEQUENCE" ? "sequence" : "function";
    TRY(schema, reader.identifier());
    if (!reader.take('.')) return fail(Code::kInvalid, "name it with its schema: public.orders");
    TRY(object, reader.identifier());
    p.schema = std::move(schema);
    p.object = std::move(object);
    if (kind == "FUNCTION") {
      TRY(types, reader.types());
      p.arguments = std::move(types);
    }
  } else if (kind == "SCHEMA" || kind == "DATABASE") {
    checked = p.kind = kind == "SCHEMA" ? "schema" : "database";
    TRY(object, reader.identifier());
    p.object = std::move(object);
    if (kind == "DATABASE" && p.object != database) {
      return fail(Code::kInvalid,
                  "it can only be on the entitlement's own database, " + std::string(database));
    }
  } else {
    return fail(Code::kInvalid,
                "TABLE, SEQUENCE, FUNCTION, SCHEMA, DATABASE or ALL is wanted after ON");
  }
  if (!reader.at_end()) return fail(Code::kInvalid, "there is more text than one privilege");
  if (p.schema == "writ" || (p.kind == "schema" && p.object == "writ")) {
    return fail(Code::kInvalid, "the schema writ is Writ's own");
  }
  const auto& allowed = verbs_of().find(checked)->second;
  for (const std::string& verb : p.verbs) {
    if (std::find(allowed.begin(), allowed.end(), verb) == allowed.end()) {
      return fail(Code::kInvalid, verb + " cannot be granted on a " + checked);
    }
  }
  return p;
}

}  // namespace

Result<Privilege> parse_privilege(std::string_view text, std::string_view database) {
  if (text.size() > 1000 || !is_utf8(text) || text.find('\0') != std::string_view::npos) {
    return fail(Code::kInvalid, "a privilege is at most 1000 bytes of text");
  }
  Reader reader(text);
  Result<Privilege> privilege = parse(reader, database);
  if (!privilege) {
    return fail(Code::kInvalid, privilege.error().message + ", in \"" + std::string(text) + "\"");
  }
  return privilege;
}

}  // namespace writ::target::postgres
