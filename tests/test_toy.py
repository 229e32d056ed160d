"""Toy waveforms: what the paper says of them, and that every item can be made by itself."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from sepkit import Audio
from sepkit.evaluation.datasets.toy import WAVES, ToyWaveforms, Wave, one_cycle

items = st.integers(0, 10_000)
seeds = st.integers(0, 2**40)
waves = st.sampled_from(WAVES)


def period_of(toy: ToyWaveforms, item: int, source: Wave) -> int:
    period = toy.sample_rate / toy.f0(item, source).f0_hz[0]
    assert period == pytest.approx(round(period))
    return round(period)


def wave(toy: ToyWaveforms, item: int, source: Wave) -> np.ndarray:
    return toy.stem(item, source).samples[0]


class TestAWave:
    @given(seeds, items, waves)
    def test_repeats_after_its_period_and_not_before(self, seed: int, item: int, source: Wave) -> None:
        toy = ToyWaveforms(seed=seed, duration_s=0.2)
        period, samples = period_of(toy, item, source), wave(toy, item, source)
        assert 13 <= period <= 563
        np.testing.assert_array_equal(samples[period:], samples[:-period])
        for shorter in (length for length in range(1, period) if period % length == 0):
            assert not np.array_equal(samples[shorter:period], samples[: period - shorter])

    @given(seeds, items, waves, st.sets(waves, min_size=1))
    def test_has_an_amplitude_from_0_8_to_1_shared_by_the_sources(
        self, seed: int, item: int, source: Wave, others: set[Wave]
    ) -> None:
        sources = tuple({source, *others})
        toy = ToyWaveforms(seed=seed, sources=sources, duration_s=0.1)
        peak = np.abs(wave(toy, item, source)).max() * len(sources)
        period = period_of(toy, item, source)
        # A sine or triangle of few samples may have none at its very top.
        full_scale = np.abs(one_cycle(source, period)).max()
        assert 0.8 * full_scale - 1e-6 <= peak <= full_scale + 1e-6
        assert full_scale == pytest.approx(1, abs=3 / period)

    @given(seeds, items, waves)
    def test_has_its_energy_at_multiples_of_its_f0(self, seed: int, item: int, source: Wave) -> None:
        toy = ToyWaveforms(seed=seed)
        period = period_of(toy, item, source)
        cycles = wave(toy, item, source)[: 8 * period]
        power = np.abs(np.fft.rfft(cycles.astype(np.float64))) ** 2
        harmonic = power[::8].sum()
        assert power.sum() - harmonic < 1e-9 * harmonic

    def test_keeps_to_its_kind(self) -> None:
        sine, square, saw, triangle = (one_cycle(source, 400) for source in WAVES)
        np.testing.assert_allclose(sine, np.sin(2 * np.pi * np.arange(400) / 400))
        assert set(square) == {-1.0, 1.0}
        np.testing.assert_allclose(np.diff(saw), 2 / 400)
        np.testing.assert_allclose(np.abs(np.diff(triangle)), 4 / 400)


class TestATrack:
    @given(seeds, items)
    def test_is_the_sum_of_its_stems(self, seed: int, item: int) -> None:
        toy = ToyWaveforms(seed=seed, count=item % 20 + 1, duration_s=0.05)
        track = list(toy.tracks())[-1]
        stems = track.load_stems()
        total = sum(stem.samples for stem in stems.values())
        np.testing.assert_array_equal(track.load_mixture().samples, total)
        assert np.abs(total).max() <= 1

    @given(seeds, st.integers(1, 20), st.integers(1, 20))
    def test_does_not_depend_on_how_many_there_are(self, seed: int, few: int, more: int) -> None:
        one = list(ToyWaveforms(seed=seed, count=few, duration_s=0.01).tracks())[-1]
        other = list(ToyWaveforms(seed=seed, count=few + more, duration_s=0.01).tracks())[few - 1]
        assert one.name == other.name
        np.testing.assert_array_equal(one.load_mixture().samples, other.load_mixture().samples)

    @given(seeds, items, waves)
    def test_has_the_same_waves_beside_other_sources(self, seed: int, item: int, source: Wave) -> None:
        alone, among = ToyWaveforms(seed=seed, sources=(source,)), ToyWaveforms(seed=seed)
        np.testing.assert_allclose(wave(alone, item, source), len(WAVES) * wave(among, item, source), rtol=1e-6)

    def test_comes_in_a_fixed_order_and_knows_its_f0(self) -> None:
        toy = ToyWaveforms(count=12, duration_s=0.5)
        tracks = list(toy.tracks())
        assert [track.name for track in tracks] == sorted({track.name for track in tracks})
        assert {track.group for track in tracks} == {track.name for track in tracks}
        for track in tracks:
            assert track.sources == tuple(track.f0) == WAVES
            for f0 in track.load_f0().values():
                assert (f0.times_s[0], f0.times_s[-1]) == (0, pytest.approx(0.49))
                assert 26 <= f0.f0_hz[0] <= 1131

    def test_can_go_to_another_process(self) -> None:
        track = next(ToyWaveforms(duration_s=0.01).tracks())
        copied = pickle.loads(pickle.dumps(track)).load_mixture()
        np.testing.assert_array_equal(copied.samples, track.load_mixture().samples)


def test_phases_and_pitches_are_spread() -> None:
    toy = ToyWaveforms(sources=("saw",))
    drawn = [toy._drawn(item, "saw") for item in range(2000)]
    relative = np.array([phase / period for period, phase, _ in drawn])
    octaves = np.log2([period for period, _, _ in drawn])
    assert np.histogram(relative, 4, (0, 1))[0].min() > 400
    assert np.histogram(octaves, 4, (np.log2(13), np.log2(563)))[0].min() > 350
    amplitudes = [amplitude for _, _, amplitude in drawn]
    assert np.mean(amplitudes) == pytest.approx(0.9, abs=0.01)


def test_seeds_differ() -> None:
    assert not np.array_equal(ToyWaveforms(seed=1).stem(0, "saw").samples, ToyWaveforms(seed=2).stem(0, "saw").samples)


def test_a_track_may_be_one_sample_long() -> None:
    toy = ToyWaveforms(duration_s=1e-6)
    assert isinstance(toy.stem(0, "sine"), Audio)
    assert toy.stem(0, "sine").length == len(toy.f0(0, "sine").times_s) == 1


@pytest.mark.parametrize(
    "options", [{"count": 0}, {"sources": ()}, {"sources": ("sine", "sine")}, {"sources": ("hum",)}, {"duration_s": 0}]
)
def test_impossible_options_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ToyWaveforms.model_validate(options)
