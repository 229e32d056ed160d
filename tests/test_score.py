"""Notes and scores, and what turns one score into another."""

from __future__ import annotations

import dataclasses
import pickle
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sepkit import Note, Score
from sepkit.errors import SideInformationError

DUET = Score((Note(0.0, 0.5, 60, 64, "left"), Note(0.25, 1.0, 72, 100, "right"), Note(0.5, 1.0, 62, 1, "left")))
TRIO = Score((Note(0, 1, 40, part="bass"), Note(1, 2, 50, part="cello"), Note(2, 3, 72, part="flute")), ("a remark",))


class TestNote:
    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ({"onset_s": -0.1}, "0 <= onset < offset"),
            ({"offset_s": 0.0}, "0 <= onset < offset"),
            ({"offset_s": float("inf")}, "0 <= onset < offset"),
            ({"onset_s": float("nan")}, "0 <= onset < offset"),
            ({"pitch": 128}, "pitch from 0 to 127"),
            ({"pitch": float("nan")}, "pitch from 0 to 127"),
            ({"velocity": 0}, "velocity from 1 to 127"),
            ({"velocity": 128}, "velocity from 1 to 127"),
        ],
    )
    def test_refuses(self, change: dict[str, float], words: str) -> None:
        with pytest.raises(SideInformationError, match=words) as error:
            dataclasses.replace(Note(0.0, 1.0, 60), **change)  # type: ignore[arg-type]
        assert str(next(iter(change.values()))) in str(error.value)

    def test_takes_fractions_of_a_semitone(self) -> None:
        assert Note(0, 1, 60.5).pitch == 60.5


class TestScore:
    def test_is_sorted_by_onset(self) -> None:
        assert Score(tuple(reversed(DUET.notes))) == DUET

    def test_takes_any_iterable(self) -> None:
        assert Score(note for note in DUET.notes) == DUET  # type: ignore[arg-type]

    def test_parts_come_in_the_order_in_which_they_enter(self) -> None:
        assert DUET.parts == ("left", "right")
        assert Score((Note(1, 2, 60, part="a"), Note(0, 2, 60, part="b"))).parts == ("b", "a")

    def test_part_holds_its_notes_only(self) -> None:
        assert [note.pitch for note in DUET.part("left").notes] == [60, 62]
        assert DUET.part("nobody").notes == ()

    def test_parts_make_up_the_whole(self) -> None:
        notes = [note for part in DUET.parts for note in DUET.part(part).notes]
        assert Score(tuple(notes)) == DUET

    def test_survives_pickling(self) -> None:
        assert pickle.loads(pickle.dumps(DUET)) == DUET

    def test_remarks_tell_no_scores_apart(self) -> None:
        noted = dataclasses.replace(DUET, remarks=("mended",))
        assert (noted, hash(noted)) == (DUET, hash(DUET))
        assert noted.part("left").remarks == ("mended",)


class TestRegroup:
    @pytest.mark.parametrize(
        ("groups", "parts"),
        [
            ({"low": ["bass", "cello"], "high": ["flute"]}, ("low", "low", "high")),
            ({"low": ["1", "2"], "high": "3"}, ("low", "low", "high")),
            ({"strings": ["1", "cello"]}, ("strings", "strings", "flute")),
            ({"bass": "flute", "flute": "bass"}, ("flute", "cello", "bass")),
            ({"bass": ["bass", "cello"]}, ("bass", "bass", "flute")),
            ({}, ("bass", "cello", "flute")),
        ],
    )
    def test_names_parts_anew(self, groups: dict[str, list[str]], parts: tuple[str, ...]) -> None:
        regrouped = TRIO.regroup(groups)
        assert tuple(note.part for note in regrouped.notes) == parts
        assert regrouped.remarks == TRIO.remarks
        assert [note.pitch for note in regrouped.notes] == [note.pitch for note in TRIO.notes]

    def test_a_name_goes_before_a_number(self) -> None:
        score = Score((Note(0, 1, 60, part="2"), Note(1, 2, 60, part="1")))
        assert score.regroup({"one": "1"}).parts == ("2", "one")

    @pytest.mark.parametrize(
        ("groups", "words"),
        [
            ({"a": ["oboe"]}, "no part 'oboe'; its parts are 1 'bass', 2 'cello', 3 'flute'"),
            ({"a": ["0"]}, "no part '0'"),
            ({"a": ["4"]}, "no part '4'"),
            ({"a": ["bass"], "b": ["1"]}, "part 'bass' is put into both 'a' and 'b'"),
            ({"flute": ["bass"]}, "there is a part 'flute' already"),
        ],
    )
    def test_refuses(self, groups: dict[str, list[str]], words: str) -> None:
        with pytest.raises(SideInformationError, match=words):
            TRIO.regroup(groups)


