"""The conformance kit: every check catches what it is for, and nothing else."""

from __future__ import annotations

import json
import re
import sys
import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import sepkit.testing
from sepkit import Audio, Problem, Run
from sepkit.builtin import Continuity, MixtureConsistency, Sparsity
from sepkit.errors import ConfigError, SideInformationError, UnknownNameError
from sepkit.testing import Outcome, check_constraint, check_prior, device_checks, parametrize_with_checks, run_checks
from sepkit.testing.catalogue import CHECKS, MODULES
from sepkit.testing.material import Case
from tests.commandline import call, script
from tests.distributions import install
from tests.zoo import light_hooks
from tests.zoo.exhibits import EXHIBITS, GOOD, Exhibit
from tests.zoo.good import Shares

ZOO = sepkit.Registry(plugins=[light_hooks])
ONE_OFFENCE = next(exhibit for exhibit in EXHIBITS if exhibit.caught_by == "reference-is-given")


class ScoreOrF0(Shares):
    """Needs one kind of side information or another, which no spec can say."""

    def start(self, problem: Problem, run: Run) -> NDArray[np.floating]:
        if problem.side_information.score is None and not problem.side_information.f0:
            raise SideInformationError("needs a score or F0 tracks")
        return super().start(problem, run)


class F0Alone(Shares):
    """Says that a score would do, and needs F0 tracks."""

    def start(self, problem: Problem, run: Run) -> NDArray[np.floating]:
        if not problem.side_information.f0:
            raise SideInformationError("needs a score or F0 tracks")
        return super().start(problem, run)


class Truth(Shares):
    """Gives back the true stems."""

    def finish(self, value: NDArray[np.floating], problem: Problem, run: Run) -> Mapping[str, Audio]:
        references = problem.side_information.references
        return {name: references[name] for name in problem.sources or references}


def shares(factory: type[Shares], **fields: Any) -> sepkit.Registry:
    """A registry in which `good-shares` is another class."""
    registry = sepkit.Registry(plugins=[light_hooks])
    spec = replace(ZOO.separator("good-shares"), factory=f"{__name__}:{factory.__name__}", **fields)
    registry.add(spec)
    return registry


def failed(outcomes: list[Outcome]) -> dict[str, str]:
    return {outcome.check: outcome.message for outcome in outcomes if outcome.status == "failed"}


def identify(exhibit: Exhibit) -> str:
    factory = exhibit.spec.factory.rpartition(":")[2] if exhibit.spec else "hooks"
    return f"{exhibit.caught_by}-{factory}"


@pytest.mark.parametrize("exhibit", EXHIBITS, ids=identify)
def test_every_offender_is_caught_by_its_check_alone(exhibit: Exhibit, monkeypatch: pytest.MonkeyPatch) -> None:
    # The offenders compute elsewhere, which can be seen without any device.
    monkeypatch.setattr(device_checks, "accelerator", lambda: "cuda")
    threads = threading.active_count()
    found = failed(run_checks(exhibit.name, registry=exhibit.registry()))
    assert set(found) == {exhibit.caught_by} | exhibit.companions, found
    message = found[exhibit.caught_by]
    assert message
    assert "\n" not in message
    if exhibit.caught_by != "cancelling-leaves-nothing-behind":
        assert threading.active_count() <= threads


def test_there_is_an_offender_for_every_check() -> None:
    assert {exhibit.caught_by for exhibit in EXHIBITS} == {check.name for check in CHECKS}


NOTHING_TO_CHECK = {
    "quiet": {"split-is-the-gradient"},
    "score-gate": {"parts-are-the-whole"},
    "peak-limit": {"support-is-the-projection", "parts-are-the-whole", "draws-fit-the-axes"},
}


@pytest.mark.parametrize("name", GOOD)
def test_good_plugins_pass_everything(name: str) -> None:
    outcomes = run_checks(name, registry=ZOO)
    assert failed(outcomes) == {}
    skipped = {outcome.check for outcome in outcomes if outcome.status == "skipped"}
    assert skipped <= NOTHING_TO_CHECK.get(name, set())


@pytest.mark.parametrize("name", ["activity", "regions"])
def test_statements_about_labels_pass_everything(name: str) -> None:
    outcomes = run_checks(name, registry=sepkit.Registry(plugins=[]))
    assert failed(outcomes) == {}
    skipped = {outcome.check for outcome in outcomes if outcome.status == "skipped"}
    assert skipped <= ({"support-is-the-projection"} if name == "regions" else set())


@pytest.mark.parametrize("prior", [Sparsity(), Continuity(weight=3)], ids=lambda prior: prior.name)
def test_a_prior_alone_is_checked_without_a_spec(prior: sepkit.Prior) -> None:
    outcomes = check_prior(prior)
    assert failed(outcomes) == {}
    assert "gradient-is-the-slope" in {outcome.check for outcome in outcomes}


