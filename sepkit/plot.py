"""Pictures, through matplotlib (``pip install "sepkit[plot]"``).

Only matplotlib's `Figure` is used and never its pyplot, so that nothing global changes: no backend is chosen, no figure
is kept alive, and threads may draw at the same time.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sepkit.audio import Audio
from sepkit.errors import SepkitError
from sepkit.files import atomic_path
from sepkit.plot_uncertainty import draw_expected_sdr
from sepkit.spectral import STFT, WINDOW_S, soft_masks

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from sepkit.separation import Separation

_RANGE_DB = 70
_TOP_HZ = 8000
MOST_COLUMNS = 2000
MOST_INCHES = 60
_LONGEST_NAME = 40


def plot_separation(separation: Separation) -> Figure:
    """Draw mixture, stems and residual, with the soft masks that the stems imply.

    Parameters
    ----------
    separation : Separation
        Of any length: what is drawn, and the memory for it, does not grow with it.

    Returns
    -------
    figure : matplotlib.figure.Figure
        Left, spectrograms on one scale of dB below the loudest of them; the residual is there only if it reaches that
        scale. Beside them, the share of each in the sum of their magnitudes, grey where there is nothing to share, and
        above them the method's cost if it kept one. If the method knows its uncertainty, a third column shows the SDR
        that it expects of every stem over time. Notebooks show the figure inline.

    Raises
    ------
    SepkitError
        If matplotlib is not installed.
    """
    figure_type = require_figure_type()
    mixture = separation.mixture
    stft = _transform(mixture)
    power = _pooled_power(mixture, separation.stems, stft)
    level, audible = _relative_db(power)
    residual_shows = level[-1].max() > -_RANGE_DB
    names = ["mixture", *map(drawable, separation.stems), *(["residual"] if residual_shows else [])]
    masks = soft_masks(np.sqrt(power[1 : len(names)]))
    masks[:, ~audible] = np.nan

    columns = 3 if separation.uncertainty else 2
    size = (5.5 * columns, min(0.8 + 1.5 * len(names), MOST_INCHES))
    figure = figure_type(figsize=size, layout="constrained")
    axes = figure.subplots(len(names), columns, squeeze=False)
    draw = _Spectrograms(mixture, stft, axes[0, 0])
    for axis, name, values in zip(axes[:, 0], names, level, strict=False):
        image = draw(axis, name, values, cmap="magma", vmin=-_RANGE_DB, vmax=0)
    figure.colorbar(image, ax=list(axes[:5, 0]), label="dB below the loudest", aspect=40)
    for axis, name, values in zip(axes[1:, 1], names[1:], masks, strict=True):
        image = draw(axis, f"mask of {name}", values, cmap="viridis", vmin=0, vmax=1)
        axis.set_facecolor("0.9")
    figure.colorbar(image, ax=list(axes[1:5, 1]), label="share", aspect=40)
    if separation.uncertainty:
        _draw_uncertainty(axes[:, 2], separation)
    for axis in axes[-1, :2]:
        axis.tick_params(labelbottom=True)
        axis.set_xlabel(draw.unit)
    if not _draw_trace(axes[0, 1], separation.provenance.traces):
        axes[0, 1].remove()
    return shown_inline(figure)


def _draw_uncertainty(axes: Iterable[Axes], separation: Separation) -> None:
    """The SDR that is expected of every stem over time, beside its row."""
    expected, (unit, seconds) = separation.provenance.expected_sdr_db, time_unit(separation.mixture.duration_s)
    names = ["", *separation.stems, ""]
    for axis, name in zip(axes, names, strict=False):
        if name not in separation.uncertainty:
            axis.remove()
            continue
        total = f": {expected[name]:.1f} dB" if np.isfinite(expected.get(name, np.nan)) else ""
        draw_expected_sdr(axis, separation[name], separation.uncertainty[name], MOST_COLUMNS, 1 / seconds)
        axis.set_title(f"expected SDR of {drawable(name)}{total}", loc="left", fontsize="medium", parse_math=False)
        axis.set_xlabel(unit)


def write_figure(path: Path, figure: Figure) -> None:
    """Write a picture as PNG, atomically.

    Raises
    ------
    WriteError
    """
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format="png", dpi=110)


def require_figure_type() -> type[Figure]:
    """The class of matplotlib's figures.

    Raises
    ------
    SepkitError
        If matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise SepkitError(f'pictures need matplotlib ({error}); install it with: pip install "sepkit[plot]"') from error
    return Figure


def shown_inline(figure: Figure) -> Figure:
    """The figure, so that notebooks show it."""
    # A figure that pyplot has not made is shown by notebooks only if it brings its own picture.
    figure._repr_png_ = partial(_png, figure)  # type: ignore[attr-defined]
    return figure


def _png(figure: Figure) -> bytes:
    picture = io.BytesIO()
    figure.savefig(picture, format="png")
    return picture.getvalue()


def _transform(mixture: Audio) -> STFT:
    stft = STFT.of_duration(WINDOW_S, 4, mixture.sample_rate)
    if stft.frames(mixture.length) <= 4 * MOST_COLUMNS:
        return stft
    # Frames are about to be pooled many to a column: half of them tell as much.
    return STFT.of_duration(WINDOW_S, 2, mixture.sample_rate)


