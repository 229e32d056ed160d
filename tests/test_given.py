"""What callers give to `separate`: taken where it can be meant in one way only, refused with the remedy where not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sepkit import Audio, Registry, separate
from sepkit.errors import AudioError, ConfigError, SideInformationError, UserError
from tests.commandline import hum, record

MIXTURE = Audio.mono(hum()[:, 0], 8000)
ARRAY = np.zeros(100, np.float32)


@pytest.fixture(autouse=True)
def _here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ({"mixture": ARRAY}, AudioError, r"ndarray of shape \(100,\); write Audio.mono\(samples, sample_rate\)"),
        ({"mixture": np.zeros((2, 9))}, AudioError, r"ndarray of shape \(2, 9\); write Audio\(samples, sample_rate\)"),
        ({"mixture": (ARRAY, 44100)}, AudioError, r"tuple of ndarray of shape \(100,\), 44100; write Audio.mono"),
        ({"mixture": (np.zeros((9, 2)), 44100)}, AudioError, r"samples of shape \(channels, samples\)"),
        ({"mixture": None}, AudioError, "mixture needs to be Audio or a path, given None"),
        ({"mixture": 7}, AudioError, "given 7"),
        ({"mixture": b"song.wav"}, AudioError, "given b'song.wav'"),
        ({"sources": 2}, ConfigError, r"list of names, given 2; write \['source 1', 'source 2'\] for two"),
        ({"sources": "voice"}, ConfigError, r"write \['voice'\]"),
        ({"sources": [1, 2]}, ConfigError, "distinct names"),
        ({"sources": [["a"], ["b"]]}, ConfigError, "distinct names"),
        ({"f0": "v.csv"}, SideInformationError, "f0 needs to map names of sources to F0Track or path"),
        ({"f0": {"v": ARRAY}}, SideInformationError, r"F0 of 'v' .* write F0Track\(times_s, f0_hz\)"),
        ({"f0": {"v": "none.csv"}}, SideInformationError, "no such F0 track: none.csv"),
        ({"f0": {1: "v.csv"}}, SideInformationError, "names of sources"),
        ({"score": [(0, 1, 60)]}, SideInformationError, r"score needs to be Score or a path.*write Score\(notes\)"),
        ({"score": "none.mid"}, SideInformationError, "no such score: none.mid"),
        ({"references": [MIXTURE]}, AudioError, "references needs to map names of sources"),
        ({"references": {"a": ARRAY}}, AudioError, "reference 'a' needs to be Audio or a path"),
        ({"priors": "sparsity"}, ConfigError, "priors needs a list"),
    ],
)
def test_what_cannot_be_used_is_named_with_its_remedy(
    given: dict[str, Any], error: type[UserError], words: str
) -> None:
    with pytest.raises(error, match=words) as raised:
        separate(**{"mixture": MIXTURE, "method": "mixture", "registry": Registry(), **given})
    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < 300


def test_f0_may_be_a_path() -> None:
    Path("v.csv").write_text("time,f0\n0,330\n0.2,330\n")
    separations = [
        separate(MIXTURE, "harmonic-comb", sources=["v"], f0={"v": path}, registry=Registry())
        for path in ("v.csv", Path("v.csv"))
    ]
    assert all(np.abs(separation["v"].samples).max() > 0.01 for separation in separations)


def test_references_may_be_paths() -> None:
    record(Path("a.wav"))
    separation = separate(MIXTURE, "ideal-ratio-mask", references={"a": "a.wav"}, registry=Registry())
    assert separation.sources == ("a",)
