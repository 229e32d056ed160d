"""Tables of F0 and notes with anything in them: what is meant comes back, or one line says why not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sepkit import F0Track, Score
from sepkit.errors import SideInformationError
from tests.fuzz.targets import fuzzed

NAMES = [
    *["time", "time_s", "time_ms", "seconds", "f0", "f0_hz", "frequency", "pitch", "midi_pitch", "confidence"],
    *["voiced_flag", "start", "end", "duration", "velocity", "label", "part", "", "Unnamed: 0", "F0 [Hz]", "Zeit"],
]
ODD = [
    "nan",
    "inf",
    "-inf",
    "--undefined--",
    "",
    "-",
    "0x10",
    "1_0",
    "1e400",
    "1,5",
    "1.234,5",
    "#",
    '"',
    "'",
    "é",
    "\0",
]
NUMBERS = st.one_of(
    st.floats(width=32).map(repr), st.integers(-10, 1000).map(str), st.floats(0, 5000).map(lambda x: f"{x:.3f}")
)
CELLS = st.one_of(NUMBERS, NUMBERS, st.sampled_from(ODD), st.sampled_from(NAMES), st.text(max_size=5))
DELIMITERS = st.sampled_from([",", ";", "\t", " ", ", ", " ; "])
ENDS = st.sampled_from(["\n", "\r\n", "\r", "\n\n"])
ENCODINGS = st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32", "latin-1"])


@st.composite
def tables(draw: st.DrawFn) -> bytes:
    """Rows of cells below a header or none, in some encoding."""
    columns, rows = draw(st.integers(1, 6)), draw(st.integers(0, 12))
    delimiter, end, quote = draw(DELIMITERS), draw(ENDS), draw(st.sampled_from(["", '"']))
    lines = [
        draw(st.lists(st.sampled_from(NAMES), min_size=columns, max_size=columns))
        for _ in range(draw(st.integers(0, 1)))
    ]
    tidy = draw(st.booleans())
    for row in range(rows):
        cells = draw(st.lists(NUMBERS if tidy else CELLS, min_size=columns, max_size=columns))
        lines.append([str(0.01 * row), *cells[1:]] if tidy else cells)
    text = "".join(delimiter.join(f"{quote}{cell}{quote}" for cell in line) + end for line in lines)
    content = bytearray(text.encode(draw(ENCODINGS), errors="replace"))
    for _ in range(draw(st.integers(0, 2))):
        place = draw(st.integers(0, len(content)))
        content[place : place + draw(st.integers(0, 2))] = draw(st.binary(max_size=3))
    return bytes(content)


CONTENTS = st.one_of(tables(), tables(), st.binary(max_size=200), st.text(max_size=200).map(lambda text: text.encode()))


@fuzzed
@given(content=CONTENTS)
def test_tracks_come_back_or_one_line(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = written(tmp_path_factory, content)
    try:
        track = F0Track.read(path)
    except SideInformationError as error:
        one_line(error, path)
    else:
        voiced = track.f0_hz[~np.isnan(track.f0_hz)]
        assert ((voiced >= 10) & (voiced <= 20_000)).all()
        assert (np.diff(track.times_s) > 0).all()


@fuzzed
@given(content=CONTENTS)
def test_notes_come_back_or_one_line(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = written(tmp_path_factory, content)
    try:
        score = Score.read(path)
    except SideInformationError as error:
        one_line(error, path)
    else:
        assert score.notes


def written(folder: pytest.TempPathFactory, content: bytes) -> Path:
    path = folder.getbasetemp() / "fuzzed.csv"
    path.write_bytes(content)
    return path


def one_line(error: SideInformationError, path: Path) -> None:
    assert path.name in str(error)
    assert "\n" not in str(error)
    assert len(str(error)) < 700 + len(str(path))
