"""The worker over standard input and output: a real process, asked as a host asks."""

from __future__ import annotations

import asyncio
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import sepkit
from sepkit import Audio
from sepkit.errors import AudioError, Cancelled, ConfigError, MismatchError, PluginError, UnknownNameError
from sepkit.serving.client import Worker, WorkerDied
from sepkit.serving.session import Session
from sepkit.serving.stdio import _handler, _reporter

pytestmark = pytest.mark.slow

SOURCES = ["a", "b"]
LONG = {"method": "nmf", "sources": SOURCES, "config": {"iterations": 100_000, "tolerance": 0}}


@pytest.fixture
def mixture(tmp_path: Path) -> Path:
    Audio.mono(np.random.default_rng(0).normal(0, 0.1, 16000).astype(np.float32), 16000).write(tmp_path / "mix.wav")
    return tmp_path / "mix.wav"


def hosted(ask: Callable[[Worker], Coroutine[Any, Any, Any]]) -> Any:
    """What a host gets that starts a worker, asks, and closes it."""

    async def host() -> Any:
        worker = Worker()
        try:
            return await ask(worker)
        finally:
            await worker.close()

    return asyncio.run(host())


def test_a_host_lists_shows_separates_and_evaluates(tmp_path: Path, mixture: Path) -> None:
    async def ask(worker: Worker) -> None:
        listed = await worker.ask("list")
        assert {"nmf", "mixture"} <= {method["name"] for method in listed["methods"]}
        assert listed["version"] == sepkit.__version__
        shown = await worker.ask("show", name="nmf")
        assert shown["schema"]["properties"]["rank"]["description"]
        events: list[sepkit.Progress] = []
        out = tmp_path / "out"
        asked = {
            "job": "1",
            "mixture": str(mixture),
            "method": "nmf",
            "sources": SOURCES,
            "seed": 3,
            "output": str(out),
        }
        told = await worker.separate(reporter=events.append, outputs={"picture": True}, **asked)
        assert told["files"] == {"a": "a.wav", "b": "b.wav"}
        assert told["seed"] == 3
        assert events[-1].done == events[-1].total
        assert (out / "separation.png").read_bytes().startswith(b"\x89PNG")
        wanted = sepkit.separate(mixture, "nmf", sources=SOURCES, seed=3)
        assert np.array_equal(Audio.read(out / "a.wav").samples, wanted["a"].samples)
        figures = await worker.ask("evaluate", estimates=str(out), references=str(out), metrics=["sdr"])
        assert figures["values"]["SDR"] == {"a": "inf", "b": "inf"}

    hosted(ask)


def test_arrays_that_both_map_give_what_files_give(tmp_path: Path, mixture: Path) -> None:
    audio = Audio.read(mixture)
    np.save(tmp_path / "mix.npy", audio.samples)
    given = {"array": str(tmp_path / "mix.npy"), "sample_rate": audio.sample_rate}
    asked = {"job": "1", "mixture": given, "method": "nmf", "sources": SOURCES, "outputs": {"format": "npy"}}

    async def ask(worker: Worker) -> Any:
        return await worker.separate(output=str(tmp_path / "out"), **asked)

    told = hosted(ask)
    wanted = sepkit.separate(audio, "nmf", sources=SOURCES)
    for source, name in told["files"].items():
        assert np.array_equal(np.load(tmp_path / "out" / name, mmap_mode="r"), wanted[source].samples)


