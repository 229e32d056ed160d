"""The level that the notes of a source share."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from sepkit import Atom, Audio, Layout, Note, Score, SideInformation, large
from sepkit.informed.levels import SharedLevels

FRAMES_S = np.arange(-2, 202) * 0.05
NOTES = (
    *(Note(float(second), second + 0.9, 60 + second % 3, part="flute") for second in range(10)),
    *(Note(2.0 * n, 2.0 * n + 2, 40 + n, part="cello") for n in range(5)),
)
ATOMS = (*(Atom("flute", 60.0 + n) for n in range(3)), *(Atom("cello", 40.0 + n) for n in range(5)), Atom("rest"))
SUMS = np.linspace(1, 3, len(ATOMS))


def layout(notes: tuple[Note, ...] = NOTES, atoms: tuple[Atom, ...] = ATOMS) -> Layout:
    return Layout(
        mixture=Audio(np.zeros((1, 220500), np.float32), 22050),
        side_information=SideInformation(score=Score(notes)),
        sources=tuple(dict.fromkeys(atom.source for atom in atoms if atom.source)),
        frames_s=FRAMES_S,
        atoms=atoms,
    )


def drawn(seed: int = 0) -> NDArray[np.float64]:
    """Activations that are nowhere zero but in the third frame."""
    activations = np.random.default_rng(seed).random((len(ATOMS), len(FRAMES_S))) + 0.01
    activations[:, 2] = 0
    return activations


def levels(activations: NDArray[np.float64], part: str, notes: tuple[Note, ...] = NOTES) -> NDArray[np.float64]:
    """Of all notes of a part, one by one."""
    found = []
    for note in notes:
        if note.part == part:
            row = ATOMS.index(Atom(part, note.pitch))
            sounding = (note.onset_s <= FRAMES_S) & (note.offset_s > FRAMES_S)
            found.append(SUMS[row] * activations[row, sounding].mean())
    return np.array(found)


def test_all_the_way_all_notes_have_the_mean_level() -> None:
    before = drawn()
    after = SharedLevels(layout(), {"flute": 1.0})(before, SUMS)
    assert np.ptp(levels(after, "flute")) < 1e-9
    assert levels(after, "flute")[0] == pytest.approx(levels(before, "flute").mean())
    assert np.array_equal(after[3:], before[3:])


@given(weight=st.floats(0.01, 1), seed=st.integers(0, 100), scale=st.floats(1e-3, 1e3))
def test_distances_shrink_by_the_weight_and_scales_do_not_matter(weight: float, seed: int, scale: float) -> None:
    before, shared = drawn(seed), SharedLevels(layout(), {"flute": weight, "cello": weight})
    after = shared(before, SUMS)
    for part in ("flute", "cello"):
        old, new = (np.log(levels(values, part)) for values in (before, after))
        assert np.allclose(new - new[0], (1 - weight) * (old - old[0]), atol=1e-9)
    assert ((after == 0) == (before == 0)).all()
    assert np.array_equal(after[-1], before[-1])
    assert np.allclose(shared(scale * before, SUMS), scale * after)
    # What a template loses its activation may gain: a level is that of both.
    turned = scale ** np.arange(len(SUMS), dtype=float)[:, np.newaxis] % 1e3 + 0.1
    assert np.allclose(shared(before / turned, SUMS * turned[:, 0]), after / turned)


def test_a_note_keeps_its_shape_and_takes_what_surrounds_it_along() -> None:
    before = np.ones((len(ATOMS), len(FRAMES_S)))
    before[0, FRAMES_S < 1.9] = 10.0
    factors = SharedLevels(layout(), {"flute": 0.5})(before, SUMS)[0] / before[0]
    # Its notes begin at 0, 3, 6 and 9: from halfway between one's end and the next one's onset it is another's.
    changes = FRAMES_S[1:][np.diff(factors) != 0]
    assert changes == pytest.approx([1.95], abs=0.06)
    assert factors[0] < 1


def test_a_note_that_was_all_but_lost_comes_back() -> None:
    before = np.ones((len(ATOMS), len(FRAMES_S)))
    before[1, FRAMES_S < 2.4] = 0.05
    shared, after = SharedLevels(layout(), {"flute": 0.1}), before
    for _ in range(100):
        after = shared(after, np.ones(len(SUMS)))
    assert after[1, FRAMES_S < 2.4].min() > 0.5


@pytest.mark.parametrize("level", [0, 1e-9, 0.02])
def test_a_note_that_does_not_sound_is_left_and_changes_no_other(level: float) -> None:
    before = np.ones((len(ATOMS), len(FRAMES_S)))
    before[1, FRAMES_S < 2.4] = level
    sums = np.ones(len(SUMS))
    # A pitch above all bins has no template.
    sums[2] = 0
    assert np.array_equal(SharedLevels(layout(), {"flute": 1.0})(before, sums), before)


def test_a_note_that_stands_twice_or_overlaps_itself_is_one() -> None:
    before = drawn()
    once = SharedLevels(layout(), {"flute": 0.5})(before, SUMS)
    twice = (*NOTES, NOTES[0], Note(0.3, 0.8, NOTES[0].pitch, part="flute"))
    assert np.array_equal(SharedLevels(layout(twice), {"flute": 0.5})(before, SUMS), once)


def test_order_of_notes_does_not_matter() -> None:
    before = drawn()
    there, back = (SharedLevels(layout(notes), {"flute": 0.5, "cello": 0.5}) for notes in (NOTES, NOTES[::-1]))
    assert np.array_equal(there(before, SUMS), back(before, SUMS))


def test_one_note_transients_and_notes_outside_the_recording_are_left_alone() -> None:
    before = drawn()[:2]
    lonely = (Note(1.0, 2.0, 60, part="flute"),)
    outside = (*lonely, Note(50.0, 51.0, 61, part="flute"), Note(0.011, 0.012, 60, part="flute"))
    atoms = (Atom("flute", 60.0), Atom("flute", 61.0))
    for notes, theirs in ((lonely, atoms[:1]), (outside, atoms)):
        shared = SharedLevels(layout(notes, theirs), {"flute": 1.0})
        assert not shared
        assert np.array_equal(shared(before[: len(theirs)], SUMS), before[: len(theirs)])
    both = (*lonely, Note(3.0, 4.0, 61, part="flute"))
    shared = SharedLevels(layout(both, (Atom("flute", 60.0, transient=True), *atoms)), {"flute": 1.0})
    assert np.array_equal(shared(drawn()[:3], SUMS)[0], drawn()[0])


def test_sources_without_weight_are_left_alone() -> None:
    assert not SharedLevels(layout(), {"flute": 0.0})
    assert not SharedLevels(layout(), {})


def test_mapped_arrays_of_single_precision_stay_so() -> None:
    before = drawn().astype(np.float32)
    shared = SharedLevels(layout(), {"flute": 0.3, "cello": 0.3})
    with large.mapped_beyond(0):
        after = shared(large.copied(before), SUMS)
        assert large.is_mapped(after)
    assert after.dtype == np.float32
    assert np.array_equal(after, shared(before, SUMS))


def test_silence_stays_silent() -> None:
    assert not SharedLevels(layout(), {"flute": 0.1})(np.zeros((len(ATOMS), len(FRAMES_S))), SUMS).any()
