#!/usr/bin/python3
"""Tests of the package: run by tests/system/libwrit_test.sh, or by hand with
WRIT_LIBRARY=build/release/libwrit.so.1 PYTHONPATH=python python3 -m unittest discover python/tests"""
import doctest
import gc
import pathlib
import re
import tempfile
import threading
import unittest
import weakref

import writ
import writ.engine
import writ.library

ROOT = pathlib.Path(__file__).resolve().parents[2]
REQUEST = 'User::"alice"', 'Action::"view"', 'Doc::"plan"'
ALL = "permit (principal, action, resource);"


def load_tests(loader, tests, pattern):
    for module in (writ, writ.engine):
        tests.addTests(doctest.DocTestSuite(module))
    return tests


def declarations(text):
    """Each struct and function, without comments, in one spacing."""
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    text = re.sub(r"^#.*$|\bWRIT_API\b", "", text, flags=re.M)
    found = re.findall(r"typedef struct \w+ \{.*?\} \w+;|[\w *]+?\bwrit_\w+\([^)]*\);", text, flags=re.S)
    return {re.sub(r" ?\* ?", " *", re.sub(r"\s+", " ", each)).strip() for each in found}


class Library(unittest.TestCase):
    def test_declares_what_the_header_declares(self):
        header = declarations((ROOT / "src/embed/writ.h").read_text())
        ours = declarations((ROOT / "python/writ/library.py").read_text().split('"""')[3])
        self.assertGreater(len(header), 20)
        self.assertEqual(header, ours)

    def test_has_the_version_of_the_package(self):
        self.assertIn(f'version = "{writ.version()}"', (ROOT / "python/pyproject.toml").read_text())


class Loading(unittest.TestCase):
    def test_from_files(self):
        with tempfile.TemporaryDirectory() as folder:
            text = pathlib.Path(folder, "p.cedar")
            text.write_text("permit (principal, action, resource) when { 1 + };")
            with self.assertRaises(writ.Error) as raised:
                writ.Engine(text)
            self.assertEqual(raised.exception.where, f"{text}:1:49")
            form = pathlib.Path(folder, "p.json")
            form.write_text('{"effect": "permit", "principal": {"op": "All"}, "action": {"op": "All"},'
                            ' "resource": {"op": "All"}, "conditions": []}')
            self.assertTrue(writ.Engine(form).authorize(*REQUEST))

    def test_json_forms(self):
        policy = {"effect": "forbid", "principal": {"op": "All"}, "action": {"op": "All"},
                  "resource": {"op": "All"}, "conditions": []}
        schema = {"": {"entityTypes": {"User": {}, "Doc": {}}, "actions": {"view": {
            "appliesTo": {"principalTypes": ["User"], "resourceTypes": ["Doc"]}}}}}
        engine = writ.Engine({"staticPolicies": {"never": policy}, "templates": {}, "templateLinks": []},
                             schema=schema)
        self.assertEqual(engine.authorize(*REQUEST).reasons, ("never",))
        with self.assertRaisesRegex(writ.Error, "context"):
            engine.authorize(*REQUEST, {"unknown": 1})

    def test_a_failure_changes_nothing(self):
        engine = writ.Engine(ALL)
        with self.assertRaises(writ.Error) as raised:
            engine.load("forbid (principal, action, resource);", entities=[{"uid": 1}])
        self.assertEqual(raised.exception.where[:10], "entities#/")
        self.assertTrue(engine.authorize(*REQUEST))


class Asking(unittest.TestCase):
    def test_text_that_is_not_plain(self):
        name = "a\"\\\n\0ü😀"
        engine = writ.Engine({"effect": "permit", "principal": {"op": "==", "entity": {
            "type": "User", "id": name}}, "action": {"op": "All"}, "resource": {"op": "All"},
            "conditions": []})
        self.assertTrue(engine.authorize(("User", name), REQUEST[1], REQUEST[2]))
        self.assertFalse(engine.authorize(*REQUEST))

    def test_what_is_wrong_has_a_place(self):
        engine = writ.Engine(ALL)
        for request, where in (((*REQUEST, {"a": [None]}), "/context/a/0"),
                               ((*REQUEST, {"a": 2**63}), "request:1:"),
                               (("User", *REQUEST[1:]), "/principal"),
                               ((("User", "\ud800"), *REQUEST[1:]), "request:1:")):
            with self.assertRaises(writ.Error) as raised:
                engine.authorize(*request)
            self.assertTrue(raised.exception.where.startswith(where), raised.exception)

    def test_a_failed_forbid_is_reported(self):
        engine = writ.Engine(ALL + '@id("f") forbid (principal, action, resource) when { context.x };')
        decision = engine.authorize(*REQUEST)
        self.assertTrue(decision.allowed and decision.forbid_failed)
        self.assertEqual([each.policy for each in decision.problems], ["f"])
        self.assertEqual([each.outcome for each in engine.explain(*REQUEST)],
                         [writ.Outcome.SATISFIED, writ.Outcome.FAILED])

    def test_a_closed_engine_says_so(self):
        with writ.Engine(ALL) as engine:
            pass
        with self.assertRaisesRegex(ValueError, "closed"):
            engine.authorize(*REQUEST)

    def test_memory_goes_with_the_engine(self):
        engine = writ.Engine(ALL)
        inner = weakref.ref(engine._engine)
        del engine
        gc.collect()
        self.assertIsNone(inner())

    def test_threads_share_an_engine(self):
        sets = ['@id("a") permit (principal, action, resource);',
                '@id("b") forbid (principal, action, resource);']
        engine = writ.Engine(sets[0])
        seen = []

        def ask():
            for _ in range(200):
                decision = engine.authorize(*REQUEST)
                seen.append((decision.allowed, decision.reasons))

        askers = [threading.Thread(target=ask) for _ in range(3)]
        for each in askers:
            each.start()
        for i in range(200):
            engine.load(sets[(i + 1) % 2])
        for each in askers:
            each.join()
        self.assertEqual(len(seen), 600)
        self.assertLessEqual(set(seen), {(True, ("a",)), (False, ("b",))})


if __name__ == "__main__":
    unittest.main()
