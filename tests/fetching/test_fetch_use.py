"""What was fetched in use: by separations, and at the terminal."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import sepkit_fakes as fakes

from sepkit import Audio, Method, Registry, separate
from sepkit.errors import WeightsError
from sepkit.plugin import Weights
from tests.commandline import call
from tests.fetching.made_up import LEVELS, fetch, publish, weights_of
from tests.servers import Server

pytest.importorskip("requests", reason="needs requests: pip install 'sepkit[fetch]'")


NoiseOf = Callable[..., Audio]


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
