#include "api/authzen.h"

#include <array>

namespace writ::api {
namespace {

constexpr std::size_t kMostToken = 4096;

// Which members an entity must have.
enum class Wants { kAll, kType, kNothing };

tl::unexpected<Error> wanted(std::string_view what, std::string pointer) {
  return fail(Code::kInvalid, std::string(what) + " is wanted here", std::move(pointer));
}

// Where an object stands; put into words only for an error.
struct Place {
  std::string_view item;  // pointer to an item of the message; empty: the message itself
  std::string_view part;  // member of that; empty: the whole

  std::string operator/(std::string_view name) const {
    std::string pointer(item);
    if (!part.empty()) pointer.append("/").append(part);
    return pointer.append("/").append(name);
  }
};

Result<std::string_view> name_at(const Json& object, std::string_view name, const Place& place) {
  const Json* member = object.find(name);
  if (member == nullptr || member->as_string() == nullptr || member->as_string()->empty()) {
    return wanted("a non-empty string", place / name);
  }
  if (member->as_string()->size() > kMostName) {
    return fail(Code::kInvalid, "this has more than " + std::to_string(kMostName) + " bytes",
                place / name);
  }
  return std::string_view(*member->as_string());
}

Result<const Json*> object_at(const Json& body, std::string_view name, const Place& place = {}) {
  const Json* member = body.find(name);
  if (member != nullptr && member->as_object() == nullptr) {
    return wanted("an object", place / name);
  }
  return member;
}

// A message, or an item of one with the message behind it.
class Reader {
 public:
  Reader(const Json& body, const Json* defaults, std::string pointer)
      : body_(body), defaults_(defaults), pointer_(std::move(pointer)) {}

  Result<Evaluation> read(Wants subject, Wants action, Wants resource) {
    if (body_.as_object() == nullptr) return wanted("an object", pointer_);
    Evaluation e;
    CHECK_OK(entity("subject", subject, e.subject_type, e.subject_id, e.subject_properties));
    if (action != Wants::kNothing) {
      TRY(found, part("action"));
      TRY(name, name_at(*found.json, "name", found.place));
      e.action = name;
      TRY(properties, object_at(*found.json, "properties", found.place));
      e.action_properties = properties;
    }
    CHECK_OK(entity("resource", resource, e.resource_type, e.resource_id, e.resource_properties));
    TRY(own, object_at(body_, "context", {pointer_, {}}));
    e.context = own;
    if (own == nullptr && defaults_ != nullptr) {
      TRY(inherited, object_at(*defaults_, "context"));
      e.context = inherited;
    }
    return e;
  }

 private:
  struct Part {
    const Json* json;
    Place place;
  };
  // The member as a whole: the item's own, or that of the message.
  Result<Part> part(std::string_view name) const {
    TRY(own, object_at(body_, name, {pointer_, {}}));
    if (own != nullptr) return Part{own, {pointer_, name}};
    if (defaults_ != nullptr) {
      TRY(inherited, object_at(*defaults_, name));
      if (inherited != nullptr) return Part{inherited, {{}, name}};
    }
    return wanted("an object", Place{pointer_, {}} / name);
  }

  Status entity(std::string_view name, Wants wants, std::string_view& type, std::string_view& id,
                const Json*& properties) const {
    TRY(found, part(name));
    TRY(its_type, name_at(*found.json, "type", found.place));
    type = its_type;
    if (wants == Wants::kAll) {
      TRY(its_id, name_at(*found.json, "id", found.place));
      id = its_id;
    }
    TRY(its_properties, object_at(*found.json, "properties", found.place));
    properties = its_properties;
    return {};
  }

  const Json& body_;
  const Json* defaults_;
  const std::string pointer_;
};

Result<control::Until> semantic(const Json& body) {
  TRY(options, object_at(body, "options"));
  const Json* member = options == nullptr ? nullptr : options->find("evaluations_semantic");
  if (member == nullptr) return control::Until::kAll;
  if (const std::string* name = member->as_string()) {
    if (*name == "execute_all") return control::Until::kAll;
    if (*name == "deny_on_first_deny") return control::Until::kFirstDenial;
    if (*name == "permit_on_first_permit") return control::Until::kFirstAllow;
  }
  return wanted("\"execute_all\", \"deny_on_first_deny\" or \"permit_on_first_permit\"",
                "/options/evaluations_semantic");
}

}  // namespace

Result<Evaluation> read_evaluation(const Json& body) {
  return Reader(body, nullptr, "").read(Wants::kAll, Wants::kAll, Wants::kAll);
}

Result<Evaluations> read_evaluations(const Json& body) {
  if (body.as_object() == nullptr) return wanted("an object", "");
  Evaluations read;
  TRY(until, semantic(body));
  read.until = until;
  const Json* items = body.find("evaluations");
  if (items == nullptr) return read;
  if (items->as_array() == nullptr) return wanted("an array", "/evaluations");
  if (items->as_array()->size() > kMostEvaluations) {
    return fail(Code::kInvalid,
                "a message has at most " + std::to_string(kMostEvaluations) + " evaluations",
                "/evaluations");
  }
  // What all items may take over is a matter of the whole message.
  for (const std::string_view name : {"subject", "action", "resource", "context"}) {
    CHECK_OK(object_at(body, name));
  }
  for (const Json& item : *items->as_array()) {
    const std::string pointer = "/evaluations/" + std::to_string(read.items.size());
    read.items.push_back(Reader(item, &body, pointer).read(Wants::kAll, Wants::kAll, Wants::kAll));
  }
  return read;
}

Result<SearchAsked> read_search(const Json& body, core::Sought sought) {
  const auto wants = [&](core::Sought part) { return sought == part ? Wants::kType : Wants::kAll; };
  const Wants action = sought == core::Sought::kActions ? Wants::kNothing : Wants::kAll;
  SearchAsked asked;
  TRY(evaluation,
      Reader(body, nullptr, "")
          .read(wants(core::Sought::kSubjects), action, wants(core::Sought::kResources)));
  asked.wanted = evaluation;
  TRY(page, object_at(body, "page"));
  if (page == nullptr) return asked;
  if (const Json* token = page->find("token")) {
    if (token->as_string() == nullptr || token->as_string()->size() > kMostToken) {
      return wanted("the next_token of the page before", "/page/token");
    }
    asked.token = *token->as_string();
  }
  if (const Json* limit = page->find("limit")) {
    if (limit->as_int() == nullptr || *limit->as_int() < 0) {
      return wanted("an integer that is not negative", "/page/limit");
    }
    asked.limit = *limit->as_int();
  }
  CHECK_OK(object_at(*page, "properties", {{}, "page"}));
  return asked;
}

}  // namespace writ::api
