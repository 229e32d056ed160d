"""Notes from MIDI files and into them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sepkit.errors import SideInformationError
from sepkit.files import atomic_path
from sepkit.music.files.names import distinct, general_midi_name
from sepkit.music.files.strokes import Channel, Stroke, Struck, paired, sustain
from sepkit.music.mend import WrittenNote, remark
from sepkit.music.note import Note

_TICKS_PER_BEAT = 4800
"""At 120 beats a minute: a tenth of a millisecond, finer than any onset is known."""

_SUSTAIN, _DOWN = 64, 64
"""The controller of the sustain pedal, and the value from which on it is down."""

_DRUMS = 9

Events = list[tuple[int, Any]]
"""The messages of a track with their ticks since its beginning."""


def read_midi(path: Path, *, by_instrument: bool, pedal: bool) -> tuple[list[WrittenNote], tuple[str, ...]]:
    """Read the notes of every track and channel.

    Parameters
    ----------
    path : Path
    by_instrument : bool
        Name the parts by their General MIDI instruments, else each channel of each track is one.
    pedal : bool
        Let notes sound for as long as the sustain pedal holds them.

    Returns
    -------
    written : list of WrittenNote
    remarks : tuple of str

    Raises
    ------
    SideInformationError
        If the file is damaged.
    """
    import mido

    try:
        midi = mido.MidiFile(path, clip=True)
        tracks = [_events(track) for track in midi.tracks]
        seconds = _clock(midi.ticks_per_beat, tracks)
    # The parser has no error of its own: a damaged file ends in any of these.
    except (OSError, EOFError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError) as error:
        raise SideInformationError(f"cannot read {path} as MIDI: {error or type(error).__name__}") from error
    except mido.KeySignatureError as error:
        raise SideInformationError(f"cannot read {path} as MIDI: {error}") from error
    notes, unreleased = _notes(tracks)
    if pedal:
        end = max((tick for events in tracks for tick, _ in events[-1:]), default=0)
        sustain(notes, _pedals(tracks), end)
    names = _instruments(notes) if by_instrument else _voices(notes, [track.name for track in midi.tracks])
    onsets_s, offsets_s = seconds([note.on for note in notes]), seconds([note.off for note in notes])
    written = [
        WrittenNote(float(onset_s), float(offset_s), float(note.pitch), note.velocity, name)
        for onset_s, offset_s, note, name in zip(onsets_s, offsets_s, notes, names, strict=True)
    ]
    if not unreleased:
        return written, ()
    ends = "never released and now ends with its track", "never released and now end with their tracks"
    return written, (remark(seconds(unreleased).tolist(), f"note is {ends[0]}", f"notes are {ends[1]}"),)


def write_midi(notes: Iterable[Note], path: Path) -> None:
    """Write one track a part, in the order in which the parts enter, atomically.

    Raises
    ------
    WriteError
    """
    import pretty_midi

    midi = pretty_midi.PrettyMIDI(resolution=_TICKS_PER_BEAT)
    parts: dict[str, Any] = {}
    for note in notes:
        if note.part not in parts:
            parts[note.part] = pretty_midi.Instrument(program=0, name=note.part.encode().decode("latin-1"))
        played = pretty_midi.Note(note.velocity, round(note.pitch), note.onset_s, note.offset_s)
        parts[note.part].notes.append(played)
    midi.instruments += parts.values()
    with atomic_path(path) as temporary:
        midi.write(str(temporary))


def _events(track: Iterable[Any]) -> Events:
    tick, events = 0, []
    for message in track:
        tick += message.time
        events.append((tick, message))
    return events


def _clock(ticks_per_beat: int, tracks: list[Events]) -> Callable[[list[int]], NDArray[np.float64]]:
    """What turns ticks into seconds, by the tempo changes of whichever track."""
    tempi = {0: 0.5 / ticks_per_beat}
    if ticks_per_beat < 0:
        # Timecode: minus the frames a second in the upper byte, ticks a frame in the lower.
        frames, ticks_per_frame = -(ticks_per_beat >> 8), ticks_per_beat & 255
        tempi = {0: 1 / ((30 / 1.001 if frames == 29 else frames) * ticks_per_frame)}
    else:
        for tick, message in sorted((event for events in tracks for event in events), key=lambda event: event[0]):
            if message.type == "set_tempo":
                tempi[tick] = message.tempo / 1e6 / ticks_per_beat
    changes, tick_s = np.array(list(tempi)), np.array(list(tempi.values()))
    changes_s = np.concatenate([[0.0], np.cumsum(np.diff(changes) * tick_s[:-1])])

    def seconds(ticks: list[int]) -> NDArray[np.float64]:
        at = np.array(ticks, dtype=np.int64)
        last = np.searchsorted(changes, at, side="right") - 1
        return np.asarray(changes_s[last] + (at - changes[last]) * tick_s[last])

    return seconds


def _notes(tracks: list[Events]) -> tuple[list[Struck], list[int]]:
    """All notes by track and onset, and the onsets of those that are never released."""
    notes, unreleased = [], []
    for track, events in enumerate(tracks):
        keys: dict[tuple[int, int], list[Stroke]] = defaultdict(list)
        programs = [0] * 16
        for tick, message in events:
            if message.type == "program_change":
                programs[message.channel] = message.program
            elif message.type in ("note_on", "note_off"):
                velocity = message.velocity if message.type == "note_on" else 0
                keys[message.channel, message.note].append(Stroke(tick, velocity, programs[message.channel]))
        played, port = [], _port(events)
        for (channel, pitch), strokes in keys.items():
            pairs, left = paired(strokes, end=events[-1][0])
            unreleased += left
            played += [
                Struck(track, (port, channel), begun.program, pitch, begun.velocity, begun.tick, off)
                for begun, off in pairs
            ]
        notes += sorted(played, key=lambda note: note.on)
    return notes, unreleased


def _pedals(tracks: list[Events]) -> dict[Channel, dict[int, bool]]:
    """From which ticks on the pedal of a channel is down or up; any track may have it."""
    pedals: dict[Channel, dict[int, bool]] = defaultdict(dict)
    for events in tracks:
        port = _port(events)
        for tick, message in events:
            if message.type == "control_change" and message.control == _SUSTAIN:
                pedals[port, message.channel][tick] = message.value >= _DOWN
    return pedals


def _port(events: Events) -> int:
    return next((message.port for _, message in events if message.type == "midi_port"), 0)


def _voices(notes: list[Struck], titles: list[str]) -> list[str]:
    """The name of each note's track; channels of one track, and tracks of one name, are told apart by numbers."""
    voices = list(dict.fromkeys((note.track, note.channel) for note in notes))
    wanted = [_as_text(titles[track]).strip() or f"track{number}" for number, (track, _) in enumerate(voices, 1)]
    names = dict(zip(voices, distinct(wanted), strict=True))
    return [names[note.track, note.channel] for note in notes]


def _instruments(notes: list[Struck]) -> list[str]:
    return [general_midi_name(note.program, drums=note.channel[1] == _DRUMS) for note in notes]


def _as_text(name: str) -> str:
    """A name as it was meant: mostly UTF-8, which the parser has read as Latin-1, the little that MIDI itself knows."""
    try:
        return name.encode("latin-1").decode()
    except UnicodeError:
        return name
