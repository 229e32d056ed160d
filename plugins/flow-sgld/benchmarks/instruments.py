"""What denoisers of instruments make of recordings that they never heard: their own stem in noise, and other stems.

    python instruments.py DATA --seconds 6

DATA is laid out as for ``duets.py``. Prints the SDR in dB of every stem after one step of denoising, with noise
relative to the stem's level; then, without noise, how many decibels of the other stem are left by a denoiser that is
given it alone, and of its own. A denoiser that knows its instrument keeps the one and takes the other out.
``--denoisers`` gives other weights.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import torch
from duets import PIECES
from numpy.typing import NDArray
from real_stems import RATE, Piece

from sepkit import Audio, Domain, Layout, Registry, SideInformation
from sepkit.plugin.store import chosen_weights
from sepkit_flow_sgld.diffusion import DiffusionPrior

LEVELS = (0.02, 0.1, 0.5, 2.0)
QUIET = 0.02
"""Noise that denoisers are told of where there is none, over the stem's root mean square."""


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--seconds", type=float, default=6.0, help="that are heard of each piece")
    parser.add_argument("--denoisers", default="diffusion-instruments", help="weights of the prior diffusion")
    given = parser.parse_args()
    torch.set_num_threads(1)
    print(f"| stem | {' | '.join(f'noise {level:g}' for level in LEVELS)} | other stem | own stem |")
    print(f"| --- {'| ---: ' * (len(LEVELS) + 2)}|")
    for name, sources in PIECES.items():
        piece = Piece.read(given.data / name, sources, given.seconds, given.data)
        for source, stem in piece.stems.items():
            clean = stem.samples.astype(np.float64)
            other = piece.mixture.samples - clean
            # Brought to the level that the denoiser learned, which noise levels go by.
            density = bound(given.denoisers, source, stem)
            scale = float(np.sqrt(density.power[0] / np.mean(clean**2)))
            found = [sdr(clean, denoised(density, clean, scale, level, seed=0)) for level in LEVELS]
            left = [kept(signal, denoised(density, signal, scale, QUIET)) for signal in (other, clean)]
            cells = [f"{figure:.1f}" for figure in (*found, *left)]
            print(f"| {source}, {name} | {' | '.join(cells)} |", flush=True)


def bound(denoisers: str, source: str, stem: Audio) -> Any:
    """The density of one source."""
    layout = Layout(
        mixture=Audio(np.zeros_like(stem.samples), RATE), side_information=SideInformation(), sources=(source,)
    )
    prior = DiffusionPrior(weights=chosen_weights(denoisers, Registry.discover().prior("diffusion")))
    return prior.bind(layout, Domain.WAVEFORMS)


def denoised(
    density: Any, signal: NDArray[np.float64], scale: float, level: float, seed: int | None = None
) -> NDArray[np.float64]:
    """A signal after one step; with noise first, where there is a seed [shape of the signal]."""
    sigma = level * float(np.sqrt(density.power[0]))
    noisy = scale * signal[np.newaxis]
    if seed is not None:
        noisy = noisy + sigma * np.random.default_rng(seed).standard_normal(noisy.shape)
    found: NDArray[np.float64] = (noisy + sigma**2 * density.smoothed(sigma).gradient(noisy))[0] / scale
    return found


def sdr(wanted: NDArray[np.float64], found: NDArray[np.float64]) -> float:
    """Signal-to-distortion ratio in dB."""
    return 10 * float(np.log10(np.sum(wanted**2) / np.sum((wanted - found) ** 2)))


def kept(given: NDArray[np.float64], left: NDArray[np.float64]) -> float:
    """Energy of what is left over that of what was given, in dB."""
    return 10 * float(np.log10(np.sum(left**2) / np.sum(given**2)))


if __name__ == "__main__":
    main()
