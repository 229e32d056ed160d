"""What is loaded before a method separates: the method itself and its weights."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sepkit_fakes as fakes

from sepkit import Audio, Method, Registry, Separation
from sepkit.errors import (
    PluginError,
    WeightsError,
)

NoiseOf = Callable[..., Audio]
Separate = Callable[..., Separation]


class TestLoading:
    @pytest.fixture(autouse=True)
    def _none_yet(self) -> Iterator[None]:
        fakes.Loading.loads.clear()
        yield
        fakes.Loading.loads.clear()

    def test_waits_for_the_first_separation(self, registry: Registry) -> None:
        Method("loading", registry=registry)
        assert fakes.Loading.loads == []

    def test_happens_once_for_several_separations(self, registry: Registry, stereo: Audio) -> None:
        method = Method("loading", registry=registry)
        for seed in range(3):
            method.separate(stereo, seed=seed)
        assert fakes.Loading.loads == [None]

    def test_happens_once_for_several_threads(self, registry: Registry, stereo: Audio) -> None:
        method = Method("loading", registry=registry)
        barrier = threading.Barrier(4)

        def work(_: int) -> None:
            barrier.wait(10)
            method.separate(stereo)

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(work, range(4)))
        assert fakes.Loading.loads == [None]

    def test_is_tried_again_after_it_failed(self, registry: Registry, stereo: Audio) -> None:
        method = Method("breaks-on-load", registry=registry)
        for _ in range(2):
            with pytest.raises(PluginError, match="no such tensor"):
                method.separate(stereo)

    def test_gets_the_folder_of_weights(self, separate: Separate, stereo: Audio, tmp_path: Path) -> None:
        separate(stereo, "loading", weights=str(tmp_path))
        assert fakes.Loading.loads == [tmp_path]


class TestWeights:
    def test_digest_is_over_names_and_contents(self, separate: Separate, stereo: Audio, tmp_path: Path) -> None:
        def digest() -> str:
            [record] = separate(stereo, weights=tmp_path).provenance.weights
            return str(record["digest"])

        (tmp_path / "model.json").write_text("{}")
        first = digest()
        assert first == hashlib.sha256(b"model.json\0{}").hexdigest()
        (tmp_path / "model.json").write_text("{ }")
        second = digest()
        (tmp_path / "model.json").rename(tmp_path / "other.json")
        third = digest()
        (tmp_path / "deep").mkdir()
        (tmp_path / "deep" / "x").write_text("x")
        assert len({first, second, third, digest()}) == 4

    def test_digest_does_not_change_by_itself(self, separate: Separate, stereo: Audio, tmp_path: Path) -> None:
        for name in ("b", "a", "c"):
            (tmp_path / name).write_text(name)
        digests = set()
        for time_s in (0, 10):
            os.utime(tmp_path / "a", (time_s, time_s))
            digests.add(separate(stereo, weights=tmp_path).provenance.weights[0]["digest"])
        assert len(digests) == 1

    def test_that_are_gone_before_the_end_cost_nobody_the_stems(
        self, registry: Registry, stereo: Audio, tmp_path: Path
    ) -> None:
        weights = tmp_path / "weights"
        weights.write_text("one")
        method = Method("loading", registry=registry, weights=weights)
        before = method.separate(stereo, reporter=lambda _: weights.unlink(missing_ok=True))
        weights.unlink(missing_ok=True)
        after = method.separate(stereo)
        digests = [separation.provenance.weights[0]["digest"] for separation in (before, after)]
        assert digests == [hashlib.sha256(b"one").hexdigest()] * 2

    def test_none_no_digest(self, separate: Separate, stereo: Audio) -> None:
        assert separate(stereo).provenance.weights == ()

    def test_missing_folder(self, separate: Separate, stereo: Audio, regular_file: Path) -> None:
        with pytest.raises(WeightsError, match="no such folder"):
            separate(stereo, weights=regular_file / "x")
