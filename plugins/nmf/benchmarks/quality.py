"""Separation quality of NMF beside the mixture as it is and the ideal ratio mask, on a track with known stems.

A track is a folder with ``mixture.*`` and ``stems/<source>.*``. Blind separation is measured under the best assignment
of its stems to the sources, because it cannot know their names; supervised separation needs an example of each::

    python plugins/nmf/benchmarks/quality.py TRACK --example drums=drums.wav --example bass=bass.wav
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Mapping
from pathlib import Path

import numpy as np

import sepkit
from sepkit.declare import parse_value
from sepkit.evaluation.sdr import ideal_ratio_mask, sdr


def main() -> None:
    """Measure and print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("track", type=Path)
    parser.add_argument("--example", action="append", default=[], metavar="SOURCE=PATH", help="recording or folder")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="option of the method")
    parser.add_argument("--seeds", type=int, default=3, help="how many seeds; their mean is printed")
    arguments = parser.parse_args()

    mixture = sepkit.Audio.read(next(arguments.track.glob("mixture.*")))
    stems = {path.stem: sepkit.Audio.read(path) for path in sorted((arguments.track / "stems").iterdir())}
    config = {key: parse_value(value) for key, value in (setting.split("=", 1) for setting in arguments.set)}
    examples = dict(example.split("=", 1) for example in arguments.example)

    def separated(seed: int, **options: object) -> sepkit.Separation:
        return sepkit.separate(mixture, "nmf", sources=list(stems), seed=seed, config={**config, **options})

    seeds = range(arguments.seeds)
    fraction = sepkit.Audio(mixture.samples / len(stems), mixture.sample_rate)
    columns = {
        "mixture": scores(stems, dict.fromkeys(stems, mixture)),
        "mixture / n": scores(stems, dict.fromkeys(stems, fraction)),
        "blind": np.mean([best_assignment(stems, separated(seed)) for seed in seeds], axis=0),
    }
    if examples:
        columns["supervised"] = np.mean([scores(stems, separated(seed, templates=examples)) for seed in seeds], axis=0)
    columns["ideal ratio mask"] = scores(stems, ideal_ratio_mask(mixture, stems))

    print(f"{arguments.track.name}: SDR in dB, mean of {arguments.seeds} seeds, {config or 'default options'}")
    print("  ".join(f"{title:>16}" for title in ("source", *columns)))
    for index, name in enumerate(stems):
        print("  ".join([f"{name:>16}", *(f"{values[index]:16.1f}" for values in columns.values())]))
    print("  ".join([f"{'mean':>16}", *(f"{values.mean():16.1f}" for values in columns.values())]))


def scores(references: Mapping[str, sepkit.Audio], estimates: Mapping[str, sepkit.Audio]) -> np.ndarray:
    """SDR of every source in dB."""
    return np.array([sdr(reference, estimates[name]) for name, reference in references.items()])


def best_assignment(references: Mapping[str, sepkit.Audio], estimates: Mapping[str, sepkit.Audio]) -> np.ndarray:
    """SDR of every source under the assignment of estimates that gives the best mean."""
    pairs = np.array(
        [[sdr(reference, estimate) for estimate in estimates.values()] for reference in references.values()]
    )
    rows = np.arange(len(pairs))
    return max((pairs[rows, list(order)] for order in itertools.permutations(rows)), key=np.sum)


if __name__ == "__main__":
    main()
