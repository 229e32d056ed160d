"""What specs may say of weights, and where these lie."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import sepkit_fakes as fakes

from sepkit import Registry
from sepkit.errors import PluginError, WeightsError
from sepkit.plugin import PriorSpec, Weights
from sepkit.plugin.store import home, place_of
from sepkit.problem.domain import Domain
from sepkit.problem.prior import Prior
from sepkit.solving.declare import declared_priors
from sepkit.solving.weights_used import weights_used

GOOD: dict[str, Any] = {
    "name": "voices",
    "licence": "CC-BY-4.0",
    "source": "A. Author",
    "url": "https://example.org/files/voices%20.zip",
    "sha256": "a" * 64,
    "size": 7,
    "file": "voices.zip",
}
SHIPPED = {"url": "", "sha256": "", "size": 0, "file": "", "folder": "sepkit_fakes:bundled_levels"}


class TestWeights:
    @pytest.mark.parametrize(
        ("changes", "complaint"),
        [
            ({"name": "Voices"}, "kebab-case"),
            ({"licence": " "}, "the licence needs to be one line"),
            ({"source": "a\nb"}, "the source needs to be one line"),
            ({"licence": None}, "the licence needs to be one line"),
            ({"url": ""}, "either the folder that ships with the plugin or a url"),
            ({"folder": "a:b"}, "either the folder that ships with the plugin or a url"),
            ({"url": "ftp://example.org/a.zip"}, "url needs to begin with https://"),
            ({"url": "https:///a.zip"}, "url needs to begin with https://"),
            ({"sha256": "a" * 63}, "64 digits"),
            ({"sha256": "A" * 64}, "64 digits"),
            ({"size": 0}, "number of bytes"),
            ({"size": 1.5}, "number of bytes"),
            ({"size": True}, "number of bytes"),
            ({"file": ""}, "name of a file"),
            ({"file": "../a.zip"}, "name of a file"),
            ({"file": ".."}, "name of a file"),
            ({"url": "https://example.org/", "file": ""}, "name of a file"),
            ({**SHIPPED, "folder": "nonsense"}, "package.module:function"),
            ({**SHIPPED, "size": 7, "sha256": "a" * 64}, "sha256, size is for weights with a url"),
        ],
    )
    def test_that_are_not_complete_are_refused(self, changes: dict[str, Any], complaint: str) -> None:
        with pytest.raises(PluginError, match=complaint):
            Weights(**{**GOOD, **changes})

    @pytest.mark.parametrize(
        ("url", "file"),
        [
            ("https://example.org/a/voices.zip", "voices.zip"),
            ("https://example.org/a/voices.tar.gz?download=1", "voices.tar.gz"),
            ("https://example.org/voices%2B1.zip#x", "voices+1.zip"),
        ],
    )
    def test_name_their_file_like_the_url(self, url: str, file: str) -> None:
        assert Weights(**{**GOOD, "url": url, "file": ""}).file == file

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
            fakes.spec("odd", "Taught", weights=(Weights(**GOOD), Weights(**{**GOOD, "size": 8})))


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
