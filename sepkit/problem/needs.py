"""The words in which specs and statements say what they need: ``"score"``, or ``"score|f0"`` for one of several."""

from __future__ import annotations

from collections.abc import Collection, Iterable

SIDE_INFORMATION = ("score", "f0", "examples", "references", "labels")
"""Kinds of data about the mixture, named as the fields of `sepkit.SideInformation`."""
NEEDS = (*SIDE_INFORMATION, "weights", "sources", "stereo")

HOW_TO_GIVE = {
    "score": "give one with score=... or --score",
    "f0": "give F0 tracks with f0=... or --f0",
    "examples": "give recordings of the sources alone with examples=... or --example",
    "references": "give the true stems with references=... or --references",
    "labels": "give a label track with labels=... or --labels",
    "weights": "give a folder with weights=... or --weights",
    "sources": "name them with sources=... or --sources",
    "stereo": "the mixture does not have two channels; give a recording that does",
}

IN_PLAIN_WORDS = {
    "examples": "recordings of the sources alone",
    "f0": "F0 tracks",
    "labels": "labels",
    "references": "the true stems",
    "score": "a score",
    "sources": "names of the sources",
    "stereo": "two channels",
    "weights": "trained weights",
}


def alternatives(need: str) -> tuple[str, ...]:
    """What meets a need: ``("score", "f0")`` for ``"score|f0"``."""
    return tuple(need.split("|"))


def kinds(needs: Iterable[str]) -> frozenset[str]:
    """Everything that needs name."""
    return frozenset(kind for need in needs for kind in alternatives(need))


def unmet(needs: Iterable[str], given: Collection[str]) -> tuple[str, ...]:
    """The needs that nothing given meets."""
    return tuple(need for need in needs if not set(alternatives(need)) & set(given))


def in_words(need: str) -> str:
    """``"score or f0"``."""
    return " or ".join(alternatives(need))


def in_plain_words(needs: Iterable[str]) -> str:
    """``"a score or F0 tracks, trained weights"``, or that nothing is needed."""
    words = (" or ".join(IN_PLAIN_WORDS[kind] for kind in alternatives(need)) for need in needs)
    return ", ".join(words) or "nothing but the mixture"


def remedy(need: str) -> str:
    """How to meet a need, by any of what meets it."""
    return ", or ".join(HOW_TO_GIVE[kind] for kind in alternatives(need))
