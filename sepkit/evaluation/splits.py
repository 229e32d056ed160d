"""Splits: tracks divided into those to train on, to choose by and to measure on, never a group across them."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise
from operator import attrgetter

import numpy as np

from sepkit.errors import ConfigError, DatasetError
from sepkit.evaluation.dataset import Split, Track

PARTS: tuple[Split, ...] = ("train", "valid", "test")


def split(
    tracks: Iterable[Track], train: float = 0.8, valid: float = 0.1, test: float = 0.1, seed: int = 0
) -> dict[Split, tuple[Track, ...]]:
    """Divide tracks into three parts so that no group is in two of them.

    Tracks that their dataset puts into a part go there, and all of their group with them. The other groups are put into
    an order that follows from their names and the seed alone, and cut as near to the fractions as whole groups allow.
    When there are enough groups, no part with a fraction above 0 is empty.

    Parameters
    ----------
    tracks : iterable of Track
        In any order.
    train, valid, test : float
        Fractions of the tracks that their dataset puts into no part; they sum to 1.
    seed : int
        Another seed gives another division.

    Returns
    -------
    parts : dict of str to tuple of Track
        ``"train"``, ``"valid"`` and ``"test"``, each sorted by name.

    Raises
    ------
    ConfigError
        If the fractions are negative or do not sum to 1.
    DatasetError
        If the dataset itself has put a group into two parts.
    """
    fractions = (train, valid, test)
    if not (min(fractions) >= 0 and abs(sum(fractions) - 1) < 1e-9):
        raise ConfigError(
            f"the fractions of a split need to be at least 0 and sum to 1, given {train}, {valid}, {test}"
        )
    groups: dict[str, list[Track]] = defaultdict(list)
    for track in tracks:
        groups[track.group].append(track)
    placed = {group: part for group, members in groups.items() if (part := _own_part(group, members))}
    free = sorted(groups.keys() - placed.keys(), key=lambda group: _drawn(seed, group))
    cuts = _cuts([len(groups[group]) for group in free], fractions)
    for part, (start, stop) in zip(PARTS, pairwise(cuts), strict=True):
        placed |= dict.fromkeys(free[start:stop], part)
    parts: dict[Split, list[Track]] = {part: [] for part in PARTS}
    for group, members in groups.items():
        parts[placed[group]] += members
    return {part: tuple(sorted(members, key=attrgetter("name"))) for part, members in parts.items()}


def _own_part(group: str, members: Iterable[Track]) -> Split | None:
    """The part into which the dataset puts a group."""
    parts = sorted({track.split for track in members if track.split})
    if len(parts) > 1:
        raise DatasetError(
            f"the dataset puts the group '{group}' into {' and '.join(parts)}: what is measured on one would be known "
            "from the other; move its tracks together or name the group otherwise"
        )
    return parts[0] if parts else None


def _drawn(seed: int, group: str) -> bytes:
    return hashlib.sha256(f"{seed}/{group}".encode(errors="surrogatepass")).digest()


def _cuts(sizes: Sequence[int], fractions: Sequence[float]) -> list[int]:
    """Number of groups before each part, and before the end."""
    ends = np.cumsum([0, *sizes])
    wanted = [fraction > 0 for fraction in fractions]
    cuts = [0]
    for index in range(len(fractions)):
        cut = int(np.argmin(np.abs(ends - ends[-1] * sum(fractions[: index + 1]))))
        if len(sizes) >= sum(wanted):
            cut = min(max(cut, cuts[-1] + wanted[index]), len(sizes) - sum(wanted[index + 1 :]))
        cuts.append(cut)
    return cuts
