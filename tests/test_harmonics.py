"""Partials and their lobes: against loops that do as the definitions say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from sepkit.informed.harmonics import partial_lobes, partials_hz
from sepkit.music.pitch import midi_to_hz

BINS_HZ = np.arange(1025) * (44100 / 2048)
WIDTH_HZ = BINS_HZ[1]


def naive_lobes(
    bins_hz: NDArray[np.float64], pitch: float, cents: float, inharmonicity: float
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Bin by bin and partial by partial."""
    f0_hz = 440 * 2 ** ((pitch - 69) / 12)
    width_hz = bins_hz[1] - bins_hz[0] if len(bins_hz) > 1 else np.inf
    numbers, heights = np.zeros(len(bins_hz), int), np.zeros(len(bins_hz))
    for index, bin_hz in enumerate(bins_hz):
        nearest_hz, number, m = np.inf, 0, 1
        while number == m - 1:
            partial_hz = m * f0_hz * (1 + inharmonicity * m**2) ** 0.5
            if abs(partial_hz - bin_hz) < abs(nearest_hz - bin_hz):
                nearest_hz, number = partial_hz, m
            m += 1
        reach_hz = max(nearest_hz * (2 ** (cents / 1200) - 1), 2 * width_hz)
        distance_hz = abs(nearest_hz - bin_hz)
        numbers[index] = number
        heights[index] = np.cos(np.pi / 2 * distance_hz / reach_hz) ** 2 if distance_hz < reach_hz else 0.0
    return numbers, heights


@given(
    bins=st.integers(1, 60),
    width_hz=st.floats(3, 300),
    pitch=st.floats(0, 127),
    cents=st.floats(1e-6, 600),
    inharmonicity=st.just(0.0) | st.floats(0, 0.01),
)
def test_lobes_equal_a_loop_over_bins_and_partials(
    bins: int, width_hz: float, pitch: float, cents: float, inharmonicity: float
) -> None:
    bins_hz = np.arange(bins) * width_hz
    number, height = partial_lobes(bins_hz, pitch, cents=cents, inharmonicity=inharmonicity)
    numbers, heights = naive_lobes(bins_hz, pitch, cents, inharmonicity)
    np.testing.assert_array_equal(number, numbers)
    np.testing.assert_allclose(height, heights, atol=1e-12)


def test_equal_temperament_at_440_hz() -> None:
    np.testing.assert_allclose(midi_to_hz([69, 81, 57, 60, 69.5]), [440, 880, 220, 261.6255653, 452.8929841])


@given(f0_hz=st.floats(8, 5000), highest_hz=st.floats(0, 30000), inharmonicity=st.floats(0, 0.01))
def test_partials_reach_just_beyond_the_highest_frequency(
    f0_hz: float, highest_hz: float, inharmonicity: float
) -> None:
    partials = partials_hz(f0_hz, highest_hz, inharmonicity)
    m = np.arange(1, len(partials) + 1)
    np.testing.assert_allclose(partials / f0_hz, m * np.sqrt(1 + inharmonicity * m**2))
    assert partials[-1] > highest_hz
    if inharmonicity == 0:
        assert (partials[:-1] <= highest_hz * (1 + 1e-12)).all()


def test_inharmonicity_moves_lobes_up_by_the_formula() -> None:
    number, height = partial_lobes(BINS_HZ, 45, cents=1, inharmonicity=0.0005)
    for m in (1, 5, 10, 20):
        partial_hz = 110 * m * np.sqrt(1 + 0.0005 * m**2)
        near = np.abs(BINS_HZ - partial_hz) < WIDTH_HZ
        np.testing.assert_array_equal(number[near], m)
        assert (height[near] > 0.5).all()
    # The twentieth partial lies 10 percent sharp, nearly where the exact twenty-second would be.
    at = round(20 * 110 / WIDTH_HZ)
    assert height[at] == 0
    number, height = partial_lobes(BINS_HZ, 45, cents=1)
    assert number[at] == 20
    assert height[at] > 0.9


def test_with_hardly_any_cents_two_bins_on_either_side_are_left() -> None:
    number, height = partial_lobes(BINS_HZ, 69, cents=1e-9)
    for m in range(1, 49):
        below = int(440 * m / WIDTH_HZ)
        lobe = slice(below - 1, below + 3)
        assert np.flatnonzero(height[below - 5 : below + 7]).tolist() == [4, 5, 6, 7]
        np.testing.assert_array_equal(number[lobe], m)
        # Wherever the partial lies between two bins.
        assert height[lobe].sum() == pytest.approx(2)


def test_many_cents_reach_so_far_and_no_farther() -> None:
    number, height = partial_lobes(BINS_HZ, 69, cents=100)
    cents = 1200 * np.log2(np.maximum(BINS_HZ, 1) / (440 * number))
    # Tenth and later partials reach more than two bins, and less than half-way to the next.
    later = (number >= 10) & (number <= 16) & (cents > 0)
    np.testing.assert_array_equal(height[later] > 0, cents[later] < 100)


@pytest.mark.parametrize("pitch", [0, 3.5])
def test_partials_closer_than_bins_claim_them_all(pitch: float) -> None:
    number, height = partial_lobes(BINS_HZ, pitch, cents=1e-9)
    assert (height > 0.85).all()
    np.testing.assert_allclose(number[10:], BINS_HZ[10:] / midi_to_hz(pitch), atol=0.5)


def test_a_pitch_above_all_bins_claims_none() -> None:
    assert not partial_lobes(BINS_HZ[:100], 127, cents=50)[1].any()
    # The fundamental of this one is 1 Hz below the bin that would come after the last.
    f0_hz = BINS_HZ[100] - 1
    pitch = 69 + 12 * np.log2(f0_hz / 440)
    assert np.flatnonzero(partial_lobes(BINS_HZ[:100], pitch, cents=1e-9)[1]).tolist() == [98, 99]


@pytest.mark.parametrize("bin_hz", [0.0, 440.0])
def test_a_single_bin_is_all_lobe(bin_hz: float) -> None:
    number, height = partial_lobes(np.array([bin_hz]), 69, cents=50)
    assert (number.tolist(), height.tolist()) == ([1], [1])
