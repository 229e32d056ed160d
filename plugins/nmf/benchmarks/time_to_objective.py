"""Seconds until a factorisation comes within 10, 3 and 1 % of the best objective that any contender finds.

    python time_to_objective.py --recording mixture.flac --rank 40 --seconds 5

Every contender factorises the same magnitude spectrogram from the same random start. Each point of its curve is a fresh
run of that many iterations, timed as a whole and taken as the fastest of several repeats; its objective is evaluated
afterwards, outside the timing, by the same float64 code for everyone.
"""

from __future__ import annotations

import argparse
import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt

from sepkit_nmf.divergence import beta_divergence
from sepkit_nmf.factorization import factorize
from sepkit_nmf.initialize import random_init

Array = npt.NDArray[np.floating[Any]]
Run = Callable[[int], tuple[Array, Array]]
TARGETS = (0.10, 0.03, 0.01)
# Each point of a curve has about this factor more iterations than the one before.
SPACING = 1.3


@dataclass
class Contender:
    """One solver of one package, and its curve so far."""

    name: str
    run: Run
    seconds: list[float] = field(default_factory=list)
    objectives: list[float] = field(default_factory=list)

    def measure(self, iterations: int, objective: Callable[[Array, Array], float], repeats: int) -> None:
        """Add a point to the curve."""
        fastest = np.inf
        for _ in range(repeats):
            started = perf_counter()
            W, H = self.run(iterations)
            fastest = min(fastest, perf_counter() - started)
        self.seconds.append(fastest)
        self.objectives.append(objective(W, H))

    def seconds_to(self, goal: float) -> float:
        """Time at which the curve, linear between its points, reaches ``goal``; infinite if it never does."""
        for index, reached in enumerate(self.objectives):
            if reached <= goal:
                if index == 0:
                    return self.seconds[0]
                before = self.objectives[index - 1]
                share = (before - goal) / (before - reached)
                return self.seconds[index - 1] + share * (self.seconds[index] - self.seconds[index - 1])
        return np.inf


def magnitude_spectrogram(path: Path) -> Array:
    """Magnitudes of a recording's mono mix, bins by frames, a frame contiguous in memory."""
    import soundfile
    from scipy.signal import stft

    audio, rate = soundfile.read(path, dtype="float32", always_2d=True)
    _, _, spectrum = stft(audio.mean(axis=1), rate, "hann", nperseg=2048, noverlap=2048 - 512)
    return np.asfortranarray(np.abs(spectrum), dtype=np.float32)


def ours(V: Array, W: Array, H: Array, solver: str, beta: float) -> Run:
    """A run of this package."""

    def run(iterations: int) -> tuple[Array, Array]:
        fit = factorize(V, W, H, beta=beta, solver=solver, max_iterations=iterations, tolerance=0)
        return fit.W, fit.H

    return run


def scikit_learn(V: Array, W: Array, H: Array, solver: str, beta: float, dtype: npt.DTypeLike) -> Run:
    """A run of scikit-learn in its own layout, frames by bins, converted before the clock starts."""
    from sklearn.decomposition import non_negative_factorization

    X, first, second = (np.ascontiguousarray(array.T, dtype=dtype) for array in (V, H, W))

    def run(iterations: int) -> tuple[Array, Array]:
        options: dict[str, Any] = {"n_components": W.shape[1], "init": "custom", "solver": solver, "beta_loss": beta}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            activations, templates, _ = non_negative_factorization(
                X, W=first.copy(), H=second.copy(), tol=0, max_iter=iterations, **options
            )
        return templates.T, activations.T

    return run


def race(V: Array, contenders: list[Contender], beta: float, seconds: float, repeats: int) -> None:
    """Measure everyone's curve up to a run time of ``seconds``, taking turns so that all meet the same machine."""
    wide = V.astype(np.float64)

    def objective(W: Array, H: Array) -> float:
        return beta_divergence(wide, W.astype(np.float64) @ H.astype(np.float64), beta)

    for contender in contenders:
        contender.run(1)
    iterations = 1
    for step in count():
        running = [c for c in contenders if step == 0 or c.seconds[-1] < seconds]
        if not running:
            return
        for contender in running:
            contender.measure(iterations, objective, repeats)
        iterations = max(iterations + 1, round(iterations * SPACING))


def report(title: str, contenders: list[Contender]) -> None:
    """Print the table of one divergence, with ratios to the fastest of ours."""
    best = min(min(contender.objectives) for contender in contenders)
    times = {c.name: [c.seconds_to(best * (1 + share)) for share in TARGETS] for c in contenders}
    fastest = np.min([row for name, row in times.items() if name.startswith("sepkit")], axis=0)
    print(f"\n{title}: best objective {best:.6g}; seconds (times our fastest)")
    print(f"{'':26}" + "".join(f"{f'to +{share:.0%}':>20}" for share in TARGETS) + f"{'lowest':>12}")
    for contender in contenders:
        cells = ""
        for time, ours in zip(times[contender.name], fastest, strict=True):
            # Who never got there took longer than its longest run.
            sign, seconds = ("", time) if np.isfinite(time) else (">", contender.seconds[-1])
            cells += f"{f'{sign}{seconds:.3f} ({sign}{seconds / ours:.1f}x)':>20}"
        print(f"{contender.name:26}{cells}{f'+{min(contender.objectives) / best - 1:.2%}':>12}")


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recording", type=Path, required=True, help="an audio file")
    parser.add_argument("--beta", type=float, choices=(1, 2), action="append", help="one divergence; by default both")
    parser.add_argument("--rank", type=int, default=40, help="number of atoms")
    parser.add_argument("--seconds", type=float, default=5.0, help="longest run of a contender")
    parser.add_argument("--repeats", type=int, default=3, help="runs of each point; the fastest counts")
    parser.add_argument("--seed", type=int, default=0, help="of the random start")
    arguments = parser.parse_args()
    V = magnitude_spectrogram(arguments.recording)
    W, H = random_init(V, arguments.rank, np.random.default_rng(arguments.seed))
    threads = os.environ.get("OPENBLAS_NUM_THREADS", "all")
    size = f"{V.shape[0]} bins x {V.shape[1]} frames, rank {arguments.rank}"
    print(f"{size}, {os.cpu_count()} cores, {threads} BLAS threads")
    for title, beta, solvers, theirs in (
        ("Frobenius", 2.0, ("hals", "mue"), ("cd", "mu")),
        ("Kullback-Leibler", 1.0, ("mue", "mu"), ("mu",)),
    ):
        if beta not in (arguments.beta or (1, 2)):
            continue
        contenders = [Contender(f"sepkit {name} float32", ours(V, W, H, name, beta)) for name in solvers]
        contenders += [
            Contender(f"scikit-learn {name} {np.dtype(dtype)}", scikit_learn(V, W, H, name, beta, dtype))
            for name in theirs
            for dtype in (np.float32, np.float64)
        ]
        race(V, contenders, beta, arguments.seconds, arguments.repeats)
        report(title, contenders)


if __name__ == "__main__":
    main()
