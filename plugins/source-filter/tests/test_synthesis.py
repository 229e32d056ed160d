"""Oscillators and noise."""

from __future__ import annotations

import numpy as np
import pytest

from sepkit.spectral import STFT
from sepkit_source_filter.synthesis import harmonic_sound, noise_sound

RATE = 16000
BINS_HZ = np.linspace(0, 8000, 1025)


def sound(f0_hz: np.ndarray, duration_s: float) -> tuple[np.ndarray, np.ndarray]:
    times_s = np.linspace(0, duration_s, len(f0_hz))
    frames_s = np.linspace(0, duration_s, 50)
    flat = np.ones((50, 1025))
    return harmonic_sound(times_s, f0_hz, frames_s, BINS_HZ, flat, np.ones(1), round(duration_s * RATE), RATE)


def test_partials_stay_exact_for_half_a_minute() -> None:
    f0_hz, duration_s = 441.3, 30.0
    samples, phases = sound(np.full(100, f0_hz), duration_s)
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)), 8 * len(samples)))
    for number in (1, 5, 18):
        near = round(number * f0_hz * 8 * duration_s)
        peak = (near - 40 + spectrum[near - 40 : near + 40].argmax()) / (8 * duration_s)
        assert peak == pytest.approx(number * f0_hz, abs=0.01 * number)
    truth = 2 * np.pi * f0_hz * (len(samples) - 1) / RATE
    assert abs(18 * (phases[-1] - truth)) < 0.02


def test_partials_keep_their_strengths_at_another_pitch() -> None:
    times_s = np.linspace(0, 1, 11)
    odd = np.array([1.0, 0.0, 0.5, 0.0])
    for f0_hz in (200.0, 300.0):
        found = harmonic_sound(times_s, np.full(11, f0_hz), times_s, BINS_HZ, np.ones((11, 1025)), odd, RATE, RATE)[0]
        spectrum = np.abs(np.fft.rfft(found)) / (RATE / 2)
        np.testing.assert_allclose(spectrum[[round(k * f0_hz) for k in (1, 2, 3, 4, 5)]], [1, 0, 0.5, 0, 0], atol=1e-3)


def test_nothing_sounds_above_half_the_rate_nor_unvoiced() -> None:
    samples, _ = sound(np.full(10, 3000.0), 1.0)
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    assert spectrum[6100:].max() < 1e-3 * spectrum.max()
    half, _ = sound(np.where(np.arange(100) < 50, 220.0, np.nan), 2.0)
    assert np.abs(half[round(1.1 * RATE) :]).max() < 1e-6
    silent, _ = sound(np.full(10, np.nan), 1.0)
    assert not silent.any()


def test_noise_has_its_magnitudes() -> None:
    stft = STFT(512, 128)
    length = 40 * RATE
    wanted = np.ones((stft.frames(length), 200)) * np.linspace(1, 3, 200)
    samples = noise_sound(wanted, stft, length, np.random.default_rng(0))
    found = stft.magnitude(samples.astype(np.float32)).mean(axis=1)
    np.testing.assert_allclose(found[5:195], wanted[0][5:195], rtol=0.1)
    assert found[210:].max() < 0.2
