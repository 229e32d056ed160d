"""Sampling a source at a time, and the likelihood of chains from how well they are found again in noise."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from sepkit_flow_sgld.config import FlowSGLDConfig
from sepkit_flow_sgld.denoising_evidence import denoising_evidence
from sepkit_flow_sgld.gaussian import GaussianDensity
from sepkit_flow_sgld.gibbs import BlockGibbs
from sepkit_flow_sgld.posterior import Posterior, Scaled
from sepkit_flow_sgld.sampler import Target

LENGTH = 32


class Template:
    """A source that is one waveform of any amplitude near 1."""

    def __init__(self, wave: Tensor, sigma: float = 0.0) -> None:
        self.wave, self.sigma = wave, sigma

    def smoothed(self, sigma: float) -> Template:
        return Template(self.wave, sigma)

    def gradient(self, value: Any) -> Any:
        energy = self.wave.square().sum()
        amplitude = ((value * self.wave).sum(-1, keepdim=True) + self.sigma**2 * 100) / (energy + self.sigma**2 * 100)
        return (amplitude * self.wave - value) / self.sigma**2


def waves() -> Tensor:
    generator = torch.Generator().manual_seed(5)
    return torch.randn(3, LENGTH, generator=generator)


def target(mixture: Tensor, start: Tensor) -> Target:
    count = start.shape[1]
    return Target(
        posterior=Posterior(()),
        mixture=mixture,
        start=start,
        project=lambda value: value + (mixture - value.sum(1))[:, None] / count,
        powers=None,
        known=torch.zeros(count, 1, 0),
    )


def gibbs(start: Tensor, **options: Any) -> Tensor:
    known = waves()
    priors = [Posterior((Scaled(Template(wave), (0,), 1.0),)) for wave in known]  # type: ignore[arg-type]
    config = FlowSGLDConfig.model_validate(
        {"levels": 10, "highest": 1.0, "lowest": 1e-3, "steps": 2, "sampler": "gibbs", **options}
    )
    sampler = BlockGibbs(target(known.sum(0)[None], start), priors, config, torch.Generator().manual_seed(0))
    return sampler.sample(iter(itertools.count()))


def test_sources_are_found_from_silence() -> None:
    found = gibbs(torch.zeros(2, 3, 1, LENGTH))
    for chain in found:
        torch.testing.assert_close(chain[:, 0], waves(), atol=0.02, rtol=0)


def test_exchange_gives_parts_to_the_sources_that_they_fit() -> None:
    """Stems in the wrong order, under so little noise that no source would give up what it has."""
    swapped = waves()[[1, 2, 0]][None, :, None]
    known = waves()
    priors = [Posterior((Scaled(Template(wave), (0,), 1.0),)) for wave in known]  # type: ignore[arg-type]
    config = FlowSGLDConfig(sampler="gibbs")
    sampler = BlockGibbs(target(known.sum(0)[None], swapped), priors, config, torch.Generator().manual_seed(0))
    chains = swapped.clone()
    sampler._exchange(chains, 1e-3)
    torch.testing.assert_close(chains[0, :, 0], known, atol=0.01, rtol=0)


def test_evidence_of_denoising_is_the_difference_of_log_densities() -> None:
    """Known in closed form for white Gaussian sources."""
    variance, length = 0.7, 400
    density = GaussianDensity(np.full((2, length // 2 + 1), variance), length)
    posterior = Posterior((Scaled(density, (0, 1), 1.0),))
    generator = torch.Generator().manual_seed(0)
    chains = torch.randn(3, 2, 1, length, generator=generator) * torch.tensor([0.3, 1.0, 2.0])[:, None, None, None]
    exact = torch.tensor([posterior.smoothed(1e-6).log_prob(chain) for chain in chains])
    found = denoising_evidence(posterior, chains, np.geomspace(1e-2, 1e2, 60).tolist(), generator)
    for one, other in ((0, 1), (1, 2)):
        assert float(found[one] - found[other]) == pytest.approx(float(exact[one] - exact[other]), rel=0.15)


@pytest.mark.parametrize(("options", "name"), [({"sampler": "gibbs", "snr": 0.2}, "snr"), ({"jitter": 0.5}, "jitter")])
def test_what_a_sampler_makes_no_use_of_is_refused(options: dict[str, Any], name: str) -> None:
    with pytest.raises(ValueError, match=f"makes no use of {name}; leave it out"):
        FlowSGLDConfig.model_validate(options)
