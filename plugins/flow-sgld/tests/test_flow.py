"""The flow is invertible, its change of volume is that of its Jacobian, and its density is one."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from sepkit_flow_sgld.flow import Flow

SIGMAS = (0.003, 0.1, 1.5)
LENGTHS = (1, 7, 64, 151)


def random_flow(seed: int = 0, **options: Any) -> Flow:
    """A flow that does something: trained ones have no weights of zero."""
    small = {"frames": (8, 16), "widths": (6, 8), "steps": (2, 1), "dilations": (1, 2), "embedding": 4}
    flow = Flow(**{"data_std": 0.2, "levels": (0.01, 5.0), **small, **options})
    generator = torch.Generator().manual_seed(seed)
    flow.initialize(generator)
    for parameter in flow.parameters():
        parameter.data += 0.15 * torch.randn(parameter.shape, generator=generator)
    return flow.requires_grad_(False)


def waveforms(*shape: int, seed: int = 1) -> Tensor:
    return 0.3 * torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("sigma", SIGMAS)
@pytest.mark.parametrize("length", LENGTHS)
def test_decoding_undoes_encoding(sigma: float, length: int) -> None:
    flow, given = random_flow(), waveforms(3, length)
    latent, _ = flow.encode(given, torch.tensor([sigma]))
    assert (flow.decode(latent, torch.tensor([sigma])) - given).abs().max() < 1e-4


@pytest.mark.parametrize("sigma", SIGMAS)
@pytest.mark.parametrize("length", [64, 71])
def test_log_determinant_is_that_of_the_jacobian(sigma: float, length: int) -> None:
    flow, given, level = random_flow(), waveforms(2, length), torch.tensor([sigma])
    _, log_det = flow.encode(given, level)
    for waveform, found in zip(given, log_det, strict=True):
        jacobian = torch.func.jacrev(lambda one: flow.encode(one[None], level)[0][0])(waveform)
        assert abs(torch.linalg.slogdet(jacobian).logabsdet - found) < 1e-3


@pytest.mark.parametrize("sigma", SIGMAS)
def test_density_integrates_to_one(sigma: float) -> None:
    """In two dimensions, on a grid that is fine against the noise."""
    flow = random_flow(frames=(2,), widths=(6,), steps=(3,)).double()
    corners = flow.decode(5 * waveforms(2000, 2).double() / 0.3, torch.tensor([sigma]).double())
    low, high = corners.min(0).values, corners.max(0).values
    axes = [torch.linspace(*ends, 400, dtype=torch.float64) for ends in zip(low.tolist(), high.tolist(), strict=True)]
    cell = math.prod(float(axis[1] - axis[0]) for axis in axes)
    points = torch.cartesian_prod(*axes)
    total = float(flow(points, torch.tensor([sigma]).double()).exp().sum())
    assert total * cell == pytest.approx(1, abs=2e-3)


def test_examples_and_noise_levels_of_a_batch_do_not_meet() -> None:
    flow, given, sigmas = random_flow(), waveforms(3, 100), torch.tensor(SIGMAS)
    together = flow(given, sigmas)
    alone = torch.cat([flow(one[None], sigma[None]) for one, sigma in zip(given, sigmas, strict=True)])
    torch.testing.assert_close(together, alone, rtol=1e-5, atol=1e-3)


def test_untrained_flow_is_white_noise_of_the_data_and_noise_together() -> None:
    options = {"frames": (8,), "widths": (6,), "steps": (2,), "dilations": (1,), "embedding": 4}
    flow = Flow(data_std=0.3, levels=(0.01, 5.0), **options)  # type: ignore[arg-type]
    flow.initialize(torch.Generator().manual_seed(0))
    given = waveforms(2, 50)
    variance = 0.3**2 + 0.4**2
    normal = -0.5 * (given.square() / variance + math.log(2 * math.pi * variance)).sum(1)
    torch.testing.assert_close(flow(given, torch.tensor([0.4])), normal)


def test_far_away_the_score_stays_finite() -> None:
    flow = random_flow()
    given = (1e4 * waveforms(1, 64)).requires_grad_()
    (score,) = torch.autograd.grad(flow(given, torch.tensor([0.01])).sum(), given)
    assert score.isfinite().all()


def test_equal_generators_give_equal_weights_and_leave_the_global_one_alone() -> None:
    before = torch.get_rng_state()
    first, second, other = random_flow(3), random_flow(3), random_flow(4)
    assert torch.equal(torch.get_rng_state(), before)
    pairs = list(zip(first.parameters(), second.parameters(), other.parameters(), strict=True))
    assert all(torch.equal(one, two) for one, two, _ in pairs)
    assert not any(torch.equal(one, three) for one, _, three in pairs)
