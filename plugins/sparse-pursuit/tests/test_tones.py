"""The model of tones: where partials lie, what they look like, how that changes with the parameters."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sepkit_sparse_pursuit import LogAxis, Partials, ToneModel, Tones, pattern_derivatives, patterns
from sepkit_sparse_pursuit.tones import reach_of

AXIS = LogAxis.between(20, 20480, bins_per_octave=102.4)
WIDTH = 6 / np.pi


def one_tone(
    amplitude: float = 1.0,
    position: float = 300.0,
    width: float = WIDTH,
    inharmonicity: float = 0.0,
    instrument: int = 0,
) -> Tones:
    values = (np.array([[value]]) for value in (amplitude, position, width, inharmonicity))
    return Tones(*values, np.array([[instrument]]))


@given(
    hz=st.floats(60, 1500), inharmonicity=st.floats(0, 2e-3), harmonic=st.integers(1, 12), amplitude=st.floats(0.1, 10)
)
def test_each_partial_peaks_where_its_frequency_lies(
    hz: float, inharmonicity: float, harmonic: int, amplitude: float
) -> None:
    weights = np.zeros((1, 1, 12))
    weights[..., harmonic - 1] = 1
    tone = one_tone(amplitude, float(AXIS.position(hz)), inharmonicity=inharmonicity)
    spectrum = ToneModel(AXIS, WIDTH).magnitudes(tone, weights)[0, 0]
    partial_hz = hz * harmonic * np.sqrt(1 + inharmonicity * harmonic**2)
    assert abs(spectrum.argmax() - AXIS.position(partial_hz)) <= 0.5 + 1e-9
    assert spectrum.max() == pytest.approx(amplitude, rel=0.04)


def test_the_pattern_only_shifts_with_the_pitch() -> None:
    weights = np.random.default_rng(0).uniform(size=(1, 1, 8))
    low, high = (ToneModel(AXIS, WIDTH).magnitudes(one_tone(position=at), weights)[0, 0] for at in (250.0, 413.0))
    np.testing.assert_allclose(high[163:], low[:-163], atol=1e-12)


def test_partials_beyond_the_axis_are_left_out() -> None:
    weights = np.ones((1, 1, 25))
    spectrum = ToneModel(AXIS, WIDTH).magnitudes(one_tone(position=AXIS.bins - 40.0), weights)[0, 0]
    assert spectrum[: AXIS.bins - 60].max() == 0
    assert np.isfinite(spectrum).all()
    assert ToneModel(AXIS, WIDTH).magnitudes(one_tone(position=-1e4), weights).max() == 0


def test_partials_of_one_tone_that_meet_are_added() -> None:
    axis = LogAxis.between(200, 20480, bins_per_octave=38.6)
    weights = np.ones((1, 1, 25))
    tone = one_tone(position=20.0)
    centre = 20 + axis.bins_per_e * np.log(np.arange(1, 26))
    whole = np.exp(-((np.arange(axis.bins) - centre[:, np.newaxis]) ** 2) / (2 * WIDTH**2)).sum(axis=0)
    np.testing.assert_allclose(ToneModel(axis, WIDTH).magnitudes(tone, weights)[0, 0], whole, atol=3e-4)


@pytest.mark.parametrize("parameter", ["position", "width", "inharmonicity"])
def test_derivatives_are_those_of_the_pattern(parameter: str) -> None:
    rng = np.random.default_rng(1)
    tones = Tones(
        np.ones((2, 3)),
        rng.uniform(200, 600, (2, 3)),
        rng.uniform(1.6, 2.8, (2, 3)),
        rng.uniform(1e-4, 1e-3, (2, 3)),
        np.zeros((2, 3), np.intp),
    )
    weights = rng.uniform(size=(2, 3, 10))
    reach = 30

    def value(tones: Tones) -> np.ndarray:
        return patterns(Partials.of(AXIS, tones, 10, reach), weights)

    step = {"position": 1e-4, "width": 1e-5, "inharmonicity": 1e-8}[parameter]
    there, back = (value(replace(tones, **{parameter: getattr(tones, parameter) + sign * step})) for sign in (1, -1))
    derivatives = dict(
        zip(
            ("position", "width", "inharmonicity"),
            pattern_derivatives(Partials.of(AXIS, tones, 10, reach), weights, tones.width),
            strict=True,
        )
    )
    numeric = (there - back) / (2 * step)
    np.testing.assert_allclose(derivatives[parameter], numeric, atol=1e-5 * abs(numeric).max())


def test_of_each_instrument_the_loudest_tones_stay() -> None:
    amplitude = np.array([[1.0, 3.0, 2.0, 0.5, 0.0], [0.0, 0.0, 4.0, 0.0, 1.0]])
    instrument = np.array([[0, 0, 0, 1, 1], [0, 0, 1, 1, 1]])
    tones = Tones(amplitude, amplitude * 10, amplitude + 1, amplitude, instrument)
    kept = tones.loudest(2)
    assert kept.amplitude.shape == (2, 3)
    assert sorted(kept.amplitude[0]) == [0.5, 2, 3]
    assert sorted(kept.amplitude[1]) == [0, 1, 4]
    np.testing.assert_array_equal(kept.position, kept.amplitude * 10)


def test_how_far_gaussians_are_followed() -> None:
    assert np.exp(-((reach_of(WIDTH) + 1) ** 2) / (2 * WIDTH**2)) < 2e-4
