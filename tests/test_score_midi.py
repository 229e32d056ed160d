"""Scores from MIDI files and into them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import mido
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sepkit import Note, Score, example
from sepkit.errors import SideInformationError

SHARED = Path(__file__).parents[2] / "shared" / "data"

# Two ticks of a MIDI file at 220 ticks a beat and 120 beats a minute.
TICKS_S = 2 * 0.5 / 220

DUET = Score((Note(0.0, 0.5, 60, 64, "left"), Note(0.25, 1.0, 72, 100, "right"), Note(0.5, 1.0, 62, 1, "left")))

Times = list[tuple[float, float, int]]


def on(time: int, note: int, **other: int) -> Any:
    return mido.Message("note_on", note=note, time=time, **other)


def off(time: int, note: int, **other: int) -> Any:
    return mido.Message("note_off", note=note, time=time, **other)


def pedal(time: int, value: int, **other: int) -> Any:
    return mido.Message("control_change", control=64, value=value, time=time, **other)


def program(program: int, **other: int) -> Any:
    return mido.Message("program_change", program=program, **other)


def meta(kind: str, **values: Any) -> Any:
    return mido.MetaMessage(kind, **values)


Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes tracks whose messages have absolute times in milliseconds (at 500 ticks a beat and 120 a minute)."""

    def make(*tracks: list[Any], ticks_per_beat: int = 500, name: str = "a.mid") -> Path:
        file = mido.MidiFile(ticks_per_beat=ticks_per_beat)
        for messages in tracks:
            times = [0, *(message.time for message in messages)]
            deltas = np.diff(times).tolist()
            file.tracks.append(mido.MidiTrack(m.copy(time=d) for m, d in zip(messages, deltas, strict=True)))
        file.save(tmp_path / name)
        return tmp_path / name

    return make


def times(score: Score) -> Times:
    return [(round(note.onset_s, 6), round(note.offset_s, 6), int(note.pitch)) for note in score.notes]


def same_notes(read: Score, score: Score) -> None:
    def key(note: Note) -> tuple[str, float, float]:
        return (note.part, note.pitch, note.onset_s)

    assert len(read.notes) == len(score.notes)
    for one, other in zip(sorted(read.notes, key=key), sorted(score.notes, key=key), strict=True):
        assert (one.part, one.pitch, one.velocity) == (other.part, other.pitch, other.velocity)
        assert one.onset_s == pytest.approx(other.onset_s, abs=TICKS_S)
        assert one.offset_s == pytest.approx(other.offset_s, abs=TICKS_S)


class TestRoundTrip:
    def test_round_trip(self, tmp_path: Path) -> None:
        DUET.write(tmp_path / "duet.mid")
        same_notes(Score.read(tmp_path / "duet.mid"), DUET)

    def test_in_which_recording_they_were_heard_stays_known_until_they_are_moved(self, tmp_path: Path) -> None:
        digest = "0123456789abcdef" * 4
        heard = replace(DUET, heard_in=digest)
        heard.write(tmp_path / "duet.mid")
        DUET.write(tmp_path / "written.mid")
        read = Score.read(tmp_path / "duet.mid")
        same_notes(read, DUET)
        assert read.heard_in == read.regroup({"both": ["left", "right"]}).heard_in == digest
        assert read.mapped(lambda t: t + 1).heard_in is None
        assert Score.read(tmp_path / "written.mid").heard_in is None
        replace(DUET, heard_in="no digest").write(tmp_path / "damaged.mid")
        assert Score.read(tmp_path / "damaged.mid").heard_in is None

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

    def test_more_parts_than_midi_has_channels(self, tmp_path: Path) -> None:
        parts = tuple(f"part {index}" for index in range(20))
        Score(tuple(Note(i, i + 1, 60, part=part) for i, part in enumerate(parts))).write(tmp_path / "a.mid")
        assert Score.read(tmp_path / "a.mid").parts == parts

    def test_of_any_notes_that_overlap(self, tmp_path_factory: pytest.TempPathFactory) -> None:
        path = tmp_path_factory.getbasetemp() / "unisons.mid"
        unisons = Score((Note(0, 2, 60, 10), Note(1, 3, 60, 20), Note(1.5, 4, 60, 30), Note(4, 5, 60, 40)))
        unisons.write(path)
        read = Score.read(path)
        same_notes(Score(tuple(Note(n.onset_s, n.offset_s, n.pitch, n.velocity) for n in read.notes)), unisons)
        assert read.remarks == ("2 notes begin while their part still plays the same pitch, the first at 1.00 s",)


