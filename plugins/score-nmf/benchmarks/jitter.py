"""What an inexact score costs: SDR of score-informed NMF when every note is moved at random.

A track is a folder with ``mixture.*``, ``stems/<source>.*`` and ``score.mid``::

    python plugins/score-nmf/benchmarks/jitter.py TRACK [TRACK ...] --milliseconds 50
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import sepkit
from sepkit.evaluation import evaluate
from sepkit.evaluation.datasets.folder import Folder


def main() -> None:
    """Measure and print one row a track."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tracks", type=Path, nargs="+")
    parser.add_argument("--milliseconds", type=float, default=50.0, help="notes move by up to so much, uniformly")
    arguments = parser.parse_args()
    method = sepkit.Method("score-nmf")
    losses = []
    print(f"{'track':<40} {'exact':>8} {'jittered':>8}   mean SDR of the stems in dB")
    for path in arguments.tracks:
        (track,) = Folder(path=path).tracks()
        mixture, stems, score = track.load_mixture(), track.load_stems(), track.load_score()
        assert score is not None
        means = [
            np.mean(list(evaluate(separation, stems, metrics=["sdr"]).values["SDR"].values()))
            for notes in (score, jittered(score, arguments.milliseconds / 1000))
            for separation in [method.separate(mixture, sources=list(stems), score=notes, align="never")]
        ]
        losses.append(means[0] - means[1])
        print(f"{track.name:<40} {means[0]:8.2f} {means[1]:8.2f}")
    print(f"mean loss {np.mean(losses):.2f} dB, worst {np.max(losses):.2f} dB")


def jittered(score: sepkit.Score, most_s: float) -> sepkit.Score:
    """Every note moved by up to `most_s` seconds, the same for the same score."""
    shifts = np.random.default_rng(0).uniform(-most_s, most_s, len(score.notes))
    return sepkit.Score(
        tuple(
            sepkit.Note(
                max(0.0, note.onset_s + shift),
                note.offset_s + max(shift, -note.onset_s),
                note.pitch,
                note.velocity,
                note.part,
            )
            for note, shift in zip(score.notes, shifts, strict=True)
        )
    )


if __name__ == "__main__":
    main()
