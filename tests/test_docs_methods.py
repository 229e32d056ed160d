"""The pages on methods: every method has one, and what they name is there."""

from __future__ import annotations

import importlib
import re
import sys
from functools import reduce
from pathlib import Path

import numpy as np
import pytest

from sepkit.builtin.plugin import sepkit_separators
from sepkit.plugin.known import KNOWN

DOCS = Path(__file__).parents[1] / "docs"
sys.path.insert(0, str(DOCS))

from course.experiments import EXPERIMENTS  # noqa: E402
from course.readmes import table_of  # noqa: E402

PAGES = {path.stem: path.read_text(encoding="utf-8") for path in sorted((DOCS / "methods").glob("*.md"))}
TEXTS = {**PAGES, **{path.stem: path.read_text(encoding="utf-8") for path in (DOCS / "background").glob("*.md")}}
METHODS = sorted({*KNOWN["method"], *(spec.name for spec in sepkit_separators())})
NAMED = sorted({name for text in TEXTS.values() for name in re.findall(r"\{py:obj\}`~?([\w.]+)`", text)})
MEASURED = [
    (page, plugin, dict(re.findall(r"^:(\w+): (.*)$", options, re.M)))
    for page, text in TEXTS.items()
    for plugin, options in re.findall(r"^:::\{measured\} (\S+)\n((?::.*\n)*):::$", text, re.M)
]


@pytest.mark.parametrize("method", METHODS)
def test_every_method_has_a_page_that_is_in_the_index(method: str) -> None:
    pages = [page for page, text in PAGES.items() if f"\n(method-{method})=\n" in f"\n{text}"]
    assert len(pages) == 1
    assert re.search(rf"^{pages[0]}$", PAGES["index"], re.M)


def test_no_page_is_about_a_method_that_there_is_not() -> None:
    told = {name for text in PAGES.values() for name in re.findall(r"^\(method-([\w-]+)\)=$", text, re.M)}
    assert told == set(METHODS)


@pytest.mark.parametrize("name", NAMED)
def test_what_stands_beside_an_equation_exists_and_is_described(name: str) -> None:
    parts = name.split(".")
    for depth in range(len(parts), 0, -1):
        try:
            module = importlib.import_module(".".join(parts[:depth]))
        except ImportError:
            continue
        reduce(getattr, parts[depth:], module)
        break
    described = "\n".join(path.read_text(encoding="utf-8") for path in DOCS.rglob("*.md") if "auto" not in path.parts)
    # By itself, or with the class or module that it belongs to.
    assert any(re.search(rf":: {re.escape('.'.join(parts[:depth]))}$", described, re.M) for depth in (len(parts), -1))


@pytest.mark.parametrize(("page", "plugin", "options"), MEASURED)
def test_figures_are_taken_from_a_table_that_is_there(page: str, plugin: str, options: dict[str, str]) -> None:
    table = table_of(plugin, options["heading"], int(options.get("table", 1)), options.get("rows", ""))
    columns = {len(line.split("|")) for line in table.replace("\\|", "").splitlines()}
    assert len(columns) == 1, page


def test_experiments_are_of_methods_that_there_are_and_are_all_shown() -> None:
    named = {experiment.method for experiment in EXPERIMENTS.values()}
    named |= {setting.method for experiment in EXPERIMENTS.values() for setting in experiment.turned if setting.method}
    assert named <= set(METHODS)
    shown = {name for text in TEXTS.values() for name in re.findall(r"^:::\{(?:listen|turned)\} (\S+)$", text, re.M)}
    assert shown == set(EXPERIMENTS)


@pytest.mark.parametrize("page", [page for page in PAGES if page != "index"])
def test_a_page_has_references_and_pictures_say_what_is_to_be_seen(page: str) -> None:
    text = PAGES[page]
    assert re.search(r"^## References\n\n1\. ", text, re.M)
    ideas = re.findall(r"^:::\{idea\} \S+\n(.*)$", text, re.M)
    assert all(re.match(r":alt: .{40}", line) for line in ideas)


@pytest.mark.parametrize("name", sorted({experiment.recording for experiment in EXPERIMENTS.values()}))
def test_recordings_are_short_and_their_stems_fit(name: str) -> None:
    from course.recordings import RECORDINGS

    recording = RECORDINGS[name]()
    stems = list(recording.stems.values())
    assert len({(stem.channels, stem.length, stem.sample_rate) for stem in stems}) == 1
    assert recording.mixture.duration_s <= 7
    assert np.allclose(recording.mixture.samples, sum(stem.samples for stem in stems))
    assert all(0.01 < np.sqrt(np.mean(stem.samples**2)) < 0.5 for stem in stems)
    assert set(recording.f0) <= set(recording.stems)
    if recording.score is not None:
        assert set(recording.score.parts) == set(recording.stems)


class TestTables:
    """Figures come from READMEs, or the build fails."""

    @pytest.fixture(autouse=True)
    def readme(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        text = """# x

## Figures

```sh
# no heading
```

| a | b |
| --- | --- |
| one | 1 |
| two | 2 |

| c |
| --- |
| three |

### Others

| d |
| --- |
| four |
"""
        (tmp_path / "x").mkdir()
        (tmp_path / "x" / "README.md").write_text(text, encoding="utf-8")
        monkeypatch.setattr("course.readmes.PLUGINS", tmp_path)

    def test_a_table_of_a_section(self) -> None:
        assert table_of("x", "Figures") == "| a | b |\n| --- | --- |\n| one | 1 |\n| two | 2 |"
        assert table_of("x", "Figures", rows="two").splitlines()[2:] == ["| two | 2 |"]
        assert "three" in table_of("x", "Figures", 2)

    @pytest.mark.parametrize(
        ("asked", "told"),
        [
            (("Prices",), "no section"),
            (("Figures", 3), "2 tables"),
            (("Figures", 1, "five"), "no row"),
        ],
    )
    def test_what_is_not_there_is_told(self, asked: tuple[str, int, str], told: str) -> None:
        with pytest.raises(ValueError, match=told):
            table_of("x", *asked)
