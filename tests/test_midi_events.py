"""Events of MIDI files that other readers stumble over: damaged, of other formats, or seldom heard."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from sepkit import Score
from sepkit.errors import SideInformationError
from sepkit.music.files.midi_file import Track

PLAIN = [(0.0, 0.5, 60.0), (0.5, 1.0, 64.0)]
NOTES = bytes([0, 0x90, 60, 64, 96, 0x80, 60, 0, 0, 0x90, 64, 64, 96, 0x80, 64, 0])
"""Two notes of a beat each, at 96 ticks a beat."""
END = bytes([0, 0xFF, 0x2F, 0])


def chunk(events: bytes, length: int | None = None) -> bytes:
    return b"MTrk" + struct.pack(">I", len(events) if length is None else length) + events


def midi(path: Path, *chunks: bytes, kind: int = 1, tracks: int | None = None) -> Path:
    header = struct.pack(">HHh", kind, len(chunks) if tracks is None else tracks, 96)
    path.write_bytes(b"MThd" + struct.pack(">I", 6) + header + b"".join(chunks))
    return path


def sounds(score: Score) -> list[tuple[float, float, float]]:
    return [(note.onset_s, note.offset_s, note.pitch) for note in score.notes]


@pytest.mark.parametrize(
    "event",
    [
        [0xFF, 0x59, 2, 18, 1],  # a key of 18 flats
        [0xFF, 0x59, 2, 0, 255],
        [0xFF, 0x59, 1, 0],
        [0xFF, 0x58, 1, 4],
        [0xFF, 0x58, 0],
        [0xFF, 0x54, 2, 0, 0],
        [0xFF, 0x54, 5, 255, 255, 255, 255, 255],
        [0xFF, 0x20, 0],
        [0xFF, 0x21, 0],
        [0xFF, 0x00, 0],
        [0xFF, 0x7F, 3, 0, 1, 2],
        [0xFF, 0x60, 2, 1, 1],
        [0xF0, 3, 1, 2, 0xF7],
        [0xF0, 0],
        [0xF0, 4, 0x41, 0x90, 0x10, 0xF7],  # a data byte that no system exclusive message has
        [0xF7, 3, 0xF3, 1, 0xF7],
        [0xF2, 0, 0],
        [0xF4],
        [0xF8],
        [0xFE],
    ],
)
def test_a_damaged_event_of_another_kind_costs_no_note(tmp_path: Path, event: list[int]) -> None:
    path = midi(tmp_path / "a.mid", chunk(bytes([0, *event]) + NOTES + END))
    assert sounds(Score.read(path)) == PLAIN


def test_an_alien_chunk_is_stepped_over(tmp_path: Path) -> None:
    path = midi(tmp_path / "a.mid", b"ALIE" + struct.pack(">I", 4) + b"MTrk", chunk(NOTES + END), tracks=1)
    assert sounds(Score.read(path)) == PLAIN


@pytest.mark.parametrize("wrong", [-3, 3, 5000])
def test_a_wrong_length_of_a_track_costs_no_note(tmp_path: Path, wrong: int) -> None:
    events = NOTES + END
    path = midi(tmp_path / "a.mid", chunk(events, len(events) + wrong))
    assert sounds(Score.read(path)) == PLAIN


def test_tracks_that_are_promised_and_missing_are_remarked(tmp_path: Path) -> None:
    score = Score.read(midi(tmp_path / "a.mid", chunk(NOTES + END), tracks=3))
    assert sounds(score) == PLAIN
    assert any("promises 3 tracks and has 1" in remark for remark in score.remarks)


@pytest.mark.parametrize("tempo", [[0, 0, 0], [7]])
def test_a_tempo_that_says_nothing_is_passed_over_and_remarked(tmp_path: Path, tempo: list[int]) -> None:
    event = bytes([0, 0xFF, 0x51, len(tempo), *tempo])
    score = Score.read(midi(tmp_path / "a.mid", chunk(event + NOTES + END)))
    assert sounds(score) == PLAIN
    assert any("tempo could not be read" in remark for remark in score.remarks)


def test_tracks_of_format_2_have_tempi_of_their_own(tmp_path: Path) -> None:
    slow = bytes([0, 0xFF, 0x51, 3]) + (1_000_000).to_bytes(3, "big")
    score = Score.read(midi(tmp_path / "a.mid", chunk(NOTES + END), chunk(slow + NOTES + END), kind=2))
    assert sounds(score.part("track1")) == PLAIN
    assert sounds(score.part("track2")) == [(0.0, 1.0, 60.0), (1.0, 2.0, 64.0)]
    assert any("format 2" in remark for remark in score.remarks)


class TestWheel:
    UP = (0, 0xE0, 0, 96)
    """Half of the way up: a semitone, where the range is two."""

    def test_a_bend_before_a_note_moves_its_pitch(self, tmp_path: Path) -> None:
        score = Score.read(midi(tmp_path / "a.mid", chunk(bytes(self.UP) + NOTES + END)))
        assert [note.pitch for note in score.notes] == [61, 65]

    def test_its_range_can_be_another(self, tmp_path: Path) -> None:
        octave = bytes([0, 0xB0, 101, 0, 0, 0xB0, 100, 0, 0, 0xB0, 6, 12])
        score = Score.read(midi(tmp_path / "a.mid", chunk(octave + bytes(self.UP) + NOTES + END)))
        assert [note.pitch for note in score.notes] == [66, 70]

    def test_a_glide_is_remarked(self, tmp_path: Path) -> None:
        glide = bytes([0, 0x90, 60, 64, 48, 0xE0, 0, 96, 48, 0x80, 60, 0])
        score = Score.read(midi(tmp_path / "a.mid", chunk(glide + END)))
        assert sounds(score) == [(0.0, 0.5, 60.0)]
        assert any("glides with the pitch wheel" in remark for remark in score.remarks)

    def test_drums_do_not_bend(self, tmp_path: Path) -> None:
        drum = bytes([0, 0xE9, 0, 96, 0, 0x99, 36, 64, 96, 0x89, 36, 0])
        assert sounds(Score.read(midi(tmp_path / "a.mid", chunk(drum + END)))) == [(0.0, 0.5, 36.0)]


class TestControllers:
    HELD = bytes([0, 0x90, 60, 64])

    def read(self, path: Path, *events: int) -> list[tuple[float, float, float]]:
        return sounds(Score.read(midi(path / "a.mid", chunk(self.HELD + bytes(events) + END))))

    def test_all_notes_off(self, tmp_path: Path) -> None:
        assert self.read(tmp_path, 96, 0xB0, 123, 0, 96, 0x80, 60, 0) == [(0.0, 0.5, 60.0)]

    def test_all_sound_off_goes_before_the_pedal(self, tmp_path: Path) -> None:
        down = (0, 0xB0, 64, 127, 48, 0x80, 60, 0)
        assert self.read(tmp_path, *down, 48, 0xB0, 120, 0, 96, 0xB0, 64, 0) == [(0.0, 0.5, 60.0)]

    def test_reset_releases_the_pedal(self, tmp_path: Path) -> None:
        down = (0, 0xB0, 64, 127, 48, 0x80, 60, 0)
        assert self.read(tmp_path, *down, 48, 0xB0, 121, 0, 96, 0xB0, 64, 0) == [(0.0, 0.5, 60.0)]

    def test_sostenuto_holds_what_sounds_when_it_goes_down(self, tmp_path: Path) -> None:
        pressed = (48, 0xB0, 66, 127, 12, 0x80, 60, 0, 0, 0x90, 64, 64, 12, 0x80, 64, 0)
        assert self.read(tmp_path, *pressed, 24, 0xB0, 66, 0) == [(0.0, 0.5, 60.0), (0.3125, 0.375, 64.0)]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"not MIDI at all", "no header MThd"),
        (b"MThd\0\0\0\6\0\1", "ends too early"),
        (b"MThd\0\0\0\6\0\1\0\1\0\0" + chunk(NOTES + END), "gives ticks no length"),
    ],
)
def test_what_is_no_midi_is_one_clear_error(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "a.mid").write_bytes(content)
    with pytest.raises(SideInformationError, match=words) as error:
        Score.read(tmp_path / "a.mid")
    assert "\n" not in str(error.value)


def test_a_track_of_many_notes_is_not_looked_through_for_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[int] = []
    meta = Track.meta

    def counted(track: Track, kind: int) -> object:
        looks.append(kind)
        return meta(track, kind)

    monkeypatch.setattr(Track, "meta", counted)
    score = Score.read(midi(tmp_path / "many.mid", chunk(NOTES * 50 + END)))
    assert len(score.notes) == 100
    assert len(looks) < 20
