"""Memory of its own beside the samples, and time of a long recording, made of a short one that is repeated::

    OMP_NUM_THREADS=1 python plugins/nmfd/benchmarks/memory.py RECORDING HITS --seconds 3600

HITS has a folder of single hits for each drum. Three iterations, as memory does not grow with them.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np

import sepkit
from sepkit.evaluation.benchmarking.memory import OwnMemory


def main() -> None:
    """Print gibibytes and seconds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recording", type=Path)
    parser.add_argument("hits", type=Path)
    parser.add_argument("--seconds", type=float, default=3600.0)
    given = parser.parse_args()
    short = sepkit.Audio.read(given.recording).mixdown()
    samples = np.resize(short.samples[0], int(given.seconds * short.sample_rate))
    hits = {folder.name: folder for folder in sorted(given.hits.iterdir()) if folder.is_dir()}
    began = time.perf_counter()
    mixture = sepkit.Audio.mono(samples, short.sample_rate)
    with OwnMemory() as own:
        stems = sepkit.separate(mixture, "nmfd", examples=hits, config={"iterations": 3})
    peak = ((own.peak or 0) - (own.before or 0)) / 2**30
    print(
        f"{mixture.duration_s:.0f} s, {mixture.samples.nbytes / 2**30:.2f} GiB of samples, {len(stems)} stems: "
        f"{peak:.2f} GiB more at most, {time.perf_counter() - began:.0f} s"
    )


if __name__ == "__main__":
    main()
