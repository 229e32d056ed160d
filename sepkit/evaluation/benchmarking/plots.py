"""Pictures of the report: box plots and small spectrograms."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from sepkit.music.audio import Audio
from sepkit.spectral import STFT
from sepkit.spectral_config import WINDOW_S

TOP_HZ = 8000
RANGE_DB = 70
_COLUMNS, _ROWS = 320, 120
_SILENCE = 1e-12


def box_plot_svg(values: Mapping[str, Sequence[float]], title: str, emphasised: frozenset[str]) -> str:
    """Boxes from quartile to quartile, one below the other.

    Parameters
    ----------
    values : mapping of str to sequence of float
        By label; infinite values are left out. Whiskers reach to the last value within 1.5 times the box,
        points are beyond.
    title : str
        Of the axis.
    emphasised : frozenset of str
        Labels whose boxes have a colour.

    Returns
    -------
    svg : str
        An ``<svg>`` element whose lines and letters take the colour of the text around it.
    """
    from matplotlib.cbook import boxplot_stats
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 0.7 + 0.34 * len(values)), layout="constrained")
    axis = figure.subplots()
    for row, (label, found) in enumerate(values.items()):
        finite = [value for value in found if math.isfinite(value)]
        colour = "#2a78d6" if label in emphasised else "#8a8a8a"
        if finite:
            [box] = boxplot_stats(finite)
            axis.hlines(row, box["whislo"], box["whishi"], color=colour, linewidth=1)
            axis.barh(row, box["q3"] - box["q1"], left=box["q1"], height=0.6, color=colour, alpha=0.45)
            axis.vlines(box["med"], row - 0.3, row + 0.3, color=colour, linewidth=2)
            axis.plot(box["fliers"], [row] * len(box["fliers"]), ".", color=colour, markersize=3)
    axis.set_yticks(range(len(values)), list(values))
    axis.set_ylim(len(values) - 0.5, -0.5)
    axis.set_xlabel(title, parse_math=False)
    axis.grid(axis="x", alpha=0.25)
    for side in ("top", "right", "left"):
        axis.spines[side].set_visible(False)
    axis.tick_params(axis="y", length=0)
    drawn = io.StringIO()
    figure.savefig(drawn, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    svg = drawn.getvalue()
    return svg[svg.index("<svg") :].replace("#000000", "currentColor")


def power_db(audio: Audio) -> NDArray[np.float64]:
    """Spectrogram up to 8 kHz, averaged into a small number of cells [shape=(rows, columns)], in dB."""
    stft = STFT.of_duration(WINDOW_S, 4, audio.sample_rate)
    power = np.square(stft.magnitude(audio.samples), dtype=np.float64).mean(axis=0)
    power = power[: np.count_nonzero(stft.bins_hz(audio.sample_rate) <= TOP_HZ)]
    for axis, most in enumerate((_ROWS, _COLUMNS)):
        cells = min(most, power.shape[axis])
        edges = np.arange(cells) * power.shape[axis] // cells
        widths = np.diff(edges, append=power.shape[axis])
        power = np.add.reduceat(power, edges, axis=axis) / np.expand_dims(widths, 1 - axis)
    level: NDArray[np.float64] = 10 * np.log10(power + _SILENCE)
    return level


def spectrogram_png(audio: Audio, loudest_db: float) -> bytes:
    """A picture of the spectrogram, time to the right and frequency up.

    Parameters
    ----------
    audio : Audio
    loudest_db : float
        What is drawn brightest; what is 70 dB below it is dark.
    """
    from matplotlib.image import imsave

    picture = io.BytesIO()
    faintest_db = loudest_db - RANGE_DB
    imsave(picture, power_db(audio), faintest_db, loudest_db, cmap="magma", format="png", origin="lower")
    return picture.getvalue()
