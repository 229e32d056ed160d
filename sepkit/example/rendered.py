"""Examples that are played anew whenever they are asked for: a choir, a quartet, a singer with a band, a drum kit.

The tunes are in the public domain; the settings and the playing are this project's.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sepkit.example import synthesis
from sepkit.example.synthesis import RATE
from sepkit.music.f0 import F0Track
from sepkit.music.note import Note
from sepkit.music.score import Score

F0_EVERY_S = 0.01
FULL_SCALE = 2**15

# The first line of the Old Hundredth (Genevan Psalter, 1551), a quarter note a column.
CHORALE = {
    "soprano": "G4 G4 F#4 E4 D4 G4 A4 B4",
    "alto": "D4 D4 D4 B3 B3 E4 F#4 G4",
    "tenor": "B3 B3 A3 G3 F#3 B3 D4 D4",
    "bass": "G2 G3 D3 E3 B2 E3 D3 G2",
}

# A round, in which each voice enters two bars after the one before it: "Frère Jacques". Two bars a line.
ROUND = """
    C:1 D:1 E:1 C:1  C:1 D:1 E:1 C:1
    E:1 F:1 G:2  E:1 F:1 G:2
    G:.5 A:.5 G:.5 F:.5 E:1 C:1  G:.5 A:.5 G:.5 F:.5 E:1 C:1
    C:1 G3:1 C:2  C:1 G3:1 C:2
