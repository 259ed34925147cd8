"""The servers that decide over HTTP: how each is built, started and asked. All hold the same 200
grants: one user may connect to 200 resources. Over HTTP/1.1 requests go through them in turn, over
HTTP/2 (gRPC where there is one) all are for the same; so all are allowed.
"""
import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request

from engines import HERE, OUT, Failed, build, go_build, need

GRANTS = 200
RESOURCES = [f"resource_{n:03}" for n in range(GRANTS)]
CONNECTIONS = 64
STREAMS = 10  # of a connection over HTTP/2
SECONDS = 8
# A server that did not come up by then does not come up.
MOST_START_SECONDS = 30


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def call(port, path, body=None):
    """What a server answers, parsed. Only ever asks this machine."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data,
                                     {"Content-Type": "application/json"})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=10) as answer:
        return json.loads(answer.read() or b"null")


@contextlib.contextmanager
def running(name, words, port, health):
    """A server until the block ends."""
    with open(f"{OUT}/{name}-server.log", "w", encoding="utf-8") as log:
        server = subprocess.Popen(words, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    try:
        until = time.monotonic() + MOST_START_SECONDS
        while True:
            with contextlib.suppress(OSError, urllib.error.URLError):
                call(port, health)
                break
            if server.poll() is not None or time.monotonic() > until:
                raise Failed(f"did not come up (build/peers/{name}-server.log)")
            with contextlib.suppress(subprocess.TimeoutExpired):
                server.wait(0.05)
        yield server
    finally:
        server.terminate()
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def folder_of(name):
    folder = f"{OUT}/{name}-world"
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    return folder


def write(path, text):
    with open(path, "w", encoding="utf-8") as out:
        out.write(text)
    return path


def load_http(name, port, target, bodies, wanted, seconds):
    """Figures of a server that runs, over HTTP/1.1."""
    path = write(f"{OUT}/{name}-world/requests", "".join(json.dumps(each) + "\n" for each in bodies))
    done = subprocess.run([OUT + "/http_load", "127.0.0.1", str(port), target, path, wanted,
                           str(CONNECTIONS), str(seconds)], capture_output=True, text=True,
                          check=False)
    if done.returncode != 0:
        raise Failed("under load: " + done.stderr.strip()[:300])
    return json.loads(done.stdout)


def load_http2(name, port, target, body, fields, answer_bytes, seconds):
    """The same over HTTP/2 by h2load, which looks at no answer: each must be this long, since a
    denial or an error is shorter."""
    if shutil.which("h2load") is None:
        return {"absent": "h2load is not installed (Debian's nghttp2-client)"}
    folder = f"{OUT}/{name}-world"
    with open(folder + "/body", "wb") as out:
        out.write(body)
    log = folder + "/h2load.log"
    words = ["h2load", f"--clients={CONNECTIONS}", f"--max-concurrent-streams={STREAMS}",
             f"--duration={seconds}", "--warm-up-time=1", f"--data={folder}/body",
             "--log-file=" + log, *(f"--header={each}" for each in fields),
             f"http://127.0.0.1:{port}{target}"]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=seconds + 60)
    said = re.search(r"(\d+) succeeded, (\d+) failed, (\d+) errored", done.stdout)
    length = re.search(r"\((\d+)\) data", done.stdout)
    if done.returncode != 0 or not said or said[2] != "0" or said[3] != "0":
        raise Failed("under load: " + (done.stdout + done.stderr).strip()[-300:])
    count = int(said[1])
    if int(length[1]) < answer_bytes * count:
        raise Failed(f"answers of {int(length[1]) / count:.1f} bytes allow nothing")
    with open(log, encoding="ascii") as lines:
        ms = sorted(int(line.split()[2]) / 1e3 for line in lines)
    os.remove(log)
    return {"per_s": count / seconds, "p50_ms": percentile(ms, 50), "p99_ms": percentile(ms, 99)}


def percentile(values, percent):
    """The smallest of sorted values that `percent` of them do not exceed."""
    return values[max(1, (len(values) * percent + 99) // 100) - 1]


GRPC = ["content-type: application/grpc", "te: trailers"]


def protobuf(*fields):
    """A message whose fields, (number, text or message), are all texts or messages."""
    out = b""
    for number, value in fields:
        text = value.encode() if isinstance(value, str) else value
        out += bytes([number << 3 | 2]) + varint(len(text)) + text
    return out


def varint(number):
    out = b""
    while number > 127:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


def grpc(message):
    """As gRPC sends it: not compressed, and its length."""
    return b"\0" + len(message).to_bytes(4, "big") + message


def opa(seconds):
    program = go_build("opa", "github.com/open-policy-agent/opa", "opa-server")
    folder, port = folder_of("opa"), free_port()
    granted = {"Resource::" + each: True for each in RESOURCES}
    data = write(folder + "/data.json", json.dumps({"grants": {"User::alice": granted}}))
    words = [program, "run", "--server", "--h2c", "--addr", f"127.0.0.1:{port}", "--log-level", "error",
             "--skip-version-check", "--optimize-store-for-read-speed", data,
             HERE + "/opa/grants.rego"]
    target = "/v1/data/authz/allow"
    bodies = [{"input": {"principal": "User::alice", "action": "Action::connect",
                         "resource": "Resource::" + each}} for each in RESOURCES]
    with running("opa", words, port, "/health"):
        return (load_http("opa", port, target, bodies, '"result":true', seconds),
                load_http2("opa", port, target, json.dumps(bodies[0]).encode(),
                           ["content-type: application/json"], len('{"result":true}'), seconds))


def cerbos(seconds):
    need("npm", "npm fetches it")
    npm = OUT + "/npm"
    os.makedirs(npm, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(f"{HERE}/cerbos/{name}", npm)
    program = npm + "/node_modules/@cerbos/cerbos-linux-x64/cerbos-linux-x64"
    if not os.path.exists(program):
        build("cerbos", ["npm", "ci", "--prefix", npm, "--ignore-scripts", "--no-audit", "--no-fund"],
              OUT)
    folder, port, grpc_port = folder_of("cerbos"), free_port(), free_port()
    os.makedirs(folder + "/policies")
    granted = dict.fromkeys(RESOURCES, True)
    write(folder + "/policies/grants.json", json.dumps({
        "apiVersion": "api.cerbos.dev/v1",
        "resourcePolicy": {
            "resource": "resource", "version": "default",
            "constants": {"local": {"grants": {"alice": granted}}},
            "rules": [{"actions": ["connect"], "effect": "EFFECT_ALLOW", "roles": ["*"],
                       "condition": {"match": {"expr": "R.id in C.grants[P.id]"}}}]}}))
    config = write(folder + "/config.json", json.dumps({
        "server": {"httpListenAddr": f"127.0.0.1:{port}",
                   "grpcListenAddr": f"127.0.0.1:{grpc_port}"},
        "storage": {"driver": "disk", "disk": {"directory": folder + "/policies"}},
        "telemetry": {"disabled": True}}))
    words = [program, "server", "--config", config, "--log-level", "error"]
    bodies = [{"principal": {"id": "alice", "roles": ["user"]},
               "resources": [{"actions": ["connect"], "resource": {"kind": "resource", "id": each}}]}
              for each in RESOURCES]
    asked = protobuf((3, protobuf((1, "alice"), (3, "user"))),
                     (4, protobuf((1, "connect"),
                                  (2, protobuf((1, "resource"), (3, RESOURCES[0]))))))
    with running("cerbos", words, port, "/_cerbos/health"):
        return (load_http("cerbos", port, "/api/check/resources", bodies, "EFFECT_ALLOW", seconds),
                load_http2("cerbos", grpc_port, "/cerbos.svc.v1.CerbosService/CheckResources",
                           grpc(asked), GRPC, len("connect") + len(RESOURCES[0]), seconds))


def openfga(seconds):
    program = go_build("openfga", "github.com/openfga/openfga/cmd/openfga", "openfga-server")
    folder_of("openfga")
    port, grpc_port = free_port(), free_port()
    words = [program, "run", "--datastore-engine", "memory", "--http-addr", f"127.0.0.1:{port}",
             "--grpc-addr", f"127.0.0.1:{grpc_port}", "--playground-enabled=false",
             "--metrics-enabled=false", "--log-level", "none"]
    with running("openfga", words, port, "/healthz"):
        store = "/stores/" + call(port, "/stores", {"name": "bench"})["id"]
        model = call(port, store + "/authorization-models", {
            "schema_version": "1.1",
            "type_definitions": [
                {"type": "user"},
                {"type": "resource", "relations": {"connect": {"this": {}}},
                 "metadata": {"relations": {"connect": {
                     "directly_related_user_types": [{"type": "user"}]}}}}]})
        keys = [{"user": "user:alice", "relation": "connect", "object": "resource:" + each}
                for each in RESOURCES]
        for n in range(0, GRANTS, 100):  # as many as it takes at once
            call(port, store + "/write", {"writes": {"tuple_keys": keys[n:n + 100]}})
        model_id = model["authorization_model_id"]
        bodies = [{"tuple_key": key, "authorization_model_id": model_id} for key in keys]
        asked = protobuf((1, store.rsplit("/", 1)[1]), (4, model_id),
                         (2, protobuf((1, keys[0]["user"]), (2, "connect"), (3, keys[0]["object"]))))
        allowed = grpc(b"\x08\x01")  # what is false is not sent
        return (load_http("openfga", port, store + "/check", bodies, '"allowed":true', seconds),
                load_http2("openfga", grpc_port, "/openfga.v1.OpenFGAService/Check", grpc(asked), GRPC,
                           len(allowed), seconds))


def build_load():
    need("g++", "it compiles the load")
    build("http_load", ["g++", "-std=c++20", "-O2", "-o", OUT + "/http_load", HERE + "/http_load.cc"],
          HERE)


# Each builds and starts its server, measures it for so many seconds over HTTP/1.1 and then over
# HTTP/2, and ends it: two sets of figures. Raises Absent or Failed.
SERVERS = {"opa": opa, "cerbos": cerbos, "openfga": openfga}
