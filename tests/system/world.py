"""A whole Writ in a temporary folder: PostgreSQL, server, door, people. Everything is set up with the
program's own commands, as a person would, on free ports; what is started here is ended here.

  with World() as world:
      world.json("alice", "request", READER, "--for", "10m", "--purpose", "a look")

The program is build/release/writ, or $WRIT_PROGRAM. Nothing here sleeps for a fixed time: `eventually`
asks again until something holds, or a deadline has passed.
"""
import base64
import hashlib
import http.client
import json
import os
import pathlib
import re
import secrets
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import traceback

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
WRIT = str(pathlib.Path(os.environ.get("WRIT_PROGRAM", ROOT / "build/release/writ")).resolve())
PG_BIN = pathlib.Path("/usr/lib/postgresql/15/bin")
DOMAIN = "system.example"
READER = "pg-main/orders/reader"
WRITER = "pg-main/orders/writer"
PATIENCE = 60.0  # seconds: far more than anything takes, even on a busy machine

POLICY = """
@id("engineers-read") @max_ttl("1h") @approval("none")
permit (principal in Writ::Group::"engineering", action == Writ::Action::"request",
        resource == Writ::Entitlement::"pg-main/orders/reader");

@id("engineers-write") @max_ttl("1h") @approval("1 of Writ::Group::\\"dba\\"")
permit (principal in Writ::Group::"engineering", action == Writ::Action::"request",
        resource == Writ::Entitlement::"pg-main/orders/writer");

@id("auditors-read-evidence")
permit (principal in Writ::Group::"auditors",
        action in [Writ::Action::"list", Writ::Action::"explain", Writ::Action::"read_evidence"],
        resource);
"""


class Failed(Exception):
    """What should hold does not."""


def say(text):
    print(text, flush=True)


def check(holds, what):
    if not holds:
        raise Failed(what)


def eventually(what, ask, patience=PATIENCE, pause=0.05):
    """The first true answer of ask(); it may raise Failed meanwhile."""
    deadline = time.monotonic() + patience
    while True:
        why = ""
        try:
            answer = ask()
            if answer:
                return answer
        except Failed as error:
            why = f": {error}"
        if time.monotonic() > deadline:
            raise Failed(f"not within {patience:.0f} s: {what}{why}")
        threading.Event().wait(pause)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Ran:
    """What a command said, and how it ended."""

    def __init__(self, words, status, out, err):
        self.words, self.status, self.out, self.err = words, status, out, err

    def __str__(self):
        return f"$ {' '.join(self.words)}\n{self.out}{self.err}(status {self.status})"

    def json(self):
        try:
            return json.loads(self.out)
        except ValueError as error:
            raise Failed(f"no JSON ({error}):\n{self}") from error


