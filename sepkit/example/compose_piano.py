"""The score of the bundled piano piece, as two hands play it.

The piece is the opening of the Sonata in C major, K. 545 (Mozart, 1788; public domain), arranged by this project: the
theme is Mozart's, while the chords below it and the left hand from bar 5 on are ours. The hands share the keys from D4
to A4 and take some over from each other. The performance has a tempo that breathes with the phrases, dynamics, a pedal,
and the small irregularities of fingers, all from fixed seeds.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sepkit.music.note import Note
from sepkit.music.score import Score

__all__ = ["TEMPO", "score"]

TEMPO = 126.0
"""Quarter notes a minute, in the middle of a phrase somewhat more and at its end less."""

BEATS_PER_BAR = 4
BEATS_PER_PHRASE = 16

# One line a bar, "name:beats", "+" between the notes of a chord, "-" for a rest.
RIGHT = """
    C5:2                        E5:1                        E5+G5:1
    B4:1.5           C5:.25  D5:.25  C5:1                   -:1
    F5+A5:2                     E5+G5:1                     E5+C6:1
    E5+G5:1     F5:.25 G5:.25 E5:.25 F5:.25  C5+E5:1        -:1
    A4:.5  B4:.25 C5:.25 D5:.25 E5:.25 F5:.25 G5:.25 A5:.25 G5:.25 F5:.25 E5:.25  D5:.25 C5:.25 B4:.25 A4:.25
    G4:.5  A4:.25 B4:.25 C5:.25 D5:.25 E5:.25 F5:.25 G5:.25 F5:.25 E5:.25 D5:.25  C5:.25 B4:.25 A4:.25 G4:.25
    F4:.5  G4:.25 A4:.25 B4:.25 C5:.25 D5:.25 E5:.25 F5:.25 E5:.25 D5:.25 C5:.25  B4:.25 A4:.25 G4:.25 F4:.25
    E4:.5  F4:.25 G4:.25 A4:.25 B4:.25 C5:.25 D5:.25 E5:.25 D5:.25 C5:.25 B4:.25  A4:.25 G4:.25 F4:.25 E4:.25
    D4:.5  E4:.25 F4:.25 G4:.25 A4:.25 B4:.25 C#5:.25 D5:.25 A4:.25 B4:.25 C5:.25 D5:.25 E5:.25 F5:.25 G5:.25
    A5:.25 B5:.25 C6:.25 B5:.25 A5:.25 G5:.25 F5:.25 E5:.25 F5:.25 G5:.25 A5:.25 G5:.25 F5:.25 E5:.25 D5:.25 C5:.25
    B4:.5  G5:.5         E5:.5  C5:.5         D5:.5  G5:.5                E5:.5         C5:.5
    B4+D5:1              B4+G5:1              B4+D5+G5:2
"""
LEFT = """
    C4:.5 G4:.5 E4:.5 G4:.5  C4:.5 G4:.5 E4:.5 G4:.5
    D4:.5 G4:.5 F4:.5 G4:.5  C4:.5 G4:.5 E4:.5 G4:.5
    C4:.5 A4:.5 F4:.5 A4:.5  C4:.5 G4:.5 E4:.5 G4:.5
    B3:.5 G4:.5 D4:.5 G4:.5  C4:.5 G4:.5 E4:.5 G4:.5
    C4:.5 A4:.5 F4:.5 A4:.5  F4:.5 C4:.5 A3:.5 C4:.5
    C4:.5 G4:.5 E4:.5 G4:.5  E4:.5 C4:.5 G3:.5 C4:.5
    A3:.5 F4:.5 D4:.5 F4:.5  D4:.5 A3:.5 F3:.5 A3:.5
    G3:.5 E4:.5 C4:.5 E4:.5  C4:.5 G3:.5 E3:.5 G3:.5
    F3+A3:1     -:1          F3+D4:1     -:1
    F3:.5 C4:.5 A3:.5 C4:.5  D3:.5 A3:.5 F3:.5 A3:.5
    G3+D4:1     G3+C4+E4:1   G3+D4:1     G3+C4+E4:1
    G3+D4:1     D3+B3:1      G2+G3:2
"""
PEDALS = ((0, 2), (2, 4), (4, 5.5), (6, 8), (8, 10), (10, 12), (12, 13), (14, 16), (44, 46), (46, 48))
"""Beats from which and to which the pedal is down: where chords are broken, and never under a scale."""

LOUDNESS = {"right": 76, "left": 56}
"""MIDI velocity, to which phrase, accents and chance add."""
START_S = {"right": 0.042, "left": 0.05}
"""When the first beat comes: the melody is always a little early."""
LEGATO = 0.94
IRREGULARITY_S = 0.005


def score() -> Score:
    """Return the piece as it is played.

    Returns
    -------
    Score
        With the parts ``right`` and ``left``. A note lasts until its damper falls, which is when its key and the pedal
        are up, or until either hand strikes the key anew.
    """
    notes = sorted([*_play("right", RIGHT), *_play("left", LEFT)])
    struck_anew: dict[float, float] = {}
    played = []
    for note in reversed(notes):
        played.append(replace(note, offset_s=min(note.offset_s, struck_anew.get(note.pitch, np.inf))))
        struck_anew[note.pitch] = note.onset_s
    return Score(tuple(played))


def _play(hand: str, text: str) -> Iterator[Note]:
    """Yield the notes of one hand, with onsets, offsets and velocities as played."""
    vary = random.Random(hand)  # a fixed seed: the same performance each time
    for beat, beats, chord in _parse(text):
        lifted = next((up for down, up in PEDALS if down <= beat < up), 0.0)
        accent = 5 if beat % BEATS_PER_BAR == 0 else 2 if beat % 1 == 0 else 0
        swell = 12 * float(_arch(beat))
        for pitch in chord:
            top = 0 if pitch == max(chord) else -8
            yield Note(
                onset_s=START_S[hand] + _seconds(beat) + vary.gauss(0.0, IRREGULARITY_S),
                offset_s=START_S[hand] + _seconds(max(beat + LEGATO * beats, lifted)),
                pitch=pitch,
                velocity=round(LOUDNESS[hand] + accent + swell + top + vary.gauss(0.0, 3.0)),
                part=hand,
            )


def _parse(text: str) -> Iterator[tuple[float, float, list[int]]]:
    """Yield beat, length in beats and MIDI pitches of every chord."""
    import pretty_midi

    beat = 0.0
    for word in text.split():
        names, _, beats = word.partition(":")
        if names != "-":
            yield beat, float(beats), [int(pretty_midi.note_name_to_number(name)) for name in names.split("+")]
        beat += float(beats)


def _arch(beat: ArrayLike) -> NDArray[np.float64]:
    """From 0 where phrases begin and end to 1 in their middle."""
    return np.asarray(np.sin(np.pi * (np.asarray(beat) % BEATS_PER_PHRASE) / BEATS_PER_PHRASE))


def _seconds(beat: float) -> float:
    """When a beat comes: phrases hurry towards their middle, and the last bar slows down."""
    grid = np.arange(0.0, PEDALS[-1][1] + 1, 0.25)
    tempo = TEMPO * (0.95 + 0.08 * _arch(grid)) * np.interp(grid, [43.0, 46.0], [1.0, 0.75])
    seconds = np.concatenate([[0.0], np.cumsum(0.25 * 60.0 / tempo)[:-1]])
    return float(np.interp(beat, grid, seconds))
