"""Peak memory and processor time of a long recording, made of a short one that is repeated::

    OMP_NUM_THREADS=1 python plugins/classical/benchmarks/memory.py METHOD RECORDING --seconds 3600 [--rate 44100]

Prints the memory that is the process's own, since pages of mapped files are the system's to take back, and the most
that it had of all kinds.
"""

from __future__ import annotations

import argparse
import re
import resource
import time
from pathlib import Path

import numpy as np

import sepkit


def main() -> None:
    """Print gibibytes and seconds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("method")
    parser.add_argument("recording", type=Path)
    parser.add_argument("--seconds", type=float, default=3600.0)
    parser.add_argument("--rate", type=int)
    given = parser.parse_args()
    short = sepkit.Audio.read(given.recording)
    short = short.resample(given.rate or short.sample_rate)
    length = int(given.seconds * short.sample_rate)
    mixture = sepkit.Audio(np.tile(short.samples, -(-length // short.length))[:, :length], short.sample_rate)
    own = [0.0]
    began = time.process_time()
    stems = sepkit.separate(mixture, given.method, reporter=lambda _: own.append(own_gib()))
    seconds = time.process_time() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(
        f"{given.method}: {mixture.duration_s:.0f} s of {mixture.channels} channels at {mixture.sample_rate} Hz, "
        f"{len(stems)} stems: own memory {max(own):.2f} GiB, of all kinds {peak:.2f} GiB, {seconds:.0f} s"
    )


def own_gib() -> float:
    """Memory of this process that no file stands for."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    found = re.search(r"RssAnon:\s+(\d+) kB", status)
    return int(found[1]) / 2**20 if found else float("nan")


if __name__ == "__main__":
    main()
