"""The spectral flow is invertible, its change of volume is that of its Jacobian; without couplings it is Gaussian."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from scipy.fft import dct
from torch import Tensor

from sepkit_flow_sgld.density import FlowDensity
from sepkit_flow_sgld.mdct import MDCT
from sepkit_flow_sgld.posterior import Coloured
from sepkit_flow_sgld.spectral_flow import SpectralFlow

SIGMAS = (0.003, 0.1, 1.5)
LENGTHS = (1, 7, 16, 64, 151)


def untrained_flow(**options: Any) -> SpectralFlow:
    """A flow of a coloured spectrum whose couplings do nothing."""
    small = {"bins": 16, "steps": 6, "width": 6, "dilations": (1, 2), "levels": (0.01, 5.0)}
    flow = SpectralFlow(**{"data_std": 0.2, **small, **options})
    flow.initialize(torch.Generator().manual_seed(0))
    flow.measure(waveforms(4, 320).cumsum(1).diff(2).unbind())
    return flow.requires_grad_(False)


def random_flow(**options: Any) -> SpectralFlow:
    """A flow that does something: trained ones have no weights of zero."""
    flow, generator = untrained_flow(**options), torch.Generator().manual_seed(0)
    for parameter in flow.parameters():
        parameter.data += 0.2 * torch.randn(parameter.shape, generator=generator)
    return flow


def waveforms(*shape: int, seed: int = 1) -> Tensor:
    return 0.3 * torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("sigma", SIGMAS)
@pytest.mark.parametrize("length", LENGTHS)
def test_decoding_undoes_encoding(sigma: float, length: int) -> None:
    flow, given = random_flow(), waveforms(3, length)
    latent, _ = flow.encode(given, torch.tensor([sigma]))
    assert latent.shape == given.shape
    assert (flow.decode(latent, torch.tensor([sigma])) - given).abs().max() < 1e-4


@pytest.mark.parametrize("sigma", SIGMAS)
@pytest.mark.parametrize("length", [11, 64, 71])
def test_log_determinant_is_that_of_the_jacobian(sigma: float, length: int) -> None:
    flow, given, level = random_flow(), waveforms(2, length), torch.tensor([sigma])
    _, log_det = flow.encode(given, level)
    for waveform, found in zip(given, log_det, strict=True):
        jacobian = torch.autograd.functional.jacobian(lambda one: flow.encode(one[None], level)[0][0], waveform)
        assert abs(torch.linalg.slogdet(jacobian).logabsdet - found) < 1e-3


@pytest.mark.parametrize("length", [64, 71])
def test_score_equals_finite_differences(length: int) -> None:
    flow, level = random_flow().double(), torch.tensor([0.1]).double()
    given = waveforms(1, length).double().requires_grad_()
    (score,) = torch.autograd.grad(flow(given, level).sum(), given)
    step = 1e-5
    for direction in torch.eye(length, dtype=torch.float64)[:: length // 7]:
        with torch.no_grad():
            slope = (flow(given + step * direction, level) - flow(given - step * direction, level)) / (2 * step)
        assert float(score[0] @ direction) == pytest.approx(float(slope), rel=1e-4, abs=1e-4)


def test_examples_and_noise_levels_of_a_batch_do_not_meet() -> None:
    flow, given, sigmas = random_flow(), waveforms(3, 100), torch.tensor(SIGMAS)
    together = flow(given, sigmas)
    alone = torch.cat([flow(one[None], sigma[None]) for one, sigma in zip(given, sigmas, strict=True)])
    torch.testing.assert_close(together, alone, rtol=1e-5, atol=1e-3)


def test_score_is_finite_far_from_all_data() -> None:
    flow = random_flow()
    for given in (torch.zeros(1, 64), torch.full((1, 64), 1e4), 1e-30 * waveforms(1, 64)):
        value = given.clone().requires_grad_()
        (score,) = torch.autograd.grad(flow(value, torch.tensor([0.002])).sum(), value)
        assert score.isfinite().all()


@pytest.mark.parametrize("sigma", SIGMAS)
def test_without_couplings_coefficients_are_normal_with_the_power_of_their_frequency(sigma: float) -> None:
    flow, given = untrained_flow(), waveforms(2, 64)
    deviation = (flow.log_power.exp() + sigma**2).sqrt()
    normal = torch.distributions.Normal(0, deviation)
    expected = normal.log_prob(MDCT(16)(given)[0]).sum((1, 2))
    torch.testing.assert_close(flow(given, torch.tensor([sigma])), expected, rtol=1e-5, atol=1e-3)


def test_measured_power_is_that_of_the_signals() -> None:
    """The first difference of white noise has the response that it has in any transform to frequencies."""
    flow = untrained_flow()
    flow.measure(waveforms(8, 16_001).diff(dim=1).unbind())
    frequencies = math.pi * (torch.arange(16) + 0.5) / 16
    response = 0.3**2 * (2 - 2 * frequencies.cos())
    # Beside the response itself: its curvature within a bin's width.
    np.testing.assert_allclose(flow.log_power.exp(), response, rtol=0.1, atol=0.01)


def test_densities_know_the_spectra_at_the_frequencies_of_a_fourier_transform() -> None:
    flow = untrained_flow()
    density = FlowDensity([flow, flow], (2, 1, 64))
    assert isinstance(density, Coloured)
    # Of the 33 frequencies, the odd ones are centres of the 16 bins.
    np.testing.assert_allclose(density.spectra[:, 1::2], np.tile(flow.log_power.exp(), (2, 1)), rtol=1e-6)
    np.testing.assert_allclose(density.smoothed(0.3).spectra, density.spectra + 0.09)


def test_posterior_mean_of_two_without_couplings_is_the_wiener_filter() -> None:
    """Where the scores of two sources that sum to the mixture are equal, their joint density is highest."""
    first, second = untrained_flow(), untrained_flow()
    second.measure(waveforms(4, 320, seed=2).unbind())
    sigma, mixture = torch.tensor([0.05]), waveforms(1, 64)
    powers = [flow.log_power.exp() + sigma**2 for flow in (first, second)]
    frames, rest = MDCT(16)(mixture)
    filtered = MDCT(16).inverse(frames * powers[0] / sum(powers), rest)
    scores = []
    for flow, stem in ((first, filtered), (second, mixture - filtered)):
        value = stem.requires_grad_()
        scores += torch.autograd.grad(flow(value, sigma).sum(), value)
    torch.testing.assert_close(scores[0], scores[1], rtol=1e-4, atol=1e-4)


def test_rest_that_is_shorter_than_a_block_has_the_same_spectrum() -> None:
    flow, given = untrained_flow(), waveforms(1, 8)
    sigma = 0.1
    variance = (flow.log_power.exp() + sigma**2).log()
    resampled = 0.5 * (variance[0::2] + variance[1::2])
    normal = torch.distributions.Normal(0, (0.5 * resampled).exp())
    expected = normal.log_prob(torch.from_numpy(dct(given.numpy(), type=4, norm="ortho"))).sum(1)
    torch.testing.assert_close(flow(given, torch.tensor([sigma])), expected, rtol=1e-4, atol=1e-4)


def test_training_makes_bursts_likelier_than_the_gaussian_of_their_spectrum() -> None:
    """What the couplings can learn and a stationary process cannot: that loud frames stand beside loud ones."""
    generator = torch.Generator().manual_seed(5)
    loud = torch.rand((32, 4), generator=generator) < 0.5
    bursts = torch.randn((32, 256), generator=generator) * (loud.repeat_interleave(64, 1) * 0.99 + 0.01)
    flow, sigma = untrained_flow(), torch.tensor([0.02])
    flow.measure(bursts.unbind())
    gaussian = float(flow(bursts, sigma).mean())
    optimizer = torch.optim.Adam(flow.requires_grad_().parameters(), lr=1e-2)
    for _ in range(30):
        optimizer.zero_grad()
        loss = -flow(bursts, sigma).mean() / 256
        loss.backward()
        optimizer.step()
    assert -float(loss.detach()) > gaussian / 256 + 0.3


def test_equal_generators_give_equal_weights_and_the_global_one_is_left_alone() -> None:
    before = torch.get_rng_state()
    first, second = random_flow(), random_flow()
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))
    assert torch.equal(torch.get_rng_state(), before)