class TestSplitByPitch:
    def test_hands_meet_at_middle_c(self) -> None:
        score = Score(tuple(Note(i, i + 1, pitch) for i, pitch in enumerate([59, 59.5, 60, 61])))
        assert [note.part for note in score.split_by_pitch().notes] == ["left", "left", "right", "right"]

    def test_takes_names_and_place(self) -> None:
        assert TRIO.split_by_pitch(45, "b", "c").parts == ("b", "c")

    @pytest.mark.parametrize("pitch", [-1, 128, float("nan")])
    def test_refuses(self, pitch: float) -> None:
        with pytest.raises(SideInformationError, match="from 0 to 127, given"):
            TRIO.split_by_pitch(pitch)


def warped(points: list[tuple[float, float]]) -> Score:
    old_s, new_s = np.cumsum(np.array([(0.0, 0.0), *points]), axis=0).T
    return TRIO.mapped(lambda times_s: np.interp(times_s, old_s, new_s))


class TestMapped:
    def test_moves_onsets_and_offsets(self) -> None:
        moved = TRIO.mapped(lambda times_s: 2 * times_s + 1)
        assert [(note.onset_s, note.offset_s) for note in moved.notes] == [(1, 3), (3, 5), (5, 7)]
        assert [note.part for note in moved.notes] == ["bass", "cello", "flute"]
        assert moved.remarks == TRIO.remarks

    @given(st.lists(st.tuples(st.floats(0.1, 2), st.floats(0, 2)), max_size=5))
    def test_keeps_notes_in_order_and_longer_than_nothing(self, points: list[tuple[float, float]]) -> None:
        notes = sorted(warped(points).notes, key=lambda note: note.pitch)
        assert len(notes) == 3
        assert all(note.offset_s > note.onset_s for note in notes)
        assert all(a.onset_s <= b.onset_s for a, b in pairwise(notes))

    def test_is_undone_by_the_inverse(self) -> None:
        back = TRIO.mapped(lambda t: t**2 + t).mapped(lambda t: (np.sqrt(1 + 4 * t) - 1) / 2)
        for one, other in zip(back.notes, TRIO.notes, strict=True):
            assert (one.onset_s, one.offset_s) == pytest.approx((other.onset_s, other.offset_s))

    def test_cuts_what_lies_before_the_recording(self) -> None:
        moved = TRIO.mapped(lambda times_s: times_s - 1.5)
        assert [(note.onset_s, note.offset_s) for note in moved.notes] == [(0, 0.5), (0.5, 1.5)]
        assert moved.remarks == (
            "a remark",
            "1 note that ends before 0 s is left out, at -1.50 s",
            "1 note that begins before 0 s now begins there, at -0.50 s",
        )

    def test_cannot_change_the_times_that_it_maps(self) -> None:
        def careless(times_s: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> object:
            times_s += 1
            return times_s

        assert TRIO.mapped(careless).notes[0].onset_s == 1  # type: ignore[arg-type]
        assert TRIO.notes[0].onset_s == 0

    def test_nothing_stays_nothing(self) -> None:
        assert Score(()).mapped(lambda times_s: times_s).notes == ()

    @pytest.mark.parametrize(
        ("times", "words"),
        [
            (lambda times_s: -times_s, "must not decrease"),
            (lambda times_s: times_s[:-1], "6 finite seconds"),
            (lambda times_s: times_s * np.nan, "6 finite seconds"),
            (lambda times_s: 3.0, "6 finite seconds"),
        ],
    )
    def test_refuses(self, times: object, words: str) -> None:
        with pytest.raises(SideInformationError, match=words):
            TRIO.mapped(times)  # type: ignore[arg-type]


class TestFiles:
    @pytest.mark.parametrize("name", ["missing.mid", "missing.csv", "missing.musicxml"])
    def test_missing(self, tmp_path: Path, name: str) -> None:
        with pytest.raises(SideInformationError, match="no such score"):
            Score.read(tmp_path / name)

    def test_other_suffix(self, tmp_path: Path) -> None:
        (tmp_path / "score.pdf").write_text("")
        with pytest.raises(SideInformationError, match=r"give a \.mid, \.midi, \.csv, \.musicxml, \.xml or \.mxl file"):
            Score.read(tmp_path / "score.pdf")

    def test_other_parts(self, tmp_path: Path) -> None:
        with pytest.raises(SideInformationError, match="track, instrument, staff, drums, given 'voice'"):
            Score.read(tmp_path / "score.mid", parts="voice")  # type: ignore[arg-type]

    @pytest.mark.parametrize("name", ["duet.mid", "duet.csv"])
    def test_staves_are_in_musicxml_only(self, tmp_path: Path, name: str) -> None:
        (tmp_path / name).write_text("")
        with pytest.raises(SideInformationError, match=f"{name} has no staves"):
            Score.read(tmp_path / name, parts="staff")
