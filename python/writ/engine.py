"""Engines, and what they answer. What an engine answers are plain values: the memory of the library
that they came from is free by then."""
import enum
import json
import os
import pathlib
from dataclasses import dataclass
from typing import Any, Mapping, Optional, Sequence, Tuple, Union

from writ.library import CEDAR, JSON, NO_MEMORY, OK, ffi, lib, text_of

Text = Union[str, pathlib.Path, Mapping[str, Any], Sequence[Any]]
Entity = Union[str, Tuple[str, str]]


class Error(Exception):
    """What the engine refused: policies, schema, entities or a request.

    `message` says what is wrong; `where` the place, as name:line:column or a JSON pointer, or is empty.

    >>> try:
    ...     Engine("permit (principal, action);")
    ... except Error as error:
    ...     print(error.where)
    policies:1:26
    """

    def __init__(self, message: str, where: str = ""):
        super().__init__(f"{where}: {message}" if where else message)
        self.message = message
        self.where = where


class Outcome(enum.IntEnum):
    """How a policy came out for a request."""

    SATISFIED = 0
    OTHER_PRINCIPAL = 1  # its scope does not cover this principal
    OTHER_ACTION = 2
    OTHER_RESOURCE = 3
    CONDITION = 4  # a `when` is false, or an `unless` true
    FAILED = 5


@dataclass(frozen=True)
class Problem:
    """A policy whose evaluation failed, so that it was not satisfied."""

    policy: str
    message: str
    where: str


@dataclass(frozen=True)
class Decision:
    """A decision; true when it allows.

    `reasons` are the ids of the policies that determined it. A forbid that failed forbids nothing, as
    Cedar has it: `forbid_failed` says that there was one, for callers who deny then.
    """

    allowed: bool
    reasons: Tuple[str, ...]
    problems: Tuple[Problem, ...]
    forbid_failed: bool

    def __bool__(self) -> bool:
        return self.allowed


@dataclass(frozen=True)
class Clause:
    """What became of one policy. `text` is the clause that was not met, or that failed."""

    policy: str
    effect: str  # "permit" or "forbid"
    outcome: Outcome
    where: str
    text: str
    message: str  # of what failed


