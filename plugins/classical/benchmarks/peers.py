"""Beside nussl: how well each method does and how long it takes, a table for the README::

    OMP_NUM_THREADS=1 python plugins/classical/benchmarks/peers.py PYTHON METHOD TRACK [TRACK ...]

PYTHON is that of an environment with nussl 1.1.9, in which `peer.py` runs. Every TRACK is a folder with ``mixture.*``
and ``stems/``; for `hpss` the percussive stem is called drums or percussion, and for `duet` and `projet` stems are
panned to places of their own as `places.py` does. Both run with their defaults, one after the other. Prints the mean
SDR in dB over all stems, where `duet` and `projet` get the order that is best for them, and seconds of processor time
for all tracks, without what first use loads, on as many threads as OMP_NUM_THREADS says.
"""

from __future__ import annotations

import argparse
import itertools
import json
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from places import panned
from voices import Track, fitted, only, sdr_db

import sepkit

Array = NDArray[np.floating]

PLACES = ("duet", "projet")


@dataclass(frozen=True)
class Task:
    """A mixture and its true stems, in the order in which nussl gives them."""

    name: str
    mixture: sepkit.Audio
    stems: dict[str, Array]
    any_order: bool = False

    def mean_db(self, found: Sequence[Array]) -> float:
        """Mean SDR of what was found."""
        found = [fitted(one, self) for one in found]
        orders = itertools.permutations(found) if self.any_order else [found]
        return max(float(np.mean([*map(sdr_db, order, self.stems.values())])) for order in orders)


def task(method: str, folder: Path) -> Task:
    """What a method has to do with a track."""
    if method in PLACES:
        rate, images = panned(folder)
        return Task(folder.name, sepkit.Audio(np.sum([*images.values()], axis=0), rate), images, any_order=True)
    if method == "hpss":
        mixture = sepkit.Audio.read(only(folder, "mixture"))
        stems = {file.stem: sepkit.Audio.read(file).samples for file in (folder / "stems").iterdir()}
        percussive = stems.get("drums", stems.get("percussion"))
        return Task(folder.name, mixture, {"harmonic": sum(stems.values()) - percussive, "percussive": percussive})
    track = Track(folder)
    voice = track.voice.samples
    return Task(folder.name, track.mixture, {"accompaniment": track.mixture.samples - voice, "vocals": voice})


def ours(method: str, tasks: Sequence[Task]) -> tuple[float, float]:
    """Mean SDR and seconds."""
    figures, seconds = [], 0.0
    first = tasks[0].mixture
    sepkit.separate(sepkit.Audio(first.samples[:, : first.sample_rate], first.sample_rate), method)
    for one in tasks:
        names = [*one.stems]
        began = time.process_time()
        stems = sepkit.separate(one.mixture, method, sources=names if one.any_order else ())
        seconds += time.process_time() - began
        figures.append(one.mean_db([stems[name].samples for name in names]))
    return float(np.mean(figures)), seconds


def theirs(python: Path, method: str, tasks: Sequence[Task]) -> tuple[float, float]:
    """The same by nussl; tasks with as many stems as one another go together."""
    figures, seconds = [], 0.0
    for count, some in itertools.groupby(tasks, key=lambda one: len(one.stems)):
        with tempfile.TemporaryDirectory() as folder:
            several = {Path(folder) / f"{one.name}.wav": one for one in some}
            for file, one in several.items():
                one.mixture.write(file)
            command = [python, Path(__file__).with_name("peer.py"), method, *several, "-o", folder]
            subprocess.run([*command, *(["--count", str(count)] if method in PLACES else [])], check=True)
            seconds += sum(json.loads((Path(folder) / "seconds.json").read_text()).values())
            for file, one in several.items():
                found = [file.with_name(f"{file.stem}-{number}.wav") for number in range(count)]
                figures.append(one.mean_db([sepkit.Audio.read(stem).samples for stem in found]))
    return float(np.mean(figures)), seconds


def main() -> None:
    """Print a row."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("python", type=Path)
    parser.add_argument("method")
    parser.add_argument("tracks", nargs="+", type=Path)
    given = parser.parse_args()
    tasks = [task(given.method, folder) for folder in given.tracks]
    (db, seconds), (peer_db, peer_seconds) = ours(given.method, tasks), theirs(given.python, given.method, tasks)
    print(f"| `{given.method}` | {db:.1f} | {peer_db:.1f} | {seconds:.1f} | {peer_seconds:.1f} |", end="")
    print(f" {peer_seconds / seconds:.1f} |")


if __name__ == "__main__":
    main()
