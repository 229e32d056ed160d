"""The multichannel Wiener filter, beside an implementation that writes every matrix down."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from sepkit.wiener import multichannel_wiener, spatial_covariances


def noise(rng: np.random.Generator, *shape: int) -> NDArray[np.complexfloating]:
    return rng.standard_normal(shape) + 1j * rng.standard_normal(shape)


def written_out(
    x: NDArray[np.complexfloating], magnitudes: NDArray[np.floating], iterations: int
) -> NDArray[np.complexfloating]:
    """One bin, one frame, one matrix at a time, with gains and inverses as in the papers."""
    y = magnitudes * np.exp(1j * np.angle(x))
    sources, channels, bins, frames = y.shape
    level = 1e-7 * np.abs(x).max() ** 2
    for _ in range(iterations):
        new = np.zeros_like(y)
        for f in range(bins):
            v = [[np.mean(np.abs(y[j, :, f, n]) ** 2) for n in range(frames)] for j in range(sources)]
            R = [
                sum(np.outer(y[j, :, f, n], y[j, :, f, n].conj()) for n in range(frames)) / sum(v[j])
                for j in range(sources)
            ]
            for n in range(frames):
                Cxx = sum(v[j][n] * R[j] for j in range(sources)) + level * np.eye(channels)
                for j in range(sources):
                    new[j, :, f, n] = v[j][n] * R[j] @ np.linalg.inv(Cxx) @ x[:, f, n]
        y = new
    return y


@settings(max_examples=20, deadline=None)
@given(channels=st.integers(1, 3), sources=st.integers(1, 4), iterations=st.integers(0, 3), seed=st.integers(0, 9))
def test_it_is_what_the_papers_write(channels: int, sources: int, iterations: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, magnitudes = noise(rng, channels, 3, 6), rng.random((sources, channels, 3, 6)) + 0.01
    given_ = multichannel_wiener(x, magnitudes, iterations=iterations)
    np.testing.assert_allclose(given_, written_out(x, magnitudes, iterations), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("channels", [1, 2, 3])
@pytest.mark.parametrize("iterations", [1, 4])
def test_sources_sum_to_the_mixture(channels: int, iterations: int) -> None:
    rng = np.random.default_rng(0)
    x = noise(rng, channels, 5, 30)
    spectra = multichannel_wiener(x, rng.random((3, channels, 5, 30)) + 0.1, iterations=iterations)
    np.testing.assert_allclose(spectra.sum(axis=0), x, atol=1e-4)


def test_one_channel_is_the_power_mask() -> None:
    rng = np.random.default_rng(0)
    x, magnitudes = noise(rng, 1, 5, 30), rng.random((2, 1, 5, 30)) + 0.1
    powers = np.square(magnitudes)
    np.testing.assert_allclose(multichannel_wiener(x, magnitudes), powers / powers.sum(axis=0) * x, rtol=1e-4)


@settings(max_examples=20, deadline=None)
@given(level=st.floats(1e-6, 1e6))
def test_a_louder_mixture_gives_as_much_louder_sources(level: float) -> None:
    rng = np.random.default_rng(0)
    x, magnitudes = noise(rng, 2, 3, 20), rng.random((2, 2, 3, 20))
    louder = multichannel_wiener(level * x, level * magnitudes)
    np.testing.assert_allclose(louder, level * multichannel_wiener(x, magnitudes), rtol=1e-6, atol=1e-9 * level)


def test_where_sources_are_tells_them_apart() -> None:
    # Where their magnitudes say nothing in half of the frames, their places do.
    rng = np.random.default_rng(0)
    places = np.array([[1.0, 0.3], [0.2, 1.0]])
    sources = noise(rng, 2, 1, 4, 400)
    sources[0, ..., ::4] = sources[1, ..., 1::4] = 0
    images = sources * places[:, :, np.newaxis, np.newaxis]
    magnitudes = np.abs(images)
    magnitudes[..., 2::4] = magnitudes[..., 3::4] = 1.0
    x = images.sum(axis=0)

    def error(estimate: NDArray[np.complexfloating]) -> float:
        return float(np.square(np.abs(estimate - images)[..., 2::4]).sum())

    assert error(multichannel_wiener(x, magnitudes, iterations=5)) < 0.5 * error(0.5 * np.stack([x, x]))
    covariances = spatial_covariances(images, np.square(np.abs(images)).mean(axis=1))
    np.testing.assert_allclose(np.trace(covariances, axis1=1, axis2=2), 2)


def test_windows_are_filtered_each_on_its_own() -> None:
    rng = np.random.default_rng(0)
    x, magnitudes = noise(rng, 2, 3, 25), rng.random((2, 2, 3, 25))
    whole = multichannel_wiener(x, magnitudes, window=10)
    for start in (0, 10, 20):
        part = slice(start, start + 10)
        alone = multichannel_wiener(x[..., part], magnitudes[..., part], window=None)
        np.testing.assert_array_equal(whole[..., part], alone)


def test_magnitudes_of_one_channel_are_those_of_all() -> None:
    rng = np.random.default_rng(0)
    x, shared = noise(rng, 2, 3, 25), rng.random((2, 1, 3, 25))
    np.testing.assert_array_equal(multichannel_wiener(x, shared), multichannel_wiener(x, shared.repeat(2, axis=1)))


def test_silence_gives_silence_of_the_same_type() -> None:
    x = np.zeros((2, 3, 4), np.complex64)
    spectra = multichannel_wiener(x, np.ones((2, 2, 3, 4), np.float32))
    assert spectra.dtype == np.complex64
    assert not spectra.any()
    mixture = noise(np.random.default_rng(0), 2, 3, 4).astype(np.complex64)
    assert not multichannel_wiener(mixture, np.zeros((2, 2, 3, 4), np.float32)).any()


@pytest.mark.parametrize(
    ("magnitudes", "options", "complaint"),
    [
        (np.ones((2, 2, 3, 5)), {}, r"needs magnitudes of shape \(sources, 1 or 2, 3, 4\)"),
        (np.ones((2, 3, 4)), {}, "needs magnitudes of shape"),
        (-np.ones((2, 2, 3, 4)), {}, "finite ones from 0"),
        (np.full((2, 2, 3, 4), np.nan), {}, "finite ones from 0"),
        (np.ones((2, 2, 3, 4)), {"iterations": -1}, "0 or more"),
        (np.ones((2, 2, 3, 4)), {"window": 0}, "1 or more"),
    ],
)
def test_what_cannot_be_is_refused(magnitudes: NDArray[np.floating], options: dict[str, int], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        multichannel_wiener(np.ones((2, 3, 4), complex), magnitudes, **options)
