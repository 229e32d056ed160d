"""What repeats is found, to the frame, and told from what does not."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import sepkit
from sepkit import Audio
from sepkit.errors import ConfigError
from sepkit.problem.run import Run
from sepkit_classical import (
    beat_spectrum,
    local_periods,
    peaks_and_rest,
    repeating_neighbours,
    repeating_period,
    repeating_segment,
    similar_frames,
)
from sepkit_classical.config import FT2DConfig
from sepkit_classical.ft2d import FT2D
from sepkit_classical.voice import Heard

Array = NDArray[np.floating]


def loop(period: int, frames: int, seed: int = 0, bins: int = 20) -> Array:
    segment = np.random.default_rng(seed).gamma(0.5, size=(bins, period))
    return np.tile(segment, frames // period + 1)[:, :frames]


@settings(max_examples=30, deadline=None)
@given(period=st.integers(8, 60), extra=st.integers(0, 59), seed=st.integers(0, 99), noise=st.floats(0, 0.3))
def test_the_period_of_a_loop_is_found_to_the_frame(period: int, extra: int, seed: int, noise: float) -> None:
    V = loop(period, 6 * period + extra, seed)
    V = V + noise * np.random.default_rng(seed + 1).gamma(0.5, size=V.shape)
    assert repeating_period(beat_spectrum(V), 5, 100) == period


def test_the_beat_spectrum_is_the_autocorrelation_of_the_power() -> None:
    power = np.random.default_rng(0).random((150, 40))
    b = [np.mean(power[:, : 40 - lag] * power[:, lag:]) for lag in range(40)]
    assert beat_spectrum(np.sqrt(power)) == pytest.approx(np.array(b) / b[0])


@pytest.mark.parametrize("exponent", [-60, 40])
def test_the_beat_spectrum_is_the_same_at_any_level(exponent: int) -> None:
    V = np.random.default_rng(2).random((5, 30)).astype(np.float32)
    assert np.array_equal(beat_spectrum(np.ldexp(V, exponent)), beat_spectrum(V))


def test_silence_has_the_shortest_period() -> None:
    assert repeating_period(beat_spectrum(np.zeros((3, 50))), 4, 20) == 4


@given(period=st.integers(1, 40), frames=st.integers(1, 60))
def test_the_segment_is_the_median_of_all_periods(period: int, frames: int) -> None:
    V = np.random.default_rng(frames).random((3, frames))
    expected = np.stack([np.median(V[:, frame % period :: period], axis=1) for frame in range(frames)], axis=1)
    if frames >= period:
        assert repeating_segment(V, period) == pytest.approx(expected)


def test_neighbours_follow_a_period_that_changes() -> None:
    V = np.concatenate([loop(20, 300, 1), loop(31, 300, 2)], axis=1)
    periods = local_periods(V, 160, 10, 50)
    assert set(periods[:150]) == {20}
    assert set(periods[-150:]) == {31}
    sung = V.copy()
    sung[:, 110:115] += 5
    repeating = repeating_neighbours(sung, periods, 5)
    assert repeating[:, :150] == pytest.approx(V[:, :150])
    assert repeating[:, -150:] == pytest.approx(V[:, -150:])


def cosine(a: Array, b: Array) -> float:
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


def similar_by_hand(V: Array, frame: int, count: int, apart: int, least: float) -> list[int]:
    similarity = [cosine(V[:, frame], V[:, other]) if other != frame else 2 for other in range(V.shape[1])]
    found = [
        other
        for other, value in enumerate(similarity)
        if value >= least and value >= max(similarity[max(0, other - apart) : other + apart + 1])
    ]
    return sorted(found, key=lambda other: similarity[other])[-count:]


@pytest.mark.parametrize(("count", "apart", "least"), [(5, 0, 0), (100, 3, 0), (7, 2, 0.8)])
def test_similar_frames_are_those_of_the_similarity_matrix(count: int, apart: int, least: float) -> None:
    V = np.random.default_rng(1).random((6, 50))
    expected = [np.median(V[:, similar_by_hand(V, frame, count, apart, least)], axis=1) for frame in range(50)]
    found = similar_frames(V, count=count, apart=apart, least=least, run=Run())
    assert found == pytest.approx(np.stack(expected, axis=1))


def test_online_looks_back_only() -> None:
    V = np.random.default_rng(2).random((6, 80))
    changed = V.copy()
    changed[:, 50:] = 7
    changed[:, :20] = 3
    online = {"count": 9, "apart": 1, "memory": 15, "run": Run()}
    here, there = similar_frames(V, **online), similar_frames(changed, **online)
    assert np.array_equal(here[:, 36:50], there[:, 36:50])
    assert not np.allclose(here[:, 30:34], there[:, 30:34])
    assert np.array_equal(similar_frames(V[:, 10:], first=25, **online), here[:, 35:])


def peaks_by_hand(V: Array, neighbourhood: int, threshold: float) -> Array:
    """Point by point, of the whole transform; half of its scales are those of the other half once more."""
    spectrum = np.fft.fft2(V)
    heights = np.abs(spectrum)
    least = threshold * heights[: len(V) // 2 + 1].std()
    peaks = np.zeros_like(spectrum)
    around = np.arange(neighbourhood) - neighbourhood // 2
    for scale, rate in np.ndindex(*V.shape):
        near = heights[scale, (rate + around) % V.shape[1]]
        # The same point may differ by rounding from one transform to the other.
        if heights[scale, rate] >= near.max() * (1 - 1e-9) and near.max() - near.min() > least:
            peaks[scale, rate] = spectrum[scale, rate]
    return np.fft.ifft2(peaks).real


@pytest.mark.parametrize(("bins", "frames"), [(12, 40), (13, 42)])
@pytest.mark.parametrize(("neighbourhood", "threshold"), [(3, 0.5), (9, 0.5)])
def test_peaks_are_those_of_the_whole_two_dimensional_transform(
    bins: int, frames: int, neighbourhood: int, threshold: float
) -> None:
    V = np.random.default_rng(0).standard_normal((bins, frames)) + loop(8, frames, bins=bins)
    peaks, rest = peaks_and_rest(V, neighbourhood, threshold)
    assert peaks == pytest.approx(peaks_by_hand(V, neighbourhood, threshold))
    assert peaks + rest == pytest.approx(V)


def test_parts_of_less_than_nothing_count_by_their_size() -> None:
    V = np.random.default_rng(4).gamma(0.1, size=(20, 60))
    method = FT2D(FT2DConfig(neighbourhood=5, threshold=0))
    peaks, rest = peaks_and_rest(V, 5, 0)
    assert peaks.min() < 0
    assert method.magnitudes(cast(Heard, SimpleNamespace(V=V))) == pytest.approx(np.abs([rest, peaks]))


RATE = 8000


BAR = 64 * 128
"""A whole number of hops."""


def band_and_voice() -> tuple[Array, Array]:
    """A loop of four chords, and a chirp in the middle of it."""
    time_s = np.arange(9 * BAR) / RATE
    since_s = time_s[: BAR // 4]
    chords = [(220, 330), (247, 370), (262, 392), (196, 294)]
    bar = [sum(np.sin(2 * np.pi * f_hz * since_s) for f_hz in chord) * np.exp(-since_s / 0.2) for chord in chords]
    chirp = np.sin(2 * np.pi * (600 * time_s + 60 * time_s**2)) * ((time_s > 3) & (time_s < 5))
    return 0.1 * np.tile(np.concatenate(bar), 9), 0.2 * chirp


@pytest.mark.parametrize(
    ("method", "config", "least_db"),
    [
        ("repet", {}, 30),
        ("repet", {"period_s": 1.024}, 30),
        ("repet", {"adaptive": True}, 30),
        ("repet-sim", {}, 4),
        ("repet-sim", {"online": True}, 4),
        ("ft2d", {}, 8),
    ],
)
def test_a_chirp_comes_out_of_a_loop(method: str, config: dict[str, object], least_db: float) -> None:
    band, voice = band_and_voice()
    stems = sepkit.separate(Audio.mono((band + voice).astype(np.float32), RATE), method, config=config)
    for name, truth in (("vocals", voice), ("accompaniment", band)):
        error = stems[name].samples[0] - truth
        assert 10 * np.log10(np.square(truth).sum() / np.square(error).sum()) > least_db


@pytest.mark.parametrize("config", [{}, {"adaptive": True}, {"span_s": 3}, {"adaptive": True, "context_s": 3}])
def test_what_is_too_short_for_a_period_is_told(config: dict[str, object]) -> None:
    band, _ = band_and_voice()
    short = "span_s" not in config and "context_s" not in config
    mixture = Audio.mono(band[: 3 * RATE if short else None].astype(np.float32), RATE)
    told = "in 3 s no period from shortest_s 0.8 up is heard 4 times"
    for more, expected in (({}, True), ({"shortest_s": 0.7}, False), ({"period_s": 0.2}, False)):
        result = sepkit.separate(mixture, "repet", config={**config, **more})
        assert any(told in remark for remark in result.provenance.remarks) == expected


def test_periods_out_of_order_are_told() -> None:
    with pytest.raises(ConfigError, match="shortest_s 9 is above longest_s 8; swap them"):
        sepkit.separate(Audio.mono(np.ones(100, np.float32), RATE), "repet", config={"shortest_s": 9})
