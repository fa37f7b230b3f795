# SPDX-License-Identifier: GPL-2.0
"""Count the results of everything that gates a change."""

import contextlib
import json
import traceback

from common.steps import BUILD, Failure

#: the counts of the last complete run, for the cover letter of the series
MATRIX = BUILD / "test.json"


class Results:
    def __init__(self):
        self.passed = 0
        self.failed = []
        self.skipped = 0
        #: suite.case of each KUnit case that ran
        self.ran = set()
        self.title = "other"
        self.rows = {}

    def note(self, passed=0, failed=0, skipped=0):
        """Add to the counts of the current title."""
        row = self.rows.setdefault(self.title, [0, 0, 0])
        self.rows[self.title] = [n + more for n, more in zip(row, (passed, failed, skipped))]

    @contextlib.contextmanager
    def under(self, title):
        """Count under this title until the end of the block."""
        before, self.title = self.title, title
        try:
            yield
        finally:
            self.title = before

    def add(self, name, good, why=""):
        """Count one test. Show a failed one at once."""
        self.note(passed=int(bool(good)), failed=int(not good))
        if good:
            self.passed += 1
            return
        self.failed.append(name)
        print(f"  FAILED {name}" + (f": {why}" if why else ""), flush=True)

    def count(self, passed=0, failed=(), skipped=0):
        self.passed += passed
        self.failed += failed
        self.skipped += skipped
        self.note(passed, len(failed), skipped)

    def lost(self, names):
        """Count tests that could not run as failed."""
        for name in names:
            with self.under(name):
                self.count(failed=[name])

    @contextlib.contextmanager
    def section(self, *names):
        """Run tests with the first name as their title. If an exception ends them, count each name as failed."""
        with self.under(names[0]):
            try:
                yield
            except Failure as failure:
                failure.show()
                self.lost(names)
            except Exception:
                traceback.print_exc()
                self.lost(names)

    def save(self):
        """Save title, passed, failed and skipped for make series."""
        MATRIX.write_text(json.dumps({"rows": [[title, *counts] for title, counts in self.rows.items()]}) + "\n")

    def show(self):
        """Print the last lines of a run. Return true if nothing failed."""
        if self.failed:
            print("\nfailed:\n" + "\n".join(f"  {name}" for name in self.failed))
        if self.skipped:
            print(f"{self.skipped} KUnit cases skipped")
        print(f"{self.passed} passed, {len(self.failed)} failed", flush=True)
        return not self.failed
