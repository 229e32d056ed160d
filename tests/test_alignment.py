"""Alignment of made-up music: errors of onsets, what is refused, and what the result says."""

from __future__ import annotations

import importlib.util
import threading
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from sepkit import Audio, Note, Score
from sepkit.alignment import Alignment, align
from sepkit.errors import AudioError, Cancelled, SepkitError, SideInformationError
from sepkit.problem.run import Progress
from tests.playing import RATE, compose, play

SYNCTOOLBOX = importlib.util.find_spec("synctoolbox") is not None
SCORE = compose(1)
RECORDING = play(SCORE)

Times = Callable[[NDArray[np.float64]], NDArray[np.float64]]


def builtin(mixture: Audio, score: Score) -> Alignment:
    return align(mixture, score, backend="builtin")


def onsets_s(score: Score) -> NDArray[np.float64]:
    return np.array([note.onset_s for note in score.notes])


def assert_found(found: Score, played: Score, median_s: float = 0.03, most_s: float = 0.12) -> None:
    """Nearly all onsets are where they were played."""
    errors_s = np.abs(onsets_s(found) - onsets_s(played))
    assert np.median(errors_s) < median_s
    assert np.percentile(errors_s, 95) < most_s


DISTORTIONS: dict[str, Times] = {
    "none": lambda t: t,
    "30 % faster": lambda t: 0.7 * t,
    "30 % slower": lambda t: 1.3 * t,
    "half as fast": lambda t: 2 * t,
    "swinging tempo": lambda t: t + 0.3 * np.sin(t),
    "late": lambda t: t + 5,
}


@pytest.mark.parametrize("distorted", DISTORTIONS.values(), ids=DISTORTIONS)
def test_onsets_are_found_whatever_the_tempo(distorted: Times) -> None:
    assert_found(builtin(RECORDING, SCORE.mapped(distorted)).score, SCORE)


@pytest.mark.parametrize("seed", [2, 3])
def test_onsets_are_found_in_other_pieces(seed: int) -> None:
    score = compose(seed, 5, tonic=55 + seed)
    assert_found(builtin(play(score), score.mapped(lambda t: 1.2 * t)).score, score)


def test_silence_before_and_after_the_music_is_skipped() -> None:
    silence = np.zeros((1, 3 * RATE), np.float32)
    late = Audio(np.concatenate([silence, RECORDING.samples, silence], axis=1), RATE)
    assert_found(builtin(late, SCORE).score, SCORE.mapped(lambda t: t + 3))


@pytest.mark.parametrize("pause_s", [1, 4])
def test_a_pause_that_the_score_does_not_have_is_skipped(pause_s: int) -> None:
    first, second = compose(2, 4), compose(3, 4)
    end_s = max(note.offset_s for note in first.notes)
    at_once, paused = (
        Score(first.notes + second.mapped(lambda t, begin_s=begin_s: t + begin_s).notes)
        for begin_s in (end_s, end_s + pause_s)
    )
    assert_found(builtin(play(paused), at_once).score, paused)


@settings(max_examples=5)
@given(st.floats(-45, 45))
def test_the_tuning_is_found_and_allowed_for(cents: float) -> None:
    score = compose(4, 3)
    alignment = builtin(play(score, cents=cents), score)
    assert alignment.tuning_cents == pytest.approx(cents, abs=3)
    assert_found(alignment.score, score)


def test_a_louder_recording_gives_the_same() -> None:
    louder = Audio(30 * RECORDING.samples, RATE)
    np.testing.assert_allclose(builtin(louder, SCORE).path_s, builtin(RECORDING, SCORE).path_s, atol=0.011)


def test_channels_of_opposite_phase_are_heard() -> None:
    opposite = Audio(np.concatenate([RECORDING.samples, -RECORDING.samples]), RATE)
    np.testing.assert_allclose(builtin(opposite, SCORE).path_s, builtin(RECORDING, SCORE).path_s, atol=0.011)


