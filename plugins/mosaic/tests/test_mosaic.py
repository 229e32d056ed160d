"""Mosaics: what the paper demands of activations holds, and sounds come from where they should."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import sepkit
import sepkit_mosaic.activations
from sepkit import Audio
from sepkit.errors import SideInformationError
from sepkit.phase import spectral_convergence
from sepkit.spectral import STFT
from sepkit.testing import parametrize_with_checks
from sepkit_mosaic import mosaic_activations
from sepkit_mosaic.activations import continued, strongest_at_a_time, strongest_in_time, updated, weakened
from sepkit_nmf import factorize

RATE = 16000
Array = NDArray[np.floating]


@parametrize_with_checks("mosaic")
def test_conformance(check: Any) -> None:
    check()


def sweep(seconds: float, low_hz: float = 200, high_hz: float = 3000) -> Array:
    """Gliding tones, each moment of which sounds otherwise."""
    time_s = np.arange(int(seconds * RATE)) / RATE
    f_hz = low_hz * (high_hz / low_hz) ** (time_s / seconds)
    phase = 2 * np.pi * np.cumsum(f_hz) / RATE
    return (0.2 * (np.sin(phase) + 0.5 * np.sin(2.01 * phase))).astype(np.float32)


def templates(samples: Array, stft: STFT) -> Array:
    W = stft.magnitude(samples)
    sums = W.sum(axis=0)
    return np.asarray(W / np.where(sums > 0, sums, 1))


def activations(V: Array, W: Array, **options: Any) -> Array:
    return np.concatenate([H for _, H in mosaic_activations(V, W, **options)], axis=1)


class TestDemands:
    @given(seed=st.integers(0, 999), repetition=st.integers(0, 4), polyphony=st.integers(1, 12))
    @settings(max_examples=40, deadline=None)
    def test_are_hard_in_the_end(self, seed: int, repetition: int, polyphony: int) -> None:
        H = np.random.default_rng(seed).random((9, 20))
        H = weakened(H, strongest_in_time(H, repetition), 0.0)
        for row in H:
            struck = np.flatnonzero(row)
            assert (np.diff(struck) > repetition).all()
        H = weakened(H, strongest_at_a_time(H, polyphony), 0.0)
        assert ((H > 0).sum(axis=0) <= polyphony).all()

    def test_the_strongest_stay(self) -> None:
        H = np.array([[1.0, 3, 2, 0, 0, 4], [5, 0, 0, 0, 6, 0]])
        assert np.array_equal(weakened(H, strongest_in_time(H, 1), 0.5), [[0.5, 3, 1, 0, 0, 4], [5, 0, 0, 0, 6, 0]])
        assert np.array_equal(weakened(H, strongest_at_a_time(H, 1), 0.0), [[0, 3, 2, 0, 0, 4], [5, 0, 0, 0, 6, 0]])

    @given(seed=st.integers(0, 99), continuity=st.integers(0, 15))
    @settings(deadline=None)
    def test_sounds_go_on_along_diagonals(self, seed: int, continuity: int) -> None:
        H = np.random.default_rng(seed).random((8, 10))
        takes = [slice(0, 3), slice(3, 8)]
        wanted = np.zeros_like(H)
        for take in takes:
            for k in range(take.start, take.stop):
                for n in range(10):
                    for i in range(-continuity, continuity + 1):
                        if take.start <= k + i < take.stop and 0 <= n + i < 10:
                            wanted[k, n] += H[k + i, n + i]
        assert continued(H, continuity, takes) == pytest.approx(wanted)


class TestActivations:
    STFT = STFT(512, 256)

    def test_without_demands_it_is_nmf(self) -> None:
        rng = np.random.default_rng(0)
        V, W = rng.random((20, 30)), rng.random((20, 12))
        W /= W.sum(axis=0)
        ours = activations(V, W, repetition=0, polyphony=12, continuity=0, iterations=7)
        start = np.ones((12, 30))
        theirs = factorize(V, W, start, solver="mu", free_w=False, max_iterations=8, tolerance=0)
        assert ours == pytest.approx(theirs.H, rel=1e-9)

    def test_a_target_that_is_the_source_is_its_diagonal(self) -> None:
        x = sweep(2.0)
        V = self.STFT.magnitude(x)
        H = activations(V, templates(x, self.STFT)).astype(np.float64)
        frames = np.arange(V.shape[1])
        near = np.abs(frames[:, np.newaxis] - frames) <= 3
        assert np.square(H[near]).sum() > 0.9 * np.square(H).sum()

    def test_blocks_do_not_matter(self, monkeypatch: pytest.MonkeyPatch) -> None:
        rng = np.random.default_rng(1)
        V, W = rng.random((20, 120)), rng.random((20, 15))
        W /= W.sum(axis=0)
        options = {
            "repetition": 2,
            "continuity": 2,
            "polyphony": 4,
            "iterations": 3,
            "takes": [slice(0, 6), slice(6, 15)],
        }
        whole = activations(V, W, **options)
        monkeypatch.setattr(sepkit_mosaic.activations, "BLOCK_VALUES", 15 * 40)
        blocks = [block for block, _ in mosaic_activations(V, W, **options)]
        assert len(blocks) > 5
        assert activations(V, W, **options) == pytest.approx(whole, rel=1e-10)

    def test_one_iteration_prunes_hard(self) -> None:
        rng = np.random.default_rng(2)
        V, W = rng.random((20, 30)), rng.random((20, 12))
        W /= W.sum(axis=0)
        H = activations(V, W, continuity=0, polyphony=2, repetition=1, iterations=1)
        assert np.isfinite(H).all()
        assert ((H > 0).sum(axis=0) <= 2).all()

    def test_silence_in_source_and_target(self) -> None:
        x = np.concatenate([np.zeros(4000, np.float32), sweep(0.5)])
        H = activations(self.STFT.magnitude(x), templates(x, self.STFT), iterations=5)
        assert np.isfinite(H).all()
        assert not H[:, 3].any()

    def test_update_keeps_sums_of_frames(self) -> None:
        rng = np.random.default_rng(3)
        V, W, H = rng.random((20, 30)), rng.random((20, 12)), rng.random((12, 30))
        W /= W.sum(axis=0)
        assert (W @ updated(V, W, H, 1e-12)).sum(axis=0) == pytest.approx(V.sum(axis=0))


def mosaic(target: Audio, **examples: Any) -> sepkit.Separation:
    return sepkit.separate(target, "mosaic", examples=examples, config={"window_s": 0.032})


class TestMosaics:
    def test_from_itself_it_is_itself(self) -> None:
        x = sweep(2.0)
        stem = mosaic(Audio.mono(x, RATE), x=Audio.mono(x, RATE))["x"]
        stft = STFT(512, 256)
        assert spectral_convergence(stem.samples[0], stft.magnitude(x), stft) < 0.3

    def test_has_the_sounds_of_the_source_and_the_course_of_the_target(self) -> None:
        time_s = np.arange(2 * RATE) / RATE
        target = (0.3 * np.sin(2 * np.pi * 500 * time_s) * (time_s % 1 < 0.5)).astype(np.float32)
        noise = (0.3 * np.random.default_rng(0).standard_normal(RATE)).astype(np.float32)
        result = mosaic(Audio.mono(target, RATE), noise=Audio.mono(noise, RATE))
        stem = result["noise"].samples[0].astype(np.float64)
        power = np.square(stem).reshape(4, -1).mean(axis=1)
        assert power[[0, 2]].min() > 20 * power[[1, 3]].max()
        spectrum = np.abs(np.fft.rfft(stem))
        assert spectrum.max() < 0.2 * spectrum.sum()
        assert any("synthesised" in remark for remark in result.provenance.remarks)

    def test_each_source_gives_what_it_has(self) -> None:
        low, high = sweep(1.0, 200, 400), sweep(1.0, 2000, 3000)
        target = np.concatenate([low, high])
        given = {"high": Audio.mono(high, RATE), "low": [Audio.mono(low[:8000], RATE), Audio.mono(low[8000:], RATE)]}
        stems = mosaic(Audio.mono(target, RATE), **given)
        first, second = slice(0, RATE), slice(RATE, None)
        for name, here, there in (("low", first, second), ("high", second, first)):
            energy = np.square(stems[name].samples[0])
            assert energy[here].sum() > 10 * energy[there].sum()

    def test_every_channel_has_the_mosaic(self) -> None:
        x = sweep(0.5)
        stereo = Audio(np.stack([x, -x]), RATE)
        stem = mosaic(stereo, x=stereo)["x"]
        assert stem.channels == 2
        # What is in antiphase has no mixdown to take sounds from.
        assert not stem.samples.any()
        stem = mosaic(stereo, x=Audio.mono(x, RATE))["x"]
        assert np.array_equal(stem.samples[0], stem.samples[1])
        assert stem.samples.any()

    def test_needs_an_example_of_each(self) -> None:
        x = Audio.mono(sweep(0.5), RATE)
        with pytest.raises(SideInformationError, match="no example of 'birds' to take sounds from"):
            sepkit.separate(x, "mosaic", sources=["bees", "birds"], examples={"bees": x})
