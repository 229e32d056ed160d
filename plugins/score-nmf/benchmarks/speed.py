"""How long score-informed NMF takes on a long piano recording, and what its zeros save.

A track with a score is repeated until it is as long as asked for. The factorisation then runs twice from one start:
with the zeros declared, so that only sounding atoms are multiplied, and without, as dense products::

    python plugins/score-nmf/benchmarks/speed.py TRACK --minutes 10
"""

from __future__ import annotations

import argparse
import resource
import time
from pathlib import Path

import numpy as np

import sepkit
from sepkit import Domain, SideInformation
from sepkit.builtin import HarmonicConstraint, ScoreConstraint
from sepkit.informed import score_atoms
from sepkit.problem import Hosted
from sepkit.spectral import STFT
from sepkit_nmf import factorize, normalized
from sepkit_score_nmf import ScoreNMFConfig, chords
from sepkit_score_nmf.start import partials_start


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("track", type=Path)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--dense", action="store_true", help="also time the factorisation with dense products")
    arguments = parser.parse_args()

    mixture, score = repeated(
        sepkit.Audio.read(next(arguments.track.glob("mixture.*"))),
        sepkit.Score.read(arguments.track / "score.mid"),
        60 * arguments.minutes,
    )
    started = time.process_time()
    sepkit.separate(mixture, "score-nmf", score=score)
    seconds = time.process_time() - started
    peak_gib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    share = seconds / mixture.duration_s
    print(f"{mixture}, {len(score.notes)} notes: {seconds:.1f} CPU seconds, {share:.3f} of its length")
    print(f"peak memory {peak_gib:.2f} GiB")
    if arguments.dense:
        print_factorization_times(mixture, score)


def repeated(mixture: sepkit.Audio, score: sepkit.Score, seconds: float) -> tuple[sepkit.Audio, sepkit.Score]:
    """The recording and its score again and again."""
    times = max(1, round(seconds / mixture.duration_s))
    notes = [
        sepkit.Note(note.onset_s + shift, note.offset_s + shift, note.pitch, note.velocity, note.part)
        for shift in np.arange(times) * mixture.duration_s
        for note in score.notes
    ]
    return sepkit.Audio(np.tile(mixture.samples, times), mixture.sample_rate), sepkit.Score(tuple(notes))


def print_factorization_times(mixture: sepkit.Audio, score: sepkit.Score) -> None:
    """Seconds for ten iterations with and without active sets."""
    config = ScoreNMFConfig()
    stft = STFT.of_duration(chords.window_s(score), config.overlap, mixture.sample_rate)
    constraints = (
        Hosted(ScoreConstraint(), Domain.ACTIVATIONS, "score"),
        Hosted(HarmonicConstraint(), Domain.TEMPLATES, "harmonic"),
    )
    problem = sepkit.Problem(mixture, score.parts, SideInformation(score), constraints=constraints)
    layout = problem.layout(
        bins_hz=stft.bins_hz(mixture.sample_rate),
        frames_s=stft.frames_s(mixture.length, mixture.sample_rate),
        atoms=score_atoms(score, score.parts, transients=False, rest_rank=1),
    )
    V = normalized(stft.magnitude(mixture.mixdown().samples[0]))
    W, H = partials_start(problem, layout)
    for name, support in (("active sets", H > 0), ("dense products", None)):
        started = time.process_time()
        fit = factorize(V, W, H, max_iterations=10, tolerance=0, support_w=W > 0, support_h=support)
        seconds = time.process_time() - started
        print(f"{name}: {seconds:.2f} s for ten iterations of {W.shape[1]} atoms, cost {fit.costs[-1]:.6g}")


if __name__ == "__main__":
    main()
