"""Partials and harmonic templates: against loops that do as the definitions say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from sepkit.harmonics import harmonic_template, midi_to_hz, partials_hz

BINS_HZ = np.arange(1025) * (44100 / 2048)
WIDTH_HZ = BINS_HZ[1]


def naive_template(
    bins_hz: NDArray[np.float64], pitch: float, cents: float, inharmonicity: float
) -> NDArray[np.float64]:
    """Bin by bin and partial by partial."""
    f0_hz = 440 * 2 ** ((pitch - 69) / 12)
    width_hz = bins_hz[1] - bins_hz[0] if len(bins_hz) > 1 else 0.0
    template = np.zeros(len(bins_hz))
    for index, bin_hz in enumerate(bins_hz):
        nearest_hz, number, m = np.inf, 0, 1
        while number == m - 1:
            partial_hz = m * f0_hz * (1 + inharmonicity * m**2) ** 0.5
            if abs(partial_hz - bin_hz) < abs(nearest_hz - bin_hz):
                nearest_hz, number = partial_hz, m
            m += 1
        tolerance_hz = max(nearest_hz * (2 ** (cents / 1200) - 1), width_hz)
        template[index] = 1 / number if abs(nearest_hz - bin_hz) <= tolerance_hz else 0.0
    return template


@given(
    bins=st.integers(1, 60),
    width_hz=st.floats(3, 300),
    pitch=st.floats(0, 127),
    cents=st.floats(1e-6, 600),
    inharmonicity=st.just(0.0) | st.floats(0, 0.01),
)
def test_template_equals_a_loop_over_bins_and_partials(
    bins: int, width_hz: float, pitch: float, cents: float, inharmonicity: float
) -> None:
    bins_hz = np.arange(bins) * width_hz
    found = harmonic_template(bins_hz, pitch, cents=cents, inharmonicity=inharmonicity)
    np.testing.assert_allclose(found, naive_template(bins_hz, pitch, cents, inharmonicity), rtol=1e-12)


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


def test_inharmonicity_moves_a_template_up_by_the_formula() -> None:
    stiff = harmonic_template(BINS_HZ, 45, cents=1, inharmonicity=0.0005)
    for m in (1, 5, 10, 20):
        partial_hz = 110 * m * np.sqrt(1 + 0.0005 * m**2)
        near = np.abs(BINS_HZ - partial_hz) < WIDTH_HZ
        np.testing.assert_allclose(stiff[near], 1 / m)
    # The twentieth partial lies 10 percent sharp, nearly where the exact twenty-second would be.
    assert stiff[round(20 * 110 / WIDTH_HZ)] == 0
    assert harmonic_template(BINS_HZ, 45, cents=1)[round(20 * 110 / WIDTH_HZ)] == 1 / 20


def test_with_hardly_any_cents_a_bins_width_on_either_side_is_left() -> None:
    template = harmonic_template(BINS_HZ, 69, cents=1e-9)
    for m in range(1, 51):
        below = int(440 * m / WIDTH_HZ)
        assert np.flatnonzero(template[below - 3 : below + 5]).tolist() == [3, 4]
        np.testing.assert_allclose(template[below : below + 2], 1 / m)


@pytest.mark.parametrize("pitch", [0, 3.5])
def test_partials_closer_than_bins_claim_them_all(pitch: float) -> None:
    template = harmonic_template(BINS_HZ, pitch, cents=1e-9)
    assert (template > 0).all()
    np.testing.assert_allclose(1 / template[10:], BINS_HZ[10:] / midi_to_hz(pitch), atol=0.5)


def test_a_pitch_above_all_bins_claims_none() -> None:
    assert not harmonic_template(BINS_HZ[:100], 127, cents=50).any()
    # The fundamental of this one is 1 Hz above the last bin.
    f0_hz = BINS_HZ[100] - 1
    pitch = 69 + 12 * np.log2(f0_hz / 440)
    assert np.flatnonzero(harmonic_template(BINS_HZ[:100], pitch, cents=1e-9)).tolist() == [99]


def test_one_bin_is_enough() -> None:
    assert harmonic_template(np.zeros(1), 60, cents=50).tolist() == [0]
    assert harmonic_template(np.array([440.0]), 69, cents=50).tolist() == [1]
