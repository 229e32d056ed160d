"""What specs may say of weights, and where these lie."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import sepkit_fakes as fakes

from sepkit import Registry
from sepkit.errors import PluginError, WeightsError
from sepkit.plugin import PriorSpec, Weights, WeightsFile
from sepkit.plugin.store import home, place_of
from sepkit.problem.domain import Domain
from sepkit.problem.prior import Prior
from sepkit.solving.declare import declared_priors
from sepkit.solving.weights_used import weights_used

FILE: dict[str, Any] = {
    "url": "https://example.org/files/voices%20.zip",
    "sha256": "a" * 64,
    "size": 7,
    "name": "voices.zip",
}
GOOD: dict[str, Any] = {
    "name": "voices",
    "licence": "CC-BY-4.0",
    "source": "A. Author",
    "files": (WeightsFile(**FILE),),
}
SHIPPED = {"files": (), "folder": "sepkit_fakes:bundled_levels"}


class TestFiles:
    @pytest.mark.parametrize(
        ("changes", "complaint"),
        [
            ({"url": ""}, "url of weights needs to begin with https://"),
            ({"url": "ftp://example.org/a.zip"}, "url of weights needs to begin with https://"),
            ({"url": "https:///a.zip"}, "url of weights needs to begin with https://"),
            ({"sha256": "a" * 65}, "64 digits"),
            ({"sha256": "a" * 7}, "64 digits"),
            ({"sha256": "A" * 64}, "64 digits"),
            ({"size": 0}, "number of bytes"),
            ({"size": 1.5}, "number of bytes"),
            ({"size": True}, "number of bytes"),
            ({"name": ""}, "that of a file"),
            ({"name": "../a.zip"}, "that of a file"),
            ({"name": ".."}, "that of a file"),
            ({"url": "https://example.org/", "name": ""}, "that of a file"),
        ],
    )
    def test_that_are_not_complete_are_refused(self, changes: dict[str, Any], complaint: str) -> None:
        with pytest.raises(PluginError, match=complaint):
            WeightsFile(**{**FILE, **changes})

    @pytest.mark.parametrize(
        ("url", "name"),
        [
            ("https://example.org/a/voices.zip", "voices.zip"),
            ("https://example.org/a/voices.tar.gz?download=1", "voices.tar.gz"),
            ("https://example.org/voices%2B1.zip#x", "voices+1.zip"),
        ],
    )
    def test_are_named_like_the_url(self, url: str, name: str) -> None:
        assert WeightsFile(**{**FILE, "url": url, "name": ""}).name == name


class TestWeights:
    @pytest.mark.parametrize(
        ("changes", "complaint"),
        [
            ({"name": "Voices"}, "kebab-case"),
            ({"licence": " "}, "the licence needs to be one line"),
            ({"source": "a\nb"}, "the source needs to be one line"),
            ({"licence": None}, "the licence needs to be one line"),
            ({"files": ()}, "either the folder that ships with the plugin or files"),
            ({"folder": "a:b"}, "either the folder that ships with the plugin or files"),
            ({"files": [WeightsFile(**FILE)]}, r"tuple of sepkit\.plugin\.WeightsFile"),
            ({"files": ("https://example.org/a.zip",)}, r"tuple of sepkit\.plugin\.WeightsFile"),
            ({"files": (WeightsFile(**FILE), WeightsFile(**{**FILE, "name": "Voices.zip"}))}, "distinct names"),
            ({**SHIPPED, "folder": "nonsense"}, "package.module:function"),
        ],
    )
    def test_that_are_not_complete_are_refused(self, changes: dict[str, Any], complaint: str) -> None:
        with pytest.raises(PluginError, match=complaint):
            Weights(**{**GOOD, **changes})

    def test_of_other_files_have_another_digest(self) -> None:
        other = WeightsFile(**{**FILE, "sha256": "b" * 64})
        assert Weights(**GOOD).digest != Weights(**{**GOOD, "files": (other,)}).digest
        assert Weights(**{**GOOD, "files": (*GOOD["files"], WeightsFile(**{**FILE, "name": "b.zip"}))}).size == 14

    def test_whose_function_fails_are_a_fault_of_the_plugin(self) -> None:
        weights = Weights(**{**GOOD, **SHIPPED, "folder": "sepkit_fakes:spec"})
        with pytest.raises(PluginError, match="weights 'voices': sepkit_fakes:spec fails with TypeError"):
            weights.shipped_folder()

    @pytest.mark.parametrize("weights", ["sepkit_fakes:bundled_levels", ("x",), [Weights(**GOOD)]])
    def test_of_a_spec_are_a_tuple(self, weights: Any) -> None:
        with pytest.raises(PluginError, match=r"tuple of sepkit\.plugin\.Weights"):
            fakes.spec("odd", "Taught", weights=weights)

    def test_of_a_spec_have_distinct_names(self) -> None:
        with pytest.raises(PluginError, match="distinct names, given voices, voices"):
            fakes.spec("odd", "Taught", weights=(Weights(**GOOD), Weights(**{**GOOD, "licence": "MIT"})))


class TestHome:
    def test_is_where_the_environment_says(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setenv("USERPROFILE", str(tmp_path))
        monkeypatch.setenv("SEPKIT_HOME", "~/here")
        assert home() == tmp_path / "here"

    def test_is_else_the_platforms_cache(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setenv("SEPKIT_HOME", "")
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
        assert home().name == "sepkit"
        assert not home().exists()


class Levelled(Prior):
    """Has weights."""

    domains = frozenset({Domain.WAVEFORMS})
    weights: Path | None = None

    def bind(self, layout: Any, domain: Domain) -> Any:
        raise NotImplementedError


class TestPriors:
    @pytest.fixture
    def registry(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Registry:
        monkeypatch.setenv("SEPKIT_HOME", str(tmp_path))
        registry = Registry()
        registry.add(
            PriorSpec(
                name="levelled",
                summary="a fake",
                factory=f"{__name__}:Levelled",
                domains=(Domain.WAVEFORMS,),
                weights=(fakes.bundled("levels"), Weights(**GOOD)),
            )
        )
        return registry

    def weights_of(self, text: str, registry: Registry) -> Path | None:
        [prior] = declared_priors([text], registry)
        assert isinstance(prior, Levelled)
        return prior.weights

    def test_take_published_weights_by_name(self, registry: Registry, tmp_path: Path) -> None:
        assert self.weights_of("levelled", registry) is None
        assert self.weights_of("levelled:weights=levels", registry) == fakes.bundled_levels()
        assert self.weights_of(f"levelled:weights={tmp_path}", registry) == tmp_path
        with pytest.raises(WeightsError, match=r"prior 'levelled' wants weights 'voices'.* sepkit fetch voices"):
            self.weights_of("levelled:weights=voices", registry)
        place_of(Weights(**GOOD)).mkdir(parents=True)
        assert self.weights_of("levelled:weights=voices", registry) == place_of(Weights(**GOOD))

    def test_weights_of_theirs_are_in_the_record(self, registry: Registry, tmp_path: Path) -> None:
        (tmp_path / "own").mkdir()
        priors = (Levelled(), Levelled(weights=tmp_path / "own"))
        shipped, own = weights_used(fakes.spec("any", "Taught"), None, priors, registry)
        assert (shipped["for"], shipped["name"], shipped["licence"]) == ("prior 'levelled'", "levels", "MIT")
        assert (own["for"], own["name"], own["licence"]) == ("prior 'levelled'", None, None)
        assert shipped["digest"] != own["digest"]
