"""The score of the bundled example, and the practice passages that go with it.

The piece is the theme of the "Ode to Joy" (Beethoven, Symphony No. 9, fourth movement; public domain), arranged by this
project for flute, cello and drums: eight bars in G major. Each source also has a training passage that is *not* part
of the piece, a chromatic scale or single drum hits, so that what a method learns from it is the instrument and not the
tune.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pretty_midi

__all__ = ["SOURCES", "TEMPO", "cello", "cello_example", "drums", "drums_example", "flute", "flute_example", "score"]

SOURCES = ("flute", "cello", "drums")
TEMPO = 176.0
"""Quarter notes a minute: eight bars take 10.9 s."""

BEATS_PER_BAR = 4

# One line a bar, "name:beats". The theme is Beethoven's, but for the small escape notes in the repeat.
FLUTE = """
    B4:1    B4:1   C5:1  D5:1
    D5:1    C5:1   B4:1  A4:1
    G4:1    G4:1   A4:1  B4:1
    B4:1.5  A4:.5  A4:2
    B4:1    B4:1   C5:1  D5:1
    D5:1    C5:.5  D5:.5 B4:1   A4:.5 B4:.5
    G4:1    G4:1   A4:1  B4:1
    A4:1.5  G4:.5  G4:2
"""

# Quarter notes against the theme at first, running eighths in the repeat.
CELLO = """
    G3:1          E3:1          A3:1          B3:1
    B3:1          C4:1          D4:1          D3:1
    E3:1          C3:.5 E3:.5   F#3:1         G3:1
    D3:1          D4:1          C4:.5 B3:.5   A3:.5 F#3:.5
    G3:.5 B3:.5   E3:.5 G3:.5   A3:.5 C4:.5   B3:.5  G3:.5
    B3:.5  D4:.5  C4:.5 E4:.5   D4:.5 B3:.5   D3:.5 F#3:.5
    E3:.5 B2:.5   C3:.5 E3:.5   F#3:.5 D3:.5  G3:.5 B3:.5
    D4:.5 C4:.5   D3:1          G2:2