"""
QUARTET = {"violin": 1, "second violin": 0, "viola": 0, "cello": -1}

SONG = "r:4 E5:1 D5:.5 C5:.5 D5:1 A4:1 C5:1.5 B4:.5 G4:2 r:4 E5:1 G5:1 F5:.5 E5:.5 D5:1 E5:1 C5:.5 D5:.5 A4:2"
CHORDS = ("A2 C4 E4 A4", "F2 C4 F4 A4", "C3 C4 E4 G4", "G2 B3 D4 G4", "A2 C4 E4 A4", "F2 C4 E4 A4")

KIT = {"kick": 36, "snare": 38, "hi-hat": 42}
GROOVE = {"kick": "X.....x.X.x.....", "snare": "....X.......X..x", "hi-hat": "X.x.X.x.X.x.X.xx"}

Rendered = tuple[dict[str, NDArray[np.float32]], Score, dict[str, F0Track]]
"""Stems, the score, and F0 of every melody."""


def choir() -> Rendered:
    """Four singers."""
    parts = {
        name: _melody(" ".join(f"{pitch}:1" for pitch in line.split()), name, tempo=66, breath_s=0.04)
        for name, line in CHORALE.items()
    }
    stretch = {"soprano": 1.18, "alto": 1.12, "tenor": 1.02, "bass": 0.95}
    vowels = {"soprano": "aoeo", "alto": "oaee", "tenor": "aoeu", "bass": "oaeo"}
    length = round((_end_s(parts) + 0.5) * RATE)
    f0 = {
        name: synthesis.f0_hz(notes, length, glide_s=0.09, vibrato_cents=35, rate_hz=5.1 + 0.3 * order)
        for order, (name, notes) in enumerate(parts.items())
    }
    sounds = {
        name: synthesis.sung(notes, vowels[name], f0[name], stretch=stretch[name]) for name, notes in parts.items()
    }
    return _finished(sounds, parts, f0)


def quartet() -> Rendered:
    """A string quartet that plays a round."""
    parts = {}
    for order, (name, octaves) in enumerate(QUARTET.items()):
        # All end with the violin, whoever has entered late.
        lines = ROUND.strip().splitlines()[: 4 - order]
        parts[name] = _melody(" ".join(lines), name, tempo=168, breath_s=0.02, up=12 * octaves, start_beat=8 * order)
    length = round((_end_s(parts) + 0.5) * RATE)
    f0 = {
        name: synthesis.f0_hz(notes, length, glide_s=0.02, vibrato_cents=18, rate_hz=5.6 - 0.3 * order)
        for order, (name, notes) in enumerate(parts.items())
    }
    bodies = ((480, 1100, 2800), (520, 1200, 2500), (230, 700, 1700), (110, 350, 900))
    sounds = {
        name: synthesis.bowed(notes, f0[name], body) for (name, notes), body in zip(parts.items(), bodies, strict=True)
    }
    return _finished(sounds, parts, f0)


def song() -> Rendered:
    """A singer, who rests now and then, with a band of guitar, bass and drums."""
    tempo = 126
    voice = _melody(SONG, "voice", tempo=tempo, breath_s=0.05)
    band = [
        Note(60 / tempo * beat, 60 / tempo * (beat + lasts), _pitch(name), 90 if first else 60, "band")
        for bar, chord in enumerate(CHORDS)
        for first, name in ((number == 0, name) for number, name in enumerate(chord.split()))
        for beat, lasts in (((4 * bar, 2.5), (4 * bar + 2.5, 1.5)) if first else [(4 * bar + on, 0.9) for on in (1, 3)])
    ]
    parts = {"voice": voice, "band": band}
    length = round((_end_s(parts) + 0.4) * RATE)
    f0 = {"voice": synthesis.f0_hz(voice, length, glide_s=0.08, vibrato_cents=40, rate_hz=5.6)}
    drums = _beaten(bars=len(CHORDS), tempo=tempo)
    rng = np.random.default_rng(2)
    kit = sum(_level(synthesis.struck(notes, name, length, rng)) for name, notes in drums.items())
    sounds = {
        "voice": synthesis.sung(voice, "aeioa", f0["voice"], stretch=1.15),
        "band": _level(synthesis.plucked(band, length)) + 0.4 * kit,
    }
    return _finished(sounds, parts, f0)


def drums() -> Rendered:
    """A drum kit: two bars of a groove, twice."""
    parts = _beaten(bars=4, tempo=104)
    length = round((_end_s(parts) + 0.3) * RATE)
    rng = np.random.default_rng(5)
    sounds = {name: synthesis.struck(notes, name, length, rng) for name, notes in parts.items()}
    return _finished(sounds, parts, {}, levels=(1.0, 0.8, 0.35))


PIECES = {"choir": choir, "drums": drums, "quartet": quartet, "song": song}


def _melody(
    line: str, part: str, *, tempo: float, breath_s: float, up: float = 0.0, start_beat: float = 0.0
) -> list[Note]:
    """Notes of a line of ``name:beats``, where ``r`` rests, and names without an octave are in that of middle C."""
    beat_s, beat, notes = 60 / tempo, start_beat, []
    for name, lasts in (entry.split(":") for entry in line.split()):
        if name != "r":
            onset_s, offset_s = beat * beat_s, (beat + float(lasts)) * beat_s - breath_s
            notes.append(Note(onset_s, offset_s, _pitch(name) + up, 96, part))
        beat += float(lasts)
    return notes


def _pitch(name: str) -> float:
    steps = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
    octave = int(name[-1]) if name[-1].isdigit() else 4
    return float(12 * (octave + 1) + steps[name[0]] + ("#" in name))


def _beaten(bars: int, tempo: float) -> dict[str, list[Note]]:
    step_s = 60 / tempo / 4
    return {
        name: [
            Note(step_s * step, step_s * (step + 1), KIT[name], 110 if pattern[step % 16] == "X" else 70, name)
            for step in range(16 * bars)
            if pattern[step % 16] != "."
        ]
        for name, pattern in GROOVE.items()
    }


def _end_s(parts: dict[str, list[Note]]) -> float:
    return max(note.offset_s for notes in parts.values() for note in notes)


def _level(sound: synthesis.Samples) -> synthesis.Samples:
    """The sound at a root mean square of 0.1 where it sounds."""
    loud = np.square(sound)[np.abs(sound) > 0.01 * np.abs(sound).max()]
    return np.asarray(0.1 * sound / np.sqrt(loud.mean()))


def _finished(
    sounds: dict[str, synthesis.Samples],
    parts: dict[str, list[Note]],
    f0: dict[str, synthesis.Samples],
    levels: Sequence[float] = (1.0, 1.0, 1.0, 1.0),
) -> Rendered:
    """Stems of 16 bits in one room, whose sum is exact; the score; F0 every 10 ms, where there are notes."""
    rng = np.random.default_rng(1)
    wet = {
        name: level * synthesis.in_a_room(_level(sound), rng)
        for (name, sound), level in zip(sounds.items(), levels, strict=False)
    }
    peak = np.abs(sum(wet.values())).max()
    stems = {
        name: (np.round(0.9 / peak * FULL_SCALE * sound) / FULL_SCALE).astype(np.float32) for name, sound in wet.items()
    }
    score = Score(tuple(note for notes in parts.values() for note in notes))
    return stems, score, {name: _track(track, parts[name]) for name, track in f0.items()}


def _track(f0_hz: synthesis.Samples, notes: list[Note]) -> F0Track:
    times_s = np.arange(0, len(f0_hz) / RATE - F0_EVERY_S, F0_EVERY_S)
    sounding = np.any([(note.onset_s <= times_s) & (times_s < note.offset_s) for note in notes], axis=0)
    return F0Track(times_s, np.where(sounding, f0_hz[np.round(times_s * RATE).astype(int)], np.nan))
