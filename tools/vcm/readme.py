#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Keep the example in README.md equal to the file that the tests build, and quote the benchmark.

  readme.py          exits with 1 and says so when they differ
  readme.py --write  takes the example over
"""

import pathlib
import re
import sys

TOP = pathlib.Path(__file__).resolve().parents[2]
README = TOP / "README.md"
BLOCK = re.compile(r"(<!-- example: from (\S+) -->\n```c\n)(.*?)(```\n<!-- example: end -->)", re.S)
BENCH = re.compile(r"(<!-- bench: begin -->\n)(.*?)(<!-- bench: end -->)", re.S)
SOURCE = re.compile(r"/\* example: begin \*/\n(.*?)/\* example: end \*/", re.S)


def filled(text):
    """README's text with the example as the source file has it."""

    def example(match):
        source = SOURCE.search((TOP / match[2]).read_text())
        return match[1] + source[1].strip("\n").expandtabs() + "\n" + match[4]

    return BLOCK.sub(example, text)


def quoted(text, block):
    """README's text with the benchmark's summary."""
    return BENCH.sub(lambda match: match[1] + block + match[3], text)


def quote(block):
    """Take the benchmark's summary over. Returns whether README has the markers for it."""
    have = README.read_text()
    if not BENCH.search(have):
        return False
    README.write_text(quoted(have, block))
    return True


def current():
    """Whether README has its example, as it is in the source file."""
    have = README.read_text()
    return bool(BLOCK.search(have)) and have == filled(have)


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        README.write_text(filled(README.read_text()))
    if not current():
        sys.exit("README.md: the example is missing or differs from its source")
