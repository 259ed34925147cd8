// Fuzzes the request entrance of the C interface: any bytes as a request in JSON and as its parts,
// with and without a schema. Nothing crashes, and a failure always has a text.
#include <cstdint>
#include <cstdlib>

#include "embed/writ.h"

namespace {

writ_engine* engine_with(const char* schema) {
  writ_engine* engine = writ_engine_new();
  writ_parts parts{};
  parts.size = sizeof parts;
  parts.policies.text = WRIT_TEXT(
      "permit (principal, action, resource) when { context has a.b && context.a.b < 7 };"
      "forbid (principal, action, resource) unless { resource in principal || true };");
  parts.schema.text = {schema, WRIT_TERMINATED};
  if (writ_load(engine, &parts, nullptr) != WRIT_OK) std::abort();
  return engine;
}

void ask(const writ_engine* engine, const writ_request& request) {
  writ_decision* decision = nullptr;
  writ_explanation* explanation = nullptr;
  writ_error* error = nullptr;
  const writ_status status = writ_authorize(engine, &request, &decision, &error);
  if ((status == WRIT_OK) != (error == nullptr && decision != nullptr)) std::abort();
  if (status != WRIT_OK && writ_error_message(error).size == 0) std::abort();
  if (writ_explain(engine, &request, &explanation, nullptr) != status) std::abort();
  writ_decision_free(decision);
  writ_explanation_free(explanation);
  writ_error_free(error);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  static const writ_engine* const engines[] = {
      engine_with(nullptr),
      engine_with("entity U in U; action a appliesTo {principal: U, resource: U, "
                  "context: {a?: {b?: Long, c?: datetime, d?: Set<U>}}};")};
  const writ_string text{reinterpret_cast<const char*>(bytes), size};
  for (const writ_engine* engine : engines) {
    writ_request request{};
    request.size = sizeof request;
    request.json = text;
    ask(engine, request);
    request.json.bytes = nullptr;
    request.principal = text;
    request.action = WRIT_TEXT("Action::\"a\"");
    request.resource = WRIT_TEXT("U::\"r\"");
    ask(engine, request);
    request.principal = request.resource;
    request.context = text;
    ask(engine, request);
  }
  return 0;
}
