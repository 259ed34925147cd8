#!/usr/bin/env python3
"""Bad input gets one clear error with its place, and changes nothing: after each part the journal has
no event more than before."""
import contextlib
import socket
import struct

from world import (READER, Device, Failed, World, check, eventually, main, make_csr,
                   make_key, say)

# What the server notes by itself, at any time.
BY_ITSELF = {"decisions_anchored", "holdings_observed", "finding_opened", "finding_closed"}
SSL_REQUEST = struct.pack("!II", 8, 80877103)


class Bad:
    def __init__(self, world):
        self.world = world
        self.ivy = world.auditor()
        self.eve = world.device("eve", "engineering")

    @contextlib.contextmanager
    def changes_nothing(self, what, but=()):
        say(f"# {what}")
        before = self.ivy.log_size("journal")
        yield
        more = [e["kind"] for e in self.ivy.events(before) if e["kind"] not in BY_ITSELF | set(but)]
        check(not more, f"{what}: this is in the journal now: {more}")

    def refused(self, status, person, *words, says=()):
        ran = self.world.try_writ(person, *words)
        check(ran.status == status and ran.err.startswith("writ: "),
              f"this should end with {status} and one error:\n{ran}")
        for text in says:
            check(text in ran.err, f"the error should say {text!r}:\n{ran}")
        say("  " + ran.err.strip().replace("\n", "\n  "))

    def answers(self, status, body, *says, path="/v1/commands", device=None, method="POST"):
        wanted = status if isinstance(status, tuple) else (status,)
        got, answer = (device or self.eve).call(method, path, body)
        check(got in wanted and isinstance(answer, dict) and answer.get("error", {}).get("message"),
              f"{str(body)[:80]} should be answered with {status} and an error: {got} {answer}")
        for text in says:
            check(text in str(answer["error"]), f"the error should say {text!r}: {answer}")
        say(f"  {got} {answer['error']}"[:220])

    # ---- Parts ----

    def words(self):
        with self.changes_nothing("Words that mean nothing"):
            ask = ("request", READER, "--purpose", "x", "--for")
            self.refused(2, "alice", *ask, "30", says=["--for", "30"])
            self.refused(2, "alice", *ask, "-5m", says=["--for"])
            self.refused(2, "alice", *ask, "9999h", says=["--for"])
            self.refused(2, "alice", *ask, "0s", says=["--for"])
            self.refused(4, "alice", "request", "pg-main/orders/reeder", "--for", "5m", "--purpose",
                         "x", says=["pg-main/orders/reader"])
            self.refused(2, "alice", "request", READER, "--for", "5m", "--purpose", "",
                         says=["--purpose"])
            self.refused(4, "alice", "revoke", "grt_0000000000000000", "--reason", "x")
            self.refused(4, "dora", "approve", "req_0000000000000000", "--yes")
            self.refused(3, "alice", "identity", "add", "mallory")

    def policies(self):
        bad = self.world.box / "outside/bad.cedar"
        with self.changes_nothing("Policies that do not parse, or misspell a term"):
            for text, place, says in (
                    ("permit (principal,\n  action = 3,\n  resource);\n", "bad.cedar:2:10",
                     ["  action = 3,", "^"]),
                    ('@id("x") @max_tll("1h")\npermit (principal, action == Writ::Action::"request",'
                     f' resource == Writ::Entitlement::"{READER}");\n', "bad.cedar:1:10",
                     ["max_tll", "max_ttl"]),
                    ('@id("x") @max_ttl("30")\npermit (principal, action == Writ::Action::"request",'
                     f' resource == Writ::Entitlement::"{READER}");\n', "bad.cedar:1:", ["30"])):
                bad.write_text(text)
                self.refused(2, "ada", "policy", "check", bad, says=[place, *says])
                self.refused(2, "ada", "policy", "apply", bad, says=[place, *says])

    def json(self):
        good = '"command_id": "c1", "verb": "request_access", "body": '
        ask = '"entitlement": "%s", "purpose": "x"' % READER
        with self.changes_nothing("JSON that is none, or not the right one"):
            self.answers(400, "{", "1:2")
            self.answers(400, "", )
            self.answers(400, "nonsense", "1:")
            self.answers(400, "{%s{%s}}  x" % (good, ask))
            self.answers(400, "{%s{%s, \"purpose\": \"y\"}}" % (good, ask), "purpose")
            self.answers(400, "{%s{%s, \"surprise\": 1}}" % (good, ask), "surprise")
            self.answers(400, "{%s{%s, \"duration_ms\": \"long\"}}" % (good, ask), "duration_ms")
            self.answers(400, "{%s{%s, \"duration_ms\": 1e400}}" % (good, ask))
            self.answers(400, "{%s{%s, \"duration_ms\": 99999999999999999999}}" % (good, ask))
            self.answers(400, "{%s{%s, \"duration_ms\": -1}}" % (good, ask), "duration_ms")
            self.answers(400, "{%s%s1%s}" % (good, "[" * 5000, "]" * 5000), "deep")
            self.answers(400, b'{"verb": "\xff\xfe", "command_id": "c", "body": {}}')
            self.answers(400, '{"verb": "\\ud800", "command_id": "c", "body": {}}')
            self.answers((400, 404), "{\"command_id\": \"c1\", \"verb\": \"reqest_access\", \"body\": {}}",
                         "reqest_access")
            self.answers((400, 413, 429), "{%s{\"entitlement\": \"%s\"}}" % (good, "x" * 3_000_000))
            self.answers(404, "{}", path="/v1/no-such-thing")
            self.answers((404, 405), None, method="DELETE", path="/v1/whoami")
            self.answers(400, {"subject": 1}, path="/access/v1/evaluation")

    def http(self):
        with self.changes_nothing("HTTP that is none"):
            for octets in (
                    b"\0" * 64 + b"\r\n\r\n",
                    b"GET / HTTP/9.9\r\n\r\n",
                    b"POST /v1/commands HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
                    b"POST /v1/commands HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n"
                    b"Content-Length: 6\r\n\r\nhello!",
                    b"POST /v1/commands HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n"
                    b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                    b"GET /v1/whoami HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 200_000 + b"\r\n\r\n",
                    b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n"):
                answer = self.eve.raw(octets)
                line = answer.split(b"\r\n")[0]
                check(not answer or line.startswith(b"HTTP/1.1 4") or line.startswith(b"HTTP/1.1 5"),
                      f"{octets[:60]!r} was answered with {line!r}")
                say(f"  {octets[:50]!r}: {line.decode() or 'closed'}")

    def certificates(self):
        world, eve = self.world, self.eve
        with self.changes_nothing("Certificates: none, foreign, of another's, of no door"):
            status, answer = eve.call("GET", "/v1/whoami", context=eve.tls(certificate=None))
            check(status == 401 and "certificate" in str(answer), f"{status} {answer}")
            key = make_key(world, world.box / "outside/foreign.pem")
            foreign = world.box / "outside/foreign.crt"
            made = world.run(["openssl", "req", "-x509", "-key", key, "-subj", "/CN=ada", "-days", "1",
                              "-addext", "subjectAltName=URI:spiffe://system.example/user/ada",
                              "-out", foreign])
            check(made.status == 0, str(made))
            try:
                status, answer = eve.call("GET", "/v1/whoami", context=eve.tls(foreign, key))
                raise Failed(f"a foreign certificate was let in: {status} {answer}")
            except OSError as error:
                say(f"  foreign: {error}")
            answer = eve.raw(b"GET /v1/door/stream HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n"
                             b"Upgrade: writ-lines/1\r\n\r\n")
            check(answer.startswith(b"HTTP/1.1 403"), f"a person is no door: {answer}")
            self.answers(403, {"subject": "spiffe://system.example/user/x", "entitlement": READER,
                               "credential": "1", "source_ip": "127.0.0.1"}, path="/v1/baseline")
            self.answers((400, 401), {"device": "dev_0000000000000000", "csr": make_csr(world, key)},
                         path="/v1/login")
        say("# Certificates: one that ended with its grant")
        asked = world.json("alice", "request", READER, "--for", "6s", "--purpose", "short")
        short = world.json("alice", "connect", READER, "--grant", asked["grant"])
        eventually("the grant has ended", lambda: world.grant(asked["grant"]) is None, pause=0.3)
        world.request("alice", READER, "10m", "long")
        ran = world.run(["psql", "-X", "-Atc", "select 1"], short["environment"])
        check(ran.status == 2, f"an expired certificate was let in:\n{ran}")
        say("  " + ran.err.strip().splitlines()[0])
        say("# Certificates: a revoked one")
        serial = world.run(["openssl", "x509", "-noout", "-serial", "-in", eve.certificate]).out
        serial = serial.strip().partition("=")[2].lower()
        status, answer = eve.call("POST", "/v1/commands", {
            "command_id": "revoke-me", "verb": "revoke_certificate",
            "body": {"serial": serial, "reason": "lost"}})
        check(status == 200, f"{status} {answer}")
        with self.changes_nothing("It opens nothing any more"):
            self.answers(401, None, "revoked: by command", path="/v1/whoami", method="GET")

    def startup_packets(self):
        world = self.world
        settings = world.connect_settings("alice")
        device = Device.with_certificate(world, settings["PGSSLCERT"], settings["PGSSLKEY"])
        with self.changes_nothing("Start-up packets of PostgreSQL that are none",
                                  but=("session_started", "session_ended")):
            for what, octets in (
                    ("length 0", struct.pack("!I", 0)),
                    ("length 4", struct.pack("!I", 4)),
                    ("a length of 2 GB", struct.pack("!II", 0x7FFFFFFF, 196608)),
                    ("no TLS", struct.pack("!II", 15, 196608) + b"user\0x\0"),
                    ("HTTP", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
                    ("zeros", b"\0" * 5000),
                    ("TLS twice", SSL_REQUEST * 2)):
                answer = self.spoken(octets)
                say(f"  {what}: {self.shown(answer)}")
                check(b"R\0\0\0\x08\0\0\0\0" not in answer, f"{what} was let in: {answer!r}")
            def packet(body):
                return struct.pack("!I", 4 + len(body)) + body
            version = struct.pack("!I", 196608)
            for what, octets in (
                    ("protocol 2", packet(struct.pack("!I", 131072) + b"\0")),
                    ("a name without value", packet(version + b"user\0")),
                    ("no end", packet(version + b"user\0alice\0database\0x")),
                    ("no user", packet(version + b"database\0x\0\0")),
                    ("20,000 octets", packet(version + b"user\0" + b"a" * 20_000 + b"\0\0")),
                    ("no such entitlement", packet(version + b"user\0alice\0database\0pg-main/x/y\0\0")),
                    ("a query first", b"Q" + struct.pack("!I", 13) + b"select 1\0")):
                answer = self.spoken(octets, device)
                say(f"  in TLS, {what}: {self.shown(answer)}")
                check(b"R\0\0\0\x08\0\0\0\0" not in answer, f"{what} was let in: {answer!r}")
            say("# Whoever writes another's name is still who the certificate says")
            answer = self.spoken(packet(version + b"user\0ada\0database\0" + READER.encode() +
                                        b"\0\0"), device)
            check(b"session_authorization\0writ_alice_" in answer, f"{answer!r}")
            say("# Stuck clients keep nobody out")
            with contextlib.ExitStack() as stack:
                for octets in (b"", SSL_REQUEST[:3], SSL_REQUEST, b"\0\0") * 10:
                    s = stack.enter_context(socket.create_connection(("127.0.0.1", world.door_port)))
                    s.sendall(octets)
                ran = world.run(["psql", "-X", "-Atc", "select 1"], settings)
                check(ran.out == "1\n", f"psql beside stuck clients:\n{ran}")

    def spoken(self, octets, device=None):
        """Sends octets to the door, in TLS if there is a device, and reads to the end. A client that
        the door leaves waiting for more goes by itself."""
        with socket.create_connection(("127.0.0.1", self.world.door_port), timeout=20) as s:
            if device:
                s.sendall(SSL_REQUEST)
                check(s.recv(1) == b"S", "the door speaks TLS")
                s = device.tls().wrap_socket(s)
            answer = b""
            try:
                s.sendall(octets)
                if not device:
                    s.shutdown(socket.SHUT_WR)
                while got := s.recv(4096):
                    answer += got
                    if answer.endswith(b"Z\0\0\0\5I"):  # it waits for a query
                        break
            except (ConnectionError, OSError):
                pass
            s.close()
            return answer

    @staticmethod
    def shown(answer):
        if answer[:1] != b"E":
            return answer[:40] or "closed"
        fields = dict((f[:1], f[1:].decode()) for f in answer[5:].split(b"\0") if f)
        return f"{fields.get(b'C')} {fields.get(b'M')}"

    def newer_folder(self):
        world = self.world
        say("# A data folder of a newer version")
        world.kill("server", 15)
        form = world.box / "server/data/format"
        old = form.read_text()
        form.write_text("2\n")
        try:
            world.start_server()
            raise AssertionError("it started")
        except Failed as failed:
            check("format 2" in str(failed), f"it should say which version: {failed}")
            say("  " + str(failed).strip().splitlines()[-1])
        form.write_text(old)
        world.start_server()


def test():
    with World(("dora", "alice")) as world:
        bad = Bad(world)
        bad.words()
        bad.policies()
        bad.json()
        bad.http()
        bad.certificates()
        bad.startup_packets()
        bad.newer_folder()
        check(world.json("ada", "evidence", "verify")["sound"], "the evidence is sound")


main(test)
