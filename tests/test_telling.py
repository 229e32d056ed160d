"""What every run tells of its result: names that say nothing, synthesis, silence, a cost that rose."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sepkit import Audio, Registry, Run, separate
from sepkit.errors import PluginError
from sepkit.plugin import SeparatorSpec
from sepkit.solving.telling import remarks_on_result
from tests import fakes
from tests.zoo import exhibits

MIXTURE = Audio(np.random.default_rng(0).normal(0, 0.1, (1, 1000)), 8000)
STEMS = {"voice": MIXTURE, "bass": MIXTURE}
SILENCE = Audio(np.zeros((1, 1000), np.float32), 8000)


def told(*names: str, traits: tuple[str, ...] = (), stems: dict[str, Audio] = STEMS, run: Run | None = None) -> str:
    spec = fakes.spec("fake", "Shares", traits=frozenset(traits))
    return "\n".join(remarks_on_result(spec, MIXTURE, names, stems, run or Run()))


def test_of_an_ordinary_result_nothing_is_told() -> None:
    assert told("voice", "bass") == told() == ""


def test_arbitrary_names_are_told_each_time_that_names_are_asked_for() -> None:
    remark = told("voice", "bass", traits=("arbitrary-names",))
    assert remark.startswith("which stem is called voice or bass is arbitrary")
    assert "'fake'" in remark
    assert told(traits=("arbitrary-names",)) == ""
    # There is nothing to mistake it for.
    assert told("voice", traits=("arbitrary-names",)) == ""


def test_of_sources_that_were_identified_nothing_is_told() -> None:
    run = Run()
    run.identify(["voice"])
    assert told("voice", "bass", traits=("arbitrary-names",), run=run) == ""
    remark = told("voice", "bass", "organ", traits=("arbitrary-names",), run=run)
    assert remark.startswith("which stem is called bass or organ is arbitrary")


def test_many_names_are_not_all_listed() -> None:
    remark = told(*(f"source {number}" for number in range(100)), traits=("arbitrary-names",))
    assert "source 3 or 96 more is arbitrary" in remark


def test_synthesis_is_told() -> None:
    assert "synthesised" in told("voice", "bass", traits=("synthesises",))
    with pytest.raises(PluginError, match="exclude each other"):
        fakes.spec("fake", "Shares", traits=frozenset({"synthesises", "sums-to-mixture"}))


def test_silent_stems_are_told_where_the_mixture_is_not_silent() -> None:
    faint = Audio(MIXTURE.samples * np.float32(1e-7), 8000)
    assert told(stems={"voice": SILENCE, "bass": MIXTURE}) == "voice is silent throughout"
    assert told(stems={"a": faint, "b": SILENCE, "c": MIXTURE}) == "a and b are silent throughout"
    assert told(stems={"a": faint, "b": SILENCE}).startswith("all stems are silent, and the mixture is not")
    assert told(stems={"a": SILENCE}, traits=("yardstick",)) == ""
    spec = fakes.spec("fake", "Shares")
    assert remarks_on_result(spec, SILENCE, (), {"a": SILENCE}, Run()) == ()


@pytest.mark.parametrize(
    ("costs", "remark"),
    [
        ((), ""),
        ((3.0,), ""),
        ((3.0, 4.0, 2.5), ""),
        ((3.0, 3.0), ""),
        ((0.5, 0.1, 70000.0), "the cost rose from 0.5 to 7e+04"),
        ((0.5, np.nan), "the cost rose from 0.5 to no finite number"),
    ],
)
def test_a_cost_that_rose_is_told(costs: tuple[float, ...], remark: str) -> None:
    run = Run()
    run.trace("cost", costs)
    run.trace("log density", [1.0, 2.0])
    assert told(run=run).partition(":")[0] == remark


def test_remarks_are_in_the_record_of_every_separation(registry: Registry) -> None:
    def remarks(**options: Any) -> tuple[str, ...]:
        registry.add(fakes.spec("told", "Shares", config=f"{fakes.__name__}:SharesConfig", **options))
        config = {"shares": (0.0, 0.0)}
        return separate(MIXTURE, "told", sources=["a", "b"], config=config, registry=registry).provenance.remarks

    said = remarks(traits=frozenset({"arbitrary-names"}))
    assert [remark.partition(":")[0].partition(",")[0] for remark in said] == [
        "which stem is called a or b is arbitrary",
        "all stems are silent",
    ]


def test_the_zoo_has_an_offender_for_each_trait_that_is_told() -> None:
    traits = {
        trait
        for exhibit in exhibits.EXHIBITS
        if isinstance(exhibit.spec, SeparatorSpec)
        for trait in exhibit.spec.traits
    }
    assert {"arbitrary-names", "synthesises"} <= traits
