"""Atoms of a score: one a pitch and source, in a fixed order."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sepkit import Note, Score
from sepkit.errors import SideInformationError
from sepkit.informed.atoms import score_atoms
from sepkit.problem.layout import Atom

NOTES = st.lists(
    st.builds(
        lambda start, pitch, part: Note(start, start + 1, pitch, 64, part),
        st.floats(0, 10),
        st.integers(30, 90),
        st.sampled_from(["left", "right"]),
    ),
    max_size=20,
)
SOURCES = st.lists(st.sampled_from(["left", "right", "rest"]), unique=True, max_size=3)


@given(NOTES, SOURCES, st.integers(1, 4))
def test_every_pitch_of_every_source_has_one_atom(notes: list[Note], sources: list[str], rest_rank: int) -> None:
    atoms = score_atoms(Score(notes), sources, rest_rank=rest_rank)
    for source in sources:
        pitches = sorted({note.pitch for note in notes if note.part == source})
        own = [atom.pitch for atom in atoms if atom.source == source]
        assert own == (pitches or [None] * rest_rank)
    assert [source for source in sources if source in {atom.source for atom in atoms}] == sources
    order = [sources.index(str(atom.source)) for atom in atoms]
    assert order == sorted(order)


@given(NOTES, SOURCES)
def test_transients_come_before_their_pitch_and_change_nothing_else(notes: list[Note], sources: list[str]) -> None:
    plain = score_atoms(Score(notes), sources, rest_rank=2)
    both = score_atoms(Score(notes), sources, transients=True, rest_rank=2)
    assert tuple(atom for atom in both if not atom.transient) == plain
    for before, after in pairwise(both):
        if before.transient:
            assert after == Atom(before.source, before.pitch)
    assert sum(atom.transient for atom in both) == sum(atom.pitch is not None for atom in plain)


def test_no_sources_no_atoms() -> None:
    assert score_atoms(Score([]), [], rest_rank=3) == ()


def test_more_pitches_of_parts_than_can_be_held_are_refused_at_once() -> None:
    notes = [Note(0, 1, 20 + number % 100, 64, f"part {number // 100}") for number in range(5100)]
    score = Score(notes)
    assert len(score_atoms(score, score.parts[:50], rest_rank=1)) == 5000
    with pytest.raises(SideInformationError, match=r"have 5100 pitches between them, and 5000 are the most; .*--parts"):
        score_atoms(score, score.parts, rest_rank=1)