class Engine:
    """Policies, and what they are evaluated with. Threads may share one.

    Policies and schema are Cedar text, the JSON form as a dict, or the path of a file with either
    (`*.json` for JSON). Entities are a list in Cedar's JSON form, its text, or a path.

    The memory is released with the last reference, or at the end of a `with`:

    >>> with Engine("permit (principal, action, resource);") as engine:
    ...     engine.authorize('User::"alice"', 'Action::"view"', 'Doc::"plan"').allowed
    True
    """

    def __init__(self, policies: Optional[Text] = None, *, schema: Optional[Text] = None,
                 entities: Optional[Text] = None):
        made = lib.writ_engine_new()
        if made == ffi.NULL:
            raise MemoryError("there is no memory for an engine")
        self._engine = ffi.gc(made, lib.writ_engine_free)
        self.load(policies, schema=schema, entities=entities)

    def __enter__(self) -> "Engine":
        return self

    def __exit__(self, *_: object) -> None:
        self._engine = None

    def load(self, policies: Optional[Text] = None, *, schema: Optional[Text] = None,
             entities: Optional[Text] = None) -> None:
        """Replaces the parts that are given, all at once, and keeps the others. On an error nothing
        changes. Requests of other threads do not wait.

        >>> engine = Engine("permit (principal, action, resource);")
        >>> engine.load("forbid (principal, action, resource);")
        >>> engine.authorize('User::"a"', 'Action::"b"', 'Doc::"c"').reasons
        ('policy0',)
        """
        kept = []  # what the C structs point to
        parts = ffi.new("writ_parts *", {"size": ffi.sizeof("writ_parts")})
        for name, given in (("policies", policies), ("schema", schema), ("entities", entities)):
            if given is None:
                continue
            text, title, form = _source(given, name)
            source = getattr(parts, name)
            _point(source.text, text, kept)
            _point(source.name, title, kept)
            source.format = form
        error = ffi.new("writ_error **")
        _check(lib.writ_load(self._open(), parts, error), error)

    def authorize(self, principal: Entity, action: Entity, resource: Entity,
                  context: Optional[Mapping[str, Any]] = None) -> Decision:
        """Decides a request. An entity is as a policy writes it, or a pair of type and id.

        >>> engine = Engine('permit (principal == User::"a", action, resource) when { context.n > 1 };')
        >>> bool(engine.authorize(("User", "a"), ("Action", "b"), ("Doc", "c"), {"n": 2}))
        True
        >>> engine.authorize(("User", "a"), ("Action", "b"), ("Doc", "c")).problems[0].where
        'policies:1:58'
        """
        made = self._ask(lib.writ_authorize, "writ_decision **", lib.writ_decision_free,
                         principal, action, resource, context)
        problem = ffi.new("writ_problem *", {"size": ffi.sizeof("writ_problem")})
        problems = []
        for i in range(lib.writ_decision_problem_count(made)):
            lib.writ_decision_problem(made, i, problem)
            problems.append(Problem(text_of(problem.policy), text_of(problem.message),
                                    text_of(problem.where)))
        reasons = tuple(text_of(lib.writ_decision_reason(made, i))
                        for i in range(lib.writ_decision_reason_count(made)))
        return Decision(bool(lib.writ_decision_allowed(made)), reasons, tuple(problems),
                        bool(lib.writ_decision_forbid_failed(made)))

    def explain(self, principal: Entity, action: Entity, resource: Entity,
                context: Optional[Mapping[str, Any]] = None) -> Tuple[Clause, ...]:
        """What became of each policy for the request, in their order.

        >>> engine = Engine("permit (principal, action, resource) when { context.n > 1 };")
        >>> clause, = engine.explain('User::"a"', 'Action::"b"', 'Doc::"c"', {"n": 1})
        >>> clause.outcome.name, clause.where, clause.text
        ('CONDITION', 'policies:1:38', 'when { context.n > 1 }')
        """
        made = self._ask(lib.writ_explain, "writ_explanation **", lib.writ_explanation_free,
                         principal, action, resource, context)
        clause = ffi.new("writ_clause *", {"size": ffi.sizeof("writ_clause")})
        clauses = []
        for i in range(lib.writ_explanation_count(made)):
            lib.writ_explanation_clause(made, i, clause)
            clauses.append(Clause(text_of(clause.policy), "forbid" if clause.forbids else "permit",
                                  Outcome(clause.outcome), text_of(clause.where),
                                  text_of(clause.text), text_of(clause.message)))
        return tuple(clauses)

    def _open(self) -> "ffi.CData":
        engine = self._engine
        if engine is None:
            raise ValueError("the engine is closed")
        return engine

    def _ask(self, function, place, release, principal, action, resource, context) -> "ffi.CData":
        whole = {"principal": _entity(principal), "action": _entity(action),
                 "resource": _entity(resource), "context": {} if context is None else context}
        kept = []
        request = ffi.new("writ_request *", {"size": ffi.sizeof("writ_request")})
        _point(request.json, json.dumps(whole), kept)
        made = ffi.new(place)
        error = ffi.new("writ_error **")
        _check(function(self._open(), request, made, error), error)
        return ffi.gc(made[0], release)


def _entity(given: Entity) -> Any:
    if isinstance(given, str):
        return given
    type_name, id_text = given
    return {"type": type_name, "id": id_text}


def _source(given: Text, name: str) -> Tuple[str, str, int]:
    """Text, its name in errors, and its format."""
    if isinstance(given, str):
        return given, name, CEDAR
    if isinstance(given, os.PathLike):
        path = pathlib.Path(given)
        return path.read_text("utf-8"), str(path), JSON if path.suffix == ".json" else CEDAR
    return json.dumps(given), name, JSON


def _point(string: "ffi.CData", text: str, kept: list) -> None:
    """Lets a writ_string point to the text, which lives as long as `kept`."""
    raw = text.encode("utf-8")
    kept.append(ffi.from_buffer("char[]", raw + b"\0"))
    string.bytes = kept[-1]
    string.size = len(raw)


def _check(status: int, error: "ffi.CData") -> None:
    if status == OK:
        return
    if status == NO_MEMORY:
        lib.writ_error_free(error[0])
        raise MemoryError("the policy engine has not enough memory")
    failed = ffi.gc(error[0], lib.writ_error_free)
    raise Error(text_of(lib.writ_error_message(failed)), text_of(lib.writ_error_where(failed)))
