"""The picture of the page on mosaics, and the mosaic to listen to: the theme of one bundled recording rebuilt from
the piano of the other::

    python plugins/mosaic/benchmarks/pictures.py docs/guide/pictures --sound FOLDER
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import sepkit
from sepkit import example
from sepkit.spectral import STFT
from sepkit_mosaic import mosaic_activations

_RANGE_DB = 60


def main() -> None:
    """Write the picture, and the mosaic where a folder for it is named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sound", type=Path)
    given = parser.parse_args()
    theme, piano = example.load("ode").stems["flute"], example.load("piano").mixture.mixdown()
    found = sepkit.separate(theme, "mosaic", examples={"piano": piano})
    stft = STFT.of_duration(0.046, 2, theme.sample_rate)
    X = stft.magnitude(piano.resample(theme.sample_rate).samples[0])
    W = X / np.maximum(X.sum(axis=0), 1e-9)
    V = stft.magnitude(theme.samples[0])
    H = np.concatenate([block for _, block in mosaic_activations(V, W)], axis=1)
    figure = Figure(figsize=(11, 6), layout="constrained")
    (target, mosaic), (source, which) = figure.subplots(2, 2)
    draw(target, V, theme.duration_s, "target: flute")
    draw(source, X, piano.duration_s, "source: piano")
    draw(mosaic, stft.magnitude(found["piano"].samples[0]), theme.duration_s, "mosaic")
    places, frames = np.nonzero(H.max(axis=0) / 20 < H)
    hop_s = stft.hop / theme.sample_rate
    which.scatter(frames * hop_s, places * hop_s, s=1, color="tab:blue")
    which.set(title="activations", xlabel="seconds of the mosaic", ylabel="seconds of the source")
    figure.savefig(given.folder / "mosaic.png", dpi=65)
    if given.sound is not None:
        found.write(given.sound)


def draw(axes: object, magnitudes: np.ndarray, duration_s: float, title: str) -> None:
    """One spectrogram up to 5 kHz, in dB below its loudest bin."""
    levels = 20 * np.log10(np.maximum(magnitudes / magnitudes.max(), 10 ** (-_RANGE_DB / 20)))
    axes.imshow(levels, origin="lower", aspect="auto", extent=(0, duration_s, 0, 22.05), cmap="magma")
    axes.set(ylim=(0, 5), title=title, xlabel="seconds", ylabel="kHz")


if __name__ == "__main__":
    main()
