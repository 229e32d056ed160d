"""Scores with the parts that a rule names."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace

from sepkit.errors import SideInformationError
from sepkit.music.score import Score

_KINDS = ("track", "instrument", "staff", "drums")


def read_with_parts(path: str | os.PathLike[str], rule: str, *, pedal: bool = True) -> Score:
    """Read a score and divide it as a rule says.

    Parameters
    ----------
    path : path
    rule : str
        ``track``, ``instrument``, ``staff`` or ``drums`` as for `Score.read`; ``split=60``: ``left`` below MIDI pitch
        60 and ``right`` from there on; ``left=1,right=2+flute``: new parts made of old ones, by number or name. The
        last also after the first: ``drums,cymbals=crash+ride``.
    pedal : bool
        As for `Score.read`.

    Returns
    -------
    score : Score

    Raises
    ------
    SideInformationError
        If the rule is none of these, names parts that are not there, or the score cannot be read.
    """
    rule = rule.strip()
    kind, comma, pairs = (text.strip() for text in rule.partition(","))
    if kind not in _KINDS:
        kind, pairs = "track", rule
    elif not comma:
        return Score.read(path, parts=kind, pedal=pedal)  # type: ignore[arg-type]
    rules = dict(_pairs(pairs, rule))
    score = Score.read(path, parts=kind, pedal=pedal)  # type: ignore[arg-type]
    if list(rules) == ["split"]:
        divided = score.split_by_pitch(_pitch(rules["split"]))
    else:
        groups = {new: [old] if old in score.parts else old.split("+") for new, old in rules.items()}
        divided = score.regroup({new: [name.strip() for name in old] for new, old in groups.items()})
    return replace(divided, origin=score.origin and replace(score.origin, parts=rule))


def _pairs(pairs: str, rule: str) -> Iterator[tuple[str, str]]:
    seen = set()
    for pair in pairs.split(","):
        new, _, old = (text.strip() for text in pair.partition("="))
        if not (new and old):
            raise SideInformationError(
                f"parts are {', '.join(_KINDS)}, split=60 or like left=1,right=2+3, given '{rule}'"
            )
        if new in seen:
            raise SideInformationError(f"part '{new}' is given twice in '{rule}'; join what it is made of with +")
        seen.add(new)
        yield new, old


def _pitch(text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise SideInformationError(f"split= needs a MIDI pitch such as 60, given '{text}'") from error
