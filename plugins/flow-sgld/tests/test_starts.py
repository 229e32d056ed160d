"""Blind starts: periodic parts, and which source gets which."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from torch import Tensor

from sepkit import Run
from sepkit_flow_sgld.gaussian import GaussianDensity
from sepkit_flow_sgld.periodic import best_period, periodic, periodic_parts
from sepkit_flow_sgld.posterior import Posterior, Scaled
from sepkit_flow_sgld.starts import (
    best_found_again,
    equal_shares,
    factorized_start,
    likeliest_order,
    wiener_shares,
)

RATE = 14700


def repeated(period: int, length: int, seed: int) -> Tensor:
    cycle = torch.randn(period, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return (cycle - cycle.mean()).repeat(-(-length // period))[:length]


def test_nearest_periodic_signal_is_the_least_squares_one() -> None:
    signal = torch.randn(103, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    cycle, repeats = periodic(signal, 10)
    basis = np.eye(10)[np.arange(103) % 10]
    wanted, *_ = np.linalg.lstsq(basis, signal.numpy(), rcond=None)
    np.testing.assert_allclose(cycle.numpy(), wanted)
    np.testing.assert_allclose(repeats.numpy(), basis.sum(0))


@pytest.mark.parametrize("length", [40, 97, 200])
def test_the_best_period_has_the_nearest_signal_of_most_energy(length: int) -> None:
    signal = torch.from_numpy(np.random.default_rng(length).standard_normal(length).astype(np.float32))
    candidates = range(1, length // 2 + 1)
    nearest = [periodic(signal, period)[0].repeat(length)[:length] for period in candidates]
    gains = [
        float(each.square().sum() - 2 * p * signal.square().mean()) for p, each in zip(candidates, nearest, strict=True)
    ]
    assert best_period(signal, candidates, 2.0) == candidates[int(np.argmax(gains))]


@pytest.mark.parametrize("periods", [(41, 67), (13, 90, 151), (33, 34)])
def test_periodic_sources_are_found(periods: tuple[int, ...]) -> None:
    stems = torch.stack([repeated(period, 8000, seed) for seed, period in enumerate(periods)])
    parts = periodic_parts(stems.sum(0), len(periods), RATE, 20.0)
    orders = itertools.permutations(range(len(periods)))
    error = min(float((parts[list(order)] - stems).square().sum() / stems.square().sum()) for order in orders)
    assert error < 1e-2


@pytest.mark.parametrize("length", [1, 2, 30])
def test_short_signals_have_parts_too(length: int) -> None:
    parts = periodic_parts(torch.ones(length), 3, RATE, 20.0)
    assert parts.shape == (3, length)
    assert torch.isfinite(parts).all()


def test_parts_go_to_the_sources_to_which_they_are_likeliest() -> None:
    powers = np.array([0.01, 1.0, 100.0])
    density = GaussianDensity(np.repeat(powers[:, None], 33, axis=1), 64)
    noise = torch.randn(3, 1, 64, generator=torch.Generator().manual_seed(0))
    for order in itertools.permutations(range(3)):
        parts = noise * torch.tensor(powers[list(order)]).sqrt().float()[:, None, None]
        found = likeliest_order(Posterior((Scaled(density, (0, 1, 2), 1.0),)), parts)
        assert [order[part] for part in found] == [0, 1, 2]


def test_equal_shares_sum_to_the_mixture() -> None:
    mixture = torch.arange(6.0)[None]
    torch.testing.assert_close(equal_shares(mixture, 4, 2).sum(1), mixture.expand(2, 1, 6))


def test_wiener_shares_filter_every_source_and_sum_to_the_mixture() -> None:
    mixture = torch.randn(1, 101, generator=torch.Generator().manual_seed(0))
    low = torch.linspace(1, 0, 51)
    stems = wiener_shares(mixture, torch.stack((3 * low, 3 * (1 - low))), 2)
    assert stems.shape == (2, 2, 1, 101)
    wanted = np.fft.irfft(low.numpy() * np.fft.rfft(mixture.numpy()), n=101)
    np.testing.assert_allclose(stems[1, 0], wanted, atol=1e-5)
    torch.testing.assert_close(stems.sum(1), mixture.expand(2, 1, 101))


def test_wiener_shares_of_silence_are_silent() -> None:
    assert not wiener_shares(torch.zeros(1, 1), torch.zeros(3, 1), 2).any()


def test_long_chains_are_worked_on_one_by_one_with_a_check_before_each() -> None:
    class Flat:
        def __init__(self) -> None:
            self.seen: list[int] = []

        def log_prob(self, value: torch.Tensor) -> float:
            return 0.0

        def gradient(self, value: torch.Tensor) -> torch.Tensor:
            self.seen.append(len(value))
            return -value

    for length, groups in ((1 << 18, [1, 1, 1]), (1000, [3])):
        density, checks = Flat(), [0]

        def check(checks: list[int] = checks) -> None:
            checks[0] += 1

        posterior = Posterior((Scaled(density, (0, 1), 1.0),), check)
        chains = torch.arange(3 * 2 * length, dtype=torch.float32).reshape(3, 2, 1, length)
        torch.testing.assert_close(posterior.smoothed(0.1).gradient(chains), -chains)
        assert (density.seen, checks[0]) == (groups, len(groups))


def test_looking_for_periods_can_be_stopped() -> None:
    looks = [0]

    def stop() -> None:
        looks[0] += 1
        if looks[0] == 3:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        periodic_parts(torch.sin(torch.arange(4000) / 9), 3, 8000, 20.0, stop)


def low_and_high(length: int, **bands: slice) -> list[Posterior]:
    """Priors of sources that have sound in a band of frequencies each, and hardly any elsewhere."""
    priors = []
    for band in bands.values():
        spectrum = np.full((1, length // 2 + 1), 1e-4)
        spectrum[0, band] = 50.0
        priors.append(Posterior((Scaled(GaussianDensity(spectrum, length), (0,), 1.0),)))
    return priors


def banded(length: int, band: slice, seed: int) -> Tensor:
    spectrum = torch.zeros(length // 2 + 1, dtype=torch.complex128)
    drawn = torch.randn(band.stop - band.start, generator=torch.Generator().manual_seed(seed), dtype=torch.complex128)
    spectrum[band] = drawn
    waveform = torch.fft.irfft(spectrum, n=length)
    return waveform / waveform.square().mean().sqrt()


@pytest.mark.parametrize("swapped", [False, True])
def test_parts_go_to_the_priors_that_find_them_again(swapped: bool) -> None:
    low, high = slice(20, 60), slice(300, 400)
    priors = low_and_high(1000, low=low, high=high)
    parts = torch.stack([banded(1000, low, 0), banded(1000, high, 1)]).unsqueeze(1)
    given = parts.flip(0) if swapped else parts
    order = best_found_again(priors, given, (0.1, 0.5), torch.Generator().manual_seed(0))
    assert order == ([1, 0] if swapped else [0, 1])


def test_factorized_parts_are_named_by_the_priors() -> None:
    """Two sounds that take turns in two bands: blind factorisation parts them, and only the priors know the names."""
    pytest.importorskip("sepkit_nmf")
    length, low, high = 16_000, slice(400, 800), slice(5000, 6400)
    turns = torch.arange(length) // 2000 % 2
    stems = torch.stack([banded(length, low, 0) * (turns == 0), banded(length, high, 1) * (turns == 1)]).unsqueeze(1)
    mixture = stems.sum(0).float()
    for names in (("low", "high"), ("high", "low")):
        priors = low_and_high(length, **{name: {"low": low, "high": high}[name] for name in names})
        start = factorized_start(mixture, 16_000, priors, (0.1, 0.5), torch.Generator().manual_seed(0), Run())
        wanted = stems if names[0] == "low" else stems.flip(0)
        error = (start - wanted).square().sum((1, 2)) / wanted.square().sum((1, 2))
        assert float(error.max()) < 0.1
