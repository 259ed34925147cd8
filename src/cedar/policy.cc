#include "cedar/policy.h"

#include <algorithm>

#include "cedar/parser.h"

namespace writ::cedar {

const Annotation* Policy::annotation(std::string_view name) const {
  for (const Annotation& each : annotations) {
    if (each.name == name) return &each;
  }
  return nullptr;
}

bool Policy::action_is(std::string_view type, std::string_view action_id) const {
  return action.shape == Constraint::Shape::kEq && action.uids.size() == 1 &&
         action.uids[0].type() == type && action.uids[0].id() == action_id;
}

Result<PolicySet> PolicySet::parse(std::string_view text, std::string_view file,
                                   const ParseOptions& options) {
  if (text.size() > options.bytes) {
    return fail(Code::kInvalid,
                "the policies are " + std::to_string(text.size()) + " bytes long, more than the " +
                    std::to_string(options.bytes) + " allowed",
                std::string(file));
  }
  auto source = std::make_shared<const Source>(file, text);
  TRY(tokens, tokenize(*source));
  Parser parser(source, std::move(tokens));
  PolicySet set;
  for (std::size_t number = options.first; !parser.at_end(); ++number) {
    TRY(policy, parser.policy());
    policy.id = "policy" + std::to_string(number);
    if (options.ids == Ids::kAnnotation) {
      if (const Annotation* id = policy.annotation("id")) policy.id = id->value;
    }
    CHECK_OK(set.add(std::move(policy)));
  }
  return set;
}

const Policy* PolicySet::at(std::string_view id) const {
  const auto place = places_.find(id);
  if (place == places_.end()) return nullptr;
  return &(place->second.among_templates ? templates_ : policies_)[place->second.index];
}

const Policy* PolicySet::find(std::string_view id) const {
  const Policy* policy = at(id);
  return policy == nullptr || policy->is_template() ? nullptr : policy;
}

const Policy* PolicySet::find_template(std::string_view id) const {
  const Policy* policy = at(id);
  return policy != nullptr && policy->is_template() ? policy : nullptr;
}

Status PolicySet::add(Policy policy) {
  if (const Policy* first = at(policy.id)) {
    return fail(Code::kExists,
                "the policy id `" + policy.id + "` is taken; first at " + first->position().text(),
                policy.position().text());
  }
  std::vector<Policy>& into = policy.is_template() ? templates_ : policies_;
  places_.emplace(policy.id, Place{policy.is_template(), into.size()});
  into.push_back(std::move(policy));
  return {};
}

Status PolicySet::link(std::string_view template_id, std::string_view id, const Slots& slots) {
  const Policy* from = find_template(template_id);
  if (from == nullptr) {
    return fail(Code::kNotFound, "there is no template `" + std::string(template_id) + "`");
  }
  Policy linked = *from;
  linked.id = id;
  linked.template_id = template_id;
  const auto fill = [&](Constraint& constraint, const std::optional<EntityUid>& uid,
                        std::string_view slot) -> Status {
    if (constraint.slot != uid.has_value()) {
      return fail(Code::kInvalid, "the template `" + std::string(template_id) +
                                      (uid ? "` has no slot " : "` wants a value for the slot ") +
                                      std::string(slot));
    }
    if (uid) constraint.uids = {*uid};
    constraint.slot = false;
    return {};
  };
  CHECK_OK(fill(linked.principal, slots.principal, "?principal"));
  CHECK_OK(fill(linked.resource, slots.resource, "?resource"));
  return add(std::move(linked));
}

Status PolicySet::merge(const PolicySet& other) {
  PolicySet merged = *this;
  for (const Policy& policy : other.templates_) CHECK_OK(merged.add(policy));
  for (const Policy& policy : other.policies_) CHECK_OK(merged.add(policy));
  *this = std::move(merged);
  return {};
}

}  // namespace writ::cedar
