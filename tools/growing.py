"""What batches cost: many short recordings with 1, 2 and 4 workers, wall-clock and CPU time, and time beside the work.

``python tools/growing.py [--files 200] [--seconds 2] [--cluster]`` prints the table of docs/guide/growing.md. The work
itself is measured first, in one process that has everything loaded; whatever a batch takes beyond that is overhead:
starting processes, importing, digests, encoding, records. A machine that has other things to do gives CPU times alone.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import sepkit

RATE = 22050


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--method", default="nmf")
    parser.add_argument("--set", action="append", default=["rank=4", "iterations=50"])
    parser.add_argument("--workers", type=int, nargs="*", default=[1, 2, 4])
    parser.add_argument("--cluster", action="store_true", help="Dask's local workers, not processes")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        recordings = Path(place, "recordings")
        write(recordings, given.files, given.seconds)
        work = separating(recordings, given.method, dict(text.split("=") for text in given.set))
        print(
            f"{given.files} recordings of {given.seconds:g} s; separating alone: {work:.1f} s of CPU time", flush=True
        )
        print("| workers | wall-clock, s | CPU, s | overhead a file, CPU ms | once more, CPU ms a file |")
        print("| --- | ---: | ---: | ---: | ---: |")
        settings = [word for text in given.set for word in ("--set", text)]
        who = [["--cluster", f"local:{n}"] if given.cluster else ["--jobs", str(n)] for n in given.workers]
        for options in who:
            out = Path(place, "-".join(options).replace(":", "-"))
            command = [sys.executable, "-m", "sepkit", "run", given.method, recordings, "-o", out, *settings, *options]
            wall, cpu = measured([*map(str, command), "-q"])
            _, again = measured([*map(str, command), "-q"])
            assert len(list(out.glob("*/separation.json"))) == given.files
            beside, once_more = (1000 * seconds / given.files for seconds in (cpu - work, again))
            print(f"| `{' '.join(options)}` | {wall:.1f} | {cpu:.1f} | {beside:.0f} | {once_more:.0f} |", flush=True)


def write(folder: Path, count: int, seconds: float) -> None:
    """Short recordings of two tones and noise, all different."""
    import soundfile

    folder.mkdir()
    rng = np.random.default_rng(0)
    time_s = np.arange(round(seconds * RATE)) / RATE
    for number in range(count):
        tones = sum(np.sin(2 * np.pi * rng.uniform(110, 880) * time_s) for _ in range(2))
        samples = 0.2 * tones + rng.normal(0, 0.01, len(time_s))
        soundfile.write(folder / f"{number:04}.wav", samples.astype(np.float32), RATE, subtype="PCM_16")


def separating(folder: Path, method: str, config: dict[str, str]) -> float:
    """CPU time of reading and separating all of them in this process, in seconds."""
    loaded = sepkit.Method(method, config={name: json.loads(value) for name, value in config.items()})
    paths = sorted(folder.iterdir())
    loaded.separate(paths[0])
    started = time.process_time()
    for path in paths:
        loaded.separate(path)
    return time.process_time() - started


def measured(command: list[str]) -> tuple[float, float]:
    """Wall-clock and CPU time of a command and all that it starts, in seconds."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env={**os.environ, "OMP_NUM_THREADS": "1"})
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    main()
