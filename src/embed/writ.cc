// The C interface. Every function that can fail runs inside `guarded`, so that no exception
// crosses.
#include "embed/writ.h"

#include <cstddef>
#include <cstring>
#include <exception>
#include <mutex>
#include <new>
#include <string>
#include <vector>

#include "base/published.h"
#include "embed/world.h"

using writ::Code;
using writ::Result;
using writ::Status;
using writ::cedar::Explanation;
using writ::embed::World;

struct writ_error {
  writ_status status;
  std::string message;
  std::string where;
};

struct writ_engine {
  std::mutex loading;  // one load at a time
  writ::Published<World> world{std::make_shared<const World>(writ::embed::empty_world())};
};

struct writ_decision {
  std::shared_ptr<const World> world;  // whose policies the indices below are
  writ::cedar::Response response;
};

struct writ_explanation {
  std::shared_ptr<const World> world;
  struct Why {
    Explanation explanation;
    std::string where;
  };
  std::vector<Why> policies;
};

namespace {

constexpr const char* kMisuse = "the call is wrong: ";

writ_status status_of(Code code) {
  switch (code) {
    case Code::kInvalid:
    case Code::kNotFound:
      return WRIT_INVALID;
    case Code::kExists:
      return WRIT_EXISTS;
    case Code::kExhausted:
      return WRIT_EXHAUSTED;
    default:
      return WRIT_INTERNAL;
  }
}

writ_status report(writ_error** error, writ_status status, std::string message,
                   std::string where = {}) {
  if (error != nullptr) *error = new writ_error{status, std::move(message), std::move(where)};
  return status;
}

writ_status misuse(writ_error** error, const char* what) {
  return report(error, WRIT_MISUSE, std::string(kMisuse) + what);
}

writ_status report(writ_error** error, const writ::Error& failed) {
  return report(error, status_of(failed.code), failed.message, failed.where);
}

template <class F>
writ_status guarded(writ_error** error, F body) noexcept {
  if (error != nullptr) *error = nullptr;
  try {
    try {
      return body();
    } catch (const std::bad_alloc&) {
      return report(error, WRIT_NO_MEMORY, "there is not enough memory");
    } catch (const std::exception& thrown) {
      return report(error, WRIT_INTERNAL, thrown.what());
    }
  } catch (...) {
    return WRIT_NO_MEMORY;  // not even enough to say so
  }
}

std::string_view view_of(const writ_string& text) {
  if (text.bytes == nullptr) return {};
  return {text.bytes, text.size == WRIT_TERMINATED ? std::strlen(text.bytes) : text.size};
}

writ_string string_of(std::string_view text) {
  return {text.data() == nullptr ? "" : text.data(), text.size()};
}

// What the caller gave of a struct that begins with its size; members that it does not know are
// zero. Empty when it knows more than this library.
template <class T>
std::optional<T> copied(const T* given) {
  if (given == nullptr || given->size < sizeof(std::size_t) || given->size > sizeof(T)) return {};
  T copy{};
  std::memcpy(&copy, given, given->size);
  return copy;
}

// Fills what the caller knows of a struct that begins with its size.
template <class T>
writ_status fill(T* into, T made) {
  if (into == nullptr || into->size < sizeof(std::size_t) || into->size > sizeof(T)) {
    return WRIT_MISUSE;
  }
  made.size = into->size;
  std::memcpy(into, &made, made.size);
  return WRIT_OK;
}

std::optional<writ::embed::Source> source_of(const writ_source& source) {
  if (source.text.bytes == nullptr) return {};
  return writ::embed::Source{
      view_of(source.text), view_of(source.name),
      source.format == WRIT_JSON ? writ::embed::Format::kJson : writ::embed::Format::kCedar};
}

bool known_format(const writ_source& source) {
  return source.format == WRIT_CEDAR || source.format == WRIT_JSON;
}

// Reads the request and makes of it what `make` makes of world and request.
template <class T, class F>
writ_status answer(const writ_engine* engine, const writ_request* given, T** made,
                   writ_error** error, F make) noexcept {
  if (made != nullptr) *made = nullptr;
  return guarded(error, [&] {
    const std::optional<writ_request> request = copied(given);
    if (engine == nullptr) return misuse(error, "the engine is NULL");
    if (made == nullptr) return misuse(error, "there is no place for the answer");
    if (!request) return misuse(error, "the request's size is not sizeof(writ_request)");
    const bool in_parts = request->principal.bytes != nullptr || request->action.bytes != nullptr ||
                          request->resource.bytes != nullptr || request->context.bytes != nullptr;
    if (in_parts && request->json.bytes != nullptr) {
      return misuse(error, "a request is given in parts or as JSON, not both");
    }
    std::shared_ptr<const World> world = engine->world.get();
    const Result<writ::cedar::Request> read =
        request->json.bytes != nullptr
            ? read_request(*world, view_of(request->json))
            : read_request(*world, {view_of(request->principal), view_of(request->action),
                                    view_of(request->resource), view_of(request->context)});
    if (!read) return report(error, read.error());
    *made = make(std::move(world), *read);
    return WRIT_OK;
  });
}

}  // namespace

uint32_t writ_abi_version(void) {
  return WRIT_ABI_VERSION;
}
const char* writ_version(void) {
  return WRIT_PROJECT_VERSION;
}

