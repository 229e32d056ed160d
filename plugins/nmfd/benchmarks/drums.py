"""How well NMFD tells drums apart, by what it is told of them::

    python plugins/nmfd/benchmarks/drums.py TRACK HITS

TRACK is a folder with ``mixture.flac``, ``stems/<drum>.flac`` and ``onsets.csv`` (columns onset and label); HITS has a
folder of single hits for each drum. Figures are SDR in dB, and in brackets the energy of what is wrong in the 46 ms
before the onsets, beside that of the stem.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

import sepkit

SEEDS = 6


def main() -> None:
    """Print one row for each state of knowledge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("track", type=Path)
    parser.add_argument("hits", type=Path)
    given = parser.parse_args()
    mixture = sepkit.Audio.read(given.track / "mixture.flac")
    truth = {file.stem: sepkit.Audio.read(file) for file in sorted((given.track / "stems").glob("*.flac"))}
    score = sepkit.Score.read(given.track / "onsets.csv")
    hits = {drum: given.hits / drum for drum in truth}
    known: dict[str, dict[str, Any]] = {
        "hits": {"examples": hits},
        "hits and onsets": {"examples": hits, "score": score},
        "hits and onsets, restore 5": {"examples": hits, "score": score, "config": {"restore": 5}},
    }
    print(f"{'':28}  mean  " + "  ".join(f"{drum:>14}" for drum in truth))
    for name, told in known.items():
        show(name, [measured(mixture, truth, score, **told)])
    show("onsets", [measured(mixture, truth, score, score=score, seed=seed) for seed in range(SEEDS)])
    oracle = measured(mixture, truth, score, method="ideal-ratio-mask", references=truth)
    show("ideal ratio mask", [oracle])


def measured(
    mixture: sepkit.Audio,
    truth: dict[str, sepkit.Audio],
    onsets: sepkit.Score,
    *,
    method: str = "nmfd",
    **told: Any,
) -> dict[str, tuple[float, float]]:
    """SDR, and what is wrong before onsets, of every drum."""
    stems = sepkit.separate(mixture, method, sources=list(truth), **told)
    figures = {}
    for drum, reference in truth.items():
        size = np.square(reference.samples, dtype=np.float64).sum()
        wrong = np.square(stems[drum].samples - reference.samples, dtype=np.float64).sum(axis=0)
        before = np.zeros(mixture.length, bool)
        for note in onsets.part(drum).notes:
            onset = round(note.onset_s * mixture.sample_rate)
            before[max(0, onset - round(0.046 * mixture.sample_rate)) : onset] = True
        figures[drum] = 10 * np.log10(size / wrong.sum()), 10 * np.log10(wrong[before].sum() / size)
    return figures


def show(name: str, runs: list[dict[str, tuple[float, float]]]) -> None:
    """One row: means over the runs."""
    drums = {drum: np.mean([run[drum] for run in runs], axis=0) for drum in runs[0]}
    mean = np.mean([sdr for sdr, _ in drums.values()])
    print(f"{name:28}  {mean:4.1f}  " + "  ".join(f"{sdr:6.1f} ({wrong:5.1f})" for sdr, wrong in drums.values()))


if __name__ == "__main__":
    main()
