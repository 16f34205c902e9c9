#!/usr/bin/python3
"""Runs a build's tests with `meson test` and counts their assertions: run-tests.py BUILD [--slow N] [TEST...]

Meson counts programs; this counts the lines of their TAP, prints what failed with its explanation, and ends with the line
"N passed, N failed, N skipped". A program that dies, runs out of time or breaks its plan is one more failure. Exits 1 if anything
failed or nothing ran.
"""
import argparse
import json
import os
import re
import subprocess
import sys

RESULT = re.compile(r"(not )?ok\b(.*)")
SKIP = re.compile(r"#\s*skip", re.IGNORECASE)
TAIL_LINES = 40


class Count:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0


def count_tap(name, lines, count):
    """Counts the results in a program's TAP and prints the failed ones, each with the comment lines around it."""
    comments, failing, failed_before = [], False, count.failed
    for line in lines:
        if line.startswith("#"):
            # The harness explains a failure before the result line or after it; either is shown with it.
            print(f"    {line}") if failing else comments.append(line)
            continue
        match = RESULT.match(line)
        if not match:
            continue
        failing = bool(match[1]) and not SKIP.search(line)
        if SKIP.search(line):
            count.skipped += 1
        elif failing:
            count.failed += 1
            print(f"FAILED {name}: {match[2].strip()}")
            for comment in comments:
                print(f"    {comment}")
        else:
            count.passed += 1
        comments = []
    return count.failed - failed_before


def print_tail(test):
    for line in (test.get("stdout", "") + test.get("stderr", "")).splitlines()[-TAIL_LINES:]:
        print(f"    {line}")


def count_program(test, count):
    name, result, output = test["name"], test["result"], test.get("stdout", "")
    is_tap = re.search(r"^(1\.\.\d+|(not )?ok\b)", output, re.MULTILINE)
    failed = count_tap(name, output.splitlines(), count) if is_tap else 0
    if result in ("OK", "EXPECTEDFAIL"):
        count.passed += 0 if is_tap else 1
    elif result == "SKIP":
        count.skipped += 1
    elif not failed:
        # More than its own results say: a crash, a time-out, results missing.
        count.failed += 1
        print(f"FAILED {name}: {result.lower()}, exit status {test.get('returncode')}; the end of its output:")
        print_tail(test)
    elif test.get("returncode", 0) not in (0, 1):
        print(f"    {name} ended with status {test['returncode']}; the end of its output:")
        print_tail(test)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("build")
    parser.add_argument("--slow", type=int, default=1, metavar="N", help="give every test N times its time")
    parser.add_argument("tests", nargs="*", help="names of tests; all unless given")
    arguments = parser.parse_intermixed_args()

    log = os.path.join(arguments.build, "meson-logs", "testlog.json")
    if os.path.exists(log):
        os.unlink(log)
    command = ["meson", "test", "-C", arguments.build, "--no-rebuild", "--timeout-multiplier", str(arguments.slow)]
    sys.stdout.flush()
    subprocess.run(command + arguments.tests, stdin=subprocess.DEVNULL, check=False)
    if not os.path.exists(log):
        print("no test ran")
        return 1

    count = Count()
    with open(log, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            count_program(json.loads(line), count)
    print(f"{count.passed} passed, {count.failed} failed, {count.skipped} skipped")
    return 0 if count.failed == 0 and count.passed > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
