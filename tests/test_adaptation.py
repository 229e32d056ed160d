from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np
import pytest

from sepkit import Audio, Cancelled, Progress, Run
from sepkit.solving.adaptation import Adaptation, wiener_filter

NoiseOf = Callable[..., Audio]


def adaptation(mixture: Audio, **wanted: int) -> Adaptation:
    return Adaptation.between(mixture, wanted.get("sample_rate"), wanted.get("channels"))


class TestAdaptation:
    def test_of_what_fits_is_nothing(self, noise: NoiseOf) -> None:
        mixture = noise(2)
        nothing = adaptation(mixture, channels=2, sample_rate=8000)
        assert nothing.steps == adaptation(mixture).steps == ()
        assert nothing.adapted() is mixture
        stems = {"a": noise(2, seed=1)}
        assert nothing.restored(stems, Run())["a"] is stems["a"]

    @pytest.mark.parametrize("channels", [1, 2, 5])
    @pytest.mark.parametrize("wanted", [1, 2])
    @pytest.mark.parametrize("rate", [8000, 16000, 44100])
    def test_fits_the_method_and_comes_back(self, noise: NoiseOf, channels: int, wanted: int, rate: int) -> None:
        mixture = noise(channels, 3001)
        way = adaptation(mixture, channels=wanted, sample_rate=rate)
        adapted = way.adapted()
        assert (adapted.channels, adapted.sample_rate) == (wanted, rate)
        (stem,) = way.restored({"a": adapted}, Run()).values()
        assert (stem.samples.shape, stem.sample_rate) == (mixture.samples.shape, mixture.sample_rate)

    def test_says_what_it_does(self, noise: NoiseOf) -> None:
        steps = adaptation(noise(2), channels=1, sample_rate=16000).steps
        assert len(steps) == 2
        assert "2 channels to 1" in steps[0]
        assert "Wiener" in steps[0]
        assert steps[1] == "8000 Hz to 16000 Hz and back"
        assert adaptation(noise(1), channels=2).steps == ("1 channels to 2",)

    def test_mono_for_a_stereo_method_goes_to_both_channels(self, noise: NoiseOf) -> None:
        mixture = noise(1)
        adapted = adaptation(mixture, channels=2).adapted()
        np.testing.assert_array_equal(adapted.samples, np.repeat(mixture.samples, 2, axis=0))


class TestWienerFilter:
    def test_shares_of_the_mixdown_stay_shares_of_every_channel(self, noise: NoiseOf) -> None:
        mixture = noise(2)
        mono = mixture.mixdown()
        stems = {name: Audio(gain * mono.samples, 8000) for name, gain in (("a", 0.2), ("b", 0.5))}
        filtered = wiener_filter(mixture, mixture.mixdown(), stems, Run())
        for name, gain in (("a", 0.2), ("b", 0.5)):
            np.testing.assert_allclose(filtered[name].samples, gain * mixture.samples, atol=1e-5)

    def test_sources_apart_in_frequency_keep_their_channel(self) -> None:
        time_s = np.arange(8000) / 8000
        low, high = np.sin(2 * np.pi * 300 * time_s), np.sin(2 * np.pi * 2500 * time_s)
        mixture = Audio(np.stack([low, high]), 8000)
        stems = {"low": Audio(low[np.newaxis] / 2, 8000), "high": Audio(high[np.newaxis] / 2, 8000)}
        filtered = wiener_filter(mixture, mixture.mixdown(), stems, Run())
        inner = slice(500, -500)
        np.testing.assert_allclose(filtered["low"].samples[:, inner], [low[inner], 0 * low[inner]], atol=1e-2)
        np.testing.assert_allclose(filtered["high"].samples[:, inner], [0 * low[inner], high[inner]], atol=1e-2)

    def test_forces_nothing_on_silent_stems(self, noise: NoiseOf) -> None:
        silence = Audio(np.zeros((1, 4000)), 8000)
        filtered = wiener_filter(noise(2), noise(2).mixdown(), {"a": silence}, Run())
        np.testing.assert_array_equal(filtered["a"].samples, 0)

    def test_silent_mixdown_survives(self, noise: NoiseOf) -> None:
        left = noise(1).samples
        silence = Audio(np.zeros((1, 4000)), 8000)
        mixture = Audio(np.concatenate([left, -left]), 8000)
        filtered = wiener_filter(mixture, mixture.mixdown(), {"a": silence, "b": silence}, Run())
        assert all(np.isfinite(stem.samples).all() for stem in filtered.values())

    def test_reports_and_can_be_cancelled(self, noise: NoiseOf) -> None:
        reports: list[Progress] = []
        wiener_filter(noise(2), noise(2).mixdown(), {"a": noise(1)}, Run(reporter=reports.append))
        assert {report.stage for report in reports} == {"filter all channels"}
        cancel = threading.Event()
        cancel.set()
        with pytest.raises(Cancelled):
            wiener_filter(noise(2), noise(2).mixdown(), {"a": noise(1)}, Run(cancel=cancel))