def test_what_is_wrong_is_told_in_its_own_kind_and_the_worker_lives_on(tmp_path: Path, mixture: Path) -> None:
    base = {"job": "1", "mixture": str(mixture), "method": "nmf", "output": str(tmp_path / "out")}

    async def ask(worker: Worker) -> None:
        with pytest.raises(UnknownNameError, match="did you mean nmf"):
            await worker.ask("show", name="nmff")
        with pytest.raises(ConfigError, match="no option 'methd'"):
            await worker.separate(**base, methd="nmf")
        with pytest.raises(ConfigError, match="beta"):
            await worker.separate(**base, config={"beta": -1})
        with pytest.raises(AudioError, match="no such audio file"):
            await worker.separate(**{**base, "mixture": "gone.wav"})
        with pytest.raises(AudioError, match="no array that can be mapped"):
            await worker.separate(**{**base, "mixture": {"array": str(mixture), "sample_rate": 8000}})
        with pytest.raises((sepkit.SepkitError, MismatchError), match="score"):
            await worker.separate(**{**base, "method": "score-nmf"})
        with pytest.raises(sepkit.SepkitError, match="remove"):
            await worker.ask("remove")
        assert (await worker.separate(**base))["files"]

    hosted(ask)


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (ConfigError("no option 'x'"), -32602, "no option 'x'"),
        (Cancelled("the run was cancelled"), -32800, "the run was cancelled"),
        (PluginError("method 'x' failed"), -32603, "method 'x' failed"),
        (ZeroDivisionError("division by zero"), -32603, "ZeroDivisionError: division by zero"),
    ],
    ids=lambda one: type(one).__name__,
)
def test_errors_tell_by_their_code_whose_they_are(error: Exception, code: int, said: str) -> None:
    def answer(params: Any) -> Any:
        raise error

    from pygls.exceptions import JsonRpcException

    session = Session(sepkit.Registry(plugins=[]), lambda job, event: None)
    session.list = answer  # type: ignore[method-assign]
    with pytest.raises(JsonRpcException, match=re.escape(said)) as told:
        _handler(session, "list", None)({})
    assert (told.value.code, told.value.data) == (code, {"kind": type(error).__name__})


def test_progress_is_told_at_the_ends_of_stages_and_not_too_often_in_between(monkeypatch: pytest.MonkeyPatch) -> None:
    clock_s, told = [0.0], []
    protocol = SimpleNamespace(
        notify=lambda name, params: told.append((params["job"], params["stage"], params["done"]))
    )
    report = _reporter(SimpleNamespace(protocol=protocol))  # type: ignore[arg-type]
    monkeypatch.setattr("sepkit.serving.stdio.time.monotonic", lambda: clock_s[0])
    for at_s, job, stage, done in [
        (0.00, "1", "load", 0),
        (0.01, "1", "load", 1),
        (0.02, "2", "load", 0),
        (0.06, "1", "load", 2),
        (0.07, "1", "load", 3),
        (0.07, "1", "filter", 0),
        (0.08, "1", "filter", 1),
    ]:
        clock_s[0] = at_s
        report(job, sepkit.Progress(stage, done, 3))
    assert told == [
        ("1", "load", 0),
        ("2", "load", 0),
        ("1", "load", 2),
        ("1", "load", 3),
        ("1", "filter", 0),
    ]


def test_a_job_is_cancelled_while_another_is_asked_for(tmp_path: Path, mixture: Path) -> None:
    async def ask(worker: Worker) -> None:
        going = asyncio.Event()
        base = {"mixture": str(mixture), "output": str(tmp_path / "out")}
        long = asyncio.create_task(worker.separate(reporter=lambda _: going.set(), job="long", **base, **LONG))
        await going.wait()
        with pytest.raises(ConfigError, match="'long' is there already"):
            await worker.separate(job="long", **base, **LONG)
        waiting = asyncio.create_task(worker.separate(job="waiting", **base, **LONG))
        assert await worker.ask("cancel", job="another") is False
        assert await worker.ask("cancel", job="waiting") is True
        assert await worker.ask("cancel", job="long") is True
        with pytest.raises(Cancelled):
            await long
        with pytest.raises(Cancelled):
            await waiting
        assert not (tmp_path / "out").exists()

    hosted(ask)


def test_a_request_is_cancelled_by_its_id(tmp_path: Path, mixture: Path) -> None:
    from pygls.exceptions import JsonRpcException

    async def ask(worker: Worker) -> None:
        going = asyncio.Event()
        asked = {"job": "long", "mixture": str(mixture), "output": str(tmp_path / "out"), **LONG}
        worker._reporters["long"] = lambda _: going.set()
        protocol = (await worker._running()).protocol
        answer = protocol.send_request("separate", asked, msg_id="mine")
        await going.wait()
        for other in ({"id": "another"}, {"id": None}, {}, None):
            protocol.notify("$/cancelRequest", other)
        protocol.notify("$/cancelRequest", {"id": "mine"})
        with pytest.raises(JsonRpcException, match="the run was cancelled") as told:
            await asyncio.wait_for(asyncio.wrap_future(answer), 300)
        assert (told.value.code, told.value.data) == (-32800, {"kind": "Cancelled"})
        # Its name is free again, and the only thread too.
        base = {"mixture": str(mixture), "output": str(tmp_path / "out")}
        assert (await worker.separate(job="long", method="mixture", sources=SOURCES, **base))["files"]

    hosted(ask)


