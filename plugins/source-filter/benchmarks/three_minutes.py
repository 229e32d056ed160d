"""The claim of the publication: under three minutes of mixture are enough to learn from.

A network is trained on one track, of which nothing is looked at but the mixture and F0, and then applied to others in
one pass. Beside it stand the methods that need no training, the network fitted to a track itself, and the ratio mask.
A track is a folder with ``mixture.*``, ``stems/<source>.*`` and ``f0/<source>.csv`` or ``score.mid``. Training that was
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
from sepkit import Problem, SideInformation
from sepkit.evaluation import Track, evaluate
from sepkit.evaluation.datasets.folder import Folder
from sepkit.problem.excerpt import excerpt


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
    problem = Problem(
        track.load_mixture(),
        track.sources,
        SideInformation(track.load_score(), f0=track.load_f0(), references=track.load_stems()),
    )
    if seconds:
        first, last = (round(second * problem.mixture.sample_rate) for second in seconds)
        problem = excerpt(problem, first, last)
    mixture, stems = problem.mixture, problem.side_information.references
    print(f"\n{track.name}, {mixture.duration_s:.0f} s\n\n| method | {' | '.join(stems)} | mean | time |")
    print("| --- |" + " ---: |" * (len(stems) + 2), flush=True)
    for name, method, given in methods(problem.side_information, weights):
        if not name.startswith(tuple(rows)):
            continue
        started = time.process_time()
        separation = sepkit.separate(mixture, method, sources=list(stems), **given)
        cost = (time.process_time() - started) / mixture.duration_s
        values = evaluate(separation, stems, metrics=["si-sdr"]).values["SI-SDR"]
        figures = [*(values[stem] for stem in stems), np.mean([values[stem] for stem in stems])]
        print(f"| {name} | {' | '.join(f'{figure:.1f}' for figure in figures)} | {cost:.2f} |", flush=True)


def methods(known: SideInformation, weights: Path) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """What each row is called, its method, and what that is given."""
    given: dict[str, Any] = {"f0": known.f0} if known.f0 else {"score": known.score}
    yield "mixture", "mixture", {}
    yield "harmonic-comb", "harmonic-comb", given
    yield "engine direct", "source-filter", given
    yield "engine network, trained", "source-filter", {**given, "weights": weights}
    yield "engine network, fitted", "source-filter", {**given, "config": {"engine": "network"}}
    yield "ratio mask", "ideal-ratio-mask", {"references": known.references}


if __name__ == "__main__":
    main()
