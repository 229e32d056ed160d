from __future__ import annotations

from typing import Any

import pytest

from sepkit import Registry
from sepkit.builtin import Continuity, MixtureConsistency, Sparsity
from sepkit.config import Typed
from sepkit.errors import ConfigError, UnknownNameError
from sepkit.solving.declare import declared_constraints, declared_priors


@pytest.fixture
def builtin() -> Registry:
    return Registry()


@pytest.mark.parametrize(
    ("text", "prior"),
    [
        ("sparsity", Sparsity()),
        ("sparsity:", Sparsity()),
        ("sparsity:weight=2", Sparsity(weight=2)),
        ("continuity: weight = 0.5 ,", Continuity(weight=0.5)),
    ],
)
def test_text_is_looked_up(builtin: Registry, text: str, prior: object) -> None:
    assert declared_priors([text], builtin) == (prior,)


def test_objects_are_taken_as_they_are_and_order_is_kept(builtin: Registry) -> None:
    mine = Continuity(weight=3)
    assert declared_priors([mine, "sparsity", mine], builtin) == (mine, Sparsity(), mine)


def test_generators_are_taken(builtin: Registry) -> None:
    assert declared_priors((text for text in ["sparsity"]), builtin) == (Sparsity(),)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("sparsity:weight", "key=value"),
        ("sparsity:weight=-1", "weight: .*greater than or equal to 0"),
        ("sparsity:weight=NaN", "weight: .*finite"),
        ("sparsity:weight=heavy", "weight: .*'heavy'"),
        ("sparsity:wieght=1", "no option 'wieght'; the options are weight"),
    ],
)
def test_options_that_do_not_fit(builtin: Registry, text: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        declared_priors([text], builtin)


@pytest.mark.parametrize("text", ["sparcity", "", ":weight=1", "mixture-consistency"])
def test_unknown_priors(builtin: Registry, text: str) -> None:
    with pytest.raises(UnknownNameError, match="no prior"):
        declared_priors([text], builtin)


def test_near_names_are_named(builtin: Registry) -> None:
    with pytest.raises(UnknownNameError, match="did you mean sparsity"):
        declared_priors(["sparcity"], builtin)


@pytest.mark.parametrize("wrong", [3, None, MixtureConsistency(), Sparsity])
def test_other_objects_are_refused(builtin: Registry, wrong: Any) -> None:
    with pytest.raises(ConfigError, match="a prior is an object or text"):
        declared_priors([wrong], builtin)


@pytest.mark.parametrize("alone", ["mixture-consistency", MixtureConsistency()])
def test_one_value_in_place_of_a_list_is_refused(builtin: Registry, alone: Any) -> None:
    with pytest.raises(ConfigError, match="constraints needs a list"):
        declared_constraints(alone, builtin)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3),
        ("-0.5", -0.5),
        ("true", True),
        ("null", None),
        ("[1, 2]", [1, 2]),
        ("hann", "hann"),
        ("", ""),
        ("1e3", 1e3),
    ],
)
def test_values_are_json_or_text(text: str, value: object) -> None:
    assert Typed(text).value == value


def test_an_option_that_is_given_twice_is_refused(builtin: Registry) -> None:
    with pytest.raises(ConfigError, match="'weight' twice"):
        declared_priors(["sparsity:weight=1,weight=2"], builtin)
