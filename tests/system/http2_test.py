#!/usr/bin/env python3
"""HTTP/2 by ALPN, with clients that are not Writ's: curl, Go's net/http, nghttp. The same answers as on
HTTP/1.1; many requests at once; a client that floods, and one whose server dies with its requests under
way."""
import json
import re
import shutil
import socket
import ssl
import struct
import threading

from world import READER, World, check, eventually, main, say

# Asks AT_ONCE questions side by side, again and again, on one connection; prints the protocol of each
# answer, its status and the entry of its decision. Ends when a request fails, or after COUNT.
GO = """
package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
)

func main() {
	certificate, err := tls.LoadX509KeyPair(os.Args[1], os.Args[2])
	if err != nil {
		panic(err)
	}
	pem, _ := os.ReadFile(os.Args[3])
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	url, body := os.Args[4], os.Args[5]
	atOnce, _ := strconv.Atoi(os.Args[6])
	count, _ := strconv.Atoi(os.Args[7])
	client := &http.Client{Transport: &http.Transport{
		ForceAttemptHTTP2: true,
		MaxConnsPerHost:   1,
		TLSClientConfig:   &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{certificate}},
	}}
	var all sync.WaitGroup
	var out sync.Mutex
	for i := 0; i < atOnce; i++ {
		all.Add(1)
		go func() {
			defer all.Done()
			for n := 0; n < count/atOnce; n++ {
				answer, err := client.Post(url, "application/json", strings.NewReader(body))
				if err != nil {
					return
				}
				var said struct{ Context struct{ Entry int } }
				err = json.NewDecoder(answer.Body).Decode(&said)
				answer.Body.Close()
				if err != nil {
					return
				}
				out.Lock()
				fmt.Println(answer.Proto, answer.StatusCode, said.Context.Entry)
				out.Unlock()
			}
		}()
	}
	all.Wait()
}
"""


