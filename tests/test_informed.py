"""What a score is asked before it informs a separation: whose stems it gives, and whether it fits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sepkit import Note, Run, Score
from sepkit.errors import SideInformationError
from sepkit.informed.parts_asked import remark_on_strangers, wanted_parts

SCORE = Score((Note(0, 1, 60, part="left"), Note(0.5, 2, 64, part="right"), Note(2.5, 3, 67, part="right")))


@given(st.lists(st.sampled_from(["left", "right", "drums"]), unique=True).filter(lambda names: names != ["drums"]))
def test_sources_are_wanted_as_they_are_and_all_parts_without_any(sources: list[str]) -> None:
    assert wanted_parts(SCORE, sources) == (tuple(sources) or SCORE.parts)


@pytest.mark.parametrize(
    ("score", "sources", "words"),
    [
        (SCORE, ["drums", "voice"], "the score has parts 'left', 'right' and none of the sources drums, voice; give"),
        (Score((Note(0, 1, 60),)), [], "belong to no part, so their stem has no name; give each a part"),
        (Score((*SCORE.notes, Note(0, 1, 60, part=" "))), [], "belong to no part"),
        (Score(()), [], "the score has no notes; give"),
        (Score(()), ["left"], "the score has no notes; give"),
    ],
    ids=["strangers", "nameless", "blank", "empty", "empty, with sources"],
)
def test_scores_that_cannot_be_used_are_named(score: Score, sources: list[str], words: str) -> None:
    with pytest.raises(SideInformationError, match=words):
        wanted_parts(score, sources)


def test_notes_without_a_part_are_none_of_the_parts_that_are_asked_for() -> None:
    assert wanted_parts(Score((*SCORE.notes, Note(0, 1, 60))), ["left"]) == ("left",)


@pytest.mark.parametrize(
    ("sources", "known", "told"),
    [
        ((), (), []),
        (("left", "right", "drums"), (), []),
        (("right",), (), []),
        (("Left", "right"), ("Left",), []),
        (("Left", "right", "drums"), ("drums",), ["of Left the score has no notes, and its parts left are no stems; "]),
        (("right", "Left", "rest"), (), ["of Left, rest the score has no notes, and its parts left are no stems; "]),
    ],
)
def test_sources_that_may_be_meant_for_parts_are_told(
    sources: tuple[str, ...], known: tuple[str, ...], told: list[str]
) -> None:
    run = Run()
    remark_on_strangers(Score((*SCORE.notes, Note(0, 1, 60))), sources, run, known=known)
    then = "name sources like the parts, or rename parts with --parts, if they are meant"
    assert run.remarks == [one + then for one in told]
