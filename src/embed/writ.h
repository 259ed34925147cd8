/* libwrit: Writ's policy engine in other programs.
 *
 * An engine holds Cedar policies and, as far as they are given, a schema and entities. It answers
 * requests: may this principal take this action on this resource, in this context; and why.
 *
 *   writ_engine *engine = writ_engine_new();
 *   writ_parts parts = {.size = sizeof parts};
 *   parts.policies.text = WRIT_TEXT("permit (principal, action, resource);");
 *   writ_error *error = NULL;
 *   if (writ_load(engine, &parts, &error) != WRIT_OK) puts(writ_error_message(error).bytes);
 *
 *   writ_request request = {.size = sizeof request};
 *   request.principal = WRIT_TEXT("User::\"alice\"");
 *   request.action = WRIT_TEXT("Action::\"view\"");
 *   request.resource = WRIT_TEXT("Doc::\"plan\"");
 *   writ_decision *decision = NULL;
 *   if (writ_authorize(engine, &request, &decision, &error) == WRIT_OK) {
 *     puts(writ_decision_allowed(decision) ? "allow" : "deny");
 *     writ_decision_free(decision);
 *   }
 *   writ_engine_free(engine);
 *
 * Decisions are Cedar's: allow when a permit is satisfied and no forbid is. A policy that fails,
 * such as by reading an attribute that is not there, is not satisfied, and is reported. So a forbid
 * that fails forbids nothing: a caller that wants safety asks writ_decision_forbid_failed too, and
 * denies then, as Writ itself does. When a call fails there is no decision: deny.
 *
 * Threads. Any function may be called from any thread at any time, on the same engine too, but for
 * the free functions: free a thing when nobody uses it any more. Decisions and explanations never
 * change; they stand for the policies by which they were made, also when the engine has others by
 * then, or is gone. There is no global state: engines know nothing of each other.
 *
 * Memory. What a function creates (engine, decision, explanation, error), the caller frees with its
 * free function; freeing NULL does nothing. A writ_string in an answer belongs to the thing that it
 * was asked of, lives as long as that, and ends with a NUL that its size does not count. The
 * library copies what it is given.
 *
 * Errors. A function that can fail returns a status and takes a pointer to a writ_error*, or NULL
 * where the text is of no interest. On failure the error is a new one; on success it is set to
 * NULL. So it needs no preparation, and there is nothing to free after success. What a failing
 * function would have created is set to NULL, and an engine stays as it was.
 *
 * Limits. Policies: 16 MiB of Cedar text, or 64 MiB of JSON. Schema: 16 MiB. Entities: 64 MiB,
 * values nested 64 deep, 20 million ancestors in all. Request: 1 MiB, an entity's text 64 KiB,
 * 100,000 values nested 64 deep. Expressions nest 200 deep. What is past a limit is refused with a
 * text that says the limit. Loading may use 2 MiB of stack, so load on a thread that has the
 * usual 8.
 *
 * ABI. Within one soname (libwrit.so.1) functions and members of structs are added and never
 * changed. A struct that the caller fills begins with its size, by which the library knows which
 * members the caller knows. writ_abi_version answers the WRIT_ABI_VERSION that the library was
 * built with: it has everything that a header with that number or a lower one declares.
 */
#ifndef WRIT_H
#define WRIT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define WRIT_API __attribute__((visibility("default")))
#else
#define WRIT_API
#endif

#define WRIT_ABI_VERSION 1

/* Names are C's. NOLINTBEGIN(readability-identifier-naming) */

WRIT_API uint32_t writ_abi_version(void);
/* The library's own version, such as "0.1.0". */
WRIT_API const char* writ_version(void);

/* A text in UTF-8. `bytes` NULL: none is given. */
typedef struct writ_string {
  const char* bytes;
  size_t size; /* in bytes; or WRIT_TERMINATED, in what the caller gives: up to the first NUL */
} writ_string;

#define WRIT_TERMINATED SIZE_MAX
#ifdef __cplusplus
#define WRIT_TEXT(text) (writ_string{(text), WRIT_TERMINATED})
#else
#define WRIT_TEXT(text) ((writ_string){(text), WRIT_TERMINATED})
#endif

typedef enum writ_status {
  WRIT_OK = 0,
  WRIT_INVALID = 1,   /* the text, or what it means, is wrong; the error says where and how */
  WRIT_EXISTS = 2,    /* an id is taken */
  WRIT_EXHAUSTED = 3, /* past one of the limits above */
  WRIT_MISUSE = 4,    /* the call is wrong: a NULL or a size that cannot be */
  WRIT_NO_MEMORY = 5, /* there may be no writ_error then */
  WRIT_INTERNAL = 6   /* a defect of the library */
} writ_status;

/* ---- errors ---- */

typedef struct writ_error writ_error;

WRIT_API writ_status writ_error_status(const writ_error* error);
/* What is wrong, in a sentence. For Cedar text the line and a caret under the place follow. */
WRIT_API writ_string writ_error_message(const writ_error* error);
/* Where: name:line:column, a JSON pointer, or the part of the request; empty when nowhere. */
WRIT_API writ_string writ_error_where(const writ_error* error);
WRIT_API void writ_error_free(writ_error* error);

/* ---- engines ---- */

typedef struct writ_engine writ_engine;