class Clients:
    def __init__(self, world):
        self.world = world
        self.ivy = world.auditor()
        self.eve = world.device("eve", "engineering")
        self.url = f"https://127.0.0.1:{world.api_port}"
        self.identity = self.eve.call("GET", "/v1/whoami")[1]["identity"]
        self.question = json.dumps({
            "subject": {"type": "identity", "id": self.identity},
            "action": {"name": "request"}, "resource": {"type": "entitlement", "id": READER}})

    def curl(self, *words):
        """Protocol version, status and body."""
        ran = self.world.run(["curl", "-sS", "--cert", self.eve.certificate, "--key", self.eve.key,
                              "--cacert", self.eve.roots, "-w", "\n%{http_version} %{http_code}",
                              *words])
        check(ran.status == 0, str(ran))
        body, _, last = ran.out.rpartition("\n")
        return [*last.split(), body]

    def speaks_both(self):
        say("# curl, on both protocols: the same answer")
        two = self.curl("--http2", self.url + "/v1/whoami")
        one = self.curl("--http1.1", self.url + "/v1/whoami")
        check(two[:2] == ["2", "200"] and one[:2] == ["1.1", "200"], f"{two} {one}")
        whose = [json.loads(said[2])["identity"] for said in (one, two)]
        check(whose == 2 * [self.identity], str(whose))
        for path, status in (("/none", "404"), ("/v1/commands", "405")):
            two, one = (self.curl(how, self.url + path) for how in ("--http2", "--http1.1"))
            check(two == ["2", *one[1:]] and two[1] == status, f"{two} {one}")
        large = self.world.box / "large"
        large.write_bytes(b"x" * 1_100_000)
        version, status, body = self.curl("--http2", "--data-binary", f"@{large}",
                                          self.url + "/v1/commands")
        check((version, status) == ("2", "413"), f"{version} {status} {body}")

    def streams_fall_back(self):
        say("# A line stream is HTTP/1.1: curl is told so, and asks again")
        version, status, body = self.curl("--http2", self.url + "/v1/door/stream")
        check((version, status) == ("1.1", "426"), f"{version} {status} {body}")

    def nghttp_asks(self):
        if shutil.which("nghttp") is None:
            return say("# nghttp is not installed: left out")
        say("# nghttp: fifty requests at once")
        ran = self.world.run(["nghttp", "-n", "-s", "-m", "50", f"--cert={self.eve.certificate}",
                              f"--key={self.eve.key}", self.url + "/v1/whoami"])
        check(ran.status == 0 and len(re.findall(r" 200 .*/v1/whoami", ran.out)) == 50, str(ran))

    def go(self, at_once, count):
        program = self.world.box / "ask.go"
        program.write_text(GO)
        return ["go", "run", program, self.eve.certificate, self.eve.key, self.eve.roots,
                self.url + "/access/v1/evaluation", self.question, at_once, count]

    def go_asks(self):
        say("# Go: 4,000 decisions, fifty at once, on one connection")
        ran = self.world.run([str(word) for word in self.go(50, 4000)], timeout=300)
        answers = [line.split() for line in ran.out.splitlines()]
        check(len(answers) == 4000 and {tuple(a[:2]) for a in answers} == {("HTTP/2.0", "200")},
              ran.out[:500] + ran.err[:500])
        check(len({a[2] for a in answers}) == 4000, "each decision has an entry of its own")

    # ---- Those who do not mean well, and bad luck ----

    def hears_a_flood_out(self):
        say("# Requests that are reset as soon as they are asked: the connection ends, others go on")
        context = self.eve.tls()
        context.set_alpn_protocols(["h2"])
        with socket.create_connection(("127.0.0.1", self.world.api_port), timeout=30) as plain:
            with context.wrap_socket(plain) as wire:
                check(wire.selected_alpn_protocol() == "h2", "no h2")
                wire.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0, b""))
                # GET https://x/v1/whoami
                head = b"\x82\x87\x41\x01x\x44\x0a/v1/whoami"
                seen = b""
                try:
                    for stream in range(1, 8001, 2):
                        wire.sendall(frame(1, 5, stream, head) +
                                     frame(3, 0, stream, struct.pack("!I", 8)))
                except (ConnectionError, ssl.SSLError):
                    pass
                try:
                    while got := wire.recv(65536):
                        seen += got
                except (ConnectionError, ssl.SSLError):
                    pass
        farewells = [payload for kind, payload in frames(seen) if kind == 7]
        check(farewells and struct.unpack("!I", farewells[-1][4:8])[0] == 11,
              f"this should end with ENHANCE_YOUR_CALM: {seen[-80:]!r}")
        check(self.curl("--http2", self.url + "/v1/whoami")[1] == "200", "others are served")

    def dies_under_requests(self):
        say("# The server dies under requests: no answer without its entry")
        told = []

        def ask():
            ran = self.world.run([str(word) for word in self.go(50, 1_000_000)], timeout=300)
            told.extend(int(line.split()[2]) for line in ran.out.splitlines())

        before = self.ivy.log_size("decisions")
        asking = threading.Thread(target=ask)
        asking.start()
        eventually("there are decisions", lambda: self.ivy.log_size("decisions") > before + 2000)
        self.world.kill("server")
        asking.join()
        self.world.start_server()
        size = self.ivy.log_size("decisions")
        check(told and max(told) < size, f"{len(told)} answers, the last {max(told, default=0)}; "
              f"the log has {size} entries")
        self.world.writ("ada", "evidence", "verify")


def frame(kind, flags, stream, payload):
    return struct.pack("!I", len(payload))[1:] + bytes([kind, flags]) + struct.pack("!I", stream) + payload


def frames(octets):
    while len(octets) >= 9:
        size = int.from_bytes(octets[:3], "big")
        yield octets[3], octets[9:9 + size]
        octets = octets[9 + size:]


def test():
    with World(people=("dora",), door=False) as world:
        clients = Clients(world)
        clients.speaks_both()
        clients.streams_fall_back()
        clients.nghttp_asks()
        clients.hears_a_flood_out()
        if shutil.which("go") is None:
            return say("# Go is not installed: left out")
        clients.go_asks()
        clients.dies_under_requests()


main(test)
