"""The end-to-end suite dies at every crash point that the program has: the list in the test is complete."""
import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]


class CrashPoints(unittest.TestCase):
    def test_the_list_of_the_end_to_end_suite_is_complete(self):
        passed = set()
        for room in ("core", "store", "connectors", "relay", "api", "cli"):
            for file in (ROOT / room).rglob("*.cc"):
                passed |= set(re.findall(r'pass_failpoint\("([^"]+)"[,)]', file.read_text(encoding="utf-8")))
        test = (ROOT / "tests" / "e2e" / "crash_e2etest.cc").read_text(encoding="utf-8")
        listed = re.search(r"kCrashPoints\[\] = \{(.*?)\};", test, re.DOTALL)[1]
        self.assertEqual(set(re.findall(r'"([^"]+)"', listed)), passed)


if __name__ == "__main__":
    unittest.main()
