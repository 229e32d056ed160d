"""The voices of a MIDI file one by one, for those who let them sound."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from sepkit.music.files.controllers import CONTROL
from sepkit.music.files.midi import DRUMS, voice_names
from sepkit.music.files.midi_file import read_file
from sepkit.music.files.midi_sequence import MidiSequence, sequences
from sepkit.music.files.strokes import Struck
from sepkit.music.mend import SHORTEST_S

_TICKS_PER_BEAT = 4800
_TICKS_PER_S = 2 * _TICKS_PER_BEAT
"""At the tempo of files that name none."""

_OFF, _ON, _PROGRAM = 0x80, 0x90, 0xC0
_SOFT_PEDAL = 67


class Voice(NamedTuple):
    """A channel of a track, which is a part of the score.

    Attributes
    ----------
    name : str
        Of the part.
    title : str
        The name of its track, or empty.
    sequence : MidiSequence
        What it is played with.
    notes : list of Struck
        They end with their keys; there is at least one.
    """

    name: str
    title: str
    sequence: MidiSequence
    notes: list[Struck]

    @property
    def is_drums(self) -> bool:
        """Whether its keys are instruments."""
        return self.notes[0].channel[1] == DRUMS


def read_voices(path: Path) -> list[Voice]:
    """Read each channel of each track as it is played.

    Raises
    ------
    SideInformationError
        If the file is no MIDI file.
    """
    file = read_file(path)
    played = [(sequence, note) for sequence in sequences(file) for note in sequence.notes(pedal=False)[0]]
    names = voice_names([note for _, note in played], file.tracks)
    titles = {track.number: track.title for track in file.tracks}
    voices: dict[str, Voice] = {}
    for name, (sequence, note) in zip(names, played, strict=True):
        voices.setdefault(name, Voice(name, titles[note.track], sequence, [])).notes.append(note)
    return list(voices.values())


def write_voice(voice: Voice, path: Path, end_s: float) -> None:
    """Write a voice alone, with all that moves the controllers of its channel, in seconds as they are read.

    Parameters
    ----------
    voice : Voice
    path : Path
    end_s : float
        When an event that does nothing ends the file.
    """
    import mido

    port_and_channel = voice.notes[0].channel
    channel = port_and_channel[1]
    # At one time keys are released first, then controllers move, then keys are struck.
    events = [(end_s, 0, [CONTROL | channel, _SOFT_PEDAL, 0])]
    messages = voice.sequence.messages.get(port_and_channel, [])
    moved_s = voice.sequence.seconds(message.tick for message in messages).tolist()
    events += [(at_s, 1, [message.status, *message.data]) for at_s, message in zip(moved_s, messages, strict=True)]
    ons_s = voice.sequence.seconds(note.on for note in voice.notes).tolist()
    offs_s = voice.sequence.seconds(note.off for note in voice.notes).tolist()
    for note, on_s, off_s in zip(voice.notes, ons_s, offs_s, strict=True):
        events += [
            (on_s, 2, [_PROGRAM | channel, note.program]),
            (on_s, 2, [_ON | channel, note.pitch, note.velocity]),
            (off_s if off_s > on_s else on_s + SHORTEST_S, 0, [_OFF | channel, note.pitch, 0]),
        ]
    midi = mido.MidiFile(ticks_per_beat=_TICKS_PER_BEAT)
    track, tick = midi.add_track(), 0
    for at_s, _, message in sorted(events, key=lambda event: event[:2]):
        following = round(at_s * _TICKS_PER_S)
        track.append(mido.Message.from_bytes(message, time=following - tick))
        tick = following
    midi.save(path)
