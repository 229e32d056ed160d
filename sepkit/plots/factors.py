"""Pictures of factorisations: templates beside activations, with a row for every pitch."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from sepkit.plots.canvas import (
    MOST_COLUMNS,
    MOST_INCHES,
    DrawnNote,
    drawable,
    require_figure_type,
    shown_inline,
    time_unit,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_RANGE_DB = 50
_TOP_HZ = 4000
_MOST_LABELS = 40

Array = NDArray[np.floating]
Row = tuple[float, bool]
"""Pitch, and whether it is one of transients; atoms without a pitch have rows below 0."""
Colours = dict[str | None, Array]


class DrawnAtom(Protocol):
    """What is known of an atom, such as an `Atom`."""

    @property
    def source(self) -> str | None:
        """The source it belongs to."""
        ...

    @property
    def pitch(self) -> float | None:
        """MIDI pitch."""
        ...

    @property
    def transient(self) -> bool:
        """Whether it stands for the onset of notes only."""
        ...


def plot_factors(
    templates: Array,
    activations: Array,
    *,
    atoms: Sequence[DrawnAtom],
    bins_hz: Array,
    frames_s: Array,
    duration_s: float,
    notes: Iterable[DrawnNote] = (),
) -> Figure:
    """Draw templates and activations of a factorisation, with one axis of pitch.

    Parameters
    ----------
    templates : ndarray [shape=(bins, atoms)]
    activations : ndarray [shape=(atoms, frames)]
    atoms : sequence of Atom
    bins_hz : ndarray [shape=(bins,)]
        Centre frequencies.
    frames_s : ndarray [shape=(frames,)]
        Centre times.
    duration_s : float
        Of the recording.
    notes : iterable of Note
        Of the score, if there is one.

    Returns
    -------
    figure : matplotlib.figure.Figure
        Every source has a colour; where two meet, the colours mix. Left, the templates in dB below the largest bin of
        each. Right, the activations in dB below the loudest of all, and the onsets of the score as strokes.

    Raises
    ------
    SepkitError
        If matplotlib is not installed.
    """
    figure_type = require_figure_type()
    W, H = _finite(templates), _finite(_pooled(activations))
    loudness = H * W.sum(axis=0)[:, np.newaxis]
    rows = _rows(atoms)
    places = {row: place for place, row in enumerate(sorted(set(rows)))}
    at = np.array([places[row] for row in rows])
    colours = _colours(atoms)

    height = min(max(3, 1.5 + 0.2 * len(places)), MOST_INCHES)
    figure = figure_type(figsize=(11, height), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=[1, 2.5])
    _draw_templates(left, _painted(_levels(W.T, W.max(axis=0)[:, np.newaxis]), atoms, at, colours), bins_hz)
    loudest = _painted(_levels(loudness, loudness.max()), atoms, at, colours)
    _draw_activations(right, loudest, frames_s, duration_s)
    _draw_onsets(right, notes, duration_s, places, colours)
    _name_rows(left, {places[row]: atom for row, atom in zip(rows, atoms, strict=True)})
    _name_colours(figure, colours)
    return shown_inline(figure)


def _rows(atoms: Sequence[DrawnAtom]) -> list[Row]:
    """The row of every atom."""
    return [
        (index - len(atoms), False) if atom.pitch is None else (atom.pitch, atom.transient)
        for index, atom in enumerate(atoms)
    ]


def _colours(atoms: Sequence[DrawnAtom]) -> Colours:
    from matplotlib.colors import to_rgb

    sources = dict.fromkeys(atom.source for atom in atoms)
    return {source: np.array(to_rgb(f"C{index % 10}")) for index, source in enumerate(sources)}


def _finite(values: Array) -> Array:
    """Factors that diverged, within what can be multiplied."""
    return np.clip(np.nan_to_num(values.astype(np.float64)), 0, 1e99)


def _levels(values: Array, full: Array) -> Array:
    """From 0, at the end of the scale, to 1 where a value is as large as `full`."""
    relative = np.divide(values, full, out=np.zeros(values.shape), where=np.broadcast_to(full > 0, values.shape))
    return 1 + 20 * np.log10(np.maximum(relative, 10 ** (-_RANGE_DB / 20))) / _RANGE_DB


def _pooled(activations: Array) -> Array:
    """The largest of the frames that share a column [shape=(atoms, columns)]."""
    frames = activations.shape[1]
    columns = min(frames, MOST_COLUMNS)
    # The first frame of every column.
    first = -(-np.arange(columns) * frames // columns)
    return np.maximum.reduceat(activations, first, axis=1)


def _painted(levels: Array, atoms: Sequence[DrawnAtom], at: NDArray[np.intp], colours: Colours) -> Array:
    """Levels [shape=(atoms, columns)] in the colours of their sources on white [shape=(rows, columns, 3)]."""
    picture = np.ones((at.max() + 1, levels.shape[1], 3))
    for source, colour in colours.items():
        members = [index for index, atom in enumerate(atoms) if atom.source == source]
        ink = np.zeros(picture.shape[:2])
        np.maximum.at(ink, at[members], levels[members])
        picture -= ink[..., np.newaxis] * (1 - colour)
    return np.maximum(picture, 0)


def _draw_templates(axis: Axes, picture: Array, bins_hz: Array) -> None:
    if np.allclose(np.diff(bins_hz, 2), 0, atol=1e-3 * bins_hz[-1] / len(bins_hz)):
        lowest, highest = 0.0, _show(axis, picture, bins_hz / 1000)
    else:
        lowest, highest = _show_logarithmic(axis, picture, bins_hz / 1000)
    axis.set(xlim=(lowest, min(_TOP_HZ / 1000, highest)), xlabel="kHz")
    axis.set_title("templates", loc="left", fontsize="medium")


def _draw_activations(axis: Axes, picture: Array, frames_s: Array, duration_s: float) -> None:
    unit, seconds = time_unit(duration_s)
    _show(axis, picture, frames_s / seconds)
    axis.set(xlim=(0, duration_s / seconds), xlabel=unit)
    axis.set_title("activations", loc="left", fontsize="medium")


def _show(axis: Axes, picture: Array, centres: Array) -> float:
    """Draw a picture whose columns lie around `centres`; where it ends."""
    half = float(centres[1] - centres[0]) / 2 if len(centres) > 1 else 0.5
    left, right = float(centres[0]) - half, float(centres[-1]) + half
    axis.imshow(picture, origin="lower", aspect="auto", extent=(left, right, -0.5, len(picture) - 0.5))
    return right


def _show_logarithmic(axis: Axes, picture: Array, centres: Array) -> tuple[float, float]:
    """The same for centres whose ratios are equal; where it begins and ends."""
    between = np.sqrt(centres[1:] * centres[:-1])
    edges = np.concatenate([centres[:1] ** 2 / between[:1], between, centres[-1:] ** 2 / between[-1:]])
    axis.pcolormesh(edges, np.arange(len(picture) + 1) - 0.5, picture, rasterized=True)
    axis.set_xscale("log")
    axis.xaxis.set_major_formatter("{x:g}")
    return float(edges[0]), float(edges[-1])


def _draw_onsets(
    axis: Axes, notes: Iterable[DrawnNote], duration_s: float, places: dict[Row, int], colours: Colours
) -> None:
    notes = list(notes)
    _, seconds = time_unit(duration_s)
    for source, colour in colours.items():
        drawn = [note for note in notes if note.part == source and (note.pitch, False) in places]
        onsets = [note.onset_s / seconds for note in drawn]
        axis.plot(onsets, [places[note.pitch, False] for note in drawn], "|", color=colour / 2, markersize=9)


def _name_rows(axis: Axes, atoms: dict[int, DrawnAtom]) -> None:
    import pretty_midi

    def name(place: int) -> str:
        atom = atoms[place]
        if atom.pitch is None:
            return drawable(atom.source or "")
        return str(pretty_midi.note_number_to_name(atom.pitch)) + (" onset" if atom.transient else "")

    named = range(0, len(atoms), -(-len(atoms) // _MOST_LABELS))
    for label in axis.set_yticks(named, map(name, named), fontsize="small"):
        label.label1.set_parse_math(False)


def _name_colours(figure: Figure, colours: Colours) -> None:
    from matplotlib.patches import Patch

    # Names come afterwards: legends read formulas in labels, and leave out those that begin with an underscore.
    patches = [Patch(color=tuple(colour), label="source") for colour in colours.values()]
    legend = figure.legend(handles=patches, loc="outside upper right", ncols=min(len(patches), 6), frameon=False)
    for text, source in zip(legend.get_texts(), colours, strict=True):
        text.set_parse_math(False)
        text.set_text(drawable(source or "no source"))
