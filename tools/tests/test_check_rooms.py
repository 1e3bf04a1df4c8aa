"""tools/check-rooms finds what it is there for, at its line, and nothing else."""

import importlib.machinery
import importlib.util
import pathlib
import unittest

TOOLS = pathlib.Path(__file__).resolve().parent.parent


def load():
    """The check as a module, though its name has no .py."""
    loader = importlib.machinery.SourceFileLoader("check_rooms", str(TOOLS / "check-rooms"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("check_rooms", loader))
    loader.exec_module(module)
    return module


class CheckRooms(unittest.TestCase):
    def setUp(self):
        self.check = load()

    def lines(self, text):
        return [number for number, _ in self.check.breaches(text, {"Base", "Audio"})]

    def test_rooms_are_read_from_the_package(self):
        rooms = self.check.allowed_imports(
            'targets += room("Base")\ntargets += room("Audio", ["Base", "COpus"])\n'
            'targets += room(\n    "Media",\n    [\n        "Base", "Audio",\n    ])\n')
        self.assertEqual(
            rooms, {"Base": set(), "Audio": {"Base", "COpus"}, "Media": {"Base", "Audio"}})

    def test_every_form_of_a_forbidden_import(self):
        for line in [
            "import Foundation", "internal import Foundation", "public import NIOCore",
            "@preconcurrency import Dispatch", "import struct Foundation.Date",
            "@_exported public import Glibc", "  private import Media",
        ]:
            self.assertEqual(self.lines(f"import Base\n{line}\n"), [2], line)

    def test_allowed_imports_and_comments_pass(self):
        self.assertEqual(self.lines(
            "public import Base\ninternal import Audio\ninternal import Synchronization\n"
            "// import Foundation\n/* import Glibc\nimport NIOCore */\n"
            'let text = "import Foundation; print(x)"\n'), [])

    def test_clocks_tasks_randomness_and_output(self):
        for line in [
            "let now = ContinuousClock.now", "Task { await x() }", "Task.detached { }",
            "var g = SystemRandomNumberGenerator()", "let n = Int.random(in: 0..<5)",
            "items.shuffled()", "print(value)", "DispatchQueue.main.async {}",
        ]:
            self.assertEqual(self.lines(f"import Base\n\n{line}\n"), [3], line)

    def test_seeded_randomness_and_like_sounding_names_pass(self):
        self.assertEqual(self.lines(
            "let n = Int.random(in: 0..<5, using: &generator)\nlet task = MediaTask(id: 1)\n"
            "writer.print(x)\nfunc fingerprint() {}\nlet a = fingerprint()\n"), [])


if __name__ == "__main__":
    unittest.main()
