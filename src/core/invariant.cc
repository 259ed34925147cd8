#include "core/invariant.h"

#include <algorithm>
#include <array>
#include <map>

#include "core/names.h"

namespace writ::core {
namespace {

using cedar::Annotation;
using cedar::Policy;

constexpr std::size_t kMostText = 200;  // bytes of what an invariant says

tl::unexpected<Error> refuse(const Policy& statement, std::uint32_t at, const std::string& why) {
  Error error = statement.source->error(at, why);
  error.code = Code::kInvalid;
  return tl::unexpected<Error>(std::move(error));
}

Result<Invariants::One> read(const Policy& statement) {
  const std::vector<std::string> names{"invariant", "about", "description"};
  for (const Annotation& each : statement.annotations) {
    if (std::find(names.begin(), names.end(), each.name) != names.end()) continue;
    return refuse(
        statement, each.begin,
        "an invariant has no annotation @" + each.name + "." + did_you_mean(each.name, names));
  }
  const Annotation* text = statement.annotation("invariant");
  if (text == nullptr || text->value.empty() || text->value.size() > kMostText) {
    return refuse(statement, text == nullptr ? statement.begin : text->begin,
                  "every invariant says in @invariant(\"…\") what must be true, in 1 to " +
                      std::to_string(kMostText) + " bytes");
  }
  Invariants::One made{text->value, false};
  if (const Annotation* about = statement.annotation("about")) {
    if (about->value != "errors" && about->value != "decisions") {
      return refuse(statement, about->begin, "@about wants \"decisions\" or \"errors\"");
    }
    made.about_errors = about->value == "errors";
    if (made.about_errors && statement.effect != cedar::Effect::kForbid) {
      return refuse(statement, about->begin, "@about(\"errors\") stands on a forbid");
    }
  }
  return made;
}

}  // namespace

Result<Invariants> parse_invariants(const std::vector<PolicyFile>& files) {
  Invariants made;
  std::map<std::string, std::string> places;  // by what they say
  for (const PolicyFile& file : files) {
    if (!is_invariants(file)) continue;
    cedar::ParseOptions options;
    options.first = made.list.size();
    TRY(parsed, cedar::PolicySet::parse(file.text, file.name, options));
    if (!parsed.templates().empty()) {
      const Policy& found = parsed.templates().front();
      return refuse(found, found.begin, "an invariant has no slots; write it out");
    }
    for (const Policy& statement : parsed.policies()) {
      TRY(one, read(statement));
      const auto [first, is_new] = places.emplace(one.text, statement.position().text());
      if (!is_new) {
        return refuse(statement, statement.annotation("invariant")->begin,
                      "this invariant stands already at " + first->second);
      }
      made.list.push_back(std::move(one));
      CHECK_OK(made.statements.add(statement));
    }
  }
  return made;
}

}  // namespace writ::core