writ_status writ_error_status(const writ_error* error) {
  return error == nullptr ? WRIT_OK : error->status;
}
writ_string writ_error_message(const writ_error* error) {
  return error == nullptr ? string_of("") : string_of(error->message);
}
writ_string writ_error_where(const writ_error* error) {
  return error == nullptr ? string_of("") : string_of(error->where);
}
void writ_error_free(writ_error* error) {
  delete error;
}

writ_engine* writ_engine_new(void) {
  writ_engine* made = nullptr;
  guarded(nullptr, [&] {
    made = new writ_engine;
    return WRIT_OK;
  });
  return made;
}
void writ_engine_free(writ_engine* engine) {
  delete engine;
}

writ_status writ_load(writ_engine* engine, const writ_parts* given, writ_error** error) {
  return guarded(error, [&] {
    const std::optional<writ_parts> parts = copied(given);
    if (engine == nullptr) return misuse(error, "the engine is NULL");
    if (!parts) return misuse(error, "the size of the parts is not sizeof(writ_parts)");
    if (!known_format(parts->policies) || !known_format(parts->schema)) {
      return misuse(error, "a format is WRIT_CEDAR or WRIT_JSON");
    }
    const std::lock_guard lock(engine->loading);
    Result<World> after = replaced(
        *engine->world.get(),
        {source_of(parts->policies), source_of(parts->schema), source_of(parts->entities)});
    if (!after) return report(error, after.error());
    engine->world.publish(std::make_shared<const World>(std::move(*after)));
    return WRIT_OK;
  });
}

writ_status writ_authorize(const writ_engine* engine, const writ_request* request,
                           writ_decision** decision, writ_error** error) {
  return answer(engine, request, decision, error,
                [](std::shared_ptr<const World> world, const writ::cedar::Request& read) {
                  auto response = authorize(world->policies, read, *world->entities);
                  return new writ_decision{std::move(world), std::move(response)};
                });
}
void writ_decision_free(writ_decision* decision) {
  delete decision;
}

int writ_decision_allowed(const writ_decision* decision) {
  return decision != nullptr && decision->response.decision == writ::cedar::Decision::kAllow;
}
int writ_decision_forbid_failed(const writ_decision* decision) {
  return decision != nullptr && decision->response.forbid_failed;
}
size_t writ_decision_reason_count(const writ_decision* decision) {
  return decision == nullptr ? 0 : decision->response.reasons.size();
}
writ_string writ_decision_reason(const writ_decision* decision, size_t index) {
  if (index >= writ_decision_reason_count(decision)) return string_of("");
  return string_of(decision->world->policies.id(decision->response.reasons[index]));
}
size_t writ_decision_problem_count(const writ_decision* decision) {
  return decision == nullptr ? 0 : decision->response.errors.size();
}
writ_status writ_decision_problem(const writ_decision* decision, size_t index,
                                  writ_problem* problem) {
  if (index >= writ_decision_problem_count(decision)) return WRIT_MISUSE;
  const writ::cedar::PolicyError& failed = decision->response.errors[index];
  return fill(problem, {0, string_of(decision->world->policies.id(failed.policy)),
                        string_of(failed.error.message), string_of(failed.error.where)});
}

writ_status writ_explain(const writ_engine* engine, const writ_request* request,
                         writ_explanation** explanation, writ_error** error) {
  return answer(engine, request, explanation, error,
                [](std::shared_ptr<const World> world, const writ::cedar::Request& read) {
                  auto made = std::make_unique<writ_explanation>();
                  for (std::size_t i = 0; i < world->policies.size(); ++i) {
                    Explanation why = explain(world->policies, i, read, *world->entities);
                    std::string where = why.position.text();
                    made->policies.push_back({std::move(why), std::move(where)});
                  }
                  made->world = std::move(world);
                  return made.release();
                });
}
void writ_explanation_free(writ_explanation* explanation) {
  delete explanation;
}
size_t writ_explanation_count(const writ_explanation* explanation) {
  return explanation == nullptr ? 0 : explanation->policies.size();
}

writ_status writ_explanation_clause(const writ_explanation* explanation, size_t index,
                                    writ_clause* clause) {
  if (index >= writ_explanation_count(explanation)) return WRIT_MISUSE;
  const auto& [why, where] = explanation->policies[index];
  const writ::cedar::Policy& policy = explanation->world->policies.policy(index);
  static_assert(static_cast<int>(Explanation::Outcome::kSatisfied) == WRIT_SATISFIED &&
                static_cast<int>(Explanation::Outcome::kPrincipal) == WRIT_OTHER_PRINCIPAL &&
                static_cast<int>(Explanation::Outcome::kAction) == WRIT_OTHER_ACTION &&
                static_cast<int>(Explanation::Outcome::kResource) == WRIT_OTHER_RESOURCE &&
                static_cast<int>(Explanation::Outcome::kCondition) == WRIT_CONDITION &&
                static_cast<int>(Explanation::Outcome::kError) == WRIT_FAILED);
  return fill(clause, {0, string_of(policy.id), policy.effect == writ::cedar::Effect::kForbid,
                       static_cast<std::int32_t>(why.outcome), string_of(where),
                       string_of(why.text), string_of(why.message)});
}
