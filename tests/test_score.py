from __future__ import annotations

import contextlib
import dataclasses
import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sepkit import Note, Score
from sepkit.errors import SideInformationError

# Two ticks of a MIDI file at 220 ticks a beat and 120 beats a minute.
TICKS_S = 2 * 0.5 / 220

DUET = Score((Note(0.0, 0.5, 60, 64, "left"), Note(0.25, 1.0, 72, 100, "right"), Note(0.5, 1.0, 62, 1, "left")))


def written(folder: Path, text: str, name: str = "score.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


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


def same_notes(read: Score, score: Score) -> None:
    def key(note: Note) -> tuple[str, float, float]:
        return (note.part, note.pitch, note.onset_s)

    assert len(read.notes) == len(score.notes)
    for one, other in zip(sorted(read.notes, key=key), sorted(score.notes, key=key), strict=True):
        assert (one.part, one.pitch, one.velocity) == (other.part, other.pitch, other.velocity)
        assert one.onset_s == pytest.approx(other.onset_s, abs=TICKS_S)
        assert one.offset_s == pytest.approx(other.offset_s, abs=TICKS_S)


class TestMidi:
    def test_round_trip(self, tmp_path: Path) -> None:
        DUET.write(tmp_path / "duet.mid")
        same_notes(Score.read(tmp_path / "duet.mid"), DUET)

    @settings(max_examples=25)
    @given(st.data())
    def test_round_trip_of_any_melody(self, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
        lengths = data.draw(st.lists(st.floats(0.02, 2), min_size=1, max_size=10))
        onsets = np.concatenate([[0.0], np.cumsum(lengths)])
        score = Score(
            tuple(
                Note(onset, offset, data.draw(st.integers(0, 127)), data.draw(st.integers(1, 127)), "voice")
                for onset, offset in zip(onsets[:-1].tolist(), onsets[1:].tolist(), strict=True)
            )
        )
        path = tmp_path_factory.getbasetemp() / "melody.mid"
        score.write(path)
        same_notes(Score.read(path), score)

    @pytest.mark.parametrize("part", ["Flûte", "ヴァイオリン", "drums & bass", "a/b"])
    def test_names_of_parts_survive(self, tmp_path: Path, part: str) -> None:
        Score((Note(0, 1, 60, part=part),)).write(tmp_path / "a.mid")
        assert Score.read(tmp_path / "a.mid").parts == (part,)

    def test_names_in_latin_1_are_read(self, tmp_path: Path) -> None:
        import pretty_midi

        midi = pretty_midi.PrettyMIDI()
        flute = pretty_midi.Instrument(73, name="Flûte")
        flute.notes.append(pretty_midi.Note(64, 60, 0, 1))
        midi.instruments.append(flute)
        midi.write(str(tmp_path / "a.mid"))
        assert Score.read(tmp_path / "a.mid").parts == ("Flûte",)

    def test_more_parts_than_midi_has_channels(self, tmp_path: Path) -> None:
        parts = tuple(f"part {index}" for index in range(20))
        Score(tuple(Note(i, i + 1, 60, part=part) for i, part in enumerate(parts))).write(tmp_path / "a.mid")
        assert Score.read(tmp_path / "a.mid").parts == parts

    def test_instruments_of_one_name_or_none_are_told_apart(self, tmp_path: Path) -> None:
        import pretty_midi

        midi = pretty_midi.PrettyMIDI()
        for index, name in enumerate(["violin", "violin", ""]):
            instrument = pretty_midi.Instrument(40, name=name)
            instrument.notes.append(pretty_midi.Note(64, 60, index, index + 1))
            midi.instruments.append(instrument)
        midi.write(str(tmp_path / "a.midi"))
        assert Score.read(tmp_path / "a.midi").parts == ("violin", "violin-2", "track3")

    def test_damaged_files_are_one_clear_error(self, tmp_path: Path) -> None:
        DUET.write(tmp_path / "whole.mid")
        whole, rng = (tmp_path / "whole.mid").read_bytes(), np.random.default_rng(0)
        damaged = tmp_path / "damaged.mid"
        for length in range(0, len(whole), 5):
            flipped = bytearray(whole)
            for position in rng.integers(0, len(whole), 4):
                flipped[position] = rng.integers(0, 256)
            for data in (whole[:length], rng.bytes(length), b"MThd" + rng.bytes(length), bytes(flipped)):
                damaged.write_bytes(data)
                # Some damage is still a score.
                with contextlib.suppress(SideInformationError):
                    Score.read(damaged)

    def test_names_the_file_that_it_cannot_read(self, tmp_path: Path) -> None:
        (tmp_path / "text.mid").write_text("no music")
        with pytest.raises(SideInformationError, match=r"text\.mid as MIDI"):
            Score.read(tmp_path / "text.mid")

    def test_file_without_notes(self, tmp_path: Path) -> None:
        import pretty_midi

        pretty_midi.PrettyMIDI().write(str(tmp_path / "empty.mid"))
        with pytest.raises(SideInformationError, match="holds no notes"):
            Score.read(tmp_path / "empty.mid")


class TestCsv:
    @pytest.mark.parametrize(
        "text",
        [
            "start,end,pitch,velocity,part\n0.5,1.5,60,64,left\n",
            "start;duration;pitch;velocity;label\n0.5;1.0;60;64;left\n",
            "Onset_s, Offset_s, Pitch, Velocity, Instrument\n0.5, 1.5, 60, 64, left\n",
            '"start","end","pitch","velocity","label"\r\n"0.5","1.5","60","64","left"\r\n',
            "\ufeffpart,pitch,end,start,velocity,comment\nleft,60,1.5,0.5,64,nice\n",
            "start,end,pitch,part\n0.5,1.5,60,left\n\n",
            "start,end,pitch,velocity,part\n0.5,1.5,60,,left\n",
        ],
    )
    def test_ways_to_write_one_note(self, tmp_path: Path, text: str) -> None:
        assert Score.read(written(tmp_path, text)) == Score((Note(0.5, 1.5, 60, 64, "left"),))

    @pytest.mark.parametrize(
        ("given", "wanted"),
        [
            (["0", "0.5", "1"], [1, 64, 127]),
            (["0", "1", "64", "127", "200"], [1, 1, 64, 127, 127]),
            (["1"], [127]),
            (["2", ""], [2, 64]),
        ],
    )
    def test_velocities_have_one_scale_in_a_file(self, tmp_path: Path, given: list[str], wanted: list[int]) -> None:
        rows = [f"{index},{index + 1},60,{velocity}" for index, velocity in enumerate(given)]
        score = Score.read(written(tmp_path, "\n".join(["start,end,pitch,velocity", *rows])))
        assert [note.velocity for note in score.notes] == wanted

    def test_is_sorted(self, tmp_path: Path) -> None:
        score = Score.read(written(tmp_path, "start,end,pitch\n2,3,61\n0,1,60\n"))
        assert [note.pitch for note in score.notes] == [60, 61]

    @pytest.mark.parametrize("missing", ["start", "end", "pitch"])
    def test_names_the_columns_it_needs_and_has(self, tmp_path: Path, missing: str) -> None:
        columns = [name for name in ("start", "end", "pitch", "label") if name != missing]
        with pytest.raises(SideInformationError, match="needs columns start, pitch and duration or end") as error:
            Score.read(written(tmp_path, ",".join(columns) + "\n0,1,2\n"))
        assert ", ".join(columns) in str(error.value)

    @pytest.mark.parametrize(
        ("row", "words"),
        [
            ("abc,1,60,64", "'abc'"),
            ("0,1,60,loud", "'loud'"),
            ("0,1,60,inf", "infinity"),
            ("0,1,60,nan", "NaN"),
            ("nan,1,60,64", "onset < offset"),
            ("2,1,60,64", "onset < offset"),
            ("0,1,300,64", "pitch from 0 to 127"),
            ("0,1", "'pitch'"),
            ("0,,60,64", "'offset_s'|'duration_s'"),
        ],
    )
    def test_names_file_and_row_of_what_is_wrong(self, tmp_path: Path, row: str, words: str) -> None:
        path = written(tmp_path, f"start,end,pitch,velocity\n0,1,60,64\n{row}\n")
        with pytest.raises(SideInformationError, match=words) as error:
            Score.read(path)
        assert str(path) in str(error.value)
        assert "\n" not in str(error.value)

    @pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00\x01", b"\0" * 100, b'start,end,pitch\n"' + b"1" * 200_000])
    def test_other_bytes_are_an_error(self, tmp_path: Path, content: bytes) -> None:
        (tmp_path / "a.csv").write_bytes(content)
        with pytest.raises(SideInformationError):
            Score.read(tmp_path / "a.csv")

    def test_header_alone(self, tmp_path: Path) -> None:
        with pytest.raises(SideInformationError, match="holds no notes"):
            Score.read(written(tmp_path, "start,end,pitch\n"))


class TestFiles:
    @pytest.mark.parametrize("name", ["missing.mid", "missing.csv", "."])
    def test_missing(self, tmp_path: Path, name: str) -> None:
        with pytest.raises(SideInformationError, match="no such score"):
            Score.read(tmp_path / name)

    def test_other_suffix(self, tmp_path: Path) -> None:
        with pytest.raises(SideInformationError, match=r"\.mid, \.midi or \.csv"):
            Score.read(written(tmp_path, "", "score.musicxml"))
