"""`sepkit new`: what it writes, what it refuses, and that what it writes is good code that works."""

from __future__ import annotations

import ast
import importlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

import sepkit
from sepkit import Audio, Registry
from sepkit.errors import ConfigError, OutputError, WriteError
from sepkit.files import new_folder
from sepkit.problem.domain import Domain
from sepkit.problem.layout import Atom
from sepkit.problem.problem import Problem
from sepkit.scaffold.render import LONGEST_NAME, SUMMARIES, render, requirement
from tests.commandline import call, files_below
from tests.conftest import RATE, NoiseOf

REPO = Path(sepkit.__file__).parents[1]
KINDS = list(SUMMARIES)
COMMON = [".gitignore", "README.md", "pyproject.toml", "tests/test_conformance.py"]
COMMON_MODULES = ["__init__.py", "plugin.py", "py.typed"]
MODULES = {"separator": ["config.py", "separator.py"], "prior": ["prior.py"], "constraint": ["constraint.py"]}


def generate(name: str, kind: str, folder: Path) -> Path:
    done = call("new", name, "--kind", kind, "-o", folder)
    assert (done.code, done.err) == (0, "")
    return folder


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, str], Registry]]:
    """Generates a plugin and gives a registry that has it, in this process."""
    before = set(sys.modules)

    def publish(name: str, kind: str) -> Registry:
        monkeypatch.syspath_prepend(str(generate(name, kind, tmp_path / name) / "src"))
        return Registry(plugins=[importlib.import_module(f"sepkit_{name.replace('-', '_')}.plugin")])

    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield publish
    for module in set(sys.modules) - before:
        if module.startswith("sepkit_"):
            del sys.modules[module]


class TestWriting:
    @pytest.mark.parametrize("kind", KINDS)
    def test_writes_a_whole_package_and_says_what_to_do(
        self, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        done = call("new", "two-hums", "--kind", kind)
        assert (done.code, done.err) == (0, "")
        modules = [f"src/sepkit_two_hums/{module}" for module in (*COMMON_MODULES, *MODULES[kind])]
        wanted = sorted([*COMMON, *modules, f"tests/test_{kind}.py"])
        folder = Path("sepkit-two-hums")
        assert [file for file in files_below(folder) if (folder / file).is_file()] == wanted
        assert os.listdir() == ["sepkit-two-hums"]
        printed, _, commands = done.out.partition("\nnext:\n")
        assert [Path(line) for line in printed.splitlines()] == sorted(folder / file for file in wanted)
        assert commands.count("\n") == 3
        assert "pip install -e './sepkit-two-hums[test]'" in commands
        assert "$" not in "".join(file.read_text(encoding="utf-8") for file in folder.rglob("*") if file.is_file())

    def test_the_default_is_a_separator(self) -> None:
        assert " ".join(call("new", "--help").out.split()).count("[default: separator]") == 1

    def test_needs_the_sepkit_that_wrote_it(self) -> None:
        major, minor = sepkit.__version__.split(".")[:2]
        assert f'"sepkit>={major}.{minor},<' in render("hum", "separator")["pyproject.toml"]

    @pytest.mark.parametrize(
        ("version", "wanted"),
        [
            ("0.1.0", "sepkit>=0.1,<0.2"),
            ("0.9.3", "sepkit>=0.9,<0.10"),
            ("1.0.0", "sepkit>=1.0,<2"),
            ("2.4.1.dev3", "sepkit>=2.4,<3"),
        ],
    )
    def test_range_of_versions(self, version: str, wanted: str) -> None:
        assert requirement(version) == wanted

    def test_fills_an_empty_folder_and_makes_folders_above(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        empty = tmp_path / "empty"
        empty.mkdir()
        monkeypatch.chdir(empty)
        generate("hum", "separator", Path())
        generate("hum", "separator", tmp_path / "plugins" / "deep" / "hum")
        assert files_below(empty) == files_below(tmp_path / "plugins" / "deep" / "hum")
        assert sorted(os.listdir(tmp_path)) == ["empty", "plugins"]

    def test_a_folder_whose_name_a_shell_would_split_is_quoted(self, tmp_path: Path) -> None:
        assert f"'{tmp_path / 'my plugin'}[test]'" in call("new", "hum", "-o", tmp_path / "my plugin").out


class TestRefusing:
    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (["Hum"], "kebab-case"),
            (["two_hums"], "kebab-case"),
            (["two--hums"], "kebab-case"),
            (["-o", "x", "--", "-hum"], "kebab-case"),
            (["2hums"], "kebab-case"),
            (["húm"], "kebab-case"),
            (["../hum"], "kebab-case"),
            (["hum\n"], "kebab-case"),
            ([""], "kebab-case"),
            (["class"], "Python"),
            (["none"], "Python"),
            (["h" * (LONGEST_NAME + 1)], f"at most {LONGEST_NAME}"),
            (["sepkit-hum"], "sepkit new hum"),
            (["nmf"], "already has the name 'nmf'"),
            (["builtin"], "already has the name"),
            (["sparsity", "--kind", "prior"], "already has the name"),
            (["audio"], "would hide the Audio"),
            (["x-ray", "--kind", "prior"], "'xray' in kebab-case"),
            (["low-2", "--kind", "constraint"], "'low2' in kebab-case"),
            (["hum", "--kind", "metric"], "metric"),
        ],
        ids=lambda value: " ".join(value) if isinstance(value, list) else "",
    )
    def test_names(self, arguments: list[str], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        done = call("new", *arguments)
        assert (done.code, done.out, len(done.complaints)) == (2, "", 1)
        assert words in done.err
        assert os.listdir() == []

    def test_a_folder_that_holds_something_stays_as_it_is(self, tmp_path: Path) -> None:
        (tmp_path / "mine.txt").write_text("mine")
        done = call("new", "hum", "-o", tmp_path)
        assert (done.code, done.out, len(done.complaints)) == (2, "", 1)
        assert "not empty" in done.err
        assert files_below(tmp_path) == ["mine.txt"]

    @pytest.mark.parametrize("below", ["", "x", "x/y"])
    def test_a_place_that_cannot_be_written_to(self, below: str, regular_file: Path) -> None:
        done = call("new", "hum", "-o", regular_file / below)
        assert (done.code, done.out, len(done.complaints)) == (2, "", 1)
        assert "-o" in done.err
        assert regular_file.read_text() == "text"

    def test_every_imported_name_is_guarded(self) -> None:
        for kind in KINDS:
            for path, text in render("hum", kind).items():
                for node in ast.walk(ast.parse(text)) if path.endswith(".py") else ():
                    for name in getattr(node, "names", ()):
                        kebab = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name.name).lower()
                        if re.fullmatch(r"([A-Z][a-z]+)+", name.name) and not name.name.startswith("Hum"):
                            with pytest.raises(ConfigError, match="hide"):
                                render(kebab, kind)


