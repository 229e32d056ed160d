from __future__ import annotations

import math
from typing import Any

import pytest
from pydantic import Field, ValidationError, model_validator

from sepkit import Config
from sepkit.builtin import Sparsity
from sepkit.config import validate
from sepkit.errors import ConfigError


class Options(Config):
    rank: int = Field(8, ge=1, le=64, description="Number of atoms.")
    gain_db: float = Field(0.0, description="In dB.")
    low: int = 0
    """Lowest bin."""
    high: int = 10

    @model_validator(mode="after")
    def _ordered(self) -> Options:
        if self.low >= self.high:
            raise ValueError("Low needs to be below high")
        return self


def test_defaults() -> None:
    assert validate(Options, None, "x") == validate(Options, {}, "x") == Options()


def test_an_instance_is_taken_as_it_is() -> None:
    options = Options(rank=3)
    assert validate(Options, options, "x") is options


def test_is_immutable() -> None:
    with pytest.raises(ValidationError):
        Options().rank = 3  # type: ignore[misc]


def test_docstrings_become_descriptions() -> None:
    assert Options.model_json_schema()["properties"]["low"]["description"] == "Lowest bin."


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"rank": 0}, ["rank", "greater than or equal to 1", "given 0"]),
        ({"rank": "many"}, ["rank", "integer", "'many'"]),
        ({"gain_db": math.nan}, ["gain_db", "finite"]),
        ({"gain_db": math.inf}, ["gain_db", "finite"]),
        ({"rnak": 3}, ["no option 'rnak'", "rank, gain_db, low, high"]),
        ({"low": 20}, ["low needs to be below high"]),
        ({"rank": 0, "gain_db": "loud", "x": 1}, ["rank", "gain_db", "no option 'x'"]),
        (Sparsity(), ["Options", "Sparsity"]),
        ("rank=3", ["mapping", "'rank=3'"]),
        ([1, 2], ["mapping"]),
        (3, ["mapping"]),
    ],
)
def test_errors_are_one_line_with_all_that_is_wrong(options: Any, words: list[str]) -> None:
    with pytest.raises(ConfigError, match=r"^method 'x'") as error:
        validate(Options, options, "method 'x'")
    text = str(error.value)
    assert "\n" not in text
    assert all(word in text for word in words), text