def test_a_host_that_waits_no_longer_cancels_the_job(tmp_path: Path, mixture: Path) -> None:
    async def ask(worker: Worker) -> None:
        going = asyncio.Event()
        base = {"mixture": str(mixture), "output": str(tmp_path / "out")}
        long = asyncio.create_task(worker.separate(reporter=lambda _: going.set(), job="long", **base, **LONG))
        await going.wait()
        long.cancel()
        with pytest.raises(asyncio.CancelledError):
            await long
        # One job runs at a time: this one would wait for ever.
        following = worker.separate(job="next", method="mixture", sources=SOURCES, **base)
        assert (await asyncio.wait_for(following, 300))["files"]

    hosted(ask)


def test_a_worker_ends_with_its_host_and_leaves_nothing(tmp_path: Path, mixture: Path) -> None:
    async def ask(worker: Worker) -> None:
        going = asyncio.Event()
        asked = {"job": "long", "mixture": str(mixture), "output": str(tmp_path / "out"), **LONG}
        long = asyncio.create_task(worker.separate(reporter=lambda _: going.set(), **asked))
        await going.wait()
        # What the system does with the pipes of a host that is killed.
        await worker.close()
        with pytest.raises(sepkit.SepkitError):
            await long

    hosted(ask)
    assert [path.name for path in tmp_path.iterdir()] == ["mix.wav"]


def test_a_worker_that_is_killed_is_told_and_started_anew(tmp_path: Path, mixture: Path) -> None:
    base = {"mixture": str(mixture), "output": str(tmp_path / "out")}

    async def ask(worker: Worker) -> None:
        going = asyncio.Event()
        long = asyncio.create_task(worker.separate(reporter=lambda _: going.set(), job="1", **base, **LONG))
        await going.wait()
        await worker.kill()
        with pytest.raises(WorkerDied, match=f"-{int(signal.SIGKILL)}"):
            await long
        assert (await worker.separate(job="2", **base, method="nmf", sources=SOURCES))["files"]

    hosted(ask)


def test_whatever_else_is_printed_does_not_get_into_the_protocol(tmp_path: Path, mixture: Path) -> None:
    # Before the worker has its own stdout nothing can be kept apart; from then on nothing else gets there.
    code = (
        "import os, sepkit.problem.run as run\n"
        "plain = run.Run.steps\n"
        "def steps(self, *args, **kwargs):\n"
        "    print('a plugin prints'); os.write(1, b'so does a library of C')\n"
        "    return plain(self, *args, **kwargs)\n"
        "run.Run.steps = steps\n"
        "from sepkit.cli import main; main(['serve', '--stdio'])\n"
    )
    asked = {"job": "1", "mixture": str(mixture), "method": "nmf", "output": str(tmp_path / "out")}

    async def host() -> Any:
        worker = Worker((sys.executable, "-c", code))
        try:
            return await worker.separate(**asked)
        finally:
            await worker.close()

    assert asyncio.run(host())["files"]


@pytest.mark.parametrize("program", ["worker_host.py", pytest.param("worker_host.mjs", marks=pytest.mark.system)])
def test_the_hosts_of_the_guide_do_what_they_say(tmp_path: Path, mixture: Path, program: str) -> None:
    path = Path(__file__).parents[1] / "docs/examples" / program
    if path.suffix == ".py":
        starts = [sys.executable, path]
    elif (node := shutil.which("node")) is None:
        pytest.skip("node is not installed")
    else:
        starts = [node, path, Path(sys.executable).with_name("sepkit")]
    ended = subprocess.run([*starts, mixture, tmp_path / "out"], capture_output=True, text=True, timeout=120)
    assert ended.returncode == 0, ended.stderr
    assert "a.wav, b.wav" in ended.stdout
    assert "no such audio file: no-such-song.wav" in ended.stdout
    assert ("second: " in ended.stdout) == (path.suffix == ".py")
    assert "100%" in ended.stderr


def test_variables_that_a_method_has_not_are_remarked(tmp_path: Path, mixture: Path) -> None:
    session = Session(sepkit.Registry(), lambda job, progress: None)
    asked = {
        "job": "1",
        "mixture": str(mixture),
        "method": "mixture",
        "sources": SOURCES,
        "output": str(tmp_path / "out"),
    }
    plain = session.prepare("separate", asked).answer()
    assert "no variables" not in str(plain["remarks"])
    with_variables = session.prepare("separate", {**asked, "outputs": {"variables": True}}).answer()
    assert "no variables" in str(with_variables["remarks"])
