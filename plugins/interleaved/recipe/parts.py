"""What the players of a composed piece do: drums, bass, comping, melody.

A player is drawn once for a section and then plays bar after bar, so that its patterns come again as they do in music.
Times are in beats from the start of the bar.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from harmony import Chord, Key

KICK, RIM, SNARE, CLAP, CLOSED, PEDAL, OPEN, CRASH, RIDE, TAMBOURINE, SHAKER = (
    36,
    37,
    38,
    39,
    42,
    44,
    46,
    49,
    51,
    54,
    70,
)
TOMS = (50, 48, 45, 43)
HANDS = (54, 56, 60, 61, 62, 63, 64, 67, 68, 69, 70, 75, 76, 77)
"""What is struck by hand or shaken, beside a kit."""
WALK = (-2, -1, -1, 0, 1, 1, 2, 4, -4)
"""How far a melody goes from one note to the next, in steps of the scale ..."""
ODDS = (0.1, 0.2, 0.1, 0.1, 0.2, 0.1, 0.1, 0.05, 0.05)
"""... and how often."""
Rng = np.random.Generator


class Note(NamedTuple):
    """A note of a bar.

    Attributes
    ----------
    beat, length : float
        In beats.
    pitch : int
    velocity : float
        1 is as loud as the part plays on the whole.
    """

    beat: float
    length: float
    pitch: int
    velocity: float = 1.0


@dataclass(frozen=True)
class Bar:
    """What players need to know of a bar.

    Attributes
    ----------
    chord, following : Chord
        The one of this bar and of the next.
    beats : int
    first, last : bool
        Of its section.
    """

    chord: Chord
    following: Chord
    beats: int
    first: bool
    last: bool


Player = Callable[[Bar, Rng], list[Note]]


def _steps(rng: Rng, beats: int, per_beat: int, likely: float) -> list[float]:
    """Some of the steps of a bar, weak ones more seldom."""
    places = np.arange(beats * per_beat) / per_beat
    chances = likely * np.where(places % 1 == 0, 1.0, np.where(places % 0.5 == 0, 0.7, 0.35))
    return [float(place) for place in places[rng.random(len(places)) < chances]]


def _fill(beats: int, rng: Rng) -> list[Note]:
    start = beats - float(rng.choice([1, 1, 2]))
    places = np.arange(start, beats, float(rng.choice([0.25, 0.5])))
    drums = [SNARE, *TOMS]
    return [
        Note(float(place), 0.2, drums[min(4, int(5 * index / len(places)))], 0.8 + 0.4 * index / len(places))
        for index, place in enumerate(places)
    ]


def drums(rng: Rng, beats: int, feel: str) -> Player:
    """A kit: ``rock`` with its backbeat, ``four`` on the floor, ``broken`` with syncopated kicks, or ``swing``."""
    if feel == "swing":
        return _swing(rng)
    per_beat = int(rng.choice([1, 2, 2, 4])) if feel != "four" else int(rng.choice([2, 4]))
    backbeats = [beat for beat in (1.0, 3.0) if beat < beats] if beats != 3 else [1.0, 2.0]
    snare = int(rng.choice([SNARE, SNARE, SNARE, CLAP, RIM] if feel != "rock" else [SNARE, SNARE, SNARE, RIM]))
    cymbal = int(rng.choice([CLOSED, CLOSED, RIDE, SHAKER, TAMBOURINE]))
    kicks = {
        "rock": [0.0, *_steps(rng, beats, 2, 0.3)],
        "four": [float(beat) for beat in range(beats)],
        "broken": [0.0, *_steps(rng, beats, 4, 0.4)],
    }[feel]
    kicks = [kick for kick in sorted(set(kicks)) if kick not in backbeats or feel == "four"]
    ghosts = _steps(rng, beats, 4, 0.15 if rng.random() < 0.4 else 0.0)
    offbeat_open = feel == "four" and rng.random() < 0.6
    fills = rng.random() < 0.7

    def play(bar: Bar, rng: Rng) -> list[Note]:
        notes = [Note(kick, 0.2, KICK, 1.1) for kick in kicks if kick == 0 or rng.random() < 0.93]
        notes += [Note(beat, 0.2, snare, 1.15) for beat in backbeats]
        notes += [Note(beat, 0.2, SNARE, 0.35) for beat in ghosts if beat not in backbeats]
        for step in range(beats * per_beat):
            place = step / per_beat
            opened = (place % 1 == 0.5 and offbeat_open) or (place == beats - 0.5 and rng.random() < 0.2)
            loud = 0.9 if place % 1 == 0 else 0.6
            notes.append(Note(place, 0.3, OPEN if opened and cymbal == CLOSED else cymbal, loud))
        if bar.first and rng.random() < 0.8:
            notes.append(Note(0.0, 1.0, CRASH, 1.1))
        if bar.last and fills:
            fill = _fill(beats, rng)
            notes = [note for note in notes if note.beat < fill[0].beat] + fill
        return notes

    return play


def _swing(rng: Rng) -> Player:
    comp = float(rng.uniform(0.1, 0.4))
    feathered = rng.random() < 0.5

    def play(bar: Bar, rng: Rng) -> list[Note]:
        notes = []
        for beat in range(bar.beats):
            notes.append(Note(beat, 0.5, RIDE, 0.9 if beat % 2 else 0.75))
            if beat % 2:
                notes += [Note(beat + 2 / 3, 0.3, RIDE, 0.65), Note(beat, 0.2, PEDAL, 0.8)]
            if feathered:
                notes.append(Note(beat, 0.2, KICK, 0.4))
            if rng.random() < comp:
                notes.append(Note(beat + float(rng.choice([0, 2 / 3])), 0.2, SNARE, float(rng.uniform(0.4, 0.9))))
            if rng.random() < comp / 3:
                notes.append(Note(beat + 2 / 3, 0.2, KICK, float(rng.uniform(0.6, 1.0))))
        if bar.first and rng.random() < 0.4:
            notes.append(Note(0.0, 1.0, CRASH, 0.8))
        return notes

    return play


def percussion(rng: Rng, beats: int) -> Player:
    """Two or three of `HANDS`, each on sixteenths of its own."""
    chosen = rng.choice(HANDS, int(rng.integers(2, 4)), replace=False)
    struck = [(float(beat), int(pitch)) for pitch in chosen for beat in _steps(rng, beats, 4, 0.4)]

    def play(bar: Bar, rng: Rng) -> list[Note]:
        return [Note(beat, 0.2, pitch, 1.0 if beat % 1 == 0 else 0.8) for beat, pitch in struck]

    return play


def bass(rng: Rng, beats: int, kind: str) -> Player:
    """A bass line: ``roots``, ``groove``, ``octaves``, ``long`` or ``walking``."""
    centre = float(rng.uniform(34, 43))
    groove = [0.0, *_steps(rng, beats, 4 if kind == "groove" else 2, 0.45)]
    groove = sorted(set(groove))
    choices = [int(tone) for tone in rng.choice([0, 0, 0, 0, 2, 1], len(groove))]
    short = float(rng.uniform(0.55, 1.0))

    def play(bar: Bar, rng: Rng) -> list[Note]:
        root = bar.chord.near(centre)
        if kind == "walking":
            tones = [
                root,
                *(bar.chord.near(centre + 5 * rng.random(), int(rng.integers(1, 4))) for _ in range(beats - 2)),
            ]
            tones.append(bar.following.near(centre) + int(rng.choice([-1, 1, -2, 2])))
            return [Note(beat, 0.95, tone, 1.0) for beat, tone in enumerate(tones)]
        if kind == "roots":
            return [Note(step / 2, 0.5 * short, root, 1.0 if step % 2 == 0 else 0.85) for step in range(2 * beats)]
        if kind == "octaves":
            return [Note(step / 2, 0.45 * short, root + 12 * (step % 2), 1.0) for step in range(2 * beats)]
        if kind == "long":
            return [Note(0.0, beats * 0.97, root, 1.0)]
        ends = [*groove[1:], float(beats)]
        pitches = [root if tone == 0 else bar.chord.near(root + 5, tone) for tone in choices]
        return [
            Note(start, (end - start) * short, pitch, 1.0 if start % 1 == 0 else 0.9)
            for start, end, pitch in zip(groove, ends, pitches, strict=True)
        ]

    return play


def comping(rng: Rng, beats: int, kind: str, centre: float) -> Player:
    """Chords: ``pad``, ``strum``, ``offbeat``, ``arpeggio``, ``stabs`` or ``power``."""
    rhythm = sorted({0.0, *_steps(rng, beats, 2, 0.5)}) if kind != "stabs" else _steps(rng, beats, 4, 0.4) or [0.5]
    up = rng.random() < 0.5
    per_beat = int(rng.choice([2, 2, 3, 4]))
    short = float(rng.uniform(0.4, 1.0))

    def play(bar: Bar, rng: Rng) -> list[Note]:
        voicing = bar.chord.voicing(centre)
        if kind == "power":
            root = bar.chord.near(centre - 12)
            voicing = [root, root + 7, root + 12]
        if kind == "pad":
            return [Note(0.0, beats * 0.98, pitch, 0.8) for pitch in voicing]
        if kind == "arpeggio":
            order = [*voicing, voicing[0] + 12]
            order = order if up else [*order, *order[-2:0:-1]]
            count = beats * per_beat
            return [Note(step / per_beat, 1.2 / per_beat, order[step % len(order)], 0.85) for step in range(count)]
        starts = [beat + 0.5 for beat in range(beats)] if kind == "offbeat" else rhythm
        ends = [*starts[1:], float(beats)]
        notes = []
        for start, end in zip(starts, ends, strict=True):
            length = min(0.4, end - start) if kind in ("offbeat", "stabs") else (end - start) * short
            spread = 0.02 if kind == "strum" else 0.0
            notes += [Note(start + spread * i, length, pitch, 0.9) for i, pitch in enumerate(voicing)]
        return notes

    return play


def melody(rng: Rng, beats: int, key: Key, centre: float, density: float = 0.5) -> Player:
    """A line on the scale that walks by steps, leaps onto chords on strong beats, and keeps to one or two rhythms."""
    rhythms = [sorted({*_steps(rng, beats, 2, density), float(rng.integers(0, 2))}) for _ in range(2)]
    rest = float(rng.uniform(0.0, 0.35))
    legato = float(rng.uniform(0.7, 1.0))
    place = [round((centre - key.pitch(0)) * 7 / 12)]

    def play(bar: Bar, rng: Rng) -> list[Note]:
        if rng.random() < rest:
            return []
        rhythm = rhythms[int(rng.random() < 0.3)]
        notes = []
        for start, end in zip(rhythm, [*rhythm[1:], float(beats)], strict=True):
            place[0] += int(rng.choice(WALK, p=ODDS))
            pitch = key.pitch(place[0])
            if start % 2 == 0:
                pitch = min((bar.chord.near(pitch, tone) for tone in range(3)), key=lambda near: abs(near - pitch))
            if abs(pitch - centre) > 12:
                place[0] = round((centre - key.pitch(0)) * 7 / 12)
            notes.append(Note(start, (end - start) * legato, pitch, float(rng.uniform(0.85, 1.1))))
        return notes

    return play


def doubled(player: Player, intervals: Sequence[int]) -> Player:
    """A player whose every note sounds at these distances too, in semitones."""

    def play(bar: Bar, rng: Rng) -> list[Note]:
        return [note._replace(pitch=note.pitch + up) for note in player(bar, rng) for up in (0, *intervals)]

    return play


def looped(player: Player) -> Player:
    """A player that plays the same again whenever the same chord comes; but what ends a section."""
    played: dict[tuple[Chord, bool], list[Note]] = {}

    def play(bar: Bar, rng: Rng) -> list[Note]:
        place = (bar.chord, bar.last)
        if place not in played:
            played[place] = player(bar, rng)
        return played[place]

    return play
