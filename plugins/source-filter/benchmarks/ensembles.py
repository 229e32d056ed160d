"""Voices out of ensembles: SI-SDR of every stem, by methods that know F0 or a score, and by the ratio mask.

A track is a folder with ``mixture.*``, ``stems/<source>.*`` and ``f0/<source>.csv`` or ``score.mid``. Methods that know
scores only get one made of the F0: stretches of one pitch to the nearest semitone::

    python plugins/source-filter/benchmarks/ensembles.py TRACK [TRACK ...]
"""

from __future__ import annotations

import argparse
import itertools
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import scipy.ndimage

import sepkit
from sepkit.evaluation import Track, evaluate
from sepkit.evaluation.datasets.folder import Folder

MEDIAN_S = 0.3
"""Of F0, before its nearest semitones become notes."""


def main() -> None:
    """Measure, and print a Markdown table a track."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tracks", type=Path, nargs="+")
    parser.add_argument("--set", dest="options", default="{}", type=sepkit_options, help="options of source-filter")
    parser.add_argument("--method", help="only this one")
    arguments = parser.parse_args()
    for path in arguments.tracks:
        (track,) = Folder(path=path).tracks()
        mixture, stems = track.load_mixture(), track.load_stems()
        print(f"\n{track.name}, {mixture.duration_s:.0f} s\n\n| method | {' | '.join(stems)} | mean | time |")
        print("| --- |" + " ---: |" * (len(stems) + 2), flush=True)
        for name, method, given in methods(track, arguments.options):
            if arguments.method in (None, method):
                measure(name, method, given, mixture, stems)


def sepkit_options(text: str) -> dict[str, Any]:
    """Options as JSON."""
    from sepkit.config import parse_json

    options: dict[str, Any] = parse_json(text)
    return options


def methods(track: Track, options: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """What each row is called, its method, and what that is given."""
    f0, score = track.load_f0(), track.load_score()
    notes = score or score_of_f0(f0)
    known: dict[str, Any] = {"f0": f0} if f0 else {"score": score}
    yield "mixture", "mixture", {}
    yield "harmonic-comb", "harmonic-comb", known
    yield "score-nmf", "score-nmf", {"score": notes}
    yield "source-filter, nonnegative start", "source-filter", {**known, "config": {**options, "steps": 0}}
    yield "source-filter", "source-filter", {**known, "config": options}
    if f0:
        moved = {name: sepkit.F0Track(one.times_s, one.f0_hz + 5) for name, one in f0.items()}
        yield "source-filter, F0 5 Hz too high", "source-filter", {"f0": moved, "config": options}
        yield "source-filter, notes instead of F0", "source-filter", {"score": notes, "config": options}
    yield "ratio mask", "ideal-ratio-mask", {"references": track.load_stems()}


def measure(
    name: str, method: str, given: Mapping[str, Any], mixture: sepkit.Audio, stems: Mapping[str, sepkit.Audio]
) -> None:
    """Print a row."""
    started = time.process_time()
    separation = sepkit.separate(mixture, method, sources=list(stems), **given)
    seconds = time.process_time() - started
    values = evaluate(separation, stems, metrics=["si-sdr"]).values["SI-SDR"]
    figures = [*(values[stem] for stem in stems), np.mean([values[stem] for stem in stems])]
    shown = " | ".join(f"{figure:.1f}" for figure in figures)
    print(f"| {name} | {shown} | {seconds / mixture.duration_s:.2f} |", flush=True)


def score_of_f0(f0: Mapping[str, sepkit.F0Track]) -> sepkit.Score:
    """Notes where the median of F0 stays within a semitone."""
    notes = []
    for part, track in f0.items():
        step_s = float(np.median(np.diff(track.times_s)))
        pitch = np.nan_to_num(np.rint(69 + 12 * np.log2(track.f0_hz / 440)))
        pitch = scipy.ndimage.median_filter(pitch, round(MEDIAN_S / step_s) // 2 * 2 + 1)
        edges = [0, *(np.flatnonzero(np.diff(pitch)) + 1), len(pitch)]
        for first, last in itertools.pairwise(edges):
            if pitch[first] > 0:
                onset_s, offset_s = track.times_s[first], track.times_s[last - 1] + step_s
                notes.append(sepkit.Note(float(onset_s), float(offset_s), float(pitch[first]), part=part))
    return sepkit.Score(tuple(notes))


if __name__ == "__main__":
    main()
