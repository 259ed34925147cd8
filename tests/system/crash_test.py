#!/usr/bin/env python3
"""Kill -9 of server, door and PostgreSQL at random moments of a load of requests, approvals,
activations, connections and revocations. Whatever was acknowledged must still be there, and what is
there must be right:

  - every acknowledged command has its event in the journal;
  - every login role has a live grant, every active grant has its login role;
  - every connection that was let in has its allow in the decision log;
  - the evidence is sound, also for somebody who remembers earlier checkpoints.

  crash_test.py [--rounds 40] [--seed N]
"""
import argparse
import collections
import random
import threading

from world import Failed, PATIENCE, READER, WRITER, World, check, eventually, main, say

CHECK_EVERY = 10
LIVE_AT_MOST = 6  # grants of one person
VICTIMS = ("server", "door", "pg")
# How a command may end while what it needs is away or comes back; never with a defect (1) or with
# bad evidence (7), and never by a signal.
FINE = {0, 2, 3, 4, 5, 6}


class Acks:
    """What was acknowledged. Guarded by its lock."""

    def __init__(self):
        self.lock = threading.Lock()
        self.said = collections.defaultdict(set)

    def add(self, kind, *what):
        with self.lock:
            self.said[kind].add(what if len(what) > 1 else what[0])

    def counts(self):
        with self.lock:
            return {kind: len(all_) for kind, all_ in sorted(self.said.items())}


class Person(threading.Thread):
    """Does, again and again, what people do; stops between two commands."""

    def __init__(self, load, name, seed):
        super().__init__(name=name, daemon=True)
        self.load, self.world, self.acks, self.person = load, load.world, load.acks, name
        self.random = random.Random(seed)
        self.live, self.turns = [], 0

    def run(self):
        try:
            while self.load.may_go_on():
                self.turn()
        except BaseException as error:  # the test's own thread reports it
            self.load.broke(error)

    def ask(self, person, *words):
        """Answers the JSON of a command that was acknowledged, or None."""
        ran = self.world.try_writ(person, *words, "--json")
        check(ran.status in FINE, f"this is no way to end:\n{ran}")
        if ran.status == 3 and "one-time code" in ran.err:
            self.load.tired.add(person)
        return ran.json() if ran.status == 0 else None

    def turn(self):
        self.turns += 1
        entitlement = self.random.choice([READER, WRITER])
        asked = self.ask(self.person, "request", entitlement, "--for", "50m", "--purpose",
                         f"{self.person} {self.turns}")
        if not asked:
            return
        self.acks.add("request", asked["request"])
        grant = asked.get("grant")
        if not grant:
            if self.random.random() < 0.15:
                if self.ask(self.person, "withdraw", asked["request"]):
                    self.acks.add("withdrawal", asked["request"])
                return
            approved = self.ask("dora", "approve", asked["request"], "--yes")
            if not approved:
                return
            self.acks.add("approval", asked["request"])
            grant = approved["grant"]
        self.acks.add("grant", grant)
        self.live.append(grant)
        if self.random.random() < 0.85:
            self.connect(grant, entitlement)
        while len(self.live) > self.random.randint(0, LIVE_AT_MOST):
            self.revoke(self.live.pop(self.random.randrange(len(self.live))))

    def connect(self, grant, entitlement):
        ready = self.ask(self.person, "connect", entitlement, "--grant", grant)
        if not ready:
            return
        self.acks.add("activation", grant)
        settings = ready["environment"]
        serial = self.world.run(["openssl", "x509", "-noout", "-serial", "-in",
                                 settings["PGSSLCERT"]]).out.strip().partition("=")[2].lower()
        ran = self.world.run(["psql", "-X", "-At", "-c", "select count(*) from orders"],
                             {**settings, "PGCONNECT_TIMEOUT": "10"})
        if ran.status == 0:
            check(ran.out == "1000\n", f"psql read something else:\n{ran}")
            self.acks.add("connection", (grant, serial))

    def revoke(self, grant):
        more = ["--no-wait"] if self.random.random() < 0.7 else []
        answer = self.ask(self.person, "revoke", grant, "--reason", "enough", *more)
        if answer:
            self.acks.add("revocation", grant)
            if answer.get("state") == "ended":
                self.acks.add("end", grant)
        else:
            self.live.append(grant)


