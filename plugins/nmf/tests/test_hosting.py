"""Priors and constraints on the variables of the factorisation: those of others are as good as those of sepkit."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from numpy.typing import NDArray

import sepkit
from plugins.nmf.tests.sounds import QUICK
from sepkit import Audio, Constraint, Density, Domain, Layout, Prior
from sepkit.builtin import Continuity, MixtureConsistency, Sparsity
from sepkit.errors import ConfigError


class FirstAtomSilent(Constraint):
    """The first atom never sounds."""

    domains: ClassVar[frozenset[Domain]] = frozenset({Domain.ACTIVATIONS})

    def bind(self, layout: Layout, domain: Domain) -> _Zeros:
        support = np.ones(layout.shape(domain), bool)
        support[0] = False
        return _Zeros(support)


@dataclass(frozen=True)
class _Zeros:
    support: NDArray[np.bool_]

    def project(self, value: Any) -> Any:
        return value * self.support

    def violation(self, value: Any) -> float:
        return float(np.abs(value[~self.support]).max(initial=0))


class LowTemplates(FirstAtomSilent):
    """Templates end at 1 kHz; not a `Support`, so that it is projected on."""

    domains: ClassVar[frozenset[Domain]] = frozenset({Domain.TEMPLATES})

    def bind(self, layout: Layout, domain: Domain) -> Any:
        assert layout.bins_hz is not None
        below = layout.bins_hz[:, np.newaxis] < 1000
        return _Capped(np.broadcast_to(below, layout.shape(domain)))


@dataclass(frozen=True)
class _Capped:
    allowed: NDArray[np.bool_]

    def project(self, value: Any) -> Any:
        return np.where(self.allowed, value, 0)

    def violation(self, value: Any) -> float:
        return float(np.abs(value[~self.allowed]).max(initial=0))


@pytest.mark.parametrize("beta", [1, 2])
def test_constraints_on_its_own_variables_end_satisfied(mixture: Audio, beta: float) -> None:
    separation = sepkit.separate(
        mixture,
        "nmf",
        config={**QUICK, "rank": 3, "beta": beta},
        constraints=[FirstAtomSilent(), LowTemplates(), MixtureConsistency()],
    )
    violations = {entry["name"]: entry["violation"] for entry in separation.provenance.constraints}
    assert violations["first-atom-silent"] == violations["low-templates"] == 0
    assert violations["mixture-consistency"] < 1e-6
    assert {entry["domain"] for entry in separation.provenance.constraints} == {"activations", "templates", "waveforms"}


@pytest.mark.parametrize("beta", [1, 2])
def test_priors_change_the_result_and_the_cost_still_falls(mixture: Audio, beta: float) -> None:
    options: dict[str, Any] = {"config": {**QUICK, "rank": 4, "beta": beta}}
    plain = sepkit.separate(mixture, "nmf", **options)
    smooth = sepkit.separate(mixture, "nmf", **options, priors=[Continuity(weight=500), "sparsity:weight=5"])
    cost = smooth.provenance.traces["cost"]
    assert all(later <= earlier for earlier, later in itertools.pairwise(cost))
    assert [entry["name"] for entry in smooth.provenance.priors] == ["continuity", "sparsity"]
    assert not np.array_equal(plain["component-1"].samples, smooth["component-1"].samples)


class Capped(Constraint):
    """No template is above a limit; more than a support."""

    domains: ClassVar[frozenset[Domain]] = frozenset({Domain.TEMPLATES})

    def bind(self, layout: Layout, domain: Domain) -> _Cap:
        return _Cap()


class _Cap:
    limit = 1e-3

    def project(self, value: Any) -> Any:
        return value.clip(None, self.limit)

    def violation(self, value: Any) -> float:
        return max(0.0, float(value.max()) / self.limit - 1)


def test_templates_that_stay_fixed_keep_to_constraints(mixture: Audio, examples: dict[str, Path]) -> None:
    options: dict[str, Any] = {"config": QUICK, "examples": examples, "keep_variables": True}
    free = sepkit.separate(mixture, "nmf", **options)
    assert free.variables is not None
    assert free.variables.values[Domain.TEMPLATES].max() > _Cap.limit
    capped = sepkit.separate(mixture, "nmf", constraints=[Capped()], **options)
    assert capped.variables is not None
    assert capped.variables.values[Domain.TEMPLATES].max() <= _Cap.limit * (1 + 1e-6)
    assert capped.provenance.constraints[0]["violation"] == pytest.approx(0, abs=1e-6)


class SparseTemplates(Prior):
    """Few elements of a template are large."""

    domains: ClassVar[frozenset[Domain]] = frozenset({Domain.TEMPLATES})

    def bind(self, layout: Layout, domain: Domain) -> Density:
        return Sparsity().bind(layout, domain)


def test_priors_have_no_say_over_templates_that_stay_fixed(mixture: Audio, examples: dict[str, Path]) -> None:
    with pytest.raises(ConfigError, match="priors on templates have no say over templates that stay as they were"):
        sepkit.separate(mixture, "nmf", config=QUICK, examples=examples, priors=[SparseTemplates()])
    freed = {**QUICK, "fix": "none", "iterations": 2}
    assert sepkit.separate(mixture, "nmf", config=freed, examples=examples, priors=[SparseTemplates()]).sources == (
        "tone",
        "noise",
    )
