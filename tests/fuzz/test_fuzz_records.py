"""Records that somebody has changed, given to be repeated: the separation is made, or one line says why not."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sepkit
from sepkit import Audio, Note, Score, Separation
from sepkit.errors import SepkitError, UserError
from sepkit.repeating.record import Record
from tests.fuzz.targets import fuzzed

VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 3),
    st.integers(),
    st.floats(),
    st.text(max_size=6),
    st.lists(st.integers(), max_size=2),
    st.sampled_from(
        [
            {},
            [],
            "nmf",
            "mixture",
            "silence",
            "/dev/zero",
            "..",
            "sparsity",
            "\ud800",
            "0" * 64,
            {"path": "/"},
            [{}],
            {"a": None},
        ]
    ),
)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The record of a quick separation of a very short recording, with a score and statements."""
    folder = tmp_path_factory.mktemp("original")
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, (1, 300)).astype(np.float32)
    Audio(noise, 8000).write(folder / "song.wav")
    Score([Note(0, 0.02, 60, part="a"), Note(0, 0.02, 72, part="b")]).write(folder / "song.mid")
    separated = sepkit.separate(
        folder / "song.wav",
        "score-nmf",
        score=folder / "song.mid",
        sources=["a", "b"],
        config={"iterations": 1, "window_s": 0.01},
        priors=["sparsity:weight=0.1"],
        constraints=["mixture-consistency"],
    )
    separated.write(folder / "out")
    return folder / "out" / "separation.json"


@st.composite
def changes(draw: st.DrawFn) -> list[tuple[float, str, Any]]:
    """Where something is changed (a fraction of all places), how and to what."""
    kinds = st.sampled_from(["set", "set", "remove", "add"])
    return draw(st.lists(st.tuples(st.floats(0, 1, exclude_max=True), kinds, VALUES), min_size=1, max_size=3))


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every container with every key of it, however deep."""
    inside = (
        list(value.items()) if isinstance(value, dict) else list(enumerate(value)) if isinstance(value, list) else []
    )
    return [(value, key) for key, _ in inside] + [place for _, item in inside for place in places(item)]


@fuzzed
@given(changed=changes())
def test_it_is_repeated_or_one_line(original: Path, changed: list[tuple[float, str, Any]]) -> None:
    record = deepcopy(json.loads(original.read_text(encoding="utf-8")))
    # Times and curves are told, and not read.
    for told in ("traces", "seconds", "files", "digests"):
        record[told] = {} if told != "seconds" else 0
    for at, kind, value in changed:
        all_places = places(record)
        container, key = all_places[int(at * len(all_places))]
        if kind == "remove":
            del container[key]
        elif kind == "add" and isinstance(container, dict):
            container["added"] = deepcopy(value)
        else:
            container[key] = deepcopy(value)
    path = original.with_name("changed.json")
    path.write_text(json.dumps(record), encoding="utf-8")
    try:
        separation = sepkit.repeat(path)
    except SepkitError as error:
        one_line(error)
    else:
        assert isinstance(separation, Separation)
        assert all(np.isfinite(stem.samples).all() for stem in separation.values())


@fuzzed
@given(content=st.one_of(st.binary(max_size=60), VALUES.map(lambda value: json.dumps(value).encode())))
def test_what_is_no_record_is_one_line(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "fuzzed.json"
    path.write_bytes(content)
    with pytest.raises(UserError) as caught:
        Record.read(path)
    assert path.name in str(caught.value)
    assert "\n" not in str(caught.value)


def one_line(error: SepkitError) -> None:
    assert isinstance(error, UserError), error
    assert "\n" not in str(error)
    assert str(error).strip()
