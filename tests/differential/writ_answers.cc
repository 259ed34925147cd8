// Writ's side of the differential test: reads a world a line, as world.mjs makes them, and answers
// what Writ makes of it a line; entities and contexts are texts in it. Every part is tried by
// itself, so that one that is refused hides nothing.
#include <algorithm>
#include <iostream>
#include <map>
#include <string>

#include "cedar/authorize.h"
#include "cedar/format.h"
#include "cedar/policy_json.h"
#include "cedar/schema_syntax.h"
#include "cedar/typed_json.h"
#include "cedar/validate.h"

namespace writ::cedar {
namespace {

constexpr JsonLimits kWorldLimits{64 << 20, 200, 1'000'000};

class World {
 public:
  explicit World(const Json& given)
      : given_(given), forms_(*given.find("forms")->as_bool()), made_(Json::object()) {}

  Json answer() {
    read_schema();
    made_.set("policies", read_policies("policies", false));
    made_.set("templates", read_policies("templates", true));
    read_links();
    if (schema_) {
      made_.set("strict", verdict({}));
      made_.set("permissive", verdict({.mode = ValidationMode::kPermissive}));
      made_.set("level 1", verdict({.level = 1}));
    }
    const CompiledPolicies policies(policies_);
    made_.set("plain", decide(policies, nullptr));
    if (schema_) made_.set("typed", decide(policies, &*schema_));
    return std::move(made_);
  }

 private:
  void read_schema() {
    const std::string& text = *given_.find("schema")->as_string();
    const Result<SchemaSyntax> syntax = parse_schema(text);
    Result<Schema> schema = syntax ? Schema::resolve(*syntax) : Result<Schema>(fail(syntax));
    made_.set("schema", schema && forms_ ? to_json(*syntax) : Json(schema.has_value()));
    if (!schema) return complain(schema.error());
    schema_ = std::move(*schema);
  }

  // By id: false for what is refused, else true, or its JSON, its text printed anew, and formatted.
  Json read_policies(std::string_view member, bool templates) {
    Json answers = Json::object();
    for (const auto& [id, text] : *given_.find(member)->as_object()) {
      const Result<PolicySet> set = PolicySet::parse(*text.as_string());
      const std::vector<Policy>* list = !set        ? nullptr
                                        : templates ? &set->templates()
                                                    : &set->policies();
      if (!set) complain(set.error());
      if (!set || list->size() != 1 || set->policies().size() + set->templates().size() != 1) {
        answers.set(id, false);
        continue;
      }
      Policy policy = list->front();
      policy.id = id;
      answers.set(id, forms_ ? forms_of(policy, *text.as_string()) : Json(true));
      if (!policies_.add(std::move(policy))) std::abort();
    }
    return answers;
  }

  static Json forms_of(const Policy& policy, const std::string& text) {
    const Json json = to_json(policy).value();
    const Result<Policy> again = policy_from_json(json, policy.id);
    Json made = Json::object({{"json", json}, {"printed", Json(print(policy))}});
    made.set("formatted", format(text).value());
    made.set("again", again ? to_json(*again).value() : Json(again.error().text()));
    return made;
  }

  void read_links() {
    Json linked = Json::object();
    for (const Json& link : *given_.find("links")->as_array()) {
      Slots slots;
      for (const auto& [slot, uid] : *link.find("values")->as_object()) {
        (slot == "?principal" ? slots.principal : slots.resource) = uid_from_json(uid).value();
      }
      const std::string& id = *link.find("newId")->as_string();
      linked.set(id, policies_.link(*link.find("templateId")->as_string(), id, slots).has_value());
    }
    made_.set("links", std::move(linked));
  }

  // By id: what is wrong with the policies that have errors, and with those that have warnings.
  Json verdict(const ValidationOptions& options) const {
    const Validation validation = validate(*schema_, policies_, options).value();
    const auto ids = [](const std::vector<Finding>& findings) {
      std::map<std::string, Json> found;
      for (const Finding& each : findings) {
        found.try_emplace(each.policy, Json::array()).first->second.push(each.error.text());
      }
      Json all = Json::object();
      for (auto& [id, texts] : found) all.set(id, std::move(texts));
      return all;
    };
    return Json::object(
        {{"errors", ids(validation.errors)}, {"warnings", ids(validation.warnings)}});
  }

