#!/usr/bin/env python3
"""scripts/bench-peers works and sees what it must: Writ answers all scenarios, an engine that cannot
be had is named, and engines that answer differently are an error. Measures nothing.
"""
import importlib.machinery
import importlib.util
import json
import os
import subprocess
import sys
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SCRIPT = ROOT + "/scripts/bench-peers"


def module():
    sys.dont_write_bytecode = True
    loader = importlib.machinery.SourceFileLoader("bench_peers", SCRIPT)
    made = importlib.util.module_from_spec(importlib.util.spec_from_loader("bench_peers", loader))
    loader.exec_module(made)
    return made


class BenchPeers(unittest.TestCase):
    def test_writ_answers_every_scenario(self):
        done = subprocess.run([sys.executable, SCRIPT, "--quick", "writ", "gdrive", "github",
                               "tinytodo", "grants"], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        with open(ROOT + "/build/bench-peers-quick.json", encoding="utf-8") as found:
            figures = json.load(found)
        self.assertEqual(list(figures), ["gdrive", "github", "tinytodo", "grants-10", "grants-100"])
        for scenario, engines in figures.items():
            self.assertGreater(engines["writ"]["p99_ns"], 0, scenario)
            self.assertGreaterEqual(engines["writ"]["p99_ns"], engines["writ"]["median_ns"], scenario)
            self.assertIn(scenario, done.stdout)

    def test_an_engine_that_cannot_be_had_is_named(self):
        bench = module()

        def nowhere():
            raise bench.Absent("nowhere to be had")

        bench.ENGINES.clear()
        bench.ENGINES["other"] = nowhere
        run = bench.Run(["other"], ["gdrive"], True)
        run.in_process()
        self.assertEqual(run.found, {"gdrive": {"other": {"absent": "nowhere to be had"}}})
        self.assertTrue(run.good)

    def test_different_answers_are_an_error(self):
        bench = module()
        run = bench.Run([], [], True)
        said = {"scenario": "gdrive", "median_ns": 1, "p99_ns": 2, "requests": 500, "allows": 100}
        run.note("gdrive", "writ", {**said, "engine": "writ", "decisions": "a"})
        run.note("gdrive", "same", {**said, "engine": "same", "decisions": "a"})
        run.note("gdrive", "other", {**said, "engine": "other", "decisions": "b"})
        run.compare()
        self.assertEqual(run.found["gdrive"]["same"], {"median_ns": 1, "p99_ns": 2})
        self.assertIn("answers otherwise than writ", run.found["gdrive"]["other"]["error"])
        self.assertFalse(run.good)

    def test_what_takes_too_long_is_stopped(self):
        with self.assertRaisesRegex(TimeoutError, "not through in 0.2 s"):
            module().measured(["sleep", "60"], 0.2)


if __name__ == "__main__":
    unittest.main(verbosity=2)