def _pooled_power(mixture: Audio, stems: Mapping[str, Audio], stft: STFT) -> NDArray[np.float64]:
    """Power of mixture, stems and residual, averaged over channels and over the frames that share a column.

    The residual's spectrum is what is left of the mixture's, block by block: a long recording is never copied.

    Returns
    -------
    power : ndarray [shape=(1 + stems + 1, bins, columns)]
    """
    frames = stft.frames(mixture.length)
    columns = min(frames, MOST_COLUMNS)
    bins = int(np.count_nonzero(stft.bins_hz(mixture.sample_rate) <= _TOP_HZ))
    power = np.zeros((len(stems) + 2, bins, columns))
    counts = np.bincount(np.arange(frames) * columns // frames, minlength=columns)
    for block in stft.blocks(mixture.length, copies=2 * mixture.channels):
        column = np.arange(block.start, block.stop) * columns // frames
        first = np.flatnonzero(np.diff(column, prepend=-1))

        def add(row: int, spectrum: NDArray[Any], at: NDArray[np.intp] = column[first], first: Any = first) -> None:
            squared = np.square(np.abs(spectrum), dtype=np.float64).mean(axis=0)
            power[row][:, at] += np.add.reduceat(squared, first, axis=-1)

        left_over = stft.forward(mixture.samples, block)[:, :bins]
        add(0, left_over)
        for row, stem in enumerate(stems.values(), start=1):
            spectrum = stft.forward(stem.samples, block)[:, :bins]
            add(row, spectrum)
            left_over = left_over - spectrum
        add(-1, left_over)
    power /= counts
    return power


def _relative_db(power: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Levels in dB below the loudest, and where any of them reaches the scale [shape=(bins, columns)]."""
    loudest = power.max()
    faintest = 10 ** (-_RANGE_DB / 10)
    relative = power / loudest if loudest > 0 else power
    audible = np.any(relative > faintest, axis=0)
    return 10 * np.log10(np.maximum(relative, faintest)), audible


class _Spectrograms:
    """Draws arrays [shape=(bins, columns)] onto axes that share time and frequency."""

    def __init__(self, mixture: Audio, stft: STFT, shared: Axes) -> None:
        rate = mixture.sample_rate
        self.unit, seconds = time_unit(mixture.duration_s)
        # Frames start before zero, and a cell of the picture lies around the centre of its frame and of its bin.
        times_s, hop_s = stft.frames_s(mixture.length, rate), stft.hop / rate
        bins_hz = stft.bins_hz(rate)
        bins_khz, half_bin_khz = bins_hz[bins_hz <= _TOP_HZ] / 1000, bins_hz[1] / 2000
        self.extent = (
            float(times_s[0] - hop_s / 2) / seconds,
            float(times_s[-1] + hop_s / 2) / seconds,
            -half_bin_khz,
            bins_khz[-1] + half_bin_khz,
        )
        self.view = (0, mixture.duration_s / seconds), (0, min(_TOP_HZ, rate / 2) / 1000)
        self.shared = shared

    def __call__(self, axis: Axes, title: str, values: NDArray[np.floating], **style: Any) -> Any:
        if axis is not self.shared:
            axis.sharex(self.shared)
            axis.sharey(self.shared)
        image = axis.imshow(values, origin="lower", aspect="auto", extent=self.extent, **style)
        axis.set(xlim=self.view[0], ylim=self.view[1], ylabel="kHz")
        axis.set_title(title, loc="left", fontsize="medium", parse_math=False)
        axis.tick_params(labelbottom=False)
        return image


def time_unit(duration_s: float) -> tuple[str, int]:
    """Name of the unit for an axis of time, and the seconds in it."""
    return ("minutes", 60) if duration_s > 300 else ("seconds", 1)


def _draw_trace(axis: Axes, traces: Mapping[str, list[float]]) -> bool:
    """Draw the cost, or else the first curve that the method kept; False if there is none."""
    # Beyond what curves that diverged can reach, the axes would overflow.
    curves = {
        name: np.where(np.isfinite(values), np.clip(values, -1e99, 1e99), np.nan) for name, values in traces.items()
    }
    curves = {name: values for name, values in curves.items() if not np.isnan(values).all()}
    if not curves:
        return False
    name = "cost" if "cost" in curves else next(iter(curves))
    steps = np.arange(0, len(curves[name]), max(1, len(curves[name]) // MOST_COLUMNS))
    values, most = curves[name][steps], np.nanmax(curves[name])
    if most > 100 * np.nanmin(curves[name]) > 0:
        axis.set_yscale("log")
        values = np.maximum(values, 1e-15 * most)
    axis.plot(steps, values, color="C0", marker="." if len(steps) < 30 else "")
    axis.set_title(drawable(name), loc="left", fontsize="medium", parse_math=False)
    axis.locator_params(axis="x", integer=True)
    axis.grid(alpha=0.3)
    return True


def drawable(name: str) -> str:
    """`name` in one short line of characters that the fonts have; matplotlib would warn of each that they lack."""
    has = _characters()
    line = " ".join(name.split())
    shown = "".join(character if has(character) else "\N{WHITE SQUARE}" for character in line)
    return shown if len(shown) <= _LONGEST_NAME else f"{shown[: _LONGEST_NAME - 1]}…"


def _characters() -> Callable[[str], bool]:
    from matplotlib.font_manager import FontProperties, findfont, get_font

    # As a list, because one family alone would be parsed as a pattern of fontconfig.
    fonts = [get_font(findfont(FontProperties(family=[family]))) for family in FontProperties().get_family()]
    return lambda character: any(font.get_char_index(ord(character)) for font in fonts)
