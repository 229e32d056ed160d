"""Blind separation of recordings whose stems are known: every seed, beside other methods and what a mask can reach.

A track is a folder with ``stems/<source>.*`` and perhaps ``mixture.*``::

    python plugins/sparse-pursuit/benchmarks/blind.py TRACK [TRACK ...] --seeds 3 > table.md

Of the figures, means over the stems in dB, SI-SDR, SI-SIR and SI-SAR are the measures of the papers (one gain, whole
recordings); plain SDR is what `sepkit benchmark` shows. Stems go to the references in the order in which the mean plain
SDR is highest. Seconds are those of the processor.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sepkit import Audio, separate
from sepkit.cli.options import read_options
from sepkit.evaluation import Track, evaluate
from sepkit.evaluation.datasets.folder import Folder

FIGURES = ("SI-SDR", "SI-SIR", "SI-SAR", "SDR")
METHOD = "sparse-pursuit"


@dataclass(frozen=True)
class Row:
    """How one run did: figures of every stem in dB, and seconds."""

    method: str
    figures: Mapping[str, Mapping[str, float]]
    seconds: float
    remark: str = ""

    def __str__(self) -> str:
        means = " | ".join(f"{np.mean(list(self.figures[figure].values())):.1f}" for figure in FIGURES)
        each = ", ".join(f"{name} {value:.1f}" for name, value in self.figures["SI-SDR"].items())
        return f"{self.method} | {means} | {each} | {self.seconds:.0f} | {self.remark} |"


def main() -> None:
    """Measure and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tracks", type=Path, nargs="+")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--set", dest="settings", action="append", default=[], help="option of sparse-pursuit")
    parser.add_argument("--only", action="store_true", help="leave the other methods out")
    arguments = parser.parse_args()
    options = read_options(None, arguments.settings)
    print(f"| track | method | {' | '.join(FIGURES)} | SI-SDR of each | s | log-likelihood by start |")
    print(f"| --- | --- |{' ---: |' * len(FIGURES)} --- | ---: | --- |")
    for path in arguments.tracks:
        for track in Folder(path=path).tracks():
            for row in measured(track, options, arguments.seeds, others=not arguments.only):
                print(f"| {track.name} | {row}", flush=True)


def measured(track: Track, options: Mapping[str, Any], seeds: int, *, others: bool) -> Iterator[Row]:
    """All methods on one track."""
    stems = {name: stem.mixdown() for name, stem in track.load_stems().items()}
    mixture = track.load_mixture().mixdown()
    if others:
        yield ran("mixture", mixture, stems)
        yield ran("nmf", mixture, stems)
        yield ran("ideal-ratio-mask", mixture, stems, references=stems)
    for seed in range(seeds):
        yield ran(METHOD, mixture, stems, label=f"{METHOD}, seed {seed}", config=options, seed=seed)
    yield refined(mixture, stems, options)


def ran(method: str, mixture: Audio, stems: Mapping[str, Audio], *, label: str = "", **given: Any) -> Row:
    """One method once."""
    begun = time.process_time()
    separation = separate(mixture, method, sources=tuple(stems), **given)
    seconds = time.process_time() - begun
    likelihoods = separation.provenance.traces.get("log-likelihood by start", [])
    return Row(label or method, scored(separation, stems), seconds, ", ".join(f"{value:.0f}" for value in likelihoods))


def refined(mixture: Audio, stems: Mapping[str, Audio], options: Mapping[str, Any]) -> Row:
    """Score-informed factorisation with the notes that sparse pursuit finds."""
    begun = time.process_time()
    found = separate(mixture, METHOD, sources=tuple(stems), config=options, keep_variables=True).score
    separation = separate(mixture, "score-nmf", score=found)
    seconds = time.process_time() - begun
    return Row(f"{METHOD}, seed 0, then score-nmf", scored(separation, stems), seconds)


def scored(estimates: Mapping[str, Audio], stems: Mapping[str, Audio]) -> dict[str, dict[str, float]]:
    """The figures of every stem."""
    return evaluate(estimates, stems, metrics=["si-sdr", "sdr"], permute=True).values


if __name__ == "__main__":
    main()
