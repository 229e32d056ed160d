"""Which methods are suggested for what there is."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from sepkit import Audio, Registry
from sepkit.plugin import SeparatorSpec, Weights, WeightsFile
from sepkit.plugin.store import HOME, place_of
from sepkit.problem.needs import IN_PLAIN_WORDS, NEEDS
from sepkit.solving.suggesting import Suggestions, by_needs
from tests.commandline import call
from tests.distributions import install


def spec(name: str, *, needs: tuple[str, ...] = (), uses: tuple[str, ...] = (), **more: object) -> SeparatorSpec:
    return SeparatorSpec(name=name, summary=name, factory="a:B", needs=needs, uses=uses, **more)  # type: ignore[arg-type]


@pytest.fixture
def registry() -> Registry:
    registry = Registry()
    for one in (
        spec("blind"),
        spec("panned", needs=("stereo",)),
        spec("informed", needs=("score|f0",)),
        spec("helped", uses=("f0",)),
        spec("both", needs=("score", "stereo")),
        spec("perfect", traits=frozenset({"yardstick"})),
    ):
        registry.add(one)
    return registry


@pytest.mark.parametrize(
    ("given", "using", "without", "lacking"),
    [
        ((), "", "blind helped", "both informed panned"),
        (("stereo",), "panned", "blind helped", "both informed"),
        (("f0",), "helped informed", "blind", "both panned"),
        (("score", "stereo"), "both informed panned", "blind helped", ""),
    ],
)
def test_methods_are_sorted_by_what_is_given(
    registry: Registry, given: tuple[str, ...], using: str, without: str, lacking: str
) -> None:
    found = Suggestions.of(registry, frozenset(given))
    assert [" ".join(one.name for one in group) for group in (found.using, found.without, found.lacking)] == [
        using,
        without,
        lacking,
    ]


def test_weights_that_are_not_there_are_to_be_fetched_first(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(HOME, str(tmp_path))
    file = WeightsFile(url="https://example.org/net.pt", sha256="0" * 64, size=1)
    net = Weights(name="net-of-1999", licence="MIT", source="somebody", files=(file,))
    registry.add(spec("trained", needs=("weights",), weights=(net,)))
    found = Suggestions.of(registry, frozenset())
    assert found.unfetched == {"trained": net}
    assert "trained" not in {one.name for one in (*found.using, *found.without, *found.lacking)}
    place_of(net).mkdir(parents=True)
    found = Suggestions.of(registry, frozenset())
    assert not found.unfetched
    assert "trained" in {one.name for one in found.without}


@pytest.mark.parametrize("need", NEEDS)
def test_every_need_has_plain_words(need: str) -> None:
    assert list(by_needs([spec("needy", needs=(need,))])) == [IN_PLAIN_WORDS[need]]


def test_groups_begin_with_what_needs_nothing(registry: Registry) -> None:
    groups = by_needs(registry.separators.values())
    assert next(iter(groups)) == "nothing but the mixture"
    assert [one.name for one in groups["two channels"]] == ["panned"]
    assert [one.name for one in groups["a score, two channels"]] == ["both"]


class TestCommand:
    @pytest.fixture(autouse=True)
    def _good(self, monkeypatch: pytest.MonkeyPatch) -> None:
        install(monkeypatch, "good")

    @pytest.fixture
    def mixture(self, tmp_path: Path) -> Path:
        Audio(np.ones((1, 4000), np.float32), 8000).write(tmp_path / "song.wav")
        return tmp_path / "song.wav"

    def test_says_what_suits(self, mixture: Path, tmp_path: Path) -> None:
        (tmp_path / "song.mid").touch()
        advice = call("suggest", mixture, "--score", tmp_path / "song.mid")
        assert (advice.code, advice.err) == (0, "")
        flat = " ".join(advice.out.split())
        assert "song.wav: 0.5 s, 1 channel, and a score" in flat
        _, _, using = flat.partition("Methods that make use of what there is: ")
        assert "halve-by-score" in using.partition("Methods that need nothing but the mixture:")[0]
        assert f"sepkit run METHOD {mixture} -o DIR" in flat

    def test_labels_count(self, mixture: Path, tmp_path: Path) -> None:
        labels = tmp_path / "song.txt"
        labels.write_text("0.1\t0.2\tsax\n")
        said = json.loads(call("suggest", mixture, "--labels", labels, "--json").out)
        assert (said["given"], "nmf" in said["using"], "nmf" in said["without"]) == (["labels"], True, False)
        assert "1 channel, and labels" in " ".join(call("suggest", mixture, "--labels", labels).out.split())

    @pytest.mark.parametrize("content", [None, "0.2\t0.1\tsax\n"])
    def test_labels_that_cannot_be_read_are_told(self, mixture: Path, tmp_path: Path, content: str | None) -> None:
        if content is not None:
            (tmp_path / "song.txt").write_text(content)
        advice = call("suggest", mixture, "--labels", tmp_path / "song.txt")
        assert (advice.code, len(advice.complaints), advice.out) == (2, 1, "")

    def test_says_it_as_json(self, mixture: Path) -> None:
        said = json.loads(call("suggest", mixture, "--json").out)
        assert (said["given"], said["using"]) == ([], [])
        assert "nmf" in said["without"]
        assert said["lacking"]["halve-by-score"] == ["score"]

    def test_a_run_without_a_method_says_it_too(self, mixture: Path, tmp_path: Path) -> None:
        advice = call("run", mixture, "-o", tmp_path / "out")
        assert (advice.code, advice.out) == (2, "")
        assert "no METHOD is given" in advice.complaints[-1]
        assert "Methods that need nothing but the mixture" in advice.err
        assert not (tmp_path / "out").exists()

    def test_a_file_that_is_not_there_is_told(self, tmp_path: Path) -> None:
        advice = call("suggest", tmp_path / "none.wav")
        assert (advice.code, len(advice.complaints)) == (2, 1)
