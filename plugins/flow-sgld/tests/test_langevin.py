"""The sampler against Gaussian sources, whose posterior is known in closed form."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor

from sepkit_flow_sgld.chains import spread, weighted_mean, weights_of_chains
from sepkit_flow_sgld.config import FlowSGLDConfig
from sepkit_flow_sgld.gaussian import GaussianDensity
from sepkit_flow_sgld.langevin import Stepper, common_power, noise_levels, pull_to_mixture
from sepkit_flow_sgld.posterior import Posterior, Scaled
from sepkit_flow_sgld.sampler import Annealing, Target

LENGTH = 64


def forever() -> Iterator[int]:
    step = 0
    while True:
        yield step
        step += 1


def gaussian_target(spectra: NDArray[np.float64], chains: int, *, precondition: bool = False) -> Target:
    """Two sources of given spectra and a mixture that is drawn from them."""
    rng = np.random.default_rng(0)
    mixture = torch.from_numpy(coloured(spectra.sum(0), rng)).float()[None]
    return Target(
        posterior=Posterior((Scaled(GaussianDensity(spectra, LENGTH), (0, 1), 1.0),)),
        mixture=mixture,
        start=mixture.expand(chains, 2, 1, LENGTH) / 2,
        project=lambda value: value + (mixture - value.sum(1))[:, None] / 2,
        powers=torch.from_numpy(spectra).float() if precondition else None,
        known=torch.zeros(2, 1, 0),
    )


def coloured(spectrum: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    white = np.fft.rfft(rng.standard_normal(LENGTH))
    return np.asarray(np.fft.irfft(white * np.sqrt(spectrum), n=LENGTH))


def wiener(spectra: NDArray[np.float64], mixture: Tensor) -> NDArray[np.float64]:
    """Posterior mean of the first source."""
    filtered = np.fft.rfft(mixture.numpy()[0]) * spectra[0] / spectra.sum(0)
    return np.asarray(np.fft.irfft(filtered, n=LENGTH))


def posterior_variance(spectra: NDArray[np.float64]) -> float:
    """Of every sample of the first source."""
    of_bins = spectra[0] * spectra[1] / spectra.sum(0)
    counts = np.r_[1, np.full(LENGTH // 2 - 1, 2), 1]
    return float((of_bins * counts).sum() / LENGTH)


def sampled(target: Target, generator: torch.Generator | None = None, **options: float | str | bool) -> Tensor:
    config = FlowSGLDConfig.model_validate({"levels": 1, "denoise": False, "chains": len(target.start), **options})
    return Annealing(target, config, generator or torch.Generator().manual_seed(1)).sample(forever())


@pytest.mark.parametrize(
    ("precondition", "mixture"),
    [(False, "exact"), (True, "exact"), (False, "dirac")],
    ids=["plain", "preconditioned", "dirac"],
)
def test_mean_is_the_wiener_solution_and_variance_that_of_the_posterior(precondition: bool, mixture: str) -> None:
    shape = np.linspace(1, 0, LENGTH // 2 + 1)
    spectra = np.stack([0.3 + shape, 1.0 - 0.6 * shape])
    sigma = 0.5
    target = gaussian_target(spectra + sigma**2, 1500, precondition=precondition)
    # The sampler smooths by σ² itself; its densities hold the spectra without.
    bare = Target(**{**vars(target), "posterior": gaussian_target(spectra, 1).posterior})
    chains = sampled(bare, lowest=sigma, steps=250, step_size=0.05, mixture=mixture)
    first = chains[:, 0, 0].double()
    variance = posterior_variance(spectra + sigma**2)
    assert float(first.var(0).mean()) == pytest.approx(variance, rel=0.05)
    error = first.mean(0).numpy() - wiener(spectra + sigma**2, target.mixture)
    assert np.abs(error).max() < 5 * np.sqrt(variance / len(first))


def test_preconditioning_moves_loud_frequencies_at_once() -> None:
    spectra = np.full((2, LENGTH // 2 + 1), 1e-3)
    spectra[:, :8] = [[100.0], [300.0]]
    errors = {}
    for precondition in (False, True):
        target = gaussian_target(spectra, 400, precondition=precondition)
        chains = sampled(target, lowest=0.03, steps=40, step_size=0.2, clamp=1e6)
        error = chains[:, 0, 0].mean(0).numpy() - wiener(spectra, target.mixture)
        errors[precondition] = float(np.sqrt(np.mean(error**2) / np.mean(target.mixture.numpy() ** 2)))
    assert errors[True] < 0.05 < errors[False]


def slides_update(value: Tensor, score: Callable[[Tensor], Tensor], sigma: float, noise: Tensor) -> Tensor:
    """With twice the root of the step as noise, as it is found in print."""
    eta = 0.05 * sigma**2
    return value + eta * score(value) + 2 * eta**0.5 * noise


@pytest.mark.parametrize(("update", "temperature"), [(Stepper(0.05, 1e6).step, 1.0), (slides_update, 2.0)])
def test_temperature_of_an_update(update: Callable[..., Tensor], temperature: float) -> None:
    generator = torch.Generator().manual_seed(0)
    value = torch.zeros(20000)
    for _ in range(200):
        value = update(value, lambda x: -x, 1.0, torch.randn(value.shape, generator=generator))
    assert float(value.var()) == pytest.approx(temperature, rel=0.05)


def test_signal_to_noise_of_a_step_is_the_one_that_is_asked_for() -> None:
    generator = torch.Generator().manual_seed(0)
    score, noise = (torch.randn(300, generator=generator) * scale for scale in (7.0, 1.0))
    value = torch.zeros(300)
    stepped = Stepper(0.2, 1e6, snr=0.3).step(value, lambda _: score, 0.5, noise)
    still = Stepper(0.2, 1e6, snr=0.3).step(value, lambda _: score, 0.5, -noise)
    drift, jitter = (stepped + still) / 2, (stepped - still) / 2
    assert float(drift.norm() / jitter.norm()) == pytest.approx(0.3, rel=1e-4)


def test_the_predictor_keeps_the_chains_at_the_noise_of_their_level() -> None:
    """Down a ladder of prediction alone, stems of one Gaussian source each end with its variance and the last noise."""
    spectra = np.full((2, LENGTH // 2 + 1), 0.5)
    target = gaussian_target(spectra, 400)
    free = Target(**{**vars(target), "project": lambda value: value})
    options = {"levels": 60, "highest": 20.0, "lowest": 0.05, "steps": 1, "step_size": 1e-6, "predict": True}
    config = FlowSGLDConfig.model_validate({**options, "denoise": False})
    chains = Annealing(free, config, torch.Generator().manual_seed(2)).sample(forever())
    assert float(chains.var()) == pytest.approx(0.5 + 0.05**2, rel=0.1)


@pytest.mark.parametrize(("sign", "settles"), [(1, True), (-1, False)])
def test_the_mixture_pulls_and_does_not_push(sign: int, settles: bool) -> None:
    mixture, value = torch.ones(1, 50), torch.zeros(3, 2, 1, 50)
    pull = pull_to_mixture(mixture, 0.1)
    for _ in range(100):
        value = value + sign * 0.1 * 0.1**2 * pull(value)
    gap = float((mixture - value.sum(1)).abs().max())
    assert (gap < 1e-3) == settles


@given(steps=st.integers(1, 5), sources=st.integers(1, 5), length=st.integers(1, 40), seed=st.integers(0, 99))
def test_stems_sum_to_the_mixture_after_any_number_of_steps(steps: int, sources: int, length: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    mixture = torch.randn(1, length, generator=generator)
    density = GaussianDensity(np.ones((sources, length // 2 + 1)), length)
    target = Target(
        posterior=Posterior((Scaled(density, tuple(range(sources)), 1.0),)),
        mixture=mixture,
        start=torch.zeros(2, sources, 1, length),
        project=lambda value: value + (mixture - value.sum(1))[:, None] / sources,
        powers=None,
        known=torch.zeros(sources, 1, 0),
    )
    stems = sampled(target, generator, levels=2, steps=steps)
    assert float((stems.sum(1) - mixture).abs().max()) < 1e-4


def test_drift_is_clamped() -> None:
    value = torch.zeros(4)
    moved = Stepper(0.2, 3.0).step(value, lambda x: torch.full_like(x, 1e30), 0.1, torch.zeros(4))
    torch.testing.assert_close(moved, torch.full((4,), 0.3))


def test_what_is_known_stays() -> None:
    spectra = np.ones((2, LENGTH // 2 + 1))
    free = gaussian_target(spectra, 3)
    known = torch.stack([torch.full((1, 20), 0.7), free.mixture[:, :20] - 0.7])
    chains = sampled(Target(**{**vars(free), "known": known}), levels=3, highest=1, lowest=0.01, steps=5)
    torch.testing.assert_close(chains[..., :20], known.expand(3, 2, 1, 20), atol=0.05, rtol=0)


def test_what_is_known_is_as_noisy_as_the_rest_wherever_the_prior_looks() -> None:
    class Watched:
        """A posterior that asks for nothing, and remembers at which level it saw what."""

        def __init__(self) -> None:
            self.seen: dict[float, list[Tensor]] = {}

        def smoothed(self, level: float) -> Any:
            def gradient(chains: Tensor) -> Tensor:
                self.seen.setdefault(level, []).append(chains)
                return torch.zeros_like(chains)

            return SimpleNamespace(gradient=gradient)

    watched, held = Watched(), 20
    known = torch.linspace(-1, 1, held).expand(2, 1, held)
    target = Target(
        posterior=watched,  # type: ignore[arg-type]
        mixture=torch.zeros(1, LENGTH),
        start=torch.zeros(64, 2, 1, LENGTH),
        project=lambda chains: chains,
        powers=None,
        known=known,
    )
    sampled(target, levels=3, highest=1, lowest=0.01, steps=5, mixture="gaussian")
    assert len(watched.seen) == 3
    levels = sorted(watched.seen, reverse=True)
    for above, level in zip([levels[0], *levels], levels, strict=False):
        first, *others = (chains[..., :held] - known for chains in watched.seen[level])
        # The first step of a level is taken from where the one above has left the chains.
        assert float(first.std()) == pytest.approx(above, rel=0.1)
        for noise in others:
            assert float(noise.std()) == pytest.approx(level, rel=0.1)
            assert abs(float(noise.mean())) < 0.1 * level


def test_average_over_steps_is_nearer_to_the_mean_than_a_single_step() -> None:
    spectra = np.stack([np.full(LENGTH // 2 + 1, 1.0), np.full(LENGTH // 2 + 1, 2.0)])
    target = gaussian_target(spectra, 2)
    wanted = wiener(spectra, target.mixture)
    errors = {}
    for average in (0.0, 0.9):
        chains = sampled(target, lowest=0.5, steps=1000, average=average)
        errors[average] = float((chains[:, 0, 0].mean(0) - torch.from_numpy(wanted)).abs().mean())
    assert errors[0.9] < errors[0.0] / 2


def test_noise_levels_fall_geometrically() -> None:
    assert noise_levels(1.0, 0.01, 3) == pytest.approx([1.0, 0.1, 0.01])
    assert noise_levels(1.0, 0.01, 1) == [0.01]


def test_common_power_is_the_harmonic_mean() -> None:
    powers = torch.tensor([[1.0, 0.0], [3.0, 8.0]])
    torch.testing.assert_close(common_power(powers, 1.0), torch.tensor([2 / (1 / 2 + 1 / 4), 2 / (1 + 1 / 9)]))


def test_the_likeliest_chain_wins_and_one_that_diverged_never() -> None:
    chains = torch.arange(3.0)[:, None, None, None].expand(3, 1, 1, 2)
    log_probs = torch.tensor([-500.0, float("nan"), -600.0], dtype=torch.float64)
    torch.testing.assert_close(weighted_mean(chains, weights_of_chains(log_probs, 3)), torch.zeros(1, 1, 2))
    torch.testing.assert_close(weighted_mean(chains, weights_of_chains(None, 3)), torch.ones(1, 1, 2))
    torch.testing.assert_close(spread(chains, weights_of_chains(None, 3)), chains.std(0))
    torch.testing.assert_close(spread(chains, weights_of_chains(log_probs, 3)), torch.zeros(1, 1, 2))
    assert not spread(chains[:1], torch.ones(1)).any()
    torch.testing.assert_close(
        weights_of_chains(torch.tensor([0.0, -2.0]), 2, temperature=2), torch.softmax(torch.tensor([0.0, -1.0]), 0)
    )
