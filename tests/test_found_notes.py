"""Notes that are read from activations."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sepkit import Audio, Score, Separation
from sepkit.errors import SepkitError
from sepkit.example import FOLDER as EXAMPLE
from sepkit.problem.domain import Domain
from sepkit.problem.found_notes import found_notes
from sepkit.problem.layout import Atom, Layout
from sepkit.problem.problem import Problem
from sepkit.problem.variables import Variables
from sepkit.solving.provenance import Provenance
from tests.commandline import QUICK, call, files_below, record

HOP_S = 0.02


def layout(frames: int, *atoms: Atom) -> Layout:
    mixture = Audio(np.zeros((1, 16_000), np.float32), 16_000)
    return Problem(mixture).layout(frames_s=np.arange(frames) * HOP_S, atoms=atoms)


def notes_of(activations: np.ndarray, *atoms: Atom) -> Score:
    return found_notes(layout(activations.shape[1], *atoms), activations)


@given(first=st.integers(0, 40), length=st.integers(5, 50), level=st.floats(1e-3, 1e3))
def test_a_note_lasts_while_its_pitch_sounds_at_whatever_level(first: int, length: int, level: float) -> None:
    activations = np.zeros((1, 100))
    activations[0, first : first + length] = level
    (note,) = notes_of(activations, Atom("a", 60.3)).notes
    assert (note.part, note.pitch, note.velocity) == ("a", 60.3, 127)
    assert note.onset_s == pytest.approx(first * HOP_S)
    assert note.offset_s == pytest.approx((first + length) * HOP_S)


def test_short_gaps_are_closed_and_short_notes_left_out() -> None:
    activations = np.zeros((1, 100))
    activations[0, 10:20] = activations[0, 23:40] = activations[0, 60:62] = 1
    (note,) = notes_of(activations, Atom("a", 60)).notes
    assert (note.onset_s, note.offset_s) == (pytest.approx(0.2), pytest.approx(0.8))


def test_each_source_has_its_own_loudest() -> None:
    activations = np.zeros((3, 50))
    activations[0, :10], activations[1, 10:20], activations[2, 20:30] = 1, 0.02, 1e-4
    score = notes_of(activations, Atom("loud", 60), Atom("loud", 62), Atom("quiet", 70))
    assert [(note.part, note.pitch) for note in score.notes] == [("loud", 60), ("quiet", 70)]


def test_velocities_go_with_the_root_of_the_activation() -> None:
    activations = np.zeros((2, 50))
    activations[0, :10], activations[1, 20:30] = 1, 0.25
    assert [note.velocity for note in notes_of(activations, Atom("a", 60), Atom("a", 61)).notes] == [127, 64]


def test_atoms_of_one_pitch_are_one_and_those_without_a_pitch_none() -> None:
    activations = np.zeros((3, 50))
    activations[0, :10], activations[1, 10:20], activations[2, 30:40] = 1, 1, 5
    score = notes_of(activations, Atom("a", 60), Atom("a", 60, transient=True), Atom("a"))
    (note,) = score.notes
    assert note.offset_s == pytest.approx(0.4)


def test_silence_has_no_notes() -> None:
    assert notes_of(np.zeros((1, 10)), Atom("a", 60)).notes == ()


def test_a_method_that_finds_no_notes_is_named() -> None:
    audio = Audio(np.zeros((1, 100), np.float32), 16_000)
    provenance = Provenance(
        method="fake", plugin={}, versions={}, config={}, seed=0, device="cpu", sample_rate=16_000, channels=1,
        samples=100, sources=("a",), seconds=0.0,
    )  # fmt: skip
    for variables in (None, Variables(layout(5, Atom("a")), {Domain.ACTIVATIONS: np.ones((1, 5))})):
        with pytest.raises(
            SepkitError, match=r"^method 'fake' kept no activations of pitches[^\n]*keep_variables=True"
        ):
            Separation(audio, {"a": audio}, provenance, variables).score  # noqa: B018


def test_a_score_is_written_beside_the_stems(tmp_path: Path) -> None:
    pytest.importorskip("sepkit_score_nmf")
    out, given = tmp_path / "out", EXAMPLE / "piano" / "score.mid"
    left = EXAMPLE / "piano" / "left.flac"
    quick = ("--set", "iterations=3", "--parts", "split=60")
    outcome = call("run", "score-nmf", left, "-o", out, "--score", given, *quick, "--write-score")
    assert outcome.code == 0, outcome.err
    score = Score.read(out / "left" / "score.mid")
    assert set(score.parts) == {"left", "right"}
    repeated = call("run", "--from", out / "left", "-o", tmp_path / "again")
    assert repeated.code == 0, repeated.err
    assert (tmp_path / "again/left/score.mid").read_bytes() == (out / "left/score.mid").read_bytes()
    # It is one of the files of that result, and goes with it.
    assert call("run", "score-nmf", left, "-o", out, "--score", given, *quick).code == 0
    assert not (out / "left" / "score.mid").exists()


@pytest.mark.parametrize(
    ("inputs", "start_s", "heard_in"),
    [({}, 0.0, "of it"), ({"score": "of the score"}, 0.0, None), ({}, 2.0, None)],
)
def test_notes_know_in_which_recording_they_were_heard_unless_a_score_told_where_or_it_was_a_part_of_it(
    inputs: dict[str, str], start_s: float, heard_in: str | None
) -> None:
    audio = Audio(np.zeros((1, 100), np.float32), 16_000)
    provenance = Provenance(
        method="fake", plugin={}, versions={}, config={}, seed=0, device="cpu", sample_rate=16_000, channels=1,
        samples=100, sources=("a",), seconds=0.0, inputs={"mixture": "of it", **inputs},
        given={"start_s": start_s},
    )  # fmt: skip
    variables = Variables(layout(50, Atom("a", 60)), {Domain.ACTIVATIONS: np.ones((1, 50))})
    assert Separation(audio, {"a": audio}, provenance, variables).score.heard_in == heard_in


def test_a_method_without_notes_writes_nothing(tmp_path: Path) -> None:
    outcome = call("run", "nmf", record(tmp_path / "mix.wav"), "-o", tmp_path / "out", *QUICK, "--write-score")
    assert outcome.code == 1
    assert "finds notes" in outcome.err
    assert files_below(tmp_path / "out") == []
