"""Who plays chords."""

from __future__ import annotations

import pytest

from sepkit import Note, Score
from sepkit.informed.chords import WINDOW_OF_CHORDS_S, WINDOW_S, plays_chords, weights, window_s

MELODY = [Note(0.5 * n, 0.5 * n + 0.52, 60 + n, part="flute") for n in range(8)]
CHORDS = [Note(n, n + 1.0, pitch, part="piano") for n in range(4) for pitch in (48, 52, 55)]


@pytest.mark.parametrize(
    ("notes", "whether"),
    [
        (MELODY, False),
        (CHORDS, True),
        (MELODY[:1], False),
        # A chord at the end of a long melody, and one in every other bar.
        ([*MELODY, Note(3.5, 4.0, 72, part="flute")], False),
        ([*MELODY, *(Note(0.5 * n, 0.5 * n + 0.5, 72, part="flute") for n in range(0, 8, 2))], True),
    ],
)
def test_overlaps_of_a_melody_are_no_chords(notes: list[Note], whether: bool) -> None:
    assert plays_chords(notes) is whether


def test_one_pianist_makes_the_window_short() -> None:
    assert window_s(Score(tuple(MELODY))) == WINDOW_S
    assert window_s(Score((*MELODY, *CHORDS))) == WINDOW_OF_CHORDS_S


def test_a_pianist_shares_nothing_by_default_but_the_flute_beside_does() -> None:
    score = Score((*MELODY, *CHORDS))
    assert weights(score, None, 0.2) == {"piano": 0, "flute": 0.2}
    assert weights(score, 0.1, 0.2) == {"piano": 0.1, "flute": 0.1}