class TestParts:
    def test_names_in_latin_1_are_read(self, tmp_path: Path) -> None:
        import pretty_midi

        midi = pretty_midi.PrettyMIDI()
        flute = pretty_midi.Instrument(73, name="Flûte")
        flute.notes.append(pretty_midi.Note(64, 60, 0, 1))
        midi.instruments.append(flute)
        midi.write(str(tmp_path / "a.mid"))
        assert Score.read(tmp_path / "a.mid").parts == ("Flûte",)

    def test_instruments_of_one_name_or_none_are_told_apart(self, tmp_path: Path) -> None:
        import pretty_midi

        midi = pretty_midi.PrettyMIDI()
        for index, name in enumerate(["violin", "violin", ""]):
            instrument = pretty_midi.Instrument(40, name=name)
            instrument.notes.append(pretty_midi.Note(64, 60, index, index + 1))
            midi.instruments.append(instrument)
        midi.write(str(tmp_path / "a.midi"))
        assert Score.read(tmp_path / "a.midi").parts == ("violin", "violin-2", "track3")

    @pytest.mark.parametrize(
        ("title", "parts"), [("Song", ("drums", "Song")), ("", ("drums", "track1"))], ids=["titled", "untitled"]
    )
    def test_the_drum_channel_is_drums(self, write: Write, title: str, parts: tuple[str, ...]) -> None:
        track = [meta("track_name", name=title), on(0, 60), on(0, 36, channel=9), off(500, 60), off(500, 36, channel=9)]
        assert set(Score.read(write(track)).parts) == set(parts)

    def test_a_drum_track_keeps_its_name(self, write: Write) -> None:
        track = [meta("track_name", name="Schlagzeug"), on(0, 36, channel=9), off(500, 36, channel=9)]
        assert Score.read(write(track)).parts == ("Schlagzeug",)

    def test_channels_of_one_track_are_told_apart(self, write: Write) -> None:
        track = [meta("track_name", name="all"), on(0, 60), on(0, 36, channel=1), off(500, 60), off(500, 36, channel=1)]
        assert sorted(Score.read(write(track)).parts) == ["all", "all-2"]

    def test_names_by_number_never_fall_together(self, write: Write) -> None:
        tracks = [[meta("track_name", name=name), on(0, 60), off(500, 60)] for name in ("a", "a-2", "a")]
        assert sorted(Score.read(write(*tracks)).parts) == ["a", "a-2", "a-3"]

    def test_instruments_join_tracks_and_split_them(self, write: Write) -> None:
        first = [program(40), on(0, 60), off(500, 60), program(45, time=500), on(500, 62), off(900, 62)]
        second = [program(40, channel=1), on(0, 67, channel=1), off(500, 67, channel=1)]
        drums = [on(600, 36, channel=9), off(700, 36, channel=9)]
        score = Score.read(write(first, second, drums), parts="instrument")
        assert [(n.part, n.pitch) for n in score.notes] == [
            ("Violin", 60),
            ("Violin", 67),
            ("Pizzicato Strings", 62),
            ("drums", 36),
        ]

    def test_without_instruments_it_is_a_piano(self, write: Write) -> None:
        path = write([on(0, 60), off(500, 60)])
        assert Score.read(path, parts="instrument").parts == ("Acoustic Grand Piano",)
        assert Score.read(path).parts == ("track1",)


