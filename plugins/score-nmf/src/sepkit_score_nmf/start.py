"""Where a score-informed factorisation starts: an atom for every pitch of every part."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sepkit import large
from sepkit.builtin.harmonic import start_templates
from sepkit.errors import ConfigError
from sepkit.problem.domain import Domain
from sepkit.problem.layout import Layout
from sepkit.problem.problem import Problem
from sepkit.problem.variables_file import read_variables
from sepkit_score_nmf.config import TutorialConfig
from sepkit_score_nmf.tutorial import (
    ONSET_LEVEL,
    onset_activations,
    onset_templates,
    pitch_activations,
    pitch_templates,
)

Array = NDArray[np.float32]


def partials_start(problem: Problem, layout: Layout) -> tuple[Array, Array]:
    """A lobe around each partial, as high as one over its number; activations of ones wherever they may sound.

    Parameters
    ----------
    problem : Problem
        Partials lie as its constraint `harmonic` says, and notes sound as its constraints on activations say.
    layout : Layout
        With atoms, bins and frames.

    Returns
    -------
    W : ndarray [shape=(bins, atoms)]
    H : ndarray [shape=(atoms, frames)]
    """
    assert layout.atoms is not None
    W = start_templates(problem, layout).astype(np.float32)
    W[:, [atom.transient for atom in layout.atoms]] = ONSET_LEVEL
    support = problem.bind_constraints(layout, Domain.ACTIVATIONS).support()
    shape = layout.shape(Domain.ACTIVATIONS)
    H = large.empty(shape)
    H[...] = 1 if support is None else support
    return W, H


def tutorial_start(config: TutorialConfig, layout: Layout) -> tuple[Array, Array]:
    """What the tutorial's four initialisers give; zeros for atoms that stand for no note.

    Parameters
    ----------
    config : TutorialConfig
    layout : Layout
        With atoms, bins, frames and a score.

    Returns
    -------
    W : ndarray [shape=(bins, atoms)]
    H : ndarray [shape=(atoms, frames)]
    """
    assert layout.atoms is not None
    assert layout.bins_hz is not None
    assert layout.frames_s is not None
    assert layout.side_information.score is not None
    bins, frames = len(layout.bins_hz), len(layout.frames_s)
    bin_hz = float(layout.bins_hz[1] - layout.bins_hz[0])
    frame_s = float(layout.frames_s[1] - layout.frames_s[0])
    # The tutorial counts time from the first frame, whose centre lies before the recording's first sample.
    first_s = float(layout.frames_s[0])
    W = np.zeros((bins, len(layout.atoms)), np.float32)
    H = large.zeros((len(layout.atoms), frames))
    for source in layout.side_information.score.parts:
        rows = [index for index, atom in enumerate(layout.atoms) if atom.source == source]
        notes = [
            replace(note, onset_s=note.onset_s - first_s, offset_s=note.offset_s - first_s)
            for note in layout.side_information.score.part(source).notes
        ]
        pitches = sorted({note.pitch for note in notes})
        tolerance = {"before_s": config.before_s, "after_s": config.after_s}
        if config.transients:
            onset = {"onset_before_s": config.transient_before_s, "onset_after_s": config.transient_after_s}
            W[:, rows] = onset_templates(bins, pitches, bin_hz)
            H[rows] = onset_activations(frames, notes, pitches, frame_s, **tolerance, **onset)
        else:
            W[:, rows] = pitch_templates(bins, pitches, bin_hz)
            H[rows] = pitch_activations(frames, notes, pitches, frame_s, **tolerance)
    return W, H


def drawn_where_free(W: Array, H: Array, layout: Layout, rng: np.random.Generator) -> tuple[Array, Array]:
    """The start with random values, none of them zero, for atoms that stand for no note."""
    assert layout.atoms is not None
    free = [index for index, atom in enumerate(layout.atoms) if atom.pitch is None]
    # Drawn from [0, 1): turned around, no element is zero.
    W[:, free] = 1 - rng.random((len(W), len(free)), np.float32)
    H[free] = 1 - rng.random((len(free), H.shape[1]), np.float32)
    return W, H


def given_start(path: Path, layout: Layout, W: Array, H: Array) -> tuple[Array, Array]:
    """The factors in a file, and for one that it lacks that of the score, `W` or `H`.

    Raises
    ------
    ConfigError
        If the file cannot be read, or its factors are not those of this mixture, window and score.
    """
    stored = read_variables(path)
    assert layout.bins_hz is not None
    assert layout.frames_s is not None
    stored.require_axes(layout.mixture.sample_rate, bins_hz=layout.bins_hz, frames_s=layout.frames_s)
    if stored.atoms is not None and stored.atoms != layout.atoms:
        raise ConfigError(
            f"the atoms in {path} are not those of this score and its options: give the score, sources and options of "
            "the run that wrote it"
        )
    given_w, given_h = stored.value("templates", W.shape), stored.value("activations", H.shape)
    if given_w is None and given_h is None:
        raise ConfigError(f"{path} holds neither 'templates' nor 'activations'")
    return W if given_w is None else given_w.astype(np.float32), H if given_h is None else given_h.astype(np.float32)
