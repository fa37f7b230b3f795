# SPDX-License-Identifier: GPL-2.0
"""Find alarms in a kernel's console log."""

import re

#: Alarms of the kernel and its checkers. Each is a failure: the kernel suppresses the warnings that KUnit
#: cases expect.
SPLATS = re.compile("|".join([
    r"-\[ cut here \]-",
    r"\bBUG: ",                                   # KASAN, KFENCE, lockdep, bad page state, oops
    r"\bWARNING: ",                               # WARN_ON, lockdep (deadlock, circular dependency)
    r"\bINFO: (possible|trying to register|inconsistent|task|rcu|lockdep|suspicious)",
    r"possible (recursive|circular) locking",
    r"suspicious RCU usage",
    r"UBSAN: ",
    r"kmemleak: \d+ new suspected",
    r"kmemleak: .*(disabled|Cannot|error)",
    r"VCM-LEAK: ",
    r"Kernel panic",
    r"Internal error: ",
    r"Unable to handle kernel",
    r"[Oo]ops: ",
    r"Unhandled fault",
    r"refcount_t: ",
    r"list_(add|del) corruption",
    r"kernel BUG at",
    r"Call [Tt]race:",
    r"general protection fault",
    r"DEBUG_LOCKS_WARN_ON",
    r"rcu_\w+ (self-)?detected stall|rcu: INFO",
    r"blocked for more than \d+ seconds",
    r"scheduling while atomic",
    r"sleeping function called from invalid context",
    r"MAX_LOCKDEP_\w+ too low|MAX_STACK_TRACE_ENTRIES too low",
    r"turning off the locking correctness validator",
    r"page allocation failure",
    r"iommu.*(still mapped|page .* freed)",
    r"Out of memory|oom-killer",
]))

#: Results of KUnit cases, which may quote such words. A splat in a case has lines of its own.
KTAP = re.compile(r"^(\[ *\d+\.\d+\] )?\s*(#|ok |not ok |KTAP|TAP)")


def find(lines):
    """Return the numbers of the lines with an alarm."""
    return [i for i, line in enumerate(lines) if SPLATS.search(line) and not KTAP.match(line)]


def excerpt(lines, hits, before=3, after=14, limit=60):
    """Return the lines around the first alarms, for the user."""
    wanted = sorted({i for hit in hits for i in range(hit - before, hit + after + 1)
                     if 0 <= i < len(lines)})[:limit]
    shown, last = [], None
    for i in wanted:
        if last is not None and i != last + 1:
            shown.append("...")
        shown.append(lines[i])
        last = i
    return shown