class TestTime:
    def test_tempo_changes_on_any_track(self, write: Write) -> None:
        notes = [on(0, 60), off(1500, 60)]
        tempi = [meta("set_tempo", tempo=1_000_000, time=500), meta("set_tempo", tempo=250_000, time=1000)]
        assert times(Score.read(write(tempi, notes))) == [(0, 1.75, 60)]
        assert times(Score.read(write(notes, tempi))) == [(0, 1.75, 60)]

    def test_timecode(self, write: Write) -> None:
        # 25 frames a second with 40 ticks each: a tick is a millisecond, whatever the tempo.
        path = write([meta("set_tempo", tempo=1_000_000), on(250, 60), off(1500, 60)], ticks_per_beat=-25 * 256 + 40)
        assert times(Score.read(path)) == [(0.25, 1.5, 60)]

    def test_no_time_at_all(self, write: Write) -> None:
        with pytest.raises(SideInformationError, match="as MIDI"):
            Score.read(write([on(0, 60), off(500, 60)], ticks_per_beat=0))


class TestStrokes:
    @pytest.mark.parametrize(
        ("track", "wanted", "remarks"),
        [
            ([on(0, 60), on(500, 60, velocity=0)], [(0, 0.5, 60)], 0),
            ([off(0, 60), on(100, 60), off(500, 60)], [(0.1, 0.5, 60)], 0),
            ([on(0, 60), off(500, 60), on(500, 60), off(900, 60)], [(0, 0.5, 60), (0.5, 0.9, 60)], 0),
            ([on(0, 60), on(500, 60), off(500, 60), off(900, 60)], [(0, 0.5, 60), (0.5, 0.9, 60)], 0),
            # A missing release ends with the next one, and the others stay where they are.
            (
                [on(0, 60), on(400, 60), off(500, 60), on(800, 60), off(900, 60)],
                [(0, 0.5, 60), (0.4, 0.5, 60), (0.8, 0.9, 60)],
                1,
            ),
            ([on(200, 60), on(300, 62), off(900, 62)], [(0.2, 0.9, 60), (0.3, 0.9, 62)], 1),
            ([on(200, 60), off(200, 60)], [(0.2, 0.23, 60)], 1),
            ([off(200, 60), on(200, 60)], [(0.2, 0.23, 60)], 1),
            ([on(200, 60)], [(0.2, 0.23, 60)], 2),
        ],
    )
    def test_are_paired(self, write: Write, track: list[Any], wanted: Times, remarks: int) -> None:
        score = Score.read(write(track))
        assert times(score) == wanted
        assert len(score.remarks) == remarks

    def test_that_are_never_released_are_remarked(self, write: Write) -> None:
        score = Score.read(write([on(200, 60), on(300, 62), off(900, 62)]))
        assert score.remarks == ("1 note is never released and now ends with its track, at 0.20 s",)


