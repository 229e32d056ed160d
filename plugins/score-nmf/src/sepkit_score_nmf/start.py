"""Where a score-informed factorisation starts: an atom for every pitch of every part, zero where it is silent."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sepkit.builtin import ScoreConstraint
from sepkit.builtin.harmonic import harmonic_templates
from sepkit.problem.constraint import Support
from sepkit.problem.domain import Domain
from sepkit.problem.layout import Layout
from sepkit_score_nmf.config import ScoreNMFConfig
from sepkit_score_nmf.tutorial import (
    ONSET_LEVEL,
    onset_activations,
    onset_templates,
    pitch_activations,
    pitch_templates,
)

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Start:
    """Factors to start from. Their zeros stay zero.

    Attributes
    ----------
    W : ndarray [shape=(bins, atoms)]
    H : ndarray [shape=(atoms, frames)]
    """

    W: Array
    H: Array


def score_start(config: ScoreNMFConfig, layout: Layout, rng: np.random.Generator) -> Start:
    """A lobe around each partial, as high as one over its number; activations of ones while notes sound.

    What no score says anything of starts at random.

    Parameters
    ----------
    config : ScoreNMFConfig
    layout : Layout
        With atoms, bins and frames.
    rng : np.random.Generator
    """
    assert layout.atoms is not None
    W, H = _tutorial_start(config, layout) if config.start == "tutorial" else _partials_start(config, layout)
    free = [index for index, atom in enumerate(layout.atoms) if atom.pitch is None]
    # Drawn from [0, 1): turned around, no element is zero.
    W[:, free] = 1 - rng.random((len(W), len(free)), np.float32)
    H[free] = 1 - rng.random((len(free), H.shape[1]), np.float32)
    return Start(W, H)


def _partials_start(config: ScoreNMFConfig, layout: Layout) -> tuple[Array, Array]:
    constraint = ScoreConstraint(
        before_s=config.before_s,
        after_s=config.after_s,
        transient_before_s=config.transient_before_s,
        transient_after_s=config.transient_after_s,
    )
    bound = constraint.bind(layout, Domain.ACTIVATIONS)
    assert isinstance(bound, Support)
    assert layout.atoms is not None
    W = harmonic_templates(layout, config.cents, config.inharmonicity).astype(np.float32)
    W[:, [atom.transient for atom in layout.atoms]] = ONSET_LEVEL
    return W, bound.support.astype(np.float32)


def _tutorial_start(config: ScoreNMFConfig, layout: Layout) -> tuple[Array, Array]:
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
    H = np.zeros((len(layout.atoms), frames), np.float32)
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
