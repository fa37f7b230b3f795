#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Copy the example that the tests build into README.md, and the benchmark's summary into README.md
and the documentation.

  tools/vcm/common/readme.py          exit with 1 if README's example differs from its source
  tools/vcm/common/readme.py --write  copy the example into README
"""

import pathlib
import re
import sys

TOP = pathlib.Path(__file__).resolve().parents[3]
README = TOP / "README.md"
RATIONALE = TOP / "Documentation/core-api/vcm-rationale.rst"
BLOCK = re.compile(r"(<!-- example: from (\S+) -->\n```c\n)(.*?)(```\n<!-- example: end -->)", re.S)
BENCH = re.compile(r"(<!-- bench: begin -->\n)(.*?)(<!-- bench: end -->)", re.S)
BENCH_RST = re.compile(r"(\.\. bench: begin\n\n)(.*?)(\n\.\. bench: end\n)", re.S)
SOURCE = re.compile(r"/\* example: begin \*/\n(.*?)/\* example: end \*/", re.S)


def filled(text):
    """Return README's text with the example copied from its source file."""

    def example(match):
        source = SOURCE.search((TOP / match[2]).read_text())
        return match[1] + source[1].strip("\n").expandtabs() + "\n" + match[4]

    return BLOCK.sub(example, text)


def quoted(text, marks, block):
    """Return a text with the benchmark's summary between its marks."""
    return marks.sub(lambda match: match[1] + block + match[3], text)


def quote(markdown, rest):
    """Write the benchmark's summary into README and the documentation. Return the files that have marks for it."""
    written = []
    for file, marks, block in ((README, BENCH, markdown), (RATIONALE, BENCH_RST, rest)):
        have = file.read_text()
        if marks.search(have):
            file.write_text(quoted(have, marks, block))
            written.append(file)
    return written


def current():
    """Return true if README's example equals its source file."""
    have = README.read_text()
    return bool(BLOCK.search(have)) and have == filled(have)


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        README.write_text(filled(README.read_text()))
    if not current():
        sys.exit("README.md: the example is missing or differs from its source")
