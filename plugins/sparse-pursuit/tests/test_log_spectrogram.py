"""Both ways of bringing spectra onto the logarithmic axis keep where partials lie and how high they are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sepkit_sparse_pursuit import LogAxis, Peaks, SparsePursuitConfig, find_peaks
from sepkit_sparse_pursuit.peaks import draw
from sepkit_sparse_pursuit.transform import Transform

RATE, WIDTH = 16_000, 6 / np.pi


def sine(hz: float, amplitude: float = 0.5, seconds: float = 0.4) -> np.ndarray:
    return (amplitude * np.sin(2 * np.pi * hz * np.arange(int(seconds * RATE)) / RATE)).astype(np.float32)


@given(low=st.floats(10, 500), octaves=st.floats(1, 8), position=st.floats(-50, 500))
def test_frequencies_and_positions_are_each_others_inverse(low: float, octaves: float, position: float) -> None:
    axis = LogAxis.between(low, low * 2**octaves, bins_per_octave=60)
    assert axis.position(axis.hz(position)) == pytest.approx(position, abs=1e-6)
    assert axis.bins_hz[-1] < low * 2**octaves * 1.02


@pytest.mark.parametrize("spectrogram", ["mel", "pursuit"])
@pytest.mark.parametrize("hz", [210.0, 1234.5])
def test_a_sine_is_a_gaussian_at_its_frequency(spectrogram: str, hz: float) -> None:
    config = SparsePursuitConfig(spectrogram=spectrogram, window_s=0.28, hop_s=0.02)
    transform = Transform.of(config, RATE)
    Y, scale = transform.log_spectra(sine(hz))
    middle = Y[len(Y) // 2]
    position = float(transform.axis.position(hz))
    assert abs(middle.argmax() - position) <= 0.6
    # A partial keeps its height: that of the linear spectrum, which falls between bins.
    assert middle.max() == pytest.approx(1, abs=0.1)
    assert scale > 0
    bins = np.arange(transform.axis.bins)
    expected = middle.max() * np.exp(-((bins - position) ** 2) / (2 * transform.width**2))
    assert np.abs(middle - expected).max() < 0.12


def test_louder_recordings_have_the_same_spectra() -> None:
    transform = Transform.of(SparsePursuitConfig(window_s=0.1, hop_s=0.01), RATE)
    quiet, loud = (transform.log_spectra(sine(500, amplitude)) for amplitude in (0.01, 0.64))
    np.testing.assert_allclose(quiet[0], loud[0], atol=1e-5)
    assert loud[1] / quiet[1] == pytest.approx(64, rel=1e-5)


@pytest.mark.parametrize("rate", [8_000, 44_100, 96_000])
def test_synthesis_gives_back_the_recording(rate: int) -> None:
    transform = Transform.of(SparsePursuitConfig(), rate)
    samples = np.random.default_rng(0).normal(0, 0.1, rate).astype(np.float32)
    error = transform.stft.inverse(transform.stft.forward(samples), len(samples)) - samples
    assert 20 * np.log10(np.linalg.norm(samples) / np.linalg.norm(error)) > 45


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_gaussians_that_are_apart_are_found_exactly(seed: int) -> None:
    rng = np.random.default_rng(seed)
    count, bins = 12, 400
    position = np.arange(count) * 30 + rng.uniform(15, 35, count)
    spectrum = np.repeat([0, 1], count // 2)
    true = Peaks(spectrum, rng.uniform(0.1, 1, count), position, rng.uniform(0.85, 1.4, count) * WIDTH)
    found = find_peaks(draw(true, (2, bins)), WIDTH, 100)
    loud = found[found.amplitude > 0.02]
    np.testing.assert_array_equal(loud.spectrum, spectrum)
    np.testing.assert_allclose(loud.position, position, atol=1e-2)
    np.testing.assert_allclose(loud.amplitude, true.amplitude, rtol=1e-2)
    np.testing.assert_allclose(loud.width, true.width, rtol=1e-2)


def test_two_gaussians_that_overlap_are_told_apart() -> None:
    true = Peaks(np.zeros(2, np.intp), np.array([1.0, 0.8]), np.array([50.3, 56.1]), np.full(2, WIDTH))
    found = find_peaks(draw(true, (1, 100)), WIDTH, 10)
    strongest = np.sort(np.argsort(-found.amplitude)[:2])
    np.testing.assert_allclose(found.position[strongest], [50.3, 56.1], atol=0.05)


def test_at_most_so_many_peaks_are_kept_and_silence_has_none() -> None:
    Y = np.abs(np.random.default_rng(0).normal(size=(3, 300)))
    Y[1] = 0
    peaks = find_peaks(Y, WIDTH, 7)
    np.testing.assert_array_equal(np.bincount(peaks.spectrum, minlength=3), [7, 0, 7])
    assert len(find_peaks(np.zeros((2, 50)), WIDTH, 5).spectrum) == 0


@pytest.mark.parametrize("spectrogram", ["mel", "pursuit"])
def test_the_axis_ends_where_the_recording_does(spectrogram: str) -> None:
    axis = Transform.of(SparsePursuitConfig(spectrogram=spectrogram), 8000).axis
    assert axis.bins_hz[0] == pytest.approx(50)
    assert axis.bins_hz[-1] == pytest.approx(4000, rel=0.03)


def test_low_partials_are_as_narrow_as_high_ones_and_as_high() -> None:
    """Longer windows see them: two that are a semitone apart are told apart at every pitch."""
    transform = Transform.of(SparsePursuitConfig(), RATE)
    assert len({layer.stft.window_length for layer in transform.layers}) == 3
    bins = np.arange(transform.axis.bins)
    for hz in (55.0, 82.0, 130.0, 190.0, 415.0, 2000.0):
        Y, _ = transform.log_spectra(sine(hz, seconds=3.0))
        spectrum = Y[len(Y) // 2]
        position = float(transform.axis.position(hz))
        expected = spectrum.max() * np.exp(-((bins - position) ** 2) / (2 * transform.width**2))
        assert spectrum.max() == pytest.approx(1, abs=0.1)
        assert np.abs(spectrum - expected).max() < 0.12


def test_windows_of_all_lengths_look_at_the_same_time() -> None:
    """A click is seen longest through the longest window, and in the middle of all at once."""
    transform = Transform.of(SparsePursuitConfig(), RATE)
    samples = np.zeros(4 * RATE, np.float32)
    samples[2 * RATE] = 1
    Y, _ = transform.log_spectra(samples)
    time = transform.stft.frames_s(len(samples), RATE)
    deviations = []
    for layer in transform.layers:
        energy = (Y[:, layer.part] ** 2).sum(axis=1)
        centre = (energy @ time) / energy.sum()
        assert centre == pytest.approx(2, abs=2e-3)
        deviations.append(np.sqrt(energy @ (time - centre) ** 2 / energy.sum()))
    np.testing.assert_allclose(deviations, deviations[-1] * np.array([4, 2, 1]), rtol=0.05)
