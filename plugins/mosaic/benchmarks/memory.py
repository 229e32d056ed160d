"""Peak memory, time and level of a mosaic of minutes, made of short recordings that are repeated::

OMP_NUM_THREADS=1 python plugins/mosaic/benchmarks/memory.py TARGET SOURCE --seconds 180
"""

from __future__ import annotations

import argparse
import resource
import time
from pathlib import Path

import numpy as np

import sepkit


def main() -> None:
    """Print gibibytes, seconds and decibels."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target", type=Path)
    parser.add_argument("source", type=Path)
    parser.add_argument("--seconds", type=float, default=180.0)
    given = parser.parse_args()
    rate = sepkit.Audio.read(given.target).sample_rate
    target, source = (repeated(path, rate, given.seconds) for path in (given.target, given.source))
    began = time.perf_counter()
    mosaic = sepkit.separate(target, "mosaic", examples={"source": source})["source"]
    seconds, peak = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    level_db = 10 * np.log10(np.square(mosaic.samples).mean() / np.square(target.samples).mean())
    print(f"{given.seconds:.0f} s of each: peak {peak:.2f} GiB, {seconds:.0f} s, {level_db:.1f} dB beside the target")


def repeated(path: Path, rate: int, seconds: float) -> sepkit.Audio:
    """One channel of a recording, over and over for so long."""
    audio = sepkit.Audio.read(path).mixdown().resample(rate)
    return sepkit.Audio.mono(np.resize(audio.samples[0], int(seconds * rate)), rate)


if __name__ == "__main__":
    main()
