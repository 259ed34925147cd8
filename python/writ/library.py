"""libwrit, opened with cffi in its ABI mode: nothing is compiled. The declarations are those of writ.h,
a test compares them."""
import os

from cffi import FFI

ffi = FFI()
ffi.cdef("""
typedef struct writ_string { const char *bytes; size_t size; } writ_string;
typedef int writ_status;
typedef struct writ_error writ_error;
typedef struct writ_engine writ_engine;
typedef struct writ_decision writ_decision;
typedef struct writ_explanation writ_explanation;

typedef struct writ_source { writ_string text; writ_string name; int32_t format; } writ_source;
typedef struct writ_parts {
  size_t size;
  writ_source policies;
  writ_source schema;
  writ_source entities;
} writ_parts;
typedef struct writ_request {
  size_t size;
  writ_string principal;
  writ_string action;
  writ_string resource;
  writ_string context;
  writ_string json;
} writ_request;
typedef struct writ_problem {
  size_t size;
  writ_string policy;
  writ_string message;
  writ_string where;
} writ_problem;
typedef struct writ_clause {
  size_t size;
  writ_string policy;
  int32_t forbids;
  int32_t outcome;
  writ_string where;
  writ_string text;
  writ_string message;
} writ_clause;

uint32_t writ_abi_version(void);
const char *writ_version(void);
writ_status writ_error_status(const writ_error *error);
writ_string writ_error_message(const writ_error *error);
writ_string writ_error_where(const writ_error *error);
void writ_error_free(writ_error *error);
writ_engine *writ_engine_new(void);
void writ_engine_free(writ_engine *engine);
writ_status writ_load(writ_engine *engine, const writ_parts *parts, writ_error **error);
writ_status writ_authorize(const writ_engine *engine, const writ_request *request,
                           writ_decision **decision, writ_error **error);
void writ_decision_free(writ_decision *decision);
int writ_decision_allowed(const writ_decision *decision);
int writ_decision_forbid_failed(const writ_decision *decision);
size_t writ_decision_reason_count(const writ_decision *decision);
writ_string writ_decision_reason(const writ_decision *decision, size_t index);
size_t writ_decision_problem_count(const writ_decision *decision);
writ_status writ_decision_problem(const writ_decision *decision, size_t index,
                                  writ_problem *problem);
writ_status writ_explain(const writ_engine *engine, const writ_request *request,
                         writ_explanation **explanation, writ_error **error);
void writ_explanation_free(writ_explanation *explanation);
size_t writ_explanation_count(const writ_explanation *explanation);
writ_status writ_explanation_clause(const writ_explanation *explanation, size_t index,
                                    writ_clause *clause);
""")

lib = ffi.dlopen(os.environ.get("WRIT_LIBRARY") or "libwrit.so.1")

OK = 0
NO_MEMORY = 5
CEDAR, JSON = 0, 1


def version() -> str:
    """The version of the library, such as "0.1.0"."""
    return ffi.string(lib.writ_version()).decode()


def text_of(string: "ffi.CData") -> str:
    """A writ_string of an answer, copied."""
    return bytes(ffi.buffer(string.bytes, string.size)).decode()
