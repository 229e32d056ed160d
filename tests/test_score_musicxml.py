"""Scores from MusicXML files."""

from __future__ import annotations

import re
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from sepkit import Score
from sepkit.errors import SideInformationError

SHARED = Path(__file__).parents[2] / "shared" / "data" / "scores" / "vienna4x22"

Write = Callable[..., Path]
Times = list[tuple[float, float, float]]

TEMPO = '<direction><sound tempo="60"/></direction>'


def note(step: str, duration: int = 1, *, octave: int = 4, more: str = "", before: str = "") -> str:
    pitch = f"<pitch><step>{step}</step><octave>{octave}</octave></pitch>"
    return f"<note>{before}{pitch}<duration>{duration}</duration>{more}</note>"


def grace(step: str) -> str:
    return f"<note><grace/><pitch><step>{step}</step><octave>4</octave></pitch></note>"


def repeat(direction: str) -> str:
    side = "left" if direction == "forward" else "right"
    return f'<barline location="{side}"><repeat direction="{direction}"/></barline>'


def ending(kind: str, number: int, more: str = "") -> str:
    side = "left" if kind == "start" else "right"
    return f'<barline location="{side}"><ending number="{number}" type="{kind}"/>{more}</barline>'


def part(*measures: str, divisions: int = 1, attributes: str = "") -> str:
    first = f"<attributes><divisions>{divisions}</divisions>{attributes}</attributes>"
    bars = [f'<measure number="{n}">{first if n == 1 else ""}{bar}</measure>' for n, bar in enumerate(measures, 1)]
    return "".join(bars)


