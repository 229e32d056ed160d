"""Cost and time of NMFD beside libnmfd, from the same random starts::

    python -m venv PEER && PEER/bin/pip install libnmfd==1.0.0
    OMP_NUM_THREADS=1 python plugins/nmfd/benchmarks/cost.py RECORDING --peer PEER/bin/python

For every seed: the Kullback-Leibler divergence after 30 iterations of libnmfd and of both solvers here, and how long
each takes to come as low as libnmfd does then. libnmfd works in double precision and sepkit in single.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np

from sepkit import Audio
from sepkit.spectral import STFT
from sepkit_nmf import beta_divergence
from sepkit_nmfd import deconvolve
from sepkit_nmfd.model import stacked

ATOMS, LAGS, ITERATIONS, SEEDS = 3, 8, 30, 6


def main() -> None:
    """Print one row a seed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recording", type=Path)
    parser.add_argument("--peer", type=Path, required=True, help="Python of the environment that has libnmfd.")
    given = parser.parse_args()
    V = STFT(2048, 512).magnitude(Audio.read(given.recording).samples.mean(axis=0))
    V /= V.mean()
    print(f"{V.shape[0]} bins, {V.shape[1]} frames, {ATOMS} atoms, {LAGS} lags, {ITERATIONS} iterations")
    print("seed  libnmfd: cost, s   mu: cost, s, s to libnmfd's   mue: cost, s, s to libnmfd's")
    for seed in range(SEEDS):
        rng = np.random.default_rng(seed)
        W, H = 1 - rng.random((len(V), ATOMS, LAGS)), np.ones((ATOMS, V.shape[1]))
        W /= W.sum(axis=(0, 2), keepdims=True)
        cost, seconds = peer(given.peer, V, W, H)
        row = f"{seed:4d}  {cost:10.0f} {seconds:6.2f} "
        for solver in ("mu", "mue"):
            ours, ours_s = measured(V, W, H, solver, ITERATIONS)
            needed = next(n for n in range(1, 20 * ITERATIONS) if measured(V, W, H, solver, n)[0] <= cost)
            row += f" {ours:10.0f} {ours_s:5.2f} {measured(V, W, H, solver, needed)[1]:5.2f} ({needed})"
        print(row, flush=True)


def measured(V: np.ndarray, W: np.ndarray, H: np.ndarray, solver: str, iterations: int) -> tuple[float, float]:
    """Cost and seconds of so many iterations."""
    began = time.perf_counter()
    fit = deconvolve(V, W, H, solver=solver, max_iterations=iterations, tolerance=0)
    return fit.costs[-1], time.perf_counter() - began


def peer(python: Path, V: np.ndarray, W: np.ndarray, H: np.ndarray) -> tuple[float, float]:
    """Cost and seconds of libnmfd."""
    with tempfile.TemporaryDirectory() as folder:
        start, found = Path(folder, "start.npz"), Path(folder, "found.npz")
        # It is given a copy of its own: it normalises what it gets.
        np.savez(start, V=V.astype(np.float64), W=W, H=H / V.sum(dtype=np.float64), iterations=ITERATIONS)
        script = Path(__file__).with_name("peer.py")
        subprocess.run([python, script, start, found], check=True, capture_output=True)
        with np.load(found) as result:
            W, H, seconds = result["W"], result["H"], float(result["seconds"])
    model = W.reshape(len(W), -1) @ stacked(H, slice(0, H.shape[1]), LAGS)
    return beta_divergence(V.astype(np.float64), model, 1), seconds


if __name__ == "__main__":
    main()
