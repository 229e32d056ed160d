"""How methods for voice and accompaniment fare under other conditions than those of the tracks as they are::

    OMP_NUM_THREADS=1 python plugins/classical/benchmarks/conditions.py TRACK [TRACK ...] [--methods A,B]

Each TRACK is a folder as of `voices.py`. Prints by how many dB the SDR of the voice and that of the accompaniment are
above those of the mixture, as means over tracks, a row for each condition.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
from voices import Track, sdr_db

import sepkit
from sepkit import Audio

Pair = tuple[Audio, Audio]
Fault = Callable[[sepkit.F0Track], sepkit.F0Track]


def of_both(change: Callable[[Audio], Audio]) -> Callable[[Pair], Pair]:
    """The same change of voice and accompaniment."""
    return lambda pair: (change(pair[0]), change(pair[1]))


def louder(gain_db: float) -> Callable[[Pair], Pair]:
    """The voice at another level."""
    gain = np.float32(10 ** (gain_db / 20))
    return lambda pair: (Audio(gain * pair[0].samples, pair[0].sample_rate), pair[1])


def played(speed: float) -> Callable[[Pair], Pair]:
    """Faster or slower, and so higher or lower."""
    return of_both(lambda one: Audio(one.samples, round(one.sample_rate * speed)).resample(one.sample_rate))


def first(duration_s: float) -> Callable[[Pair], Pair]:
    """The beginning alone."""
    return of_both(lambda one: Audio(one.samples[:, : round(duration_s * one.sample_rate)], one.sample_rate))


def resting(pair: Pair) -> Pair:
    """The voice is silent every other two seconds."""
    voice, rest = pair
    sings = np.arange(voice.length) // (2 * voice.sample_rate) % 2 == 0
    return Audio(voice.samples * sings.astype(np.float32), voice.sample_rate), rest


CONDITIONS: dict[str, Callable[[Pair], Pair]] = {
    "as they are": lambda pair: pair,
    "voice 6 dB louder": louder(6),
    "voice 6 dB softer": louder(-6),
    "a fourth lower": played(3 / 4),
    "a fourth higher": played(4 / 3),
    "at 8 kHz": of_both(lambda one: one.resample(8000)),
    "the first 3 s": first(3),
    "the voice rests every other 2 s": resting,
}


def gaps(f0: sepkit.F0Track) -> sepkit.F0Track:
    """A tenth of a second is missing twice a second."""
    return sepkit.F0Track(f0.times_s, np.where(f0.times_s * 2 % 1 < 0.2, np.nan, f0.f0_hz))


def flat(f0: sepkit.F0Track) -> sepkit.F0Track:
    """All of it is 30 cents too low."""
    return sepkit.F0Track(f0.times_s, f0.f0_hz * 2 ** (-30 / 1200))


FAULTS: dict[str, Fault] = {
    "F0 of the true voice": lambda f0: f0,
    "the same with gaps of 0.1 s": gaps,
    "the same 30 cents flat": flat,
}


def main() -> None:
    """Print a row for each condition, and for F0 that has faults."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tracks", nargs="+", type=Path)
    parser.add_argument("--methods", default="repet,repet-sim,ft2d,rpca,rpca-melody,melody")
    given = parser.parse_args()
    tracks, methods = [Track(folder) for folder in given.tracks], given.methods.split(",")
    print(f"| condition | {' | '.join(methods)} |\n| --- |{' ---: |' * len(methods)}")
    for name, condition in CONDITIONS.items():
        print(f"| {name} | ", end="")
        for method in methods:
            print(cell(tracks, condition, method), end=" | ", flush=True)
        print()
    for name, fault in FAULTS.items():
        print(f"{name}: melody {cell(tracks, CONDITIONS['as they are'], 'melody', fault)}", flush=True)


def cell(tracks: list[Track], condition: Callable[[Pair], Pair], method: str, fault: Fault | None = None) -> str:
    """Mean improvements of voice and accompaniment."""
    better = []
    for track in tracks:
        rate = track.mixture.sample_rate
        pair = condition((track.voice, Audio(track.mixture.samples - track.voice.samples, rate)))
        mixture = Audio(pair[0].samples + pair[1].samples, pair[0].sample_rate)
        stems = sepkit.separate(mixture, method, f0={"vocals": fault(track.f0)} if fault else {})
        named = zip(("vocals", "accompaniment"), pair, strict=True)
        better.append(
            [sdr_db(stems[name].samples, one.samples) - sdr_db(mixture.samples, one.samples) for name, one in named]
        )
    return ", ".join(f"{value:.1f}" for value in np.mean(better, axis=0))


if __name__ == "__main__":
    main()
