"""Writ's policy engine: Cedar policies, decided and explained.

An engine holds policies and, as far as they are given, a schema and entities. It answers whether a
principal may take an action on a resource, and why:

>>> import writ
>>> engine = writ.Engine('''
...     @id("owners") permit (principal, action, resource) when { resource.owner == principal };
...     @id("frozen") forbid (principal, action, resource) when { context.frozen };
... ''', entities=[
...     {"uid": {"type": "Doc", "id": "plan"}, "parents": [],
...      "attrs": {"owner": {"__entity": {"type": "User", "id": "alice"}}}},
... ])
>>> decision = engine.authorize('User::"alice"', 'Action::"edit"', ("Doc", "plan"), {"frozen": False})
>>> decision.allowed, decision.reasons
(True, ('owners',))

It needs the library libwrit.so.1, where the loader finds it or where the environment variable
WRIT_LIBRARY says. Engines may be used from several threads at once.
"""
from writ.engine import Clause, Decision, Engine, Error, Outcome, Problem
from writ.library import version

__all__ = ["Clause", "Decision", "Engine", "Error", "Outcome", "Problem", "version"]
