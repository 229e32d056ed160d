from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from sepkit import Audio
from sepkit.evaluation.sdr import ideal_ratio_mask, sdr

NoiseOf = Callable[..., Audio]


def scaled(audio: Audio, gain: float) -> Audio:
    return Audio(audio.samples.astype(np.float64) * gain, audio.sample_rate)


class TestSdr:
    @pytest.mark.parametrize(("gain", "wanted_db"), [(0.5, 6.0206), (0.9, 20.0), (0.0, 0.0), (-1.0, -6.0206), (2, 0.0)])
    def test_of_a_scaled_reference(self, noise: NoiseOf, gain: float, wanted_db: float) -> None:
        reference = noise(2)
        assert sdr(reference, scaled(reference, gain)) == pytest.approx(wanted_db, abs=1e-3)

    def test_of_noise_at_a_known_level(self) -> None:
        reference = Audio(np.ones((1, 100)), 8000)
        estimate = Audio(np.ones((1, 100)) + np.tile([0.1, -0.1], 50), 8000)
        assert sdr(reference, estimate) == pytest.approx(20, abs=1e-3)

    def test_does_not_depend_on_the_level_of_both(self, noise: NoiseOf) -> None:
        reference, estimate = noise(2), noise(2, seed=1)
        wanted = sdr(reference, estimate)
        for gain in (1e-10, 1e10):
            assert sdr(scaled(reference, gain), scaled(estimate, gain)) == pytest.approx(wanted, abs=1e-4)

    def test_of_a_perfect_estimate_is_infinite(self, noise: NoiseOf) -> None:
        assert sdr(noise(), noise()) == math.inf

    def test_of_silence_is_undefined(self, noise: NoiseOf) -> None:
        silence = Audio(np.zeros((1, 4000)), 8000)
        assert math.isnan(sdr(silence, noise()))
        assert math.isnan(sdr(silence, silence))

    def test_needs_equal_shapes_and_rates(self, noise: NoiseOf) -> None:
        for other in (noise(2), noise(1, 3999), noise(1, 4000, 8001)):
            with pytest.raises(ValueError, match="same shape and rate"):
                sdr(noise(1), other)


class TestIdealRatioMask:
    @pytest.fixture
    def stems(self) -> dict[str, Audio]:
        """Two gliding tones and noise, in stereo."""
        time_s = np.arange(16000) / 8000
        up, down = np.sin(2 * np.pi * (300 + 200 * time_s) * time_s), np.sin(2 * np.pi * (2500 - 300 * time_s) * time_s)
        hiss = 0.1 * np.random.default_rng(0).standard_normal(16000)
        return {
            "up": Audio(np.stack([up, 0.5 * up]), 8000),
            "down": Audio(np.stack([0.3 * down, down]), 8000),
            "hiss": Audio(np.stack([hiss, hiss]), 8000),
        }

    @pytest.fixture
    def mixture(self, stems: dict[str, Audio]) -> Audio:
        return Audio(sum(stem.samples for stem in stems.values()), 8000)  # type: ignore[arg-type]

    @pytest.mark.parametrize("exponent", [1.0, 2.0])
    def test_beats_the_mixture(self, mixture: Audio, stems: dict[str, Audio], exponent: float) -> None:
        estimates = ideal_ratio_mask(mixture, stems, exponent)
        for name, stem in stems.items():
            assert sdr(stem, estimates[name]) > sdr(stem, mixture) + 5

    def test_sums_to_the_mixture_where_the_stems_sound(self, mixture: Audio, stems: dict[str, Audio]) -> None:
        estimates = ideal_ratio_mask(mixture, stems)
        assert list(estimates) == list(stems)
        total = np.sum([estimate.samples for estimate in estimates.values()], axis=0)
        np.testing.assert_allclose(total, mixture.samples, atol=1e-5)

    def test_of_a_silent_stem_is_silence(self, mixture: Audio, stems: dict[str, Audio]) -> None:
        silence = Audio(np.zeros((2, 16000)), 8000)
        np.testing.assert_array_equal(ideal_ratio_mask(mixture, {**stems, "none": silence})["none"].samples, 0)