def interrupted_in(folder: Path, error: BaseException | None = None) -> None:
    with new_folder(folder) as staging:
        (staging / "first").mkdir()
        (staging / "first" / "file").write_text("text")
        (staging / "second").write_text("text")
        if error is not None:
            raise error


class TestAllOrNothing:
    @pytest.mark.parametrize("exists", [True, False])
    @pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()], ids=repr)
    def test_nothing_is_left_when_writing_fails(self, exists: bool, error: BaseException, tmp_path: Path) -> None:
        folder = tmp_path / "above" / "new"
        if exists:
            folder.mkdir(parents=True)
        before = files_below(tmp_path)
        with pytest.raises((WriteError, KeyboardInterrupt)):
            interrupted_in(folder, error)
        assert files_below(tmp_path) == before

    def test_nothing_is_left_when_moving_fails(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        moved = os.replace

        def fail(source: Path, target: Path) -> None:
            if target.name == "second":
                raise OSError(28, "No space left on device")
            moved(source, target)

        monkeypatch.setattr(os, "replace", fail)
        with pytest.raises(WriteError, match="No space"):
            interrupted_in(tmp_path)
        assert files_below(tmp_path) == []

    def test_a_link_to_nowhere_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "link").symlink_to(tmp_path / "nowhere")
        with pytest.raises(OutputError, match="no folder"), new_folder(tmp_path / "link"):
            pass
        assert files_below(tmp_path) == ["link"]


