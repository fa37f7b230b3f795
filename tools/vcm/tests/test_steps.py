# SPDX-License-Identifier: GPL-2.0
"""What a step says of its end."""

import contextlib
import io
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

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


class Lock(unittest.TestCase):
    OTHER = "import steps\nwith steps.build_lock('run'):\n    print((steps.BUILD / '.lock').read_text(), end='')"

    def test_who_is_waited_for(self):
        """The second make tells whom it waits for, goes on when that ends, and is then the one to wait for."""
        with tempfile.TemporaryDirectory() as folder, mock.patch.object(steps, "BUILD", Path(folder)):
            with steps.build_lock("test"):
                other = subprocess.Popen([sys.executable, "-c", self.OTHER], stdout=subprocess.PIPE, text=True,
                                         env={**os.environ, "BUILD": folder, "PYTHONPATH": os.pathsep.join(sys.path)})
                waiting = other.stdout.readline()
            rest = other.communicate()[0]
        self.assertEqual(f"  waiting for make test (process {os.getpid()}) in {folder}\n", waiting)
        self.assertEqual(f"make run (process {other.pid})\n", rest)
        self.assertEqual(0, other.returncode)


if __name__ == "__main__":
    unittest.main()
