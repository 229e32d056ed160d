from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from pydantic import Field, ValidationError, create_model, model_validator

from sepkit import Config
from sepkit.builtin import Sparsity
from sepkit.config import Typed, parse_json, validate
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


class Places(Config):
    folder: Path = Path("default")
    name: str = "default"
    count: int | None = 1
    files: dict[str, Path] = Field(default_factory=dict)
    either: float | str = 0.0


@pytest.mark.parametrize(
    ("option", "text", "value"),
    [
        ("folder", "2024", Path("2024")),
        ("folder", "1e5", Path("1e5")),
        ("folder", "true", Path("true")),
        ("folder", "null", Path("null")),
        ("folder", "[1]", Path("[1]")),
        ("folder", "-12.50", Path("-12.50")),
        ("folder", '"2024"', Path("2024")),
        ("folder", "a/b", Path("a/b")),
        ("name", "007", "007"),
        ("name", "{}", "{}"),
        ("name", "9" * 5000, "9" * 5000),
        ("name", "[" * 100_000, "[" * 100_000),
        ("count", "12", 12),
        ("count", "null", None),
        ("files", '{"a": "b"}', {"a": Path("b")}),
        ("either", "12", 12.0),
        ("either", "12a", "12a"),
    ],
)
def test_the_type_of_an_option_decides_what_typed_text_means(option: str, text: str, value: object) -> None:
    assert getattr(validate(Places, {option: Typed(text)}, "x"), option) == value


def test_typed_text_in_a_group_is_text_too() -> None:
    assert validate(Places, {"files": {"a": Typed("12"), "b": Typed("c")}}, "x").files == {
        "a": Path("12"),
        "b": Path("c"),
    }


def test_a_fault_of_typed_text_is_told_of_what_it_means() -> None:
    with pytest.raises(ConfigError, match=r"rank: .* \(given 0\)$"):
        validate(Options, {"rank": Typed("0")}, "x")
    with pytest.raises(ConfigError) as error:
        validate(Places, {"folder": Typed("12"), "count": Typed("many")}, "x")
    assert "folder" not in str(error.value)


@pytest.mark.parametrize(
    "value",
    [[0] * 10_000, "x" * 10_000, {"a": {"b": {"c": list(range(1000))}}}, 10**6000, object()],
    ids=lambda value: type(value).__name__,
)
def test_what_was_given_is_shown_in_short(value: object) -> None:
    with pytest.raises(ConfigError, match="rank") as error:
        validate(Options, {"rank": value}, "x")
    assert len(str(error.value)) < 250


def test_options_that_are_nested_too_deeply_are_refused() -> None:
    deep: Any = []
    for _ in range(5000):
        deep = [deep]
    with pytest.raises(ConfigError):
        validate(Options, {"rank": deep}, "x")


@pytest.mark.parametrize(
    "text", ["", "{", "[" * 100_000, "[" * 51 + "]" * 51, '{"a": 1, "a": 2}', "nan", b"\xff\xfe\x00", "9" * 5000]
)
def test_what_is_no_json_of_options_is_a_value_error(text: str | bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_json(text)


@pytest.mark.parametrize(
    "text", ['{"a": [1, null]}', b'\xef\xbb\xbf{"a": [1, null]}', '{"a": [1, null]}'.encode("utf-16")]
)
def test_json_is_read_in_the_encodings_that_editors_write(text: str | bytes) -> None:
    assert parse_json(text) == {"a": [1, None]}


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


@pytest.mark.parametrize(
    ("option", "title"),
    [
        ("window_s", "Window (s)"),
        ("highest_hz", "Highest (Hz)"),
        ("slope_db", "Slope (dB)"),
        ("onset_before_s", "Onset before (s)"),
        ("mask_exponent", "Mask exponent"),
        ("s", "S"),
    ],
)
def test_titles_in_schemas_have_units(option: str, title: str) -> None:
    model = create_model("Model", __base__=Config, **{option: (float, 1.0)})
    assert model.model_json_schema()["properties"][option]["title"] == title
