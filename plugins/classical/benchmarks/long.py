"""Processor time and memory over the length of a recording, which a short one is repeated to: tables for the README::

    OMP_NUM_THREADS=1 python plugins/classical/benchmarks/long.py RECORDING METHOD [METHOD ...] [--minutes 1,4,16]

METHOD may have options as JSON: ``'melody:{"updates": 1}'``. Prints for each length seconds of processor time, how many
seconds of audio that is in each, and the most memory that was the process's own: pages of mapped files are the
system's to take back. Every figure is from a process of its own.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import re
import time
from pathlib import Path

import sepkit
from sepkit import large


def main() -> None:
    """Print a row for each method."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recording", type=Path)
    parser.add_argument("methods", nargs="+")
    parser.add_argument("--minutes", default="1,4,16")
    given = parser.parse_args()
    minutes = [float(one) for one in given.minutes.split(",")]
    print("| method |", " | ".join(f"{one:g} min" for one in minutes), "|\n| --- |", "--- |" * len(minutes))
    with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        for method in given.methods:
            print(f"| {method}", end=" | ", flush=True)
            for one in minutes:
                seconds, gib = pool.apply(measured, (given.recording, method, 60 * one))
                print(f"{seconds:.1f} s ({60 * one / seconds:.1f}), {gib:.2f} GiB", end=" | ", flush=True)
            print()


def measured(recording: Path, method: str, duration_s: float) -> tuple[float, float]:
    """Seconds of processor time of a separation, and gibibytes."""
    short = sepkit.Audio.read(recording)
    length = round(duration_s * short.sample_rate)
    samples = large.empty((short.channels, length))
    for start in range(0, length, short.length):
        samples[:, start : start + short.length] = short.samples[:, : length - start]
    mixture = sepkit.Audio(samples, short.sample_rate)
    name, _, options = method.partition(":")
    config = json.loads(options or "{}")
    # What is imported is imported once.
    sepkit.separate(sepkit.Audio(short.samples[:, : short.sample_rate], short.sample_rate), name, config=config)
    own = [own_gib()]
    began = time.process_time()
    stems = sepkit.separate(mixture, name, config=json.loads(options or "{}"), reporter=lambda _: own.append(own_gib()))
    seconds = time.process_time() - began
    return seconds, max(*own, own_gib() if stems else 0)


def own_gib() -> float:
    """Memory of this process that no file stands for."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    found = re.search(r"RssAnon:\s+(\d+) kB", status)
    return int(found[1]) / 2**20 if found else float("nan")


if __name__ == "__main__":
    main()
