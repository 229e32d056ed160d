"""Scores from CSV files."""

from __future__ import annotations

from pathlib import Path

import pytest

from sepkit import Note, Score
from sepkit.errors import SideInformationError

SHARED = Path(__file__).parents[2] / "shared" / "data" / "scores"


def written(folder: Path, text: str) -> Path:
    path = folder / "score.csv"
    path.write_text(text, encoding="utf-8")
    return path


class TestReading:
    @pytest.mark.parametrize(
        "text",
        [
            "start,end,pitch,velocity,part\n0.5,1.5,60,64,left\n",
            "start;duration;pitch;velocity;label\n0.5;1.0;60;64;left\n",
            "Onset_s, Offset_s, Pitch, Velocity, Instrument\n0.5, 1.5, 60, 64, left\n",
            '"start","end","pitch","velocity","label"\r\n"0.5","1.5","60","64","left"\r\n',
            '"Start" ; "Duration" ; "Pitch" ; "Velocity" ; "Label"\n0.5;1.0;60.0;64;"left"\n',
            "start\tend\tpitch\tvelocity\tpart\n0.5\t1.5\t60\t64\tleft\n",
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
            (["0.5", ""], [64, 64]),
        ],
    )
    def test_velocities_have_one_scale_in_a_file(self, tmp_path: Path, given: list[str], wanted: list[int]) -> None:
        rows = [f"{index},{index + 1},60,{velocity}" for index, velocity in enumerate(given)]
        score = Score.read(written(tmp_path, "\n".join(["start,end,pitch,velocity", *rows])))
        assert [note.velocity for note in score.notes] == wanted

    def test_names_are_one_however_their_accents_are_coded(self, tmp_path: Path) -> None:
        text = "start,end,pitch,part\n0,1,60,fl\u00f6te\n1,2,61,flo\u0308te\n"
        assert Score.read(written(tmp_path, text)).parts == ("fl\u00f6te",)

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
            ("nan,1,60,64", "onset < offset"),
            ("2,1,60,64", "onset < offset"),
            ("0,1,nan,64", "pitch from 0 to 127"),
            ("0,inf,60,64", "onset < offset"),
            ("-1,-2,60,64", "onset < offset"),
            ("0,1,440.5,64", "seems to be in Hz; give MIDI pitch"),
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

    @pytest.mark.parametrize("velocity", ["", "nan", "-", "NA"])
    def test_a_velocity_may_be_missing(self, tmp_path: Path, velocity: str) -> None:
        score = Score.read(written(tmp_path, f"start,end,pitch,velocity\n0,1,60,{velocity}\n1,2,61,100\n"))
        assert [note.velocity for note in score.notes] == [64, 100]

    @pytest.mark.parametrize("part", ["Violin 1 2", "[0.1 0.2]", "2 by 4 4"])
    def test_numbers_in_names_part_no_columns(self, tmp_path: Path, part: str) -> None:
        score = Score.read(written(tmp_path, f"start,end,pitch,part\n0,1,60,{part}\n"))
        assert score.parts == (part,)

    @pytest.mark.parametrize("empty", [",,", ", ,", "\t"])
    def test_rows_that_were_cleared_are_passed_over(self, tmp_path: Path, empty: str) -> None:
        score = Score.read(written(tmp_path, f"start,end,pitch\n{empty}\n0,1,60\n{empty}\n"))
        assert len(score.notes) == 1

    def test_header_alone(self, tmp_path: Path) -> None:
        with pytest.raises(SideInformationError, match="holds no notes"):
            Score.read(written(tmp_path, "start,end,pitch\n"))


class TestMending:
    @pytest.mark.parametrize(
        ("rows", "notes", "remarks"),
        [
            (["2,2,60"], [Note(2, 2.03, 60)], ["1 note of zero length now lasts 30 ms, at 2.00 s"]),
            (
                ["2,2,60", "1.5,1.5,62"],
                [Note(1.5, 1.53, 62), Note(2, 2.03, 60)],
                ["2 notes of zero length now last 30 ms, the first at 1.50 s"],
            ),
            (["-1,1,60"], [Note(0, 1, 60)], ["1 note that begins before 0 s now begins there, at -1.00 s"]),
            (["-1,0,60", "0,1,60"], [Note(0, 1, 60)], ["1 note that ends before 0 s is left out, at -1.00 s"]),
            (
                ["0,1,128", "0,1,-1", "0,1,60"],
                [Note(0, 1, 60)],
                ["2 notes with a pitch outside 0 to 127 are left out, the first at 0.00 s"],
            ),
            (["0,1,60", "0,1,60"], [Note(0, 1, 60)], ["1 note that occurs twice is kept once, at 0.00 s"]),
            (
                ["0,1,60", "0.5,1.5,60"],
                [Note(0, 1, 60), Note(0.5, 1.5, 60)],
                ["1 note begins while its part still plays the same pitch, at 0.50 s"],
            ),
            # Decimals are rounded: this is a repeated note, not an overlap.
            (["0,0.5004,60", "0.5,1,60"], [Note(0, 0.5004, 60), Note(0.5, 1, 60)], []),
            (["0,1,60", "0.5,1.5,61"], [Note(0, 1, 60), Note(0.5, 1.5, 61)], []),
        ],
    )
    def test_says_what_it_mends(self, tmp_path: Path, rows: list[str], notes: list[Note], remarks: list[str]) -> None:
        score = Score.read(written(tmp_path, "\n".join(["start,end,pitch", *rows])))
        assert score.notes == tuple(notes)
        assert score.remarks == tuple(remarks)

    def test_parts_may_play_the_same(self, tmp_path: Path) -> None:
        score = Score.read(written(tmp_path, "start,end,pitch,part\n0,1,60,a\n0,1,60,b\n"))
        assert (len(score.notes), score.remarks) == (2, ())

    def test_says_why_nothing_is_left(self, tmp_path: Path) -> None:
        with pytest.raises(SideInformationError, match=r"holds no notes; 1 note with a pitch outside 0 to 127"):
            Score.read(written(tmp_path, "start,end,pitch\n0,1,200\n"))


@pytest.mark.skipif(not SHARED.is_dir(), reason="no shared recordings")
class TestPublishedLists:
    @pytest.mark.parametrize(
        ("file", "rows", "parts"),
        [
            ("libsoni/FMP_B_Sonify_Pitch_Schubert_D911-11_SC06.csv", 48, {"piano"}),
            ("libsoni/FMP_C1_F12_Bach_BWV846_Sibelius-Tracks.csv", 129, {"Soprano", "Alto", "Tenor", "Basso"}),
            ("libsoni/C_major_triad_pianoroll.csv", 4, {"piano"}),
            ("synctoolbox/Chopin_Op010-03-Measures1-8_MIDI.csv", 164, {"piano"}),
        ],
    )
    def test_are_read_row_by_row(self, file: str, rows: int, parts: set[str]) -> None:
        score = Score.read(SHARED / file)
        assert (len(score.notes), set(score.parts)) == (rows, parts)

    def test_with_quoted_names_of_an_orchestra(self) -> None:
        score = Score.read(SHARED / "libsoni/FMP_C1_F10_Beethoven_Fifth-MM1-21_Sibelius-Orchestra.csv")
        assert len(score.parts) == 12
        assert "Clarinet in Bb" in score.parts
        assert score.remarks == ("32 notes that occur twice are kept once, the first at 0.50 s",)
