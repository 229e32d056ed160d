"""Where a factorisation starts: what may sound when, and at which frequencies."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sepkit import Atom, Audio, Constraint, Domain, Layout, Note, Problem, Score, SideInformation
from sepkit.builtin import HarmonicConstraint, ScoreConstraint
from sepkit.informed import partials_hz, score_atoms
from sepkit.music import midi_to_hz
from sepkit.problem import Hosted
from sepkit.spectral import STFT
from sepkit_score_nmf import (
    onset_activations,
    onset_templates,
    pitch_activations,
    pitch_templates,
)
from sepkit_score_nmf.config import TutorialConfig
from sepkit_score_nmf.start import Array, drawn_where_free, partials_start, tutorial_start

RATE = 8000
SOURCES = ("left", "right", "drums")
SCORE = Score(
    (
        Note(1.0, 2.0, 45, part="left"),
        Note(0.5, 1.2, 48, part="left"),
        Note(1.5, 1.75, 45, part="left"),
        Note(0.0, 0.3, 72, part="right"),
        Note(2.5, 9.0, 45, part="right"),
    )
)
STFT_ = STFT(512, 128)


def problem(score: Score, sources: tuple[str, ...], seconds: float, *constraints: Hosted[Constraint]) -> Problem:
    mixture = Audio(np.zeros((1, int(seconds * RATE))), RATE)
    return Problem(mixture, sources, SideInformation(score=score), constraints=constraints)


def layout(score: Score = SCORE, sources: tuple[str, ...] = SOURCES, seconds: float = 3, **options: Any) -> Layout:
    atoms = score_atoms(score, sources, **{"transients": False, "rest_rank": 3, **options})
    asked = problem(score, sources, seconds)
    frames_s = STFT_.frames_s(asked.mixture.length, RATE)
    return asked.layout(bins_hz=STFT_.bins_hz(RATE), frames_s=frames_s, atoms=atoms)


def start(on: Layout, seed: int = 0, harmonic: Any = (), **tolerances: Any) -> tuple[Array, Array]:
    constraints = (
        Hosted(ScoreConstraint(**tolerances), Domain.ACTIVATIONS, "score"),
        Hosted(HarmonicConstraint(**dict(harmonic)), Domain.TEMPLATES, "harmonic"),
    )
    score = on.side_information.score
    assert score is not None
    W, H = partials_start(problem(score, on.sources, on.mixture.duration_s, *constraints), on)
    return drawn_where_free(W, H, on, np.random.default_rng(seed))


def test_every_pitch_of_every_part_has_an_atom_and_the_rest_is_free() -> None:
    assert score_atoms(SCORE, SOURCES, transients=False, rest_rank=2) == (
        *(Atom("left", 45), Atom("left", 48)),
        *(Atom("right", 45), Atom("right", 72)),
        *(Atom("drums"), Atom("drums")),
    )
    assert score_atoms(SCORE, ["right"], transients=True, rest_rank=2) == (
        *(Atom("right", 45, transient=True), Atom("right", 45)),
        *(Atom("right", 72, transient=True), Atom("right", 72)),
    )


def test_a_note_sounds_in_the_frames_whose_centre_lies_in_it() -> None:
    on = layout()
    frames_s = STFT_.frames_s(3 * RATE, RATE)
    # A click in the middle of a frame is loudest there: this is what the centre of a frame means.
    click = np.zeros(3 * RATE, np.float32)
    click[round(frames_s[70] * RATE)] = 1
    assert STFT_.magnitude(click).sum(axis=0).argmax() == 70
    _, H = start(on, before_s=0, after_s=0)
    np.testing.assert_array_equal(H[0] > 0, (frames_s >= 1.0) & (frames_s < 2.0))
    np.testing.assert_array_equal(H[1] > 0, (frames_s >= 0.5) & (frames_s < 1.2))
    np.testing.assert_array_equal(H[3] > 0, (frames_s >= 0.0) & (frames_s < 0.3))
    assert H[0].sum() == pytest.approx(1.0 * RATE / 128, abs=1)


@settings(max_examples=30)
@given(st.floats(0, 3), st.floats(0, 2), st.floats(0, 3), st.floats(0.001, 3))
def test_tolerances_widen_notes(before_s: float, after_s: float, onset_s: float, duration_s: float) -> None:
    on = layout(Score((Note(onset_s, onset_s + duration_s, 60, part="a"),)), ("a",))
    _, (row,) = start(on, before_s=before_s, after_s=after_s)
    assert on.frames_s is not None
    inside = (on.frames_s >= onset_s - before_s) & (on.frames_s < onset_s + duration_s + after_s)
    np.testing.assert_array_equal(row, inside)


def test_templates_start_as_lobes_around_partials_and_transients_flat() -> None:
    on = layout(transients=True)
    assert on.atoms is not None
    assert on.bins_hz is not None
    W, H = start(on, harmonic={"cents": 30, "inharmonicity": 0.0004})
    frames_s = np.asarray(on.frames_s)
    for atom, w, h in zip(on.atoms, W.T, H, strict=True):
        if atom.pitch is None:
            assert (w > 0).all()
            assert (h > 0).all()
        elif atom.transient:
            np.testing.assert_array_equal(w, np.float32(0.1))
            onsets = [n.onset_s for n in SCORE.notes if (n.part, n.pitch) == (atom.source, atom.pitch)]
            near = [(frames_s >= onset_s - 0.1) & (frames_s < onset_s + 0.1) for onset_s in onsets]
            np.testing.assert_array_equal(h, np.logical_or.reduce(near))
        else:
            partials = partials_hz(float(midi_to_hz(atom.pitch)), RATE / 2, 0.0004)
            away_hz = np.abs(on.bins_hz[:, np.newaxis] - partials)
            m = away_hz.argmin(axis=1) + 1
            # At least as wide as the main lobe of the window, two bins on either side.
            reach_hz = np.maximum(partials * (2 ** (30 / 1200) - 1), 2 * RATE / 512)[m - 1]
            lobe = np.cos(np.pi / 2 * np.minimum(away_hz.min(axis=1) / reach_hz, 1)) ** 2
            np.testing.assert_allclose(w, lobe / m, atol=1e-6)


def test_only_what_no_score_speaks_of_is_drawn() -> None:
    on = layout()
    one, same, other = (start(on, seed) for seed in (1, 1, 2))
    for factor, again in zip(one, same, strict=True):
        np.testing.assert_array_equal(factor, again)
    drawn = np.array([atom.pitch is None for atom in on.atoms or ()])
    assert drawn.sum() == 3
    assert (one[0] != other[0]).any(axis=0).tolist() == drawn.tolist()
    assert (one[1] != other[1]).any(axis=1).tolist() == drawn.tolist()


@pytest.mark.parametrize("transients", [False, True])
def test_the_tutorials_start_is_the_tutorials(transients: bool) -> None:
    on = layout(sources=("right", "left"), transients=transients)
    config = TutorialConfig(transients=transients, before_s=0.1, after_s=0.5, transient_before_s=0.2)
    begun_w, begun_h = tutorial_start(config, on)
    assert on.frames_s is not None
    bins, bin_hz, frames, frame_s, late_s = 257, RATE / 512, len(on.frames_s), 128 / RATE, -on.frames_s[0]
    row = 0
    for part in ("right", "left"):
        # As if the recording began with the first frame's centre.
        notes = [Note(n.onset_s + late_s, n.offset_s + late_s, n.pitch) for n in SCORE.part(part).notes]
        pitches = sorted({note.pitch for note in notes})
        around_note = {"before_s": 0.1, "after_s": 0.5}
        if transients:
            W = onset_templates(bins, pitches, bin_hz)
            H = onset_activations(frames, notes, pitches, frame_s, **around_note, onset_before_s=0.2, onset_after_s=0.1)
        else:
            W = pitch_templates(bins, pitches, bin_hz)
            H = pitch_activations(frames, notes, pitches, frame_s, **around_note)
        np.testing.assert_array_equal(begun_w[:, row : row + len(H)], W.astype(np.float32))
        np.testing.assert_array_equal(begun_h[row : row + len(H)], H)
        row += len(H)
    assert row == len(begun_h)


def test_both_starts_sound_at_the_same_time_but_for_a_frames_rounding() -> None:
    (_, partials), (_, tutorial) = (start(layout(), before_s=0.2), tutorial_start(TutorialConfig(), layout()))
    partials, tutorial = partials[:4] > 0, tutorial[:4] > 0
    edges = 2 * len(SCORE.notes)
    assert 0 < np.sum(partials != tutorial) <= edges
