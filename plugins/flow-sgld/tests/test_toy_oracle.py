"""The exact density of toy waveforms, and what samplers do with it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.special import logsumexp
from scipy.stats import multivariate_normal

from sepkit import Audio, Domain, Layout, Problem, Run, SideInformation
from sepkit.evaluation.datasets.toy import ToyWaveforms, Wave, one_cycle
from sepkit.problem import Hosted
from sepkit_flow_sgld.config import FlowSGLDConfig
from sepkit_flow_sgld.separator import FlowSGLD
from sepkit_flow_sgld.toy_oracle import ToyDensity, ToyOracle, periods_of_keys

RATE = 14700
LITE = ToyOracle(lowest_key=35.0)
"""Periods from 13 to 75, as in the study's quick experiments."""


def bound(prior: ToyOracle, sources: tuple[str, ...], length: int) -> ToyDensity:
    mixture = Audio(np.zeros((1, length), np.float32), RATE)
    density = prior.bind(Layout(mixture=mixture, side_information=SideInformation(), sources=sources), Domain.WAVEFORMS)
    assert isinstance(density, ToyDensity)
    return density


def drawn(count: int, sources: tuple[Wave, ...], length: int, lowest: float = 35.0) -> NDArray[np.float32]:
    """Toy tracks of high enough pitch at amplitude 0.8 to 1 [shape=(count, sources, 1, length)]."""
    data = ToyWaveforms(count=2000, sources=sources, duration_s=length / RATE, seed=3)
    allowed = periods_of_keys(lowest, 64.9, RATE)
    found: list[NDArray[np.float32]] = []
    for item in range(data.count):
        pitches = [data.f0(item, source).f0_hz[0] for source in sources]
        if all(round(RATE / hz) in allowed for hz in pitches):
            found.append(np.stack([data.stem(item, source).samples * len(sources) for source in sources]))
        if len(found) == count:
            break
    return np.stack(found)


def test_periods_are_those_of_the_dataset() -> None:
    periods = periods_of_keys(0.1, 64.9, RATE)
    assert (min(periods), max(periods), len(periods)) == (13, 563, 365)
    assert sum(periods.values()) == pytest.approx(1)
    assert min(periods_of_keys(24.1, 64.9, RATE)) == 13


@pytest.mark.parametrize("sigma", [0.05, 0.3, 2.0])
def test_score_is_the_gradient(sigma: float) -> None:
    density = bound(ToyOracle(lowest_key=50.0), ("sine", "saw", "whatever"), 150).smoothed(sigma)
    value = torch.randn(2, 3, 1, 150, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_()
    (gradient,) = torch.autograd.grad(density.log_prob(value).sum(), value)
    torch.testing.assert_close(density.gradient(value), gradient, rtol=1e-10, atol=1e-10 * float(gradient.abs().max()))


def test_density_is_the_sum_over_all_waves() -> None:
    prior = ToyOracle(lowest_key=62.0)
    length, noise = 40, 0.4
    value = np.random.default_rng(0).standard_normal((1, 1, length))
    terms = []
    for period, share in periods_of_keys(62.0, 64.9, RATE).items():
        for phase in range(period):
            wave = one_cycle("square", period)[(np.arange(length) + phase) % period]
            covariance = noise**2 * np.eye(length) + prior.deviation**2 * np.outer(wave, wave)
            density = multivariate_normal(prior.amplitude * wave, covariance)
            terms.append(np.log(share / period) + density.logpdf(value.ravel()))
    ours = ToyDensity(bound(prior, ("square",), length).cycles, prior.amplitude, prior.deviation, noise)
    assert float(ours.log_prob(value)) == pytest.approx(float(logsumexp(terms)), rel=1e-9)


def test_noise_adds_up() -> None:
    density = bound(LITE, ("sine",), 64)
    assert density.smoothed(0.3).smoothed(0.4).noise == pytest.approx(np.hypot(0.5, LITE.noise))


def test_power_is_that_of_the_dataset() -> None:
    sources: tuple[Wave, ...] = ("sine", "square", "saw", "triangle")
    stems = drawn(60, sources, 2048)
    np.testing.assert_allclose(bound(LITE, sources, 2048).power, np.mean(stems**2, axis=(0, 2, 3)), rtol=0.05)


def test_every_wave_is_likeliest_as_itself() -> None:
    waves: tuple[Wave, ...] = ("sine", "square", "saw", "triangle")
    noise = np.random.default_rng(0).normal(0, 0.3, (6, 4, 1, 512))
    noisy = drawn(6, waves, 512) + noise
    table = np.array(
        [[bound(LITE, (wave,), 512).smoothed(0.3).log_prob(noisy[:, [row]]) for row in range(4)] for wave in waves]
    )
    np.testing.assert_array_equal(table.argmax(axis=0), np.arange(4)[:, None].repeat(6, 1))


def test_chains_get_a_number_each() -> None:
    density = bound(LITE, ("sine", "saw"), 64).smoothed(0.5)
    value = np.random.default_rng(0).standard_normal((3, 2, 1, 64))
    together = density.log_prob(value)
    np.testing.assert_allclose(together, [float(density.log_prob(chain)) for chain in value])
    np.testing.assert_allclose(density.gradient(value)[1], density.gradient(value[1]))


@pytest.mark.slow
def test_langevin_separates_two_waves() -> None:
    """The exact prior, noise as start: one chain in four is enough, and the likeliest is taken."""
    sources: tuple[Wave, ...] = ("sine", "saw")
    (stems,) = drawn(1, sources, 512)
    mixture = Audio(stems.sum(0), RATE)
    options = {"start": "noise", "levels": 20, "steps": 8, "highest": 10, "lowest": 0.01, "chains": 4}
    problem = Problem(mixture, sources, priors=(Hosted(LITE, Domain.WAVEFORMS, "toy-oracle"),))
    found = FlowSGLD(FlowSGLDConfig.model_validate(options)).separate(problem, Run(seed=0, device="cpu"))
    for stem, source in zip(stems, sources, strict=True):
        error = np.sum((found[source].samples - stem) ** 2)
        assert 10 * np.log10(np.sum(stem**2) / error) > 30