def test_a_constraint_alone_is_checked_without_a_spec() -> None:
    outcomes = check_constraint(MixtureConsistency())
    assert failed(outcomes) == {}
    assert "projection-is-idempotent" in {outcome.check for outcome in outcomes}


def test_only_priors_and_constraints_are_checked_alone() -> None:
    with pytest.raises(ConfigError, match="needs a prior"):
        check_prior(MixtureConsistency())  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="needs a constraint"):
        check_constraint(Sparsity())  # type: ignore[arg-type]


def test_an_expected_failure_is_none() -> None:
    outcomes = run_checks(
        ONE_OFFENCE.name, registry=ONE_OFFENCE.registry(), expected_failures={ONE_OFFENCE.caught_by: "not yet written"}
    )
    assert failed(outcomes) == {}
    [expected] = [outcome for outcome in outcomes if outcome.status == "expected-failure"]
    assert expected.check == ONE_OFFENCE.caught_by
    assert "not yet written" in expected.message


def test_an_expected_failure_that_passes_is_a_failure() -> None:
    found = failed(run_checks("quiet", registry=ZOO, expected_failures={"reference-is-given": "not yet written"}))
    assert set(found) == {"reference-is-given"}
    assert "not yet written" in found["reference-is-given"]


@pytest.mark.parametrize("name", ["no-such-check", "separates"])
def test_expecting_a_check_that_does_not_apply_is_an_error(name: str) -> None:
    with pytest.raises(ConfigError, match=f"no check {name} applies to 'quiet'"):
        run_checks("quiet", registry=ZOO, expected_failures={name: "why"})


def test_outcomes_come_in_the_order_of_the_catalogue() -> None:
    names = [check.name for check in CHECKS]
    for name in ("good-shares", "quiet"):
        order = [outcome.check for outcome in run_checks(name, registry=ZOO)]
        assert order == [check for check in names if check in order]
        assert len(set(order)) == len(order)


def test_options_are_checked_with() -> None:
    assert failed(run_checks("good-shares", registry=ZOO, config={"steps": 0})).keys() == {"example-validates"}
    assert failed(run_checks("quiet", registry=ZOO, config={"weight": 5.0})) == {}


def test_a_method_without_its_weights_is_checked_as_far_as_that_goes() -> None:
    registry = sepkit.Registry(plugins=[light_hooks])
    registry.add(replace(ZOO.separator("good-shares"), needs=("weights",)))
    outcomes = {outcome.check: outcome for outcome in run_checks("good-shares", registry=registry)}
    assert outcomes["separates"].status == outcomes["gain-goes-through"].status == "skipped"
    remedy = "give some with weights=... or --weights"
    assert outcomes["separates"].message == f"it needs weights and none ship with it; {remedy}"
    assert outcomes["missing-needs-are-named"].status == outcomes["config-pickles"].status == "passed"


def test_a_method_may_need_one_of_several_kinds_of_side_information() -> None:
    either = ("score|f0",)
    for registry in (shares(ScoreOrF0, needs=either), shares(F0Alone, needs=("f0",))):
        assert failed(run_checks("good-shares", registry=registry)) == {}
    found = failed(run_checks("good-shares", registry=shares(F0Alone, needs=either)))
    assert set(found) == {"needs-are-declared"}
    assert "given score it needs more than the spec declares: needs a score or F0" in found["needs-are-declared"]


def test_who_needs_references_gets_them_and_has_to_say_so() -> None:
    traits = frozenset({"gain-equivariant"})
    assert failed(run_checks("good-shares", registry=shares(Truth, traits=traits, needs=("references",)))) == {}
    assert set(failed(run_checks("good-shares", registry=shares(Truth, traits=traits)))) == {"separates"}


@pytest.mark.parametrize("shape", ["tones", "antiphase", "pips"])
@pytest.mark.parametrize("sources", [(), ("a",), ("a", "b", "c")])
def test_the_references_of_a_case_sum_to_its_mixture_nearly(shape: str, sources: tuple[str, ...]) -> None:
    case = Case(16000, 2, 4001, sources=sources, shape=shape, gain=2.0)
    mixture, references = case.mixture().samples, case.references()
    assert tuple(references) == (sources or ("first", "second"))
    gap = mixture - np.sum([stem.samples for stem in references.values()], axis=0)
    assert np.linalg.norm(gap) < 0.1 * np.linalg.norm(mixture)


