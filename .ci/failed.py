"""Prints what failed in the log of a `cargo test --no-fail-fast`, a line for each target: its flag, a tab, its tests.

Cargo names the targets that failed at the end of the log, in the order in which their lists of failures stand in it. Fails where these do not
fit each other: something else went wrong than tests.
"""

import re
import sys


def main(path):
    text = open(path, errors="replace").read()
    targets = re.findall(r"^    `-p \S+ (.+)`$", text.rpartition(" targets failed:")[2], re.M)
    if not targets:
        targets = re.findall(r"to rerun pass `-p \S+ (.+)`", text)
    lists = re.findall(r"^failures:\n((?:    \S.*\n)+)\ntest result: FAILED", text, re.M)
    tests = [[line.strip() for line in names.splitlines()] for names in lists]
    if not tests or len(targets) != len(tests) or "--doc" in targets:
        sys.exit(1)
    for target, names in zip(targets, tests):
        print(target, " ".join(names), sep="\t")


main(sys.argv[1])