/* An engine without policies: it denies everything. NULL when there is no memory. */
WRIT_API writ_engine* writ_engine_new(void);
WRIT_API void writ_engine_free(writ_engine* engine);

typedef enum writ_format {
  WRIT_CEDAR = 0, /* Cedar's own syntax; not for entities */
  WRIT_JSON = 1   /* the JSON form of the same */
} writ_format;

typedef struct writ_source {
  writ_string text; /* `bytes` NULL: the engine keeps the part that it has */
  writ_string name; /* stands before the place in errors, such as a file's name; may be none */
  int32_t format;   /* a writ_format; not looked at for entities, which are JSON */
} writ_source;

typedef struct writ_parts {
  size_t size; /* sizeof(writ_parts) */
  /* Policies and templates. In Cedar syntax a policy's id is its annotation @id, or policy0,
   * policy1, … by its place. JSON is a policy set {"staticPolicies", "templates",
   * "templateLinks"}, or one policy. */
  writ_source policies;
  /* With a schema, policies must pass strict validation, entities and requests must be valid, JSON
   * may leave out the escapes __entity and __extn, and the schema's actions are entities by
   * themselves. A schema cannot be taken away again; make another engine for that. */
  writ_source schema;
  /* [{"uid", "attrs", "parents", "tags"}, …]; they are read by the schema, so where the engine has
   * entities a new schema must come with entities. */
  writ_source entities;
} writ_parts;

/* Replaces the parts that are given, all at once: a request is answered with all of the new parts
 * or with none of them. Requests never wait for a load. */
WRIT_API writ_status writ_load(writ_engine* engine, const writ_parts* parts, writ_error** error);

/* ---- decisions ---- */

typedef struct writ_request {
  size_t size; /* sizeof(writ_request) */
  /* Either these, each as a policy writes it: User::"alice", … */
  writ_string principal;
  writ_string action;
  writ_string resource;
  writ_string context; /* a JSON object; may be none */
  /* … or all in one: {"principal", "action", "resource", "context"}, an entity written
   * "User::\"alice\"" or {"type": "User", "id": "alice"}, the context left out where it is empty.
   */
  writ_string json;
} writ_request;

typedef struct writ_decision writ_decision;

WRIT_API writ_status writ_authorize(const writ_engine* engine, const writ_request* request,
                                    writ_decision** decision, writ_error** error);
WRIT_API void writ_decision_free(writ_decision* decision);

/* 1 for allow, 0 for deny, and for NULL. */
WRIT_API int writ_decision_allowed(const writ_decision* decision);
/* 1 when a forbid failed, so that nobody knows whether it would have forbidden. */
WRIT_API int writ_decision_forbid_failed(const writ_decision* decision);
/* Ids of the policies that determined the decision, in the order of the policy set: the permits of
 * an allow, the forbids of a denial; none when nothing applied. `index` is from 0; the string is
 * empty past the last. */
WRIT_API size_t writ_decision_reason_count(const writ_decision* decision);
WRIT_API writ_string writ_decision_reason(const writ_decision* decision, size_t index);

/* A policy that failed. */
typedef struct writ_problem {
  size_t size;         /* sizeof(writ_problem), set by the caller */
  writ_string policy;  /* id */
  writ_string message; /* what failed */
  writ_string where;   /* name:line:column of the expression */
} writ_problem;

WRIT_API size_t writ_decision_problem_count(const writ_decision* decision);
/* WRIT_MISUSE for an index past the last. */
WRIT_API writ_status writ_decision_problem(const writ_decision* decision, size_t index,
                                           writ_problem* problem);

/* ---- explanations ---- */

/* Why each policy did or did not apply to a request. */
typedef struct writ_explanation writ_explanation;

typedef enum writ_outcome {
  WRIT_SATISFIED = 0,
  WRIT_OTHER_PRINCIPAL = 1, /* the scope does not cover this principal */
  WRIT_OTHER_ACTION = 2,
  WRIT_OTHER_RESOURCE = 3,
  WRIT_CONDITION = 4, /* a `when` is false, or an `unless` true */
  WRIT_FAILED = 5     /* an expression failed */
} writ_outcome;

typedef struct writ_clause {
  size_t size;         /* sizeof(writ_clause), set by the caller */
  writ_string policy;  /* id */
  int32_t forbids;     /* 1 for a forbid, 0 for a permit */
  int32_t outcome;     /* a writ_outcome */
  writ_string where;   /* name:line:column of the policy, the clause, or what failed in it */
  writ_string text;    /* the clause as written, for WRIT_CONDITION and WRIT_FAILED; else empty */
  writ_string message; /* what failed, for WRIT_FAILED; else empty */
} writ_clause;

WRIT_API writ_status writ_explain(const writ_engine* engine, const writ_request* request,
                                  writ_explanation** explanation, writ_error** error);
WRIT_API void writ_explanation_free(writ_explanation* explanation);
/* How many policies there are: all of the engine, in their order. */
WRIT_API size_t writ_explanation_count(const writ_explanation* explanation);
/* WRIT_MISUSE for an index past the last. */
WRIT_API writ_status writ_explanation_clause(const writ_explanation* explanation, size_t index,
                                             writ_clause* clause);

/* NOLINTEND(readability-identifier-naming) */

#ifdef __cplusplus
}
#endif

#endif
