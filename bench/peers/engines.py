"""The engines that decide in their caller's process: how each is built and run. Sources are in the
folder of its name beside this file, what is built goes to build/peers. docs/benchmarks.md says why
each is set up as it is.
"""
import glob
import os
import re
import shutil
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
OUT = ROOT + "/build/peers"
WRIT_BUILD = os.environ.get("WRIT_BENCH_BUILD", ROOT + "/build/release")
# Cargo and Maven may want to compile half a world; nothing is waited for longer.
MOST_BUILD_SECONDS = 3600


class Absent(Exception):
    """An engine cannot be had here; says why."""


class Failed(Exception):
    """An engine is here and does not do what it should; says what."""


def need(tool, what):
    if shutil.which(tool) is None:
        raise Absent(f"{tool} is not installed ({what})")


def build(name, words, folder, env=None):
    """Runs what builds an engine. Its output stays in build/peers/NAME.log."""
    os.makedirs(OUT, exist_ok=True)
    path = f"{OUT}/{name}.log"
    with open(path, "w", encoding="utf-8") as log:
        try:
            status = subprocess.run(words, cwd=folder, stdout=log, stderr=log,
                                    stdin=subprocess.DEVNULL, env={**os.environ, **(env or {})},
                                    timeout=MOST_BUILD_SECONDS, check=False).returncode
        except subprocess.TimeoutExpired:
            status = "too slow"
    if status == 0:
        return
    with open(path, encoding="utf-8", errors="replace") as log:
        lines = [line.strip() for line in log if line.strip()]
    wrong = [line for line in lines if re.search("error|cannot|could not", line, re.I)] or lines[-1:]
    reason = wrong[0][:200] if wrong else f"{words[0]} failed"
    raise Absent(f"could not be built: {reason} (all in build/peers/{name}.log)")


def go_build(name, package=".", program=None):
    need("go", "Go compiles it")
    program = f"{OUT}/{program or name}"
    build(name, ["go", "build", "-trimpath", "-ldflags=-s -w", "-o", program, package],
          f"{HERE}/{name}", {"GOFLAGS": "-buildvcs=false"})
    return program


def go_engine(name, extension):
    """An engine in Go and its policies, SCENARIO.extension in its folder."""
    def make():
        program = go_build(name)
        return lambda scenario: [program, f"{HERE}/{name}/{scenario}.{extension}"]
    return make


def cedar(scenario):
    return f"{HERE}/{scenario}.cedar"


def writ():
    programs = os.environ.get("WRIT_BENCH_PROGRAMS")  # built already, as for scripts/bench
    if programs is None:
        if not os.path.exists(WRIT_BUILD + "/build.ninja"):
            raise Absent("no optimized build; `make build` makes one")
        build("writ", ["ninja", "-C", WRIT_BUILD, "writ_runner", "writ_grants"], ROOT)
        programs = WRIT_BUILD + "/bench"

    def command(scenario):
        program = "writ_grants" if scenario == "grants" else "writ_runner"
        return [f"{programs}/{program}", cedar(scenario)]
    return command


def cedar_rust():
    need("cargo", "Rust compiles it")
    folder = OUT + "/cedar-rust"
    os.makedirs(folder, exist_ok=True)
    for name in ("Cargo.toml", "main.rs"):  # the lock file is written there
        shutil.copy2(f"{HERE}/cedar-rust/{name}", folder)  # with its time, by which cargo goes
    build("cedar-rust", ["cargo", "build", "--release", "--target-dir", OUT + "/cargo"], folder)
    return lambda scenario: [OUT + "/cargo/release/cedar-rust", cedar(scenario)]


def cedar_go():
    program = go_build("cedar-go")
    return lambda scenario: [program, cedar(scenario)]


def jdk(least):
    """The home of the newest Java compiler that is there, of at least this version."""
    found = []
    for home in {os.environ.get("JAVA_HOME", ""), *glob.glob("/usr/lib/jvm/*")}:
        if not os.path.exists(home + "/bin/javac"):
            continue
        said = subprocess.run([home + "/bin/javac", "-version"], capture_output=True, text=True,
                              check=False)
        version = re.search(r"javac (\d+)", said.stdout + said.stderr)
        if version:
            found.append((int(version[1]), os.path.realpath(home)))
    if not found or max(found)[0] < least:
        raise Absent(f"no Java compiler of version {least} or later")
    return max(found)[1]


def sapl():
    home = jdk(21)
    need("mvn", "Maven fetches it")
    folder = OUT + "/sapl"
    build("sapl", ["mvn", "-B", "-q", "-ntp", "-f", HERE + "/sapl/pom.xml", "-Dout=" + folder,
                   "compile", "dependency:copy-dependencies"], ROOT, {"JAVA_HOME": home})
    java = [home + "/bin/java", "-XX:+UseG1GC", "-Xms2g", "-Xmx8g", "-cp",
            f"{folder}/classes:{folder}/lib/*", "Sapl"]
    return lambda scenario: java + [f"{HERE}/sapl/{scenario}.sapl"]


# Each builds its engine and answers a function: the command of a scenario, which ends with the
# scenario's policies, and then wants its entities and requests, and its name. Raises Absent.
ENGINES = {
    "writ": writ,
    "cedar-rust": cedar_rust,
    "cedar-go": cedar_go,
    "sapl": sapl,
    "opa": go_engine("opa", "rego"),
    "casbin": go_engine("casbin", "conf"),
}