"""

# Eighth notes, a bar between two bars; "X" is an accent.
DRUMS = {
    "kick": "X...x... X...x.x. X...x... X..xx... X...x... X...x.x. X...x... X.x.X...",
    "snare": "..x...x. ..x...x. ..x...x. ..x...xX ..x...x. ..x...x. ..x...x. ..x.x...",
    "hihat": "XxxxXxxx XxxxXxxx XxxxXxxx XxxxXx.. XxxxXxxx XxxxXxxx XxxxXxxx Xxx.X...",
}
DRUM_KEYS = {"kick": 36, "snare": 38, "hihat": 42}
DRUM_VELOCITIES = {"kick": 88, "snare": 66, "hihat": 62}

PROGRAMS = {"flute": "Flute", "cello": "Cello"}


def flute() -> pretty_midi.PrettyMIDI:
    """Return the melody.

    Returns
    -------
    pretty_midi.PrettyMIDI
        One instrument, named ``flute``.
    """
    return _melodic("flute", _parse(FLUTE), velocity=84, legato=0.94)


def cello() -> pretty_midi.PrettyMIDI:
    """Return the bass and counter-line.

    Returns
    -------
    pretty_midi.PrettyMIDI
        One instrument, named ``cello``.
    """
    return _melodic("cello", _parse(CELLO), velocity=86, legato=0.96)


def drums() -> pretty_midi.PrettyMIDI:
    """Return the drum part: kick, snare and closed hi-hat.

    Returns
    -------
    pretty_midi.PrettyMIDI
        One drum instrument, named ``drums``.
    """
    hits = []
    for drum, pattern in DRUMS.items():
        for step, mark in enumerate(pattern.replace(" ", "")):
            if mark != ".":
                accent = 14 if mark == "X" else 0
                hits.append((step / 2, DRUM_KEYS[drum], DRUM_VELOCITIES[drum] + accent))
    return _percussive(sorted(hits), seed="drums")


def flute_example() -> pretty_midi.PrettyMIDI:
    """Return the flute's training passage: a chromatic scale over the range of its part.

    Returns
    -------
    pretty_midi.PrettyMIDI
        One instrument, named ``flute``.
    """
    return _melodic("flute", _chromatic(FLUTE, beats=1.5), velocity=84, legato=0.9)


def cello_example() -> pretty_midi.PrettyMIDI:
    """Return the cello's training passage: a chromatic scale over the range of its part.

    Returns
    -------
    pretty_midi.PrettyMIDI
        One instrument, named ``cello``.
    """
    return _melodic("cello", _chromatic(CELLO, beats=1.25), velocity=86, legato=0.9)


def drums_example() -> pretty_midi.PrettyMIDI:
    """Return the drums' training passage: every drum by itself, in turn, at four velocities.

    Returns
    -------
    pretty_midi.PrettyMIDI
        One drum instrument, named ``drums``.
    """
    velocities = (56, 72, 88, 104)
    hits = [
        (1.25 * (turn * len(DRUM_KEYS) + place), key, velocity)
        for turn, velocity in enumerate(velocities)
        for place, key in enumerate(DRUM_KEYS.values())
    ]
    return _percussive(hits, seed="drums_example")


def score() -> pretty_midi.PrettyMIDI:
    """Return the whole piece.

    Returns
    -------
    pretty_midi.PrettyMIDI
        One instrument for each of `SOURCES`, in that order and with that name.
    """
    piece = _empty()
    for part in (flute(), cello(), drums()):
        piece.instruments.extend(part.instruments)
    return piece


def _empty() -> pretty_midi.PrettyMIDI:
    import pretty_midi

    return pretty_midi.PrettyMIDI(initial_tempo=TEMPO)


def _parse(text: str) -> list[tuple[int, float]]:
    """Return the notes of ``name:beats`` words as pairs of MIDI number and length in beats."""
    import pretty_midi

    words = (word.split(":") for word in text.split())
    return [(int(pretty_midi.note_name_to_number(name)), float(beats)) for name, beats in words]


def _chromatic(text: str, beats: float) -> Iterator[tuple[int, float]]:
    """Yield every semitone from the lowest to the highest note in ``text``."""
    pitches = [pitch for pitch, _ in _parse(text)]
    return ((pitch, beats) for pitch in range(min(pitches), max(pitches) + 1))


def _melodic(name: str, notes: Iterable[tuple[int, float]], velocity: int, legato: float) -> pretty_midi.PrettyMIDI:
    """Lay notes end to end; each sounds for the share ``legato`` of its length."""
    import pretty_midi

    midi = _empty()
    program = pretty_midi.instrument_name_to_program(PROGRAMS[name])
    instrument = pretty_midi.Instrument(program, name=name)
    vary = random.Random(name)  # a fixed seed: the same performance each time
    beat = 0.0
    for pitch, beats in notes:
        accent = 6 if beat % BEATS_PER_BAR == 0 else 0
        instrument.notes.append(
            pretty_midi.Note(
                velocity + accent + round(8 * (vary.random() - 0.5)),
                pitch,
                _seconds(beat),
                _seconds(beat + legato * beats),
            )
        )
        beat += beats
    midi.instruments.append(instrument)
    return midi


def _percussive(hits: Iterable[tuple[float, int, int]], seed: str) -> pretty_midi.PrettyMIDI:
    """Place drum hits, given as beat, key and velocity."""
    import pretty_midi

    midi = _empty()
    instrument = pretty_midi.Instrument(0, is_drum=True, name="drums")
    vary = random.Random(seed)
    for beat, key, velocity in hits:
        loudness = velocity + round(10 * (vary.random() - 0.5))
        instrument.notes.append(pretty_midi.Note(loudness, key, _seconds(beat), _seconds(beat + 0.4)))
    midi.instruments.append(instrument)
    return midi


def _seconds(beat: float) -> float:
    return beat * 60.0 / TEMPO
