"""Places in stereo: panned and delayed sources are found where they are, and come apart."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray

import sepkit
from sepkit import Audio
from sepkit.errors import MismatchError
from sepkit.spectral import STFT
from sepkit_classical import similarity
from sepkit_classical.config import DUETConfig
from sepkit_classical.duet import peaks, place_histogram
from sepkit_classical.projet import panning_change, projections_and_kernel, spectra_change

Array = NDArray[np.floating]

RATE = 16000


def voices(count: int, seconds: float = 3.0) -> Array:
    """Melodies of short tones at places of their own in time and frequency [shape=(count, samples)]."""
    rng, length = np.random.default_rng(0), round(0.2 * RATE)
    time_s = np.arange(length) / RATE
    sung = np.zeros((count, round(seconds * RATE)))
    for voice, start in itertools.product(sung, range(0, sung.shape[1] - length, length)):
        f0_hz = rng.uniform(150, 700)
        tone = sum(np.sin(2 * np.pi * k * f0_hz * time_s + rng.uniform(0, 6)) / k for k in range(1, 9))
        voice[start : start + length] = 0.1 * np.sin(np.pi * time_s / 0.2) * tone
    return sung


def delayed(samples: Array, delay_s: float) -> Array:
    spectrum = np.fft.rfft(samples)
    turns = np.fft.rfftfreq(len(samples), 1 / RATE) * delay_s
    return np.fft.irfft(spectrum * np.exp(-2j * np.pi * turns), len(samples))


def sdr_db(estimate: Array, truth: Array) -> float:
    return float(10 * np.log10(np.square(truth).sum() / np.square(estimate - truth).sum()))


class TestDUET:
    PLACES = ((0.5, 2e-5), (0.9, -3e-5), (1.7, 5e-5))

    def images(self) -> Array:
        heard = zip(voices(3), self.PLACES, strict=True)
        return np.stack([np.stack([one, level * delayed(one, delay_s)]) for one, (level, delay_s) in heard])

    def test_finds_known_delays_and_gains(self) -> None:
        stft, config = STFT(1024, 256), DUETConfig()
        left, right = stft.forward(self.images().sum(axis=0))
        histogram = place_histogram(left, right, 2 * np.pi * stft.bins_hz(RATE), config)
        for found, true in zip(peaks(histogram, 3, config), self.PLACES, strict=True):
            assert found[0] == pytest.approx(true[0], rel=0.05)
            assert found[1] == pytest.approx(true[1], abs=3e-6)

    @pytest.mark.parametrize("mask", ["binary", "soft"])
    def test_takes_them_apart(self, mask: str) -> None:
        images = self.images().astype(np.float32)
        stems = sepkit.separate(
            Audio(images.sum(axis=0), RATE), "duet", sources=["a", "b", "c"], config={"window_s": 0.064, "mask": mask}
        )
        for image, stem in zip(images, stems.values(), strict=True):
            assert sdr_db(stem.samples, image) > 5

    def test_tells_of_places_that_are_not_there(self) -> None:
        image = self.images()[0].astype(np.float32)
        result = sepkit.separate(Audio(image, RATE), "duet", config={"count": 4})
        assert any("has places for 1 of 4 sources" in remark for remark in result.provenance.remarks)


class TestPROJET:
    def test_takes_panned_sources_apart(self) -> None:
        angles = np.array([0.15, 0.8, 1.4])
        images = np.stack([np.cos(angles), np.sin(angles)], axis=1)[:, :, np.newaxis] * voices(3)[:, np.newaxis]
        mixture = Audio(images.sum(axis=0).astype(np.float32), RATE)
        stems = sepkit.separate(mixture, "projet", sources=["a", "b", "c"], config={"window_s": 0.064})
        for image, stem in zip(images, stems.values(), strict=True):
            assert sdr_db(stem.samples, image) > 5

    def test_projections_see_nothing_of_what_is_across(self) -> None:
        rows, kernel = projections_and_kernel(8, 17, 1.0)
        panned = np.pi / 2 * np.arange(17) / 16
        assert kernel == pytest.approx(np.abs(rows @ np.stack([np.cos(panned), np.sin(panned)])), abs=1e-6)
        assert kernel[6].argmin() == 8
        assert kernel[6].min() == pytest.approx(0, abs=1e-6)

    def test_updates_never_raise_the_divergence(self) -> None:
        rng = np.random.default_rng(0)
        V, P, Q = rng.random((7, 200)) + 0.01, rng.random((3, 200)), rng.random((9, 3))
        _, kernel = projections_and_kernel(7, 9, 1.0)

        def divergence() -> float:
            model = kernel @ Q @ P
            return float(np.sum(V * np.log(V / model) - V + model))

        costs = [divergence()]
        for _ in range(20):
            P *= spectra_change(V, P, kernel @ Q)
            costs.append(divergence())
            Q *= panning_change(V, P, kernel, Q)
            costs.append(divergence())
        assert (np.diff(costs) < 1e-9).all()


class TestCentre:
    def test_what_is_alike_is_in_the_centre(self) -> None:
        one, other = np.random.default_rng(0).standard_normal((2, 4, 5, 2)) @ [1, 1j]
        assert similarity(one, one) == pytest.approx(1)
        assert not similarity(one, -one).any()
        assert not similarity(one, 0 * other).any()
        assert similarity(one, 1j * one) == pytest.approx(0, abs=1e-12)

    def test_takes_the_middle_out(self) -> None:
        middle, left = voices(2)
        images = np.stack([[middle, middle], [left, 0 * left]]).astype(np.float32)
        stems = sepkit.separate(Audio(images.sum(axis=0), RATE), "centre", config={"exponent": 2})
        assert sdr_db(stems["centre"].samples, images[0]) > 8


@pytest.mark.parametrize("method", ["centre", "duet", "projet"])
class TestWithoutStereo:
    @pytest.mark.parametrize("channels", [1, 3, 6])
    def test_is_refused_with_the_methods_that_can_take_it(self, method: str, channels: int) -> None:
        mixture = Audio(np.random.default_rng(0).standard_normal((channels, 100)).astype(np.float32), RATE)
        with pytest.raises(MismatchError, match=r"it needs stereo: the mixture does not have two channels.*rpca"):
            sepkit.separate(mixture, method)

    @pytest.mark.parametrize("silent", ["left", "right"])
    def test_a_silent_channel_is_told(self, method: str, silent: str) -> None:
        samples = np.tile(voices(1, 0.5), (2, 1)).astype(np.float32)
        samples[("left", "right").index(silent)] = 0
        remarks = sepkit.separate(Audio(samples, RATE), method).provenance.remarks
        assert any(f"the {silent} channel is silent" in remark for remark in remarks)

    def test_one_channel_twice_is_told(self, method: str) -> None:
        samples = np.tile(voices(1, 0.5), (2, 1)).astype(np.float32)
        remarks = sepkit.separate(Audio(samples, RATE), method).provenance.remarks
        assert any("both channels are the same" in remark for remark in remarks)
