"""Pictures of recordings and of what was found in them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from sepkit import Audio
from sepkit.spectral import STFT

if TYPE_CHECKING:
    from .recordings import Recording

PICTURES: dict[str, Callable[[Path], None]] = {}
"""By name; each writes ``picture.png`` into a folder, and any sounds beside it."""

WINDOW = STFT(1024, 256)
TOP_HZ = 6000


def picture(draw: Callable[[Path], None]) -> Callable[[Path], None]:
    """Register what draws a picture, by its name."""
    PICTURES[draw.__name__.replace("_", "-")] = draw
    return draw


def canvas(rows: int, columns: int, width: float = 9.0, height: float = 2.2, **options: Any) -> tuple[Figure, Any]:
    """A figure and its axes [shape=(rows, columns)]."""
    figure = Figure(figsize=(width, height * rows), layout="constrained", dpi=110)
    return figure, figure.subplots(rows, columns, squeeze=False, **options)


def save(figure: Figure, folder: Path) -> None:
    """Write the picture of a folder."""
    figure.savefig(folder / "picture.png")


def magnitude(audio: Audio) -> NDArray[np.float64]:
    """Of the mean of the channels' powers [shape=(bins, frames)]."""
    return np.sqrt(np.mean(np.abs(WINDOW.forward(audio.samples.astype(float))) ** 2, axis=0))


def show(axes: Any, values: NDArray[np.floating], duration_s: float, rate: int, **options: Any) -> None:
    """Draw a matrix of bins and frames against seconds and kHz."""
    extent = (0, duration_s, 0, rate / 2000)
    axes.imshow(values, origin="lower", aspect="auto", extent=extent, interpolation="nearest", **options)
    axes.set_ylim(0, min(TOP_HZ, rate / 2) / 1000)
    axes.tick_params(labelsize=7)


def decibels(values: NDArray[np.floating], loudest: float) -> NDArray[np.floating]:
    """Relative to the loudest."""
    return 20 * np.log10(np.maximum(values / loudest, 1e-6))


def shares(recording: Recording, stems: dict[str, Audio], path: Path) -> None:
    """Spectrograms of the mixture, and of every stem its true one, its estimate, and its share of the energy."""
    figure, axes = canvas(len(stems) + 1, 3, height=1.5, sharex=True, sharey=True)
    duration_s, rate = recording.mixture.duration_s, recording.mixture.sample_rate
    mixed = magnitude(recording.mixture)
    loud = {"vmin": -60, "vmax": 0, "cmap": "magma"}
    show(axes[0, 0], decibels(mixed, mixed.max()), duration_s, rate, **loud)
    axes[0, 0].set_title("mixture", fontsize=9)
    for empty in axes[0, 1:]:
        empty.axis("off")
    found = {name: magnitude(stem) for name, stem in stems.items()}
    total = sum(values**2 for values in found.values()) + 1e-12 * mixed.max() ** 2
    for row, (name, values) in zip(axes[1:], found.items(), strict=True):
        truth = recording.stems.get(name)
        if truth is None:
            row[0].axis("off")
        else:
            show(row[0], decibels(magnitude(truth), mixed.max()), duration_s, rate, **loud)
            row[0].set_title(f"{name}: true", fontsize=9)
        show(row[1], decibels(values, mixed.max()), duration_s, rate, **loud)
        row[1].set_title(f"{name}: found", fontsize=9)
        if len(found) == 1:
            row[2].axis("off")
        else:
            show(row[2], values**2 / total, duration_s, rate, vmin=0, vmax=1, cmap="gray")
            row[2].set_title(f"{name}: share of what was found", fontsize=9)
        row[0].set_ylabel("kHz", fontsize=8)
    for last in axes[-1]:
        last.set_xlabel("s", fontsize=8)
    figure.savefig(path)
