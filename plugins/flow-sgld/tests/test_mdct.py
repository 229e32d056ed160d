"""The MDCT is orthonormal at any length, and agrees with its definition."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from sepkit_flow_sgld.mdct import MDCT

LENGTHS = (1, 5, 16, 17, 32, 100, 160)


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def coefficients(mdct: MDCT, waveforms: Tensor) -> Tensor:
    frames, rest = mdct(waveforms)
    return torch.cat((frames.flatten(1), rest), 1)


@pytest.mark.parametrize("length", LENGTHS)
def test_energy_stays_and_waveforms_come_back(length: int) -> None:
    mdct, given = MDCT(16), noise(3, length)
    frames, rest = mdct(given)
    assert frames.shape == (3, length // 16, 16)
    assert rest.shape == (3, length % 16)
    energies = coefficients(mdct, given).square().sum(1) / given.square().sum(1)
    torch.testing.assert_close(energies, torch.ones(3), rtol=0, atol=1e-6)
    assert (mdct.inverse(frames, rest) - given).abs().max() < 1e-5


@pytest.mark.parametrize("length", LENGTHS)
def test_all_of_it_is_one_orthonormal_matrix(length: int) -> None:
    matrix = coefficients(MDCT(16), torch.eye(length))
    torch.testing.assert_close(matrix @ matrix.T, torch.eye(length), rtol=0, atol=1e-5)


def test_a_frame_agrees_with_the_definition() -> None:
    bins, frame = 8, 2
    given = noise(1, 5 * bins)
    found = MDCT(bins)(given)[0][0, frame]
    for k in range(bins):
        expected = 0.0
        for n in range(2 * bins):
            window = math.sin(math.pi * (n + 0.5) / (2 * bins))
            phase = math.pi / bins * (n + 0.5 + bins / 2) * (k + 0.5)
            expected += math.sqrt(2 / bins) * window * float(given[0, (frame - 1) * bins + n]) * math.cos(phase)
        assert float(found[k]) == pytest.approx(expected, abs=1e-5)


def test_a_tone_is_in_a_few_bins_at_its_frequency() -> None:
    bins, bin_ = 64, 20
    tone = torch.cos(math.pi / bins * (bin_ + 0.5) * torch.arange(16 * bins) + 0.3)
    power = MDCT(bins)(tone[None])[0][0, 1:].square().mean(0)
    assert int(power.argmax()) in (bin_ - 1, bin_, bin_ + 1)
    assert float(power[bin_ - 2 : bin_ + 3].sum() / power.sum()) > 0.99


def test_a_delay_by_a_block_delays_the_frames() -> None:
    mdct, given = MDCT(16), noise(2, 96)
    torch.testing.assert_close(mdct(given.roll(16, 1))[0], mdct(given)[0].roll(1, 1))


def test_double_precision_stays() -> None:
    frames, rest = MDCT(16).double()(noise(1, 40).double())
    assert frames.dtype == rest.dtype == torch.float64
