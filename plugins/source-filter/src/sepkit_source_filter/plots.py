"""Pictures of what the models found: F0, gains and filters of every source."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import torch

from sepkit.errors import SepkitError
from sepkit.plots.canvas import MOST_COLUMNS, drawable, require_figure_type, shown_inline, time_unit
from sepkit.problem.domain import Domain
from sepkit.solving.separation import Separation
from sepkit_source_filter.findings import FILTERS, GAINS
from sepkit_source_filter.lsf import log_gain
from sepkit_source_filter.merged import merged_frames

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_FREQUENCIES = 200
_RANGE_DB = 60.0
_MOST_SOURCES = 12


def plot_voices(separation: Separation) -> Figure:
    """Draw the filters of every source over time, as loud as its gains make them, and its F0 above them.

    Red bars mark frames in which a source is in unison or octaves with another one. The first twelve sources are drawn.

    Parameters
    ----------
    separation : Separation
        By the method `source-filter`, with ``keep_variables=True``.

    Returns
    -------
    figure : matplotlib.figure.Figure
        Notebooks show it inline.

    Raises
    ------
    SepkitError
        If the separation kept no such variables, or matplotlib is not installed.
    """
    variables = separation.variables
    if variables is None or not {Domain.F0, GAINS, FILTERS} <= set(variables.values):
        raise SepkitError(
            f"method '{separation.provenance.method}' kept no F0, gains and filters to draw: separate by source-filter "
            "with keep_variables=True"
        )
    layout = variables.layout
    assert layout.frames_s is not None
    columns = np.unique(np.linspace(0, len(layout.frames_s) - 1, MOST_COLUMNS).astype(int))
    f0_hz, gains, lsf = (variables.values[domain][:, columns] for domain in (Domain.F0, GAINS, FILTERS))
    names = layout.sources[:_MOST_SOURCES]
    unit, seconds = time_unit(separation.mixture.duration_s)
    times = layout.frames_s[columns] / seconds
    highest_hz = min(float(separation.provenance.config["highest_hz"]), separation.mixture.sample_rate / 2)
    grid_hz = np.linspace(0, highest_hz, _FREQUENCIES)
    cosines = torch.cos(torch.from_numpy(np.pi * grid_hz / highest_hz)).float()
    figure = require_figure_type()(figsize=(11, 2.2 * len(names) + 0.6), layout="constrained")
    axes = figure.subplots(len(names), 1, sharex=True, squeeze=False)[:, 0]
    for index, (axis, name) in enumerate(zip(axes, names, strict=True)):
        response = log_gain(torch.from_numpy(lsf[index]).float(), cosines).numpy()
        response -= response.mean(axis=1, keepdims=True)
        level_db = 20 / np.log(10) * (response + np.log(gains[index] + 1e-9)[:, np.newaxis])
        level_db[~np.isfinite(f0_hz[index])] = -np.inf
        top_db = float(np.max(level_db, initial=-1e3))
        axis.pcolormesh(
            times,
            grid_hz / 1000,
            np.maximum(level_db, top_db - _RANGE_DB).T,
            cmap="gray_r",
            shading="nearest",
            rasterized=True,
        )
        axis.plot(times, f0_hz[index] / 1000, color=f"C{index % 10}", linewidth=1.5)
        for one, other in combinations(range(len(names)), 2):
            if index in (one, other):
                merged = merged_frames(f0_hz[one], f0_hz[other])
                axis.plot(times, np.where(merged, 0.97 * highest_hz / 1000, np.nan), color="C3", linewidth=5)
        axis.set_title("", loc="left")
        axis.set_title(drawable(name), loc="left", parse_math=False, fontsize=10)
        axis.set(ylabel="kHz", ylim=(0, highest_hz / 1000), xlim=(0, separation.mixture.duration_s / seconds))
    axes[-1].set_xlabel(unit)
    return shown_inline(figure)