  Json decide(const CompiledPolicies& policies, const Schema* schema) {
    const Result<Json> raw = parse_json(*given_.find("entities")->as_string(), kWorldLimits);
    const Result<Entities> entities =
        !raw ? Result<Entities>(fail(raw))
             : Entities::from_json(schema ? with_actions(*schema, explicit_entities(*schema, *raw))
                                          : *raw);
    const Status valid = !entities ? Status(fail(entities))
                         : schema  ? validate(*schema, *entities)
                                   : Status();
    if (!valid) {
      complain(valid.error());
      return Json(false);
    }
    Json answers = Json::array();
    for (const Json& request : *given_.find("requests")->as_array()) {
      answers.push(decide(policies, schema, *entities, request));
    }
    return answers;
  }

  Json decide(const CompiledPolicies& policies, const Schema* schema, const Entities& entities,
              const Json& given) {
    const EntityUid action = uid_from_json(*given.find("action")).value();
    const Result<Json> raw = parse_json(*given.find("context")->as_string(), kWorldLimits);
    Result<Value> context =
        !raw ? Result<Value>(fail(raw))
             : record_from_json(schema ? explicit_context(*schema, *raw, action) : *raw);
    if (!context) {
      complain(context.error());
      return Json(false);
    }
    const Request request{uid_from_json(*given.find("principal")).value(), action,
                          uid_from_json(*given.find("resource")).value(), std::move(*context)};
    if (const Status valid = schema ? validate(*schema, request) : Status(); !valid) {
      complain(valid.error());
      return Json(false);
    }
    const Response response = authorize(policies, request, entities);
    check_words(policies, request, entities, response);
    Json answer =
        Json::object({{"decision", response.decision == Decision::kAllow ? "allow" : "deny"}});
    Json reasons = Json::array();
    for (const std::uint32_t index : response.reasons) reasons.push(Json(policies.id(index)));
    Json errors = Json::object();
    for (const PolicyError& each : response.errors) {
      errors.set(policies.id(each.policy), each.error.text());
    }
    answer.set("reasons", std::move(reasons));
    answer.set("errors", std::move(errors));
    for (std::size_t i = 0; i < policies.size(); ++i)
      check_explanation(policies, i, request, entities, response);
    return answer;
  }

  // A request in words is answered alike.
  static void check_words(const CompiledPolicies& policies, const Request& request,
                          const Entities& entities, const Response& response) {
    const auto part = [](const EntityUid& uid) { return RequestText::Part{uid.type(), uid.id()}; };
    const Response same = authorize(policies,
                                    RequestText{part(request.principal), part(request.action),
                                                part(request.resource), request.context},
                                    entities);
    const auto is_error = [](const PolicyError& a, const PolicyError& b) {
      return a.policy == b.policy && a.error.text() == b.error.text();
    };
    if (same.decision != response.decision || same.reasons != response.reasons ||
        same.forbid_failed != response.forbid_failed ||
        !std::equal(same.errors.begin(), same.errors.end(), response.errors.begin(),
                    response.errors.end(), is_error)) {
      std::cerr << "a request in words is answered otherwise\n";
      std::abort();
    }
  }

  // What explains a policy agrees with what decided.
  static void check_explanation(const CompiledPolicies& policies, std::size_t index,
                                const Request& request, const Entities& entities,
                                const Response& response) {
    using Outcome = Explanation::Outcome;
    const Outcome outcome = explain(policies, index, request, entities).outcome;
    const bool failed = std::any_of(response.errors.begin(), response.errors.end(),
                                    [&](const PolicyError& each) { return each.policy == index; });
    const bool reason = std::count(response.reasons.begin(), response.reasons.end(), index) > 0;
    if (failed != (outcome == Outcome::kError) || (reason && outcome != Outcome::kSatisfied)) {
      std::cerr << "explain disagrees on " << policies.id(index) << "\n";
      std::abort();
    }
  }

  void complain(const Error& error) {
    if (made_.find("said") == nullptr) made_.set("said", Json::array());
    Json said = *made_.find("said");
    said.push(error.text());
    made_.set("said", std::move(said));
  }

  const Json& given_;
  bool forms_;  // whether other forms than decisions are wanted
  Json made_;
  std::optional<Schema> schema_;
  PolicySet policies_;
};

}  // namespace
}  // namespace writ::cedar

int main() {
  std::ios::sync_with_stdio(false);
  for (std::string line; std::getline(std::cin, line);) {
    const auto world = writ::parse_json(line, writ::cedar::kWorldLimits);
    if (!world) {
      std::cerr << world.error().text() << "\n";
      return 1;
    }
    std::cout << writ::compact(writ::cedar::World(*world).answer()) << "\n";
    if (std::cin.rdbuf()->in_avail() <= 0) std::cout.flush();
  }
}
