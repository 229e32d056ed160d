"""Fetching weights: from a server on this machine, with all that can go wrong on the way."""

from __future__ import annotations

import hashlib
import io
import json
import logging
import shutil
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import sepkit_fakes as fakes

import sepkit
from sepkit import Audio, Method, Registry, separate
from sepkit.errors import Cancelled, OutputError, SepkitError, UnknownNameError, WeightsError, WriteError
from sepkit.plugin import Weights, WeightsFile
from sepkit.problem.run import Progress
from tests.commandline import call, files_below
from tests.servers import Server, running_server

pytest.importorskip("requests", reason="needs requests: pip install 'sepkit[fetch]'")

NoiseOf = Callable[..., Audio]
LEVELS = json.dumps({"levels": {"a": 1.0}, "sample_rate": 12000}).encode()
FILES = {"levels.json": LEVELS}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for what is fetched."""
    monkeypatch.setenv("SEPKIT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return tmp_path / "home"


@pytest.fixture
def server() -> Iterator[Server]:
    with running_server() as running:
        yield running


def archive(files: Mapping[str, bytes] = FILES) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as target:
        for name, data in files.items():
            target.writestr(zipfile.ZipInfo(name), data)
    return packed.getvalue()


def file_of(url: str, body: bytes, **changes: Any) -> WeightsFile:
    return WeightsFile(**{"url": url, "sha256": hashlib.sha256(body).hexdigest(), "size": len(body), **changes})


def weights_of(url: str, body: bytes, *, name: str = "taught-levels", file: str = "", **changes: Any) -> Weights:
    return weights_in(file_of(url, body, name=file, **changes), name=name)


def weights_in(*files: WeightsFile, name: str = "taught-levels") -> Weights:
    return Weights(name=name, licence="CC-BY-4.0", source="A. Author, 2020", files=files)


def publish(registry: Registry, *weights: Weights, method: str = "taught", **options: Any) -> None:
    registry.add(fakes.spec(method, "Taught", weights=weights, **{"needs": ("weights",), **options}))


@pytest.fixture
def published(server: Server, registry: Registry, home: Path) -> Weights:
    """Weights of the method `taught`, on the server."""
    weights = weights_of(server.serve("/levels.zip", archive()), archive())
    publish(registry, weights)
    return weights


def fetch(registry: Registry, name: str = "taught-levels", **options: Any) -> Path:
    return sepkit.fetch(name, registry=registry, **{"accept_licence": True, **options})


class TestFetched:
    def test_are_unpacked_at_home(self, registry: Registry, published: Weights, home: Path) -> None:
        folder = fetch(registry)
        place = f"taught-levels-{published.digest[:16]}"
        assert folder == home / "weights" / place
        assert files_below(home) == ["weights", f"weights/{place}", f"weights/{place}/levels.json"]
        assert (folder / "levels.json").read_bytes() == LEVELS

    def test_are_not_fetched_again(self, registry: Registry, published: Weights, server: Server) -> None:
        assert fetch(registry) == fetch(registry) == fetch(registry, accept_licence=False)
        assert server.asked == ["/levels.zip"]

    def test_of_one_file_are_that_file(self, registry: Registry, server: Server, home: Path) -> None:
        publish(registry, weights_of(server.serve("/get/7?download=1", LEVELS), LEVELS, file="levels.json"))
        folder = fetch(registry)
        assert files_below(folder) == ["levels.json"]
        # As readable as what an archive holds.
        (home / "other").touch()
        assert (folder / "levels.json").stat().st_mode == (home / "other").stat().st_mode

    def test_of_another_digest_are_other_weights(self, registry: Registry, published: Weights, server: Server) -> None:
        before = fetch(registry)
        newer = archive({"levels.json": b"{}"})
        publish(registry, weights_of(server.serve("/newer.zip", newer), newer))
        after = fetch(registry)
        assert (after / "levels.json").read_bytes() == b"{}"
        assert (before / "levels.json").read_bytes() == LEVELS

    def test_that_ship_are_where_they_are(self, registry: Registry, home: Path) -> None:
        assert fetch(registry, "levels", accept_licence=False) == fakes.bundled_levels()
        assert not home.exists()

    def test_leave_the_log_alone(
        self, registry: Registry, published: Weights, capfd: pytest.CaptureFixture[str]
    ) -> None:
        before = logging.getLogger().handlers[:]
        fetch(registry)
        assert logging.getLogger().handlers == before
        assert capfd.readouterr() == ("", "")

    def test_of_several_files_are_all_of_them(self, registry: Registry, server: Server, home: Path) -> None:
        voice, bass = bytes(2**20), bytes(2**20 + 5)
        publish(
            registry,
            weights_in(
                file_of(server.serve("/voice.pth", voice), voice), file_of(server.serve("/bass.pth", bass), bass)
            ),
        )
        events: list[Progress] = []
        folder = fetch(registry, reporter=events.append)
        assert {file.name: file.stat().st_size for file in folder.iterdir()} == {
            "voice.pth": len(voice),
            "bass.pth": len(bass),
        }
        assert [(event.done, event.total) for event in events] == [(0, 3), (1, 3), (2, 3), (3, 3)]

    def test_may_be_known_in_part(self, registry: Registry, server: Server, home: Path) -> None:
        # Some publishers tell the first digits of a digest, and megabytes.
        known = hashlib.sha256(LEVELS).hexdigest()[:8]
        publish(registry, weights_of(server.serve("/levels.json", LEVELS), LEVELS, sha256=known, size=2**21))
        events: list[Progress] = []
        assert (fetch(registry, reporter=events.append) / "levels.json").read_bytes() == LEVELS
        assert (events[-1].done, events[-1].total) == (2, 2)

    def test_come_with_progress(self, registry: Registry, server: Server, home: Path) -> None:
        body = bytes(2**21 + 1)
        publish(registry, weights_of(server.serve("/model.safetensors", body), body))
        events: list[Progress] = []
        fetch(registry, reporter=events.append)
        assert [(event.done, event.total) for event in events] == [(0, 3), (1, 3), (2, 3), (3, 3)]

    def test_by_two_at_once_are_there_once(self, registry: Registry, published: Weights, home: Path) -> None:
        inner: list[Path] = []

        def meanwhile(event: Progress) -> None:
            if not inner:
                inner.append(fetch(registry, reporter=None))

        assert fetch(registry, reporter=meanwhile) == inner[0]
        assert (inner[0] / "levels.json").read_bytes() == LEVELS
        assert len(files_below(home)) == 3


class TestConsent:
    def test_is_asked_for_before_anything_is_done(
        self, registry: Registry, published: Weights, server: Server, home: Path
    ) -> None:
        with pytest.raises(WeightsError, match=r"A\. Author, 2020.*licence CC-BY-4\.0.*--accept-licence"):
            fetch(registry, accept_licence=False)
        assert server.asked == []
        assert not home.exists()


class TestNothingIsLeft:
    """Whatever fails says so in one line, and leaves nothing behind."""

    def fails(self, registry: Registry, home: Path, kind: type[SepkitError], match: str, **options: Any) -> None:
        with pytest.raises(kind, match=match) as raised:
            fetch(registry, **options)
        assert "\n" not in str(raised.value)
        assert files_below(home) == ["weights"]

    def test_when_the_digest_is_another(self, registry: Registry, server: Server, home: Path) -> None:
        publish(registry, weights_of(server.serve("/x.zip", archive()), archive(), sha256="0" * 64))
        self.fails(registry, home, WeightsError, "a digest other than 0000")

    def test_when_the_last_of_several_is_not_there(self, registry: Registry, server: Server, home: Path) -> None:
        first = file_of(server.serve("/first.bin", b"x"), b"x")
        publish(registry, weights_in(first, file_of(f"{server.address}/second.bin", b"y")))
        self.fails(registry, home, WeightsError, "404 .*/second.bin; try later")

    def test_when_the_known_digits_are_others(self, registry: Registry, server: Server, home: Path) -> None:
        publish(registry, weights_of(server.serve("/x.zip", archive()), archive(), sha256="0" * 8))
        self.fails(registry, home, WeightsError, "a digest other than 00000000 ")

    def test_when_more_comes_than_announced(self, registry: Registry, server: Server, home: Path) -> None:
        publish(registry, weights_of(server.serve("/x.zip", archive()), archive(), size=10))
        self.fails(registry, home, WeightsError, "more than the 10 bytes")

    def test_when_there_is_no_such_file(self, registry: Registry, server: Server, home: Path) -> None:
        publish(registry, weights_of(f"{server.address}/gone.zip", b"x"))
        self.fails(registry, home, WeightsError, "404 .*/gone.zip; try later")

    def test_when_the_line_breaks(self, registry: Registry, published: Weights, server: Server, home: Path) -> None:
        server.cut = 50
        self.fails(registry, home, WeightsError, r"127\.0\.0\.1:\d+ broke off in the middle; try again")

    def test_when_there_is_no_network(self, registry: Registry, home: Path) -> None:
        with running_server() as server:
            publish(registry, weights_of(server.serve("/x.zip", b"x"), b"x"))
        self.fails(
            registry, home, WeightsError, r"cannot reach 127\.0\.0\.1:\d+ \(ConnectionError\); check the network"
        )

    def test_when_the_archive_is_a_bad_one(self, registry: Registry, server: Server, home: Path) -> None:
        body = archive({"levels.json": LEVELS, "../evil": b"evil"})
        publish(registry, weights_of(server.serve("/x.zip", body), body))
        self.fails(registry, home, WeightsError, "outside the folder")

    def test_when_it_is_cancelled(self, registry: Registry, server: Server, home: Path) -> None:
        body = bytes(2**22)
        publish(registry, weights_of(server.serve("/x.bin", body), body))
        cancel, events = threading.Event(), list[Progress]()

        def report(event: Progress) -> None:
            events.append(event)
            if event.done == 1:
                cancel.set()

        self.fails(registry, home, Cancelled, "cancelled", reporter=report, cancel=cancel)
        assert events[-1].done == 1

    def test_when_it_is_interrupted(self, registry: Registry, published: Weights, home: Path) -> None:
        def interrupt(event: Progress) -> None:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            fetch(registry, reporter=interrupt)
        assert files_below(home) == ["weights"]

    @pytest.mark.skipif(sys.platform == "win32", reason="needs limits of a process")
    def test_when_the_disk_runs_full(self, registry: Registry, server: Server, home: Path) -> None:
        import resource

        body = bytes(10**5)
        publish(registry, weights_of(server.serve("/x.bin", body), body))
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
        try:
            self.fails(registry, home, WriteError, "free some space")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    def test_when_there_is_too_little_room(
        self, registry: Registry, published: Weights, server: Server, home: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        usage = shutil.disk_usage(home.parent)._replace(free=10)
        monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
        self.fails(registry, home, WriteError, f"{published.size} bytes are needed and 10 are free")
        assert server.asked == []

    def test_when_home_cannot_be_written(
        self, registry: Registry, published: Weights, regular_file: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SEPKIT_HOME", str(regular_file / "home"))
        with pytest.raises(OutputError, match="name another folder with SEPKIT_HOME"):
            fetch(registry)

    def test_when_requests_is_not_installed(
        self, registry: Registry, published: Weights, home: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "requests", None)
        self.fails(registry, home, WeightsError, r"pip install 'sepkit\[fetch\]'")


class TestNames:
    def test_that_nobody_publishes_are_unknown(self, registry: Registry, published: Weights) -> None:
        with pytest.raises(UnknownNameError, match="'taught-level'; did you mean taught-levels"):
            fetch(registry, "taught-level")

    def test_that_two_methods_share_are_one(self, registry: Registry, published: Weights) -> None:
        publish(registry, published, method="also-taught")
        [one] = [one for one in sepkit.published_weights(registry) if one.weights == published]
        assert [spec.name for spec in one.specs] == ["taught", "also-taught"]

    def test_of_different_weights_are_refused(self, registry: Registry, published: Weights) -> None:
        publish(registry, weights_of(published.files[0].url, b"x"), method="rival")
        with pytest.raises(UnknownNameError, match="method 'taught' and method 'rival' publish different weights"):
            fetch(registry)


class TestSeparating:
    def test_never_fetches(
        self, registry: Registry, published: Weights, server: Server, noise: NoiseOf, home: Path
    ) -> None:
        with pytest.raises(WeightsError, match="with: sepkit fetch taught-levels;"):
            separate(noise(), "taught", registry=registry)
        with pytest.raises(WeightsError, match="with: sepkit fetch taught-levels;"):
            separate(noise(), "taught", weights="taught-levels", registry=registry)
        assert server.asked == []
        assert not home.exists()

    def test_takes_what_was_fetched_and_records_it(
        self, registry: Registry, published: Weights, noise: NoiseOf
    ) -> None:
        folder = fetch(registry)
        records = []
        for given in (None, "taught-levels", folder, folder / ".." / folder.name):
            separation = separate(noise(), "taught", weights=given, registry=registry)
            assert separation.sources == ("a",)
            records.append(separation.provenance.weights)
        assert all(record == records[0] for record in records)
        assert records[0] == (
            {
                "for": "method 'taught'",
                "digest": hashlib.sha256(b"levels.json\0" + LEVELS).hexdigest(),
                "name": "taught-levels",
                "licence": "CC-BY-4.0",
                "source": "A. Author, 2020",
                "files": [{"url": file.url, "sha256": file.sha256} for file in published.files],
            },
        )

    def test_records_the_digest_of_weights_of_the_callers_own(
        self, registry: Registry, published: Weights, noise: NoiseOf, tmp_path: Path
    ) -> None:
        own = tmp_path / "own"
        shutil.copytree(fetch(registry), own)
        [record] = separate(noise(), "taught", weights=own, registry=registry).provenance.weights
        assert record["digest"] == hashlib.sha256(b"levels.json\0" + LEVELS).hexdigest()
        assert {record[key] for key in ("name", "licence", "source")} == {None}
        assert record["files"] == []

    def test_takes_the_first_of_several(self, registry: Registry, published: Weights, noise: NoiseOf) -> None:
        publish(registry, fakes.bundled("levels"), published)
        fetch(registry)
        assert separate(noise(), "taught", registry=registry).sources == ("voice", "guitar")
        assert separate(noise(), "taught", weights="taught-levels", registry=registry).sources == ("a",)

    def test_takes_none_unasked_where_it_can_do_without(
        self, registry: Registry, published: Weights, noise: NoiseOf
    ) -> None:
        publish(registry, published, needs=())
        fetch(registry)
        assert separate(noise(), "taught", registry=registry).provenance.weights == ()

    @pytest.mark.parametrize("change", ["changed", "cut", "gone"])
    def test_refuses_what_was_changed_since(
        self, registry: Registry, server: Server, noise: NoiseOf, home: Path, change: str
    ) -> None:
        publish(registry, weights_of(server.serve("/levels.json", LEVELS), LEVELS))
        file = fetch(registry) / "levels.json"
        file.unlink()
        if change != "gone":
            file.write_bytes(LEVELS.replace(b"1.0", b"2.0") if change == "changed" else LEVELS[:-1])
        with pytest.raises(WeightsError, match=r"changed since they were fetched: levels\.json; remove that folder"):
            separate(noise(), "taught", registry=registry)

    def test_knows_its_own_weights_only(self, registry: Registry, published: Weights) -> None:
        publish(registry, weights_of(published.files[0].url, b"x", name="other"), method="other")
        with pytest.raises(WeightsError, match="weights: other; method 'taught' publishes taught-levels"):
            Method("taught", weights="other", registry=registry)

    def test_takes_a_folder_before_a_name(
        self, registry: Registry, published: Weights, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "taught-levels").mkdir()
        monkeypatch.chdir(tmp_path)
        assert Method("taught", weights="taught-levels", registry=registry).weights == Path("taught-levels")


class Terminal(io.StringIO):
    """Somebody who answers."""

    def isatty(self) -> bool:
        return True


class TestCommands:
    @pytest.fixture(autouse=True)
    def _discovered(self, registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
        for command in ("fetch", "weights"):
            monkeypatch.setattr(f"sepkit.cli.{command}.discover", lambda ctx: registry)

    def test_list_tells_what_is_fetched(self, registry: Registry, published: Weights, server: Server) -> None:
        before = call("weights").out
        assert "taught-levels\n  for      method taught\n  source   A. Author, 2020\n  licence  CC-BY-4.0\n" in before
        assert "\n  where    not fetched: sepkit fetch taught-levels\n" in before
        assert f"  where    {fakes.bundled_levels()}\n" in before
        assert server.asked == []
        folder = fetch(registry)
        assert f"  where    {folder}\n" in call("weights").out

    def test_list_is_for_programs_too(self, registry: Registry, published: Weights) -> None:
        registry.add(fakes.spec("hollow", "Taught", weights=(fakes.bundled("none", "absent"),)))
        shipped, hollow, absent = json.loads(call("weights", "--json").out)
        assert absent == {
            "name": "taught-levels",
            "for": [{"kind": "method", "name": "taught"}],
            "licence": "CC-BY-4.0",
            "source": "A. Author, 2020",
            "size": published.size,
            "files": [{"url": file.url, "sha256": file.sha256, "size": file.size} for file in published.files],
            "folder": None,
            "fault": "",
        }
        levels = fakes.bundled_levels()
        assert (shipped["name"], shipped["folder"], shipped["files"]) == ("levels", str(levels), [])
        assert shipped["size"] == sum(path.stat().st_size for path in levels.iterdir())
        assert (hollow["folder"], hollow["size"]) == (None, None)
        assert "cannot load sepkit_fakes:absent" in hollow["fault"]

    def test_fetch_refuses_where_nobody_can_be_asked(
        self, published: Weights, server: Server, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sys, "stdin", io.StringIO())
        done = call("fetch", "taught-levels")
        assert (done.code, done.out) == (2, "")
        [complaint] = done.complaints
        assert "CC-BY-4.0" in complaint
        assert "--accept-licence" in complaint
        assert server.asked == []

    @pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("n\n", 3), ("\n", 3), ("", 3)])
    def test_fetch_asks_at_a_terminal(
        self, published: Weights, server: Server, answer: str, code: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sys, "stdin", Terminal(answer))
        done = call("fetch", "taught-levels")
        assert done.code == code
        assert "  licence  CC-BY-4.0\n" in done.err
        assert len(server.asked) == (1 if code == 0 else 0)

    def test_fetch_prints_the_folder(self, registry: Registry, published: Weights) -> None:
        done = call("fetch", "taught-levels", "--accept-licence", "--progress", "json")
        assert (done.code, done.out) == (0, f"{fetch(registry)}\n")
        assert "  source   A. Author, 2020" in done.complaints
        last = json.loads(done.complaints[-1])
        assert (last["stage"], last["done"], last["total"]) == ("download, MiB", 1, 1)
        again = call("fetch", "taught-levels")
        assert (again.code, again.out, again.err) == (0, done.out, "")

    def test_fetch_says_in_one_line_what_failed(self, published: Weights, server: Server) -> None:
        server.bodies.clear()
        done = call("fetch", "taught-levels", "--accept-licence", "--progress", "none")
        assert (done.code, done.out) == (2, "")
        assert [line for line in done.complaints if line.startswith("sepkit:")] == done.complaints[-1:]
