"""Options and statements as people and programs write them: a configuration comes of them, or one line says why not."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sepkit import Config, Registry
from sepkit.cli.options import read_options
from sepkit.config import validate
from sepkit.errors import ConfigError, UserError
from sepkit.solving.declare import declared_constraints, declared_priors
from tests.fuzz.targets import fuzzed

REGISTRY = Registry.discover()
METHODS = sorted(name for name, spec in REGISTRY.separators.items() if spec.config != "sepkit.config:Config")
MODELS: dict[str, Any] = {name: REGISTRY.separator(name).load_config() for name in METHODS}
OPTIONS = sorted({option for model in MODELS.values() for option in model.model_fields})
STATEMENTS = {**REGISTRY.priors, **REGISTRY.constraints}
OF_STATEMENTS = sorted({option for spec in STATEMENTS.values() for option in spec.load().model_fields})

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3000),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["auto", "random", "mu", "templates", "partials", "/dev/null", ".", "1e400", "\0", "\ud800"]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=4), inner, max_size=3)),
    max_leaves=6,
)
CONTROL = re.compile("[\\x00-\\x1f\\x7f-\\x9f\\ud800-\\udfff\\u2028\\u2029]")
NAMES = st.one_of(st.sampled_from(OPTIONS), st.sampled_from(OPTIONS), st.text(max_size=6))


def typed(value: Any) -> str:
    """As somebody types a value: JSON, or what looks like it."""
    try:
        return json.dumps(value)
    except (TypeError, ValueError):
        return str(value)


SETTINGS = st.lists(
    st.one_of(
        st.builds(lambda name, value: f"{name}={typed(value)}", NAMES, VALUES),
        st.builds(lambda name, key, value: f"{name}.{key}={value}", NAMES, st.text(max_size=4), SCALARS),
        st.text(max_size=12),
    ),
    max_size=3,
)
FILES = st.one_of(
    st.dictionaries(NAMES, VALUES, max_size=3).map(lambda options: json.dumps(options).encode()),
    VALUES.map(lambda value: json.dumps(value).encode()),
    st.integers(1, 3000).map(lambda depth: b"[" * depth),
    st.binary(max_size=40),
)


@fuzzed
@given(method=st.sampled_from(METHODS), settings=SETTINGS, content=st.one_of(st.none(), FILES))
def test_options_come_together_or_one_line(
    tmp_path_factory: pytest.TempPathFactory, method: str, settings: list[str], content: bytes | None
) -> None:
    path = None
    if content is not None:
        path = tmp_path_factory.getbasetemp() / "fuzzed.json"
        path.write_bytes(content)
    try:
        config = validate(MODELS[method], read_options(path, tuple(settings)), f"method '{method}'")
    except ConfigError as error:
        one_line(error)
    else:
        again(config)


PAIRS = st.builds(
    lambda name, value: f"{name}={value}",
    st.one_of(st.sampled_from(OF_STATEMENTS), st.sampled_from(OF_STATEMENTS), st.text(max_size=5)),
    st.one_of(SCALARS, VALUES.map(typed)),
)
DECLARED = st.one_of(
    st.builds(
        lambda name, pairs: ":".join([name, ",".join(pairs)]),
        st.sampled_from(sorted(STATEMENTS)),
        st.lists(PAIRS, max_size=3),
    ),
    st.builds(lambda name, rest: f"{name}:{rest}", st.sampled_from(sorted(STATEMENTS)), st.text(max_size=12)),
    st.text(max_size=16),
)


@fuzzed
@given(
    texts=st.lists(DECLARED, min_size=1, max_size=2), declared=st.sampled_from([declared_priors, declared_constraints])
)
def test_statements_are_declared_or_one_line(texts: list[str], declared: Callable[..., tuple[Config, ...]]) -> None:
    try:
        statements = declared(texts, REGISTRY)
    except UserError as error:
        one_line(error)
    else:
        for statement in statements:
            again(statement)


def again(config: Config) -> None:
    """What a record holds of options gives the same ones."""
    told = json.loads(json.dumps(config.model_dump(mode="json")))
    assert validate(type(config), told, "again") == config


def one_line(error: UserError) -> None:
    assert str(error).strip()
    assert not CONTROL.search(str(error))
    assert len(str(error)) <= error.longest
