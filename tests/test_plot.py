from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from sepkit import Audio
from sepkit.errors import WriteError
from sepkit.plot import write_spectrograms

NoiseOf = Callable[..., Audio]


def test_writes_a_picture(tmp_path: Path, noise: NoiseOf) -> None:
    silence = Audio(np.zeros((1, 4000)), 8000)
    write_spectrograms(tmp_path / "a.png", {"mixture": noise(2, 20_000, 44100), "short": noise(1, 1), "none": silence})
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG\r\n")
    assert list(tmp_path.iterdir()) == [tmp_path / "a.png"]


def test_of_silence_alone(tmp_path: Path) -> None:
    write_spectrograms(tmp_path / "a.png", {"none": Audio(np.zeros((1, 4000)), 8000)})
    assert (tmp_path / "a.png").stat().st_size > 0


def test_names_are_text_and_no_formulas(tmp_path: Path, noise: NoiseOf) -> None:
    write_spectrograms(tmp_path / "a.png", {"$broken": noise(), "$\\frac$": noise()})
    assert (tmp_path / "a.png").stat().st_size > 0


def test_folder_that_is_missing(tmp_path: Path, noise: NoiseOf) -> None:
    with pytest.raises(WriteError, match="no folder"):
        write_spectrograms(tmp_path / "nowhere" / "a.png", {"a": noise()})


def test_touches_nothing_global(tmp_path: Path) -> None:
    code = f"""
import sys
from pathlib import Path
import numpy as np
import matplotlib
from sepkit import Audio
from sepkit.plot import write_spectrograms
before = matplotlib.rcParams.copy()
write_spectrograms(Path({str(tmp_path)!r}, "a.png"), {{"a": Audio(np.ones((1, 4000)), 8000)}})
after = matplotlib.rcParams.copy()
assert "matplotlib.pyplot" not in sys.modules
assert after == before
"""
    subprocess.run([sys.executable, "-c", code], check=True)
