"""Tones and clicks come apart; masks, kernels and blocks are what they say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.ndimage
import scipy.signal
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import sepkit
from sepkit import Audio
from sepkit.errors import MismatchError
from sepkit.spectral import STFT
from sepkit_classical import harmonic_percussive

RATE = 16000


def parts(seconds: float = 3.0) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """A chord, and clicks of noise."""
    rng, time_s = np.random.default_rng(0), np.arange(int(seconds * RATE)) / RATE
    tones = 0.1 * sum(np.sin(2 * np.pi * f * time_s) for f in (220, 277, 330, 660))
    clicks = np.zeros(len(time_s))
    for start in range(2000, len(time_s) - 400, 5000):
        clicks[start : start + 300] = 0.6 * rng.standard_normal(300) * np.exp(-np.arange(300) / 60)
    return tones.astype(np.float32), clicks.astype(np.float32)


def sdr_db(estimate: Audio, truth: NDArray[np.float32]) -> float:
    error = estimate.samples[0] - truth
    return float(10 * np.log10(np.square(truth).sum() / np.square(error).sum()))


@pytest.mark.parametrize("config", [{}, {"iterations": 3}, {"kernel": "hann", "iterations": 5}])
def test_tones_and_clicks_come_apart(config: dict[str, Any]) -> None:
    tones, clicks = parts()
    stems = sepkit.separate(Audio.mono(tones + clicks, RATE), "hpss", config=config)
    assert stems.sources == ("harmonic", "percussive")
    assert not [remark for remark in stems.provenance.remarks if "silent" in remark]
    assert sdr_db(stems["harmonic"], tones) > 10
    assert sdr_db(stems["percussive"], clicks) > 10


def test_one_iteration_is_fitzgerald_2010() -> None:
    A = np.random.default_rng(0).gamma(1.0, size=(40, 50))
    H = np.stack([scipy.signal.medfilt(np.pad(row, 8, "symmetric"), 17)[8:-8] for row in A])
    P = np.stack([scipy.signal.medfilt(np.pad(column, 5, "symmetric"), 11)[5:-5] for column in A.T]).T
    masks = harmonic_percussive(A, 17, 11)
    assert masks[0] == pytest.approx(H**2 / (H**2 + P**2), rel=1e-9)


@given(
    seed=st.integers(0, 999),
    frames=st.integers(0, 9),
    bins=st.integers(0, 9),
    kernel=st.sampled_from(["median", "hann"]),
    iterations=st.integers(1, 4),
    factor=st.floats(1, 5),
    exponent=st.one_of(st.floats(0.5, 4), st.just(float("inf"))),
)
@settings(max_examples=50, deadline=None)
def test_masks_share_all_there_is(
    seed: int, frames: int, bins: int, kernel: str, iterations: int, factor: float, exponent: float
) -> None:
    A = np.random.default_rng(seed).gamma(0.3, size=(12, 15))
    A[A < 0.1] = 0
    masks = harmonic_percussive(
        A, 2 * frames + 1, 2 * bins + 1, kernel=kernel, iterations=iterations, factor=factor, exponent=exponent
    )
    assert masks.min() >= 0
    assert masks.sum(axis=0) == pytest.approx(1)


def test_binary_masks_are_driedger_2014() -> None:
    A = np.random.default_rng(2).gamma(1.0, size=(30, 40))
    H, P = scipy.ndimage.median_filter(A, (1, 9)), scipy.ndimage.median_filter(A, (7, 1))
    masks = harmonic_percussive(A, 9, 7, factor=1.5, exponent=np.inf)
    assert np.array_equal(masks[0], H / P > 1.5)
    assert np.array_equal(masks[1], P / H > 1.5)
    assert np.array_equal(masks[2], ~(H / P > 1.5) & ~(P / H > 1.5))


def test_no_residual_can_be_asked_for_where_there_is_none() -> None:
    with pytest.raises(MismatchError, match="separates into harmonic, percussive and not into residual"):
        sepkit.separate(Audio.mono(parts()[0], RATE), "hpss", sources=["residual"])


def test_what_is_neither_is_the_residual() -> None:
    tones, clicks = parts()
    noise = 0.02 * np.random.default_rng(5).standard_normal(len(tones)).astype(np.float32)
    mixture = Audio.mono(tones + clicks + noise, RATE)
    plain, strict = (
        sepkit.separate(mixture, "hpss", config={"separation_factor": factor, "mask": "binary"}) for factor in (1, 3)
    )
    assert sdr_db(strict["residual"], noise) > 0
    assert sdr_db(strict["harmonic"], tones) > sdr_db(plain["harmonic"], tones)


def test_time_and_frequency_are_alike() -> None:
    A = np.random.default_rng(3).gamma(1.0, size=(20, 20))
    here, there = harmonic_percussive(A, 7, 5, iterations=3), harmonic_percussive(A.T, 5, 7, iterations=3)
    assert here[0] == pytest.approx(there[1].T)


def test_blocks_leave_no_seams(monkeypatch: pytest.MonkeyPatch) -> None:
    tones, clicks = parts(1.0)
    mixture = Audio.mono(tones + clicks, RATE)
    config = {"iterations": 3, "window_s": 0.032}
    whole = sepkit.separate(mixture, "hpss", config=config)["percussive"].samples
    assert len(list(STFT(512, 128).blocks(mixture.length))) == 1
    monkeypatch.setattr("sepkit.spectral._BLOCK_VALUES", 512 * 40)
    assert len(list(STFT(512, 128).blocks(mixture.length))) > 2
    cut = sepkit.separate(mixture, "hpss", config=config)["percussive"].samples
    assert cut == pytest.approx(whole, abs=1e-6)


def test_one_of_them_can_be_asked_for() -> None:
    tones, clicks = parts(1.0)
    assert sepkit.separate(Audio.mono(tones + clicks, RATE), "hpss", sources=["percussive"]).sources == ("percussive",)
