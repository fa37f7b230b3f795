# SPDX-License-Identifier: GPL-2.0
"""A build of no object, and a list of no export, are errors."""

import contextlib
import io
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from common.arch import ARM_LPAE
from common.steps import Failure
from kernel import kbuild
from verify import objects
from verify.results import Results


class Nothing(unittest.TestCase):
    def test_no_object(self):
        with (mock.patch.object(kbuild, "configure"), mock.patch.object(objects, "run") as run,
              mock.patch.object(objects, "listed", return_value=([], [])),
              self.assertRaisesRegex(Failure, "arm-lpae: the Makefiles name no object")):
            objects.build(Results(), "gcc", ARM_LPAE)
        run.assert_not_called()

    def exports(self, exported, used):
        """Return what fails if the objects export and the modules use these symbols."""
        results = Results()
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
            folder = Path(folder)
            for name in ("Module.symvers", "modpost-gcc.log"):
                (folder / name).write_text("")
            with (mock.patch.object(kbuild, "out", lambda name: folder), mock.patch.object(objects, "LOGS", folder),
                  mock.patch.object(objects, "run", return_value=0),
                  mock.patch.object(objects, "symbols",
                                    lambda f, names, flag, prefix="": used if flag == "-u" else exported)):
                objects.modpost(results, "gcc", folder, [], [])
        return results.failed

    def test_exports(self):
        self.assertEqual(self.exports({"vcm_a"}, {"vcm_a", "printk"}), [])
        self.assertEqual(self.exports({"vcm_a", "vcm_b"}, {"vcm_a"}), ["exports used gcc"])
        self.assertEqual(self.exports(set(), {"printk"}), ["exports used gcc"])


if __name__ == "__main__":
    unittest.main()
