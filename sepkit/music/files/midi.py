"""Notes from MIDI files and into them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from sepkit.files import atomic_path
from sepkit.music.files.contents import Contents
from sepkit.music.files.midi_file import TEXT, MidiFile, Track, read_file
from sepkit.music.files.midi_sequence import MidiSequence, sequences
from sepkit.music.files.names import distinct, general_midi_name
from sepkit.music.files.strokes import Channel, Struck
from sepkit.music.mend import WrittenNote, remark
from sepkit.music.note import Note
from sepkit.music.percussion import drum_name, is_named

DRUMS = 9
"""The channel of drums, whose keys are instruments."""

_TICKS_PER_BEAT = 4800
"""At 120 beats a minute: a tenth of a millisecond, finer than any onset is known."""

_HEARD_IN = b"heard in the recording of SHA-256 "


def read_midi(path: Path, parts: str, *, pedal: bool) -> Contents:
    """Read the notes of every track and channel.

    Parameters
    ----------
    path : Path
    parts : str
        ``"track"``: each channel of each track; ``"instrument"``: their General MIDI instruments; ``"drums"``: each
        drum of the drum channel, and the other tracks.
    pedal : bool
        Let notes sound for as long as the pedals hold them.

    Returns
    -------
    contents : Contents

    Raises
    ------
    SideInformationError
        If the file is no MIDI file.
    """
    file = read_file(path)
    played = [(sequence, *sequence.notes(pedal=pedal)) for sequence in sequences(file)]
    notes = [note for _, some, _ in played for note in some]
    named = _instruments(notes) if parts == "instrument" else voice_names(notes, file.tracks)
    written, remarks = [], _faults(file)
    if parts == "drums":
        named, told = _drums(notes, named)
        remarks += told
    names = iter(named)
    for sequence, some, unreleased in played:
        written += _timed(sequence, some, [next(names) for _ in some])
        remarks += _mends(sequence, some, unreleased)
    tempi_bpm = (60e6 / tempo for sequence, _, _ in played for tempo in sequence.tempi.values())
    return Contents(written, tuple(dict.fromkeys(remarks)), tuple(tempi_bpm), _heard_in(file))


def _heard_in(file: MidiFile) -> str | None:
    """What `write_midi` noted of the recording."""
    texts = (text for track in file.tracks for _, text in track.meta(TEXT) if text.startswith(_HEARD_IN))
    digest = next(texts, b"")[len(_HEARD_IN) :].decode("ascii", "replace")
    return digest if re.fullmatch("[0-9a-f]{64}", digest) else None


def _timed(sequence: MidiSequence, notes: Sequence[Struck], parts: Sequence[str]) -> list[WrittenNote]:
    """Notes in seconds, each of the part at the same place, as high as the pitch wheel makes them."""
    onsets_s = sequence.seconds(note.on for note in notes).tolist()
    offsets_s = sequence.seconds(note.off for note in notes).tolist()
    return [
        WrittenNote(onset_s, offset_s, note.pitch + _bend(sequence, note), note.velocity, part)
        for onset_s, offset_s, note, part in zip(onsets_s, offsets_s, notes, parts, strict=True)
    ]


def write_midi(notes: Iterable[Note], path: Path, heard_in: str | None = None) -> None:
    """Write one track a part, in the order in which the parts enter, atomically.

    Parameters
    ----------
    notes : iterable of Note
    path : Path
    heard_in : str, optional
        The digest of the recording in which the notes were heard: the file says so in a text.

    Raises
    ------
    WriteError
    """
    import pretty_midi

    midi = pretty_midi.PrettyMIDI(resolution=_TICKS_PER_BEAT)
    tracks: dict[str, Any] = {}
    for note in notes:
        if note.part not in tracks:
            tracks[note.part] = pretty_midi.Instrument(program=0, name=note.part.encode().decode("latin-1"))
        played = pretty_midi.Note(note.velocity, round(note.pitch), note.onset_s, note.offset_s)
        tracks[note.part].notes.append(played)
    midi.instruments += tracks.values()
    if heard_in is not None:
        midi.text_events.append(pretty_midi.Text(_HEARD_IN.decode() + heard_in, 0))
    with atomic_path(path) as temporary:
        midi.write(str(temporary))


def voice_names(notes: list[Struck], tracks: Sequence[Track]) -> list[str]:
    """The name of each note's track, or what it is; channels of one track, and tracks of one name, are numbered."""
    titles = {track.number: track.title for track in tracks}
    voices = list(dict.fromkeys((note.track, note.channel) for note in notes))
    channels = Counter(track for track, _ in voices)

    def wanted(number: int, track: int, channel: Channel) -> str:
        # The name of a track with several channels is the piece's.
        if channel[1] == DRUMS and (channels[track] > 1 or not titles[track]):
            return "drums"
        return titles[track] or f"track{number}"

    found = [wanted(number, track, channel) for number, (track, channel) in enumerate(voices, 1)]
    names = dict(zip(voices, distinct(found), strict=True))
    return [names[note.track, note.channel] for note in notes]


