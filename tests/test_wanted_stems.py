"""Stems that outputs name: refused before any work where it is known that there will be none of that name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sepkit import Audio, Registry
from sepkit.batching.job import Job, JobRunner
from sepkit.errors import ConfigError
from sepkit.solving.method import Method
from sepkit.solving.outputs import Outputs
from tests import fakes

METHODS: dict[str, dict[str, Any]] = {
    "named by the caller": {"method": "shares", "problem": {"sources": ["low", "high"]}},
    "fixed by the method": {"method": "bands"},
    "known to the weights": {"method": "tuned"},
}
NAMING = [{"only": ("middle",)}, {"without": ("middle",)}, {"gains_db": {"low": 0, "middle": -6}}]


@pytest.fixture
def runner() -> JobRunner:
    registry = Registry()
    registry.add(fakes.spec("shares", "Shares", config="sepkit_fakes:SharesConfig"))
    registry.add(fakes.spec("bands", "Shares", config="sepkit_fakes:SharesConfig", sources=("low", "high")))
    registry.add(fakes.spec("tuned", "Tuned", needs=("weights",)))
    return JobRunner(registry)


@pytest.fixture
def job(tmp_path: Path) -> dict[str, Any]:
    (tmp_path / "levels.json").write_text(json.dumps({"levels": {"low": 0.25, "high": 0.75}, "sample_rate": 8000}))
    return {"mixture": Audio(np.ones((1, 4000), np.float32), 8000), "output": str(tmp_path / "out")}


def asked(job: dict[str, Any], how: dict[str, Any], naming: dict[str, Any]) -> Job:
    setup = {"weights": str(Path(job["output"]).parent)} if how["method"] == "tuned" else {}
    return Job(**job, **how, setup=setup, outputs=Outputs(**naming))


@pytest.mark.parametrize("naming", NAMING, ids=str)
@pytest.mark.parametrize("how", METHODS.values(), ids=METHODS)
def test_a_stem_that_there_will_not_be_is_refused_before_it_separates(
    runner: JobRunner, job: dict[str, Any], how: dict[str, Any], naming: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Method, "separate", lambda *_, **__: pytest.fail("separated"))
    with pytest.raises(ConfigError, match="there is no stem 'middle'; the stems are low, high"):
        runner.run(asked(job, how, naming))


@pytest.mark.parametrize("how", [METHODS["named by the caller"], METHODS["fixed by the method"]], ids=str)
def test_a_batch_is_refused_as_a_whole(runner: JobRunner, job: dict[str, Any], how: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="no stem 'middle'"):
        runner.prepare(asked(job, how, NAMING[0]))


@pytest.mark.parametrize("how", METHODS.values(), ids=METHODS)
def test_those_that_there_are_are_written(runner: JobRunner, job: dict[str, Any], how: dict[str, Any]) -> None:
    done = runner.run(asked(job, how, {"only": ("high",), "gains_db": {"low": -6}}))
    assert set(done.files) == {"high", "remix"}


def test_names_are_the_same_however_accents_are_coded(runner: JobRunner, job: dict[str, Any]) -> None:
    how = {"method": "shares", "problem": {"sources": ["Geha\u0308use", "high"]}}
    assert set(runner.run(asked(job, how, {"only": ("Geh\u00e4use",)})).files) == {"Geh\u00e4use"}


@pytest.mark.parametrize("gain_db", [121, float("inf"), float("nan")])
def test_a_gain_that_cannot_be_meant_is_refused_where_it_is_given(gain_db: float) -> None:
    with pytest.raises(ConfigError, match="the gain of 'low' needs a number of dB up to 120"):
        Outputs(gains_db={"low": gain_db})


def test_a_stem_may_be_taken_away(runner: JobRunner, job: dict[str, Any]) -> None:
    done = runner.run(asked(job, METHODS["fixed by the method"], {"gains_db": {"low": float("-inf")}}))
    assert set(done.files) == {"remix"}
