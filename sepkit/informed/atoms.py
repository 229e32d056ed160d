"""The atoms that a score asks for: what every factorisation informed by one starts from."""

from __future__ import annotations

from collections.abc import Sequence

from sepkit.errors import SideInformationError
from sepkit.music.score import Score
from sepkit.problem.layout import Atom

MOST_ATOMS = 5000
"""Forty parts of a hundred pitches each are fewer; the templates of many more would fill gigabytes, and take hours."""


def score_atoms(score: Score, sources: Sequence[str], *, transients: bool = False, rest_rank: int) -> tuple[Atom, ...]:
    """An atom for every pitch of every source; free atoms for sources without notes.

    Parameters
    ----------
    score : Score
    sources : sequence of str
        Parts of the score, and sources that are none.
    transients : bool
        Whether every pitch has another atom before it, for the onsets of its notes.
    rest_rank : int
        Number of free atoms for a source without notes.

    Returns
    -------
    atoms : tuple of Atom
        In the order of the sources, pitches rising.

    Raises
    ------
    SideInformationError
        If they are more than can be held.
    """
    atoms: list[Atom] = []
    for source in sources:
        pitches = sorted({note.pitch for note in score.part(source).notes})
        for pitch in pitches:
            atoms += [Atom(source, pitch, transient=True)] if transients else []
            atoms.append(Atom(source, pitch))
        if not pitches:
            atoms += [Atom(source)] * rest_rank
    if len(atoms) > MOST_ATOMS:
        raise SideInformationError(
            f"the parts of the score have {len(atoms)} pitches between them, and {MOST_ATOMS} are the most; take parts "
            "together with --parts"
        )
    return tuple(atoms)
