"""What callers give: read where it is a path, else one error that names the remedy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sepkit import Audio, Registry, separate
from sepkit.errors import (
    LONGEST_MESSAGE,
    AudioError,
    ConfigError,
    SepkitError,
    SideInformationError,
    UserError,
    one_line,
)

NoiseOf = Callable[..., Audio]
SAMPLES = np.zeros(800, np.float32)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (SAMPLES, r"write Audio\.mono\(samples, sample_rate\)"),
        ((SAMPLES, 8000), r"write Audio\.mono\(samples, sample_rate\)"),
        (SAMPLES[np.newaxis], r"write Audio\(samples, sample_rate\)"),
        (None, "mixture needs to be Audio or a path, given None"),
        (8000, "given 8000"),
    ],
)
def test_a_mixture_that_is_none(registry: Registry, given: Any, words: str) -> None:
    with pytest.raises(AudioError, match=words):
        separate(given, "shares", registry=registry)


@pytest.mark.parametrize("given", ["a", 2, ["a", "a"], ["a", ""], [1]])
def test_sources_that_are_no_names(registry: Registry, noise: NoiseOf, given: Any) -> None:
    with pytest.raises(ConfigError, match="sources needs"):
        separate(noise(), "shares", sources=given, registry=registry)


@pytest.mark.parametrize(
    ("more", "kind", "words"),
    [
        ({"f0": [220.0]}, SideInformationError, "f0 needs to map names of sources"),
        ({"f0": {"a": [220.0]}}, SideInformationError, "F0 of 'a' needs to be F0Track or a path"),
        ({"score": [(0, 1, 60)]}, SideInformationError, "score needs to be Score or a path"),
        ({"references": {"a": SAMPLES}}, AudioError, "reference 'a' needs to be Audio or a path"),
        ({"references": ["a.wav"]}, AudioError, "references needs to map names"),
    ],
)
def test_side_information_that_is_none(
    registry: Registry, noise: NoiseOf, more: dict[str, Any], kind: type[UserError], words: str
) -> None:
    with pytest.raises(kind, match=words):
        separate(noise(), "shares", registry=registry, **more)


def test_a_path_of_a_track_is_read(registry: Registry, noise: NoiseOf, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("time,f0\n0,220\n0.5,230\n")
    tracks = {"a": tmp_path / "a.csv", "b": str(tmp_path / "a.csv")}
    separation = separate(noise(), "harmonic-comb", sources=["a", "b"], f0=tracks, registry=registry)
    assert separation.sources == ("a", "b")


class TestMessages:
    @pytest.mark.parametrize("text", ["a\nb", "a\r\n  b", "a\u2028b"])
    def test_have_one_line(self, text: str) -> None:
        assert str(SepkitError(text)) == "a b"

    def test_keep_their_beginning_and_end(self) -> None:
        message = str(SepkitError(f"given {'x' * 1000} do that"))
        assert len(message) == LONGEST_MESSAGE
        assert message.startswith("given xx")
        assert message.endswith("xx do that")

    def test_have_no_control_characters(self) -> None:
        assert one_line("a\x1b[31mb\x07") == "a\\x1b[31mb\\x07"
