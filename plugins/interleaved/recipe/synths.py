"""Drum machines and synthesisers, every one drawn: electronic music is not made of recordings of instruments.

References
----------
Välimäki and Huovilainen, "Antialiasing oscillators in subtractive synthesis", IEEE Signal Processing Magazine 24(2),
2007 (the rounded corners of `_sawtooth`).
Chowning, "The synthesis of complex audio spectra by means of frequency modulation", JAES 21(7), 1973.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pretty_midi
from numpy.typing import NDArray
from parts import CLAP, CLOSED, CRASH, KICK, OPEN, PEDAL, RIDE, RIM, SHAKER, SNARE, TAMBOURINE, TOMS
from scipy.signal import butter, sosfilt

Rng = np.random.Generator
Signal = NDArray[np.float32]
_Values = NDArray[np.float64]
RATE = 44100
DECAY_S = {CLOSED: (0.02, 0.08), PEDAL: (0.02, 0.08), OPEN: (0.15, 0.5), RIDE: (0.2, 0.8), CRASH: (0.6, 1.5)}
"""How long what hisses takes to fall by 60 dB, from the shortest to the longest."""


def perform(instrument: pretty_midi.Instrument, rng: Rng) -> Signal:
    """What a machine plays of a part, one that is drawn for it [shape=(2, samples)]."""
    if instrument.is_drum:
        machine: DrumMachine | Synthesizer = DrumMachine(rng)
    else:
        machine = Synthesizer.draw(rng, low=instrument.name.startswith("bass"))
    signal = np.zeros(round((instrument.get_end_time() + 2) * RATE))
    for note in instrument.notes:
        sound = machine.sound(note.pitch, note.end - note.start) * (note.velocity / 127) ** 1.5
        start = round(note.start * RATE)
        signal[start : start + len(sound)] += sound[: len(signal) - start]
    return np.stack([signal, signal]).astype(np.float32)


class DrumMachine:
    """A drum machine: every pad sounds the same whenever it is struck.

    Parameters
    ----------
    rng : numpy.random.Generator
        The pads are drawn as they are struck for the first time.
    """

    def __init__(self, rng: Rng) -> None:
        self._rng = rng
        self._pads: dict[int, _Values] = {}

    def sound(self, pitch: int, seconds: float) -> _Values:
        """What a pad sounds like; how long it is held says nothing."""
        del seconds
        if pitch not in self._pads:
            sound = self._struck(pitch)
            self._pads[pitch] = sound / np.abs(sound).max()
        return self._pads[pitch] * (1.0 if pitch in (KICK, SNARE, CLAP) else 0.5)

    def _struck(self, pitch: int) -> _Values:
        rng = self._rng
        if pitch == KICK:
            return _falling(rng, rng.uniform(38, 65), rng.uniform(2, 9), rng.uniform(0.12, 0.9))
        if pitch == SNARE:
            body = _falling(rng, rng.uniform(150, 240), 1.5, rng.uniform(0.05, 0.2))
            rattle = _hiss(rng, rng.uniform(700, 3000), rng.uniform(0.08, 0.35))
            return _sum(body * rng.uniform(0.3, 1.0), rattle)
        if pitch == CLAP:
            one = _hiss(rng, rng.uniform(800, 1500), 0.03)
            hands = [np.pad(one, (round(late * RATE), 0)) for late in np.cumsum(rng.uniform(0.006, 0.014, 3))]
            return _sum(*hands, np.pad(_hiss(rng, 1000, rng.uniform(0.1, 0.4)), (round(0.03 * RATE), 0)))
        if pitch in TOMS:
            return _falling(rng, 70 * 1.25 ** TOMS[::-1].index(pitch), 2.0, rng.uniform(0.15, 0.5))
        if pitch in DECAY_S:
            decay_s = float(rng.uniform(*DECAY_S[pitch]))
            hiss = _hiss(rng, rng.uniform(4000, 8000), decay_s)
            return hiss if rng.random() < 0.5 else _sum(0.4 * hiss, _metal(rng, decay_s))
        if pitch in (SHAKER, TAMBOURINE):
            return _hiss(rng, rng.uniform(3000, 7000), rng.uniform(0.04, 0.15))
        if pitch == RIM or rng.random() < 0.5:
            return _falling(rng, rng.uniform(400, 1800), 1.2, rng.uniform(0.02, 0.1))
        return _metal(rng, rng.uniform(0.03, 0.2))


@dataclass(frozen=True)
class Synthesizer:
    """Oscillators, a filter that closes again after every stroke, and a gain that does.

    Attributes
    ----------
    waves : list of str
        Of the oscillators: ``sawtooth``, ``square``, ``sine`` or ``fm``.
    detuned : list of float
        By which each is out of tune, as a factor of its frequency.
    dark_hz, bright_hz : float
        Where the filter closes, when nothing has been struck for long and when something just was.
    attack_s, decay_s, release_s : float
        Of the gain, and the second of the filter too.
    sustain : float
        What the gain decays to.
    order : int
        Of the filter.
    """

    waves: list[str]
    detuned: list[float]
    dark_hz: float
    bright_hz: float
    attack_s: float
    decay_s: float
    release_s: float
    sustain: float
    order: int
    _filters: list[NDArray[np.float64]] = field(init=False)

    def __post_init__(self) -> None:
        filters = [
            butter(self.order, min(hz, 0.45 * RATE), fs=RATE, output="sos") for hz in (self.dark_hz, self.bright_hz)
        ]
        object.__setattr__(self, "_filters", filters)

    @classmethod
    def draw(cls, rng: Rng, *, low: bool) -> Synthesizer:
        """Any synthesiser; a `low` one has fewer voices, and a darker filter."""
        kinds = ["sawtooth", "square", "sine", "fm"]
        count = int(rng.choice([1, 1, 2] if low else [1, 2, 3]))
        waves = [str(wave) for wave in rng.choice(kinds, count, p=[0.35, 0.2, 0.25, 0.2])]
        octave = [float(factor) for factor in rng.choice([1, 1, 2, 0.5], count)]
        octave[0] = 1.0
        dark_hz = float(np.exp(rng.uniform(np.log(120 if low else 400), np.log(900 if low else 4000))))
        return cls(
            waves=waves,
            detuned=[factor * float(np.exp(rng.normal(0, 0.004))) for factor in octave],
            dark_hz=dark_hz,
            bright_hz=dark_hz * float(np.exp(rng.uniform(0, 3))),
            attack_s=float(np.exp(rng.uniform(np.log(0.001), np.log(0.02 if low else 0.2)))),
            decay_s=float(np.exp(rng.uniform(np.log(0.05), np.log(0.8)))),
            release_s=float(rng.uniform(0.02, 0.1 if low else 0.4)),
            sustain=float(rng.uniform(0.1, 1.0)),
            order=int(rng.choice([2, 4])),
        )

    def sound(self, pitch: int, seconds: float) -> _Values:
        """A note that is held for so long."""
        held = round(seconds * RATE)
        time = np.arange(held + round(self.release_s * RATE)) / RATE
        f0_hz = 440 * 2 ** ((pitch - 69) / 12)
        struck = np.exp(-time / self.decay_s)
        raw = sum(_wave(wave, f0_hz * out, time, struck) for wave, out in zip(self.waves, self.detuned, strict=True))
        dark, bright = (sosfilt(own, raw) for own in self._filters)
        gain = np.minimum(1, time / self.attack_s) * (self.sustain + (1 - self.sustain) * struck)
        gain[held:] *= np.linspace(1, 0, len(time) - held)
        voiced: _Values = gain * (dark + struck * (bright - dark)) / len(self.waves)
        return voiced


def _wave(kind: str, f0_hz: float, time: _Values, struck: _Values) -> _Values:
    if kind == "sine":
        return np.sin(2 * np.pi * f0_hz * time)
    if kind == "fm":
        return np.sin(2 * np.pi * f0_hz * time + 3 * struck * np.sin(2 * np.pi * 2 * f0_hz * time))
    step = f0_hz / RATE
    phase = (f0_hz * time) % 1
    if kind == "sawtooth":
        return _sawtooth(phase, step)
    return _sawtooth(phase, step) - _sawtooth((phase + 0.5) % 1, step)


def _sawtooth(phase: _Values, step: float) -> _Values:
    """From -1 to 1 as the phase goes from 0 to 1, its corners rounded against aliases."""
    wave = 2 * phase - 1
    after, before = phase < step, phase > 1 - step
    wave[after] -= 2 * phase[after] / step - (phase[after] / step) ** 2 - 1
    wave[before] -= ((phase[before] - 1) / step + 1) ** 2
    return wave


def _falling(rng: Rng, f0_hz: float, times: float, decay_s: float) -> _Values:
    """A sine that falls to `f0_hz` from so many times that, and dies away; sometimes with a click."""
    time = np.arange(round(1.2 * decay_s * RATE)) / RATE
    sweep_s = float(rng.uniform(0.01, 0.05))
    phase = f0_hz * (time + (times - 1) * sweep_s * (1 - np.exp(-time / sweep_s)))
    tone = np.sin(2 * np.pi * phase) * 10 ** (-3 * time / decay_s)
    click = _hiss(rng, 1000, 0.01) * rng.uniform(0, 0.5)
    driven = np.tanh(rng.uniform(0.5, 4) * tone)
    return _sum(driven, click)


def _hiss(rng: Rng, above_hz: float, decay_s: float) -> _Values:
    """Noise above a frequency that dies away."""
    time = np.arange(round(1.2 * decay_s * RATE)) / RATE
    noise = sosfilt(butter(2, above_hz, "highpass", fs=RATE, output="sos"), rng.standard_normal(len(time)))
    hiss: _Values = noise * 10 ** (-3 * time / decay_s) / 4
    return hiss


def _metal(rng: Rng, decay_s: float) -> _Values:
    """Six squares out of tune, from which a drum machine of 1980 made its cymbals."""
    time = np.arange(round(1.2 * decay_s * RATE)) / RATE
    tones = sum(np.sign(np.sin(2 * np.pi * hz * time)) for hz in rng.uniform(300, 1100, 6))
    bright = sosfilt(butter(2, rng.uniform(3000, 7000), "highpass", fs=RATE, output="sos"), tones)
    metal: _Values = bright * 10 ** (-3 * time / decay_s) / 6
    return metal


def _sum(*sounds: _Values) -> _Values:
    length = max(map(len, sounds))
    return np.sum([np.pad(sound, (0, length - len(sound))) for sound in sounds], axis=0)
