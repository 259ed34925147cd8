/* Decides and explains a request: cc authorize.c $(pkg-config --cflags --libs writ) */
#include <stdio.h>
#include <writ.h>

static int failed(writ_error* error) {
  fprintf(stderr, "%s: %s\n", writ_error_where(error).bytes, writ_error_message(error).bytes);
  writ_error_free(error);
  return 1;
}

int main(void) {
  writ_error* error = NULL;
  writ_engine* engine = writ_engine_new();
  writ_parts parts = {.size = sizeof parts};
  parts.policies.name = WRIT_TEXT("docs.cedar");
  parts.policies.text = WRIT_TEXT(
      "@id(\"team-views\") permit (principal in Team::\"docs\", action, resource);\n"
      "@id(\"secrets\") forbid (principal, action, resource) when { context.secret };\n");
  parts.entities.text = WRIT_TEXT(
      "[{\"uid\": {\"type\": \"User\", \"id\": \"alice\"}, \"attrs\": {},"
      "  \"parents\": [{\"type\": \"Team\", \"id\": \"docs\"}]}]");
  if (writ_load(engine, &parts, &error) != WRIT_OK) return failed(error);

  const char* contexts[] = {"{\"secret\": false}", "{\"secret\": true}", "{}", "{"};
  for (size_t i = 0; i < sizeof contexts / sizeof contexts[0]; ++i) {
    writ_request request = {.size = sizeof request};
    request.principal = WRIT_TEXT("User::\"alice\"");
    request.action = WRIT_TEXT("Action::\"view\"");
    request.resource = WRIT_TEXT("Doc::\"plan\"");
    request.context = WRIT_TEXT(contexts[i]);

    writ_decision* decision = NULL;
    if (writ_authorize(engine, &request, &decision, &error) != WRIT_OK) {
      printf("refused: %s: %s\n", writ_error_where(error).bytes, writ_error_message(error).bytes);
      writ_error_free(error);
      continue;
    }
    /* Safe also where a forbid failed. */
    const int allow = writ_decision_allowed(decision) && !writ_decision_forbid_failed(decision);
    printf("%s:", allow ? "allow" : "deny");
    for (size_t k = 0; k < writ_decision_reason_count(decision); ++k) {
      printf(" %s", writ_decision_reason(decision, k).bytes);
    }
    printf("\n");
    writ_decision_free(decision);

    writ_explanation* explanation = NULL;
    if (writ_explain(engine, &request, &explanation, &error) != WRIT_OK) return failed(error);
    for (size_t k = 0; k < writ_explanation_count(explanation); ++k) {
      writ_clause clause = {.size = sizeof clause};
      writ_explanation_clause(explanation, k, &clause);
      if (clause.outcome == WRIT_SATISFIED) continue;
      printf("  %s at %s: %s %s\n", clause.policy.bytes, clause.where.bytes, clause.text.bytes,
             clause.message.bytes);
    }
    writ_explanation_free(explanation);
  }
  writ_engine_free(engine);
  return 0;
}
