"""Pictures of a deconvolution: every drum's template beside its activations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sepkit.errors import SepkitError
from sepkit.plots.canvas import drawable, require_figure_type, shown_inline, time_unit
from sepkit.problem.domain import Domain
from sepkit.solving.separation import Separation
from sepkit_nmfd.hosting import LAGGED_TEMPLATES

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_RANGE_DB = 50
_TOP_HZ = 12000


def plot_drums(separation: Separation) -> Figure:
    """Draw the template of every atom in dB, and its activations beside it; needs matplotlib.

    Parameters
    ----------
    separation : Separation
        By `nmfd`, with the variables kept.

    Returns
    -------
    figure : matplotlib.figure.Figure
        Onsets of the score, where there is one, are drawn as strokes.

    Raises
    ------
    SepkitError
        If the variables were not kept, or matplotlib is not installed.
    """
    kept = separation.variables
    if kept is None or LAGGED_TEMPLATES not in kept.values:
        raise SepkitError("there are no templates to draw: separate with nmfd and keep_variables=True")
    figure_type = require_figure_type()
    layout, W, H = kept.layout, kept.values[LAGGED_TEMPLATES], kept.values[Domain.ACTIVATIONS]
    assert layout.atoms is not None
    assert layout.frames_s is not None
    assert layout.bins_hz is not None
    bins_hz, frames_s = layout.bins_hz, layout.frames_s
    rows = len(layout.atoms)
    figure = figure_type(figsize=(11, 1 + 1.3 * rows), layout="constrained")
    axes = figure.subplots(rows, 2, squeeze=False, width_ratios=[1, 4])
    hop_s = float(frames_s[1] - frames_s[0])
    unit, unit_s = time_unit(layout.mixture.duration_s)
    score = layout.side_information.score
    for index, ((left, right), atom) in enumerate(zip(axes, layout.atoms, strict=True)):
        left.imshow(
            _levels(W[:, index]),
            origin="lower",
            aspect="auto",
            extent=(0, 1000 * hop_s * W.shape[2], 0, bins_hz[-1] / 1000),
            cmap="magma",
            vmin=-_RANGE_DB,
            vmax=0,
        )
        left.set_ylim(0, min(_TOP_HZ, float(bins_hz[-1])) / 1000)
        left.set_ylabel(f"{drawable(atom.source or f'component {index + 1}')}\nkHz")
        right.fill_between(frames_s / unit_s, H[index] / (H[index].max() or 1), color="tab:blue", linewidth=0)
        right.set(xlim=(0, layout.mixture.duration_s / unit_s), ylim=(0, 1.05), yticks=())
        if score is not None and atom.source is not None:
            onsets_s = [note.onset_s for note in score.part(atom.source).notes if note.pitch == atom.pitch]
            right.vlines(np.array(onsets_s) / unit_s, 0, 1.05, color="tab:orange", linewidth=0.8)
    axes[-1, 0].set_xlabel("milliseconds")
    axes[-1, 1].set_xlabel(unit)
    return shown_inline(figure)


def _levels(template: NDArray[np.floating]) -> NDArray[np.floating]:
    """In dB below the largest value."""
    largest = float(template.max()) or 1.0
    levels: NDArray[np.floating] = 20 * np.log10(np.maximum(template / largest, 10 ** (-_RANGE_DB / 20)))
    return levels
