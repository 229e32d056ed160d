"""Batches on a cluster of Dask, here one of processes of this machine."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar

import pytest

import sepkit
from sepkit.batching import BatchProgress
from sepkit.batching.cluster import Cluster, cluster_executor
from sepkit.errors import ConfigError, SepkitError
from tests.benchmarks import install_everywhere
from tests.commandline import call, files_below, hum, record
from tests.distributions import environment

pytest.importorskip("distributed")
# Sockets that Dask leaves to the collector when it is closed are its own affair.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

NAMES = [f"{number:02}" for number in range(12)]
SILENT = NAMES[4]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Executor]:
    with pytest.MonkeyPatch.context() as patch:
        install_everywhere(patch, "good", "unruly")
        with cluster_executor("local:2", {"GPU": 1}) as executor:
            yield executor


@pytest.fixture(autouse=True)
def _place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    install_everywhere(monkeypatch, "good", "unruly")
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "recordings"
    folder.mkdir()
    for number, name in enumerate(NAMES):
        record(folder / f"{name}.wav", hum(0.05) * (name != SILENT) * (1 + number))
    return folder


def test_of_twelve_jobs_of_which_one_kills_its_worker_eleven_are_done(cluster: Executor, folder: Path) -> None:
    how: dict[str, Any] = {"sources": ["a", "b"], "config": {"deed": "kill when silent"}, "executor": cluster}
    done = sepkit.batch(folder, "unruly", "out", **how)
    # What a worker had done before it died is asked of another one, which finds that it is there.
    assert done.counts["done"] + done.counts["skipped"] == 11
    [failed] = done.failed
    assert Path(str(failed.mixture)).stem == SILENT
    assert "KilledWorker" in failed.reason
    again = sepkit.batch(folder, "unruly", "out", **{**how, "config": {"deed": "none"}})
    assert again.counts == {"done": 12, "skipped": 0, "failed": 0}
    assert sepkit.batch(folder, "unruly", "out", **{**how, "config": {}}).counts["skipped"] == 12


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="processes are not killed so here")
def test_a_worker_that_is_killed_costs_no_job(cluster: Executor, folder: Path) -> None:
    worker = cluster.submit(os.getpid).result(60)
    killed: list[int] = []

    def kill_once(progress: BatchProgress) -> None:
        if not killed:
            os.kill(worker, signal.SIGKILL)
            killed.append(worker)

    how: dict[str, Any] = {"sources": ["a", "b"], "executor": cluster, "reporter": kill_once}
    counts = sepkit.batch(folder, "unruly", "out", **how).counts
    assert killed
    assert (counts["failed"], counts["done"] + counts["skipped"]) == (0, 12)


def test_progress_comes_and_a_cancel_goes_there(cluster: Executor, folder: Path) -> None:
    cancel = threading.Event()
    seen: list[str] = []

    def report(progress: BatchProgress) -> None:
        stages = [one.stage for one in progress.running.values() if one.done]
        seen.extend(stages)
        if stages:
            cancel.set()

    with pytest.raises(sepkit.Cancelled):
        sepkit.batch(folder, "halve", "out", executor=cluster, config={"steps": 10**12}, reporter=report, cancel=cancel)
    assert "halve" in seen
    assert files_below(Path("out")) == []
    # The workers are free again: none is still at the steps that never end.
    assert sepkit.batch(folder, "halve", "out", executor=cluster).counts["done"] == 12


@pytest.mark.slow
def test_at_the_terminal(folder: Path) -> None:
    command = ["run", "halve", str(folder), "-o", "out", "--cluster", "local:2", "--resource", "GPU=1"]
    whole = [sys.executable, "-m", "sepkit", *command]
    done = subprocess.run(whole, env=environment("good"), capture_output=True, encoding="utf-8")
    assert (done.returncode, len(done.stdout.splitlines())) == (0, 24)
    assert done.stderr == "sepkit: 12 separated, 0 failed; all are listed in out/batch.jsonl\n"


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "killpg"), reason="needs signals")
def test_ctrl_c_reaches_the_workers(folder: Path) -> None:
    command = ["run", "halve", str(folder), "-o", "out", "--cluster", "local:2", "--set", "steps=1000000000000"]
    whole = [sys.executable, "-m", "sepkit", *command, "--progress", "json"]
    with subprocess.Popen(whole, env=environment("good"), stderr=subprocess.PIPE, encoding="utf-8") as process:
        assert process.stderr is not None
        for line in process.stderr:
            if '"done": ' in line and '"done": 0' not in line:
                break
        process.send_signal(signal.SIGTERM)
        said = process.stderr.read().splitlines()
    assert process.returncode == 3
    assert said[-1] == "sepkit: cancelled; nothing was left half-written"
    assert files_below(Path("out")) == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--cluster", "somewhere"), ("somewhere", "local:4")),
        (("--cluster", "local:0"), ("local:0",)),
        (("--cluster", "local:2", "--jobs", "2"), ("--jobs", "--cluster")),
        (("--resource", "GPU=1"), ("--resource", "--cluster")),
        (("--cluster", "local:2", "--resource", "GPU"), ("NAME=AMOUNT",)),
        (("--cluster", "local:2", "--resource", "GPU=0"), ("NAME=AMOUNT",)),
    ],
)
def test_a_mistake_is_one_line(folder: Path, options: tuple[str, ...], words: tuple[str, ...]) -> None:
    done = call("run", "halve", folder, "-o", "out", *options)
    assert (done.code, len(done.complaints)) == (2, 1), done.err
    assert all(word in done.err for word in words)


def test_nobody_at_the_address_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sepkit.batching.cluster._PATIENCE", "1s")
    with (
        pytest.raises(ConfigError, match=r"no scheduler of Dask answers at tcp://127\.0\.0\.1:9"),
        cluster_executor("tcp://127.0.0.1:9", {}),
    ):
        pass


def test_a_cluster_that_is_late_is_one_line(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def late(*_: object, **__: object) -> None:
        raise TimeoutError

    monkeypatch.setattr("distributed.LocalCluster", late)
    done = call("run", "unruly", str(folder), "-o", "out", "--cluster", "local:2")
    assert (done.code, len(done.complaints)) == (1, 1)
    assert "local:2 did not answer in time" in done.err


@pytest.mark.parametrize(
    ("cause", "words"),
    [(TimeoutError("Worker start timed out"), "Worker start timed out"), (None, "Nanny failed to start")],
)
def test_workers_that_do_not_start_are_one_line(
    folder: Path, monkeypatch: pytest.MonkeyPatch, cause: Exception | None, words: str
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("Nanny failed to start.") from cause

    monkeypatch.setattr("distributed.LocalCluster", fail)
    done = call("run", "halve", folder, "-o", "out", "--cluster", "local:2")
    assert (done.code, len(done.complaints)) == (1, 1)
    assert "the 2 workers could not be started here" in done.err
    assert words in done.err


@pytest.mark.parametrize("late", [TimeoutError, asyncio.TimeoutError])
def test_a_cluster_that_is_late_to_end_loses_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch, late: type[Exception]
) -> None:
    class Late(ThreadPoolExecutor):
        """Client and cluster in one, as far as they are asked."""

        def __init__(self, *_: Any, **__: Any) -> None:
            super().__init__(1)

        def get_executor(self, **_: Any) -> Executor:
            return self

        def scheduler_info(self, **_: Any) -> dict[str, Any]:
            return {"workers": {}}

        def close(self) -> None:
            self.shutdown()
            closed.append(self)
            raise late

    closed: list[Late] = []
    monkeypatch.setattr("distributed.LocalCluster", Late)
    monkeypatch.setattr("distributed.Client", Late)
    done = call("run", "halve", folder, "-o", "out", "--cluster", "local:2")
    assert (done.code, done.err) == (0, "sepkit: 12 separated, 0 failed; all are listed in out/batch.jsonl\n")
    assert len(closed) == 2


def test_a_resource_that_no_worker_has_is_told(cluster: Executor) -> None:
    address = cluster._client.scheduler.address  # type: ignore[attr-defined]
    with (
        pytest.raises(ConfigError, match="no worker of the cluster offers TPU=1; they offer GPU=1"),
        cluster_executor(address, {"TPU": 1}),
    ):
        pass


def test_a_cluster_without_workers_is_not_waited_for_forever(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Before the first worker comes it is; some that start workers have a queue."""

    class Client:
        workers: ClassVar[dict[str, Any]] = {}

        def get_executor(self, **_: Any) -> Executor:
            return ThreadPoolExecutor(1)

        def scheduler_info(self, **_: Any) -> dict[str, Any]:
            return {"workers": self.workers}

    monkeypatch.setattr("sepkit.batching.cluster._ALONE_S", -1.0)
    monkeypatch.setattr("sepkit.batching.cluster._EVERY_S", -1.0)
    cluster = Cluster(Client(), {})
    assert cluster.slots == 1
    Client.workers = {"one": {"nthreads": 3, "resources": {}}}
    assert cluster.slots == 3
    assert Cluster(Client(), {"GPU": 1}).slots == 1
    Client.workers = {}
    with pytest.raises(SepkitError, match="lost all its workers"):
        sepkit.batch(folder, "halve", "out", executor=cluster)
