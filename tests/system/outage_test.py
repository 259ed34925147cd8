#!/usr/bin/env python3
"""PostgreSQL cannot be reached for a while: revoking denies at once, is visible as `revoking` with its
tries and last error, and ends when PostgreSQL is back.

  outage_test.py [--seconds 5]    how long PostgreSQL is away at least
"""
import argparse
import signal
import time

from world import READER, WRITER, World, check, eventually, main, say


def test():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=5)
    away = parser.parse_args().seconds
    with World() as world:
        revoked = world.request("alice", READER, "30m")
        kept = world.request("erik", READER, "30m")
        settings = world.connect_settings("alice", grant=revoked)
        say("# alice connects")
        check(world.run(["psql", "-X", "-Atc", "select 1"], settings).out == "1\n", "psql works")

        say("# PostgreSQL stops")
        world.kill("pg", signal.SIGQUIT)
        stopped = time.monotonic()
        answer = world.json("alice", "revoke", revoked, "--reason", "done", "--no-wait")
        check(answer["state"] == "revoking", f"the answer says {answer}")
        check(world.grant(revoked)["state"] == "revoking", "it is revoking")

        say("# Decisions deny at once, though the login role is still there")
        ran = world.try_writ("alice", "connect", READER, "--grant", revoked, "--json")
        check(ran.status in (3, 4), f"the server should deny:\n{ran}")
        ran = world.run(["psql", "-X", "-Atc", "select 1"], settings)
        check(ran.status == 2 and "FATAL" in ran.err, f"the door should deny:\n{ran}")

        say("# A new grant waits, and says why")
        new = world.json("alice", "request", READER, "--for", "20m", "--purpose", "later")["grant"]

        def shows_trouble():
            row, fresh = world.grant(revoked), world.grant(new)
            return row["tries"] >= 3 and row["last_error"] and fresh["tries"] >= 2 and (row, fresh)
        row, fresh = eventually("tries and last errors show", shows_trouble, pause=0.2)
        say(f"  {row['state']}, {row['tries']} tries: {row['last_error']}")
        say(f"  {fresh['state']}, {fresh['tries']} tries: {fresh['last_error']}")
        check(row["state"] == "revoking", f"it is {row['state']}")
        check(fresh["state"] == "activating", f"it is {fresh['state']}")
        eventually("it was away for long enough", lambda: time.monotonic() - stopped > away,
                   patience=away + 60, pause=0.5)
        check(world.grant(kept)["state"] == "active", "the other grant is as it was")

        say("# PostgreSQL is back")
        world.start_postgres()
        eventually("the revoked grant ended", lambda: world.grant(revoked) is None)
        eventually("the new one is active", lambda: world.grant(new)["state"] == "active")
        eventually("the login roles are those of the live grants",
                   lambda: world.logins() == {world.grant(g)["login"] for g in (kept, new)})
        for person, entitlement, grant in (("erik", READER, kept), ("alice", READER, new)):
            ran = world.writ(person, "connect", entitlement, "--grant", grant, "--", "-Atc",
                             "select count(*) from orders")
            check(ran.out == "1000\n", f"it connects again:\n{ran}")
        ran = world.run(["psql", "-X", "-Atc", "select 1"], settings)
        check(ran.status == 2, f"what ended stays ended:\n{ran}")
        check(world.json("ada", "evidence", "verify")["sound"], "the evidence is sound")


main(test)
