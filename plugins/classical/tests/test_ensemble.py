"""Stems of several methods are combined by name, and sum to the mixture where all members do."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import sepkit
from sepkit import Audio, Config, F0Track, Label, Labels, Note, Problem, Run, Score, Separator
from sepkit.cli.calling import call
from sepkit.errors import Cancelled, ConfigError, MismatchError, UnknownNameError
from sepkit.plugin import SeparatorSpec
from sepkit.plugin.registry import Registry

RATE = 8000
TWO = [{"method": "repet"}, {"method": "ft2d", "config": {"mask": "binary"}}]
THREE = [*TWO, {"method": "repet-sim"}]
FACTORS = [{"method": "hpss", "config": {"separation_factor": factor}} for factor in (1, 2, 4)]


def mixture() -> Audio:
    return Audio(np.random.default_rng(0).standard_normal((2, 6000)).astype(np.float32), RATE)


def stem(name: str, member: dict[str, Any]) -> NDArray[np.float32]:
    return sepkit.separate(mixture(), member["method"], config=member.get("config"))[name].samples


@pytest.mark.parametrize("name", ["vocals", "accompaniment"])
def test_means_medians_and_weights(name: str) -> None:
    stems = np.stack([stem(name, member) for member in THREE])
    for config, expected in (
        ({"members": THREE}, stems.mean(axis=0)),
        ({"members": THREE, "combine": "median"}, np.median(stems, axis=0)),
        ({"members": [{**THREE[0], "weight": 3}, THREE[2]]}, 0.75 * stems[0] + 0.25 * stems[2]),
    ):
        found = sepkit.separate(mixture(), "ensemble", config=config)[name].samples
        assert found == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("combine", ["mean", "median"])
@pytest.mark.parametrize("members", [THREE, FACTORS])
def test_stems_sum_to_the_mixture(combine: str, members: list[dict[str, Any]]) -> None:
    stems = sepkit.separate(mixture(), "ensemble", config={"members": members, "combine": combine})
    assert np.sum([one.samples for one in stems.values()], axis=0) == pytest.approx(mixture().samples, abs=1e-4)


def test_stems_that_not_all_members_give_are_told() -> None:
    stems = sepkit.separate(mixture(), "ensemble", config={"members": FACTORS})
    assert stems.sources == ("harmonic", "percussive")
    assert any("give a stem residual: the ensemble gives none" in remark for remark in stems.provenance.remarks)


def test_from_the_command_line(tmp_path: Path) -> None:
    mixture().write(tmp_path / "song.wav")
    words = ["run", "ensemble", tmp_path / "song.wav", "-o", tmp_path, "--set", f"members={json.dumps(TWO)}"]
    assert call([str(word) for word in words]) == 0
    stems = sorted((tmp_path / "song").glob("*.wav"))
    assert [stem.stem for stem in stems] == ["accompaniment", "vocals"]


def long() -> Audio:
    """More than is combined at a time."""
    return Audio(np.random.default_rng(1).standard_normal((1, 280_000)).astype(np.float32), RATE)


@pytest.mark.parametrize(("combine", "share"), [("mean", 2 / 3), ("median", 1)])
def test_long_recordings_are_combined_to_their_end(combine: str, share: float) -> None:
    members = [{"method": "mixture"}, {"method": "silence"}, {"method": "mixture"}]
    stems = sepkit.separate(long(), "ensemble", sources=["a", "b"], config={"members": members, "combine": combine})
    for name in ("a", "b"):
        np.testing.assert_allclose(stems[name].samples, share * long().samples, atol=1e-4)


def test_medians_of_long_recordings_sum_to_the_mixture() -> None:
    stems = sepkit.separate(long(), "ensemble", config={"members": FACTORS, "combine": "median"})
    np.testing.assert_allclose(sum(one.samples for one in stems.values()), long().samples, atol=1e-4)


def test_members_that_can_be_asked_for_any_names_are_asked_for_those_wanted() -> None:
    config = {"members": [{"method": "mixture"}, {"method": "silence"}]}
    stems = sepkit.separate(mixture(), "ensemble", sources=["a", "b"], config=config)
    assert stems.sources == ("a", "b")
    assert stems["b"].samples == pytest.approx(mixture().samples / 2)


def test_what_members_remark_is_told_with_their_names() -> None:
    same = Audio(np.tile(mixture().samples[:1], (2, 1)), RATE)
    result = sepkit.separate(same, "ensemble", config={"members": [{"method": "centre"}]})
    assert any(remark.startswith("centre: both channels are the same") for remark in result.provenance.remarks)


def test_f0_reaches_the_members_that_have_a_use_for_it() -> None:
    f0 = {"vocals": F0Track(np.linspace(0, 0.7, 8), np.full(8, 300.0))}
    config = {"members": [{"method": "rpca-melody"}, {"method": "ft2d"}]}
    blind, given = (sepkit.separate(mixture(), "ensemble", config=config, f0=known) for known in (None, f0))
    assert not np.allclose(blind["vocals"].samples, given["vocals"].samples, atol=1e-3)
    unused = sepkit.separate(mixture(), "ensemble", config={"members": TWO}, f0=f0)
    assert any("the F0 made no difference" in remark for remark in unused.provenance.remarks)


class Teller(Separator[Config]):
    """A method of somebody else that tells what it was given."""

    @property
    def sources(self) -> tuple[str, ...]:
        return ("a", "b")

    def load(self, weights: Path | None, run: Run) -> None:
        self.weights = weights

    def separate(self, problem: Problem, run: Run) -> Mapping[str, Audio]:
        for _ in run.steps(1, "tell"):
            run.remark(f"given {sorted(problem.side_information.kinds)}, weights {self.weights and self.weights.name}")
            run.remark(f"seed {run.seed}")
        half = Audio(problem.mixture.samples / 2, problem.mixture.sample_rate)
        return dict.fromkeys(problem.sources, half)


@pytest.fixture
def others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Methods of third parties: one that uses all that can be known, one that uses examples alone, one with weights."""
    module = ModuleType("somebody_else")
    vars(module)["Teller"] = Teller
    monkeypatch.setitem(sys.modules, "somebody_else", module)
    registry = Registry.discover()
    uses = {"all": ("score", "f0", "labels", "examples"), "some": ("examples",), "trained": ()}
    for name, kinds in uses.items():
        needs = ("weights",) if name == "trained" else ()
        spec = SeparatorSpec(
            name=f"teller-{name}",
            summary="tells",
            reference="",
            factory="somebody_else:Teller",
            uses=kinds,
            needs=needs,
        )
        registry.add(spec)
    monkeypatch.setattr(Registry, "discover", lambda: registry)


