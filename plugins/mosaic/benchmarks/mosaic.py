"""How near mosaics come to their targets, how they keep the sounds of their source, and what they cost::

    python plugins/mosaic/benchmarks/mosaic.py TARGET SOURCE [TARGET SOURCE ...] [--seconds 20]

For each pair, with all demands and without any (plain NMF on fixed templates): the Kullback-Leibler divergence of the
mosaic's magnitudes from the target's, relative to the target's sum; how much of the activations' energy continues
activations of the frame before along a diagonal; sounds at a time; spectral convergence of the phases; seconds and peak
memory.
"""

from __future__ import annotations

import argparse
import resource
import time
from pathlib import Path

import numpy as np

from sepkit import Audio
from sepkit.phase import griffin_lim, spectral_convergence
from sepkit.spectral import STFT
from sepkit_mosaic import mosaic_activations
from sepkit_nmf import beta_divergence

DEMANDS = {"all demands": {}, "none": {"repetition": 0, "polyphony": 10**6, "continuity": 0}}


def main() -> None:
    """Print two rows for every pair."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recordings", nargs="+", type=Path)
    parser.add_argument("--seconds", type=float, default=20.0)
    given = parser.parse_args()
    pairs = zip(given.recordings[::2], given.recordings[1::2], strict=True)
    for target_path, source_path in pairs:
        target = Audio.read(target_path).mixdown()
        source = Audio.read(source_path).mixdown().resample(target.sample_rate)
        x, y = (audio.samples[0, : int(given.seconds * target.sample_rate)] for audio in (target, source))
        stft = STFT.of_duration(0.046, 2, target.sample_rate)
        V, X = stft.magnitude(x), stft.forward(y)
        levels = np.abs(X).sum(axis=0)
        X /= np.where(levels > 0, levels, 1)
        print(f"{target_path} of {source_path}: {V.shape[1]} frames of {X.shape[1]}")
        for name, demands in DEMANDS.items():
            began = time.perf_counter()
            H = np.concatenate([block for _, block in mosaic_activations(V, np.abs(X), **demands)], axis=1)
            laid_s = time.perf_counter() - began
            spectrum = X @ H
            magnitude = np.abs(spectrum)
            signal = griffin_lim(magnitude, stft, len(x), start=spectrum, momentum=0.99)
            print(
                f"  {name:12} divergence {beta_divergence(V, magnitude, 1) / V.sum():5.2f}  "
                f"on diagonals {continued(H):4.0%}  "
                f"at a time {np.median(np.count_nonzero(H.max(axis=0) / 1000 < H, axis=0)):5.0f}  "
                f"convergence {spectral_convergence(signal, magnitude, stft):5.3f}  "
                f"{laid_s:5.1f} s and {time.perf_counter() - began - laid_s:4.1f} s  "
                f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:4.2f} GiB"
            )


def continued(H: np.ndarray) -> float:
    """Share of the energy at places whose predecessor on the diagonal is at least a tenth as large."""
    goes_on = H[:-1, :-1] > H[1:, 1:] / 10
    return float(np.square(H[1:, 1:])[goes_on].sum() / np.square(H[1:, 1:]).sum())


if __name__ == "__main__":
    main()
