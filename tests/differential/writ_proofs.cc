// Writ's side of the differential test of proofs: reads a world a line, as proof_world.mjs makes
// them, and answers a line. {"schema", "tried"} is answered with which of the policies `tried` are
// valid; {"schema", "missing", "a", "b", "environments", "samples"} with the verdict on each
// property of the policy sets a and b in each environment. A property that is said to hold is also
// looked at in the samples: {"entities", "requests"}, entities and contexts as texts.
// Counterexamples are texts too, for JavaScript has not all integers.
#include <cstdlib>
#include <iostream>
#include <string>

#include "cedar/schema_syntax.h"
#include "cedar/typed_json.h"
#include "cedar/validate.h"
#include "prove/property.h"

namespace writ::prove {
namespace {

constexpr JsonLimits kWorldLimits{64 << 20, 200, 1'000'000};

Result<cedar::Schema> read_schema(const Json& world) {
  TRY(syntax, cedar::parse_schema(*world.find("schema")->as_string()));
  return cedar::Schema::resolve(syntax);
}

Result<cedar::PolicySet> read_policies(const Json& texts) {
  cedar::PolicySet made;
  int number = 0;
  for (const Json& text : *texts.as_array()) {
    TRY(read, cedar::PolicySet::parse(*text.as_string()));
    if (read.policies().size() != 1 || !read.templates().empty()) {
      return fail(Code::kInvalid, "one policy is wanted");
    }
    cedar::Policy policy = read.policies().front();
    policy.id = "p" + std::to_string(number++);
    CHECK_OK(made.add(std::move(policy)));
  }
  return made;
}

struct Named {
  const char* name;
  Danger danger;
};
std::vector<Named> properties(const Subject& a, const Subject& b) {
  const One p{a};
  const One q{b};
  return {{"never-errors a", sometimes_fails(p)},
          {"never-errors b", sometimes_fails(q)},
          {"always-matches a", sometimes_not_matches(p)},
          {"always-matches b", sometimes_not_matches(q)},
          {"never-matches a", sometimes_matches(p)},
          {"never-matches b", sometimes_matches(q)},
          {"matches-equivalent", match_differently(p, q)},
          {"matches-implies", only_first_matches(p, q)},
          {"matches-disjoint", both_match(p, q)},
          {"always-allows a", sometimes_denies(a)},
          {"always-allows b", sometimes_denies(b)},
          {"always-denies a", sometimes_allows(a)},
          {"always-denies b", sometimes_allows(b)},
          {"equivalent", decide_differently(a, b)},
          {"implies", only_first_allows(a, b)},
          {"disjoint", both_allow(a, b)}};
}

// The samples that are valid, as what a proof speaks of.
Result<std::vector<Counterexample>> read_samples(const cedar::Schema& schema, const Json& samples) {
  TRY(raw, parse_json(*samples.find("entities")->as_string(), kWorldLimits));
  TRY(entities, cedar::Entities::from_json(
                    cedar::with_actions(schema, cedar::explicit_entities(schema, raw))));
  CHECK_OK(validate(schema, entities));
  std::map<cedar::EntityUid, cedar::Entity> all;
  for (const cedar::Entity& each : entities) all.emplace(each.uid, each);
  std::vector<Counterexample> made;
  for (const Json& given : *samples.find("requests")->as_array()) {
    TRY(action, cedar::uid_from_json(*given.find("action")));
    TRY(text, parse_json(*given.find("context")->as_string(), kWorldLimits));
    TRY(context, cedar::record_from_json(cedar::explicit_context(schema, text, action)));
    TRY(principal, cedar::uid_from_json(*given.find("principal")));
    TRY(resource, cedar::uid_from_json(*given.find("resource")));
    cedar::Request request{principal, action, resource, std::move(context)};
    if (validate(schema, request)) made.push_back({std::move(request), all, {}, {}, {}});
  }
  return made;
}

bool is_in(const Counterexample& sample, const cedar::Environment& environment) {
  return sample.request.action == environment.action &&
         sample.request.principal.type() == environment.principal &&
         sample.request.resource.type() == environment.resource;
}

Means means_of(const Json& world) {
  static const Means kMeans = [] {
    Means made;
    const char* path = std::getenv("PATH");
    made.solvers = find_solvers(path == nullptr ? "" : path).value();
    made.limits.time = std::chrono::seconds(5);
    return made;
  }();
  Means made = kMeans;
  if (*world.find("missing")->as_bool()) made.store = Store::kMayMissEntities;
  return made;
}

Json answer_of(const cedar::Environment& environment, const Danger& danger,
               const cedar::Schema& schema, const std::vector<Counterexample>& samples,
               const Means& means) {
  const Result<Verdict> verdict = prove(schema, {environment}, danger, means);
  if (!verdict) {
    return Json::object({{"verdict", Json("refused")}, {"why", Json(verdict.error().text())}});
  }
  if (verdict->kind == Verdict::Kind::kFails) {
    return Json::object({{"verdict", Json("fails")},
                         {"counterexample", Json(compact(to_json(*verdict->counterexample)))}});
  }
  if (verdict->kind == Verdict::Kind::kUnknown) {
    return Json::object({{"verdict", Json("unknown")}, {"why", Json(verdict->why)}});
  }
  Json made = Json::object({{"verdict", Json("holds")}});
  for (const Counterexample& sample : samples) {
    if (!is_in(sample, environment) || !danger.happens(sample)) continue;
    made.set("refuted", Json(compact(*to_json(sample).find("request"))));
    break;
  }
  return made;
}

Result<Json> prove_all(const Json& world, const cedar::Schema& schema) {
  TRY(one, read_policies(*world.find("a")));
  TRY(other, read_policies(*world.find("b")));
  TRY(a, Subject::of(one, schema));
  TRY(b, Subject::of(other, schema));
  TRY(samples, read_samples(schema, *world.find("samples")));
  const Means means = means_of(world);
  Json made = Json::array();
  for (const Json& given : *world.find("environments")->as_array()) {
    const auto& text = [&](const char* name) { return *given.find(name)->as_string(); };
    TRY(action, cedar::EntityUid::parse(text("action")));
    const cedar::Environment environment{text("principal"), action, text("resource")};
    Json verdicts = Json::object();
    std::size_t seen = 0;
    for (const Counterexample& each : samples) seen += is_in(each, environment) ? 1 : 0;
    for (const Named& each : properties(a, b)) {
      verdicts.set(each.name, answer_of(environment, each.danger, schema, samples, means));
    }
    Json one_of = given;
    one_of.set("samples", Json(static_cast<std::int64_t>(seen)));
    one_of.set("verdicts", std::move(verdicts));
    made.push(std::move(one_of));
  }
  return Json::object({{"environments", std::move(made)},
                       {"count", Json(static_cast<std::int64_t>(environments(schema).size()))}});
}

Json valid_ones(const Json& texts, const cedar::Schema& schema) {
  Json made = Json::array();
  for (const Json& text : *texts.as_array()) {
    Json alone = Json::array();
    alone.push(text);
    const Result<cedar::PolicySet> policies = read_policies(alone);
    made.push(Json(policies && Subject::of(*policies, schema)));
  }
  return Json::object({{"valid", std::move(made)}});
}

Json answer(const Json& world) {
  const auto refused = [](const Error& error) {
    return Json::object({{"refused", Json(error.text())}});
  };
  const Result<cedar::Schema> schema = read_schema(world);
  if (!schema) return refused(schema.error());
  if (const Json* tried = world.find("tried")) return valid_ones(*tried, *schema);
  const Result<Json> made = prove_all(world, *schema);
  return made ? *made : refused(made.error());
}

}  // namespace
}  // namespace writ::prove

int main() {
  std::ios::sync_with_stdio(false);
  for (std::string line; std::getline(std::cin, line);) {
    const auto world = writ::parse_json(line, writ::prove::kWorldLimits);
    if (!world) {
      std::cerr << world.error().text() << "\n";
      return 1;
    }
    std::cout << writ::compact(writ::prove::answer(*world)) << "\n" << std::flush;
  }
}
