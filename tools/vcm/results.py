# SPDX-License-Identifier: GPL-2.0
"""Counted results of everything that gates."""

import contextlib
import traceback

from steps import Failure


class Results:
    def __init__(self):
        self.passed = 0
        self.failed = []
        self.skipped = 0

    def add(self, name, good, why=""):
        """One test; a failed one is shown at once."""
        if good:
            self.passed += 1
            return
        self.failed.append(name)
        print(f"  FAILED {name}" + (f": {why}" if why else ""), flush=True)

    def count(self, passed=0, failed=(), skipped=0):
        self.passed += passed
        self.failed += failed
        self.skipped += skipped

    @contextlib.contextmanager
    def section(self, *names):
        """Tests that all fail when what they stand on fails."""
        try:
            yield
        except Failure as failure:
            failure.show()
            self.failed += names
        except Exception:
            traceback.print_exc()
            self.failed += names

    def show(self):
        """The last lines of a run. Returns whether all is well."""
        if self.failed:
            print("\nfailed:\n" + "\n".join(f"  {name}" for name in self.failed))
        if self.skipped:
            print(f"{self.skipped} KUnit cases skipped")
        print(f"{self.passed} passed, {len(self.failed)} failed", flush=True)
        return not self.failed
