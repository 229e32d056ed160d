"""How long a recording takes, and how much memory: one that is repeated to some lengths, each in its own process.

::

    python plugins/sparse-pursuit/benchmarks/memory.py RECORDING --minutes 1 10 --set starts=1
    python plugins/sparse-pursuit/benchmarks/memory.py RECORDING --method beurling-lasso --weights out/duo
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from sepkit import Audio, separate
from sepkit.cli.options import read_options


def main() -> None:
    """Measure and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recording", type=Path)
    parser.add_argument("--minutes", type=float, nargs="+", default=[1, 10])
    parser.add_argument("--method", default="sparse-pursuit")
    parser.add_argument("--weights", type=Path, help="folder of an earlier separation")
    parser.add_argument("--set", dest="settings", action="append", default=[], help="option of the method")
    arguments = parser.parse_args()
    given = {"config": read_options(None, arguments.settings), "weights": arguments.weights}
    print("| minutes | s | MB |")
    print("| ---: | ---: | ---: |")
    for minutes in arguments.minutes:
        context = multiprocessing.get_context("spawn")
        with context.Pool(1) as pool:
            seconds, megabytes = pool.apply(measured, (arguments.recording, minutes, arguments.method, given))
        print(f"| {minutes:g} | {seconds:.0f} | {megabytes:.0f} |", flush=True)


def measured(recording: Path, minutes: float, method: str, given: Mapping[str, Any]) -> tuple[float, float]:
    """Processor time in seconds and the most memory in MB of this process, after a separation."""
    audio = Audio.read(recording).mixdown()
    length = round(60 * minutes * audio.sample_rate)
    long = Audio(np.resize(audio.samples[0], length)[np.newaxis], audio.sample_rate)
    with tempfile.TemporaryDirectory() as folder:
        separate(long, method, **given).write(Path(folder))
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


if __name__ == "__main__":
    main()
