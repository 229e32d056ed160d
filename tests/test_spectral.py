from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from sepkit.errors import ConfigError
from sepkit.spectral import STFT, soft_masks

WINDOWS = ["hann", "hamming", "boxcar", "blackman", "cosine", ("kaiser", 8.0), ("tukey", 0.5)]


def signal(*shape: int, dtype: type = np.float64, seed: int = 0) -> NDArray[Any]:
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def error(estimate: NDArray[Any], truth: NDArray[Any]) -> float:
    """Relative to the size of the truth."""
    return float(np.linalg.norm(estimate.astype(np.float64) - truth) / np.linalg.norm(truth))


@st.composite
def transforms(draw: st.DrawFn, most_hop: int = 1) -> STFT:
    """Any transform that can be inverted, hopping by at most 1/`most_hop` of its window."""
    window_length = draw(st.integers(1, 96))
    hop = draw(st.integers(1, max(1, window_length // most_hop)))
    try:
        return STFT(window_length, hop, draw(st.sampled_from(WINDOWS)))
    except ConfigError:
        assume(False)
        raise


class TestReconstruction:
    @given(stft=transforms(), length=st.integers(1, 300), channels=st.integers(1, 2))
    def test_is_exact_in_double_precision(self, stft: STFT, length: int, channels: int) -> None:
        x = signal(channels, length)
        again = stft.inverse(stft.forward(x), length)
        assert again.dtype == np.float64
        assert again.shape == x.shape
        assert error(again, x) < 1e-6

    @given(stft=transforms(most_hop=2), length=st.integers(1, 300))
    def test_is_exact_in_single_precision(self, stft: STFT, length: int) -> None:
        x = signal(2, length, dtype=np.float32)
        spectrum = stft.forward(x)
        again = stft.inverse(spectrum, length)
        assert (spectrum.dtype, again.dtype) == (np.complex64, np.float32)
        assert error(again, x) < 1e-6

    @pytest.mark.parametrize("length", [1, 2, 100, 2047, 2048, 2049, 100_000])
    def test_at_usual_sizes(self, length: int) -> None:
        stft = STFT(2048, 512)
        x = signal(2, length, dtype=np.float32)
        assert np.abs(stft.inverse(stft.forward(x), length) - x).max() < 1e-6 * np.abs(x).max() + 1e-6

    def test_across_blocks(self, monkeypatch: pytest.MonkeyPatch) -> None:
        stft = STFT(64, 16)
        x = signal(2, 1000)
        whole = stft.inverse(stft.forward(x), 1000)
        monkeypatch.setattr("sepkit.spectral._BLOCK_VALUES", 256)
        assert len(list(stft.blocks(1000))) > 10
        np.testing.assert_allclose(stft.inverse(stft.forward(x), 1000), whole, atol=1e-12)

    def test_refuses_a_spectrum_of_another_length(self) -> None:
        stft = STFT(64, 16)
        with pytest.raises(ValueError, match="500 samples need"):
            stft.inverse(stft.forward(signal(1000)), 500)


class TestWindowsThatLoseSamples:
    @pytest.mark.parametrize(
        ("window_length", "hop", "window"),
        [(64, 64, "hann"), (64, 65, "boxcar"), (64, 100, "hann"), (8, 8, "blackman")],
    )
    def test_are_refused(self, window_length: int, hop: int, window: str) -> None:
        with pytest.raises(ConfigError, match="smaller hop"):
            STFT(window_length, hop, window)

    @pytest.mark.parametrize(("window_length", "hop"), [(0, 1), (64, 0), (-64, 16), (64, -16)])
    def test_sizes_need_to_be_positive(self, window_length: int, hop: int) -> None:
        with pytest.raises(ConfigError, match="positive"):
            STFT(window_length, hop)

    def test_boxcar_without_overlap_is_fine(self) -> None:
        stft, x = STFT(64, 64, "boxcar"), signal(1000)
        assert error(stft.inverse(stft.forward(x), 1000), x) < 1e-7


@pytest.mark.parametrize(
    ("window_length", "hop", "window"),
    [(64, 16, "hann"), (64, 17, "hann"), (63, 16, "hamming"), (63, 21, "hann"), (2, 1, "hann"), (1, 1, "boxcar")],
)
@pytest.mark.parametrize("length", [64, 65, 200])
def test_agrees_with_scipy(window_length: int, hop: int, window: str, length: int) -> None:
    import scipy.signal

    ours, x = STFT(window_length, hop, window), signal(2, length)
    weights = scipy.signal.get_window(window, window_length)
    theirs = scipy.signal.ShortTimeFFT(weights, hop, fs=1.0, fft_mode="onesided", phase_shift=None)
    first = round(ours.frames_s(length, 1)[0] / hop)
    p_min, p_max = max(theirs.p_min, first), min(theirs.p_max(length), first + ours.frames(length))
    assert p_max - p_min >= length // hop
    np.testing.assert_allclose(
        ours.forward(x)[..., p_min - first : p_max - first], theirs.stft(x, p0=p_min, p1=p_max), atol=1e-5
    )


class TestAxes:
    @given(stft=transforms(), length=st.integers(1, 300))
    def test_fit_the_spectrum(self, stft: STFT, length: int) -> None:
        assert stft.forward(signal(length)).shape == (stft.bins, stft.frames(length))
        assert len(stft.bins_hz(8000)) == stft.bins
        assert len(stft.frames_s(length, 8000)) == stft.frames(length)

    @given(stft=transforms(), length=st.integers(1, 300))
    def test_every_frame_that_touches_the_signal_is_there_and_no_other(self, stft: STFT, length: int) -> None:
        centres = np.round(stft.frames_s(length, 1)).astype(int)
        starts = centres - stft.window_length // 2
        assert (np.diff(centres) == stft.hop).all()
        assert (starts < length).all()
        assert (starts + stft.window_length > 0).all()
        assert starts[0] - stft.hop + stft.window_length <= 0
        assert starts[-1] + stft.hop >= length

    @pytest.mark.parametrize("frame", [5, 20, 40])
    def test_an_impulse_peaks_in_the_frame_of_its_time(self, frame: int) -> None:
        stft, rate = STFT(64, 16), 8000
        time_s = stft.frames_s(1000, rate)[frame]
        x = np.zeros(1000)
        x[round(time_s * rate)] = 1
        assert stft.magnitude(x).sum(axis=0).argmax() == frame

    @pytest.mark.parametrize("index", [3, 10, 30])
    def test_a_sine_peaks_in_the_bin_of_its_frequency(self, index: int) -> None:
        stft, rate = STFT(64, 16), 8000
        f_hz = stft.bins_hz(rate)[index]
        assert f_hz == pytest.approx(index * rate / 64)
        x = np.sin(2 * np.pi * f_hz * np.arange(1000) / rate)
        assert stft.magnitude(x).sum(axis=1).argmax() == index

    def test_first_and_last_bin_are_zero_and_half_the_rate(self) -> None:
        assert STFT(64, 16).bins_hz(8000)[[0, -1]].tolist() == [0, 4000]

    @pytest.mark.parametrize(
        ("window_s", "rate", "window_length"), [(0.046, 44100, 2048), (0.046, 22050, 1024), (1e-9, 8000, 4)]
    )
    def test_of_duration_takes_the_nearest_power_of_two(self, window_s: float, rate: int, window_length: int) -> None:
        stft = STFT.of_duration(window_s, 4, rate)
        assert (stft.window_length, stft.hop) == (window_length, window_length // 4)


class TestTransform:
    @given(stft=transforms(), data=st.data())
    def test_of_a_block_is_a_slice_of_the_whole(self, stft: STFT, data: st.DataObject) -> None:
        x = signal(2, data.draw(st.integers(1, 300)))
        frames = stft.frames(x.shape[-1])
        start = data.draw(st.integers(0, frames - 1))
        block = slice(start, data.draw(st.integers(start + 1, frames)))
        np.testing.assert_allclose(stft.forward(x, block), stft.forward(x)[..., block], atol=1e-12)

    @given(stft=transforms(), length=st.integers(1, 100))
    def test_is_linear(self, stft: STFT, length: int) -> None:
        x, y = signal(length, seed=1), signal(length, seed=2)
        np.testing.assert_allclose(
            stft.forward(2 * x - 3 * y), 2 * stft.forward(x) - 3 * stft.forward(y), rtol=0, atol=1e-10
        )

    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_magnitude_is_its_absolute_value(self, dtype: type, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("sepkit.spectral._BLOCK_VALUES", 1000)
        stft, x = STFT(64, 16), signal(2, 1000, dtype=dtype)
        magnitude = stft.magnitude(x)
        assert magnitude.dtype == dtype
        np.testing.assert_allclose(magnitude, np.abs(stft.forward(x)), rtol=1e-5, atol=1e-5)

    @given(length=st.integers(1, 5000), copies=st.integers(1, 100))
    def test_blocks_cover_every_frame_once(self, length: int, copies: int) -> None:
        stft = STFT(32, 8)
        covered = [frame for block in stft.blocks(length, copies) for frame in range(block.start, block.stop)]
        assert covered == list(range(stft.frames(length)))

    def test_leaves_its_input_alone(self) -> None:
        x = signal(2, 1000, dtype=np.float32)
        before = x.copy()
        x.flags.writeable = False
        stft = STFT(64, 16)
        stft.inverse(stft.forward(x), 1000)
        stft.magnitude(x)
        np.testing.assert_array_equal(x, before)


class TestFilter:
    @pytest.fixture(autouse=True)
    def _many_blocks(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("sepkit.spectral._BLOCK_VALUES", 1000)

    @pytest.mark.parametrize("length", [1, 50, 1000])
    def test_masks_of_one_give_the_signal(self, length: int) -> None:
        stft, x = STFT(64, 16), signal(length, dtype=np.float32)
        filtered = stft.filter(x, lambda block: np.ones((1, stft.bins, block.stop - block.start), np.float32), 1)
        assert filtered.dtype == np.float32
        np.testing.assert_allclose(filtered[0], x, atol=1e-6)

    @settings(max_examples=20)
    @given(length=st.integers(1, 600), sources=st.integers(1, 4))
    def test_masks_that_sum_to_one_give_stems_that_sum(self, length: int, sources: int) -> None:
        stft, x = STFT(64, 16), signal(length)
        masks = soft_masks(np.random.default_rng(1).random((sources, stft.bins, stft.frames(length))))
        stems = stft.filter(x, lambda block: masks[..., block], sources)
        assert stems.shape == (sources, length)
        assert error(stems.sum(axis=0), x) < 1e-6

    def test_is_the_inverse_of_the_masked_spectrum(self) -> None:
        stft, x = STFT(64, 16), signal(1000)
        masks = np.random.default_rng(1).random((2, stft.bins, stft.frames(1000)))
        expected = stft.inverse(masks * stft.forward(x), 1000)
        np.testing.assert_allclose(stft.filter(x, lambda block: masks[..., block], 2), expected, atol=1e-12)

    def test_loops_through_the_steps_that_it_is_given(self) -> None:
        stft, x, totals = STFT(64, 16), signal(1000), []

        def steps(total: int) -> Any:
            totals.append(total)
            return iter(range(total))

        stft.filter(x, lambda block: np.ones((1, stft.bins, block.stop - block.start)), 1, steps=steps)
        assert totals == [len(list(stft.blocks(1000)))]


magnitudes = hnp.arrays(
    np.float64, st.tuples(st.integers(1, 4), st.integers(1, 5)), elements=st.just(0.0) | st.floats(1e-6, 1e6)
)


def test_spectra_made_block_by_block_give_the_samples_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    stft, x = STFT(64, 16), signal(2, 3, 1000)
    spectrum, blocks = stft.forward(x), []
    monkeypatch.setattr("sepkit.spectral._BLOCK_VALUES", 1000)

    def spectra(block: slice) -> NDArray[Any]:
        blocks.append(block)
        return spectrum[..., block]

    again = stft.synthesize(spectra, x.shape, dtype=np.float64)
    np.testing.assert_allclose(again, stft.inverse(spectrum, 1000), atol=1e-12)
    assert blocks == list(stft.blocks(1000, copies=6))
    blocks.clear()
    np.testing.assert_allclose(stft.synthesize(spectra, x.shape, dtype=np.float64, block=7), again, atol=1e-12)
    assert {block.stop - block.start for block in blocks[:-1]} == {7}


class TestSoftMasks:
    @given(magnitudes, st.floats(0.1, 20) | st.just(math.inf))
    def test_share_each_point_where_there_is_energy(self, V: NDArray[np.float64], exponent: float) -> None:
        masks = soft_masks(V, exponent)
        assert masks.shape == V.shape
        assert ((masks >= 0) & (masks <= 1)).all()
        np.testing.assert_allclose(masks.sum(axis=0), V.any(axis=0), atol=1e-12)
        assert (masks[V == 0] == 0).all()

    @given(magnitudes, st.floats(1e-3, 1e3), st.sampled_from([0.5, 1.0, 2.0]))
    def test_do_not_depend_on_scale(self, V: NDArray[np.float64], gain: float, exponent: float) -> None:
        np.testing.assert_allclose(soft_masks(gain * V, exponent), soft_masks(V, exponent), atol=1e-9)

    @pytest.mark.parametrize("exponent", [0.5, 1.0, 2.0])
    def test_are_the_share_of_the_power(self, exponent: float) -> None:
        V = np.random.default_rng(0).random((3, 4, 5))
        np.testing.assert_allclose(soft_masks(V, exponent), V**exponent / (V**exponent).sum(axis=0))

    @pytest.mark.parametrize("exponent", [1000.0, math.inf])
    def test_of_a_high_exponent_give_all_to_the_loudest(self, exponent: float) -> None:
        V = np.random.default_rng(0).permutation(np.arange(1.0, 13)).reshape(3, 4)
        np.testing.assert_allclose(soft_masks(V, exponent), V.max(axis=0) == V, atol=1e-9)

    def test_of_a_tie_are_equal(self) -> None:
        np.testing.assert_array_equal(soft_masks(np.ones((2, 3)), math.inf), 0.5)

    @pytest.mark.parametrize("exponent", [0.5, 1.0, 2.0, math.inf])
    @pytest.mark.parametrize("scale", [1e-45, 1e-30, 1e30, 3e38])
    def test_of_tiny_and_huge_magnitudes_are_finite(self, scale: float, exponent: float) -> None:
        V = np.array([[scale, 0, scale], [0, 0, scale], [1, 0, scale]], np.float32)
        masks = soft_masks(V, exponent)
        assert masks.dtype == np.float32
        assert np.isfinite(masks).all()
        np.testing.assert_allclose(masks.sum(axis=0), [1, 0, 1], rtol=1e-6)
        np.testing.assert_allclose(masks[:, 2], 1 / 3, rtol=1e-6)

    def test_leave_their_input_alone(self) -> None:
        V = np.random.default_rng(0).random((3, 4))
        before = V.copy()
        soft_masks(V, 2)
        np.testing.assert_array_equal(V, before)


def test_filtering_all_channels_at_once_equals_filtering_each() -> None:
    rng = np.random.default_rng(0)
    stft = STFT(256, 64)
    samples = rng.standard_normal((3, 5000)).astype(np.float32)
    masks = rng.random((2, stft.bins, stft.frames(5000))).astype(np.float32)
    together = stft.filter(samples, lambda block: masks[..., block], 2)
    assert together.shape == (2, 3, 5000)
    for channel in range(3):
        alone = stft.filter(samples[channel], lambda block: masks[..., block], 2)
        np.testing.assert_allclose(together[:, channel], alone, atol=1e-6)
