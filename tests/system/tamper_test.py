#!/usr/bin/env python3
"""Somebody changes the server's data folder behind its back: an old backup, entries cut off, an entry
rewritten, in either log. Either the server refuses to start and says where, or whoever remembers a
checkpoint notices it with `writ evidence verify` (status 7), and the door lets nobody in."""
import shutil
import sqlite3

from world import READER, Failed, World, check, eventually, main, say


class House:
    """A world whose server's data can be swapped."""

    def __init__(self, world):
        self.world = world
        self.data = world.box / "server/data"
        self.good = world.box / "outside/good"

    def keep_good(self):
        """Stops everything in order; from here each case starts."""
        for name in ("door", "server"):
            self.world.kill(name, 15)
        shutil.copytree(self.data, self.good)
        shutil.copytree(self.world.box / "door/state", self.world.box / "outside/door-state")
        shutil.copytree(self.world.home("ada"), self.world.box / "outside/ada")

    def put(self, source):
        """The data folder, and what door and ada remember, as they were kept."""
        for name in ("door", "server"):
            if name in self.world.running:
                self.world.kill(name)
        for there, kept in ((self.data, source), (self.world.box / "door/state",
                                                  self.world.box / "outside/door-state"),
                            (self.world.home("ada"), self.world.box / "outside/ada")):
            shutil.rmtree(there)
            shutil.copytree(kept, there)

    def change_journal(self, *statements):
        """And the snapshots go, or what is changed would not be read."""
        shutil.rmtree(self.data / "journal.db-snapshots", ignore_errors=True)
        with sqlite3.connect(self.data / "journal.db") as db:
            for statement in statements:
                db.execute(statement)
        db.close()

    def change_decisions(self, change):
        segment = next(f for f in sorted((self.data / "decisions/segments").iterdir())
                       if f.suffix == ".log")
        octets = bytearray(segment.read_bytes())
        segment.write_bytes(change(octets))

    def must_be_noticed(self, what):
        """Answers how it was: the server does not start, or verify tells."""
        offset = self.world.log_size("server")
        try:
            self.world.start_server()
        except Failed:
            said = self.world.log_after("server", offset) + self.world.log_after("server", 0)[-2000:]
            check("server_ready" not in self.world.log_after("server", offset), "it did start")
            tail = self.world.log_after("server", offset).strip().splitlines()
            check(tail and "writ: " in tail[-1], f"the server ended without a word: {said}")
            say(f"  the server refuses: {tail[-1][:200]}")
            return "refused"
        ran = self.world.try_writ("ada", "evidence", "verify", "--json")
        check(ran.status == 7, f"{what} should be noticed:\n{ran}")
        report = ran.json()
        faults = [f"{log['log']}: {fault}" for log in report["logs"] for fault in log["faults"]]
        check(not report["sound"] and faults, f"the report names nothing: {report}")
        check(report["unproven"], "what is not proven is named")
        for fault in faults:
            say(f"  {fault}")
        return "noticed"

    def door_must_refuse(self, settings):
        offset = self.world.log_size("door")
        self.world.start_door()

        def refused():
            ran = self.world.run(["psql", "-X", "-Atc", "select 1"], settings)
            check(ran.status == 2 and "FATAL" in ran.err, f"the door let somebody in:\n{ran}")
            return "door_refuses_server" in self.world.log_after("door", offset)
        eventually("the door says what is wrong", refused, pause=0.2)
        say("  the door lets nobody in")


def rewritten(octets):
    """One bit of an entry in the middle."""
    octets[len(octets.rstrip(b"\0")) // 2] ^= 1
    return octets


def cut(octets):
    """The later half of the entries."""
    end = len(octets.rstrip(b"\0"))
    return octets[:end // 2] + bytes(len(octets) - end // 2)


def test():
    with World(("dora", "alice")) as world:
        house = House(world)
        grant = world.request("alice", READER, "40m")
        settings = world.connect_settings("alice", grant=grant)

        def works():
            return world.run(["psql", "-X", "-Atc", "select 1"], settings).out == "1\n"
        check(works(), "psql should work")

        say("# An old backup is kept")
        world.kill("server", 15)
        old = world.box / "outside/old"
        shutil.copytree(house.data, old)
        world.start_server()
        for purpose in ("one", "two", "three"):
            other = world.request("alice", READER, "10m", purpose)
            world.json("alice", "revoke", other, "--reason", "done")
        eventually("the door lets in", works, pause=0.2)
        check(world.json("ada", "evidence", "verify")["sound"], "all is sound before")
        offset = world.log_size("door")
        world.kill("door", 15)
        world.start_door()  # it remembers the newest head from its hello
        eventually("the door has met the server",
                   lambda: "door_open" in world.log_after("door", offset), pause=0.2)
        eventually("the door lets in", works, pause=0.2)
        house.keep_good()

        say("# The old backup is restored")
        house.put(old)
        check(house.must_be_noticed("an old backup") == "noticed", "an old backup starts")
        house.door_must_refuse(settings)
        say("  and from then on the server widens nothing")

        def halted():
            ran = world.try_writ("alice", "request", READER, "--for", "10m", "--purpose", "after")
            return ran.status != 0
        eventually("the server halts, told by the door", halted, pause=0.3)

        say("# The newest ten events are cut off")
        house.put(house.good)
        house.change_journal("delete from event where seq > (select max(seq) - 10 from event)",
                             "delete from checkpoint")
        house.must_be_noticed("a shorter journal")

        say("# An event is rewritten: alice's grant for another hour")
        house.put(house.good)
        house.change_journal(
            "update event set bytes = cast(replace(cast(bytes as text), '2400000', '3400000') as blob)"
            " where cast(bytes as text) like '%\"grant_created\"%'")
        house.must_be_noticed("a rewritten event")

        say("# A decision is rewritten")
        house.put(house.good)
        house.change_decisions(rewritten)
        house.must_be_noticed("a rewritten decision")

        say("# Half of the decisions are cut off, with their tiles and checkpoint")
        house.put(house.good)
        house.change_decisions(cut)
        for gone in ("tile", "checkpoint"):
            path = house.data / "decisions" / gone
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        house.must_be_noticed("a shorter decision log")

        say("# The unchanged folder is sound, and works")
        house.put(house.good)
        world.start_server()
        world.start_door()
        check(world.json("ada", "evidence", "verify")["sound"], "the good folder is sound")
        eventually("the door lets in", works, pause=0.2)


main(test)
