#!/usr/bin/env python3
"""The server is dead while grants end: the door ends each session by its own clock, within a second of
its grant's end, lets nobody in, and ends what would outlive its autonomy."""
import datetime
import subprocess
import threading
import time

from world import PATIENCE, READER, World, check, eventually, main, say

SECONDS = (9, 10, 11, 12)  # of the short grants
AUTONOMY = 15.0  # of the target's tier, high


class Reader:
    """A psql that reads for minutes; knows when it died."""

    def __init__(self, world, settings):
        self.process = subprocess.Popen(
            ["psql", "-X", "-At", "-v", "FETCH_COUNT=1", "-c",
             "select n, pg_sleep(0.1) from generate_series(1, 3000) n"],
            env={**world.environment(), **settings}, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
        self.first = self.process.stdout.readline()  # it reads
        self.last = self.error = None
        self.thread = threading.Thread(target=self.follow, daemon=True)
        self.thread.start()

    def follow(self):
        for _ in self.process.stdout:
            self.last = time.time()
        self.error = self.process.stderr.read()
        self.process.wait()
        self.ended = time.time()

    def join(self):
        self.thread.join(PATIENCE)
        check(not self.thread.is_alive(), "psql is still reading")


def test():
    with World(("dora", "alice", "erik")) as world:
        say("# Four short grants and a long one, each with a psql that reads")
        long = world.request("erik", READER, "40m")
        long_settings = world.connect_settings("erik", grant=long)
        long_reader = Reader(world, long_settings)
        readers = []
        for seconds in SECONDS:
            grant = world.json("alice", "request", READER, "--for", f"{seconds}s", "--purpose",
                               f"for {seconds} s")["grant"]
            answer = world.json("alice", "connect", READER, "--grant", grant)
            until = datetime.datetime.fromisoformat(answer["until"].replace("Z", "+00:00"))
            readers.append((until.timestamp(), Reader(world, answer["environment"])))
        for _, reader in (*readers, (0, long_reader)):
            check(reader.first.startswith("1|"), f"psql does not read: {reader.first!r}")

        say("# The server dies")
        world.kill("server")
        dead = time.time()
        check(all(until > dead for until, _ in readers), "the machine is too slow for this test")

        say("# Nobody new is let in")
        ran = world.run(["psql", "-X", "-Atc", "select 1"], long_settings)
        check(ran.status == 2 and "FATAL" in ran.err, f"the door should refuse:\n{ran}")
        say("  " + ran.err.strip())

        for until, reader in readers:
            reader.join()
            late = reader.ended - until
            say(f"# Cut {late * 1000:+.0f} ms from its end: {reader.error.strip().splitlines()[0]}")
            check(reader.process.returncode != 0, "psql should have been cut")
            check(-0.5 < late < 1.0, f"cut {late:.3f} s from the end of its grant")
        long_reader.join()
        alone = long_reader.ended - dead
        say(f"# The long one was cut {alone:.1f} s after the server's death")
        check(AUTONOMY - 2 < alone < AUTONOMY + 1.5, f"cut after {alone:.1f} s without the server")

        say("# The server is back: what ended meanwhile is cleared away, the long grant works again")
        check(len(world.logins()) == 5, "without the server the login roles are all there")
        world.start_server()
        login = world.grant(long)["login"]
        eventually("only the long grant's role is left", lambda: world.logins() == {login})

        def reads_again():
            return world.run(["psql", "-X", "-Atc", "select 1"], long_settings).out == "1\n"
        eventually("the door lets in again", reads_again, pause=0.3)
        eventually("every session's end was reported", lambda: not world.rows("sessions"))
        check(world.json("ada", "evidence", "verify")["sound"], "the evidence is sound")


main(test)