def test_a_method_of_a_notebook_is_checked_in_this_process_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["__main__"], "Shares", Shares, raising=False)
    registry = sepkit.Registry()
    registry.add(replace(ZOO.separator("good-shares"), factory="__main__:Shares"))
    outcomes = run_checks("good-shares", registry=registry)
    assert failed(outcomes) == {}
    skipped = [outcome.message for outcome in outcomes if outcome.status == "skipped"]
    assert len(skipped) == 5
    assert set(skipped) == {"__main__ cannot be imported in a process of its own"}


def test_an_unknown_name_is_named() -> None:
    with pytest.raises(UnknownNameError, match="did you mean quiet"):
        run_checks("quite", registry=ZOO)


def test_checks_are_named_and_described() -> None:
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", check.name) for check in CHECKS)
    assert all(len(check.summary) > 10 for check in CHECKS)
    assert len({check.name for check in CHECKS}) == len(CHECKS)
    assert {check.function.__module__ for check in CHECKS} == {module.__name__ for module in MODULES}


def test_public_names_are_pinned() -> None:
    assert sepkit.testing.__all__ == [
        "CheckFailed",
        "Outcome",
        "check_constraint",
        "check_prior",
        "parametrize_with_checks",
        "run_checks",
    ]


def test_the_kit_needs_no_pytest() -> None:
    assert script("import sys, sepkit.testing; print('pytest' in sys.modules)") == "False\n"


def test_sepkit_itself_does_not_load_the_kit() -> None:
    source = "import sys, sepkit, sepkit.cli\nfor name in sepkit.__all__: getattr(sepkit, name)\n"
    assert script(f"{source}print('sepkit.testing' in sys.modules)") == "False\n"


@parametrize_with_checks("quiet", registry=ZOO)
def test_checks_are_tests(check) -> None:  # type: ignore[no-untyped-def]
    check()


def test_under_pytest_ids_are_names_and_outcomes_are_pytests() -> None:
    mark = parametrize_with_checks(
        ONE_OFFENCE.name, registry=ONE_OFFENCE.registry(), expected_failures={"summary-is-one-short-line": "really"}
    )
    checks = {parameter.id: parameter.values[0] for parameter in mark.args[1]}  # type: ignore[union-attr]
    assert [check.name for check in checks.values()] == list(checks)
    with pytest.raises(AssertionError, match="the spec has no reference"):
        checks["reference-is-given"]()
    with pytest.raises(AssertionError, match="expected to fail: really"):
        checks["summary-is-one-short-line"]()
    with pytest.raises(pytest.skip.Exception, match="by hand"):
        checks["discovery-is-light"]()
    mark = parametrize_with_checks(
        ONE_OFFENCE.name, registry=ONE_OFFENCE.registry(), expected_failures={"reference-is-given": "really"}
    )
    checks = {parameter.id: parameter.values[0] for parameter in mark.args[1]}  # type: ignore[union-attr]
    with pytest.raises(pytest.xfail.Exception, match="really"):
        checks["reference-is-given"]()


class TestCommand:
    def test_a_line_a_check_and_a_summary(self) -> None:
        shown = call("check", "sparsity")
        assert (shown.code, shown.err) == (0, "")
        *lines, summary = shown.out.splitlines()
        assert "✓ gradient-is-the-slope" in lines
        assert re.fullmatch(r"prior sparsity: \d+ passed, 1 skipped in [\d.]+ s", summary)

    def test_json(self) -> None:
        shown = call("check", "mixture-consistency", "--json")
        assert (shown.code, shown.err) == (0, "")
        report = json.loads(shown.out)
        assert (report["name"], report["kind"]) == ("mixture-consistency", "constraint")
        assert report["counts"]["failed"] == 0
        assert sum(report["counts"].values()) == len(report["outcomes"])
        assert all(set(outcome) == {"check", "status", "message", "seconds"} for outcome in report["outcomes"])

    @pytest.mark.parametrize("options", [(), ("--json",)], ids=["text", "json"])
    def test_a_failure_exits_with_1(self, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...]) -> None:
        # Its spec names no paper.
        install(monkeypatch, "good")
        shown = call("check", "peak-limit", *options)
        assert (shown.code, shown.err) == (1, "")
        assert "the spec has no reference" in shown.out

    def test_an_unknown_name_exits_with_2(self) -> None:
        shown = call("check", "sparsty")
        assert (shown.code, shown.out) == (2, "")
        assert shown.complaints == ["sepkit: no prior 'sparsty' is installed; did you mean sparsity?"]


def test_no_module_of_the_kit_is_long() -> None:
    lengths = {
        path.name: len(path.read_text().splitlines())
        for path in Path(sepkit.testing.__file__).parent.glob("*")
        if path.suffix == ".py"
    }
    assert max(lengths.values()) <= 350, lengths
