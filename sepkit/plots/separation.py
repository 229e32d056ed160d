"""Pictures of separations: spectrograms, masks, the cost, the uncertainty."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sepkit.plots.canvas import (
    MOST_COLUMNS,
    MOST_INCHES,
    Sound,
    drawable,
    require_figure_type,
    shown_inline,
    time_unit,
)
from sepkit.plots.labels import DrawnLabel, draw_labels
from sepkit.plots.uncertainty import draw_agreement
from sepkit.spectral import STFT, soft_masks
from sepkit.spectral_config import WINDOW_S

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_RANGE_DB = 70
_TOP_HZ = 8000


def plot_separation(
    mixture: Sound,
    stems: Mapping[str, Sound],
    *,
    traces: Mapping[str, list[float]],
    uncertainty: Mapping[str, Sound],
    agreement_db: Mapping[str, float],
    labels: Sequence[DrawnLabel] = (),
) -> Figure:
    """Draw mixture, stems and residual, with the soft masks that the stems imply.

    Parameters
    ----------
    mixture : Audio
        Of any length: what is drawn, and the memory for it, does not grow with it.
    stems : mapping of str to Audio
        Of the mixture's shape and rate.
    traces : mapping of str to list of float
        Curves that the method kept, such as its cost.
    uncertainty : mapping of str to Audio
        Standard deviations of the stems, where the method knows them.
    agreement_db : mapping of str to float
        The SDR that they imply over the whole recording.
    labels : sequence of Label
        Spans and boxes of a listener, drawn over the mixture's spectrogram and each over its stem's.

    Returns
    -------
    figure : matplotlib.figure.Figure
        Left, spectrograms on one scale of dB below the loudest of them; the residual is there only if it reaches that
        scale. Beside them, the share of each in the sum of their magnitudes, grey where there is nothing to share, and
        above them the method's cost if it kept one. If the method knows its uncertainty, a third column shows the SDR
        that its draws agree to, of every stem over time. Notebooks show the figure inline.

    Raises
    ------
    SepkitError
        If matplotlib is not installed.
    """
    figure_type = require_figure_type()
    stft = _transform(mixture)
    power = _pooled_power(mixture, stems, stft)
    level, audible = _relative_db(power)
    residual_shows = level[-1].max() > -_RANGE_DB
    names = ["mixture", *map(drawable, stems), *(["residual"] if residual_shows else [])]
    masks = soft_masks(np.sqrt(power[1 : len(names)]))
    masks[:, ~audible] = np.nan

    columns = 3 if uncertainty else 2
    size = (5.5 * columns, min(0.8 + 1.5 * len(names), MOST_INCHES))
    figure = figure_type(figsize=size, layout="constrained")
    axes = figure.subplots(len(names), columns, squeeze=False)
    draw = _Spectrograms(mixture, stft, axes[0, 0])
    for axis, name, values in zip(axes[:, 0], names, level, strict=False):
        image = draw(axis, name, values, cmap="magma", vmin=-_RANGE_DB, vmax=0)
    for axis, source in zip(axes[:, 0], (None, *stems), strict=False):
        own = [label for label in labels if source in (None, label.source)]
        draw_labels(axis, own, tuple(stems), seconds=draw.seconds, top_khz=draw.view[1][1])
    figure.colorbar(image, ax=list(axes[:5, 0]), label="dB below the loudest", aspect=40)
    for axis, name, values in zip(axes[1:, 1], names[1:], masks, strict=True):
        image = draw(axis, f"mask of {name}", values, cmap="viridis", vmin=0, vmax=1)
        axis.set_facecolor("0.9")
    figure.colorbar(image, ax=list(axes[1:5, 1]), label="share", aspect=40)
    if uncertainty:
        _draw_uncertainty(axes[:, 2], stems, uncertainty, agreement_db)
    for axis in axes[-1, :2]:
        axis.tick_params(labelbottom=True)
        axis.set_xlabel(draw.unit)
    if not _draw_trace(axes[0, 1], traces):
        axes[0, 1].remove()
    return shown_inline(figure)


def _draw_uncertainty(
    axes: Iterable[Axes], stems: Mapping[str, Sound], uncertainty: Mapping[str, Sound], agreement: Mapping[str, float]
) -> None:
    """How far the draws of every stem agree over time, beside its row."""
    names = ["", *stems, ""]
    for axis, name in zip(axes, names, strict=False):
        if name not in uncertainty:
            axis.remove()
            continue
        unit, seconds = time_unit(stems[name].duration_s)
        total = f": {agreement[name]:.1f} dB" if np.isfinite(agreement.get(name, np.nan)) else ""
        draw_agreement(axis, stems[name], uncertainty[name], MOST_COLUMNS, 1 / seconds)
        axis.set_title(f"agreement on {drawable(name)}{total}", loc="left", fontsize="medium", parse_math=False)
        axis.set_xlabel(unit)


def _transform(mixture: Sound) -> STFT:
    stft = STFT.of_duration(WINDOW_S, 4, mixture.sample_rate)
    if stft.frames(mixture.length) <= 4 * MOST_COLUMNS:
        return stft
    # Many frames are pooled into each column: half of them say as much.
    return STFT.of_duration(WINDOW_S, 2, mixture.sample_rate)


def _pooled_power(mixture: Sound, stems: Mapping[str, Sound], stft: STFT) -> NDArray[np.float64]:
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

    def __init__(self, mixture: Sound, stft: STFT, shared: Axes) -> None:
        rate = mixture.sample_rate
        self.unit, self.seconds = time_unit(mixture.duration_s)
        seconds = self.seconds
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
    axis.set_xlabel("iterations" if name == "cost" else "")
    axis.locator_params(axis="x", integer=True)
    axis.grid(alpha=0.3)
    return True
