# SPDX-License-Identifier: GPL-2.0
"""What a step says of its end."""

import contextlib
import io
import unittest

import steps


class Ends(unittest.TestCase):
    def said(self, why=None):
        """Of a step that an exception ends."""
        with contextlib.redirect_stdout(io.StringIO()) as out:
            try:
                with steps.progress("a step"):
                    if why:
                        raise why
            except BaseException as raised:
                self.assertIs(raised, why)
        return out.getvalue().splitlines()[-1]

    def test_done(self):
        self.assertIn("a step: done", self.said())

    def test_failed(self):
        self.assertIn("a step: FAILED", self.said(steps.Failure("x")))

    def test_interrupted(self):
        """^C is no failure of the step, and goes on to who ends the run."""
        self.assertIn("a step: interrupted", self.said(KeyboardInterrupt()))


if __name__ == "__main__":
    unittest.main()
