"""Jobs over HTTP, through a real server and its workers."""

from __future__ import annotations

import asyncio
import io
import json
import re
import signal
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import sepkit
from plugins.web.tests.clients import ENDLESS, QUICK, Client, noise, serving
from sepkit import Audio
from sepkit.serving.client import Worker

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A server with one job at a time."""
    with serving(tmp_path_factory.mktemp("jobs")) as client:
        yield client


@pytest.fixture(scope="module")
def mixture(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return noise(tmp_path_factory.mktemp("mixture"))


def folders(place: Path) -> list[Path]:
    return [path for path in (place / "jobs").iterdir() if path.is_dir()]


def test_from_a_recording_to_stems_picture_and_archive(server: Client, mixture: bytes, tmp_path: Path) -> None:
    methods = {method["name"]: method for method in server.http.get("api/methods").json()}
    assert "score" in methods["score-nmf"]["needs"]
    assert methods["nmf"]["schema"]["properties"]["rank"]
    request = {"method": "nmf", "sources": ["a", "b"], "config": {"iterations": 20}, "seed": 3}
    sent = server.submit(mixture, request)
    assert sent.status_code == 202
    id = sent.json()["id"]
    job = server.ended(id)
    assert job["state"] == "done", job["error"]
    assert list(job["files"]) == ["a", "b"]
    assert job["command"] == "sepkit run nmf song.wav -o out --sources a,b --set iterations=20 --seed 3"
    (tmp_path / "song.wav").write_bytes(mixture)
    wanted = sepkit.separate(tmp_path / "song.wav", "nmf", sources=["a", "b"], config={"iterations": 20}, seed=3)
    for number, name in enumerate(job["files"]):
        (tmp_path / "got.wav").write_bytes(server.http.get(f"api/jobs/{id}/stems/{number}").content)
        # The numbers of threads differ, and with them the order of sums.
        assert Audio.read(tmp_path / "got.wav").samples == pytest.approx(wanted[name].samples, abs=1e-4)
    assert server.http.get(f"api/jobs/{id}/stems/2").status_code == 404
    assert server.http.get(f"api/jobs/{id}/picture").content.startswith(b"\x89PNG")
    assert server.http.get(f"api/jobs/{id}/mixture").content == mixture
    archive = zipfile.ZipFile(io.BytesIO(server.http.get(f"api/jobs/{id}/archive").content))
    assert archive.testzip() is None
    assert sorted(archive.namelist()) == ["a.wav", "b.wav", "separation.json", "separation.png"]
    assert "/jobs/" not in archive.read("separation.json").decode()
    assert server.http.delete(f"api/jobs/{id}").status_code == 204
    assert server.http.get(f"api/jobs/{id}").status_code == 404


def test_the_example_of_the_readme_does_what_it_says(
    server: Client, mixture: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    [program] = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    assert "http://127.0.0.1:8000" in program
    monkeypatch.chdir(tmp_path)
    (tmp_path / "song.wav").write_bytes(mixture)
    exec(program.replace("http://127.0.0.1:8000", server.address), {})
    *_, done, total = capsys.readouterr().out.splitlines()[-1].split()
    assert done == total
    for name in ("voice", "guitar"):
        assert Audio.read(tmp_path / f"{name}.wav").length == 16000


def test_a_score_and_f0_tracks_come_along(server: Client, mixture: bytes) -> None:
    notes = b"onset_s,offset_s,pitch,part\n0,0.4,60,left\n0.5,0.9,64,right\n"
    job = server.submit(mixture, {"method": "score-nmf", "align": "never"}, score=("notes.csv", notes)).json()
    assert job["command"] == "sepkit run score-nmf song.wav --score notes.csv -o out --align never"
    ended = server.ended(job["id"])
    assert list(ended["files"]) == ["left", "right"], ended["error"]


def test_names_of_strangers_never_become_paths(server: Client, mixture: bytes) -> None:
    names = ["../../out", "/etc/passwd", "<script>alert(1)</script>"]
    sent = server.submit(mixture, {**QUICK, "sources": names}, name="../../../<b>song.wav")
    job = server.ended(sent.json()["id"])
    assert list(job["files"]) == names
    assert job["title"] == "<b>song.wav"
    archive = zipfile.ZipFile(io.BytesIO(server.http.get(f"api/jobs/{job['id']}/archive").content))
    for name in archive.namelist():
        assert not {"/", "\\", ".."} & {name[:2], *name}, name
    for path in ("../job.json", "..%2Fjob.json", "%2e%2e/%2e%2e/lock"):
        assert server.http.get(f"api/jobs/{job['id']}/stems/{path}").status_code in (404, 422)


@pytest.mark.parametrize(
    ("request_", "status", "words"),
    [
        ({"method": "nmff"}, 404, "did you mean nmf"),
        ({"method": "nmf", "config": {"beta": -1}}, 422, "beta"),
        ({"method": "nmf", "config": {"start": "/etc/passwd"}}, 422, "names a file"),
        ({"method": "nmf", "weights": "/etc"}, 422, "no published weights '/etc'"),
        ({"method": "flow-sgld", "priors": ["flow:weights=/etc"]}, 422, "names a file"),
        ({"method": "score-nmf"}, 422, "needs score"),
        ({"method": "nmf", "colour": "red"}, 422, "no option 'colour'"),
    ],
)
def test_what_cannot_be_is_refused_at_once(
    server: Client, mixture: bytes, request_: dict[str, object], status: int, words: str
) -> None:
    answer = server.submit(mixture, request_)
    assert answer.status_code == status
    assert words in answer.json()["error"]


def test_what_is_no_recording_fails_with_a_line_that_tells_nothing_of_the_server(server: Client) -> None:
    job = server.ended(server.submit(b"no audio", QUICK).json()["id"])
    assert job["state"] == "failed"
    assert "mixture_" in job["error"]
    assert "/" not in job["error"].replace("and/or", "")
    assert server.http.get(f"api/jobs/{job['id']}/archive").status_code == 409


def test_jobs_are_cancelled_while_they_run_and_while_they_wait(server: Client, mixture: bytes) -> None:
    running, waiting = (server.submit(mixture, ENDLESS).json()["id"] for _ in range(2))
    assert server.ended(running, lambda job: job["done"] > 0)["state"] == "running"
    assert server.http.delete(f"api/jobs/{running}").status_code == 409
    for id in (waiting, running):
        server.http.post(f"api/jobs/{id}/cancel")
        assert server.ended(id)["state"] == "cancelled"
    assert server.ended(server.submit(mixture, QUICK).json()["id"])["state"] == "done"


def test_whoever_gives_up_waiting_makes_room_at_once(tmp_path: Path, mixture: bytes) -> None:
    with serving(tmp_path, "--queue", "1") as client:
        running, waiting = (client.submit(mixture, ENDLESS).json()["id"] for _ in range(2))
        client.ended(running, lambda job: job["done"] > 0)
        assert client.submit(mixture, QUICK).status_code == 429
        client.http.post(f"api/jobs/{waiting}/cancel")
        assert client.submit(mixture, QUICK).status_code == 202


def test_workers_leave_out_the_plugins_that_the_server_leaves_out(tmp_path: Path) -> None:
    from sepkit_web.app import make_app
    from sepkit_web.config import ServerConfig

    app = make_app(ServerConfig(), sepkit.Registry.discover(disabled={"nmf"}), tmp_path)

    async def answer() -> list[str]:
        worker = Worker(environment=app.state.queue.environment)
        listed = await worker.ask("list")
        await worker.close()
        return [method["name"] for method in listed["methods"]]

    listed = asyncio.run(answer())
    assert "score-nmf" in listed
    assert "nmf" not in listed


def most_memory(process: subprocess.Popen[str]) -> int:
    """The most bytes that a process has held."""
    status = Path(f"/proc/{process.pid}/status")
    if not status.exists():
        pytest.skip("the system does not tell how much memory a process has held")
    [kilobytes] = re.findall(r"VmHWM:\s*(\d+) kB", status.read_text())
    return 1024 * int(kilobytes)


# Of those that are refused before they have sent all, the client leaves sockets to the collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_fifty_at_once_are_done_or_refused_with_a_reason(tmp_path: Path) -> None:
    place = tmp_path / "long.wav"
    Audio(np.random.default_rng(0).normal(0, 0.1, (2, 400_000)).astype(np.float32), 16000).write(place)
    mixture = place.read_bytes()
    with serving(tmp_path / "s", "--jobs", "2", "--queue", "4") as client, ThreadPoolExecutor(50) as people:
        before = most_memory(client.process)
        answers = list(people.map(lambda _: client.submit(mixture, QUICK), range(50)))
        # All of them together are 160 MB.
        assert most_memory(client.process) - before < 25 * len(mixture)
        taken = [answer.json()["id"] for answer in answers if answer.status_code == 202]
        refused = [answer for answer in answers if answer.status_code == 429]
        assert len(taken) + len(refused) == 50
        assert len(taken) >= 6
        assert refused
        assert all("wait already" in answer.json()["error"] and answer.headers["Retry-After"] for answer in refused)
        assert all(client.ended(id)["state"] == "done" for id in taken)
        assert sorted(folder.name for folder in folders(tmp_path / "s")) == sorted(taken)


def test_a_server_that_is_killed_goes_on_when_it_is_started_anew(tmp_path: Path, mixture: bytes) -> None:
    long = {**ENDLESS, "config": {"iterations": 150, "tolerance": 0}}
    with serving(tmp_path) as client:
        first, second = (client.submit(mixture, request).json()["id"] for request in (long, QUICK))
        client.ended(first, lambda job: job["done"] > 0)
        client.process.send_signal(signal.SIGKILL)
        client.process.wait()
    assert json.loads((tmp_path / "jobs" / first / "job.json").read_text())["state"] == "running"
    with serving(tmp_path) as client:
        assert [client.ended(id)["state"] for id in (first, second)] == ["done", "done"]


def test_a_job_at_which_servers_die_is_given_up(tmp_path: Path) -> None:
    from sepkit_web.config import ServerConfig
    from sepkit_web.job import Job, JobFolder
    from sepkit_web.queueing import JobQueue

    folder = JobFolder(tmp_path)
    job = Job(
        id=folder.new_id(), title="song", request={"method": "nmf"}, command="", created=0, state="running", attempts=3
    )
    folder.save(job)
    queue = JobQueue(folder, ServerConfig())
    queue._again(queue.jobs[job.id])
    assert queue.jobs[job.id].state == "failed"
    assert "given up" in queue.jobs[job.id].error


def test_what_takes_too_long_is_ended_and_the_next_job_is_done(tmp_path: Path, mixture: bytes) -> None:
    with serving(tmp_path, "--minutes", "0.1") as client:
        ids = [client.submit(mixture, request).json()["id"] for request in (ENDLESS, QUICK)]
        long, quick = (client.ended(id) for id in ids)
    assert "0.1 minutes" in long["error"]
    # On a machine that is busy even starting takes long.
    assert quick["state"] == "done" or "0.1 minutes" in quick["error"], quick["error"]


def test_old_jobs_are_removed_and_others_stay(tmp_path: Path) -> None:
    from sepkit_web.job import Job, JobFolder

    folder = JobFolder(tmp_path)
    jobs = {}
    for state, ended in (("done", 1.0), ("failed", 2e10), ("queued", 0.0)):
        job = Job(id=folder.new_id(), title="song", request={}, command="", created=0, state=state, ended=ended)
        folder.save(job)
        jobs[job.id] = job
    (tmp_path / ("x" * 22)).mkdir()
    gone = folder.remove_old(jobs, keep_s=3600)
    assert [jobs[id].state for id in gone] == ["done"]
    assert sorted(job.state for job in folder.load()) == ["failed", "queued"]
    assert len(list(tmp_path.iterdir())) == 2


def test_a_second_server_in_the_same_folder_or_on_the_same_port_is_refused(server: Client, tmp_path: Path) -> None:
    started = server.process.args
    assert isinstance(started, list)
    folder = started[started.index("--folder") + 1]
    port = server.address.rsplit(":", 1)[1].strip("/")
    for options, words in ((["--folder", folder], "another server uses"), (["--port", port], "cannot listen")):
        command = [sys.executable, "-m", "sepkit", "serve", "--port", "0", "--folder", str(tmp_path), *options]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=120)
        assert ended.returncode == 2
        assert words in ended.stderr
        assert len(ended.stderr.splitlines()) == 1
