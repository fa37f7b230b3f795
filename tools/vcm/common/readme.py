#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Keep the example in README.md equal to the file that the tests build, and quote the benchmark
there and in the documentation.

  readme.py          exits with 1 and says so when they differ
  readme.py --write  takes the example over
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
    """README's text with the example as the source file has it."""

    def example(match):
        source = SOURCE.search((TOP / match[2]).read_text())
        return match[1] + source[1].strip("\n").expandtabs() + "\n" + match[4]

    return BLOCK.sub(example, text)


def quoted(text, marks, block):
    """A text with the benchmark's summary between its marks."""
    return marks.sub(lambda match: match[1] + block + match[3], text)


def quote(markdown, rest):
    """Take the benchmark's summary over, in both languages. Returns the files that have a place for it."""
    written = []
    for file, marks, block in ((README, BENCH, markdown), (RATIONALE, BENCH_RST, rest)):
        have = file.read_text()
        if marks.search(have):
            file.write_text(quoted(have, marks, block))
            written.append(file)
    return written


def current():
    """Whether README has its example, as it is in the source file."""
    have = README.read_text()
    return bool(BLOCK.search(have)) and have == filled(have)


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        README.write_text(filled(README.read_text()))
    if not current():
        sys.exit("README.md: the example is missing or differs from its source")
