from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from sepkit import F0Track, SideInformation
from sepkit.errors import SideInformationError


class TestF0Track:
    def test_keeps_read_only_copies(self) -> None:
        times_s, f0_hz = np.array([0.0, 0.01]), np.array([440.0, np.nan])
        track = F0Track(times_s, f0_hz)
        times_s[0] = -1
        assert track.times_s[0] == 0
        with pytest.raises(ValueError, match="read-only"):
            track.f0_hz[0] = 1
        assert f0_hz.flags.writeable

    @pytest.mark.parametrize(
        ("times_s", "f0_hz", "words"),
        [
            ([0, 1], [440], "equal rows"),
            ([[0, 1]], [[440, 440]], "equal rows"),
            ([], [], "equal rows"),
            ([0, 0], [440, 440], "increase strictly"),
            ([1, 0], [440, 440], "increase strictly"),
            ([0, np.nan], [440, 440], "increase strictly"),
            ([0, np.inf], [440, 440], "increase strictly"),
            ([0, 1], [440, 0], "positive frequencies"),
            ([0, 1], [440, -440], "positive frequencies"),
            ([0, 1], [440, np.inf], "positive frequencies"),
        ],
    )
    def test_refuses(self, times_s: list[float], f0_hz: list[float], words: str) -> None:
        with pytest.raises(SideInformationError, match=words):
            F0Track(np.array(times_s), np.array(f0_hz))

    def test_survives_pickling(self) -> None:
        track = F0Track(np.array([0.0, 0.5]), np.array([np.nan, 220.0]))
        again = pickle.loads(pickle.dumps(track))
        np.testing.assert_array_equal(again.times_s, track.times_s)
        np.testing.assert_array_equal(again.f0_hz, track.f0_hz)


class TestReading:
    @pytest.mark.parametrize(
        "text",
        [
            "0,440\n0.01,0\n0.02,441\n",
            "time,f0\n0,440\n0.01,nan\n0.02,441\n",
            "\ufeff0.0, 440.0\n\n0.01, 0.0\n# a remark\n0.02, 441.0, 0.9\n",
        ],
    )
    def test_zero_or_nan_is_unvoiced(self, tmp_path: Path, text: str) -> None:
        (tmp_path / "f0.csv").write_text(text, encoding="utf-8")
        track = F0Track.read(tmp_path / "f0.csv")
        np.testing.assert_array_equal(track.times_s, [0, 0.01, 0.02])
        np.testing.assert_array_equal(track.f0_hz, [440, np.nan, 441])

    @pytest.mark.parametrize("content", [b"", b"time,f0\n", b"0\n1\n", b"0,1\n1\n", b"\xff\xfe\0"])
    def test_names_the_file_that_it_cannot_read(self, tmp_path: Path, content: bytes) -> None:
        (tmp_path / "f0.csv").write_bytes(content)
        with pytest.raises(SideInformationError, match=r"f0\.csv") as error:
            F0Track.read(tmp_path / "f0.csv")
        assert "\n" not in str(error.value)

    @pytest.mark.parametrize("name", ["missing.csv", "."])
    def test_missing(self, tmp_path: Path, name: str) -> None:
        with pytest.raises(SideInformationError, match=r"no such F0 track|it is a folder"):
            F0Track.read(tmp_path / name)


def test_side_information_says_what_it_holds() -> None:
    track = F0Track(np.array([0.0]), np.array([440.0]))
    assert SideInformation().kinds == frozenset()
    assert SideInformation(f0={"voice": track}).kinds == {"f0"}