@pytest.fixture(scope="module")
def plugins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A place like this repository, with plugins of all kinds and with names of all lengths."""
    place = tmp_path_factory.mktemp("repository")
    shutil.copy(REPO / "pyproject.toml", place)
    (place / "sepkit").symlink_to(REPO / "sepkit")
    for kind in KINDS:
        generate(f"q{kind[0]}", kind, place / "plugins" / kind)
        long = "-".join([kind, "abcdefghij" * 4])[:LONGEST_NAME]
        generate(long, kind, place / "plugins" / f"long-{kind}")
    return place


class TestCode:
    @pytest.mark.parametrize("arguments", [["format", "--check", "--diff"], ["check"]], ids=lambda words: words[0])
    def test_is_formatted_and_lint_free(self, arguments: list[str], plugins: Path) -> None:
        tool = Path(sys.executable).with_name("ruff")
        done = subprocess.run(
            [tool, *arguments, "--no-cache", "plugins"], cwd=plugins, capture_output=True, encoding="utf-8"
        )
        assert done.returncode == 0, done.stdout + done.stderr

    @pytest.mark.slow
    def test_is_typed_strictly(self, plugins: Path) -> None:
        folders = [plugins / "plugins" / kind for kind in KINDS]
        code = [*(folder / "src" for folder in folders), *(f / "tests" / f"test_{f.name}.py" for f in folders)]
        # One of three that are alike but for the name.
        code.append(folders[0] / "tests" / "test_conformance.py")
        # From the repository, whose cache has the types of NumPy and pydantic.
        done = subprocess.run(
            [sys.executable, "-m", "mypy", "--strict", *code], cwd=REPO, capture_output=True, encoding="utf-8"
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def test_names_no_api_but_the_present_one(self) -> None:
        assert all(
            f"SEPKIT_API = {sepkit.plugin.API}\n" in render("hum", kind)["src/sepkit_hum/plugin.py"] for kind in KINDS
        )


class TestWorking:
    @pytest.mark.parametrize(("channels", "length"), [(1, 1), (2, RATE)])
    def test_separator_shares_a_mixture_out(
        self, channels: int, length: int, published: Callable[[str, str], Registry], noise: NoiseOf
    ) -> None:
        registry, mixture = published("hum", "separator"), noise(channels, length)
        separation = sepkit.separate(mixture, "hum", registry=registry, config={"crossover_hz": 1000})
        assert separation.sources == ("low", "high")
        total = separation["low"].samples + separation["high"].samples
        np.testing.assert_allclose(total, mixture.samples, atol=1e-5)

    def test_low_is_low_and_high_is_high(self, published: Callable[[str, str], Registry], noise: NoiseOf) -> None:
        registry, mixture = published("two-hums", "separator"), noise(1, 4 * RATE)
        config = {"crossover_hz": 1000, "slope_db": 48}
        separation = sepkit.separate(mixture, "two-hums", registry=registry, config=config, sources=["b", "t"])
        power = {name: np.abs(np.fft.rfft(stem.samples[0])) ** 2 for name, stem in separation.items()}
        hertz = np.fft.rfftfreq(mixture.length, 1 / RATE)
        assert power["b"][hertz < 1000].sum() > 20 * power["b"][hertz > 1000].sum()
        assert power["t"][hertz > 1000].sum() > 20 * power["t"][hertz < 1000].sum()

    @pytest.mark.parametrize("sources", [["a"], ["a", "b", "c", "d", "e", "f", "g"]], ids=len)
    def test_separator_makes_as_many_stems_as_are_asked_for(
        self, sources: list[str], published: Callable[[str, str], Registry], noise: NoiseOf
    ) -> None:
        separation = sepkit.separate(noise(), "hum", registry=published("hum", "separator"), sources=sources)
        total = np.sum([stem.samples for stem in separation.values()], axis=0)
        np.testing.assert_allclose(total, noise().samples, atol=1e-5)
        assert all(np.abs(stem.samples).max() > 1e-4 for stem in list(separation.values())[:4])

    def test_prior_is_a_gradient_and_its_parts(self, published: Callable[[str, str], Registry]) -> None:
        prior = published("hum", "prior").prior("hum").load()(weight=3)
        layout = Problem(Audio(np.zeros((1, 9)), RATE)).layout(atoms=(Atom(),) * 2, frames_s=np.arange(5.0))
        density = prior.bind(layout, Domain.ACTIVATIONS)
        H = np.random.default_rng(0).uniform(0.1, 2, (2, 5))
        for index in np.ndindex(H.shape):
            step = np.zeros_like(H)
            step[index] = 1e-6
            slope = (density.log_prob(H + step) - density.log_prob(H - step)) / 2e-6
            assert density.gradient(H)[index] == pytest.approx(slope, rel=1e-5, abs=1e-6)
        plus, minus = density.split_gradient(H)
        assert min(plus.min(), minus.min()) >= 0
        np.testing.assert_allclose(minus - plus, density.gradient(H))

    @pytest.mark.parametrize("kind", ["numpy", "torch"])
    def test_constraint_is_a_projection(self, kind: str, published: Callable[[str, str], Registry]) -> None:
        import torch

        constraint = published("hum", "constraint").constraint("hum").load()(highest_hz=300)
        layout = Problem(Audio(np.zeros((1, 9)), RATE)).layout(atoms=(Atom(),) * 2, bins_hz=np.arange(6) * 100.0)
        projection = constraint.bind(layout, Domain.TEMPLATES)
        W = np.random.default_rng(0).uniform(0.1, 2, (6, 2))
        given = torch.tensor(W, requires_grad=True) if kind == "torch" else W
        projected = projection.project(given)
        assert type(projected) is type(given)
        values = projected.detach().numpy() if kind == "torch" else projected
        np.testing.assert_array_equal(values, W * projection.support)
        assert projection.support[:, 0].tolist() == [True] * 4 + [False] * 2
        outside = np.linalg.norm(W[4:]) / np.linalg.norm(W)
        assert projection.violation(given) == pytest.approx(outside)
        assert projection.violation(projected) == 0

    @pytest.mark.parametrize("kind", ["prior", "constraint"])
    def test_statements_change_what_nmf_finds(
        self, kind: str, published: Callable[[str, str], Registry], noise: NoiseOf
    ) -> None:
        registry = published("hum", kind)
        registry.add(Registry.discover().separator("nmf"))
        quick = {"rank": 2, "iterations": 20, "window_s": 0.032}
        option = {"prior": "hum:weight=100", "constraint": "hum:highest_hz=1000"}[kind]
        plain = sepkit.separate(noise(), "nmf", registry=registry, config=quick)
        told = sepkit.separate(
            noise(),
            "nmf",
            registry=registry,
            config=quick,
            priors=[option] if kind == "prior" else [],
            constraints=[option] if kind == "constraint" else [],
        )
        assert not np.allclose(plain["component-1"].samples, told["component-1"].samples, atol=1e-3)
        if kind == "constraint":
            assert told.provenance.constraints[0]["violation"] == 0
