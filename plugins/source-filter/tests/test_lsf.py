"""Line spectral frequencies against scipy, and their gradients."""

from __future__ import annotations

import numpy as np
import scipy.linalg
import scipy.signal
import torch
from numpy.typing import NDArray

from sepkit_source_filter.lsf import (
    LEAST_GAP,
    log_gain,
    logits_of_lsf,
    lpc_of_lsf,
    lpc_of_power,
    lsf_of_logits,
    lsf_of_lpc,
)

ORDER = 20


def stable_filters(count: int = 200) -> NDArray[np.float64]:
    """Filters of ten formants [shape=(count, 21)]."""
    rng = np.random.default_rng(0)
    angles = np.sort(rng.uniform(0.05, np.pi - 0.05, (count, ORDER // 2)))
    poles = rng.uniform(0.6, 0.97, angles.shape) * np.exp(1j * angles)
    return np.stack([np.poly(np.concatenate([row, row.conj()])).real for row in poles])


def test_coefficients_come_back_from_their_frequencies() -> None:
    lpc = stable_filters()
    back = lpc_of_lsf(torch.from_numpy(lsf_of_lpc(lpc))).numpy()
    assert np.max(np.abs(back - lpc) / np.abs(lpc).max(axis=1, keepdims=True)) < 1e-9


def test_closed_form_is_the_frequency_response() -> None:
    lpc = stable_filters(40)
    omega = np.linspace(0.01, np.pi - 0.01, 400)
    lsf = torch.from_numpy(lsf_of_lpc(lpc))
    for precise in (torch.float64, torch.float32):
        found = log_gain(lsf.to(precise), torch.cos(torch.from_numpy(omega)).to(precise)).double().numpy()
        truth = np.stack([np.log(np.abs(scipy.signal.freqz([1.0], one, worN=omega)[1])) for one in lpc])
        assert np.max(np.abs(found - truth)) * 20 / np.log(10) < 0.01


def test_gradients_are_right() -> None:
    logits = torch.randn(2, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(0), requires_grad=True)
    cosines = torch.cos(torch.linspace(0.1, 3.0, 9, dtype=torch.float64))
    assert torch.autograd.gradcheck(lambda z: lpc_of_lsf(lsf_of_logits(z)), logits)
    assert torch.autograd.gradcheck(lambda z: log_gain(lsf_of_logits(z), cosines), logits)


def test_frequencies_stay_apart_and_filters_stable() -> None:
    logits = 3 * torch.randn(500, ORDER + 1, generator=torch.Generator().manual_seed(1))
    lsf = lsf_of_logits(logits.double())
    assert float(lsf.diff(dim=-1).min()) >= LEAST_GAP - 1e-12
    assert float(lsf.min()) >= LEAST_GAP
    assert float(lsf.max()) <= np.pi - LEAST_GAP + 1e-12
    # Roots of many neighbours at the least gap are beyond double precision.
    radii = [np.abs(np.roots(one)).max() for one in lpc_of_lsf(lsf_of_logits(logits.double() / 3)).numpy()]
    assert max(radii) < 1


def test_logits_give_their_frequencies() -> None:
    lsf = lsf_of_logits(torch.randn(50, ORDER + 1, generator=torch.Generator().manual_seed(2)).double())
    back = lsf_of_logits(logits_of_lsf(lsf))
    assert float((back - lsf).abs().max()) < 2e-2


def test_levinson_finds_the_filter_of_a_spectrum() -> None:
    lpc = stable_filters(5)
    power = np.stack([np.abs(scipy.signal.freqz([1.0], one, worN=4097, include_nyquist=True)[1]) ** 2 for one in lpc])
    found = lpc_of_power(power, ORDER)
    for one, spectrum in zip(found, power, strict=True):
        correlation = np.fft.irfft(spectrum)[: ORDER + 1] * np.exp(-0.5 * (0.024 * np.arange(ORDER + 1)) ** 2)
        correlation[0] *= 1 + 1e-5
        np.testing.assert_allclose(
            one[1:], -scipy.linalg.solve_toeplitz(correlation[:-1], correlation[1:]), rtol=1e-5, atol=1e-6
        )
