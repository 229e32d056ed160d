"""Drums in scores: keys of General MIDI, onset lists, and what they are for alignment."""

from __future__ import annotations

from pathlib import Path

import pytest

from sepkit import Note, Score
from sepkit.alignment.alignment import without_drums
from sepkit.errors import SideInformationError
from sepkit.music.parts import read_with_parts
from sepkit.music.percussion import DRUMS, drum_key, drum_name, is_drum, is_named


def kit(folder: Path, keys: list[int], *, channel_of_drums: bool = True) -> Path:
    """A file with a flute, and a hit of each key every half second."""
    import pretty_midi

    midi = pretty_midi.PrettyMIDI()
    drums = pretty_midi.Instrument(0, is_drum=channel_of_drums, name="kit")
    drums.notes = [pretty_midi.Note(80, key, 0.5 * n, 0.5 * n + 0.1) for n, key in enumerate(keys)]
    midi.instruments.append(drums)
    if channel_of_drums:
        flute = pretty_midi.Instrument(73, name="flute")
        flute.notes = [pretty_midi.Note(80, 72, 0.0, 1.0)]
        midi.instruments.append(flute)
    midi.write(str(folder / "kit.mid"))
    return folder / "kit.mid"


def listed(folder: Path, text: str) -> Path:
    (folder / "onsets.csv").write_text(text, encoding="utf-8")
    return folder / "onsets.csv"


def test_every_key_of_general_midi_has_a_drum_that_has_a_key() -> None:
    # The percussion key map goes from the acoustic bass drum to the open triangle.
    assert [key for key in range(128) if is_named(key)] == list(range(35, 82))
    assert {drum_name(key) for key in range(35, 82)} == set(DRUMS)
    for drum in DRUMS:
        key = drum_key(drum)
        assert key is not None
        assert drum_name(key) == drum


def test_keys_of_the_drum_channel_are_parts(tmp_path: Path) -> None:
    score = Score.read(kit(tmp_path, [36, 42, 38, 46, 35]), parts="drums")
    assert [note.part for note in score.notes] == ["kick", "flute", "hi-hat", "snare", "hi-hat", "kick"]
    assert {note.pitch for note in score.part("hi-hat").notes} == {42, 46}
    assert not score.remarks


def test_keys_without_a_drum_are_told(tmp_path: Path) -> None:
    score = Score.read(kit(tmp_path, [36, 22, 100]), parts="drums")
    assert set(score.parts) == {"flute", "kick", "key-22", "key-100"}
    (remark,) = score.remarks
    assert remark == "General MIDI has no drums for the keys 22, 100, which are the parts key-22, key-100"


def test_a_kit_on_another_channel_is_one_if_asked_for(tmp_path: Path) -> None:
    path = kit(tmp_path, [36, 38], channel_of_drums=False)
    score = Score.read(path, parts="drums")
    assert score.parts == ("kick", "snare")
    assert "no note is on the drum channel 10" in score.remarks[0]
    assert Score.read(path).parts == ("kit",)


def test_drums_are_named_anew_by_a_rule(tmp_path: Path) -> None:
    path = kit(tmp_path, [36, 49, 51, 22, 42])
    score = read_with_parts(path, "drums, cymbals = crash+ride, hi-hat=hi-hat+key-22")
    assert [note.part for note in score.notes if note.part != "flute"] == [
        "kick",
        "cymbals",
        "cymbals",
        "hi-hat",
        "hi-hat",
    ]
    assert score.origin is not None
    with pytest.raises(SideInformationError, match="no part 'bell'"):
        read_with_parts(path, "drums,cymbals=bell")
    with pytest.raises(SideInformationError, match="parts are track, instrument, staff, drums, split=60 or like"):
        read_with_parts(path, "drums,")


@pytest.mark.parametrize(
    "text",
    [
        "onset,label\n0.5,kick\n1.25,Snare Drum\n2,HH\n",
        "time\tinstrument\n0.5\tkick\n1.25\tSnare Drum\n2\tHH\n",
        "0.5;kick\n1.25;Snare Drum\n2;HH\n",
    ],
)
def test_onset_lists(tmp_path: Path, text: str) -> None:
    score = Score.read(listed(tmp_path, text))
    assert [(note.onset_s, note.pitch, note.part) for note in score.notes] == [
        (0.5, 36, "kick"),
        (1.25, 38, "Snare Drum"),
        (2.0, 42, "HH"),
    ]
    assert not score.remarks


def test_pitches_without_labels_are_drums_where_they_are_asked_for(tmp_path: Path) -> None:
    path = listed(tmp_path, "start,duration,pitch,label\n0,1,36,\n1,1,38,brush\n2,1,42,\n")
    assert Score.read(path, parts="drums").parts == ("kick", "brush", "hi-hat")
    assert Score.read(path).parts == ("", "brush")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("onset,label\n0.5,kick\n1,oboe\n", "note 2: 'oboe' is none of the drums kick, snare, hi-hat, tom"),
        ("0.5,kick\n1,oboe\n", "no header, but '0.5,kick'"),
        ("onset,label\n", "holds no notes"),
        ("onset\n1\n", "or start and label for drums; it has onset"),
        ("onset,label\n1,\n", "note 1 has no value for 'part'"),
        ("", "it is empty"),
    ],
)
def test_onset_lists_that_cannot_be_read(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(SideInformationError) as error:
        Score.read(listed(tmp_path, text))
    assert words in str(error.value)
    assert "\n" not in str(error.value)


def test_musicxml_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SideInformationError, match=r"save song\.musicxml as MIDI"):
        Score.read(tmp_path / "song.musicxml", parts="drums")


@pytest.mark.parametrize(
    "part", ["drums", "Percussion 2", "kick", "Hi-Hat", "snare-2", "Toms", "cymbals", "maracas", "key-22"]
)
def test_drums_are_not_compared_with_a_recording(part: str) -> None:
    flute = Note(0, 1, 72, part="flute")
    assert is_drum(part)
    assert without_drums(Score((flute, Note(0, 1, 36, part=part)))).notes == (flute,)


@pytest.mark.parametrize("part", ["flute", "", "bass", "Whistle", "keyboard", "key"])
def test_other_parts_are_no_drums(part: str) -> None:
    assert not is_drum(part)
