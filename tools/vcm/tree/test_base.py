# SPDX-License-Identifier: GPL-2.0
"""The base that was taken stays, until another one is asked for."""

import contextlib
import io
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from tree import base


def tree(folder, version=7, patchlevel=3):
    """What has to be there for a folder to be a Linux tree."""
    (folder / "mm").mkdir(parents=True)
    (folder / "Kbuild").touch()
    (folder / "Makefile").write_text(f"VERSION = {version}\nPATCHLEVEL = {patchlevel}\nSUBLEVEL = 4\n"
                                     "EXTRAVERSION =\nNAME = None\n")
    return folder


class Base(unittest.TestCase):
    def setUp(self):
        self.home = Path(self.enterContext(tempfile.TemporaryDirectory())).resolve()
        build = self.home / "build"
        build.mkdir()
        for name, value in {"BUILD": build, "LINUX": build / "linux", "STAMP": build / "base.json",
                            "LOGS": build / "logs"}.items():
            self.enterContext(mock.patch.object(base, name, value))
        self.enterContext(mock.patch.object(base, "package_file", lambda: Path("package.deb")))
        self.enterContext(mock.patch.object(base, "unpack_package", lambda deb, to: tree(to)))

    def ensure(self, ksrc=None):
        """What it says."""
        with contextlib.redirect_stdout(io.StringIO()) as out:
            base.ensure(ksrc)
        return out.getvalue()

    def built(self):
        """Leave in the tree what a build would, to see it again."""
        (base.LINUX / "out-run").mkdir()

    def test_package_by_default(self):
        self.assertIn("Linux 7.3.4 from package", self.ensure())

    def test_ksrc_is_remembered(self):
        """A plain make after KSRC=/x make base goes on with /x and with what was built."""
        source = tree(self.home / "x")
        self.ensure(source)
        self.built()
        said = self.ensure()
        self.assertIn(f"Linux 7.3.4 from KSRC {source}", said)
        self.assertEqual(said.count("\n"), 1)
        self.assertTrue((base.LINUX / "out-run").is_dir())

    def test_same_ksrc_keeps_builds(self):
        source = tree(self.home / "x")
        self.ensure(source)
        self.built()
        self.assertIn(str(source), self.ensure(source))
        self.assertTrue((base.LINUX / "out-run").is_dir())

    def test_another_ksrc_is_taken(self):
        self.ensure()
        self.built()
        source = tree(self.home / "x")
        self.assertIn(f"KSRC {source} takes the place of package", self.ensure(source))
        self.assertFalse((base.LINUX / "out-run").exists())
        self.assertEqual(base.recorded()["base"], f"KSRC {source}")

    def test_interrupted_leaves_the_old(self):
        """What is there goes only when its successor is complete."""
        self.ensure()
        self.built()
        with mock.patch.object(base, "run", side_effect=KeyboardInterrupt), self.assertRaises(KeyboardInterrupt):
            self.ensure(tree(self.home / "x"))
        self.assertIn("package", self.ensure())
        self.assertTrue((base.LINUX / "out-run").is_dir())

    def refused(self, source):
        """Why a KSRC is; what is there is left alone."""
        self.ensure()
        self.built()
        with self.assertRaises(base.Failure) as raised:
            self.ensure(source)
        self.assertTrue((base.LINUX / "out-run").is_dir())
        return str(raised.exception)

    def test_nothing(self):
        self.assertIn("nonexistent does not exist", self.refused(self.home / "nonexistent"))

    def test_no_linux(self):
        self.assertIn("is not a Linux tree", self.refused(self.home))

    def test_another_release(self):
        self.assertIn("is Linux 6.12.4; the series is for 7.3", self.refused(tree(self.home / "x", 6, 12)))

    def test_a_longer_release(self):
        """7.30 is not 7.3"""
        self.assertIn("is Linux 7.30.4; ", self.refused(tree(self.home / "x", 7, 30)))

    def test_candidates(self):
        """A release candidate is of the release."""
        source = tree(self.home / "x")
        makefile = source / "Makefile"
        makefile.write_text(makefile.read_text().replace("EXTRAVERSION =", "EXTRAVERSION = -rc3"))
        self.assertIn("Linux 7.3.4-rc3 from KSRC", self.ensure(source))


if __name__ == "__main__":
    unittest.main()
