#include "prove/command.h"

#include <array>
#include <ostream>

#include "cedar/command_flags.h"
#include "cedar/command_input.h"
#include "prove/property.h"

namespace writ::prove {
namespace {

using cedar::PolicyFlags;
using cedar::PolicySet;

enum class Over : std::uint8_t { kPolicy, kTwoPolicies, kSet, kTwoSets };

struct Property {
  std::string name;
  std::string claim;  // as it is printed
  Over over;
  Danger (*of_one)(const One&);
  Danger (*of_two)(const One&, const One&);
  Danger (*of_set)(const Subject&);
  Danger (*of_sets)(const Subject&, const Subject&);
};

const std::vector<Property>& properties() {
  static const std::vector<Property> kAll = {
      {"never-errors", "Policy never errors", Over::kPolicy, sometimes_fails, {}, {}, {}},
      {"always-matches", "Policy always matches", Over::kPolicy, sometimes_not_matches, {}, {}, {}},
      {"never-matches", "Policy never matches", Over::kPolicy, sometimes_matches, {}, {}, {}},
      {"matches-equivalent",
       "Policies have equivalent match conditions",
       Over::kTwoPolicies,
       {},
       match_differently,
       {},
       {}},
      {"matches-implies",
       "Policy1 match implies Policy2 match",
       Over::kTwoPolicies,
       {},
       only_first_matches,
       {},
       {}},
      {"matches-disjoint",
       "Policies have disjoint match conditions",
       Over::kTwoPolicies,
       {},
       both_match,
       {},
       {}},
      {"always-allows", "Policy set always allows", Over::kSet, {}, {}, sometimes_denies, {}},
      {"always-denies", "Policy set always denies", Over::kSet, {}, {}, sometimes_allows, {}},
      {"equivalent", "Policy sets are equivalent", Over::kTwoSets, {}, {}, {}, decide_differently},
      {"implies",
       "Policy set 1 implies policy set 2",
       Over::kTwoSets,
       {},
       {},
       {},
       only_first_allows},
      {"disjoint", "Policy sets are disjoint", Over::kTwoSets, {}, {}, {}, both_allow},
  };
  return kAll;
}

struct SymccFlags {
  std::string principal_type, action, resource_type, cvc5_path;
  cedar::SchemaFlags schema;
  std::array<PolicyFlags, 2> policies;
  unsigned seconds = 60;
  bool no_counterexample = false;
  bool counterexample = false;
  bool verbose = false;
  bool missing_entities = false;
  bool exit_code = false;
  bool json = false;
};

bool is_pair(Over over) {
  return over == Over::kTwoPolicies || over == Over::kTwoSets;
}
// --policies, or --policy1 and --policies1 and their seconds.
std::string flag(Over over, std::size_t which) {
  const bool one = over == Over::kTwoPolicies;
  return (one ? "--policy" : "--policies") + (is_pair(over) ? std::to_string(which + 1) : "");
}

void add_flags(cedar::Flags to, SymccFlags& flags) {
  to.add_option("--principal-type", flags.principal_type, "such as User; else every type");
  to.add_option("--action", flags.action, "such as Action::\"view\"; else every action");
  to.add_option("--resource-type", flags.resource_type, "such as Photo; else every type");
  flags.schema.add_to(to, cedar::Presence::kRequired);
  to.add_option("--cvc5-path", flags.cvc5_path, "the solver's program; else cvc5 or z3 of PATH")
      .from_environment("CVC5");
  const cedar::Flag no = to.add_flag("--no-counterexample", flags.no_counterexample,
                                     "say only whether the property holds");
  to.add_flag("--counterexample", flags.counterexample, "give a counterexample, as is usual")
      .excludes(no);
  to.add_flag("-v,--verbose", flags.verbose, "say more");
  to.add_option("--time-limit", flags.seconds, "seconds for each question to the solver");
  to.add_flag("--missing-entities", flags.missing_entities,
              "entities that a request names may be unknown, and reading them fails");
  to.add_flag("--exit-code", flags.exit_code, "exit with 3 when it does not hold, 4 when unknown");
  to.add_flag("--json", flags.json, "print {\"property\", \"holds\", \"counterexample\", …}");
}

void add_verb(cedar::Flags to, const Property& property, SymccFlags& flags) {
  cedar::Flags verb = to.add_verb(property.name, property.claim);
  for (std::size_t i = 0; i < (is_pair(property.over) ? 2 : 1); ++i) {
    const std::string name = flag(property.over, i);
    PolicyFlags& of = flags.policies.at(i);
    verb.add_option(is_pair(property.over) ? name : "-p," + name, of.file,
                    "file of policies; else standard input");
    verb.add_option((is_pair(property.over) ? name : "--policy") + "-format", of.format,
                    "cedar or json")
        .one_of({"cedar", "json"});
  }
}

Result<std::vector<cedar::Environment>> chosen(const SymccFlags& flags,
                                               const cedar::Schema& schema) {
  std::vector<cedar::Environment> made;
  std::optional<cedar::EntityUid> action;
  if (!flags.action.empty()) {
    Result<cedar::EntityUid> uid = cedar::EntityUid::parse(flags.action);
    if (!uid) return fail(Code::kInvalid, uid.error().message, "--action");
    action = std::move(*uid);
  }
  for (cedar::Environment& each : environments(schema)) {
    if (!flags.principal_type.empty() && each.principal != flags.principal_type) continue;
    if (!flags.resource_type.empty() && each.resource != flags.resource_type) continue;
    if (action && each.action != *action) continue;
    made.push_back(std::move(each));
  }
  if (made.empty()) {
    return fail(Code::kInvalid,
                "the schema has no action that applies to such a principal and resource; see "
                "--principal-type, --action and --resource-type");
  }
  return made;
}

Result<PolicySet> read(const Property& property, const SymccFlags& flags, std::size_t which,
                       const cedar::Streams& streams) {
  TRY(policies, read_policies(flags.policies.at(which), streams.in));
  const std::string name = flag(property.over, which);
  const std::size_t templates = policies.templates().size();
  const bool wants_one = property.over == Over::kPolicy || property.over == Over::kTwoPolicies;
  if (wants_one && (policies.policies().size() != 1 || templates > 0)) {
    return fail(Code::kInvalid,
                "exactly one policy is wanted, and no template; there are " +
                    std::to_string(policies.policies().size()) + " policies and " +
                    std::to_string(templates) + " templates",
                name);
  }
  if (templates > 0) {
    streams.err << name << ": the proof leaves out " << templates << " templates\n";
  }
  return policies;
}

Result<Means> means_of(const SymccFlags& flags, const std::string& path) {
  Means means;
  if (!flags.cvc5_path.empty()) {
    means.solvers = {solver_at(flags.cvc5_path)};
  } else {
    TRY(found, find_solvers(path));
    means.solvers = std::move(found);
  }
  means.limits.time = std::chrono::seconds(flags.seconds);
  if (flags.missing_entities) means.store = Store::kMayMissEntities;
  return means;
}

Result<Verdict> prove(const Property& property, const SymccFlags& flags,
                      const cedar::Streams& streams, const std::string& path) {
  TRY(first_set, read(property, flags, 0, streams));
  TRY(schema, read_schema(flags.schema));
  TRY(where, chosen(flags, *schema));
  TRY(first, Subject::of(first_set, *schema));
  TRY(means, means_of(flags, path));
  const auto in = [&](const Danger& danger) { return prove(*schema, where, danger, means); };
  if (property.over == Over::kPolicy) return in(property.of_one(One{first}));
  if (property.over == Over::kSet) return in(property.of_set(first));
  TRY(second_set, read(property, flags, 1, streams));
  TRY(second, Subject::of(second_set, *schema));
  if (property.over == Over::kTwoPolicies) return in(property.of_two(One{first}, One{second}));
  return in(property.of_sets(first, second));
}

Json json_of(const Property& property, const Verdict& verdict) {
  Json made = Json::object({{"property", Json(property.name)}});
  made.set("holds", verdict.kind == Verdict::Kind::kUnknown ? Json() : Json(verdict.holds()));
  if (verdict.environment) {
    Json environment = Json::object({{"principal", Json(verdict.environment->principal)},
                                     {"action", Json(verdict.environment->action.print())},
                                     {"resource", Json(verdict.environment->resource)}});
    made.set("environment", std::move(environment));
  }
  if (verdict.counterexample) made.set("counterexample", to_json(*verdict.counterexample));
  if (!verdict.why.empty()) made.set("why", Json(verdict.why));
  return made;
}

std::string text_of(const Property& property, const Verdict& verdict, const SymccFlags& flags) {
  if (verdict.holds()) {
    return "✓ " + property.claim + ": VERIFIED\n" +
           (flags.verbose
                ? "  No counterexample found — property holds for all well-formed inputs.\n"
                : "");
  }
  if (verdict.kind == Verdict::Kind::kUnknown) {
    return "? " + property.claim + ": UNKNOWN\n  " + verdict.why + "\n";
  }
  std::string made = "✗ " + property.claim + ": DOES NOT HOLD\n";
  if (flags.no_counterexample) return made;
  return made + "  Counterexample found:\n" + describe(*verdict.counterexample);
}

}  // namespace

int run_symcc(const cedar::Words& args, const cedar::Streams& streams, const std::string& path) {
  cedar::Command command("symcc", "Prove a property of Cedar policies, or find what breaks it.");
  SymccFlags flags;
  add_flags(command.flags(), flags);
  for (const Property& each : properties()) add_verb(command.flags(), each, flags);
  if (const std::optional<int> status = command.parse(args, streams)) return *status;
  const std::string name = command.verb();
  const auto property = std::find_if(properties().begin(), properties().end(),
                                     [&](const Property& each) { return each.name == name; });
  const Result<Verdict> verdict = prove(*property, flags, streams, path);
  if (!verdict) return command.report(streams, verdict.error());
  streams.out << (flags.json ? compact(json_of(*property, *verdict)) + "\n"
                             : text_of(*property, *verdict, flags));
  if (verdict->kind == Verdict::Kind::kUnknown) {
    return flags.exit_code ? cedar::kUndecided : cedar::kFailure;
  }
  return verdict->holds() || !flags.exit_code ? cedar::kDone : cedar::kNotValid;
}

}  // namespace writ::prove
