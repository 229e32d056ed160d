"""Fetching weights: from a server on this machine, with all that can go wrong on the way."""

from __future__ import annotations

import hashlib
import logging
import shutil
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sepkit_fakes as fakes

import sepkit
from sepkit import Audio, Registry
from sepkit.errors import Cancelled, OutputError, SepkitError, UnknownNameError, WeightsError, WriteError
from sepkit.plugin import Weights
from sepkit.problem.run import Progress
from tests.commandline import files_below
from tests.fetching.made_up import LEVELS, archive, fetch, file_of, publish, weights_in, weights_of
from tests.servers import Server, running_server

pytest.importorskip("requests", reason="needs requests: pip install 'sepkit[fetch]'")


NoiseOf = Callable[..., Audio]


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