@pytest.mark.parametrize("rate", [8000, 44100])
def test_any_sample_rate_will_do(rate: int) -> None:
    assert_found(builtin(play(SCORE, rate=rate), SCORE).score, SCORE)


def test_equal_calls_give_equal_results() -> None:
    one, two = builtin(RECORDING, SCORE), builtin(RECORDING, SCORE)
    np.testing.assert_array_equal(one.path_s, two.path_s)
    assert (one.score, one.cost) == (two.score, two.cost)


def test_the_path_increases_and_the_shifts_are_what_the_notes_moved_by() -> None:
    given = SCORE.mapped(lambda t: 1.1 * t + 1)
    alignment = builtin(RECORDING, given)
    assert (np.diff(alignment.path_s) > 0).all()
    moved = onsets_s(alignment.score) - onsets_s(given)
    np.testing.assert_allclose(alignment.shifts_s, moved, atol=1e-9)
    np.testing.assert_allclose(np.interp(onsets_s(given), *alignment.path_s), onsets_s(alignment.score), atol=1e-9)
    assert alignment.mean_shift_s == pytest.approx(np.abs(moved).mean())
    assert alignment.worst_shift_s == pytest.approx(np.abs(moved).max())
    assert [note.pitch for note in alignment.score.notes] == [note.pitch for note in given.notes]
    assert alignment.backend == "builtin"


WRONG = {
    "another piece": compose(5),
    "a semitone higher": Score(tuple(replace(note, pitch=note.pitch + 1) for note in SCORE.notes)),
    "a fifth higher": Score(tuple(replace(note, pitch=note.pitch + 7) for note in SCORE.notes)),
    "an octave lower": Score(tuple(replace(note, pitch=note.pitch - 12) for note in SCORE.notes)),
    "backwards": Score(tuple(replace(n, onset_s=10 - n.offset_s, offset_s=10 - n.onset_s) for n in SCORE.notes)),
    "one wrong note": Score((Note(0, 1, 61),)),
}


@pytest.mark.parametrize("score", WRONG.values(), ids=WRONG)
def test_a_score_that_is_not_of_the_recording_is_refused(score: Score) -> None:
    with pytest.raises(
        SideInformationError, match=r"does not seem to be of this recording: alignment cost \d\.\d\d, at"
    ):
        builtin(RECORDING, score)


def test_noise_is_no_recording_of_a_score() -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, (1, 5 * RATE)).astype(np.float32)
    with pytest.raises(SideInformationError, match="does not seem"):
        builtin(Audio(noise, RATE), SCORE)


@pytest.mark.parametrize("length", [1, 100, 3000])
def test_a_recording_that_is_too_short_for_any_note_is_refused(length: int) -> None:
    with pytest.raises(SideInformationError, match="does not seem"):
        builtin(Audio(np.full((1, length), 0.1, np.float32), RATE), SCORE)


def test_one_note_is_found() -> None:
    played = Score((Note(1.2, 2.0, 64),))
    alignment = builtin(play(played, seconds=3), Score((Note(0, 0.5, 64),)))
    assert alignment.score.notes[0].onset_s == pytest.approx(1.2, abs=0.05)


def test_notes_beyond_the_recording_are_left_out_and_remarked() -> None:
    half = Audio(RECORDING.samples[:, : 4 * RATE], RATE)
    alignment = builtin(half, SCORE)
    there = [note for note in SCORE.notes if note.onset_s < 4]
    assert abs(len(alignment.score.notes) - len(there)) <= 4
    common = min(len(alignment.score.notes), len(there)) - 4
    assert_found(Score(alignment.score.notes[:common]), Score(tuple(there[:common])))
    assert any("lie outside the recording and are left out" in remark for remark in alignment.score.remarks)
    assert len(alignment.shifts_s) == len(alignment.score.notes)


