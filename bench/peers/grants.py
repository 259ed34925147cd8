#!/usr/bin/env python3
"""Grants, on which engines are compared as they grow in number: each lets one user connect to one
resource, and there is no other policy.

  bench/peers/grants.py OUT [N …]    writes OUT/grants-N.jsonl; by default for 10, 100, … 1,000,000

Each file is one line of the form that scenarios.py states, with a third member:

  "grants"  N distinct pairs of the id of a User and of a Resource, who may connect to it

There are N / 10 users and as many resources, 20 to 10,000 of each. Of 2,000 requests, half are what
some grant allows, half a user and a resource at random, all in random order. The same bytes come out
each time.
"""
import json
import os
import random
import sys

REQUESTS = 2000
SIZES = [10 ** n for n in range(1, 7)]


def grants(count):
    random_ = random.Random(f"grants {count}")
    size = min(10_000, max(20, count // 10))
    users = [f"user_{random_.randrange(10 ** 9):09}" for _ in range(size)]
    resources = [f"resource_{random_.randrange(10 ** 9):09}" for _ in range(size)]
    given = {}
    while len(given) < count:
        given[random_.choice(users), random_.choice(resources)] = None
    given = list(given)
    asked = [random_.choice(given) if n % 2 == 0
             else (random_.choice(users), random_.choice(resources)) for n in range(REQUESTS)]
    random_.shuffle(asked)
    entities = [{"uid": {"type": kind, "id": name}, "attrs": {}, "parents": []}
                for kind, names in (("User", users), ("Resource", resources),
                                    ("Action", ["connect"])) for name in dict.fromkeys(names)]
    return {"entities": entities, "grants": given,
            "requests": [["User", user, "Action", "connect", "Resource", resource]
                         for user, resource in asked]}


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    os.makedirs(sys.argv[1], exist_ok=True)
    for count in [int(word) for word in sys.argv[2:]] or SIZES:
        with open(f"{sys.argv[1]}/grants-{count}.jsonl", "w", encoding="utf-8") as out:
            json.dump(grants(count), out, separators=(",", ":"))
            out.write("\n")


if __name__ == "__main__":
    main()
