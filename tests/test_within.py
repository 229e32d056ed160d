"""Separations that are a part of another run: by methods made of methods, and by priors that ask one."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from types import ModuleType
from typing import Any, ClassVar

import numpy as np
import pytest

import sepkit
from sepkit import (
    Audio,
    Cancelled,
    Config,
    Density,
    Domain,
    Layout,
    Method,
    Prior,
    Problem,
    Progress,
    Registry,
    Run,
    Separator,
)
from sepkit.plugin import SeparatorSpec

MIXTURE = Audio(np.sin(np.arange(800) / 9, dtype=np.float32)[np.newaxis], 8000)


class Inner(Separator[Config]):
    def separate(self, problem: Problem, run: Run) -> Mapping[str, Audio]:
        for step in run.steps(3, "think"):
            run.remark(f"{step} s of part {step // 2}")
        silence = Audio(np.zeros_like(problem.mixture.samples), 8000)
        return {name: problem.mixture if index == 0 else silence for index, name in enumerate(problem.sources)}


class Outer(Separator[Config]):
    """Asks another method for each of its steps; what that gives is of no matter."""

    def separate(self, problem: Problem, run: Run) -> Mapping[str, Audio]:
        inner = Method("inner", registry=run.registry)
        for _ in run.steps(2, "ask"):
            inner.separate(problem.mixture, sources=problem.sources, seed=run.seed, within=run)
        return {name: Audio(problem.mixture.samples / 2, 8000) for name in problem.sources}


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Registry:
    module = ModuleType("methods_of_methods")
    vars(module).update(Inner=Inner, Outer=Outer)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    known = Registry()
    for name in ("Inner", "Outer"):
        known.add(SeparatorSpec(name=name.lower(), summary="one", factory=f"{module.__name__}:{name}"))
    return known


def separated(registry: Registry, **given: Any) -> sepkit.Separation:
    return sepkit.separate(MIXTURE, "outer", sources=["a", "b"], registry=registry, **given)


def test_its_progress_is_shown_with_its_name_within_that_of_the_whole(registry: Registry) -> None:
    reports: list[Progress] = []
    separated(registry, reporter=reports.append)
    inner = [("inner: think", done) for done in range(4)]
    assert [(report.stage, report.done) for report in reports] == [("ask", 0), *inner, ("ask", 1), *inner, ("ask", 2)]


def test_what_the_method_itself_remarks_is_told_once_with_its_name(registry: Registry) -> None:
    remarks = separated(registry).provenance.remarks
    assert [text for text in remarks if "part" in text] == ["inner: 0 s of part 0", "inner: 2 s of part 1"]
    by_itself = sepkit.separate(MIXTURE, "inner", sources=["a", "b"], registry=registry).provenance.remarks
    assert any("silent" in text for text in by_itself)
    # The silent stem is nobody's result.
    assert not any("silent" in text for text in remarks)


def test_it_is_cancelled_with_the_whole_within_a_step(registry: Registry) -> None:
    reports: list[Progress] = []

    class InTheSecond:
        def is_set(self) -> bool:
            return ("ask", 1) in [(report.stage, report.done) for report in reports] and reports[-1].done == 2

    with pytest.raises(Cancelled):
        separated(registry, reporter=reports.append, cancel=InTheSecond())
    assert (reports[-1].stage, reports[-1].done) == ("inner: think", 2)


def test_a_prior_is_bound_within_the_run_that_it_is_given() -> None:
    seen: list[Run] = []

    class Asks(Prior):
        domains: ClassVar[frozenset[Domain]] = frozenset({Domain.WAVEFORMS})

        def bind(self, layout: Layout, domain: Domain) -> Density:
            raise AssertionError("bound without a run")

        def bind_within(self, layout: Layout, domain: Domain, run: Run) -> Density:
            seen.append(run)
            return Flat()

    class Flat:
        def log_prob(self, value: Any) -> Any:
            return 0.0

        def gradient(self, value: Any) -> Any:
            return 0 * value

    hosted = sepkit.problem.Hosted(Asks(), Domain.WAVEFORMS, "asks")
    problem, run = Problem(MIXTURE, ("a",), priors=(hosted,)), Run()
    assert len(problem.bind_priors(problem.layout(), Domain.WAVEFORMS, run)) == 1
    assert seen == [run]
