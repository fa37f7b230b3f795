# SPDX-License-Identifier: GPL-2.0
"""make series-check: check that the series can be sent; and the quick part of it, which gates."""

import re
import subprocess

from common.arch import ARM64
from common.steps import REPO
from series import branch, commit_build, commit_kunit, documents, manifest, patches
from series.branch import TREE
from tree import base, overlay
from verify import checks
from verify.results import Results

ENTRY = re.search(r"^(?!\w:).+", (REPO / "MAINTAINERS").read_text(), re.M)[0]
#: checkpatch asks for each new file if MAINTAINERS needs an entry; get_maintainer.pl checks that
IGNORED = "FILE_PATH_CHANGES"


def hunks(file):
    """Yield (path, removed lines, added lines) of each file of a patch."""
    for part in re.split(r"(?m)^diff --git ", file.read_text())[1:]:
        path = re.match(r"a/(\S+)", part)[1]
        lines = re.sub(r"(?m)^-- \n.*", "", "".join(re.split(r"(?m)^(?=@@ )", part)[1:]), flags=re.S).splitlines()
        yield path, [l[1:] for l in lines if l.startswith("-")], [l[1:] for l in lines if l.startswith("+")]


def foreign(file, kernel_has):
    """Yield the changes of a patch to the kernel's files, except added lines of VCM's own."""
    for path, gone, new in hunks(file):
        if not kernel_has(path):
            continue
        ours = {line.strip() for line in (REPO / path).read_text().splitlines()}
        yield from (f"{path}: -{line}" for line in gone)
        yield from (f"{path}: +{line}" for line in new if line.strip() not in {"", *ours})


def checkpatch_one(file):
    signoff = [] if "\nSigned-off-by: " in file.read_text() else ["--no-signoff"]
    good, lines = checks.checkpatch(TREE, "--ignore", IGNORED, *signoff, file)
    return file.name, good and not lines, lines


def maintained_one(name):
    """Check that get_maintainer.pl finds VCM for a patch, or for a file of the tree."""
    which = [name] if str(name).endswith(".patch") else ["-f", name]
    out = subprocess.run(["perl", "scripts/get_maintainer.pl", "--nogit", "--nogit-fallback", "--sections", *which],
                         cwd=TREE, capture_output=True, text=True)
    found = ENTRY in out.stdout.splitlines()
    return name, found, [] if found else [f"{name}: {ENTRY} is not found", *out.stderr.splitlines()]


def same(results):
    """Check that the last commit equals the repository."""
    different = []
    for name in overlay.repo_files():
        before = patches.pristine(base.LINUX, name) if name in overlay.MERGE else ""
        path = TREE / name
        text = manifest.content(name, None, before)
        if not path.exists() or path.read_text() != text:
            different.append(name)
    results.add("series: the last commit equals the repository", not different, ", ".join(different))


def own_lines(results, files, kernel_has):
    for file in files:
        bad = list(foreign(file, kernel_has))
        results.add(f"series {file.stem}: only VCM's own lines", not bad, "\n".join(["", *bad]))


def applied(results, each_file):
    """Make and apply the series, and check it without building. Return the repository and each (patch, commit)."""
    folder = patches.tree()
    files = patches.make(patches.FOLDER / "patches", base.LINUX)
    git = branch.prepare(folder)
    names = overlay.repo_files()
    kernel_has = {name for name in names if (TREE / name).exists()}
    commits = branch.apply(git, files)
    results.add("series: git am", len(commits) == len(files))
    if folder == base.LINUX:
        same(results)
    own_lines(results, files, kernel_has.__contains__)
    largest_first = sorted(files, key=lambda file: -file.stat().st_size)
    checks.each(results, "checkpatch, patches", checkpatch_one, largest_first)
    # a file that the kernel has too has other maintainers
    new = [name for name in names if name not in kernel_has]
    checks.each(results, "get_maintainer.pl", maintained_one, new if each_file else files)
    return git, list(zip(files, commits))


def each_commit(git, commits):
    """Check out each commit in turn. Yield its name."""
    for number, (file, commit) in enumerate(commits, 1):
        branch.check_out(git, commit)
        print(f"  {number}/{len(commits)} {file.stem}", flush=True)
        yield f"series {file.stem}"


def did_something(results, what, done):
    """Fail if no commit had anything for a check: the first ones have not, the last one must."""
    results.add(f"series: {what}", any(done), "of no commit")


def quick(results):
    """Run the part that gates every change."""
    commits = each_commit(*applied(results, each_file=False))
    did_something(results, "objects compiled",
                  [commit_build.compile_objects(results, where, ARM64, "m") for where in commits])


def whole(results, where, before):
    """Build and test one commit. Return whether each check had something to do."""
    done = {}
    for arch in commit_build.ARCHES:
        for value in ("y", "m"):
            done[f"objects compiled, {arch.name}, VCM={value}"] = commit_build.compile_objects(results, where, arch,
                                                                                               value)
        results.add(f"{where}: {arch.name} without VCM is as before", commit_build.without(arch) == before[arch])
    commit_build.link(results, where)
    done["modules linked"] = commit_build.modules_link(results, where)
    done["KUnit suites run"] = commit_kunit.run_suites(results, where)
    return done


def everything(results):
    git, commits = applied(results, each_file=True)
    branch.check_out(git, "base")
    before = {arch: commit_build.without(arch) for arch in commit_build.ARCHES}
    done = {}
    for where in each_commit(git, commits):
        with results.section(where):
            for what, something in whole(results, where, before).items():
                done.setdefault(what, []).append(something)
    for what, somethings in done.items():
        did_something(results, what, somethings)
    documents.run_all(results)


def check():
    """Run make series-check."""
    results = Results()
    with results.section("series"):
        everything(results)
    if not results.show():
        raise SystemExit(1)
