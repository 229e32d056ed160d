"""Rules that name the parts of a score."""

from __future__ import annotations

from pathlib import Path

import pytest

from sepkit import Note, Score
from sepkit.errors import SideInformationError
from sepkit.music.parts import read_with_parts

TRIO = Score(
    (
        Note(0, 1, 40, part="bass"),
        Note(1, 2, 60, part="drums+bells"),
        Note(2, 3, 72, part="flute"),
    )
)


@pytest.fixture
def trio(tmp_path: Path) -> Path:
    TRIO.write(tmp_path / "trio.mid")
    return tmp_path / "trio.mid"


@pytest.mark.parametrize(
    ("rule", "parts"),
    [
        ("track", ["bass", "drums+bells", "flute"]),
        ("instrument", ["Acoustic Grand Piano"] * 3),
        ("split=60", ["left", "right", "right"]),
        ("split=60.5", ["left", "left", "right"]),
        ("left=1,right=2+3", ["left", "right", "right"]),
        (" left = bass + flute , right = 2 ", ["left", "right", "left"]),
        ("melody=flute", ["bass", "drums+bells", "melody"]),
        ("noise=drums+bells", ["bass", "noise", "flute"]),
        ("split=1,rest=2", ["split", "rest", "flute"]),
    ],
)
def test_rules(trio: Path, rule: str, parts: list[str]) -> None:
    score = read_with_parts(trio, rule)
    assert [note.part for note in score.notes] == parts


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("", "like left=1,right=2+3, given ''"),
        ("tracks", "given 'tracks'"),
        ("left=", "given 'left='"),
        ("=1", "given '=1'"),
        ("left=1,,right=2", "given 'left=1,,right=2'"),
        ("left=1,left=2", "part 'left' is given twice"),
        ("left=1+", "no part ''"),
        ("left=oboe", "no part 'oboe'; its parts are 1 'bass'"),
        ("left=1,right=1+2", "into both 'left' and 'right'"),
        ("split=middle", "a MIDI pitch such as 60, given 'middle'"),
        ("split=nan", "given nan"),
        ("split=200", "given 200"),
        ("staff", "has no staves"),
    ],
)
def test_refuses(trio: Path, rule: str, words: str) -> None:
    with pytest.raises(SideInformationError) as error:
        read_with_parts(trio, rule)
    assert words in str(error.value)
    assert "\n" not in str(error.value)


def test_a_rule_that_is_wrong_is_found_before_the_file_is_read(tmp_path: Path) -> None:
    with pytest.raises(SideInformationError, match="given 'tracks'"):
        read_with_parts(tmp_path / "missing.mid", "tracks")