class TestCancellingChannels:
    def test_what_cancels_in_the_mean_is_separated_all_the_same(self, noise: NoiseOf) -> None:
        one = noise().samples[0]
        way = adaptation(Audio(np.stack([one, -one]), 8000), channels=1)
        downmix = way.adapted()
        np.testing.assert_allclose(np.abs(downmix.samples[0]), np.abs(one), atol=1e-6)
        assert "first principal component" in way.steps[0]
        assert len(way.remarks) == 1
        (stem,) = way.restored({"all": downmix}, Run()).values()
        np.testing.assert_allclose(stem.samples, [one, -one], atol=1e-4)

    def test_references_are_mixed_down_alike(self, noise: NoiseOf) -> None:
        one = noise().samples[0]
        way = adaptation(Audio(np.stack([one, -one]), 8000), channels=1)
        reference = way.alike(Audio(np.stack([one / 2, -one / 2]), 8000))
        np.testing.assert_allclose(reference.samples, way.adapted().samples / 2, atol=1e-6)

    def test_channels_that_do_not_cancel_are_averaged(self, noise: NoiseOf) -> None:
        way = adaptation(noise(2), channels=1)
        np.testing.assert_array_equal(way.adapted().samples, noise(2).mixdown().samples)
        assert way.remarks == ()


class TestBandAbove:
    RATE, WORKS_AT = 32000, 8000

    @pytest.fixture
    def way(self) -> Adaptation:
        """One source in each half, both with the same sound above what the method hears."""
        times_s = np.arange(2 * self.RATE) / self.RATE
        first = times_s < 1
        below = np.where(first, np.sin(2 * np.pi * 2500 * times_s), np.sin(2 * np.pi * 3300 * times_s))
        above = 0.5 * np.sin(2 * np.pi * 9000 * times_s)
        return adaptation(Audio((0.4 * (below + above))[np.newaxis], self.RATE), sample_rate=self.WORKS_AT)

    def stems(self, way: Adaptation, found: float = 1.0) -> dict[str, Audio]:
        """The halves, or a part of what they are."""
        heard = way.adapted().samples
        first = np.arange(heard.shape[1]) < self.WORKS_AT
        return {"a": Audio(found * heard * first, self.WORKS_AT), "b": Audio(found * heard * ~first, self.WORKS_AT)}

    def test_goes_to_who_sounds_in_the_octave_below(self, way: Adaptation) -> None:
        restored = way.restored(self.stems(way), Run())
        middle = slice(self.RATE // 5, 4 * self.RATE // 5)
        np.testing.assert_allclose(restored["a"].samples[:, middle], way.mixture.samples[:, middle], atol=0.02)
        assert np.abs(restored["b"].samples[:, middle]).max() < 0.02

    def test_what_nobody_found_below_is_nobodys_above(self, way: Adaptation) -> None:
        half = way.restored(self.stems(way, found=0.5), Run())
        silent = way.restored(self.stems(way, found=0.0), Run())
        middle = slice(self.RATE // 5, 4 * self.RATE // 5)
        np.testing.assert_allclose(half["a"].samples[:, middle], way.mixture.samples[:, middle] / 2, atol=0.02)
        assert np.abs(silent["a"].samples).max() < 0.02

    def test_is_remarked(self, way: Adaptation) -> None:
        (remark,) = way.remarks
        assert "works at 8000 Hz" in remark
        assert "from 2000 to 4000 Hz" in remark