class World:
    def __init__(self, people=("dora", "alice", "erik"), policy=POLICY, door=True):
        self.as_postgres = []
        if os.geteuid() == 0:
            self.as_postgres = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
        self.box = pathlib.Path(tempfile.mkdtemp(prefix="writ-system-", dir="/var/tmp"))
        self.box.chmod(0o711)
        for name in ("people", "server", "door", "pg", "run", "outside"):
            (self.box / name).mkdir(mode=0o700)
        self.pg_port, self.api_port, self.door_port = free_port(), free_port(), free_port()
        self.running = {}  # name -> Popen
        self.codes = {}  # person -> last code of the authenticator
        self.lock = threading.Lock()
        self.with_door = door
        self.writ_program = WRIT
        try:
            self._found(people, policy)
        except BaseException:
            self.close(keep=True)
            raise

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        self.close(keep=error is not None)

    def close(self, keep=False):
        for name in reversed(list(self.running)):
            self.kill(name, signal.SIGQUIT if name == "pg" else signal.SIGTERM)
        if keep:
            for name in ("server", "door", "pg"):
                log = self.box / name / "log"
                if log.exists():
                    lines = log.read_text(errors="replace").splitlines()[-10:]
                    say(f"---- the end of {log}")
                    say("\n".join(line[:400] for line in lines))
        if not keep or not os.environ.get("WRIT_KEEP"):
            shutil.rmtree(self.box, ignore_errors=True)

    # ---- Processes ----

    def begin(self, name, words, env=None):
        log = open(self.box / name / "log", "ab")
        with log:
            self.running[name] = subprocess.Popen(
                words, stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=self.box,
                env={**self.environment(), **(env or {})})
        return self.running[name]

    def kill(self, name, how=signal.SIGKILL):
        """Sends the signal and waits for the end; SIGKILL after a while if that is refused."""
        process = self.running.pop(name, None)
        if process is None:
            return
        process.send_signal(how)
        try:
            process.wait(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise Failed(f"{name} did not end on signal {how}")

    def ends(self, name, patience=PATIENCE):
        """Waits for a process that must end by itself; answers its status."""
        process = self.running.pop(name)
        try:
            return process.wait(timeout=patience)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise Failed(f"{name} should have ended by itself")

    def log_size(self, name):
        log = self.box / name / "log"
        return log.stat().st_size if log.exists() else 0

    def log_after(self, name, offset):
        with open(self.box / name / "log", "rb") as log:
            log.seek(offset)
            return log.read().decode(errors="replace")

    def start_logged(self, name, words, ready, env=None):
        """Starts a program and waits until its log says that it is ready."""
        offset = self.log_size(name)
        process = self.begin(name, words, env)

        def is_ready():
            if process.poll() is not None:
                raise_now = self.log_after(name, offset)
                self.running.pop(name, None)
                raise RuntimeError(f"{name} ended with {process.returncode}:\n{raise_now[-3000:]}")
            return ready in self.log_after(name, offset)

        try:
            eventually(f"{name} says {ready}", is_ready)
        except RuntimeError as error:
            raise Failed(str(error)) from error

    def start_server(self):
        self.start_logged("server", [WRIT, "server", "--config", str(self.box / "server/server.toml")],
                          "server_ready")

    def start_door(self):
        self.start_logged("door", [WRIT, "door", "postgres", "--config",
                                   str(self.box / "door/door.toml")], "door_ready")

    def start_postgres(self):
        """After a kill -9 of its postmaster, its children may still hold the memory for a moment."""
        def up():
            if "pg" not in self.running or self.running["pg"].poll() is not None:
                self.begin("pg", [*self.as_postgres, str(PG_BIN / "postgres"), "-D",
                                  str(self.box / "pg/data")])
            return self.sql("select 1", wrong_is_fine=True) == "1"
        eventually("PostgreSQL answers", up, pause=0.1)

    def environment(self):
        env = {k: v for k, v in os.environ.items()
               if not k.startswith("PG") and not k.startswith("WRIT_")}
        env.update(PSQLRC="/dev/null", PGCONNECT_TIMEOUT="10", LC_ALL="C.UTF-8", NO_COLOR="1",
                   XDG_RUNTIME_DIR=str(self.box / "run"))
        return env

    # ---- Commands ----

    def run(self, words, env=None, stdin="", timeout=PATIENCE * 2):
        try:
            done = subprocess.run([str(w) for w in words], env={**self.environment(), **(env or {})},
                                  input=stdin, capture_output=True, text=True, errors="replace",
                                  timeout=timeout, cwd=self.box)
        except subprocess.TimeoutExpired as late:
            raise Failed(f"still running after {timeout:.0f} s: {late.cmd}") from late
        return Ran([str(w) for w in words], done.returncode, done.stdout, done.stderr)

    def home(self, person):
        return self.box / "people" / person

    def try_writ(self, person, *words, stdin="", env=None):
        """A command of somebody, however it ends."""
        return self.run([WRIT, *words], {"WRIT_HOME": str(self.home(person)), **(env or {})}, stdin)

    def writ(self, person, *words, stdin="", env=None):
        """A command that must succeed."""
        ran = self.try_writ(person, *words, stdin=stdin, env=env)
        check(ran.status == 0, f"as {person} this should have succeeded:\n{ran}")
        return ran

    def json(self, person, *words):
        return self.writ(person, *words, "--json").json()

    def rows(self, kind, person="ada"):
        return self.json(person, "list", kind, "--all")

    def grant(self, name):
        """The row of a live grant, or None."""
        return next((row for row in self.rows("grants") if row.get("id") == name), None)

    def sql(self, text, database="postgres", wrong_is_fine=False):
        """As PostgreSQL's administrator; the answer, unaligned."""
        ran = self.run(["psql", "-X", "-q", "-At", "-v", "ON_ERROR_STOP=1", "-h", self.box / "pg",
                        "-p", self.pg_port, "-U", "postgres", "-d", database], stdin=text)
        if ran.status != 0:
            check(wrong_is_fine, str(ran))
            return None
        return ran.out.strip()

    def logins(self):
        """The login roles that Writ made in PostgreSQL."""
        return set(self.sql("select rolname from pg_roles where rolname like 'writ\\_%' "
                            "and rolcanlogin and rolname <> 'writ_connector'").split())

    # ---- People ----

    def code(self, person):
        """A code of the authenticator that was not used yet; each one works once."""
        secret = (self.home(person) / "authenticator").read_text().strip()

        def fresh():
            code = self.run(["oathtool", "--totp", "--base32", "-"], stdin=secret).out.strip()
            return code if code != self.codes.get(person) else None
        self.codes[person] = eventually("a new code", fresh, pause=0.2)
        return self.codes[person]

    def login(self, person):
        self.writ(person, "login", stdin=self.code(person) + "\n")

    def ticket(self, name):
        out = self.writ("ada", "identity", "enroll", name).out
        found = re.search(r"writ1\.[A-Za-z0-9_-]+", out)
        check(found, f"no ticket in: {out}")
        return found.group()

    def enroll(self, person, ticket):
        self.home(person).mkdir(mode=0o700, exist_ok=True)
        out = self.writ(person, "enroll", stdin=ticket + "\n").out
        secret = re.search(r"secret=([A-Z2-7]+)", out)
        check(secret, "enrolment shows no secret for the authenticator")
        (self.home(person) / "authenticator").write_text(secret.group(1))
        waits = re.search(r"writ device confirm (dev_[0-9a-z]+)", out)
        if waits:
            self.writ("bob", "device", "confirm", waits.group(1))
        self.login(person)

    def join(self, group, person):
        """In a group; where that makes an approver of somebody, bob approves it."""
        out = self.writ("ada", "group", "add-member", group, person, "--for", "30d", "--json").out
        change = re.search(r"chg_[0-9a-z]+", out)
        if change:
            self.json("bob", "approve", change.group(), "--yes")

    def both(self, *words):
        """A command of ada's that bob must approve."""
        change = re.search(r"chg_[0-9a-z]+", self.writ("ada", *words, "--json").out)
        check(change, f"no change came of {words}")
        return self.json("bob", "approve", change.group(), "--yes")

    def request(self, person, entitlement, duration, purpose="a test", approver="dora"):
        """An active grant of that person: its id."""
        asked = self.json(person, "request", entitlement, "--for", duration, "--purpose", purpose)
        grant = asked.get("grant")
        if not grant:
            grant = self.json(approver, "approve", asked["request"], "--yes")["grant"]
        eventually(f"{grant} is active", lambda: (self.grant(grant) or {}).get("state") == "active")
        return grant

    def connect_settings(self, person, entitlement=READER, grant=None):
        more = ["--grant", grant] if grant else []
        return self.json(person, "connect", entitlement, *more)["environment"]

    def device(self, person, group):
        """A new person in a group, whose device is a program of the test."""
        self.writ("ada", "identity", "add", person, "--kind", "user")
        self.join(group, person)
        return Device(self, person, self.ticket(person))

    def auditor(self):
        """Reads the logs as they are."""
        self.writ("ada", "group", "add", "auditors", "--purpose", "read the evidence")
        return self.device("ivy", "auditors")

    # ---- Founding ----

    def _found(self, people, policy):
        say(f"# A world in {self.box}")
        self._found_postgres()
        (self.box / "policy.cedar").write_text(policy)
        password = self.box / "server/connector-password"
        password.write_text(secrets.token_urlsafe(24))
        password.chmod(0o600)
        founded = self.run([WRIT, "init", self.box / "server", "--trust-domain", DOMAIN,
                            "--administrator", "ada", "--administrator", "bob", "--listen",
                            f"127.0.0.1:{self.api_port}", "--policy", self.box / "policy.cedar",
                            "--json"])
        check(founded.status == 0, str(founded))
        self.start_server()
        for name, ticket in founded.json()["tickets"].items():
            self.enroll(name, ticket)
        for group, who in (("dba", ["dora"]), ("engineering", [p for p in people if p != "dora"])):
            self.writ("ada", "group", "add", group, "--purpose", "a group of the test")
            for person in who:
                self.writ("ada", "identity", "add", person, "--kind", "user")
                self.join(group, person)
                self.enroll(person, self.ticket(person))
        described = ["--database", "orders", "--role", "orders/reader=orders_reader", "--role",
                     "orders/writer=orders_writer", "--password-file", str(password)]
        self.sql(self.writ("ada", "target", "sql", "postgres", "pg-main", *described,
                           "--door-address", "127.0.0.1/32", "--server-address", "127.0.0.1/32").out)
        self.both("target", "add", "postgres", "pg-main", "--host", "localhost", "--port",
                  str(self.pg_port), "--ca", str(self.box / "server/pg-ca.pem"), "--owner",
                  "group:dba", "--tier", "high", *described)
        if self.with_door:
            self.writ("ada", "identity", "add", "pg-door", "--kind", "door", "--owner", "group:dba",
                      "--tier", "medium", "--purpose", "door of pg-main")
            self.both("door", "add", "postgres", "pg-door", "--host", "localhost", "--port",
                      str(self.door_port), "--target", "pg-main")
            enrolled = self.run([WRIT, "enroll"], {"WRIT_HOME": str(self.box / "door/home")},
                                self.ticket("pg-door") + "\n")
            check(enrolled.status == 0, str(enrolled))
            (self.box / "door/door.toml").write_text(
                f'home = "home"\nlisten = "127.0.0.1:{self.door_port}"\nstate = "state"\n')
            self.start_door()
        say("# It is up")

    def _found_postgres(self):
        pg = self.box / "pg"
        pg.chmod(0o711)
        if self.as_postgres:
            shutil.chown(pg, "postgres", "postgres")
        made = self.run([*self.as_postgres, PG_BIN / "initdb", "-D", pg / "data", "-U", "postgres",
                         "-A", "trust", "-E", "UTF8", "--no-sync"])
        check(made.status == 0, str(made))
        made = self.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                         "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj", "/CN=localhost",
                         "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout",
                         pg / "data/server.key", "-out", pg / "data/server.crt"])
        check(made.status == 0, str(made))
        (pg / "data/server.key").chmod(0o600)
        shutil.copy(pg / "data/server.crt", self.box / "server/pg-ca.pem")
        with open(pg / "data/postgresql.conf", "a") as conf:
            conf.write(f"listen_addresses = '127.0.0.1'\nport = {self.pg_port}\n"
                       f"unix_socket_directories = '{pg}'\nssl = on\nmax_connections = 100\n"
                       "dynamic_shared_memory_type = mmap\n"
                       "fsync = off\nlog_line_prefix = '%m [%p] %u@%d '\n")
        (pg / "data/pg_hba.conf").write_text("local all all trust\n"
                                             "hostssl all all 127.0.0.1/32 scram-sha-256\n")
        if self.as_postgres:
            for file in ("server.key", "server.crt", "pg_hba.conf"):
                shutil.chown(pg / "data" / file, "postgres", "postgres")
        self.start_postgres()
        self.sql("create role orders_reader nologin; create role orders_writer nologin;")
        self.sql("create database orders")
        self.sql("""
            create table orders (id int primary key, state text not null);
            insert into orders select n, 'paid' from generate_series(1, 1000) n;
            grant select on orders to orders_reader;
            grant select, insert, update on orders to orders_writer;""", "orders")


