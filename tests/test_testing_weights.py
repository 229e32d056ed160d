"""The conformance kit and methods with weights, and such as run on accelerators."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sepkit import Problem, Registry, Run
from sepkit.errors import ConfigError, WeightsError
from sepkit.plugin import Weights
from sepkit.testing import Outcome, parametrize_with_checks, run_checks
from tests.commandline import call
from tests.zoo import light_hooks
from tests.zoo.good import Array, Shares, trained_gain

WEIGHTS = trained_gain()


class OnDevice(Shares):
    """Refuses devices that are not there, as every method ought to."""

    def start(self, problem: Problem, run: Run) -> Array:
        if run.device not in ("auto", "cpu", "cuda"):
            raise ConfigError(f"there is no device {run.device}")
        return super().start(problem, run)


def weighted(**fields: Any) -> Registry:
    """A registry in which `good-shares` needs weights."""
    registry = Registry(plugins=[light_hooks])
    spec = registry.separator("good-shares")
    fields = {"factory": "tests.zoo.good:Weighted", "traits": frozenset({"gain-equivariant"}), **fields}
    registry.add(replace(spec, **fields))
    return registry


def shipped(function: str) -> Weights:
    return Weights(name="gain", licence="MIT", source="the zoo", folder=f"tests.zoo.good:{function}")


def by_status(outcomes: list[Outcome], status: str) -> dict[str, str]:
    return {outcome.check: outcome.message for outcome in outcomes if outcome.status == status}


def test_with_weights_everything_is_checked() -> None:
    outcomes = run_checks("good-shares", registry=weighted(needs=("weights",)), weights=str(WEIGHTS))
    assert by_status(outcomes, "failed") == {}
    assert by_status(outcomes, "skipped").keys() == {"discovery-is-light"}
    without = run_checks("good-shares", registry=weighted(needs=("weights",)))
    assert len(by_status(without, "skipped")) > 20


@pytest.mark.parametrize("needs", [(), ("weights",)])
def test_weights_that_ship_with_it_are_checked_with(needs: tuple[str, ...]) -> None:
    registry = weighted(needs=needs, weights=(shipped("trained_gain"),))
    outcomes = run_checks("good-shares", registry=registry)
    assert by_status(outcomes, "failed") == {}
    assert by_status(outcomes, "skipped").keys() == {"discovery-is-light"}


def test_weights_that_are_missing_fail_where_they_are_named() -> None:
    registry = weighted(weights=(shipped("no_such_function"),))
    assert by_status(run_checks("good-shares", registry=registry), "failed").keys() == {"imports-resolve"}


def test_weights_that_are_damaged_fail_the_separation(tmp_path: Path) -> None:
    shutil.copytree(WEIGHTS, tmp_path / "weights")
    (tmp_path / "weights" / "gain.json").write_text("[0.5")
    outcomes = run_checks("good-shares", registry=weighted(needs=("weights",)), weights=tmp_path / "weights")
    assert "separates" in by_status(outcomes, "failed")


@pytest.mark.parametrize("name", ["good-shares", "quiet"])
def test_what_takes_no_weights_is_given_none(name: str) -> None:
    with pytest.raises(ConfigError, match=f"'{name}' takes no folder of weights"):
        run_checks(name, registry=Registry(plugins=[light_hooks]), weights=WEIGHTS)


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="no such folder or file of weights"):
        run_checks("good-shares", registry=weighted(needs=("weights",)), weights=tmp_path / "none")


def test_tests_and_the_command_take_weights_too(monkeypatch: pytest.MonkeyPatch) -> None:
    registry = weighted(needs=("weights",))
    mark = parametrize_with_checks("good-shares", registry=registry, weights=WEIGHTS)
    checks = {parameter.id: parameter.values[0] for parameter in mark.args[1]}  # type: ignore[union-attr]
    checks["separates"]()
    monkeypatch.setattr("sepkit.cli.check.discover", lambda ctx: registry)
    shown = call("check", "good-shares", "--weights", WEIGHTS)
    assert shown.code == 0
    assert "✓ separates" in shown.out.splitlines()
    assert call("check", "good-shares", "--weights", WEIGHTS / "absent").code == 2


def test_a_trainer_is_no_fault() -> None:
    registry = weighted(needs=("weights",), trainer="tests.zoo.good:Learns")
    assert by_status(run_checks("good-shares", registry=registry, weights=WEIGHTS), "failed") == {}


def test_a_method_that_looks_at_its_device_passes() -> None:
    registry = weighted(factory=f"{__name__}:OnDevice", traits=frozenset({"accelerated"}))
    outcomes = run_checks("good-shares", registry=registry)
    assert by_status(outcomes, "failed").keys() <= {"accelerator-is-used"}
    assert "absent-device-is-refused" in by_status(outcomes, "passed")


def test_without_a_device_that_says_why() -> None:
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        pytest.skip("there is a CUDA device here")
    registry = weighted(factory=f"{__name__}:OnDevice", traits=frozenset({"accelerated"}))
    skipped = by_status(run_checks("good-shares", registry=registry), "skipped")
    assert skipped["accelerator-is-used"] == "torch sees no CUDA device here"
