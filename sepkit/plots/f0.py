"""Pictures of F0 over the spectrogram in which it was found."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from sepkit.plots.canvas import MOST_COLUMNS, Sound, drawable, require_figure_type, shown_inline, time_unit
from sepkit.spectral import STFT

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MOST_NAMES = 20
_WINDOW_S, _OVERLAP = 0.09, 4
_RANGE_DB = 60.0
_OCTAVES_ABOVE = 2.0


class DrawnF0(Protocol):
    """F0 over time, such as an `F0Track`."""

    @property
    def times_s(self) -> NDArray[np.float64]:
        """In seconds."""
        ...

    @property
    def f0_hz(self) -> NDArray[np.float64]:
        """In Hz, NaN where unvoiced."""
        ...


def plot_f0(mixture: Sound, tracks: Mapping[str, DrawnF0]) -> Figure:
    """Draw F0 of every source, in a colour a source, over the spectrogram of the mixture.

    Parameters
    ----------
    mixture : Audio
    tracks : mapping of str to F0Track
        By source name.

    Returns
    -------
    figure : matplotlib.figure.Figure
        Notebooks show it inline.

    Raises
    ------
    SepkitError
        If matplotlib is not installed.
    """
    figure = require_figure_type()(figsize=(11, 6), layout="constrained")
    axis = figure.subplots()
    unit, seconds = time_unit(mixture.duration_s)
    stft = STFT.of_duration(_WINDOW_S, _OVERLAP, mixture.sample_rate)
    frames = stft.frames(mixture.length)
    magnitude = stft.magnitude(mixture.samples.mean(axis=0))
    columns = np.unique(np.linspace(0, frames - 1, min(frames, MOST_COLUMNS)).astype(int))
    level_db = 20 * np.log10(magnitude[1:, columns] + 1e-12)
    times = stft.frames_s(mixture.length, mixture.sample_rate)[columns] / seconds
    bins_hz = stft.bins_hz(mixture.sample_rate)[1:]
    top_db = float(level_db.max())
    axis.pcolormesh(
        times,
        bins_hz,
        level_db,
        cmap="gray_r",
        vmin=top_db - _RANGE_DB,
        vmax=top_db,
        shading="nearest",
        rasterized=True,
    )
    voiced = np.concatenate([track.f0_hz[np.isfinite(track.f0_hz)] for track in tracks.values()] or [np.zeros(0)])
    lowest, highest = (voiced.min(), voiced.max()) if voiced.size else (100.0, 1000.0)
    for number, track in enumerate(tracks.values()):
        axis.plot(track.times_s / seconds, track.f0_hz, color=f"C{number % 10}", linewidth=1.5)
    axis.set(
        xlim=(0, mixture.duration_s / seconds),
        ylim=(max(bins_hz[0], lowest / 1.5), min(bins_hz[-1], highest * 2**_OCTAVES_ABOVE)),
        yscale="log",
        xlabel=unit,
        ylabel="Hz",
    )
    lines, names = axis.get_lines()[:_MOST_NAMES], list(tracks)[:_MOST_NAMES]
    if names:
        legend = figure.legend(lines, [str(number) for number in range(len(names))], loc="outside right upper")
        # A label that begins with an underscore would hide its source.
        for text, name in zip(legend.get_texts(), names, strict=True):
            text.set(text=drawable(name), parse_math=False)
    return shown_inline(figure)
