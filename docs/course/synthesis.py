"""Sounds made of nothing: strings, winds, singers and drums, of NumPy alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from sepkit import Note

RATE = 22050
"""Sample rate of everything here, in Hz."""

Sound = NDArray[np.float64]

FORMANTS_HZ = {
    "a": (700.0, 1100.0, 2600.0, 3500.0),
    "i": (300.0, 2100.0, 2900.0, 3400.0),
    "o": (450.0, 800.0, 2500.0, 3300.0),
    "e": (500.0, 1700.0, 2500.0, 3500.0),
}
WIDTHS_HZ = (90.0, 110.0, 170.0, 250.0)


def hz(pitch: float) -> float:
    """Frequency of a MIDI pitch."""
    return float(440 * 2 ** ((pitch - 69) / 12))


def seconds(duration_s: float) -> Sound:
    """Times of all samples of a duration."""
    return np.arange(round(duration_s * RATE)) / RATE


def played(
    notes: Iterable[Note], duration_s: float, tone: Callable[[float, float], Sound], level: float = 0.1
) -> NDArray[np.float32]:
    """All notes, each a `tone` of its frequency and duration, at a root mean square of `level`."""
    sound = np.zeros(round(duration_s * RATE))
    for note in notes:
        start = round(note.onset_s * RATE)
        one = tone(hz(note.pitch), note.offset_s - note.onset_s)[: len(sound) - start]
        sound[start : start + len(one)] += note.velocity / 64 * one
    return levelled(sound, level)


def levelled(sound: Sound, level: float) -> NDArray[np.float32]:
    """The sound at this root mean square."""
    return (level * sound / np.sqrt(np.mean(sound**2))).astype(np.float32)


def string(f0_hz: float, duration_s: float) -> Sound:
    """A plucked string, whose high partials die away sooner; it rings on for a quarter of a second."""
    time_s = seconds(duration_s + 0.25)
    end = np.clip((duration_s + 0.25 - time_s) / 0.25, 0, 1)
    return end * sum(
        np.exp(-time_s * (1.5 + 0.6 * partial)) / partial * np.sin(2 * np.pi * partial * f0_hz * time_s)
        for partial in range(1, int(9000 / f0_hz) + 1)
    )


def wind(strengths: tuple[float, ...]) -> Callable[[float, float], Sound]:
    """An instrument that is blown: all partials swell and fade together, each as strong as given."""

    def tone(f0_hz: float, duration_s: float) -> Sound:
        time_s = seconds(duration_s)
        swell = np.clip(np.minimum(time_s, duration_s - time_s) / 0.04, 0, 1)
        phase = 2 * np.pi * f0_hz * time_s + 0.15 * np.sin(2 * np.pi * 5 * time_s)
        return swell * sum(
            strength * np.sin(number * phase)
            for number, strength in enumerate(strengths, 1)
            if number * f0_hz < 0.45 * RATE
        )

    return tone


def sung(f0_hz: Sound, vowels: str) -> Sound:
    """A voice at the F0 of every sample, silent where it is 0, whose vowels change into one another."""
    phase = 2 * np.pi * np.cumsum(f0_hz) / RATE
    place = np.linspace(0, len(vowels) - 1, len(f0_hz))
    formants = [np.interp(place, range(len(vowels)), [FORMANTS_HZ[vowel][n] for vowel in vowels]) for n in range(4)]
    voice = np.zeros(len(f0_hz))
    for partial in range(1, int(0.45 * RATE / f0_hz.max())):
        f_hz = partial * f0_hz
        gain = np.ones(len(f0_hz))
        for centre, width in zip(formants, WIDTHS_HZ, strict=True):
            gain /= np.sqrt(((f_hz / centre) ** 2 - 1) ** 2 + (f_hz * width / centre**2) ** 2)
        voice += np.sqrt(gain) / partial * np.sin(partial * phase)
    fade = np.hanning(round(0.04 * RATE))
    return voice * np.convolve(f0_hz > 0, fade / fade.sum(), "same")


def melody_hz(notes: Iterable[Note], duration_s: float, vibrato: float = 0.3) -> Sound:
    """F0 of every sample: notes with a vibrato of so many semitones, 0 between them."""
    time_s = seconds(duration_s)
    f0_hz = np.zeros(len(time_s))
    for note in notes:
        inside = (time_s >= note.onset_s) & (time_s < note.offset_s)
        f0_hz[inside] = hz(note.pitch) * 2 ** (vibrato / 12 * np.sin(2 * np.pi * 5.5 * time_s[inside]))
    return f0_hz


def kick(pitch: float = 1.0) -> Sound:
    """A kick drum: a sine that falls to 50 Hz."""
    time_s = seconds(0.35)
    return np.exp(-time_s / 0.09) * np.sin(2 * np.pi * pitch * (50 * time_s - 6 * np.exp(-time_s / 0.03)))


def snare(rng: np.random.Generator, pitch: float = 1.0) -> Sound:
    """A snare drum: noise, and a skin of 190 Hz."""
    time_s = seconds(0.25)
    skin = np.exp(-time_s / 0.05) * np.sin(2 * np.pi * 190 * pitch * time_s)
    return skin + 0.5 * np.exp(-time_s / 0.06) * rng.standard_normal(len(time_s))


def hi_hat(rng: np.random.Generator, decay_s: float = 0.03) -> Sound:
    """A hi-hat: noise, the higher the louder."""
    time_s = seconds(0.15)
    return np.exp(-time_s / decay_s) * np.diff(rng.standard_normal(len(time_s) + 2), 2) / 2
