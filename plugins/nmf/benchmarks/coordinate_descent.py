"""Cyclic coordinate descent on the Kullback-Leibler divergence beside `mue`, in CPU seconds::

    OMP_NUM_THREADS=1 python plugins/nmf/benchmarks/coordinate_descent.py RECORDING

Every atom in turn takes a Newton step at all positions at once, block by block of frames that stay in a core's cache;
the gradient and its curvature need the whole model anew after each of them.

References
----------
C.-J. Hsieh and I. S. Dhillon, "Fast coordinate descent methods with variable selection for non-negative matrix
factorization", KDD 2011.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sepkit import Audio
from sepkit.spectral import STFT
from sepkit_nmf.divergence import CACHE_ELEMENTS, beta_divergence, data_floor
from sepkit_nmf.factorization import factorize
from sepkit_nmf.initialize import random_init

Array = NDArray[np.float32]
RANK, SECONDS = 40, 12


def sweep(data: Array, fixed: Array, values: Array, floor: float) -> None:
    """One Newton step for each atom of `values` [shape=(atoms, positions)], those of the other factor being `fixed`.

    Parameters
    ----------
    data : ndarray [shape=(positions, length)]
    fixed : ndarray [shape=(atoms, length)]
    values : ndarray [shape=(atoms, positions)]
        Changed in place.
    floor : float
        The least that the model may be.
    """
    sums, squares = fixed.sum(axis=1), fixed**2
    size = max(1, CACHE_ELEMENTS // data.shape[1])
    for start in range(0, len(data), size):
        v, h = data[start : start + size], values[:, start : start + size]
        model = np.maximum(h.T @ fixed, floor)
        ratio = np.empty_like(model)
        for atom, template in enumerate(fixed):
            # h ← max(0, h - g / c), with g = Σ w (1 - v / y) and c = Σ w² v / y².
            np.divide(v, model, out=ratio)
            gradient = sums[atom] - ratio @ template
            curvature = np.divide(ratio, model, out=ratio) @ squares[atom]
            moved = np.maximum(h[atom] - gradient / np.maximum(curvature, floor), 0)
            model += np.outer(moved - h[atom], template)
            np.maximum(model, floor, out=model)
            h[atom] = moved


def main() -> None:
    """Print objectives over CPU time, beside the best that is found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recording", type=Path)
    audio = Audio.read(parser.parse_args().recording).mixdown()
    V = STFT(2048, 512).magnitude(audio.samples[0, : SECONDS * audio.sample_rate])
    W, H = random_init(V, RANK, np.random.default_rng(0))
    frames, bins = np.ascontiguousarray(V.T), np.ascontiguousarray(V)

    def extrapolated(iterations: int) -> tuple[Any, Any]:
        fit = factorize(V, W, H, beta=1, solver="mue", max_iterations=iterations, tolerance=0)
        return fit.W, fit.H

    def descended(iterations: int) -> tuple[Any, Any]:
        templates, activations, floor = np.ascontiguousarray(W.T), H.copy(), data_floor(V)
        for _ in range(iterations):
            sweep(frames, templates, activations, floor)
            sweep(bins, activations, templates, floor)
        return templates.T, activations

    solvers: dict[str, tuple[Callable[[int], tuple[Any, Any]], tuple[int, ...]]] = {
        "mue": (extrapolated, (50, 100, 200, 400, 800)),
        "coordinate descent": (descended, (5, 10, 20, 40)),
    }
    found: list[tuple[str, int, float, float]] = []
    for name, (solve, counts) in solvers.items():
        for count in counts:
            began = time.process_time()
            factors = solve(count)
            seconds = time.process_time() - began
            model = factors[0].astype(np.float64) @ factors[1].astype(np.float64)
            found.append((name, count, seconds, beta_divergence(V.astype(np.float64), model, 1)))
    best = min(objective for *_, objective in found)
    for name, count, seconds, objective in found:
        print(f"{name:20}{count:6} iterations{seconds:8.2f} s   +{objective / best - 1:.1%}")


if __name__ == "__main__":
    main()
