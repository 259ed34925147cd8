#!/usr/bin/env python3
"""Why a decision was what it was, who can do something and what somebody can, and when a decision
changes by itself: as people and programs ask, and what nobody learns who may not."""
from world import POLICY, READER, WRITER, Device, World, check, main, say

GUARD = POLICY + """
@id("office-hours-network")
forbid (principal, action == Writ::Action::"connect", resource)
unless { context has source_ip && context.source_ip.isLoopback() };
"""


def question(device, resource, context=None):
    """A person's own question, as AuthZEN asks it."""
    status, who = device.call("GET", "/v1/whoami")
    check(status == 200, str(who))
    body = {"subject": {"type": "identity", "id": who["identity"]}, "action": {"name": "connect"},
            "resource": {"type": "entitlement", "id": resource}}
    if context:
        body["context"] = context
    return device.call("POST", "/access/v1/evaluation", body)


def explains(world, grace):
    say("# A denial: the nearest permit, where it failed, and what that part saw")
    status, answer = question(grace, READER)
    check(status == 200 and not answer["decision"], str(answer))
    decision = answer["context"]["decision_id"]
    why = world.json("ada", "explain", decision)
    check(why["nearest"]["id"] == "engineers-read", str(why))
    check(why["nearest"]["failed"]["text"] == 'principal in Writ::Group::"engineering"', str(why))
    place = why["nearest"]["failed"]["position"].split(":")
    check(len(place) == 3 and int(place[1]) > 0 and int(place[2]) > 1, str(place))
    saw = why["nearest"]["parts"][-1]["saw"]
    check(saw == [{"what": 'principal in Writ::Group::"engineering"', "value": "false"}], str(saw))
    lines = world.writ("ada", "explain", decision).out
    check("nearest: permit \"engineers-read\"" in lines, lines)

    say("# She herself learns nothing of a thing that she may not know")
    status, own = grace.call("GET", f"/v1/explain/{decision}")
    check(status == 200 and "nearest" not in own and not own["decided"], str(own))
    status, absent = question(grace, "pg-main/orders/nothing")
    status, other = grace.call("GET", f"/v1/explain/{absent['context']['decision_id']}")
    same = [line.replace("pg-main/orders/nothing", READER) for line in other["lines"][1:]]
    check(same == own["lines"][1:], f"{same}\n{own['lines']}")


def who(world, grace, grant):
    say("# Who can connect, and how")
    rows = world.json("ada", "who-can", "connect", READER)["rows"]
    ways = {(row["name"], row["how"]): row for row in rows}
    check(ways["alice", "grant"]["grant"] == grant, str(rows))
    check(ways["alice", "grant"]["depends_on"] == "office-hours-network", str(rows))
    check(ways["alice", "offer"]["policy"] == "engineers-read", str(rows))
    check("no approval" in ways["alice", "offer"]["terms"], str(rows))
    check(not any(row["name"] in ("grace", "dora") for row in rows), str(rows))
    table = world.writ("ada", "who-can", "connect", READER).out
    check("NAME" in table.upper() and "alice" in table and "engineers-read" in table, table)
    admins = world.json("ada", "who-can", "apply_policy")["rows"]
    check({row["name"] for row in admins} == {"ada", "bob"}, str(admins))
    check({row["how"] for row in admins} == {"administration"}, str(admins))

    say("# Page by page it is the same")
    paged, token = [], None
    for _ in range(20):
        more = ["--page", token] if token else []
        page = world.json("ada", "who-can", "list_own", "--limit", "1", *more)
        paged += [row["name"] for row in page["rows"]]
        token = page.get("next")
        if not token:
            break
    whole = world.json("ada", "who-can", "list_own")["rows"]
    check(len(paged) > 3 and sorted(paged) == sorted(row["name"] for row in whole), str(paged))
    ran = world.try_writ("ada", "who-can", "connect", READER, "--page", "forged")
    check(ran.status == 2, str(ran))

    say("# What somebody can")
    mine = world.json("alice", "what-can", "alice")["rows"]
    check({row["resource"] for row in mine if row["action"] == "connect"} == {READER, WRITER},
          str(mine))
    check(any(row["action"] == "list_own" and row["resource"] == "system" for row in mine), str(mine))

    say("# Who may not ask learns not even whether it is there")
    denials = [world.try_writ("alice", "who-can", "connect", name) for name in (READER, "no/such")]
    check([ran.status for ran in denials] == [3, 3], str(denials[0]))
    check(denials[0].err == denials[1].err, denials[0].err + denials[1].err)
    denials = [world.try_writ("alice", "what-can", name) for name in ("dora", "nobody")]
    check([ran.status for ran in denials] == [3, 3], str(denials[0]))
    check(denials[0].err == denials[1].err, denials[0].err + denials[1].err)
    check(world.try_writ("ada", "who-can", "connect", "no/such").status == 4, "an administrator may")
    ran = world.try_writ("ada", "who-can", "conect", READER)
    check(ran.status == 2 and "connect" in ran.err, str(ran))

    say("# Each is evidence")
    asked = [d for d in world.ivy.decisions() if d["question"]["action"] == "who_can" and d["allow"]]
    unanswered = [d for d in asked if "can" not in d]  # about what is not there
    check(len(unanswered) == 1 and unanswered[0]["question"]["resource"] == "no/such", str(unanswered))
    check(len(asked) > 1 and all(d["can"]["steps"] > 0 for d in asked if d not in unanswered),
          str(asked[:1]))


def change(world):
    say("# When an answer changes by itself")
    heidi = world.device("heidi", "engineering")
    check(heidi.call("POST", "/v1/commands", {
        "command_id": "one", "verb": "request_access",
        "body": {"entitlement": READER, "purpose": "a look", "duration_ms": 1_800_000}})[0] == 200,
        "the offer needs no approval")
    for _ in range(200):
        status, answer = question(heidi, READER, {"next_change": True})
        check(status == 200, str(answer))
        if answer["decision"]:
            break
    check(answer["decision"], str(answer))
    check(answer["context"]["changes_at"] == answer["context"]["until"], str(answer))
    why = world.json("ada", "explain", answer["context"]["decision_id"])
    check(why["changes"] == {"at": answer["context"]["until"], "decision": False}, str(why))
    check(why["decided"][0]["id"] == "engineers-read" and why["decided"][0]["grant"], str(why))
    status, plain = question(heidi, READER)
    check("changes_at" not in plain["context"], str(plain))
    status, wrong = question(heidi, READER, {"next_change": 1})
    check(status == 400 and wrong["error"]["where"] == "/context/next_change", str(wrong))


def test():
    with World(policy=GUARD) as world:
        world.ivy = world.auditor()
        world.writ("ada", "group", "add", "guests", "--purpose", "they may ask for nothing")
        grace = world.device("grace", "guests")
        grant = world.request("alice", READER, "30m")
        explains(world, grace)
        who(world, grace, grant)
        change(world)


main(test)
