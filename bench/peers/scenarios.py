#!/usr/bin/env python3
"""Entities and requests of the three scenarios on which engines are compared: gdrive, github and
tinytodo of Cedar's OOPSLA 2024 evaluation (Cutler et al., "Cedar: A New Language for Expressive,
Fast, Safe, and Analyzable Authorization", section 5), made anew from their description.

  bench/peers/scenarios.py OUT [N]    writes OUT/gdrive.jsonl, OUT/github.jsonl, OUT/tinytodo.jsonl;
                                      of each only the first N lines

Beside this file stand each scenario's policies, NAME.cedar, and their schema, NAME.cedarschema.

NAME.jsonl has 200 lines; each is one hierarchy, an object with two members:

  "entities"  Cedar's JSON of all entities: [{"uid", "attrs", "parents"}, …], actions included;
              parents are direct, so an engine closes over them itself
  "requests"  500 of them, each six strings: type and id of principal, action and resource. All
              three are among the entities, of types to which the action applies; context is empty

Hierarchies have 5, 10, … 50 entities of each kind, in turn. Whatever may stand in a relation does
with probability 0.05, as in the evaluation. The same bytes come out each time.

A runner reads a scenario's policies once and then takes hierarchy after hierarchy: it loads the
entities, decides all requests once without timing, and then times each by itself, from six strings
to a decision and the policies that determined it, less what reading the clock costs. It prints one
line of JSON a scenario:

  {"scenario": "gdrive", "engine": NAME, "median_ns": …, "p99_ns": …, "requests": 100000,
   "allows": …, "decisions": 64-bit FNV-1a over one byte a request, `1` or `0`, as 16 hex digits}

`allows` and `decisions` must be the same for every engine: then all answered alike.
"""
import json
import os
import random
import sys

HIERARCHIES = 200
REQUESTS = 500
SIZES = range(5, 51, 5)
CHANCE = 0.05


class Hierarchy:
    """Entities so far, and the requests' parts: by action, its resources."""

    def __init__(self, random_, size):
        self.random, self.size = random_, size
        self.entities = []
        self.actions = []  # (action, resources to choose from)

    def add(self, kind, name, parents=(), **attrs):
        uid = {"type": kind, "id": name}
        self.entities.append({"uid": uid, "attrs": attrs, "parents": list(parents)})
        return uid

    def add_many(self, kind, prefix):
        return [self.add(kind, f"{prefix}_{n}") for n in range(self.size)]

    def some(self, of):
        return [uid for uid in of if self.random.random() < CHANCE]

    def one(self, of):
        return of[self.random.randrange(len(of))]

    def act(self, name, resources, parents=()):
        action = self.add("Action", name, parents)
        self.actions.append((action, resources))
        return action

    def request(self, principals):
        action, resources = self.one(self.actions)
        return [part for uid in (self.one(principals), action, self.one(resources))
                for part in (uid["type"], uid["id"])]


def entity(uid):
    """A uid as the value of an attribute."""
    return {"__entity": uid}


def put(hierarchy, uid, parents=(), **attrs):
    """More parents and attributes for an entity."""
    found = next(each for each in hierarchy.entities if each["uid"] is uid)
    found["parents"] += parents
    found["attrs"].update(attrs)


def gdrive(h):
    users, groups = h.add_many("User", "user"), h.add_many("Group", "group")
    documents, folders = h.add_many("Document", "doc"), h.add_many("Folder", "folder")
    members = {group["id"]: [] for group in groups}
    views = {}
    for user in users:
        joined = h.some(groups)
        for group in joined:
            members[group["id"]].append(user["id"])
        views[user["id"]] = h.add("View", user["id"])
        put(h, user, joined,
            documentsAndFoldersWithViewAccess=entity(views[user["id"]]),
            ownedDocuments=[entity(each) for each in h.some(documents)],
            ownedFolders=[entity(each) for each in h.some(folders)])
    for group in groups:
        views[group["id"]] = h.add("View", group["id"], [views[each] for each in members[group["id"]]])
    for document in documents:
        put(h, document, h.some(folders) + h.some(views.values()),
            isPublic=h.random.random() < 0.5)
    for n, folder in enumerate(folders):  # only in earlier ones, so that there is no cycle
        put(h, folder, h.some(folders[:n]) + h.some(views.values()))
    for name in ("read", "write", "share", "changeOwner"):
        h.act(name, documents)
    h.act("createDocument", folders)
    return users


def github(h):
    of_org, of_repo = ("readers", "writers", "admins"), ("readers", "triagers", "writers",
                                                         "maintainers", "admins")

    def with_permissions(uid, kind, names):
        made = [h.add(kind, f"{uid['id']}_{name}") for name in names]
        put(h, uid, **{name: entity(each) for name, each in zip(names, made)})
        return made

    orgs = h.add_many("Organization", "org")
    repos = h.add_many("Repository", "repo")
    teams, users = h.add_many("Team", "team"), h.add_many("User", "user")
    org_permissions = [with_permissions(each, "OrgPermission", of_org) for each in orgs]
    repo_permissions = [with_permissions(each, "RepoPermission", of_repo) for each in repos]

    def some_of_each(permissions):
        return [h.one(each) for each in h.some(permissions)]

    for repo in repos:
        put(h, repo, owner=entity(h.one(orgs)))
    for org in orgs:
        put(h, org, some_of_each(org_permissions))
    for n, team in enumerate(teams):
        put(h, team, h.some(teams[:n]) + some_of_each(repo_permissions))
    for user in users:
        put(h, user, some_of_each(repo_permissions) + h.some(teams) + h.some(orgs) +
            some_of_each(org_permissions))
    above = []
    for name in ("admin", "maintain", "write", "triage", "read"):
        above = [h.act(name, repos, above)]
    return users


def tinytodo(h):
    app = h.add("Application", "TinyTodo")
    users, teams = h.add_many("User", "user"), h.add_many("Team", "team")
    lists = h.add_many("List", "list")
    for user in users:
        put(h, user, h.some(teams) + [app])
    for n, team in enumerate(teams):
        put(h, team, h.some(teams[:n]) + [app])
    for each in lists:
        tasks = [{"name": f"task_{h.random.randrange(1000000)}", "id": h.random.randrange(1000000),
                  "state": h.one(("Checked", "Unchecked"))} for _ in range(h.random.randrange(51))]
        put(h, each, [app], name=each["id"], owner=entity(h.one(users)),
            readers=entity(h.one(teams)), editors=entity(h.one(teams)), tasks=tasks)
    for name in ("CreateList", "GetLists"):
        h.act(name, [app])
    for name in ("GetList", "UpdateList", "DeleteList", "CreateTask", "UpdateTask", "DeleteTask",
                 "EditShares"):
        h.act(name, lists)
    return users


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    count = int(sys.argv[2]) if len(sys.argv) == 3 else HIERARCHIES
    os.makedirs(sys.argv[1], exist_ok=True)
    for scenario in (gdrive, github, tinytodo):
        random_ = random.Random(scenario.__name__)
        with open(f"{sys.argv[1]}/{scenario.__name__}.jsonl", "w", encoding="utf-8") as out:
            for n in range(count):
                h = Hierarchy(random_, SIZES[n % len(SIZES)])
                users = scenario(h)
                requests = [h.request(users) for _ in range(REQUESTS)]
                json.dump({"entities": h.entities, "requests": requests}, out, separators=(",", ":"))
                out.write("\n")


if __name__ == "__main__":
    main()