def test_notes_that_end_before_the_recording_begins_are_left_out() -> None:
    late = Audio(RECORDING.samples[:, 3 * RATE :], RATE)
    alignment = builtin(late, SCORE)
    there = [note for note in SCORE.notes if note.offset_s > 3]
    assert len(SCORE.notes) - len(there) > 10
    assert abs(len(alignment.score.notes) - len(there)) <= 4
    # Nothing that is over by then is squeezed into the first moments.
    assert sum(note.offset_s < 0.1 for note in alignment.score.notes) <= 4
    common = min(len(alignment.score.notes), len(there)) - 4
    expected = Score(tuple(there[-common:])).mapped(lambda t: np.maximum(t - 3, 0))
    assert_found(Score(alignment.score.notes[-common:]), expected)
    assert any("lie outside the recording and are left out" in remark for remark in alignment.score.remarks)


def test_a_score_of_the_beginning_is_found_in_the_whole() -> None:
    beginning = Score(tuple(note for note in SCORE.notes if note.offset_s < 4))
    assert_found(builtin(RECORDING, beginning).score, beginning)


def test_a_score_of_the_end_is_found_in_the_whole() -> None:
    end = Score(tuple(note for note in SCORE.notes if note.onset_s > 4))
    assert_found(builtin(RECORDING, end.mapped(lambda t: t - 4)).score, end)


def test_drums_move_with_the_others_and_are_not_compared() -> None:
    beats = [Note(0.3 + beat / 2, 0.4 + beat / 2, 38, part="drums") for beat in range(16)]
    score = Score(SCORE.notes + tuple(beats)).mapped(lambda t: 1.3 * t)
    alignment = builtin(RECORDING, score)
    assert alignment.cost == builtin(RECORDING, SCORE.mapped(lambda t: 1.3 * t)).cost
    assert_found(alignment.score.part("drums"), Score(tuple(beats)))


def test_silence_and_scores_without_notes_are_mistakes() -> None:
    with pytest.raises(AudioError, match="the recording is silent"):
        builtin(Audio(np.zeros((2, RATE), np.float32), RATE), SCORE)
    with pytest.raises(SideInformationError, match="the score has no notes"):
        builtin(RECORDING, Score(()))


def test_progress_is_told_and_cancelling_stops() -> None:
    events: list[Progress] = []
    align(RECORDING, SCORE, backend="builtin", reporter=events.append)
    assert list(dict.fromkeys(event.stage for event in events)) == ["listening", "aligning"]
    assert events[-1].fraction == 1
    cancel = threading.Event()

    def stop(event: Progress) -> None:
        if event.stage == "aligning":
            cancel.set()

    with pytest.raises(Cancelled):
        align(RECORDING, SCORE, backend="builtin", reporter=stop, cancel=cancel)


def test_auto_is_builtin_even_where_synctoolbox_is_installed() -> None:
    assert align(RECORDING, SCORE).backend == "builtin"


@pytest.mark.skipif(SYNCTOOLBOX, reason="synctoolbox is installed")
def test_a_backend_that_is_not_installed_says_how_to_install_it() -> None:
    with pytest.raises(SepkitError, match=r'pip install "sepkit\[align\]"'):
        align(RECORDING, SCORE, backend="synctoolbox")


@pytest.mark.skipif(not SYNCTOOLBOX, reason='needs synctoolbox: pip install "sepkit[align]"')
# Its own dependencies warn of what they will change.
@pytest.mark.filterwarnings("default")
@pytest.mark.slow
def test_synctoolbox_finds_onsets_and_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    alignment = align(RECORDING, SCORE.mapped(lambda t: 1.2 * t), backend="synctoolbox")
    assert alignment.backend == "synctoolbox"
    assert_found(alignment.score, SCORE, median_s=0.1, most_s=0.4)
    assert capsys.readouterr() == ("", "")
    with pytest.raises(SideInformationError, match="does not seem"):
        align(RECORDING, compose(5), backend="synctoolbox")
