"""How long score-informed NMF takes on a long piano recording, and what its zeros save.

A track with a score is repeated until it is as long as asked for. With ``--dense`` the factorisation then runs three
times from one start: with the zeros declared, so that only sounding atoms are multiplied, without, as dense products,
and as the plain loop of the textbooks in NumPy, in which zeros stay zeros because they are multiplied, until that
comes as far::

    OMP_NUM_THREADS=1 python plugins/score-nmf/benchmarks/speed.py TRACK --minutes 10 --dense
"""

from __future__ import annotations

import argparse
import resource
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import sepkit
from sepkit import Domain, SideInformation
from sepkit.builtin import HarmonicConstraint, ScoreConstraint
from sepkit.informed import score_atoms
from sepkit.problem import Hosted
from sepkit.spectral import STFT
from sepkit_nmf import beta_divergence, factorize, normalized
from sepkit_score_nmf import ScoreNMFConfig, chords
from sepkit_score_nmf.start import partials_start

Array = NDArray[np.floating]
ITERATIONS = 10
MOST_PLAIN = 100


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("track", type=Path)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--dense", action="store_true", help="also time the factorisation alone, beside others")
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
    """CPU seconds for ten iterations with and without active sets, and of a plain loop."""
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
        fit = factorize(V, W, H, max_iterations=ITERATIONS, tolerance=0, support_w=W > 0, support_h=support)
        seconds = time.process_time() - started
        print(f"{name}: {seconds:.2f} s for ten iterations of {W.shape[1]} atoms, cost {fit.costs[-1]:.6g}")
    V, W, H = (values.astype(np.float64) for values in (V, W, H))
    goal, cost, seconds, iterations = beta_divergence(V, fit.W @ fit.H, 1), np.inf, 0.0, 0
    while cost > goal and iterations < MOST_PLAIN:
        started = time.process_time()
        W, H = multiplied(V, W, H)
        seconds, iterations = seconds + time.process_time() - started, iterations + 1
        cost = beta_divergence(V, W @ H, 1)
    print(f"plain loop: {seconds:.2f} s for {iterations} iterations, cost {cost:.6g}")


def multiplied(V: Array, W: Array, H: Array) -> tuple[Array, Array]:
    """One multiplicative update of each factor for the divergence of Kullback and Leibler."""
    tiny = np.finfo(V.dtype).eps
    H = H * (W.T @ (V / (W @ H + tiny))) / (W.sum(axis=0)[:, np.newaxis] + tiny)
    return W * ((V / (W @ H + tiny)) @ H.T) / (H.sum(axis=1) + tiny), H


if __name__ == "__main__":
    main()
