"""The measures that the papers report are those that sepkit calls SI-SDR and SI-SIR; their SAR follows from SI-SAR."""

from __future__ import annotations

import numpy as np
import pytest

from sepkit import Audio
from sepkit.evaluation import evaluate

METRICS = ["si-sdr"]


def decibel(signal: np.ndarray, rest: np.ndarray) -> float:
    return float(10 * np.log10(signal @ signal / (rest @ rest)))


def heard(signals: np.ndarray) -> dict[str, Audio]:
    return {f"source{row}": Audio(signal[np.newaxis].astype(np.float32), 8000) for row, signal in enumerate(signals)}


def test_measures_are_those_of_the_papers() -> None:
    """Projections by least squares: on the stem's own reference, and on all of them together."""
    rng = np.random.default_rng(0)
    references = rng.normal(size=(3, 4000)).astype(np.float32)
    gains = np.array([[1, 0.2, 0], [0.1, 0.7, 0.3], [0.4, 0, 1.5]])
    estimates = (gains @ references + rng.normal(0, 0.3, (3, 4000))).astype(np.float32)
    values = evaluate(heard(estimates), heard(references), metrics=METRICS).values
    for row, estimate in enumerate(estimates.astype(np.float64)):
        own = references[row].astype(np.float64)
        target = own * (estimate @ own) / (own @ own)
        on_all = references.T @ np.linalg.lstsq(references.T.astype(np.float64), estimate, rcond=None)[0]
        expected = {
            "SI-SDR": decibel(target, estimate - target),
            "SI-SIR": decibel(target, on_all - target),
            "SI-SAR": decibel(target, estimate - on_all),
        }
        for figure, value in expected.items():
            assert values[figure][f"source{row}"] == pytest.approx(value, abs=1e-3)
        sar = decibel(on_all, estimate - on_all)
        assert expected["SI-SAR"] + 10 * np.log10(1 + 10 ** (-expected["SI-SIR"] / 10)) == pytest.approx(sar, abs=1e-3)


@pytest.mark.parametrize("gain", [0.25, 1, 8])
def test_a_reference_at_another_level_is_perfect(gain: float) -> None:
    references = np.random.default_rng(1).normal(size=(2, 4000)).astype(np.float32)
    values = evaluate(heard(gain * references), heard(references), metrics=METRICS).values
    assert min(values["SI-SDR"].values()) >= 200
