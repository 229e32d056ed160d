from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np
import pytest

from sepkit import Audio, Cancelled, Progress, Run
from sepkit.solving.adaptation import Adaptation, share_band_above, wiener_filter

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


def tones(*parts: tuple[float, float, float], rate: int = 44100, seconds: float = 1.0) -> np.ndarray:
    """Tones of a frequency, from one time to another [shape=(samples,)]."""
    time_s = np.arange(int(rate * seconds)) / rate
    return sum(  # type: ignore[return-value]
        (
            0.2 * np.sin(2 * np.pi * f_hz * time_s) * ((time_s >= start_s) & (time_s < stop_s))
            for f_hz, start_s, stop_s in parts
        ),
        np.zeros_like(time_s),
    ).astype(np.float32)


class TestCancellingChannels:
    @pytest.mark.parametrize("gains", [(1, -1), (1, -0.95), (0.5, -0.5, 0.01), (1, -1, 1, -1)])
    def test_are_heard_by_their_principal_component(self, noise: NoiseOf, gains: tuple[float, ...]) -> None:
        mono = noise(1)
        way = adaptation(Audio(np.array(gains)[:, np.newaxis] * mono.samples, 8000), channels=1)
        assert np.corrcoef(way.adapted().samples, mono.samples)[0, 1] == pytest.approx(1, abs=1e-4)
        assert "principal component" in way.steps[0]
        assert way.remarks == (
            "the channels cancel in their mean; their first principal component is separated instead",
        )

    @pytest.mark.parametrize("gains", [(1, 1), (1, 0), (1, -0.5), (0, 0), (1, 0, 0, 0, 0, 0)])
    def test_others_by_their_mean(self, noise: NoiseOf, gains: tuple[float, ...]) -> None:
        mixture = Audio(np.array(gains)[:, np.newaxis] * noise(1).samples, 8000)
        way = adaptation(mixture, channels=1)
        np.testing.assert_array_equal(way.adapted().samples, mixture.mixdown().samples)
        assert way.remarks == ()

    def test_come_back_in_opposite_phase(self) -> None:
        low, high = tones((300, 0, 1), rate=8000), tones((2500, 0, 1), rate=8000)
        mixture = Audio(np.stack([low + high, -low - high]), 8000)
        way = adaptation(mixture, channels=1)
        mono = way.adapted()
        np.testing.assert_allclose(mono.samples[0], low + high, atol=1e-6)
        stems = way.restored({"low": Audio.mono(low, 8000), "high": Audio.mono(high, 8000)}, Run())
        inner = slice(500, -500)
        for name, truth in (("low", low), ("high", high)):
            np.testing.assert_allclose(stems[name].samples[:, inner], [truth[inner], -truth[inner]], atol=1e-2)

    def test_truth_is_mixed_down_alike(self, noise: NoiseOf) -> None:
        left = noise(1).samples
        way = adaptation(Audio(np.concatenate([left, -left]), 8000), channels=1)
        stem = noise(2, seed=1)
        np.testing.assert_allclose(way.alike(stem).samples[0], (stem.samples[0] - stem.samples[1]) / 2, atol=1e-6)

    def test_go_to_stereo_methods_too(self, noise: NoiseOf) -> None:
        one = noise(1).samples
        way = adaptation(Audio(np.concatenate([one, -one, 0 * one]), 8000), channels=2)
        assert np.abs(way.adapted().samples).max() > 0.4


class TestBandAbove:
    """A method at 16 kHz on a mixture at 44.1 kHz."""

    @pytest.mark.parametrize("channels", [1, 2])
    @pytest.mark.parametrize("wanted", [1, 2])
    def test_shares_stay_shares_over_the_whole_band(self, noise: NoiseOf, channels: int, wanted: int) -> None:
        mixture = noise(channels, 22050, 44100)
        way = adaptation(mixture, sample_rate=16000, channels=wanted)
        heard = way.adapted()
        stems = {name: Audio(gain * heard.samples, 16000) for name, gain in (("a", 0.25), ("b", 0.75))}
        restored = way.restored(stems, Run())
        # Gains are shares of amplitudes, and the band above goes by energies: what is left over is nothing here.
        total = restored["a"].samples + restored["b"].samples
        np.testing.assert_allclose(total[:, 2000:-2000], mixture.samples[:, 2000:-2000], atol=2e-2)
        top = np.abs(np.fft.rfft(restored["b"].samples))[:, 5000:]
        assert np.median(top / np.abs(np.fft.rfft(mixture.samples))[:, 5000:]) == pytest.approx(0.9, abs=0.03)

    def test_goes_to_who_sounds_below_it(self) -> None:
        early, late = tones((6000, 0, 0.5), (12000, 0, 0.5)), tones((5000, 0.5, 1), (13000, 0.5, 1))
        mixture = Audio.mono(early + late, 44100)
        below = {"early": tones((6000, 0, 0.5), rate=16000), "late": tones((5000, 0.5, 1), rate=16000)}
        way = adaptation(mixture, sample_rate=16000)
        stems = way.restored({name: Audio.mono(stem, 16000) for name, stem in below.items()}, Run())
        for name, truth in (("early", early), ("late", late)):
            error = stems[name].samples[0] - truth
            assert np.sum(error**2) < 0.02 * np.sum(truth**2)

    def test_stays_in_the_residual_where_the_stems_are_silent_below(self) -> None:
        mixture = Audio.mono(tones((1000, 0, 1), (12000, 0, 1)), 44100)
        stem = Audio.mono(tones((1000, 0, 1), rate=16000), 16000)
        inner = slice(4000, -4000)
        restored = adaptation(mixture, sample_rate=16000).restored({"a": stem}, Run())["a"].samples[0, inner]
        np.testing.assert_allclose(restored, tones((1000, 0, 1))[inner], atol=0.05)

    def test_what_stems_leave_takes_its_share(self) -> None:
        mixture = Audio.mono(tones((6000, 0, 1), (12000, 0, 1)), 44100)
        half = Audio.mono(0.5 * tones((6000, 0, 1), rate=16000), 16000)
        (stem,) = adaptation(mixture, sample_rate=16000).restored({"a": half}, Run()).values()
        spectrum = np.abs(np.fft.rfft(stem.samples[0]))
        assert spectrum[12000] / spectrum[6000] == pytest.approx(1, abs=0.05)

    def test_is_remarked(self, noise: NoiseOf) -> None:
        (remark,) = adaptation(noise(1, rate=44100), sample_rate=16000).remarks
        assert "16000 Hz: above 8000 Hz" in remark
        assert "from 4000 to 8000 Hz" in remark
        assert adaptation(noise(1, rate=8000), sample_rate=16000).remarks == ()

    def test_can_be_cancelled(self, noise: NoiseOf) -> None:
        cancel = threading.Event()
        cancel.set()
        with pytest.raises(Cancelled):
            share_band_above(noise(1, rate=44100), {"a": noise(1, rate=44100)}, 16000, Run(cancel=cancel))
