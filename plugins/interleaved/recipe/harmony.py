"""Keys, chords and progressions: what all parts of a composed piece agree on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

MODES = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
}
"""Scales, in semitones above the tonic."""

FOLLOWING = {0: (3, 4, 5, 1, 2), 1: (4, 4, 6), 2: (5, 3), 3: (4, 0, 1), 4: (0, 0, 5, 3), 5: (3, 1, 4), 6: (0, 2)}
"""Degrees of the scale that may follow each; what is named twice is twice as likely."""


@dataclass(frozen=True)
class Key:
    """A scale on a tonic.

    Attributes
    ----------
    tonic : int
        Pitch class, 0 is C.
    mode : str
        One of `MODES`.
    """

    tonic: int
    mode: str

    def pitch(self, step: int) -> int:
        """The pitch of a step of the scale; step 0 is the tonic above middle C or middle C itself."""
        octave, degree = divmod(step, 7)
        return 60 + self.tonic + 12 * octave + MODES[self.mode][degree]

    def chord(self, degree: int, tones: int = 3) -> Chord:
        """The chord of so many thirds on a degree of the scale."""
        return Chord(degree, tuple(self.pitch(degree + 2 * third) % 12 for third in range(tones)))


@dataclass(frozen=True)
class Chord:
    """A chord of the scale.

    Attributes
    ----------
    degree : int
        Of its root.
    classes : tuple of int
        Pitch classes, the root first.
    """

    degree: int
    classes: tuple[int, ...]

    def near(self, pitch: float, tone: int = 0) -> int:
        """The pitch nearest to `pitch` that is this tone of the chord."""
        wanted = self.classes[tone % len(self.classes)]
        return round((pitch - wanted) / 12) * 12 + wanted

    def voicing(self, centre: float) -> list[int]:
        """All tones, each as near to `centre` as it comes: neighbouring chords move little."""
        return sorted(self.near(centre, tone) for tone in range(len(self.classes)))


def draw_key(rng: np.random.Generator) -> Key:
    """Any key."""
    return Key(int(rng.integers(-5, 7)), str(rng.choice(list(MODES), p=[0.45, 0.3, 0.15, 0.1])))


def draw_progression(key: Key, bars: int, tones: int, rng: np.random.Generator) -> list[Chord]:
    """A chord a bar: a walk over what may follow what, of which the first half often comes again."""
    walk = [int(rng.choice([0, 0, 5, 3]))]
    while len(walk) < bars:
        walk.append(int(rng.choice(FOLLOWING[walk[-1]])))
    if bars % 2 == 0 and rng.random() < 0.6:
        walk[bars // 2 :] = walk[: bars // 2]
    return [key.chord(degree, tones) for degree in walk]
