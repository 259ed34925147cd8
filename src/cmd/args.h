// What a person may type, described once. Parsing, help, suggestions and the shells' completion all
// read this description; nothing else knows the words.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace writ::cmd {

struct Context;
class Args;

// What a shell may offer in a word's place.
enum class Words {
  kNone,
  kFiles,
  kChoices,       // those listed with the operand
  kEntitlements,  // names that one may ask for
  kGrants,        // live grants
  kPending,       // requests and changes that wait for a decision
  kFindings,
  kIdentities,
  kGroups,
  kTargets,
  kHomes,  // identities that are enrolled on this machine besides the person's own
  kVerbs,
};

enum class Count { kOne, kOptional, kMany };  // kMany: one or more

struct Operand {
  std::string_view name;  // as help shows it: "ENTITLEMENT"
  Count count = Count::kOne;
  Words words = Words::kNone;
  std::vector<std::string> choices;  // the only words allowed; empty: any
};

enum class Need { kOptional, kRequired, kRepeated };

struct Option {
  std::string_view name;   // "--for"
  std::string_view value;  // what follows, as help shows it: "30m"; empty: a flag
  std::string_view help;
  Need need = Need::kOptional;
  Words words = Words::kNone;
};

struct Example {
  std::string_view line;
  std::string_view what;
};

struct Verb {
  std::string_view path;  // "request", "evidence verify"
  std::string_view summary;
  std::vector<Operand> operands;
  std::vector<Option> options;
  std::string_view rest;  // name of the words that may follow "--"; empty: none may
  std::vector<Example> examples;
  std::string_view heading;  // in the overview
  // Answers the exit status of the program.
  Result<int> (*run)(Context&, const Args&) = nullptr;
  std::string_view more = {};  // further help, a paragraph or two
};

// The words of one call, sorted by name. Asking for a name that the verb does not declare ends the
// process: a defect.
class Args {
 public:
  explicit Args(const Verb& verb) : verb_(&verb) {}

  const Verb& verb() const { return *verb_; }
  // The operand's word; empty when it is optional and absent.
  const std::string& operand(std::string_view name) const;
  const std::vector<std::string>& operands(std::string_view name) const;
  bool has(std::string_view option) const;
  // The last value; empty when absent.
  std::optional<std::string> option(std::string_view name) const;
  std::string option_or(std::string_view name, std::string_view otherwise) const;
  const std::vector<std::string>& all(std::string_view name) const;
  const std::vector<std::string>& rest() const { return rest_; }  // after "--"

 private:
  friend Result<Args> parse_args(const Verb&, const std::vector<std::string>&);
  const Verb* verb_;
  std::map<std::string, std::vector<std::string>, std::less<>> values_;
  std::vector<std::string> rest_;
};

// Parses what follows the verb. Errors are kInvalid, `where` is the word at fault, and name the
// nearest option that exists.
Result<Args> parse_args(const Verb& verb, const std::vector<std::string>& words);

struct Found {
  const Verb* verb = nullptr;
  std::size_t words = 0;  // that name it
};
// The verb that `words` begin with. kInvalid with the nearest verb when there is none.
Result<Found> find_verb(const std::vector<Verb>& verbs, const std::vector<std::string>& words);

}  // namespace writ::cmd
