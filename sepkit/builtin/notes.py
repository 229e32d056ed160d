"""The constraint `score`: a source sounds only while its notes do, and only where their partials lie."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from sepkit import large
from sepkit.builtin.zeros import Zeros
from sepkit.informed.harmonics import partial_lobes
from sepkit.informed.parts_asked import require_parts
from sepkit.music.note import Note
from sepkit.music.score import Score
from sepkit.problem.constraint import Constraint, Projection
from sepkit.problem.domain import Domain
from sepkit.problem.layout import Atom, Layout


class ScoreConstraint(Constraint):
    """Activations are zero outside of the notes that their atom stands for, spectrograms away from sounding partials.

    Sources that are no part of the score, and atoms of which nothing is known, are left alone. On spectrograms the
    support can also be applied to soft masks, which have the same axes.

    References
    ----------
    Ewert and Müller, "Using score-informed constraints for NMF-based source separation", ICASSP 2012.
    """

    domains: ClassVar[frozenset[Domain]] = frozenset({Domain.ACTIVATIONS, Domain.SPECTROGRAMS})
    needs: ClassVar[frozenset[str]] = frozenset({"score"})

    before_s: float = Field(default=0.1, ge=0, le=60, description="Seconds by which a note may sound before its onset.")
    after_s: float = Field(default=0.2, ge=0, le=60, description="Seconds by which a note may sound after its offset.")
    transient_before_s: float = Field(
        default=0.1, ge=0, le=60, description="Seconds by which a transient may begin before its note's onset."
    )
    transient_after_s: float = Field(
        default=0.1, ge=0, le=60, description="Seconds for which a transient may last after its note's onset."
    )
    cents: float = Field(
        default=50.0,
        gt=0,
        le=600,
        description="On spectrograms: how far from a partial a note may have energy, in cents; nearly two bins are "
        "always allowed.",
    )

    @property
    def name(self) -> str:
        return "score"

    def vacuous(self, layout: Layout, domain: Domain) -> str | None:
        score = layout.side_information.score
        assert score is not None
        if domain != Domain.ACTIVATIONS or any(_is_told_of(atom, score) for atom in layout.atoms or ()):
            return None
        return (
            "can say nothing of atoms whose source and pitch are not known: give examples of the parts, or take a "
            "method that makes its atoms of the score, such as score-nmf"
        )

    def bind(self, layout: Layout, domain: Domain) -> Projection:
        score = layout.side_information.score
        assert score is not None
        if domain == Domain.ACTIVATIONS:
            sources = {atom.source for atom in layout.atoms or () if atom.source is not None}
            require_parts(score, sorted(sources))
            return Zeros(self._sounding_atoms(layout, score))
        require_parts(score, sorted(layout.sources))
        return Zeros(self._sounding_partials(layout, score))

    def _sounding_atoms(self, layout: Layout, score: Score) -> NDArray[np.bool_]:
        assert layout.atoms is not None
        assert layout.frames_s is not None
        support = large.zeros(layout.shape(Domain.ACTIVATIONS), bool)
        notes_of: dict[tuple[str | None, float | None], list[Note]] = {}
        for note in score.notes:
            for key in ((note.part, note.pitch), (note.part, None), (None, note.pitch)):
                notes_of.setdefault(key, []).append(note)
        for row, atom in zip(support, layout.atoms, strict=True):
            row[:] = True
            if _is_told_of(atom, score):
                row[:] = self._sounding(notes_of.get((atom.source, atom.pitch), []), atom, layout.frames_s)
        return support

    def _sounding(self, notes: list[Note], atom: Atom, frames_s: NDArray[np.floating]) -> NDArray[np.bool_]:
        if atom.transient:
            spans = [(note.onset_s - self.transient_before_s, note.onset_s + self.transient_after_s) for note in notes]
        else:
            spans = [(note.onset_s - self.before_s, note.offset_s + self.after_s) for note in notes]
        return frames_within(spans, frames_s)

    def _sounding_partials(self, layout: Layout, score: Score) -> NDArray[np.bool_]:
        assert layout.frames_s is not None
        assert layout.bins_hz is not None
        support = np.ones(layout.shape(Domain.SPECTROGRAMS), bool)
        for source, allowed in zip(layout.sources, support, strict=True):
            if source not in score.parts:
                continue
            allowed[:] = False
            notes = score.part(source).notes
            for pitch in {note.pitch for note in notes}:
                alike = [note for note in notes if note.pitch == pitch]
                sounding = self._sounding(alike, Atom(source, pitch), layout.frames_s)
                _, height = partial_lobes(layout.bins_hz, pitch, cents=self.cents)
                allowed[height > 0] |= sounding
        return support


def _is_told_of(atom: Atom, score: Score) -> bool:
    """Whether the score says when an atom sounds."""
    return (atom.source is None or atom.source in score.parts) and (atom.source, atom.pitch) != (None, None)


def frames_within(spans: Iterable[tuple[float, float]], frames_s: NDArray[np.floating]) -> NDArray[np.bool_]:
    """True for frames within any span of seconds, its start included and its end not [shape=(frames,)]."""
    changes = np.zeros(len(frames_s) + 1, np.int64)
    for start_s, stop_s in spans:
        first, last = np.searchsorted(frames_s, (start_s, stop_s))
        changes[first] += 1
        changes[last] -= 1
    return np.asarray(np.cumsum(changes[:-1]) > 0)
