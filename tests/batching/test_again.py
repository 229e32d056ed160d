"""A batch that is called a second time: what is done stays done, what differs in anything is another task."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sepkit
from sepkit import Note, Score
from sepkit.batching import Here
from sepkit.batching.request import digest_task
from sepkit.errors import ConfigError
from sepkit.music.labels import Label, Labels
from sepkit.solving.digests import MOST_BYTES
from tests import fakes
from tests.batching.material import statuses
from tests.commandline import hum, record


class TestASecondCall:
    """What it leaves as it is, and what it does anew."""

    @pytest.fixture
    def again(self, three: list[Path], out: Path) -> Callable[..., str]:
        """A batch in this process, with other parameters if wanted; a letter a recording says what came of it."""

        def run(**how: Any) -> str:
            how = {"sources": ["x", "y"], "executor": Here(), **how}
            return statuses(sepkit.batch(three, how.pop("method", "halve"), out, **how))

        assert run() == "ddd"
        return run

    def test_does_nothing(self, again: Callable[..., str], out: Path) -> None:
        before = {path: path.stat().st_mtime_ns for path in out.rglob("*.wav")}
        assert again() == "sss"
        assert {path: path.stat().st_mtime_ns for path in out.rglob("*.wav")} == before

    @pytest.mark.parametrize(
        "how",
        [
            {"config": {"steps": 7}},
            {"sources": ["x", "z"]},
            {"seed": 1},
            {"priors": ["quiet"]},
            {"constraints": ["peak-limit:peak=0.5"]},
            {"score": Score((Note(0.0, 0.1, 60),)), "method": "halve-by-score"},
            {"labels": [Labels((Label(0.0, 0.02, "x", low_hz=100, high_hz=400),))]},
            {"start_s": 0.01},
            {"outputs": {"format": "flac"}},
            {"outputs": {"only": ("x",)}},
        ],
        ids=lambda how: next(iter(how)),
    )
    def test_does_what_is_asked_otherwise(self, again: Callable[..., str], how: dict[str, Any]) -> None:
        assert again(**how) == "ddd"
        assert again(**how) == "sss"

    @pytest.mark.parametrize(
        "how",
        [{"config": {}}, {"seed": 0}, {"score": None}, {"f0": {}}, {"align": "auto"}, {"device": "cpu"}],
        ids=lambda how: next(iter(how)),
    )
    def test_does_nothing_for_what_makes_no_difference(self, again: Callable[..., str], how: dict[str, Any]) -> None:
        assert again(**how) == "sss"

    def test_does_what_has_other_contents(self, again: Callable[..., str], three: list[Path]) -> None:
        status = three[1].stat()
        record(three[1], hum(0.05) * 4)
        os.utime(three[1], ns=(status.st_atime_ns, status.st_mtime_ns))
        os.utime(three[0])
        assert again() == "sds"

    @pytest.mark.parametrize("gone", ["separation.json", "x.wav"])
    def test_does_what_is_not_there(self, again: Callable[..., str], out: Path, gone: str) -> None:
        (out / "c" / gone).unlink()
        assert again() == "ssd"

    def test_does_what_the_record_has_no_digest_of(self, again: Callable[..., str], out: Path) -> None:
        told = json.loads((out / "b" / "separation.json").read_text())
        del told["digests"]["x.wav"]
        (out / "b" / "separation.json").write_text(json.dumps(told))
        assert again() == "sds"

    def test_does_all_when_it_is_told_to(self, again: Callable[..., str]) -> None:
        assert again(skip_existing=False) == "ddd"

    @pytest.mark.parametrize("text", ["", "[]", '{"request": 1}', '{"request": null, "files": 3, "digests": []}'])
    def test_trusts_no_damaged_record(self, again: Callable[..., str], out: Path, text: str) -> None:
        (out / "a" / "separation.json").write_text(text)
        assert again() == "dss"


def test_other_weights_in_the_same_place_are_another_task(tmp_path: Path) -> None:
    registry = sepkit.Registry(plugins=[])
    registry.add(fakes.spec("taught", "Taught"))
    digests = []
    for level in (0.1, 0.2, 0.1):
        (tmp_path / "levels.json").write_text(json.dumps({"levels": {"first": level}, "sample_rate": 8000}))
        digests.append(digest_task(sepkit.Method("taught", weights=tmp_path, registry=registry), {}, registry))
    assert digests[0] == digests[2] != digests[1]


def test_another_file_that_an_option_names_is_another_task(tmp_path: Path) -> None:
    digests = []
    for level in (1.0, 2.0, 1.0):
        np.savez(tmp_path / "start.npz", templates=np.full((3, 2), level))
        method = sepkit.Method("nmf", config={"start": tmp_path / "start.npz"})
        digests.append(digest_task(method, {}, method.registry))
    assert digests[0] == digests[2] != digests[1]


class FromAFile(fakes.OnWaveforms):
    """A prior that reads a file."""

    table: Path


def test_another_file_of_a_statement_is_another_task_and_one_that_is_too_large_is_named(tmp_path: Path) -> None:
    registry = sepkit.Registry(plugins=[])
    registry.add(fakes.spec("taught", "Taught"))
    method, table = sepkit.Method("taught", registry=registry), tmp_path / "table"
    digests = []
    for text in "aba":
        table.write_text(text)
        digests.append(digest_task(method, {"priors": [FromAFile(table=table)]}, registry))
    assert digests[0] == digests[2] != digests[1]
    os.truncate(table, MOST_BYTES + 1)
    with pytest.raises(ConfigError, match=r"^from-afile: table: .*table holds more than 16 GiB"):
        digest_task(method, {"priors": [FromAFile(table=table)]}, registry)
