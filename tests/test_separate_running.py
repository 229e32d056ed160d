"""A separation while it runs: seeds, threads, progress, cancelling."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import sepkit_fakes as fakes

from sepkit import Audio, Cancelled, Method, Progress, Registry, Separation
from sepkit.errors import (
    ConfigError,
    PluginError,
)

NoiseOf = Callable[..., Audio]
Separate = Callable[..., Separation]


class TestSeeds:
    def test_same_seed_same_bytes(self, separate: Separate, stereo: Audio) -> None:
        one, other = separate(stereo, "noise", seed=5), separate(stereo, "noise", seed=5)
        assert [stem.samples.tobytes() for stem in one.values()] == [stem.samples.tobytes() for stem in other.values()]

    def test_other_seed_other_result(self, separate: Separate, stereo: Audio) -> None:
        one, other = separate(stereo, "noise", seed=5), separate(stereo, "noise", seed=6)
        assert not np.array_equal(one["first"].samples, other["first"].samples)

    @pytest.mark.parametrize("seed", [-1, 1.5, True, "1", None])
    def test_need_to_be_whole_numbers(self, separate: Separate, stereo: Audio, seed: Any) -> None:
        with pytest.raises(ConfigError, match="seed"):
            separate(stereo, seed=seed)

    def test_of_numpy_are_whole_numbers(self, separate: Separate, stereo: Audio) -> None:
        separation = separate(stereo, "noise", seed=np.int64(5))
        np.testing.assert_array_equal(separation["first"].samples, separate(stereo, "noise", seed=5)["first"].samples)
        json.dumps(separation.provenance.as_dict())

    def test_numbers_drawn_while_loading_change_no_result(self, registry: Registry, stereo: Audio) -> None:
        method = Method("loading", registry=registry)
        first, later = method.separate(stereo, seed=5), method.separate(stereo, seed=5)
        np.testing.assert_array_equal(first["first"].samples, later["first"].samples)


class TestThreads:
    def test_sharing_a_method_give_what_one_after_the_other_gives(self, registry: Registry, noise: NoiseOf) -> None:
        method = Method("noise", registry=registry)
        mixtures = [noise(2, seed=seed) for seed in range(8)]
        with ThreadPoolExecutor(4) as pool:
            together = list(pool.map(lambda one: method.separate(one[1], seed=one[0]), enumerate(mixtures)))
        for seed, mixture in enumerate(mixtures):
            alone = method.separate(mixture, seed=seed)
            for name in fakes.NAMES:
                np.testing.assert_array_equal(together[seed][name].samples, alone[name].samples)


class TestProgress:
    def test_reaches_the_host(self, separate: Separate, stereo: Audio) -> None:
        reports: list[Progress] = []
        separate(stereo, "steps", reporter=reports.append)
        assert reports == [Progress("count", done, 10) for done in range(11)]

    def test_of_a_loop_left_early_is_done(self, separate: Separate, stereo: Audio) -> None:
        reports: list[Progress] = []
        separate(stereo, "steps", config={"stop_at": 3}, reporter=reports.append)
        assert [report.done for report in reports] == [0, 1, 2, 3, 10]

    def test_of_a_method_that_fails_is_never_done(self, separate: Separate, stereo: Audio) -> None:
        reports: list[Progress] = []
        with pytest.raises(PluginError, match="diverged"):
            separate(stereo, "steps", config={"fail_at": 3}, reporter=reports.append)
        assert [report.done for report in reports] == [0, 1, 2, 3]


class TestCancelling:
    def test_before_it_starts(self, separate: Separate, stereo: Audio) -> None:
        cancel = threading.Event()
        cancel.set()
        reports: list[Progress] = []
        with pytest.raises(Cancelled):
            separate(stereo, "steps", cancel=cancel, reporter=reports.append)
        assert reports == []

    @pytest.mark.parametrize("done", [0, 4, 9])
    def test_in_the_middle_stops_within_one_step(self, separate: Separate, stereo: Audio, done: int) -> None:
        cancel, reports = threading.Event(), []

        def report(progress: Progress) -> None:
            reports.append(progress.done)
            if progress.done == done:
                cancel.set()

        with pytest.raises(Cancelled):
            separate(stereo, "steps", cancel=cancel, reporter=report)
        assert max(reports) == done

    def test_leaves_the_method_usable(self, registry: Registry, stereo: Audio) -> None:
        method, cancel = Method("steps", registry=registry), threading.Event()
        cancel.set()
        with pytest.raises(Cancelled):
            method.separate(stereo, cancel=cancel)
        assert len(method.separate(stereo)) == 2
