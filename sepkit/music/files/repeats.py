"""The order in which the bars of a score are played: repeats, endings, da capo, dal segno, coda and fine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf


@dataclass(frozen=True)
class Bar:
    """What the signs at a bar say.

    Attributes
    ----------
    begins : bool
        A repeat begins before it.
    times : int
        How often what is repeated is played, if a repeat ends after it; 1 if none does.
    endings : frozenset of int
        The rounds in which it is played, if it stands under a bracket.
    bracket : int
        Which bracket, counted from 1; 0 if none.
    signs : frozenset of str
        ``segno`` and ``coda`` before it; ``dacapo``, ``dalsegno``, ``tocoda`` and ``fine`` after it.
    """

    begins: bool = False
    times: int = 1
    endings: frozenset[int] = frozenset()
    bracket: int = 0
    signs: frozenset[str] = frozenset()


def playing_order(bars: Sequence[Bar]) -> list[int]:
    """The bars as they are played, by their places from 0.

    Everything is repeated as often as its signs say, then the first da capo or dal segno is followed. After it nothing
    is repeated, of endings the last is played, and the piece ends at the fine or goes on at the coda.
    """
    order: list[int] = []
    at = start = 0
    round_ = 1
    leapt = returning = False
    while at < len(bars):
        here = bars[at]
        if here.begins and at != start:
            start, round_ = at, 1
        if not here.endings or (_is_last_ending(bars, at) if returning else round_ in here.endings):
            order.append(at)
            if returning and "fine" in here.signs:
                break
            if returning and "tocoda" in here.signs and (coda := _find(bars, "coda")) is not None:
                at = start = coda
                round_, returning = 1, False
                continue
            if not returning and round_ < _rounds(bars, at):
                at, round_ = start, round_ + 1
                continue
            if not leapt and here.signs & {"dacapo", "dalsegno"}:
                leapt = returning = True
                at = (_find(bars, "segno") or 0) if "dalsegno" in here.signs else 0
                continue
        at += 1
        if (here.times > 1 or here.bracket) and not (at < len(bars) and bars[at].bracket):
            start, round_ = at, 1
    return order


def _find(bars: Sequence[Bar], sign: str) -> int | None:
    return next((at for at, bar in enumerate(bars) if sign in bar.signs), None)


def _is_last_ending(bars: Sequence[Bar], at: int) -> bool:
    following = next((bar for bar in bars[at:] if bar.bracket != bars[at].bracket), Bar())
    return not following.bracket


def _rounds(bars: Sequence[Bar], at: int) -> float:
    """How often the section that ends with this bar is played in all."""
    here = bars[at]
    if here.times == 1 or not here.bracket:
        return here.times
    if not _is_last_ending(bars, at):
        return inf
    first = next(place for place, bar in enumerate(bars) if bar.bracket == here.bracket)
    # A bracket that is alone is left out in the round after its own.
    alone = first == 0 or not bars[first - 1].bracket
    return max(here.endings) + alone
