"""The claim of the publication: under three minutes of mixture are enough to learn from.

A network is trained on one track, of which nothing is looked at but the mixture and F0, and then applied to others in
one pass. Beside it stand the methods that need no training, the network fitted to a track itself, and the ratio mask.
A track is a folder with ``mixture.*``, ``stems/<source>.*`` and ``f0/<source>.csv``. Training that was
stopped goes on::

    python plugins/source-filter/benchmarks/three_minutes.py --train TRACK --weights FOLDER TRACK [TRACK ...]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

import sepkit
from sepkit.evaluation import Track, evaluate
from sepkit.evaluation.datasets.folder import Folder
from sepkit.problem.excerpt import cut


def main() -> None:
    """Train, and print a Markdown table a track."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tracks", type=Path, nargs="*", help="to separate")
    parser.add_argument("--train", type=Path, required=True, help="the track to learn from")
    parser.add_argument("--weights", type=Path, required=True, help="folder for them; used again if they are there")
    parser.add_argument("--seconds", type=float, nargs=2, help="of the tracks to separate, from and to; all by default")
    parser.add_argument("--rows", nargs="*", help="only those whose names begin so")
    arguments = parser.parse_args()
    if not (arguments.weights / "model.json").is_file():
        learn(arguments.train, arguments.weights)
    for path in arguments.tracks:
        (track,) = Folder(path=path).tracks()
        compare(track, arguments.weights, arguments.seconds, arguments.rows or [""])


def learn(path: Path, weights: Path) -> None:
    """Train on one track and say what it cost."""
    (track,) = Folder(path=path).tracks()
    started = time.process_time()
    result = sepkit.train("source-filter", [path], weights, whole=True)
    seconds = time.process_time() - started
    heard_s = track.load_mixture().duration_s
    print(f"learned from {heard_s:.0f} s of {track.name} in {seconds:.0f} CPU seconds: {result.folder}", flush=True)


def compare(track: Track, weights: Path, seconds: tuple[float, float] | None, rows: list[str]) -> None:
    """Print the table of one track."""
    mixture, stems, f0 = track.load_mixture(), track.load_stems(), track.load_f0()
    if seconds:
        first, last = (round(second * mixture.sample_rate) for second in seconds)
        mixture, stems = cut(mixture, first, last), {name: cut(stem, first, last) for name, stem in stems.items()}
        f0 = {name: sepkit.F0Track(one.times_s - seconds[0], one.f0_hz) for name, one in f0.items()}
    print(f"\n{track.name}, {mixture.duration_s:.0f} s\n\n| method | {' | '.join(stems)} | mean | time |")
    print("| --- |" + " ---: |" * (len(stems) + 2), flush=True)
    for name, method, given in methods(f0, stems, weights):
        if not name.startswith(tuple(rows)):
            continue
        started = time.process_time()
        separation = sepkit.separate(mixture, method, sources=list(stems), **given)
        cost = (time.process_time() - started) / mixture.duration_s
        values = evaluate(separation, stems, metrics=["si-sdr"]).values["SI-SDR"]
        figures = [*(values[stem] for stem in stems), np.mean([values[stem] for stem in stems])]
        print(f"| {name} | {' | '.join(f'{figure:.1f}' for figure in figures)} | {cost:.2f} |", flush=True)


def methods(
    f0: dict[str, sepkit.F0Track], stems: dict[str, sepkit.Audio], weights: Path
) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """What each row is called, its method, and what that is given."""
    yield "mixture", "mixture", {}
    yield "harmonic-comb", "harmonic-comb", {"f0": f0}
    yield "engine direct", "source-filter", {"f0": f0}
    yield "engine network, trained", "source-filter", {"f0": f0, "weights": weights}
    yield "engine network, fitted", "source-filter", {"f0": f0, "config": {"engine": "network"}}
    yield "ratio mask", "ideal-ratio-mask", {"references": stems}


if __name__ == "__main__":
    main()