class Load:
    def __init__(self, world, people, seed):
        self.world, self.acks, self.seed, self.people = world, Acks(), seed, people
        self.going = threading.Event()
        self.errors, self.threads, self.begun = [], [], 0
        self.tired = set()  # whose one-time code is too old by now

    def start(self):
        self.going.set()
        self.begun += 1
        old = {thread.person: thread for thread in self.threads}
        self.threads = [Person(self, name, f"{self.seed} {name} {self.begun}") for name in self.people]
        for thread in self.threads:
            before = old.get(thread.person)
            if before:
                thread.live, thread.turns = before.live, before.turns
            thread.start()

    def stop(self):
        self.going.clear()
        for thread in self.threads:
            thread.join(PATIENCE * 3)
            check(not thread.is_alive(), f"{thread.name} hangs")
        self.must_be_whole()
        for person in self.tired:
            self.world.login(person)
        self.tired.clear()

    def may_go_on(self):
        return self.going.is_set()

    def broke(self, error):
        self.errors.append(error)
        self.going.clear()

    def must_be_whole(self):
        if self.errors:
            raise self.errors[0]


def logins_are_right(world):
    """The login roles are exactly those of the active grants, and nothing is under way."""
    before = world.rows("grants")
    under_way = [f"{g['id']} is {g['state']} after {g['tries']} tries: {g['last_error']}"
                 for g in before if g["state"] != "active"]
    check(not under_way, "; ".join(under_way))
    wanted, there = {g["login"] for g in before}, world.logins()
    check(wanted == there, f"without a grant: {sorted(there - wanted)}; "
                           f"without a role: {sorted(wanted - there)}")
    return True


def acknowledged_is_there(events, decisions, acks):
    found = collections.defaultdict(set)
    for event in events:
        data = event["data"]
        kind = event["kind"]
        if kind == "request_opened":
            found["request"].add(data["request"]["id"])
        elif kind == "request_approved":
            found["approval"].add(data["request"])
        elif kind == "request_closed" and data["outcome"] == "withdrawn":
            found["withdrawal"].add(data["request"])
        elif kind == "grant_created":
            found["grant"].add(data["grant"]["id"])
            found["request"].add(data["grant"].get("request"))
        elif kind == "grant_activated":
            found["activation"].add(data["grant"])
        elif kind == "grant_revoking":
            found["revocation"].add(data["grant"])
        elif kind == "grant_ended":
            found["end"].add(data["grant"])
    for decision in decisions:
        if decision["allow"] and decision["question"]["action"] == "connect":
            found["connection"].add((decision["grant"], decision["question"]["credential"].lower()))
    for kind, said in acks.said.items():
        lost = said - found[kind]
        check(not lost, f"acknowledged and lost, of kind {kind}: {sorted(lost)[:5]}")
    # The numbers have no hole.
    check([e["seq"] for e in events] == list(range(len(events))), "the journal has holes")


class Logs:
    """Both logs as read so far; only what is new is read."""

    def __init__(self, auditor):
        self.auditor, self.events, self.decisions = auditor, [], []

    def read(self):
        self.events += self.auditor.events(len(self.events))
        self.decisions += self.auditor.decisions(len(self.decisions))
        return self.events, self.decisions


def look(world, load, logs, round_):
    eventually("logins and grants agree", lambda: logins_are_right(world))
    acknowledged_is_there(*logs.read(), load.acks)
    report = world.json("ada", "evidence", "verify")
    check(report["sound"], f"the evidence is not sound: {report}")
    say(f"  after round {round_}: {len(logs.events)} events, {len(logs.decisions)} decisions, "
        f"acknowledged {load.acks.counts()}")


def crash(world, rounds, seed):
    chance = random.Random(seed)
    world.writ("ada", "evidence", "verify")  # from now on ada remembers
    logs = Logs(world.auditor())
    load = Load(world, ["alice", "erik", "frida"], seed)
    load.start()
    killed = collections.Counter()
    for round_ in range(1, rounds + 1):
        victims = chance.sample(VICTIMS, 2 if chance.random() < 0.2 else 1)
        load_event = threading.Event()
        load_event.wait(chance.uniform(0.0, 1.2))  # the random moment
        load.must_be_whole()
        for name in VICTIMS:
            if world.running[name].poll() is not None:
                raise Failed(f"{name} ended by itself, with {world.running[name].returncode}")
        for name in victims:
            world.kill(name)
            killed[name] += 1
        load_event.wait(chance.uniform(0.0, 0.3))  # away for a moment
        for name in victims:
            {"server": world.start_server, "door": world.start_door,
             "pg": world.start_postgres}[name]()
        if round_ % CHECK_EVERY == 0 or round_ == rounds:
            load.stop()
            look(world, load, logs, round_)
            if round_ < rounds:
                load.start()
    say(f"killed: {dict(killed)}")
    counts = load.acks.counts()
    for kind in ("request", "approval", "activation", "connection", "revocation"):
        check(counts.get(kind, 0) > 0, f"the load had no {kind}: {counts}")


def test():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    args = parser.parse_args()
    say(f"# {args.rounds} rounds, --seed {args.seed}")
    with World(("dora", "alice", "erik", "frida")) as world:
        crash(world, args.rounds, args.seed)


main(test)
