"""Metadata of installed packages with anything in them: a plugin is found or a line says why not; all others work."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sepkit import Registry
from sepkit.plugin.loader import State
from tests.fuzz.targets import fuzzed

GOOD = "good_plugin"
PLUGIN = """
SEPKIT_API = 1
from sepkit.plugin import SeparatorSpec, hookimpl

@hookimpl
def sepkit_separators():
    yield SeparatorSpec(name="hush", summary="says nothing", factory="sepkit.builtin.baseline:Silence")
"""
WORDS = st.one_of(
    st.sampled_from(
        [
            GOOD,
            "",
            "nothing.there",
            "os",
            "os:path",
            f"{GOOD}:SEPKIT_API",
            f"{GOOD} [x]",
            "a b",
            ".",
            "..",
            "é",
            "a:b:c",
        ]
    ),
    st.text(max_size=8),
)
LINES = st.one_of(
    st.builds(lambda name, value: f"{name} = {value}", WORDS, WORDS),
    st.sampled_from(
        ["[sepkit]", "[sepkit]", "[sepkit", "[console_scripts]", "# a remark", "", "[]", "no pair", "\ufeff[sepkit]"]
    ),
    st.text(max_size=12),
)
POINTS = st.one_of(
    st.lists(LINES, max_size=6).map(lambda lines: "\n".join(["[sepkit]", *lines]).encode(errors="replace")),
    st.lists(LINES, max_size=6).map("\n".join).map(lambda text: text.encode("utf-16")),
    st.binary(max_size=40),
    st.none(),
)
METADATA = st.one_of(
    st.builds(
        lambda name, version: f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode(errors="replace"),
        WORDS,
        WORDS,
    ),
    st.binary(max_size=60),
    st.none(),
)
FOLDERS = st.sampled_from(
    ["odd-1.0.dist-info", "odd.egg-info", "ODD_x-2.dist-info", "-.dist-info", ".dist-info", "é-1.dist-info"]
)


@fuzzed
@given(folder=FOLDERS, points=POINTS, metadata=METADATA)
def test_damage_to_one_says_nothing_of_the_others(
    tmp_path_factory: pytest.TempPathFactory, folder: str, points: bytes | None, metadata: bytes | None
) -> None:
    place = tmp_path_factory.getbasetemp() / "fuzzed"
    shutil.rmtree(place, ignore_errors=True)
    (place / folder).mkdir(parents=True)
    (place / f"{GOOD}.py").write_text(PLUGIN)
    for name, content in (("entry_points.txt", points), ("METADATA", metadata)):
        if content is not None:
            (place / folder / name).write_bytes(content)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(place))
        patch.delitem(sys.modules, GOOD, raising=False)
        patch.setattr(os, "environ", {**os.environ, "SEPKIT_STRICT": ""})
        registry = Registry.discover()
    assert {"nmf", "mixture"} <= registry.separators.keys()
    odd = [record for record in registry.plugins if record.package and Path(record.package.place).parent == place]
    for record in odd:
        assert (record.state is State.ACTIVE) == ("hush" in registry.separators and not record.reason)
        told = [record.name, record.reason, str(record.distribution), str(record.version)]
        assert all("\n" not in text for text in told)
        assert record.state is State.ACTIVE or record.reason
    sys.modules.pop(GOOD, None)
