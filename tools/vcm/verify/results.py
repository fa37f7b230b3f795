# SPDX-License-Identifier: GPL-2.0
"""Counted results of everything that gates."""

import contextlib
import json
import traceback

from common.steps import BUILD, Failure

#: what the last complete run counted, for the cover letter of the series
MATRIX = BUILD / "test.json"


class Results:
    def __init__(self):
        self.passed = 0
        self.failed = []
        self.skipped = 0
        self.title = "other"
        self.rows = {}

    def note(self, passed=0, failed=0, skipped=0):
        """Counted under the present title, too."""
        row = self.rows.setdefault(self.title, [0, 0, 0])
        self.rows[self.title] = [n + more for n, more in zip(row, (passed, failed, skipped))]

    @contextlib.contextmanager
    def under(self, title):
        """What is counted meanwhile has this title in the matrix."""
        before, self.title = self.title, title
        try:
            yield
        finally:
            self.title = before

    def add(self, name, good, why=""):
        """One test; a failed one is shown at once."""
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
        """Tests that could not be made."""
        for name in names:
            with self.under(name):
                self.count(failed=[name])

    @contextlib.contextmanager
    def section(self, *names):
        """Tests that all fail when what they stand on fails; the first name is their title."""
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
        """For make series: title, passed, failed, skipped."""
        MATRIX.write_text(json.dumps({"rows": [[title, *counts] for title, counts in self.rows.items()]}) + "\n")

    def show(self):
        """The last lines of a run. Returns whether all is well."""
        if self.failed:
            print("\nfailed:\n" + "\n".join(f"  {name}" for name in self.failed))
        if self.skipped:
            print(f"{self.skipped} KUnit cases skipped")
        print(f"{self.passed} passed, {len(self.failed)} failed", flush=True)
        return not self.failed
