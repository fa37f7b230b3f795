# SPDX-License-Identifier: GPL-2.0
"""The base stays until KSRC names another one."""

import contextlib
import io
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from tree import base


def tree(folder, version=7, patchlevel=3):
    """Create the files that make a folder a Linux tree."""
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
        """Return what base.ensure() prints."""
        with contextlib.redirect_stdout(io.StringIO()) as out:
            base.ensure(ksrc)
        return out.getvalue()

    def built(self):
        """Create a build's folder in the tree; a later check looks for it."""
        (base.LINUX / "out-run").mkdir()

    def test_package_by_default(self):
        self.assertIn("Linux 7.3.4 from package", self.ensure())

    def test_ksrc_is_remembered(self):
        """After KSRC=/x make base, a plain make continues with /x and its builds."""
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
        self.assertIn(f"KSRC {source} replaces package", self.ensure(source))
        self.assertFalse((base.LINUX / "out-run").exists())
        self.assertEqual(base.recorded()["base"], f"KSRC {source}")

    def test_interrupted_leaves_the_old(self):
        """The old base is removed only after the new one is complete."""
        self.ensure()
        self.built()
        with mock.patch.object(base, "run", side_effect=KeyboardInterrupt), self.assertRaises(KeyboardInterrupt):
            self.ensure(tree(self.home / "x"))
        self.assertIn("package", self.ensure())
        self.assertTrue((base.LINUX / "out-run").is_dir())

    def refused(self, source):
        """Return why a KSRC is refused. The base must be unchanged."""
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
        """A release candidate counts as the release."""
        source = tree(self.home / "x")
        makefile = source / "Makefile"
        makefile.write_text(makefile.read_text().replace("EXTRAVERSION =", "EXTRAVERSION = -rc3"))
        self.assertIn("Linux 7.3.4-rc3 from KSRC", self.ensure(source))


if __name__ == "__main__":
    unittest.main()