def document(*parts: tuple[str, str], more: str = "") -> str:
    names = "".join(
        f'<score-part id="P{n}"><part-name>{name}</part-name>{more}</score-part>'
        for n, (name, _) in enumerate(parts, 1)
    )
    music = "".join(f'<part id="P{n}">{measures}</part>' for n, (_, measures) in enumerate(parts, 1))
    return f"<?xml version='1.0'?><score-partwise><part-list>{names}</part-list>{music}</score-partwise>"


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes parts of name and measures."""

    def make(*parts: tuple[str, str], name: str = "a.musicxml", more: str = "") -> Path:
        (tmp_path / name).write_text(document(*parts, more=more), encoding="utf-8")
        return tmp_path / name

    return make


def times(score: Score) -> Times:
    return [(round(n.onset_s, 6), round(n.offset_s, 6), n.pitch) for n in score.notes]


class TestNotes:
    def test_chords_rests_and_voices(self, write: Write) -> None:
        rest = "<note><rest/><duration>1</duration></note>"
        chord = note("E", 1, before="<chord/>")
        backup = "<backup><duration>3</duration></backup>"
        path = write(("piano", part(TEMPO + note("C") + chord + rest + note("D") + backup + note("G", 3, octave=3))))
        assert times(Score.read(path)) == [(0, 1, 60), (0, 1, 64), (0, 3, 55), (2, 3, 62)]

    def test_ties_are_one_note(self, write: Write) -> None:
        bars = TEMPO + note("C", more='<tie type="start"/>'), note("C", more='<tie type="stop"/>') + note("C")
        assert times(Score.read(write(("piano", part(*bars))))) == [(0, 2, 60), (2, 3, 60)]

    def test_grace_notes_last_a_moment(self, write: Write) -> None:
        score = Score.read(write(("piano", part(TEMPO + note("E") + grace("D") + note("C") + grace("B")))))
        assert times(score) == [(0, 1, 64), (1, 1.03, 62), (1, 2, 60), (2, 2.03, 71)]
        assert score.remarks == ("2 notes of zero length now last 30 ms, the first at 1.00 s",)

    @pytest.mark.parametrize(
        ("transpose", "pitch"),
        [
            ("<chromatic>-2</chromatic>", 58),
            ("<chromatic>0</chromatic><octave-change>-1</octave-change>", 48),
            ("<diatonic>-1</diatonic><chromatic>-2</chromatic><octave-change>-1</octave-change>", 46),
        ],
    )
    def test_instruments_that_transpose_sound_where_they_do(self, write: Write, transpose: str, pitch: int) -> None:
        back = "<attributes><transpose><chromatic>0</chromatic></transpose></attributes>"
        measures = part(TEMPO + note("C"), back + note("C"), attributes=f"<transpose>{transpose}</transpose>")
        assert [n.pitch for n in Score.read(write(("clarinet", measures))).notes] == [pitch, 60]

    def test_cues_are_silent_and_take_their_time(self, write: Write) -> None:
        cues = note("C", before="<cue/>") + note("E", before="<cue/><chord/>")
        assert times(Score.read(write(("oboe", part(TEMPO + cues + note("D")))))) == [(1, 2, 62)]

    def test_quarter_tones_are_fractions_of_semitones(self, write: Write) -> None:
        quarter = "<note><pitch><step>C</step><alter>0.5</alter><octave>4</octave></pitch><duration>1</duration>"
        path = write(("oud", part(TEMPO + quarter + "<accidental>quarter-sharp</accidental></note>")))
        assert times(Score.read(path)) == [(0, 1, 60.5)]

    def test_drums_have_the_keys_of_midi(self, write: Write) -> None:
        place = "<unpitched><display-step>F</display-step><display-octave>4</display-octave></unpitched>"
        drum = f'<note>{place}<duration>1</duration><instrument id="I1"/></note>'
        midi = '<midi-instrument id="I1"><midi-channel>10</midi-channel><midi-unpitched>37</midi-unpitched>'
        kit = ("kit", part(TEMPO + drum + drum.replace("I1", "I2")))
        score = Score.read(write(kit, more=midi + "</midi-instrument>"), parts="instrument")
        assert [(n.part, n.pitch) for n in score.notes] == [("drums", 36), ("drums", 65)]


class TestTime:
    def test_without_tempo_marks(self, write: Write) -> None:
        score = Score.read(write(("piano", part(note("C") + note("D", 2)))))
        assert times(score) == [(0, 0.5, 60), (0.5, 1.5, 62)]
        assert score.remarks == ("there are no tempo marks: a quarter note lasts 0.5 s",)

    def test_tempo_changes_hold_for_all_parts(self, write: Write) -> None:
        faster = '<direction><sound tempo="120"/></direction>'
        conductor = part(TEMPO + note("C", 2), faster + note("C", 2))
        follower = part(note("G", 12), note("A", 12), divisions=6)
        score = Score.read(write(("flute", conductor), ("cello", follower)))
        assert times(score.part("cello")) == times(
            Score.read(write(("cello", follower), ("flute", conductor))).part("cello")
        )
        assert times(score.part("cello")) == [(0, 2, 67), (2, 3, 69)]

    @pytest.mark.parametrize(
        ("mark", "second"),
        [
            ("<beat-unit>half</beat-unit><per-minute>30</per-minute>", 1),
            ("<beat-unit>quarter</beat-unit><beat-unit-dot/><per-minute>80</per-minute>", 0.5),
            ("<beat-unit>quarter</beat-unit><per-minute>c. 80</per-minute>", 0.75),
        ],
    )
    def test_metronome_marks(self, write: Write, mark: str, second: float) -> None:
        direction = f"<direction><direction-type><metronome>{mark}</metronome></direction-type></direction>"
        assert times(Score.read(write(("piano", part(direction + note("C")))))) == [(0, second, 60)]

    def test_a_bar_that_one_part_leaves_unfinished_lasts_for_all(self, write: Write) -> None:
        short = part(TEMPO + note("C"), note("D"))
        full = part(note("G", 3), note("A", 3))
        score = Score.read(write(("horn", short), ("viola", full)))
        assert times(score.part("horn")) == [(0, 1, 60), (3, 4, 62)]
        assert times(score.part("viola")) == [(0, 3, 67), (3, 6, 69)]

    def test_a_silent_part_counts_bars_and_sets_the_tempo(self, write: Write) -> None:
        silence = "<note><rest/><duration>4</duration></note>"
        score = Score.read(write(("conductor", part(TEMPO + silence, silence)), ("horn", part(note("C")))))
        assert (times(score), score.parts) == ([(0, 1, 60)], ("horn",))

    def test_an_upbeat_begins_at_zero(self, write: Write) -> None:
        time = "<time><beats>4</beats><beat-type>4</beat-type></time>"
        path = write(("piano", part(TEMPO + note("C"), note("D", 4), attributes=time)))
        assert times(Score.read(path)) == [(0, 1, 60), (1, 5, 62)]


class TestRepeats:
    @pytest.mark.parametrize(
        ("bars", "played"),
        [
            ([note("C") + repeat("backward"), note("D")], "CCD"),
            ([note("C"), repeat("forward") + note("D") + repeat("backward"), note("E")], "CDDE"),
            (
                [
                    note("C"),
                    ending("start", 1) + note("D") + ending("stop", 1, '<repeat direction="backward"/>'),
                    ending("start", 2) + note("E") + ending("stop", 2),
                    note("F"),
                ],
                "CDCEF",
            ),
            (
                [
                    note("C") + repeat("backward"),
                    note("D") + '<direction><sound fine="yes"/></direction>',
                    note("E") + '<direction><sound dacapo="yes"/></direction>',
                ],
                "CCDECD",
            ),
            (
                [
                    note("C"),
                    '<direction><sound segno="1"/></direction>' + note("D") + '<sound tocoda="2"/>',
                    note("E"),
                    note("F") + '<direction><sound dalsegno="1"/></direction>',
                    '<direction><sound coda="2"/></direction>' + note("G"),
                ],
                "CDEFDG",
            ),
        ],
    )
    def test_are_played(self, write: Write, bars: list[str], played: str) -> None:
        plain = part(*(note("C") for _ in bars))
        # Signs of jumps stand in one part only.
        score = Score.read(write(("solo", part(TEMPO + bars[0], *bars[1:])), ("other", plain)))
        names = {60: "C", 62: "D", 64: "E", 65: "F", 67: "G"}
        assert "".join(names[int(n.pitch)] for n in score.part("solo").notes) == played
        assert [n.onset_s for n in score.part("solo").notes] == pytest.approx([*range(len(played))])
        assert [n.onset_s for n in score.part("other").notes] == pytest.approx([*range(len(played))])
        assert len([r for r in score.remarks if r.startswith("repeats are played out")]) == 1

    def test_go_at_the_tempo_that_is_written_there(self, write: Write) -> None:
        faster = '<direction><sound tempo="120"/></direction>'
        path = write(("piano", part(TEMPO + note("C"), faster + note("D") + repeat("backward"))))
        assert times(Score.read(path)) == [(0, 1, 60), (1, 1.5, 62), (1.5, 2.5, 60), (2.5, 3, 62)]

    def test_as_many_as_there_are(self, write: Write) -> None:
        bars = [repeat("forward") + note("C") + repeat("backward")] * 60
        assert len(Score.read(write(("piano", part(TEMPO + bars[0], *bars[1:])))).notes) == 120

    def test_notes_tied_over_a_bar_sound_on(self, write: Write) -> None:
        tied = note("C", more='<tie type="start"/>'), note("C", more='<tie type="stop"/>') + repeat("backward")
        assert times(Score.read(write(("piano", part(TEMPO + tied[0], tied[1]))))) == [(0, 2, 60), (2, 4, 60)]


class TestParts:
    STAVES = note("C", more="<staff>1</staff>") + note("D", more="<staff>2</staff>")

    def test_are_told_apart(self, write: Write) -> None:
        one = part(TEMPO + note("C"))
        assert sorted(Score.read(write(("Violin", one), ("Violin", one), ("", one))).parts) == [
            "P3",
            "Violin",
            "Violin-2",
        ]

    def test_by_instrument(self, write: Write) -> None:
        violin = '<midi-instrument id="I"><midi-program>41</midi-program></midi-instrument>'
        parts = ("Violin I", part(TEMPO + note("C"))), ("Violin II", part(note("E")))
        assert Score.read(write(*parts, more=violin), parts="instrument").parts == ("Violin",)
        assert Score.read(write(*parts), parts="instrument").parts == ("Violin I", "Violin II")

    def test_by_staff(self, write: Write) -> None:
        piano = "Piano", part(TEMPO + self.STAVES)
        assert Score.read(write(piano)).parts == ("Piano",)
        assert Score.read(write(piano), parts="staff").parts == ("right", "left")
        violin = "Violin", part(note("C"))
        assert set(Score.read(write(piano, violin), parts="staff").parts) == {"Piano-staff1", "Piano-staff2", "Violin"}
        assert Score.read(write(violin), parts="staff").parts == ("Violin",)


class TestFiles:
    MUSIC = ("piano", part(TEMPO + note("C")))

    def test_compressed(self, tmp_path: Path) -> None:
        container = '<container><rootfiles><rootfile full-path="in/score.xml"/></rootfiles></container>'
        with zipfile.ZipFile(tmp_path / "a.mxl", "w") as archive:
            archive.writestr("META-INF/container.xml", container)
            archive.writestr("in/score.xml", document(self.MUSIC))
        assert times(Score.read(tmp_path / "a.mxl")) == [(0, 1, 60)]

    def test_any_suffix(self, write: Write) -> None:
        assert times(Score.read(write(self.MUSIC, name="A.XML"))) == [(0, 1, 60)]

    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"no music",
            b"<html/>",
            b"<score-timewise/>",
            b"PK\x05\x06" + bytes(18),
            document(MUSIC).encode()[:-30],
            document(("piano", "<measure><note><pitch/></note></measure>")).encode(),
        ],
    )
    @pytest.mark.parametrize("name", ["a.musicxml", "a.mxl"])
    def test_damage_is_one_clear_error(self, tmp_path: Path, content: bytes, name: str) -> None:
        (tmp_path / name).write_bytes(content)
        with pytest.raises(SideInformationError, match=name) as error:
            Score.read(tmp_path / name)
        assert "\n" not in str(error.value)

    @pytest.mark.parametrize("parts", [[], [("piano", part())]])
    def test_without_notes(self, write: Write, parts: list[tuple[str, str]]) -> None:
        with pytest.raises(SideInformationError, match="holds no notes"):
            Score.read(write(*parts))

    def test_entities_stay_closed(self, tmp_path: Path) -> None:
        (tmp_path / "secret").write_text("C")
        outside = f'<!DOCTYPE x [<!ENTITY step SYSTEM "{(tmp_path / "secret").as_uri()}">]><score-partwise>'
        text = document(self.MUSIC).replace("<score-partwise>", outside).replace("<step>C", "<step>&step;")
        (tmp_path / "a.xml").write_text(text)
        with pytest.raises(SideInformationError):
            Score.read(tmp_path / "a.xml")

    def test_prints_nothing_and_leaves_warnings_alone(self, write: Write, capfd: pytest.CaptureFixture[str]) -> None:
        slur = '<notations><slur type="stop" number="1"/></notations>'
        before = list(warnings.filters)
        Score.read(write(("piano", part(TEMPO + note("C", more=slur) + grace("D")))))
        assert warnings.filters == before
        assert capfd.readouterr() == ("", "")


@pytest.mark.skipif(not SHARED.is_dir(), reason="no shared recordings")
@pytest.mark.parametrize(("piece", "beat_s"), [("Mozart_K331_1st-mov", 60 / 72 / 2), ("Chopin_op10_no3", 60 / 52.5)])
def test_published_scores_agree_with_their_alignments(piece: str, beat_s: float) -> None:
    """The notes that the pianists played, as the authors of Vienna 4x22 list them: pitch, beats and staff."""
    row = re.compile(r"snote\([^,]+,\[([A-G]),([n#bx]+)\],(\d+),[^,]+,[^,]+,[^,]+,([-.\d]+),([-.\d]+),\[\w+,staff(\d)")
    found = [row.match(line) for line in (SHARED / f"{piece}_p01.match").read_text().splitlines()]
    rows = [match.groups() for match in found if match]
    first = min(float(begin) for *_, begin, _, _ in rows)
    listed = set()
    for step, sign, octave, begin, end, staff in rows:
        alter = sign.count("#") - sign.count("b") + 2 * sign.count("x")
        pitch = "C D EF G A B".index(step) + alter + 12 * (int(octave) + 1)
        lasts = max((float(end) - float(begin)) * beat_s, 0.03)
        listed.add((round((float(begin) - first) * beat_s, 2), round(lasts, 2), pitch, staff))
    staves = {"right": "1", "left": "2"}
    read = {
        (round(n.onset_s, 2), round(n.offset_s - n.onset_s, 2), n.pitch, staves[n.part])
        for n in Score.read(SHARED / f"{piece}.musicxml", parts="staff").notes
    }
    assert len(listed) > 400
    assert listed - read == set()
    # Where two voices play one note, some alignments list it once.
    assert {(onset_s, pitch) for onset_s, _, pitch, _ in read - listed} <= {(s, p) for s, _, p, _ in listed}
