"""Tables of F0 as other programs write them, and what is refused rather than misread."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sepkit import F0Track
from sepkit.errors import SideInformationError

TRACK = [220.0, np.nan, 221.5]


def read(folder: Path, text: str, encoding: str = "utf-8") -> F0Track:
    path = folder / "voice.csv"
    path.write_bytes(text.encode(encoding))
    return F0Track.read(path)


@pytest.mark.parametrize(
    "text",
    [
        "time,frequency,confidence\n0,220,0.9\n0.01,0,0.1\n0.02,221.5,0.8\n",
        ",time,frequency,confidence\n0,0,220,0.9\n1,0.01,0,0.1\n2,0.02,221.5,0.8\n",
        "time_ms,f0\n0,220\n10,0\n20,221.5\n",
        "frequency,time\n220,0\n0,0.01\n221.5,0.02\n",
        "time,f0,voiced_flag\n0,220,True\n0.01,230,False\n0.02,221.5,True\n",
        "time,f0\n0,220\n0.01,-219\n0.02,221.5\n",
        "time,f0\n0,220\n0.01,\n0.02,221.5\n",
        "Time_s F0_Hz\n0 220\n0.01 --undefined--\n0.02 221.5\n",
        "0\t220\n0.01\t0\n0.02\t221.5\n",
        "0;220\n0.01;0\n0.02;221.5\n",
        "Zeit;F0 [Hz]\n0;220\n0,01;0\n0,02;221,5\n",
        '"time","f0"\r\n"0","220"\r\n"0.01","0"\r\n"0.02","221.5"\r\n',
        "# time_s f0_hz\n0 220\n0.01 0\n0.02 221.5\n",
        "0,220,a label\n0.01,0,\n0.02,221.5,\n",
    ],
    ids=range(14),
)
def test_what_programs_write_is_understood(tmp_path: Path, text: str) -> None:
    track = read(tmp_path, text)
    np.testing.assert_allclose(track.times_s, [0, 0.01, 0.02])
    np.testing.assert_allclose(track.f0_hz, TRACK)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32", "latin-1"])
def test_encodings(tmp_path: Path, encoding: str) -> None:
    np.testing.assert_allclose(read(tmp_path, "Zeit,Fréquence\n0,220\n0.01,0\n0.02,221.5\n", encoding).f0_hz, TRACK)


def test_midi_pitch_that_says_so_is_converted(tmp_path: Path) -> None:
    np.testing.assert_allclose(read(tmp_path, "time,midi_pitch\n0,69\n1,57\n2,0\n").f0_hz, [440, 220, np.nan])


def test_a_track_may_be_unvoiced_throughout(tmp_path: Path) -> None:
    assert np.isnan(read(tmp_path, "time,f0\n0,0\n0.01,0\n").f0_hz).all()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("time,pitch\n0,57.1\n0.01,58\n", "may be MIDI pitch or Hz"),
        ("seconds,loudness\n0,220\n1,221\n", "no column that is known for frequency"),
        ("time,f0,frequency\n0,220,220\n", "more than one column of frequency"),
        ("time,midi\n0,440\n", "above 127"),
        ("time,f0\n" + "".join(f"{10 * n},220\n" for n in range(12)), "as milliseconds do"),
        ("0,0,220\n1,0.01,221\n2,0.02,222\n3,0.03,223\n", "count its rows"),
        ("time,f0\n0,2\n", "from 10 to 20000 Hz"),
        ("time,f0\n0,twenty\n", "is no number"),
        ("time,f0\n", "nothing below its header"),
        ("", "empty"),
    ],
)
def test_what_may_mean_two_things_is_refused_in_one_line(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(SideInformationError, match=words) as error:
        read(tmp_path, text)
    assert "voice.csv" in str(error.value)
    assert "\n" not in str(error.value)
