"""Weights beside other methods: drums, bass and all the rest of recordings, SDR in dB.

A track is a folder with ``stems/drums.*``, ``stems/bass.*`` and others, which are summed::

    python plugins/interleaved/benchmarks/beside.py TRACK [TRACK ...] [--weights FOLDER] [--seconds 10]

The stems of ``nmf`` are given the names under which they measure best, which nobody could do without the truth; of
``hpss`` the percussive part is measured as drums, and the harmonic one as the rest. All hear no more than is measured.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from itertools import permutations
from pathlib import Path

import numpy as np

import sepkit
from sepkit import Audio
from sepkit.evaluation import Track, evaluate
from sepkit.evaluation.datasets.folder import Folder

SOURCES = ("drums", "bass", "other")


def main() -> None:
    """Measure and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tracks", type=Path, nargs="+")
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--seconds", type=float, default=10.0)
    arguments = parser.parse_args()
    print("| track | method | drums | bass | other |")
    print("| --- | --- | ---: | ---: | ---: |")
    for path in arguments.tracks:
        (track,) = Folder(path=path).tracks()
        stems = references(track, arguments.seconds)
        for method, values in measured(stems, arguments.weights).items():
            figures = " | ".join(f"{values[source]:.1f}" if source in values else "" for source in SOURCES)
            print(f"| {path.name} | {method} | {figures} |", flush=True)


def references(track: Track, seconds: float) -> dict[str, Audio]:
    """Drums, bass and the sum of all other stems, from the middle of a track."""
    stems = track.load_stems()
    rate = next(iter(stems.values())).sample_rate
    length = max(stem.length for stem in stems.values())
    cut = round(seconds * rate)
    start = max(0, (length - cut) // 2)
    silence = np.zeros((next(iter(stems.values())).channels, length), np.float32)
    rest = sum((stem.samples for name, stem in stems.items() if name not in SOURCES[:2]), start=silence)
    whole = {"drums": stems["drums"].samples, "bass": stems["bass"].samples, "other": rest}
    return {name: Audio(samples[:, start : start + cut], rate) for name, samples in whole.items()}


def measured(stems: Mapping[str, Audio], weights: Path | None) -> dict[str, dict[str, float]]:
    """SDR of every source, by method."""
    mixture = Audio(np.sum([stem.samples for stem in stems.values()], axis=0), stems["drums"].sample_rate)
    found = {"mixture": sdr_db(dict.fromkeys(SOURCES, mixture), stems)}
    blind = list(sepkit.separate(mixture, "nmf", sources=SOURCES).values())
    named = [sdr_db(dict(zip(SOURCES, order, strict=True)), stems) for order in permutations(blind)]
    found["nmf, best names"] = max(named, key=lambda values: sum(values.values()))
    parts = sepkit.separate(mixture, "hpss")
    found["hpss"] = sdr_db({"drums": parts["percussive"], "other": parts["harmonic"]}, stems)
    for post_filter in ("joint", "wiener"):
        config = {"post_filter": post_filter}
        separation = sepkit.separate(mixture, "interleaved", weights=weights, config=config, device="cpu")
        found[f"interleaved, {post_filter}"] = sdr_db(dict(separation), stems)
    oracle = sepkit.separate(mixture, "ideal-ratio-mask", sources=SOURCES, references=stems)
    found["ideal ratio mask"] = sdr_db(dict(oracle), stems)
    return found


def sdr_db(estimates: Mapping[str, Audio], stems: Mapping[str, Audio]) -> dict[str, float]:
    """SDR of every estimate."""
    true = {name: stems[name] for name in estimates}
    return dict(evaluate(estimates, true, metrics=["sdr"]).values["SDR"])


if __name__ == "__main__":
    main()
