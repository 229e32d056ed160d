"""Whether a score fits the recording that it is given for: what is said, and when its notes are moved."""

from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np
import pytest

from sepkit import Audio, Note, Score
from sepkit.alignment.alignment import LARGEST_COST
from sepkit.alignment.fitting import CLEARLY, fitted
from sepkit.errors import AudioError, Cancelled, ConfigError, SideInformationError
from sepkit.problem.run import Progress
from tests.playing import RATE, compose, play

SCORE = compose(1, 4)
RECORDING = play(SCORE)
LATE = SCORE.mapped(lambda t: 1.1 * t + 0.5)


def onsets_s(score: Score) -> np.ndarray:
    return np.array([note.onset_s for note in score.notes])


@pytest.mark.parametrize("aligning", ["auto", "never"])
def test_of_a_score_that_fits_nothing_is_said_and_nothing_moves(aligning: str) -> None:
    fit = fitted(RECORDING, SCORE, aligning)  # type: ignore[arg-type]
    assert (fit.score, fit.remark) == (SCORE, None)
    assert fit.record is not None
    assert fit.record["moved"] is False
    assert fit.record["cost_as_given"] - fit.record["cost"] <= CLEARLY
    assert fit.record["cost"] < LARGEST_COST


def test_notes_that_are_played_elsewhere_are_moved_there_and_that_is_said() -> None:
    fit = fitted(RECORDING, LATE, "auto")
    assert np.median(np.abs(onsets_s(fit.score) - onsets_s(SCORE))) < 0.03
    assert fit.record is not None
    assert fit.record["moved"] is True
    assert fit.record["median_shift_s"] == pytest.approx(np.median(onsets_s(LATE) - onsets_s(SCORE)), abs=0.05)
    assert fit.remark is not None
    assert "were moved to where the recording plays them" in fit.remark
    assert "--align never" in fit.remark


def test_where_notes_are_never_moved_the_remedy_is_said() -> None:
    fit = fitted(RECORDING, LATE, "never")
    assert fit.score == LATE
    assert fit.record is not None
    assert fit.record["moved"] is False
    assert fit.remark is not None
    assert "plays the notes of the score elsewhere" in fit.remark
    assert "--align auto" in fit.remark


def test_asked_to_move_notes_it_moves_them_however_little_it_helps() -> None:
    fit = fitted(RECORDING, SCORE, "always")
    assert fit.remark is None
    assert fit.record is not None
    assert fit.record["moved"] is True
    np.testing.assert_allclose(onsets_s(fit.score), onsets_s(SCORE), atol=0.1)


@pytest.mark.parametrize("aligning", ["auto", "never"])
@pytest.mark.parametrize(
    "wrong", [compose(9, 4), Score(tuple(replace(note, pitch=note.pitch + 1) for note in SCORE.notes))]
)
def test_a_score_of_something_else_stays_where_it_is_and_is_told(wrong: Score, aligning: str) -> None:
    fit = fitted(RECORDING, wrong, aligning)  # type: ignore[arg-type]
    assert fit.score == wrong
    assert fit.remark is not None
    assert "little in common" in fit.remark
    assert "give the score of this piece" in fit.remark
    with pytest.raises(SideInformationError, match="does not seem to be of this recording"):
        fitted(RECORDING, wrong, "always")


def test_what_cannot_be_compared_stays_as_it_is() -> None:
    silence = Audio(np.zeros((2, RATE), np.float32), RATE)
    drums = Score(tuple(replace(note, part="drums") for note in SCORE.notes))
    for mixture, score in ((silence, SCORE), (RECORDING, drums), (RECORDING, Score(()))):
        fit = fitted(mixture, score, "auto")
        assert (fit.score, fit.record, fit.remark) == (score, None, None)
    with pytest.raises(AudioError, match="silent"):
        fitted(silence, SCORE, "always")


def test_notes_that_were_heard_in_the_recording_are_moved_only_if_asked_to() -> None:
    for aligning in ("auto", "never"):
        fit = fitted(RECORDING, LATE, aligning, heard=True)  # type: ignore[arg-type]
        assert (fit.score, fit.record, fit.remark) == (LATE, None, None)
    assert fitted(RECORDING, LATE, "always", heard=True).score != LATE


def test_a_score_whose_notes_all_lie_after_the_recording_is_told() -> None:
    short = Audio(RECORDING.samples[:, : RATE // 2], RATE)
    assert fitted(short, Score((Note(100, 101, 20, part="a"),)), "auto").remark


def test_a_part_that_enters_after_the_recording_keeps_its_name() -> None:
    end_s = max(note.offset_s for note in LATE.notes)
    whole = Score(
        (*LATE.notes, Note(end_s + 5, end_s + 6, 50, part="horn"), Note(end_s + 5, end_s + 6, 70, part="melody"))
    )
    fit = fitted(RECORDING, whole, "auto")
    assert fit.record is not None
    assert fit.record["moved"] is True
    assert set(fit.score.parts) == set(whole.parts)
    [horn] = fit.score.part("horn").notes
    assert horn.onset_s > RECORDING.duration_s
    assert len(fit.score.part("melody").notes) == len(LATE.part("melody").notes)


def test_its_progress_is_told_and_it_can_be_cancelled() -> None:
    events: list[Progress] = []
    fitted(RECORDING, SCORE, "auto", events.append)
    assert {event.stage for event in events} == {"listening", "aligning"}
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(Cancelled):
        fitted(RECORDING, SCORE, "auto", cancel=cancel)


def test_another_word_is_the_users_mistake() -> None:
    with pytest.raises(ConfigError, match="auto, always, never, given 'yes'"):
        fitted(RECORDING, SCORE, "yes")  # type: ignore[arg-type]


@pytest.mark.parametrize("aligning", ["auto", "never"])
def test_a_score_in_milliseconds_is_told_and_costs_no_time(aligning: str) -> None:
    wrong = SCORE.mapped(lambda t: 1000.0 * t)
    fit = fitted(RECORDING, wrong, aligning)  # type: ignore[arg-type]
    assert (fit.score, fit.record) == (wrong, None)
    assert fit.remark is not None
    assert "cannot be compared; give times of notes in seconds" in fit.remark


def test_a_score_in_milliseconds_is_not_aligned() -> None:
    with pytest.raises(SideInformationError, match="give times of notes in seconds"):
        fitted(RECORDING, SCORE.mapped(lambda t: 1000.0 * t), "always")