class TestPedal:
    @pytest.mark.parametrize(
        ("track", "wanted"),
        [
            ([on(0, 60), pedal(100, 127), off(200, 60), pedal(700, 0)], [(0, 0.7, 60)]),
            ([on(0, 60), pedal(100, 63), off(200, 60), pedal(700, 0)], [(0, 0.2, 60)]),
            ([on(0, 60), pedal(100, 64), pedal(150, 90), off(200, 60), pedal(300, 70), pedal(700, 63)], [(0, 0.7, 60)]),
            ([on(0, 60), off(200, 60), pedal(201, 127), pedal(700, 0)], [(0, 0.2, 60)]),
            ([on(0, 60), pedal(100, 127), pedal(200, 0), off(200, 60)], [(0, 0.2, 60)]),
            ([on(0, 60), pedal(200, 127), off(200, 60), pedal(700, 0)], [(0, 0.7, 60)]),
            # Struck again before the release.
            ([pedal(0, 127), on(0, 60), off(200, 60), on(400, 60), off(500, 60), pedal(700, 0)],
             [(0, 0.4, 60), (0.4, 0.7, 60)]),
            # Never released.
            ([pedal(0, 127), on(0, 60), off(200, 60), on(300, 62), off(900, 62)], [(0, 0.9, 60), (0.3, 0.9, 62)]),
            # The pedal of another channel.
            ([pedal(0, 127, channel=1), on(0, 60), off(200, 60), pedal(700, 0, channel=1)], [(0, 0.2, 60)]),
        ],
    )  # fmt: skip
    def test_holds_notes(self, write: Write, track: list[Any], wanted: Times) -> None:
        path = write(track)
        assert times(Score.read(path)) == wanted
        struck = times(Score.read(path, pedal=False))
        assert all(held[1] >= note[1] for held, note in zip(wanted, struck, strict=True))

    def test_may_be_on_a_track_of_its_own(self, write: Write) -> None:
        hands = [[on(0, pitch), off(200, pitch)] for pitch in (40, 70)]
        assert times(Score.read(write(*hands, [pedal(100, 127), pedal(700, 0)]))) == [(0, 0.7, 40), (0, 0.7, 70)]

    def test_of_another_port_is_another(self, write: Write) -> None:
        other = [meta("midi_port", port=1), pedal(0, 127), pedal(700, 0)]
        assert times(Score.read(write([on(0, 60), off(200, 60)], other))) == [(0, 0.2, 60)]

    @pytest.mark.skipif(not SHARED.is_dir(), reason="no shared recordings")
    def test_of_a_published_file(self) -> None:
        path = SHARED / "scores/madmom/stereo_sample_sustained.mid"
        held, struck = Score.read(path), Score.read(path, pedal=False)
        # The pedal goes down at 3.37 s and stays there: what ends after that is held to the end.
        wanted = [4.149 if note.offset_s > 3.37 else note.offset_s for note in struck.notes]
        assert [note.offset_s for note in held.notes] == pytest.approx(wanted, abs=1e-3)


def test_a_published_file_with_tempi_on_a_later_track_agrees_with_its_list() -> None:
    files = SHARED / "scores/synctoolbox"
    if not files.is_dir():
        pytest.skip("no shared recordings")
    midi = Score.read(files / "Chopin_Op010-03-Measures1-8_MIDI.mid", pedal=False)
    table = Score.read(files / "Chopin_Op010-03-Measures1-8_MIDI.csv")
    for one, other in zip(midi.notes, table.notes, strict=True):
        assert (one.onset_s, one.offset_s) == pytest.approx((other.onset_s, other.offset_s), abs=1e-6)
        assert (one.pitch, one.velocity) == (other.pitch, other.velocity)


def by_pretty_midi(path: Path) -> list[tuple[float, float, int, int]]:
    import pretty_midi

    notes = [note for instrument in pretty_midi.PrettyMIDI(str(path)).instruments for note in instrument.notes]
    return sorted((note.start, note.end, note.pitch, note.velocity) for note in notes)


@pytest.mark.parametrize(
    "path",
    [
        example.FOLDER / "score.mid",
        *(
            pytest.param(SHARED / name, marks=pytest.mark.skipif(not SHARED.is_dir(), reason="no shared recordings"))
            for name in (
                "scores/madmom/multitrack.mid",
                "scores/vienna4x22/Mozart_K331_1st-mov_p11.mid",
                "urmp/24_pirates/score_unaligned.mid",
            )
        ),
    ],
    ids=lambda path: path.name,
)
def test_files_in_order_are_read_as_pretty_midi_reads_them(path: Path) -> None:
    score = Score.read(path, pedal=False)
    read = sorted((note.onset_s, note.offset_s, int(note.pitch), note.velocity) for note in score.notes)
    np.testing.assert_allclose(read, by_pretty_midi(path), atol=1e-9)


class TestDamage:
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

    def test_keys_that_no_music_has(self, tmp_path: Path) -> None:
        head = b"MThd" + bytes([0, 0, 0, 6, 0, 0, 0, 1, 1, 0])
        (tmp_path / "a.mid").write_bytes(head + b"MTrk" + bytes([0, 0, 0, 6, 0, 0xFF, 0x59, 2, 99, 0]))
        with pytest.raises(SideInformationError, match=r"a\.mid holds no notes"):
            Score.read(tmp_path / "a.mid")
