"""`sepkit score`: what is read from a score, for people and for programs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sepkit import Note, Score
from sepkit.music.pitch import note_name
from tests.commandline import call

TWO_STAVES = """<score-partwise><part-list><score-part id="P1"><part-name>Piano</part-name></score-part></part-list>
<part id="P1"><measure number="1"><attributes><divisions>1</divisions></attributes>
<direction><sound tempo="90"/></direction>
<note><pitch><step>C</step><octave>5</octave></pitch><duration>1</duration><staff>1</staff></note>
<backup><duration>1</duration></backup>
<note><pitch><step>B</step><alter>-1</alter><octave>2</octave></pitch><duration>1</duration><staff>2</staff></note>
</measure></part></score-partwise>"""


@pytest.fixture
def duet(tmp_path: Path) -> Path:
    notes = [Note(0.5, 1, 69, part="flute"), Note(1, 2.25, 73, part="flute"), Note(2, 3, 36, part="double bass")]
    Score(notes).write(tmp_path / "duet.mid")
    return tmp_path / "duet.mid"


def test_parts_with_their_notes_and_ranges_are_listed(duet: Path) -> None:
    done = call("score", duet)
    assert (done.code, done.err) == (0, "")
    lines = [line.split() for line in done.out.splitlines()]
    assert ["flute", "2", "A4", "to", "C#5", "0.50", "2.25"] in lines
    assert ["double", "bass", "1", "C2", "2.00", "3.00"] in lines
    assert ["length", "3.00", "s"] in lines
    assert ["tempo", "120", "quarter", "notes", "a", "minute"] in lines


def test_json_tells_the_same_to_programs(duet: Path) -> None:
    record = json.loads(call("score", duet, "--json").out)
    assert (record["score"], record["notes"], record["remarks"]) == (str(duet), 3, [])
    assert record["length_s"] == pytest.approx(3, abs=1e-3)
    assert record["tempi_bpm"] == [pytest.approx(120)]
    flute, bass = record["parts"]
    assert (flute["name"], flute["notes"], flute["lowest"], flute["highest"]) == ("flute", 2, "A4", "C#5")
    assert (bass["name"], bass["lowest_pitch"], bass["highest_pitch"]) == ("double bass", 36, 36)
    assert (flute["begin_s"], flute["end_s"]) == (pytest.approx(0.5, abs=1e-3), pytest.approx(2.25, abs=1e-3))


def test_one_part_on_two_staves_hints_at_them(tmp_path: Path) -> None:
    (tmp_path / "piano.musicxml").write_text(TWO_STAVES)
    whole = call("score", tmp_path / "piano.musicxml")
    assert "--parts staff" in whole.out
    assert "90 quarter notes a minute" in whole.out
    hands = call("score", tmp_path / "piano.musicxml", "--parts", "staff")
    assert "--parts staff" not in hands.out
    assert [line.split()[:3] for line in hands.out.splitlines()[1:3]] == [["left", "1", "A#2"], ["right", "1", "C5"]]


def test_what_was_mended_is_listed_and_a_table_has_no_tempo(tmp_path: Path) -> None:
    (tmp_path / "notes.csv").write_text("start,end,pitch,part\n0,1,60,a\n0,1,60,a\n1.5,1.5,62,a\n")
    done = call("score", tmp_path / "notes.csv")
    assert "note    1 note of zero length now lasts 30 ms, at 1.50 s" in done.out
    assert "note    1 note that occurs twice is kept once, at 0.00 s" in done.out
    assert "tempo   none is written" in done.out


def test_several_tempi_are_told_as_a_range(tmp_path: Path) -> None:
    faster = '<direction><sound tempo="120.5"/></direction></measure></part>'
    (tmp_path / "a.xml").write_text(TWO_STAVES.replace("</measure></part>", faster))
    assert "tempo   90 to 120.5 quarter notes a minute, in 2 marks" in call("score", tmp_path / "a.xml").out


def test_a_name_from_a_file_does_nothing_to_the_terminal(tmp_path: Path) -> None:
    (tmp_path / "notes.csv").write_text(f"start,end,pitch,part\n0,1,60,\x1b[31m{'x' * 500}\n")
    done = call("score", tmp_path / "notes.csv")
    assert "\x1b" not in done.out
    assert max(map(len, done.out.splitlines())) < 120


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [("gone.mid", (), "no such score"), ("duet.mid", ("--parts", "left=9"), "no part '9'")],
)
def test_mistakes_are_one_line(duet: Path, name: str, options: tuple[str, ...], words: str) -> None:
    done = call("score", duet.with_name(name), *options)
    assert (done.code, done.out, len(done.complaints)) == (2, "", 1)
    assert words in done.err


def test_names_of_notes() -> None:
    assert [note_name(pitch) for pitch in (0, 21, 60, 61, 69.4, 127)] == ["C-1", "A0", "C4", "C#4", "A4", "G9"]
