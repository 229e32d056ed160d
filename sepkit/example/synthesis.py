"""Instruments made of sines and noise: voices, strings, plucked strings, drums; for examples that need no files.

Melodic instruments are sums of partials over a continuous F0, which glides and wavers as a player's does; formants give
voices their vowels and strings their bodies. All are mono at `RATE`, and come out the same on every machine to within
rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from sepkit.music.note import Note

RATE = 22050
HIGHEST_HZ = 8000
"""Of partials."""

FORMANTS_HZ = {
    "a": (730, 1090, 2440),
    "e": (530, 1840, 2480),
    "i": (270, 2290, 3010),
    "o": (570, 840, 2410),
    "u": (300, 870, 2240),
}
"""The first three formants of vowels as men speak them, from Peterson and Barney (JASA, 1952)."""

Samples = NDArray[np.float64]
Weigh = Callable[[int, Samples], Samples]
"""The amplitude of a partial, by its number and its frequency in Hz at the control points."""


def f0_hz(notes: Sequence[Note], length: int, *, glide_s: float, vibrato_cents: float, rate_hz: float) -> Samples:
    """F0 over time of one player of a melody: the notes, glides between them, and vibrato that sets in late.

    Parameters
    ----------
    notes : sequence of Note
        One after the other.
    length : int
        In samples.
    glide_s, vibrato_cents, rate_hz : float
        How long a change of pitch takes, how far the vibrato goes to either side, and how often a second.

    Returns
    -------
    f0_hz : ndarray [shape=(length,)]
        Also between notes, where nothing sounds.
    """
    from scipy.ndimage import uniform_filter1d

    time_s = np.arange(length) / RATE
    onsets_s = np.array([note.onset_s for note in notes])
    current = np.maximum(0, np.searchsorted(onsets_s, time_s, side="right") - 1)
    pitch = uniform_filter1d(np.array([note.pitch for note in notes])[current], max(1, round(glide_s * RATE)))
    depth = vibrato_cents / 100 * np.clip((time_s - onsets_s[current] - 0.15) / 0.25, 0, 1)
    return np.asarray(440 * 2 ** ((pitch + depth * np.sin(2 * np.pi * rate_hz * time_s) - 69) / 12))


def loudness(notes: Sequence[Note], length: int, *, attack_s: float, release_s: float) -> Samples:
    """The envelope of a player who holds every note, up to 1."""
    time_s = np.arange(length) / RATE
    envelope = np.zeros(length)
    for note in notes:
        rise = np.clip((time_s - note.onset_s) / attack_s, 0, 1)
        fall = np.clip((note.offset_s - time_s) / release_s, 0, 1)
        np.maximum(envelope, note.velocity / 127 * np.minimum(rise, fall), out=envelope)
    return envelope


def control_points(length: int) -> NDArray[np.int64]:
    """The samples at which the loudness of partials is worked out, which changes slowly."""
    return np.unique(np.r_[0:length:32, length - 1])


def partials(f0: Samples, weigh: Weigh) -> Samples:
    """A sum of the partials below `HIGHEST_HZ`, each as loud as `weigh` says."""
    phase = 2 * np.pi * np.cumsum(f0) / RATE + 0.3
    # Partials by recurrence: sin(n x) = 2 cos(x) sin((n - 1) x) - sin((n - 2) x).
    twice, before, wave = 2 * np.cos(phase), np.zeros(len(f0)), np.sin(phase)
    coarse = control_points(len(f0))
    total = np.zeros(len(f0))
    for number in range(1, int(HIGHEST_HZ / f0.min()) + 1):
        frequency_hz = number * f0[coarse]
        amplitude = np.where(frequency_hz < HIGHEST_HZ, weigh(number, frequency_hz), 0)
        total += np.interp(np.arange(len(f0)), coarse, amplitude) * wave
        before, wave = wave, twice * wave - before
    return total


def resonance(centres_hz: Sequence[float | Samples], widths_hz: Sequence[float]) -> Callable[[Samples], Samples]:
    """The gain of resonances in parallel, over frequency in Hz; each is weaker than the one before."""

    def gain(frequency_hz: Samples) -> Samples:
        peaks = (
            0.6**order / (1 + ((frequency_hz - centre) / width) ** 2)
            for order, (centre, width) in enumerate(zip(centres_hz, widths_hz, strict=True))
        )
        return np.asarray(sum(peaks, np.zeros(len(frequency_hz))) + 0.02)

    return gain


def sung(notes: Sequence[Note], vowels: str, f0: Samples, *, stretch: float = 1.0) -> Samples:
    """A singer, with one vowel a note, over and over.

    Parameters
    ----------
    notes : sequence of Note
    vowels : str
        Of `FORMANTS_HZ`.
    f0 : ndarray [shape=(samples,)]
        As by `f0_hz`.
    stretch : float
        Of the formants: about 1.15 for women, whose vocal tracts are shorter.
    """
    from scipy.ndimage import uniform_filter1d

    onsets = np.array([round(note.onset_s * RATE) for note in notes])
    current = np.maximum(0, np.searchsorted(onsets, np.arange(len(f0)), side="right") - 1)
    table = stretch * np.array([FORMANTS_HZ[vowels[number % len(vowels)]] for number in range(len(notes))], float)
    points = control_points(len(f0))
    moving = [uniform_filter1d(column[current], round(0.08 * RATE))[points] for column in table.T]
    gain = resonance(moving, (90, 110, 170))
    return loudness(notes, len(f0), attack_s=0.06, release_s=0.09) * partials(f0, lambda n, f: gain(f) / n**0.8)


def bowed(notes: Sequence[Note], f0: Samples, body_hz: Sequence[float]) -> Samples:
    """A string under a bow: all partials, through the resonances of a body."""
    gain = resonance(body_hz, [0.4 * centre for centre in body_hz])
    return loudness(notes, len(f0), attack_s=0.05, release_s=0.06) * partials(f0, lambda n, f: gain(f) / n)


def plucked(notes: Sequence[Note], length: int, decay_s: float = 0.9) -> Samples:
    """Strings that are plucked and ring on; higher partials die sooner, and stiffness sharpens them."""
    total = np.zeros(length)
    for note in notes:
        first = round(note.onset_s * RATE)
        time_s = np.arange(min(length - first, round((note.offset_s - note.onset_s + 0.25) * RATE))) / RATE
        damped = np.clip((time_s[-1] - time_s) / 0.2, 0, 1) * np.clip(time_s / 0.003, 0, 1) * note.velocity / 127
        base_hz = 440 * 2 ** ((note.pitch - 69) / 12)
        for number in range(1, 16):
            frequency_hz = number * base_hz * np.sqrt(1 + 2e-4 * number**2)
            # Plucked at a fifth of its length, where every fifth partial has a node.
            amplitude = np.sin(np.pi * number / 5) / number * np.exp(-time_s / decay_s * (1 + 0.25 * number))
            if frequency_hz < HIGHEST_HZ:
                total[first : first + len(time_s)] += damped * amplitude * np.sin(2 * np.pi * frequency_hz * time_s)
    return total


def struck(notes: Sequence[Note], drum: str, length: int, rng: np.random.Generator) -> Samples:
    """A ``"kick"``, ``"snare"`` or ``"hi-hat"``; no stroke is the one before it."""
    from scipy.signal import butter, sosfilt

    time_s = np.arange(round(0.35 * RATE)) / RATE
    total = np.zeros(length + len(time_s))
    for note in notes:
        noise = rng.normal(0, 1, len(time_s))
        if drum == "kick":
            sweep = 2 * np.pi * np.cumsum(52 + 90 * np.exp(-time_s / 0.03)) / RATE
            stroke = np.sin(sweep) * np.exp(-time_s / 0.11) + 0.04 * noise * np.exp(-time_s / 0.004)
        elif drum == "snare":
            wires = sosfilt(butter(2, (1500, 7000), "bandpass", fs=RATE, output="sos"), noise)
            heads = np.sin(2 * np.pi * 185 * time_s) + 0.6 * np.sin(2 * np.pi * 330 * time_s)
            stroke = 0.5 * wires * np.exp(-time_s / 0.07) + 0.5 * heads * np.exp(-time_s / 0.05)
        else:
            stroke = 0.35 * sosfilt(butter(4, 6500, "highpass", fs=RATE, output="sos"), noise) * np.exp(-time_s / 0.035)
        first = round(note.onset_s * RATE)
        total[first : first + len(time_s)] += note.velocity / 127 * stroke
    return total[:length]


def in_a_room(sound: Samples, rng: np.random.Generator, *, seconds: float = 0.5, wet: float = 0.12) -> Samples:
    """The sound with the reverberation of a small room, as long as before."""
    from scipy.signal import fftconvolve

    time_s = np.arange(round(seconds * RATE)) / RATE
    tail = rng.normal(0, 1, len(time_s)) * np.exp(-6.9 * time_s / seconds)
    tail /= np.linalg.norm(tail)
    return np.asarray(sound + wet * fftconvolve(sound, tail)[: len(sound)])
