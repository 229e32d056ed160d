"""The prior `local-gaussian`: its density, what it is bound to, and separation under it."""

from __future__ import annotations

import sys
import threading
from collections.abc import Mapping
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

import sepkit
from sepkit import (
    Audio,
    Cancelled,
    Config,
    Domain,
    Layout,
    Note,
    Problem,
    Progress,
    Registry,
    Run,
    Score,
    Separator,
    SideInformation,
)
from sepkit.errors import ConfigError, UnknownNameError
from sepkit.plugin import SeparatorSpec
from sepkit_flow_sgld.local_gaussian import LocalGaussianDensity, LocalGaussianPrior

RATE = 8000
SCORE = Score((Note(0.0, 0.5, 60, part="low"), Note(0.0, 0.5, 71, part="high")))


def stems() -> dict[str, Audio]:
    time = np.arange(RATE // 2) / RATE
    tones = {"low": 261.63, "high": 493.88}
    decay = np.exp(-2 * time)
    return {
        name: Audio(sum(np.sin(2 * np.pi * f * k * time) * decay / k for k in (1, 2, 3))[None].astype(np.float32), RATE)
        for name, f in tones.items()
    }


def mixture() -> Audio:
    return Audio(np.sum([stem.samples for stem in stems().values()], axis=0), RATE)


def density(variances: float, length: int = 700, window: int = 64) -> LocalGaussianDensity:
    frames = -(-(length + window - window // 4) // (window // 4))
    shape = (1, 1, window // 2 + 1, frames)
    return LocalGaussianDensity(np.full(shape, variances), window, np.zeros((1, 1, length)))


@pytest.mark.parametrize("length", [1, 63, 64, 700])
def test_equal_variances_are_white_noise(length: int) -> None:
    value = np.random.default_rng(0).standard_normal((3, 1, 1, length))
    noise = density(0.25, length).smoothed(0.5)
    np.testing.assert_allclose(noise.log_prob(value), -np.sum(value**2, axis=(1, 2, 3)), rtol=1e-12)
    np.testing.assert_allclose(noise.gradient(value), -2 * value, atol=1e-12)


def test_gradient_is_that_of_the_log_density() -> None:
    rng = np.random.default_rng(1)
    flat = density(1.0, 100)
    one = LocalGaussianDensity(rng.uniform(0.1, 5, flat.variances.shape), 64, flat.stems)
    value, direction = rng.standard_normal((2, 1, 1, 100))
    slope = (one.log_prob(value + 1e-5 * direction) - one.log_prob(value - 1e-5 * direction)) / 2e-5
    assert np.sum(one.gradient(value) * direction) == pytest.approx(float(slope), rel=1e-6)
    assert torch.equal(one.gradient(torch.from_numpy(value)), torch.from_numpy(one.gradient(value)))


def test_variances_are_those_of_what_the_method_finds() -> None:
    layout = Layout(mixture=mixture(), side_information=SideInformation(score=SCORE), sources=("high", "low"))
    found = sepkit.separate(mixture(), "harmonic-comb", score=SCORE, sources=("high", "low"))
    bound: Any = LocalGaussianPrior(method="harmonic-comb").bind(layout, Domain.WAVEFORMS)
    np.testing.assert_allclose(bound.initial(np.random.default_rng(0))[1], found["low"].samples, atol=1e-6)
    # A wave of amplitude 1 beside another has about its own power, smeared by the window.
    power = bound.variances.mean((2, 3))[:, 0]
    assert power[1] == pytest.approx(np.mean(stems()["low"].samples ** 2), rel=0.5)


@pytest.mark.parametrize("sampler", ["gibbs", "langevin"])
def test_stems_are_separated_from_what_the_prior_begins_with(sampler: str) -> None:
    options: dict[str, Any] = {"sampler": sampler, "start": "prior", "highest": 0.1, "lowest": 0.005, "chains": 1}
    prior = LocalGaussianPrior(method="harmonic-comb")
    found = sepkit.separate(
        mixture(), "flow-sgld", score=SCORE, sources=["low", "high"], priors=[prior], config=options, seed=0
    )
    for name, stem in stems().items():
        error = np.sum((found[name].samples - stem.samples) ** 2)
        assert error < 0.02 * np.sum(stem.samples**2), name


def test_errors_say_what_is_missing() -> None:
    with pytest.raises(ConfigError, match=r"start=prior needs a prior that begins with stems, such as local-gaussian"):
        sepkit.separate(
            mixture(), "flow-sgld", sources=["low", "high"], priors=["stationary"], config={"start": "prior"}
        )
    with pytest.raises(UnknownNameError, match="score-nmff"):
        sepkit.separate(
            mixture(),
            "flow-sgld",
            sources=["low", "high"],
            score=SCORE,
            priors=[LocalGaussianPrior(method="score-nmff")],
        )


def test_a_method_that_hears_no_score_is_refused() -> None:
    layout = Layout(mixture=mixture(), side_information=SideInformation(score=SCORE), sources=("high", "low"))
    with pytest.raises(ConfigError, match="needs a method that hears a score, given mixture"):
        LocalGaussianPrior(method="mixture").bind(layout, Domain.WAVEFORMS)


class Halves(Separator[Config]):
    """A method of somebody else, that hears a score and takes its time."""

    hurried: threading.Event | None = None

    def separate(self, problem: Problem, run: Run) -> Mapping[str, Audio]:
        for step in run.steps(3, "halve"):
            if step == 1 and self.hurried is not None:
                self.hurried.set()
        run.remark(f"{problem.mixture.length} samples were halved")
        half = Audio(problem.mixture.samples / 2, problem.mixture.sample_rate)
        return dict.fromkeys(problem.sources, half)


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Registry:
    """All that is installed, and a method that is not."""
    module = ModuleType("somebody_else")
    vars(module)["Halves"] = Halves
    monkeypatch.setitem(sys.modules, "somebody_else", module)
    known = Registry.discover()
    known.add(SeparatorSpec(name="halves", summary="halves", factory="somebody_else:Halves", needs=("score",)))
    return known


def under_halves(registry: Registry, seconds: float = 0.5, **given: Any) -> sepkit.Separation:
    longer = Audio(np.resize(mixture().samples, (1, round(seconds * RATE))), RATE)
    options = {"chains": 1, "levels": 1, "steps": 1, "window_s": 0.5, "overlap_s": 0.1, "start": "prior"}
    return sepkit.separate(
        longer,
        "flow-sgld",
        sources=["low", "high"],
        score=SCORE,
        align="never",
        priors=[LocalGaussianPrior(method="halves")],
        config=options,
        registry=registry,
        **given,
    )


def test_the_separation_within_is_seen_and_heard_and_known_to_the_host_alone(registry: Registry) -> None:
    reports: list[Progress] = []
    found = under_halves(registry, 1.4, reporter=reports.append)
    within = [(report.done, report.total) for report in reports if report.stage == "halves: halve"]
    windows = 4
    assert within == windows * [(done, 3) for done in range(4)]
    # Once, and not for every window.
    assert [text for text in found.provenance.remarks if "halved" in text] == ["halves: 4000 samples were halved"]


def test_the_separation_within_stops_when_its_host_wants_to(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    cancel = threading.Event()
    monkeypatch.setattr(Halves, "hurried", cancel)
    reports: list[Progress] = []
    with pytest.raises(Cancelled):
        under_halves(registry, cancel=cancel, reporter=reports.append)
    assert [report.done for report in reports if report.stage == "halves: halve"] == [0, 1]


def test_a_factorised_start_is_seen_and_can_be_stopped() -> None:
    reports: list[Progress] = []

    class AtFactorising:
        def is_set(self) -> bool:
            return any(report.stage == "nmf: factorise" and report.done for report in reports)

    with pytest.raises(Cancelled):
        sepkit.separate(
            mixture(),
            "flow-sgld",
            sources=["low", "high"],
            priors=["stationary"],
            config={"chains": 1, "levels": 1, "steps": 1, "start": "factorized"},
            reporter=reports.append,
            cancel=AtFactorising(),
        )
    assert reports[-1].stage == "nmf: factorise"
    assert reports[-1].done == 1
