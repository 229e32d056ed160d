"""How well drums come apart from all else, and how fast, beside librosa's medians::

    python plugins/classical/benchmarks/drums.py DRUMS TRACK [TRACK ...]

Each TRACK is a folder with ``mixture.flac`` and ``stems/``; DRUMS is the name of the percussive stem. Prints the SDR
of the percussive stem and of the harmonic one in dB, and seconds of processor time.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import librosa
import numpy as np

import sepkit

SETTINGS = {
    "default": {},
    "KAM, 5 iterations": {"iterations": 5},
    "KAM with Hann, 20 iterations": {"kernel": "hann", "iterations": 20},
}


def main() -> None:
    """Print a table for every track."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("drums")
    parser.add_argument("tracks", nargs="+", type=Path)
    given = parser.parse_args()
    for track in given.tracks:
        mixture = sepkit.Audio.read(track / "mixture.flac")
        stems = {file.stem: sepkit.Audio.read(file).samples for file in (track / "stems").glob("*.flac")}
        truth = {"percussive": stems.pop(given.drums), "harmonic": np.sum([*stems.values()], axis=0)}
        print(track.name)
        for name, config in SETTINGS.items():
            show(name, truth, partial(ours, mixture, config))
        show("librosa.effects.hpss", truth, partial(theirs, mixture))
        show("both are the mixture", truth, partial(dict.fromkeys, truth, mixture.samples))


def ours(mixture: sepkit.Audio, config: Mapping[str, object]) -> dict[str, np.ndarray]:
    """The stems of this method."""
    return {name: stem.samples for name, stem in sepkit.separate(mixture, "hpss", config=dict(config)).items()}


def theirs(mixture: sepkit.Audio) -> dict[str, np.ndarray]:
    """The stems of librosa."""
    return dict(zip(("harmonic", "percussive"), librosa.effects.hpss(mixture.samples), strict=True))


def show(name: str, truth: Mapping[str, np.ndarray], separate: Callable[[], Mapping[str, np.ndarray]]) -> None:
    """One row."""
    began = time.process_time()
    stems = separate()
    seconds = time.process_time() - began
    sdr_db = {
        part: 10 * np.log10(np.square(wanted).sum() / np.square(wanted - stems[part]).sum())
        for part, wanted in truth.items()
    }
    print(f"  {name:30} {sdr_db['percussive']:5.1f} {sdr_db['harmonic']:5.1f} {seconds:6.1f} s")


if __name__ == "__main__":
    main()
