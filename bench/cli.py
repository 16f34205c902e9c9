#!/usr/bin/python3
"""Measures the commands that people wait for and prints medians: `wash --help`, and `wash inspect` of the largest guest beside
`wasm-tools component wit`.

    bench/cli.py [--wash build/wash] [--guests build/guests] [--wasm-tools PROGRAM] [--runs 41]
"""
import argparse
import os
import statistics
import subprocess
import time


def median_ms(command, runs):
    """The first run, which may find nothing in the page cache, does not count."""
    times = []
    for _ in range(runs + 1):
        begin = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        times.append((time.perf_counter() - begin) * 1e3)
    return statistics.median(times[1:])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--wash", default="build/wash")
    parser.add_argument("--guests", default="build/guests")
    parser.add_argument("--wasm-tools", default="", help="left out if not given")
    parser.add_argument("--runs", type=int, default=41)
    options = parser.parse_args()
    wash = os.path.abspath(options.wash)
    guest = os.path.join(options.guests, "js-hello.wasm")
    print(f"wash --help: {median_ms([wash, '--help'], options.runs):.1f} ms")
    ours = median_ms([wash, "inspect", guest], options.runs)
    print(f"wash inspect {os.path.basename(guest)} ({os.path.getsize(guest) / 1e6:.1f} MB): {ours:.1f} ms")
    if options.wasm_tools:
        theirs = median_ms([options.wasm_tools, "component", "wit", guest], options.runs)
        print(f"wasm-tools component wit: {theirs:.1f} ms, wash is {theirs / ours:.2f}x as fast")


if __name__ == "__main__":
    main()