class Device:
    """A device that speaks to the server by itself, with a key of its own in a file: what a hostile
    or broken client can do and the command line cannot."""

    def __init__(self, world, person, ticket):
        self.world = world
        self.folder = world.box / "outside" / person
        self.folder.mkdir(mode=0o700, parents=True)
        said = json.loads(base64.urlsafe_b64decode(ticket.split(".")[1] + "=="))
        self.roots = self.folder / "roots.pem"
        self.roots.write_text(said["ca"])
        self.key, self.certificate, self.wire = make_key(world, self.folder / "key.pem"), None, None
        csr = make_csr(world, self.key)
        status, answer = self.call("POST", "/v1/enroll", {"code": said["code"], "csr": csr,
                                                          "label": "by hand"})
        check(status == 200, f"enrolment by hand: {status} {answer}")
        secret = re.search(r"secret=([A-Z2-7]+)", answer["totp_uri"]).group(1)
        world.home(person).mkdir(mode=0o700, exist_ok=True)
        (world.home(person) / "authenticator").write_text(secret)
        if not answer["confirmed"]:
            world.writ("bob", "device", "confirm", answer["device"])
        status, answer = self.call("POST", "/v1/login", {"device": answer["device"], "csr": csr,
                                                         "code": world.code(person)})
        check(status == 200, f"login by hand: {status} {answer}")
        self.wire = None  # from now on with a certificate
        self.certificate = self.folder / "certificate.pem"
        self.certificate.write_text(answer["certificate"])

    @classmethod
    def with_certificate(cls, world, certificate, key):
        """A device that shows a certificate from elsewhere."""
        device = cls.__new__(cls)
        device.world, device.key, device.certificate, device.wire = world, key, certificate, None
        device.roots = world.box / "people/ada/ca.pem"
        return device

    def tls(self, certificate="own", key=None):
        context = ssl.create_default_context(cafile=str(self.roots))
        context.check_hostname = False
        if certificate == "own":
            certificate, key = self.certificate, self.key
        if certificate:
            context.load_cert_chain(str(certificate), str(key or self.key))
        return context

    def raw(self, octets, context=None, patience=15.0):
        """Sends octets over mutual TLS and reads to the end, or until nothing comes any more."""
        answer = b""
        with socket.create_connection(("127.0.0.1", self.world.api_port), timeout=patience) as plain:
            with (context or self.tls()).wrap_socket(plain) as wire:
                try:
                    wire.sendall(octets)
                    while True:
                        got = wire.recv(65536)
                        if not got:
                            return answer
                        answer += got
                        if complete(answer):
                            return answer
                except (ConnectionError, ssl.SSLError):
                    return answer  # it may close before it has read everything
                except TimeoutError:
                    raise Failed(f"no answer within {patience:.0f} s, so far {answer!r}") from None

    def fetch(self, path, method="GET", body=None, context=None):
        """One request: status and octets. The connection is kept, unless it is a special one; one
        that ended since the last request is opened again."""
        headers = {"Content-Type": "application/json"} if body else {}
        if context is None and self.wire is not None:
            try:
                self.wire.request(method, path, body, headers)
                answer = self.wire.getresponse()
                return answer.status, answer.read()
            except (OSError, http.client.HTTPException):
                self.wire.close()
                self.wire = None
        wire = self.connection(context or self.tls())
        try:
            wire.request(method, path, body, headers)
            answer = wire.getresponse()
            octets = answer.read()
        except BaseException:
            wire.close()
            raise
        if context is None:
            self.wire = wire
        else:
            wire.close()
        return answer.status, octets

    def connection(self, context):
        return http.client.HTTPSConnection("127.0.0.1", self.world.api_port, timeout=30,
                                           context=context)

    def call(self, method, path, body=None, context=None):
        """One request; a body that is no str or bytes goes as JSON. Answers status and JSON, or
        text where it is none."""
        if body is not None and not isinstance(body, (str, bytes)):
            body = json.dumps(body)
        status, octets = self.fetch(path, method, body, context)
        text = octets.decode(errors="replace")
        try:
            return status, json.loads(text)
        except ValueError:
            return status, text

    def log_size(self, log):
        status, note = self.call("GET", f"/v1/evidence/{log}/checkpoint")
        check(status == 200, f"no checkpoint of the {log}: {status} {note}")
        return int(note.split("\n")[1])

    def entries(self, log, start=0):
        """The entries of a log from one on, as they lie in its bundles."""
        size, out = self.log_size(log), []
        for bundle in range(start // 256, (size + 255) // 256):
            width = min(256, size - bundle * 256)
            path = f"{bundle:03}" if bundle < 1000 else f"x{bundle // 1000:03}/{bundle % 1000:03}"
            path += "" if width == 256 else f".p/{width}"
            status, octets = self.fetch(f"/v1/evidence/{log}/tile/entries/{path}")
            check(status == 200, f"no bundle {path} of the {log}: {status}")
            while octets:
                length = int.from_bytes(octets[:2], "big")
                out.append(octets[2:2 + length])
                octets = octets[2 + length:]
        check(len(out) == size - start // 256 * 256, f"the {log}'s bundles lack entries")
        return out[start % 256:]

    def events(self, start=0):
        return [json.loads(entry) for entry in self.entries("journal", start)]

    def decisions(self, start=0):
        """What the decision log says, opened, each held against its commitment."""
        out = []
        for index, entry in enumerate(self.entries("decisions", start), start):
            status, answer = self.call("GET", f"/v1/evidence/decisions/payload/{index}")
            check(status == 200, f"no payload of decision {index}: {status} {answer}")
            payload = answer["payload"].encode()
            salted = base64.b64decode(answer["salt"]) + payload
            check(entry == b"\x01" + hashlib.sha256(salted).digest(),
                  f"decision {index} is not what its entry commits to")
            out.append(json.loads(payload))
        return out


def complete(answer):
    """Whether that is a whole HTTP answer."""
    head, found, body = answer.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)\r\ncontent-length: *([0-9]+)", head)
    return bool(found and length and len(body) >= int(length.group(1)))


def make_key(world, path):
    made = world.run(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt",
                      "ec_paramgen_curve:P-256", "-out", path])
    check(made.status == 0, str(made))
    path.chmod(0o600)
    return path


def make_csr(world, key):
    made = world.run(["openssl", "req", "-new", "-key", key, "-subj", "/CN=device"])
    check(made.status == 0, str(made))
    return made.out


def main(test):
    """Runs a test; its status is that of the program."""
    started = time.monotonic()
    name = pathlib.Path(sys.argv[0]).name
    check(os.access(WRIT, os.X_OK), f"there is no program {WRIT}; make build")
    # A stopped test ends what it started.
    for how in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(how, lambda number, _: sys.exit(128 + number))
    try:
        test()
    except Failed as failed:
        traceback.print_exc(limit=-3, file=sys.stdout)
        say(f"FAILED {name}: {failed}")
        sys.exit(1)
    say(f"passed {name} ({time.monotonic() - started:.0f} s)")