def known() -> dict[str, Any]:
    return {
        "score": Score([Note(0.1, 0.6, 60, part="a"), Note(0.2, 0.5, 67, part="b")]),
        "f0": {"a": F0Track(np.linspace(0, 0.7, 8), np.full(8, 300.0))},
        "examples": {"a": mixture(), "b": mixture()},
        "labels": Labels([Label(0.1, 0.4, "a")]),
    }


@pytest.mark.usefixtures("others")
class TestMembersOfThirdParties:
    def told(self, *methods: str, **given: Any) -> list[str]:
        members = [{"method": method} for method in methods]
        result = sepkit.separate(mixture(), "ensemble", sources=["a", "b"], config={"members": members}, **given)
        return list(result.provenance.remarks)

    def test_get_all_that_they_have_a_use_for_and_nothing_else(self) -> None:
        told = self.told("teller-all", "teller-some", **known())
        assert "teller-all: given ['examples', 'f0', 'labels', 'score'], weights None" in told
        assert "teller-some: given ['examples'], weights None" in told
        kinds = ("score", "F0", "set of examples")
        assert not any(f"the {kind} made no difference" in remark for kind in kinds for remark in told)

    def test_get_the_seed(self) -> None:
        assert "teller-some: seed 7" in self.told("teller-some", **known(), seed=7)

    def test_it_is_told_what_none_of_them_uses(self) -> None:
        told = self.told("teller-some", **known())
        for what in ("score", "F0"):
            assert f"the {what} made no difference: no member of the ensemble has a use for it" in told
        assert any("the labels made no difference to the members" in remark for remark in told)
        assert not any("set of examples made no difference" in remark for remark in told)

    def test_stems_obey_labels_that_no_member_uses(self) -> None:
        config = {"members": [{"method": "teller-some"}]}
        stems = sepkit.separate(mixture(), "ensemble", sources=["a", "b"], config=config, labels=known()["labels"])
        silent = round(0.7 * RATE)
        assert not stems["a"].samples[:, silent:].any()
        assert stems["b"].samples[:, silent:].any()

    def test_can_have_weights(self, tmp_path: Path) -> None:
        (tmp_path / "mine").mkdir()
        members = [{"method": "teller-trained", "weights": str(tmp_path / "mine")}]
        result = sepkit.separate(mixture(), "ensemble", config={"members": members})
        assert result.sources == ("a", "b")
        assert "teller-trained: given [], weights mine" in result.provenance.remarks
        assert "ensemble: members.0.weights" in result.provenance.inputs


@pytest.mark.parametrize(
    ("config", "error", "message"),
    [
        (
            {"members": [{"method": "repet"}, {"method": "hpss"}]},
            ConfigError,
            "'hpss' of the ensemble gives",
        ),
        ({"members": [{"method": "repetition"}]}, UnknownNameError, "repetition"),
        ({"members": [{"method": "rpca", "config": {"rank": 3}}]}, ConfigError, "rank"),
        ({"members": [{"method": "score-nmf"}]}, MismatchError, "needs score"),
        ({"members": [{"method": "rpca", "weight": 2}, *TWO], "combine": "median"}, ConfigError, "has no weights"),
    ],
)
def test_what_does_not_fit_is_told(config: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        sepkit.separate(mixture(), "ensemble", config=config)


def test_members_stop_when_the_ensemble_does() -> None:
    class Later:
        asked = 0

        def is_set(self) -> bool:
            self.asked += 1
            return self.asked > 5

    with pytest.raises(Cancelled):
        sepkit.separate(mixture(), "ensemble", config={"members": THREE}, cancel=Later())
