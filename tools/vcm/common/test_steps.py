# SPDX-License-Identifier: GPL-2.0
"""Results of steps, the lock of the build folder, and errors that the user can correct."""

import contextlib
import errno
import io
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from common import steps


class Ends(unittest.TestCase):
    def said(self, why=None):
        """Return the last line that a step prints; @why: the exception that ends it."""
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
        """^C is not a failure of the step, and is raised again."""
        self.assertIn("a step: interrupted", self.said(KeyboardInterrupt()))


class Lock(unittest.TestCase):
    OTHER = "from common import steps\nwith steps.build_lock('run'):\n    print((steps.BUILD / '.lock').read_text(), end='')"

    def test_who_is_waited_for(self):
        """The second make names the first, continues when that ends, and then holds the lock."""
        with tempfile.TemporaryDirectory() as folder, mock.patch.object(steps, "BUILD", Path(folder)):
            with steps.build_lock("test"):
                other = subprocess.Popen([sys.executable, "-c", self.OTHER], stdout=subprocess.PIPE, text=True,
                                         env={**os.environ, "BUILD": folder, "PYTHONPATH": os.pathsep.join(sys.path)})
                waiting = other.stdout.readline()
            rest = other.communicate()[0]
        self.assertEqual(f"  waiting for make test (process {os.getpid()}) in {folder}\n", waiting)
        self.assertEqual(f"make run (process {other.pid})\n", rest)
        self.assertEqual(0, other.returncode)


class Unwritable(unittest.TestCase):
    """If a folder cannot be written, the message says what to do."""

    def told(self, error):
        failure = steps.unwritable(error)
        return failure and [str(failure), *failure.lines]

    def make(self, **env):
        """Run a make that fails before it holds the lock. Return its status and its error lines."""
        done = subprocess.run([sys.executable, steps.REPO / "tools/vcm/vcm.py", "deps"], capture_output=True,
                              text=True, env={**os.environ, **env})
        return done.returncode, done.stderr.splitlines()

    def test_build(self):
        what, *lines = self.told(PermissionError(errno.EACCES, "Permission denied", str(steps.BUILD / ".lock")))
        self.assertEqual(f"cannot write {steps.shown(steps.BUILD / '.lock')}: Permission denied", what)
        self.assertIn("give BUILD=folder to build in another one", lines)

    def test_cache(self):
        lines = self.told(PermissionError(errno.EACCES, "Permission denied", str(steps.CACHE / "apt")))[1:]
        self.assertIn("give XDG_CACHE_HOME=folder for another cache", lines)

    def test_on_the_way(self):
        """mkdir names the first folder that it could not create."""
        with mock.patch.object(steps, "INSTEAD", {Path("/a/b/build"): "give"}):
            for number in (errno.EROFS, errno.ENOENT):
                self.assertEqual(["cannot write /a: no", "give"], self.told(OSError(number, "no", "/a")))

    def test_full(self):
        """The error of a write has no file name."""
        self.assertEqual(3, len(self.told(OSError(errno.ENOSPC, "No space left on device"))))

    def test_the_tools_own(self):
        """A missing program or file is a bug of the tools and gives a traceback."""
        self.assertIsNone(self.told(FileNotFoundError(errno.ENOENT, "none", str(steps.BUILD / "x"))))
        self.assertIsNone(self.told(PermissionError(errno.EACCES, "no", "/elsewhere/x")))

    def test_build_is_a_file(self):
        with tempfile.NamedTemporaryFile() as file:
            for build in (file.name, f"{file.name}/below"):
                status, lines = self.make(BUILD=build)
                self.assertEqual(1, status)
                self.assertRegex(lines[0], f"^FAILED: cannot write {build}: ")
                self.assertEqual("    give BUILD=folder to build in another one", lines[1])
                self.assertEqual(2, len(lines))


if __name__ == "__main__":
    unittest.main()
