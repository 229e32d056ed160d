"""Tempo marks, ties, numbers and wrappings of MusicXML as programs write them."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from sepkit import Score
from sepkit.errors import SideInformationError

FIRST = "<attributes><divisions>1</divisions></attributes>"


def note(step: str = "C", duration: str = "1", more: str = "") -> str:
    pitch = f"<pitch><step>{step}</step><octave>4</octave></pitch>"
    return f"<note>{pitch}<duration>{duration}</duration>{more}</note>"


def document(*bars: str) -> str:
    measures = "".join(f'<measure number="{number}">{bar}</measure>' for number, bar in enumerate(bars, 1))
    listed = '<part-list><score-part id="P1"><part-name>flute</part-name></score-part></part-list>'
    return f'<score-partwise>{listed}<part id="P1">{measures}</part></score-partwise>'


def read(folder: Path, text: str) -> Score:
    (folder / "a.musicxml").write_text(text, encoding="utf-8")
    return Score.read(folder / "a.musicxml")


def sounds(score: Score) -> list[tuple[float, float, float]]:
    return [(round(note.onset_s, 4), round(note.offset_s, 4), note.pitch) for note in score.notes]


def metronome(text: str) -> str:
    mark = f"<metronome><beat-unit>quarter</beat-unit><per-minute>{text}</per-minute></metronome>"
    return f"<direction><direction-type>{mark}</direction-type></direction>"


def sound(tempo: str) -> str:
    return f'<direction><sound tempo="{tempo}"/></direction>'


@pytest.mark.parametrize(
    ("mark", "second"),
    [
        (metronome("c. 80"), 0.75),
        (metronome("ca. 80"), 0.75),
        (metronome("50-70"), 1.0),
        (metronome("50 \u2013 70"), 1.0),
        (metronome("62,5"), 0.96),
        (metronome(" 60\u00a0"), 1.0),
        (sound("") + metronome("60"), 1.0),
        (sound("120") + sound("60"), 1.0),
        (sound("60") + metronome("120"), 0.5),
        ("<direction><direction-type><words>\u2669 = 60</words></direction-type></direction>", 1.0),
    ],
)
def test_tempo_marks_of_every_hand(tmp_path: Path, mark: str, second: float) -> None:
    score = read(tmp_path, document(FIRST + mark + note()))
    assert sounds(score) == [(0, second, 60)]
    assert not any("tempo" in remark for remark in score.remarks)


@pytest.mark.parametrize("mark", [metronome("lively"), sound("0"), sound("")])
def test_a_mark_that_cannot_be_read_is_named(tmp_path: Path, mark: str) -> None:
    score = read(tmp_path, document(FIRST + mark + note()))
    assert sounds(score) == [(0, 0.5, 60)]
    assert any("could not be read" in remark and "bar 1" in remark for remark in score.remarks)
    assert not any("there are no tempo marks" in remark for remark in score.remarks)


def test_a_tempo_may_begin_later_than_where_it_is_written(tmp_path: Path) -> None:
    later = '<direction><offset sound="yes">2</offset><sound tempo="60"/></direction>'
    score = read(tmp_path, document(FIRST + sound("120") + note() * 4, later + note() * 4))
    assert [onset_s for onset_s, *_ in sounds(score)] == [0, 0.5, 1, 1.5, 2, 2.5, 3, 4]


@pytest.mark.parametrize(("divisions", "duration"), [("2.0", "2.0"), ("0.5", "0.5"), ("10080", "10080")])
def test_divisions_and_durations_are_decimals(tmp_path: Path, divisions: str, duration: str) -> None:
    text = document(f"<attributes><divisions>{divisions}</divisions></attributes>" + note(duration=duration) * 2)
    assert sounds(read(tmp_path, text)) == [(0, 0.5, 60), (0.5, 1, 60)]


class TestTies:
    ON, FROM = '<tie type="start"/>', '<tie type="stop"/>'
    FIRST_ENDING = '<barline location="left"><ending number="1" type="start"/></barline>'
    FIRST_ENDS = '<barline location="right"><ending number="1" type="stop"/><repeat direction="backward"/></barline>'
    SECOND_ENDING = '<barline location="left"><ending number="2" type="start"/></barline>'

    def test_go_into_the_ending_that_is_played(self, tmp_path: Path) -> None:
        bars = [
            FIRST + note("C", "3") + note("D", "1", self.ON),
            self.FIRST_ENDING + note("D", "4", self.FROM) + self.FIRST_ENDS,
            self.SECOND_ENDING + note("D", "1", self.FROM) + note("E", "3"),
        ]
        assert sounds(read(tmp_path, document(*bars))) == [
            (0, 1.5, 60),
            (1.5, 4, 62),
            (4, 5.5, 60),
            (5.5, 6.5, 62),
            (6.5, 8, 64),
        ]

    def test_over_a_repeat_are_not_joined_to_what_is_not_played_next(self, tmp_path: Path) -> None:
        back = '<barline location="right"><repeat direction="backward"/></barline>'
        bars = [FIRST + note("C", "3") + note("D", "1", self.ON) + back, note("D", "4", self.FROM)]
        assert sounds(read(tmp_path, document(*bars))) == [(0, 1.5, 60), (1.5, 2, 62), (2, 3.5, 60), (3.5, 6, 62)]


def test_an_instrument_may_be_doubled_an_octave_lower(tmp_path: Path) -> None:
    double = "<transpose><diatonic>0</diatonic><chromatic>0</chromatic><double/></transpose>"
    text = document(FIRST.replace("</attributes>", f"{double}</attributes>") + note())
    assert sounds(read(tmp_path, text)) == [(0, 0.5, 48), (0, 0.5, 60)]


def test_jumps_in_words_alone_are_remarked(tmp_path: Path) -> None:
    words = "<direction><direction-type><words>D.C. al Fine</words></direction-type></direction>"
    score = read(tmp_path, document(FIRST + note("C", "4"), note("D", "4") + words))
    assert any("'D.C. al Fine' in bar 2 is not followed" in remark for remark in score.remarks)


def test_an_empty_alteration_is_none(tmp_path: Path) -> None:
    assert sounds(read(tmp_path, document(FIRST + note().replace("</step>", "</step><alter/>")))) == [(0, 0.5, 60)]


class TestWrapping:
    PLAIN = document(FIRST + note("C") + note("D"))
    NOTES = ((0, 0.5, 60), (0.5, 1, 62))

    def test_a_default_namespace(self, tmp_path: Path) -> None:
        text = self.PLAIN.replace("<score-partwise>", '<score-partwise xmlns="http://www.musicxml.org/xsd/MusicXML">')
        assert sounds(read(tmp_path, text)) == [*self.NOTES]

    def test_timewise(self, tmp_path: Path) -> None:
        listed, music = self.PLAIN.removeprefix("<score-partwise>").split('<part id="P1">')
        bar = music.partition('<measure number="1">')[2].partition("</measure>")[0]
        text = f'<score-timewise>{listed}<measure number="1"><part id="P1">{bar}</part></measure></score-timewise>'
        assert sounds(read(tmp_path, text)) == [*self.NOTES]

    @pytest.mark.parametrize(
        ("declared", "encoding"),
        [("UTF-8", "utf-8"), ("UTF-8", "utf-8-sig"), ("UTF-16", "utf-16"), ("ISO-8859-1", "latin-1")],
    )
    @pytest.mark.parametrize("name", ["a.musicxml", "a.xml", "a.mxl", "packed.mxl"])
    def test_encodings(self, tmp_path: Path, declared: str, encoding: str, name: str) -> None:
        doctype = '<!DOCTYPE score-partwise PUBLIC "-//Recordare//DTD MusicXML 3.1 Partwise//EN" "partwise.dtd">'
        named = self.PLAIN.replace("flute", "Fl\u00f6te")
        content = f'<?xml version="1.0" encoding="{declared}"?>\n{doctype}\n{named}'.encode(encoding)
        if name == "packed.mxl":
            with zipfile.ZipFile(tmp_path / name, "w") as archive:
                archive.writestr("a.xml", content)
        else:
            (tmp_path / name).write_bytes(content)
        score = Score.read(tmp_path / name)
        assert (sounds(score), score.parts) == ([*self.NOTES], ("Fl\u00f6te",))

    def test_an_archive_may_hold_the_printed_score_too(self, tmp_path: Path) -> None:
        listed = "".join(f'<rootfile full-path="{name}"/>' for name in ("a.pdf", "a.xml"))
        with zipfile.ZipFile(tmp_path / "a.mxl", "w") as archive:
            archive.writestr("META-INF/container.xml", f"<container><rootfiles>{listed}</rootfiles></container>")
            archive.writestr("a.pdf", b"%PDF-1.4")
            archive.writestr("a.xml", self.PLAIN)
        assert sounds(Score.read(tmp_path / "a.mxl")) == [*self.NOTES]

    @pytest.mark.parametrize("full_path", [None, "scores/a.xml", "scores\\a.xml"])
    def test_archives(self, tmp_path: Path, full_path: str | None) -> None:
        path = tmp_path / "a.mxl"
        with zipfile.ZipFile(path, "w") as archive:
            if full_path is not None:
                container = f'<container><rootfiles><rootfile full-path="{full_path}"/></rootfiles></container>'
                archive.writestr("META-INF/container.xml", container)
            archive.writestr("scores/a.xml", self.PLAIN)
        assert sounds(Score.read(path)) == [*self.NOTES]

    def test_an_archive_that_unpacks_to_far_more_than_a_score(self, tmp_path: Path) -> None:
        path = tmp_path / "a.mxl"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("a.xml", f"<score-partwise>{'<a/>' * 4_000_000}</score-partwise>")
        with pytest.raises(SideInformationError, match="more than 3,000,000 tags"):
            Score.read(path)

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("<opus/>", "its root is <opus>"),
            ('<!DOCTYPE a [<!ENTITY b "c">]><score-partwise/>', "declares an entity"),
            (f"<score-partwise>{'<part>' * 80}", "nested deeper than"),
            ("<score-partwise>", "it is no XML"),
        ],
    )
    def test_what_is_no_score_is_one_clear_error(self, tmp_path: Path, text: str, words: str) -> None:
        with pytest.raises(SideInformationError, match=words) as error:
            read(tmp_path, text)
        assert "\n" not in str(error.value)
