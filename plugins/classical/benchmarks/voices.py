"""How well voice and accompaniment come apart, and how fast: a table for the README::

    OMP_NUM_THREADS=1 python plugins/classical/benchmarks/voices.py TRACK [TRACK ...] [--methods A,B]

Each TRACK is a folder with ``mixture.*`` and ``stems/vocals.*``; ``published/*_vocals.*``, where there are such, are
measured too. Prints mean SDR and SI-SDR in dB of the voice and of the accompaniment, and seconds of audio a second of
processor time. Of methods whose stems are not voice and accompaniment the stem nearest to the true voice counts; those
for stereo leave out tracks of one channel. ``melody+f0`` is given the F0 that pYIN finds on the true voice
(``pip install "sepkit[f0]"``), which is not counted.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import sepkit
from sepkit.errors import MismatchError
from sepkit.informed.f0_alone import f0_alone
from sepkit.problem.run import Run

Array = NDArray[np.floating]

METHODS = (
    "repet,repet-adaptive,repet-sim,repet-sim-online,ft2d,rpca,rpca-melody,melody,melody+f0,ensemble,"
    "hpss,centre,duet,projet"
)
SETTINGS = {
    "repet-adaptive": ("repet", {"adaptive": True}),
    "repet-sim-online": ("repet-sim", {"online": True}),
    "melody+f0": ("melody", {}),
}


@dataclass(frozen=True)
class Track:
    """One recording with its stems."""

    folder: Path

    @cached_property
    def mixture(self) -> sepkit.Audio:
        """What is heard."""
        return sepkit.Audio.read(only(self.folder, "mixture"))

    @cached_property
    def voice(self) -> sepkit.Audio:
        """The true voice."""
        return sepkit.Audio.read(only(self.folder / "stems", "vocals"))

    @cached_property
    def f0(self) -> sepkit.F0Track:
        """Of the true voice, by a pitch tracker."""
        with Run() as run:
            return f0_alone(self.voice, run)

    @property
    def duration_s(self) -> float:
        """Of the mixture."""
        return self.mixture.duration_s

    def figures(self, voice: Array, rest: Array | None = None) -> list[float]:
        """SDR and SI-SDR of an estimate of the voice, then of one of all else, in dB: by default what it leaves."""
        true, mixture = (np.asarray(one.samples, np.float64) for one in (self.voice, self.mixture))
        pairs = ((voice, true), (mixture - voice if rest is None else rest, mixture - true))
        return [figure(estimate, stem) for estimate, stem in pairs for figure in (sdr_db, si_sdr_db)]


def only(folder: Path, stem: str) -> Path:
    """The one file of a name, whatever its format."""
    (file,) = folder.glob(f"{stem}.*")
    return file


def sdr_db(estimate: Array, true: Array) -> float:
    """Plain signal-to-distortion ratio."""
    return float(10 * np.log10(np.square(true).sum() / np.square(true - estimate).sum()))


def si_sdr_db(estimate: Array, true: Array) -> float:
    """The same where the level does not matter."""
    scaled = true * (np.sum(estimate * true) / np.square(true).sum())
    return float(10 * np.log10(np.square(scaled).sum() / np.square(estimate - scaled).sum()))


def separated(track: Track, name: str) -> Array | None:
    """The voice that a method finds; None where it cannot take the track."""
    method, config = SETTINGS.get(name, (name, {}))
    f0 = {"vocals": track.f0} if name == "melody+f0" else {}
    try:
        stems = sepkit.separate(track.mixture, method, config=config, f0=f0)
    except MismatchError:
        return None
    if "vocals" in stems:
        return stems["vocals"].samples
    return max((stem.samples for stem in stems.values()), key=lambda stem: sdr_db(stem, track.voice.samples))


def yardsticks(track: Track) -> Iterator[tuple[str, Array, Array | None]]:
    """What others are measured by: the mixture, published estimates, the ratio mask."""
    yield "mixture", track.mixture.samples, track.mixture.samples
    for file in sorted((track.folder / "published").glob("*_vocals.*")):
        voice = fitted(sepkit.Audio.read(file).samples, track)
        yield f"published: {file.stem.removesuffix('_vocals')}", voice, None
    rest = sepkit.Audio(track.mixture.samples - track.voice.samples, track.mixture.sample_rate)
    masked = sepkit.separate(track.mixture, "ideal-ratio-mask", references={"vocals": track.voice, "rest": rest})
    yield "ratio mask", masked["vocals"].samples, None


def fitted(samples: Array, track: Track) -> Array:
    """Cut or filled up to the length of the mixture, since coders add and lose samples at the end."""
    length = track.mixture.length
    return np.pad(samples[:, :length], [(0, 0), (0, max(0, length - samples.shape[1]))])


def main() -> None:
    """Print a row for each method."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tracks", nargs="+", type=Path)
    parser.add_argument("--methods", default=METHODS)
    given = parser.parse_args()
    tracks = [Track(folder) for folder in given.tracks]
    print("| method | voice SDR | SI-SDR | accompaniment SDR | SI-SDR | times real time |\n| --- |" + " ---: |" * 5)
    found: dict[str, list[list[float]]] = {}
    for track in tracks:
        for name, voice, rest in yardsticks(track):
            found.setdefault(name, []).append(track.figures(voice, rest))
    for name, figures in found.items():
        row(name, figures, len(tracks))
    for name in given.methods.split(","):
        figures, seconds, heard_s = [], 0.0, 0.0
        for track in tracks:
            if name == "melody+f0":
                _ = track.f0
            began = time.process_time()
            voice = separated(track, name)
            if voice is not None:
                seconds += time.process_time() - began
                heard_s += track.duration_s
                figures.append(track.figures(voice))
        row(name, figures, len(tracks), heard_s / max(seconds, 1e-9))


def row(name: str, figures: list[list[float]], wanted: int, speed: float | None = None) -> None:
    """One line of the table."""
    if figures:
        some = "" if len(figures) == wanted else f" ({len(figures)} of {wanted})"
        cells = [f"{value:.1f}" for value in np.mean(figures, axis=0)] + ["" if speed is None else f"{speed:.1f}"]
        print(f"| {name}{some} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
