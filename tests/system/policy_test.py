#!/usr/bin/env python3
"""The life of a policy, in a whole world: what breaks its schema or scenarios is refused, a plan shows
what would change and asks recorded decisions again, two persons bring a set into force, live grants
that it gives no more are lost, every version stays, and an old one comes back.
"""
from world import POLICY, READER, World, check, eventually, main, say

ALICES_OFFER = ('@id("engineers-read") @max_ttl("1h") @approval("none")\n'
                'permit (principal in Writ::Group::"engineering"')
SHORTER = POLICY.replace(ALICES_OFFER, ALICES_OFFER.replace("1h", "10m"))
NARROWER = POLICY.replace(ALICES_OFFER, '@id("dbas-read") @max_ttl("1h") @approval("none")\n'
                                        'permit (principal in Writ::Group::"dba"')
MISSPELT = SHORTER.replace('"pg-main/orders/reader");',
                           '"pg-main/orders/reader")\nwhen { resource.ownr == principal };')
SCENARIOS = """{"identities": {"erin": {"groups": ["%s"]}},
 "entitlements": ["pg-main/orders/reader"],
 "scenarios": [{"name": "erin may ask", "identity": "erin", "action": "request",
                "resource": "pg-main/orders/reader", "for": "5m", "expect": "allow"}]}"""


class Life:
    def __init__(self, world):
        self.world = world
        self.sets = 0

    def folder(self, policy, scenarios=None):
        """The default policies, these, and perhaps scenarios."""
        self.sets += 1
        folder = self.world.box / "outside" / f"set{self.sets}"
        folder.mkdir()
        for row in self.world.rows("policies"):
            if row["file"] == "default.cedar":
                (folder / row["file"]).write_text(row["text"])
        (folder / "policy.cedar").write_text(policy)
        if scenarios:
            (folder / "orders.scenarios.json").write_text(scenarios)
        return str(folder)

    def refused(self, words, *parts):
        ran = self.world.try_writ("ada", *words)
        check(ran.status == 2, f"this should have been refused:\n{ran}")
        for part in parts:
            check(part in ran.out + ran.err, f"it should say {part}:\n{ran}")

    def in_force(self):
        return self.world.json("ada", "policy", "history")["in_force"]

    def broken(self):
        say("# What breaks its schema or its scenarios is not proposed")
        self.refused(("policy", "apply", self.folder(MISSPELT)), "policy.cedar:5:", "ownr", "^")
        strict = self.folder(POLICY, SCENARIOS % "nobody")
        self.refused(("policy", "apply", strict), "orders.scenarios.json#/scenarios/0", "erin may ask")
        self.refused(("policy", "test", strict), "FAIL", "0 passed, 1 failed")
        check(not self.world.rows("changes"), "nothing waits")

    def plans(self, grant):
        world = self.world
        say("# A plan that only changes terms")
        shorter = self.folder(SHORTER, SCENARIOS % "engineering")
        check("1 passed, 0 failed" in world.writ("ada", "policy", "test", shorter).out, "it passes")
        plan = world.json("ada", "policy", "plan", shorter, "--since", "1h")
        check([(p["policy"], p["was"], p["is"]) for p in plan["policies"]] ==
              [("engineers-read", "at most 1h, no approval", "at most 10m, no approval")],
              f"the terms differ: {plan['policies']}")
        proof = plan["proof"]  # unknown where no solver is
        check(proof["unknown"] or [(d["change"], d["action"], d["cause"]) for d in proof["differences"]] ==
              [("less", 'Writ::Action::"request"', ["engineers-read"])], f"it gives less: {proof}")
        check(plan["grants_lost"] == 0, f"no grant is lost: {plan['grants']}")
        replay = plan["replay"]
        check(replay["complete"] and replay["replayed"] > 0 and not replay["flips"], f"{replay}")
        check(world.try_writ("alice", "policy", "plan", shorter).status == 3, "not everybody plans")

        say("# A plan under which alice would lose her grant")
        narrower = self.folder(NARROWER)
        plan = world.json("ada", "policy", "plan", narrower, "--since", "1h")
        check([g["grant"] for g in plan["grants"]] == [grant], f"her grant is lost: {plan['grants']}")
        connects = [f for f in plan["replay"]["flips"] if f["action"] == "connect"]
        check(connects and all((f["who"], f["was"]) == ("alice", "allow") for f in connects),
              f"her connect would have been denied: {plan['replay']}")
        shown = world.writ("ada", "policy", "plan", narrower, "--since", "1h").out
        for part in ("changed  policy.cedar", '-@id("engineers-read")',
                     "Live grants that would be lost: 1", "would be denied"):
            check(part in shown, f"it shows {part}:\n{shown}")
        return narrower

    def applied(self, folder, grant):
        world = self.world
        say("# It comes into force by two persons, and does what the plan said")
        before = self.in_force()
        world.both("policy", "apply", folder)
        eventually("her grant is gone", lambda: world.grant(grant) is None)
        history = world.json("ada", "policy", "history")
        newest = history["versions"][0]
        check(history["in_force"] == newest["version"] == before + 1, f"{history}")
        check((newest["proposed_by"], newest["approved_by"]) == ("ada", "bob"), f"{newest}")
        check({"name": "policy.cedar", "change": "changed"} in newest["files"], f"{newest}")
        return before

    def rolled_back(self, version):
        world = self.world
        say("# The old texts are there, and come back by two persons")
        old = world.box / "outside" / "old"
        world.writ("ada", "policy", "show", str(version), "--into", str(old))
        check((old / "policy.cedar").read_text() == POLICY, "the text is what it was")
        world.both("policy", "rollback", str(version))
        check(self.in_force() == version + 2, "it is a new version")
        world.request("alice", READER, "5m")


def test():
    with World(("dora", "alice")) as world:
        life = Life(world)
        life.broken()
        grant = world.request("alice", READER, "5m")
        world.writ("alice", "connect", READER, "--", "-c", "select 1")
        narrower = life.plans(grant)
        life.rolled_back(life.applied(narrower, grant))
        check(world.json("ada", "evidence", "verify")["sound"], "the evidence is sound")


main(test)
