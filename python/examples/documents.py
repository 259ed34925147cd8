#!/usr/bin/python3
"""Who may do what with documents: a schema, policies in a file of their own, and an answer to why.

    WRIT_LIBRARY=build/release/libwrit.so.1 PYTHONPATH=python python/examples/documents.py
"""
import writ

SCHEMA = """
entity Team;
entity User in [Team];
entity Doc { owner: User, secret: Bool };
action view, edit appliesTo { principal: User, resource: Doc, context: { mfa: Bool } };
"""

POLICIES = """
@id("team-views")
permit (principal in Team::"docs", action == Action::"view", resource);

@id("owner-edits")
permit (principal, action, resource) when { resource.owner == principal };

@id("secrets-need-mfa")
forbid (principal, action, resource) when { resource.secret } unless { context.mfa };
"""

ENTITIES = [
    {"uid": {"type": "User", "id": "alice"}, "attrs": {}, "parents": [{"type": "Team", "id": "docs"}]},
    {"uid": {"type": "User", "id": "bob"}, "attrs": {}, "parents": []},
    {"uid": {"type": "Doc", "id": "plan"}, "parents": [],
     "attrs": {"owner": {"type": "User", "id": "bob"}, "secret": True}},
]

engine = writ.Engine(POLICIES, schema=SCHEMA, entities=ENTITIES)
for user, action, mfa in (("alice", "view", True), ("alice", "edit", True), ("bob", "edit", False)):
    request = ("User", user), ("Action", action), ("Doc", "plan"), {"mfa": mfa}
    decision = engine.authorize(*request)
    print(f"{user} {action}: {'allow' if decision else 'deny'} by {', '.join(decision.reasons) or 'nothing'}")
    if not decision:
        for clause in engine.explain(*request):
            print(f"  {clause.policy}: {clause.outcome.name.lower()} {clause.text} ({clause.where})")

try:
    engine.load("permit (principal, action, resource) when { principal.age > 17 };")
except writ.Error as error:
    print(f"refused at {error.where}")
