"""Own memory and processor time of `sepkit run` from the file to the written stems, for long recordings::

    OMP_NUM_THREADS=1 python benchmarks/memory.py RECORDING --minutes 20 60 [--channels 2] -- nmf --sources a,b,c,d

RECORDING is repeated until it is as long; with several lengths the slope is printed too. What comes after ``--`` is the
method and whatever else `sepkit run` takes. A score is one of quavers for each of the sources, if ``--score`` is asked
for. Own memory is all but pages that files are mapped to (`RssAnon`), looked at 100 times a second.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import sepkit

_LOOK_S = 0.01


def main() -> None:
    """Print gibibytes and seconds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recording", type=Path)
    parser.add_argument("--minutes", type=float, nargs="+", default=[5.0, 20.0])
    parser.add_argument("--channels", type=int, default=2)
    parser.add_argument("--rate", type=int, default=44100)
    parser.add_argument("--score", metavar="PART,PART", help="make a score of these parts and give it")
    parser.add_argument("arguments", nargs="+", help="of sepkit run, without the mixture and the place for stems")
    given = parser.parse_args()
    peaks = []
    print("| minutes | own memory, MiB | CPU seconds |\n| ---: | ---: | ---: |")
    for minutes in given.minutes:
        # Not in /tmp, which may be memory.
        with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR", "/var/tmp")) as folder:
            mixture = Path(folder, "mixture.wav")
            write_repeated(given.recording, mixture, minutes, given.channels, given.rate)
            arguments = [*given.arguments, str(mixture), "-o", str(Path(folder, "stems")), "--progress", "none"]
            if given.score:
                score = Path(folder, "score.mid")
                quavers(given.score.split(","), 60 * minutes).write(score)
                arguments += ["--score", str(score), "--align", "never"]
            own, seconds = watched([sys.executable, "-m", "sepkit", "run", *arguments])
        peaks.append(own)
        print(f"| {minutes:g} | {own:.0f} | {seconds:.0f} |", flush=True)
    if len(peaks) > 1:
        slope = (peaks[-1] - peaks[0]) / (given.minutes[-1] - given.minutes[0])
        print(f"\n{slope:.2f} MiB a minute between these; what is mapped from files once it is large no longer grows")


def write_repeated(recording: Path, path: Path, minutes: float, channels: int, rate: int) -> None:
    """A file of so many minutes, written piece by piece."""
    import soundfile

    short = sepkit.Audio.read(recording).mixdown().resample(rate).samples[0]
    # Channels differ, so that nothing can be told to be one.
    piece = np.stack([short * gain for gain in np.linspace(1, 0.5, channels)], axis=1)
    left = round(60 * minutes * rate)
    with soundfile.SoundFile(path, "w", rate, channels, format="RF64", subtype="PCM_16") as file:
        while left > 0:
            file.write(piece[:left])
            left -= len(piece)


def quavers(parts: list[str], seconds: float) -> sepkit.Score:
    """Two notes a second for every part."""
    notes = [
        sepkit.Note(beat / 2, beat / 2 + 0.4, 48 + (7 * beat + 12 * number) % 37, part=part)
        for beat in range(int(2 * seconds))
        for number, part in enumerate(parts)
    ]
    return sepkit.Score(tuple(notes))


def watched(command: list[str]) -> tuple[float, float]:
    """The most MiB of its own that a process holds, and its processor time in seconds.

    Raises
    ------
    SystemExit
        If it fails.
    """
    before = os.times()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    peak = 0
    while process.poll() is None:
        peak = max(peak, own_kib(process.pid))
        time.sleep(_LOOK_S)
    if process.returncode:
        raise SystemExit(f"it ended with {process.returncode}")
    after = os.times()
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return peak / 1024, used


def own_kib(pid: int) -> int:
    """Memory of a process that no file stands for; 0 once it has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in status.splitlines() if line.startswith("RssAnon:")), 0)


if __name__ == "__main__":
    main()
