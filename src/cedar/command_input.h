// What the verbs of `writ cedar` have in common: flags that name policies, schema, entities and
// request, and reading what they name.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/json_fields.h"
#include "cedar/authorize.h"
#include "cedar/command.h"
#include "cedar/command_flags.h"
#include "cedar/schema.h"

namespace writ::cedar {

struct PolicyFlags {
  std::string file, format = "cedar", links;  // an empty file is standard input
  void add_to(Flags flags);
};
struct SchemaFlags {
  std::string file, format = "cedar";
  void add_to(Flags flags, Presence presence);
};
struct RequestFlags {
  std::string principal, action, resource, context, request_json;
  bool validation = true;
  void add_to(Flags flags);
};

// Where the parts of a request were said: by a flag, or in a file.
struct RequestPlaces {
  std::string principal, action, resource, context;
  // An error that names a part as its place ("context/age"), with where that was said instead.
  Error placed(Error error) const;
};

// One entry of a --template-linked file.
struct TemplateLink {
  std::string template_id, link_id;
  std::map<std::string, std::string> args;
};
template <class V>
void fields(V& v, TemplateLink& l) {
  v("template_id", l.template_id);
  v("link_id", l.link_id);
  v("args", l.args);
}

// Where the parts of a link were said.
struct LinkPlaces {
  std::string template_id, link_id, args;
};

// The error of reading a text in one form. Where it looks as if it had the other one, the error
// tells so, and which flag reads that.
enum class Form { kCedar, kJson };
Error in_form(Error error, Form wanted, std::string_view text, std::string_view flag_of_other);

// Of the file, or of standard input for an empty name.
Result<std::string> read_input(const std::string& file, std::istream& in);
Result<Json> read_json(const std::string& file);

// In Cedar syntax, where each policy gets the id that its annotation @id says; or JSON, where ids
// are the set's, and "JSON policy" that of a file of one policy.
Result<PolicySet> read_policy_file(const std::string& file, const std::string& format,
                                   std::istream& in);
// With the linked policies. `missing_links` when their file need not exist.
enum class MissingLinks { kAnError, kNone };
Result<PolicySet> read_policies(const PolicyFlags& flags, std::istream& in,
                                MissingLinks missing = MissingLinks::kAnError);
Result<std::vector<TemplateLink>> read_links(const std::string& file, MissingLinks missing);
// Whether there are slots of these names; they were said at `place`.
Status check_slots(const TemplateLink& link, const std::string& place);
Status add_link(PolicySet& policies, const TemplateLink& link, const LinkPlaces& places);

// Nothing where no file is named.
Result<std::optional<Schema>> read_schema(const SchemaFlags& flags);
// With a schema they are read by it, completed by its actions, and must be valid.
Result<Entities> read_entities(const std::string& file, const std::optional<Schema>& schema);
Result<Request> read_request(const RequestFlags& flags, const std::optional<Schema>& schema);

}  // namespace writ::cedar
