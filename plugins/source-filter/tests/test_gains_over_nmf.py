"""The separator beside what is simpler: combs of steady lobes and multiplicative updates, written down here."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import sepkit
from sepkit.informed.source_filter import SourceFilterModel
from sepkit.spectral import STFT, soft_masks

STEADY = STFT(2048, 256)


@pytest.fixture(scope="module")
def duet(sing: Any) -> Any:
    return sing([(57, 60, 59), (63, 67, 69)])


@pytest.fixture(scope="module")
def heard(duet: Any) -> NDArray[np.float32]:
    """The mixture [shape=(frames, bins)]."""
    X = STEADY.magnitude(duet.mixture.samples[0]).T
    return X / X.mean()


@pytest.fixture(scope="module")
def combs(duet: Any, heard: NDArray[np.float32]) -> NDArray[np.float32]:
    """Main lobes of a Hann window at the partials of both voices [shape=(sources, frames, bins)]."""
    distance = partials(duet) - np.rint(partials(duet))
    return np.where(np.abs(distance * width(duet)) < 2, 0.5 + 0.5 * np.cos(np.pi / 2 * distance * width(duet)), 0)


def f0_of(duet: Any) -> NDArray[np.float64]:
    frames_s = STEADY.frames_s(duet.mixture.length, duet.rate)
    return np.stack([np.interp(frames_s, duet.times_s, duet.f0_hz[name]) for name in duet.names])


def partials(duet: Any) -> NDArray[np.float64]:
    """How many times F0 every bin is, at least a half [shape=(sources, frames, bins)]."""
    return np.maximum(STEADY.bins_hz(duet.rate) / f0_of(duet)[..., np.newaxis], 0.5 + 1e-9)


def width(duet: Any) -> NDArray[np.float64]:
    """F0 in bins [shape=(sources, frames, 1)]."""
    return f0_of(duet)[..., np.newaxis] / STEADY.bins_hz(duet.rate)[1]


def masked(duet: Any, V: NDArray[np.floating], exponent: float) -> float:
    """Quality of soft masks from magnitudes [shape=(sources, frames, bins)]."""
    masks = soft_masks(V.transpose(0, 2, 1), exponent)
    stems = STEADY.filter(duet.mixture.samples, lambda frames: masks[..., frames], len(V))
    return duet.si_sdr({name: sepkit.Audio(stem, duet.rate) for name, stem in zip(duet.names, stems, strict=True)})


def run(duet: Any, steps: int, exponent: float) -> float:
    config = {"steps": steps, "mask_exponent": exponent}
    return duet.si_sdr(sepkit.separate(duet.mixture, "source-filter", f0=duet.tracks(), config=config))


def test_it_gains_4_db_over_partials_that_fall_with_their_number(
    duet: Any, heard: NDArray[np.float32], combs: NDArray[np.float32]
) -> None:
    templates = combs / np.maximum(1, np.rint(partials(duet)))
    gains = np.ones(templates.shape[:2])
    for _ in range(60):
        V = gains[..., np.newaxis] * templates
        ratio = heard / (V.sum(axis=0) + 1e-6)
        gains *= (ratio * templates).sum(axis=-1) / (templates.sum(axis=-1) + 1e-9)
    assert run(duet, 40, 1) > masked(duet, gains[..., np.newaxis] * templates, 1) + 4


def test_it_gains_1_db_over_envelopes_of_steady_partials(
    duet: Any, heard: NDArray[np.float32], combs: NDArray[np.float32]
) -> None:
    model = SourceFilterModel.drawn(STEADY.bins_hz(duet.rate), 2, len(heard), 8, np.random.default_rng(0))
    for _ in range(100):
        model.update(heard, combs)
    V = np.stack([comb * model.envelope(source) + model.noise / 2 for source, comb in enumerate(combs)])
    assert run(duet, 60, 2) > masked(duet, V, 2) + 1


def test_the_true_stems_make_masks_that_are_hardly_better(duet: Any) -> None:
    V = np.stack([STEADY.magnitude(stem).T for stem in duet.stems.values()])
    assert run(duet, 40, 2) > masked(duet, V, 2) - 1
