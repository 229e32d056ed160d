"""Tracks of a MIDI file that are played together: their notes, controllers and clock."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from sepkit.music.files.controllers import CONTROL, WHEEL, Controls
from sepkit.music.files.midi_file import TEMPO, Event, MidiFile, Track
from sepkit.music.files.strokes import ALL_KEYS, Channel, Stroke, Struck, paired, sustain

_OFF, _ON, _PROGRAM = 0x80, 0x90, 0xC0
_USUAL_TEMPO = 500_000
_INDEPENDENT = 2
"""The format whose tracks are pieces of their own."""


def sequences(file: MidiFile) -> list[MidiSequence]:
    """All tracks as one sequence, or each as its own where the format says so."""
    if file.format == _INDEPENDENT:
        return [MidiSequence([track], file.division) for track in file.tracks]
    return [MidiSequence(file.tracks, file.division)]


class MidiSequence:
    """Tracks that share a clock and channels.

    Parameters
    ----------
    tracks : sequence of Track
    division : int
        As in `MidiFile`.
    """

    def __init__(self, tracks: Sequence[Track], division: int) -> None:
        self.tracks, self._division = tracks, division

    @property
    def end(self) -> int:
        """The tick at which the last track ends."""
        return max((track.end for track in self.tracks), default=0)

    @cached_property
    def messages(self) -> dict[Channel, list[Event]]:
        """What moves the controllers of each channel, from whichever track, in order of time."""
        found: dict[Channel, list[Event]] = defaultdict(list)
        for track in self.tracks:
            # It is looked for among all events: once for each of them would take as long as they are many, squared.
            port = track.port
            for event in track.events:
                if event.kind in (CONTROL, WHEEL):
                    found[port, event.channel].append(event)
        return {channel: sorted(events, key=lambda event: event.tick) for channel, events in found.items()}

    @cached_property
    def controls(self) -> dict[Channel, Controls]:
        """The controllers of each channel that has any."""
        return {channel: Controls.of(events) for channel, events in self.messages.items()}

    def notes(self, *, pedal: bool) -> tuple[list[Struck], list[int]]:
        """All notes by track and onset, and the onsets of those that are never released.

        Parameters
        ----------
        pedal : bool
            Let notes sound for as long as the pedals hold them, else they end with their keys.
        """
        notes: list[Struck] = []
        unreleased: list[int] = []
        for track in self.tracks:
            played, port = [], track.port
            for (channel, pitch), strokes in _keys(track).items():
                silences = self.controls[port, channel].released if (port, channel) in self.controls else ()
                pairs, left = paired(_with_releases(strokes, silences), end=track.end)
                unreleased += left
                played += [
                    Struck(track.number, (port, channel), begun.program, pitch, begun.velocity, begun.tick, off)
                    for begun, off in pairs
                ]
            notes += sorted(played, key=lambda note: note.on)
        if pedal:
            sustain(notes, self.controls, self.end)
        return notes, unreleased

    def seconds(self, ticks: Iterable[int]) -> NDArray[np.float64]:
        """Turn ticks into seconds [shape=(ticks,)]."""
        changes, changes_s, tick_s = self._clock
        at = np.array(list(ticks), dtype=np.int64)
        last = np.searchsorted(changes, at, side="right") - 1
        return np.asarray(changes_s[last] + (at - changes[last]) * tick_s[last])

    @property
    def tempi(self) -> dict[int, int]:
        """Microseconds a quarter note, from which tick on; none where ticks are parts of frames."""
        if self._division < 0:
            return {}
        return {0: _USUAL_TEMPO, **{tick: tempo for tick, tempo in self._tempo_marks() if tempo > 0}}

    @property
    def unread_tempi(self) -> list[int]:
        """The ticks of tempi that say nothing, or that time stands still."""
        return [tick for tick, tempo in self._tempo_marks() if tempo == 0] if self._division > 0 else []

    def _tempo_marks(self) -> list[tuple[int, int]]:
        marks = sorted((mark for track in self.tracks for mark in track.meta(TEMPO)), key=lambda mark: mark[0])
        return [(tick, int.from_bytes(tempo, "big") if len(tempo) == 3 else 0) for tick, tempo in marks]

    @cached_property
    def _clock(self) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
        """When a tick changes its length, in ticks and in seconds, and to what, each [shape=(changes,)]."""
        if self._division < 0:
            frames, ticks_per_frame = -(self._division >> 8), self._division & 0xFF
            lengths_s = {0: 1 / ((30 / 1.001 if frames == 29 else frames) * ticks_per_frame)}
        else:
            lengths_s = {tick: tempo / 1e6 / self._division for tick, tempo in self.tempi.items()}
        changes, tick_s = np.array(list(lengths_s), dtype=np.int64), np.array(list(lengths_s.values()))
        changes_s = np.concatenate([[0.0], np.cumsum(np.diff(changes) * tick_s[:-1])])
        return changes, changes_s, tick_s


def _keys(track: Track) -> dict[tuple[int, int], list[Stroke]]:
    """What is done to each key of each channel."""
    keys: dict[tuple[int, int], list[Stroke]] = defaultdict(list)
    programs = [0] * 16
    for event in track.events:
        if event.kind == _PROGRAM:
            programs[event.channel] = event.data[0]
        elif event.kind in (_ON, _OFF):
            pitch, velocity = event.data
            played = velocity if event.kind == _ON else 0
            keys[event.channel, pitch].append(Stroke(event.tick, played, programs[event.channel]))
    return keys


def _with_releases(strokes: list[Stroke], ticks: Iterable[int]) -> list[Stroke]:
    """The strokes of a key and the releases of all keys, which come before what is struck at the same time."""
    releases = [Stroke(tick, ALL_KEYS) for tick in ticks]
    return sorted([*releases, *strokes], key=lambda stroke: stroke.tick) if releases else strokes
