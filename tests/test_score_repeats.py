"""The order in which bars are played."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sepkit.music.files.repeats import Bar, playing_order


def bars(text: str) -> list[Bar]:
    """Bars written as words: ``|:`` and ``:|`` (``:|3`` for three times), ``[1,2`` for a bracket, signs by name."""
    written: list[Bar] = []
    bracket = 0
    for word in text.split(" / "):
        items = word.split()
        endings = next((frozenset(map(int, item[1:].split(","))) for item in items if item[0] == "["), frozenset())
        bracket += bool(endings) and (not written or written[-1].endings != endings)
        written.append(
            Bar(
                begins="|:" in items,
                times=next((int(item[2:] or 2) for item in items if item.startswith(":|")), 1),
                endings=endings,
                bracket=bracket if endings else 0,
                signs=frozenset(item for item in items if item.isalpha()),
            )
        )
    return written


@pytest.mark.parametrize(
    ("text", "played"),
    [
        ("- / - / -", [0, 1, 2]),
        ("- / :|", [0, 1, 0, 1]),
        ("- / |: / :| / -", [0, 1, 2, 1, 2, 3]),
        (":| / :|", [0, 0, 1, 1]),
        ("|: :|3 / -", [0, 0, 0, 1]),
        ("|: / - / -", [0, 1, 2]),
        ("- / [1 :| / [2", [0, 1, 0, 2]),
        ("- / [1 / [1 :| / [2 / [2 / -", [0, 1, 2, 0, 3, 4, 5]),
        ("- / [1,2 :| / [3 / -", [0, 1, 0, 1, 0, 2, 3]),
        ("- / [1 :| / [2 :| / [3", [0, 1, 0, 2, 0, 3]),
        ("- / [1 :| / [2 :|", [0, 1, 0, 2]),
        ("- / [1 :| / -", [0, 1, 0, 2]),
        ("- / [1 :| / [2 / - / [1 :| / [2", [0, 1, 0, 2, 3, 4, 3, 5]),
        ("- / fine / dacapo", [0, 1, 2, 0, 1]),
        (":| / fine / dacapo", [0, 0, 1, 2, 0, 1]),
        ("- / :| dacapo", [0, 1, 0, 1, 0, 1]),
        ("- / [1 :| / [2 fine / dacapo", [0, 1, 0, 2, 3, 0, 2]),
        ("- / segno / fine / dalsegno", [0, 1, 2, 3, 1, 2]),
        ("- / segno tocoda / - / dalsegno / coda", [0, 1, 2, 3, 1, 4]),
        ("tocoda / dacapo / coda :| / -", [0, 1, 0, 2, 2, 3]),
        ("fine / tocoda / coda", [0, 1, 2]),
        ("- / dalsegno", [0, 1, 0, 1]),
        ("tocoda / dacapo", [0, 1, 0, 1]),
        ("", [0]),
    ],
)
def test_signs(text: str, played: list[int]) -> None:
    assert playing_order(bars(text or "-")) == played


SIGNS = st.sets(st.sampled_from(["segno", "coda", "dacapo", "dalsegno", "tocoda", "fine"]))


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 3), st.frozensets(st.integers(1, 3)), SIGNS), max_size=8))
def test_any_signs_come_to_an_end(drawn: list[tuple[bool, int, frozenset[int], set[str]]]) -> None:
    written = [
        Bar(begins, times, endings, number if endings else 0, frozenset(signs))
        for number, (begins, times, endings, signs) in enumerate(drawn, 1)
    ]
    order = playing_order(written)
    assert set(order) <= set(range(len(written)))
    assert (order == []) <= (not written or any(bar.endings for bar in written))
