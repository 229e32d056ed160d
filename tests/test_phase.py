from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from sepkit.phase import griffin_lim, spectral_convergence, unit_phasors
from sepkit.spectral import STFT
from tests.test_spectral import transforms


def music(length: int, seed: int = 0) -> NDArray[np.float64]:
    """Decaying tones and bursts of noise."""
    rng = np.random.default_rng(seed)
    time = np.arange(length)
    tones = sum(np.exp(-time / 2000) * np.sin(time * rng.uniform(0.02, 0.9)) for _ in range(4))
    return np.asarray(tones + 0.1 * rng.standard_normal(length) * (time % 900 < 300))


def distances(magnitude: NDArray[Any], stft: STFT, length: int, iterations: int, **options: Any) -> list[float]:
    """Of the signal after each number of iterations."""
    return [
        spectral_convergence(griffin_lim(magnitude, stft, length, iterations=n, **options), magnitude, stft)
        for n in range(iterations)
    ]


class TestGriffinLim:
    @given(stft=transforms(), length=st.integers(1, 300), seed=st.integers(0, 2**32 - 1))
    @settings(max_examples=60, deadline=None)
    def test_never_goes_away_from_the_magnitudes(self, stft: STFT, length: int, seed: int) -> None:
        shape = (2, stft.bins, stft.frames(length))
        # Of no signal at all, so that there is always something to miss.
        magnitude = np.random.default_rng(seed).gamma(0.5, size=shape)
        missed = distances(magnitude, stft, length, 6)
        # The window itself is kept in single precision.
        assert all(later <= earlier + 1e-6 for earlier, later in itertools.pairwise(missed))

    @given(
        stft=transforms(), length=st.integers(1, 300), iterations=st.integers(0, 7), momentum=st.sampled_from([0, 0.99])
    )
    @settings(max_examples=60, deadline=None)
    def test_gives_back_what_is_consistent_already(
        self, stft: STFT, length: int, iterations: int, momentum: float
    ) -> None:
        x = np.random.default_rng(length).standard_normal(length)
        spectrum = stft.forward(x)
        again = griffin_lim(np.abs(spectrum), stft, length, start=spectrum, iterations=iterations, momentum=momentum)
        assert np.abs(again - x).max() < 1e-5

    @pytest.mark.parametrize("momentum", [0.0, 0.99])
    @pytest.mark.parametrize(
        ("window_length", "hop", "window"), [(512, 128, "hann"), (256, 128, "hann"), (384, 96, "hamming")]
    )
    def test_is_that_of_librosa(self, window_length: int, hop: int, window: str, momentum: float) -> None:
        librosa = pytest.importorskip("librosa")
        stft = STFT(window_length, hop, window)
        length = 40 * hop
        magnitude = stft.magnitude(music(length))
        # Frames that reach beyond the signal's ends, where the two treat it differently, are left empty.
        first_sample = np.round(stft.frames_s(length, 1)) - window_length // 2
        magnitude[:, (first_sample < 0) | (first_sample + window_length > length)] = 0
        theirs = librosa.griffinlim(
            magnitude,
            n_iter=20,
            hop_length=hop,
            n_fft=window_length,
            window=window,
            center=False,
            momentum=momentum,
            init=None,
            dtype=np.float64,
        )
        begins = -int(first_sample[0])
        ours = griffin_lim(magnitude, stft, length, iterations=20, momentum=momentum)
        assert np.abs(ours - theirs[begins : begins + length]).max() < 1e-3 * np.abs(ours).max()

    def test_momentum_comes_closer(self) -> None:
        stft, x = STFT(512, 128), music(8000)
        magnitude = stft.magnitude(x)
        plain, fast = (
            spectral_convergence(griffin_lim(magnitude, stft, 8000, iterations=60, momentum=m), magnitude, stft)
            for m in (0.0, 0.99)
        )
        assert fast < 0.8 * plain

    def test_gain_does_not_alternate(self) -> None:
        stft, x = STFT(256, 128), music(4000)
        magnitude = stft.magnitude(x)
        powers = [np.square(griffin_lim(magnitude, stft, 4000, iterations=n)).sum() for n in (30, 31, 32)]
        assert max(powers) / min(powers) < 1.01

    def test_channels_do_not_mix_and_types_stay(self) -> None:
        stft, x = STFT(256, 64), np.stack([music(3000), music(3000, seed=1)]).astype(np.float32)
        magnitude = stft.magnitude(x)
        both = griffin_lim(magnitude, stft, 3000, iterations=5)
        assert both.dtype == np.float32
        for one, alone in zip(both, magnitude, strict=True):
            assert np.allclose(one, griffin_lim(alone, stft, 3000, iterations=5), atol=1e-5)

    def test_silence_stays_silent(self) -> None:
        stft = STFT(256, 64)
        nothing = np.zeros((stft.bins, stft.frames(1000)))
        assert not griffin_lim(nothing, stft, 1000, iterations=3, momentum=0.99).any()
        assert spectral_convergence(np.zeros(1000), nothing, stft) == 0

    def test_phases_of_next_to_nothing_are_numbers(self) -> None:
        spectrum = np.array([0, 1e-45, 1e-40j, -1e-42, 3 - 4j], np.complex64)
        assert np.abs(unit_phasors(spectrum)) == pytest.approx(1)

    def test_keeps_what_is_asked_of_the_signal(self) -> None:
        stft, x = STFT(256, 64), music(3000)
        silent = np.arange(3000) < 1000
        again = griffin_lim(
            stft.magnitude(x), stft, 3000, iterations=5, project=lambda signal: np.where(silent, 0, signal)
        )
        assert not again[silent].any()
        assert again[~silent].any()

    def test_shows_every_step(self) -> None:
        stft, seen = STFT(64, 16), []

        def steps(total: int) -> Any:
            for step in range(total):
                seen.append(step)
                yield step

        griffin_lim(stft.magnitude(music(500)), stft, 500, iterations=4, steps=steps)
        assert seen == [0, 1, 2, 3]

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"length": 700}, "700 samples need magnitudes of shape"),
            ({"iterations": -1}, "iterations and momentum need to be 0 or more, given -1"),
            ({"momentum": float("nan")}, "0 or more, given 50 and nan"),
            ({"start": np.ones((2, 2), complex)}, "the start has shape"),
            ({"magnitude": np.full((33, 35), -1.0)}, "magnitudes lie from -1.0 to -1.0; give finite ones from 0"),
            ({"magnitude": np.full((33, 35), np.nan)}, "magnitudes lie from nan to nan; give finite ones from 0"),
        ],
    )
    def test_says_what_does_not_fit(self, change: dict[str, Any], message: str) -> None:
        stft = STFT(64, 16)
        options = {"magnitude": np.ones((33, stft.frames(500))), "stft": stft, "length": 500, **change}
        with pytest.raises(ValueError, match=message):
            griffin_lim(**options)


def test_convergence_counts_both_sides_of_the_spectrum() -> None:
    stft, x = STFT(64, 16), music(400)
    framed = np.stack([np.pad(x, 64)[64 + s : 128 + s] for s in (np.round(stft.frames_s(400, 1)) - 32).astype(int)])
    full = np.abs(np.fft.fft(framed * stft._analysis, axis=-1)).T
    wanted = np.random.default_rng(0).random(full.shape)
    wanted[33:] = wanted[31:0:-1]
    expected = np.linalg.norm(full - wanted) / np.linalg.norm(wanted)
    assert spectral_convergence(x, wanted[:33], stft) == pytest.approx(expected, rel=1e-5)
