"""`sepkit align`: what is written, what is printed, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from sepkit import Note, Score
from tests.commandline import Outcome, call, files_below
from tests.playing import compose, play

PLAYED = compose(1, 4)
ON_TIME = ("--backend", "builtin")


@pytest.fixture
def song(tmp_path: Path) -> Path:
    play(PLAYED).write(tmp_path / "song.wav")
    return tmp_path / "song.wav"


@pytest.fixture
def score(tmp_path: Path) -> Path:
    PLAYED.mapped(lambda t: 1.2 * t + 1).write(tmp_path / "score.mid")
    return tmp_path / "score.mid"


@pytest.fixture
def out(tmp_path: Path) -> Path:
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


def refused(done: Outcome, out: Path) -> str:
    """The one line of complaint; nothing was written."""
    assert (done.code, done.out, len(done.complaints), files_below(out)) == (2, "", 1, [])
    return done.err


def test_the_aligned_score_and_a_picture_are_written_and_the_shifts_told(song: Path, score: Path, out: Path) -> None:
    done = call("align", song, score, "-o", out / "aligned.mid", *ON_TIME)
    assert (done.code, done.err) == (0, "")
    assert files_below(out) == ["aligned.mid", "aligned.png"]
    aligned = Score.read(out / "aligned.mid")
    assert aligned.parts == PLAYED.parts
    errors_s = [abs(a.onset_s - b.onset_s) for a, b in zip(aligned.notes, PLAYED.notes, strict=True)]
    assert np.median(errors_s) < 0.03
    told = dict(line.split(maxsplit=1) for line in done.out.splitlines())
    assert list(told) == ["notes", "cost", "tuning", "backend", "score", "picture"]
    assert told["notes"].startswith(f"{len(PLAYED.notes)}, moved by 1.")
    assert told["cost"].endswith("at most 0.33 is accepted")
    assert told["score"] == str(out / "aligned.mid")
    assert (out / "aligned.png").read_bytes().startswith(b"\x89PNG")


def test_json_tells_the_same_to_programs(song: Path, score: Path, out: Path) -> None:
    done = call("align", song, score, "-o", out / "aligned.mid", "--json", *ON_TIME)
    record = json.loads(done.out)
    assert 1 < record["mean_shift_s"] < record["worst_shift_s"] < 3
    assert 0 < record["cost"] < 0.33
    assert abs(record["tuning_cents"]) < 5
    assert (record["notes"], record["backend"], record["remarks"]) == (len(PLAYED.notes), "builtin", [])
    assert (record["score"], record["picture"]) == (str(out / "aligned.mid"), str(out / "aligned.png"))


@pytest.mark.parametrize(("name", "begin"), [("path.svg", b"<?xml"), ("path.pdf", b"%PDF"), ("path.PNG", b"\x89PNG")])
def test_the_picture_goes_where_it_is_told(song: Path, score: Path, out: Path, name: str, begin: bytes) -> None:
    assert call("align", song, score, "-o", out / "aligned.mid", "--plot", out / name, *ON_TIME).code == 0
    assert files_below(out) == sorted(["aligned.mid", name])
    assert (out / name).read_bytes().startswith(begin)


def test_a_score_of_another_piece_is_refused_and_nothing_written(song: Path, score: Path, out: Path) -> None:
    compose(9, 4).write(score)
    done = call("align", song, score, "-o", out / "aligned.mid", *ON_TIME)
    assert "the score does not seem to be of this recording: alignment cost" in refused(done, out)


def test_a_score_without_notes_or_a_missing_file_is_a_mistake(song: Path, score: Path, out: Path) -> None:
    empty = score.with_name("empty.csv")
    empty.write_text("start,end,pitch\n")
    assert "holds no notes" in refused(call("align", song, empty, "-o", out / "a.mid"), out)
    assert "no such score" in refused(call("align", song, score.with_name("gone.mid"), "-o", out / "a.mid"), out)
    assert "no such audio file" in refused(call("align", song.with_name("gone.wav"), score, "-o", out / "a.mid"), out)


def test_places_that_cannot_be_written_to_are_found_before_the_work(song: Path, score: Path, out: Path) -> None:
    assert "cannot be written as 'a.txt'" in refused(call("align", song, score, "-o", out / "a.txt"), out)
    named = ("align", song, score, "-o", out / "a.mid", "--plot")
    assert "cannot be written as 'p.jpg'" in refused(call(*named, out / "p.jpg"), out)
    folders = song.with_name("taken.mid"), song.with_name("taken.png")
    for folder in folders:
        folder.mkdir()
    assert "it is a folder" in refused(call("align", song, score, "-o", folders[0]), out)
    assert "it is a folder" in refused(call(*named, folders[1]), out)
    assert "cannot write to folder" in refused(call("align", song, score, "-o", score / "a.mid"), out)


def test_the_folder_is_made(song: Path, score: Path, out: Path) -> None:
    assert call("align", song, score, "-o", out / "deep" / "a.mid", *ON_TIME).code == 0
    assert files_below(out) == ["deep", "deep/a.mid", "deep/a.png"]


def test_notes_that_are_left_out_are_remarked_on_stderr(song: Path, score: Path, out: Path) -> None:
    last = max(note.offset_s for note in PLAYED.notes)
    longer = Score((*PLAYED.notes, Note(last + 2, last + 3, 60, part="melody")))
    longer.write(score)
    done = call("align", song, score, "-o", out / "aligned.mid", *ON_TIME)
    assert done.code == 0
    assert done.complaints == [f"sepkit: note on {score}: 1 note lies outside the recording and is left out"]
    assert len(Score.read(out / "aligned.mid").notes) == len(PLAYED.notes)


def test_pitches_that_midi_cannot_hold_are_remarked(song: Path, tmp_path: Path, out: Path) -> None:
    bent = [f"{n.onset_s},{n.offset_s},{n.pitch + 0.25 * (number == 3)}" for number, n in enumerate(PLAYED.notes)]
    (tmp_path / "bent.csv").write_text("\n".join(["start,end,pitch", *bent]))
    done = call("align", song, tmp_path / "bent.csv", "-o", out / "aligned.mid", *ON_TIME)
    assert done.code == 0
    assert any("1 note lies between two semitones and is rounded in MIDI" in line for line in done.complaints)


def test_progress_goes_to_stderr(song: Path, score: Path, out: Path) -> None:
    done = call("align", song, score, "-o", out / "aligned.mid", "--progress", "json", *ON_TIME)
    events = [json.loads(line) for line in done.complaints]
    assert {event["stage"] for event in events} == {"listening", "aligning"}
    assert {event["mixture"] for event in events} == {"song.wav"}