def _bend(sequence: MidiSequence, note: Struck) -> float:
    controls = sequence.controls.get(note.channel)
    return 0.0 if controls is None or note.channel[1] == DRUMS else controls.bend(note.on)


def _faults(file: MidiFile) -> list[str]:
    """What is said of the file and is not so."""
    there = len(file.tracks)
    faults = [f"the file ends too early: it promises {file.promised} tracks and has {there}"]
    faults = faults if there < file.promised else []
    if file.format == 2 and there > 1:
        faults.append("the file is of format 2, whose tracks are pieces of their own: they begin together here")
    return faults


def _mends(sequence: MidiSequence, notes: Iterable[Struck], unreleased: list[int]) -> list[str]:
    """What of the tracks could not be read or had to be mended, each kind with the first place where it was."""

    def told(ticks: list[int], one: str, several: str) -> list[str]:
        return [remark(sequence.seconds(ticks).tolist(), one, several)] if ticks else []

    faulty = [track for track in sequence.tracks if track.fault]
    ends_s = sequence.seconds(track.end for track in faulty)
    gliding = [
        note.on
        for note in notes
        if note.channel in sequence.controls
        and note.channel[1] != DRUMS
        and sequence.controls[note.channel].bends_within(note.on, note.off)
    ]
    return [
        *(f"at {end_s:.2f} s, track {track.number} {track.fault}" for track, end_s in zip(faulty, ends_s, strict=True)),
        *(
            f"{track.clipped} messages of track {track.number} have values above 127, which are read as 127"
            for track in sequence.tracks
            if track.clipped
        ),
        *told(
            sequence.unread_tempi,
            "tempo could not be read and is passed over",
            "tempi could not be read and are passed over",
        ),
        *told(
            unreleased,
            "note is never released and now ends with its track",
            "notes are never released and now end with their tracks",
        ),
        *told(
            gliding,
            "note glides with the pitch wheel and keeps the pitch at which it begins",
            "notes glide with the pitch wheel and keep the pitch at which they begin",
        ),
    ]


def _instruments(notes: list[Struck]) -> list[str]:
    return [general_midi_name(note.program, drums=note.channel[1] == DRUMS) for note in notes]


def _drums(notes: list[Struck], voices: list[str]) -> tuple[list[str], list[str]]:
    """The drum of each note on the drum channel, the voice of each other one, and remarks."""
    remarks = []
    beaten = [note.channel[1] == DRUMS for note in notes]
    if notes and not any(beaten):
        beaten = [True] * len(notes)
        remarks.append("no note is on the drum channel 10, so the keys of all tracks are taken for drums")
    strange = sorted(
        {note.pitch for note, is_beaten in zip(notes, beaten, strict=True) if is_beaten and not is_named(note.pitch)}
    )
    if strange:
        keys, parts = ", ".join(map(str, strange)), ", ".join(map(drum_name, strange))
        remarks.append(f"General MIDI has no drums for the keys {keys}, which are the parts {parts}")
    names = [
        drum_name(note.pitch) if is_beaten else voice
        for note, is_beaten, voice in zip(notes, beaten, voices, strict=True)
    ]
    return names, remarks
