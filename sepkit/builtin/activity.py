"""The constraint `activity`: a source is silent outside the spans in which somebody heard it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from sepkit.builtin.notes import frames_within
from sepkit.builtin.zeros import Zeros
from sepkit.errors import SideInformationError
from sepkit.music.labels import Label
from sepkit.problem.constraint import Constraint, Projection
from sepkit.problem.domain import Domain
from sepkit.problem.layout import Layout


class Activity(Constraint):
    """A source is silent outside its labelled spans, and within those that say that it does not sound.

    Sources without spans are left alone; boxes that say where in the spectrum a source sounds count as spans of a
    source that has others. Among activations it zeroes those of the source's atoms: structured dropout, where the
    method is an autoencoder.

    References
    ----------
    Ewert and Sandler, "Structured dropout for weak label and multi-instance learning and its application to
    score-informed source separation", ICASSP 2017.
    """

    domains: ClassVar[frozenset[Domain]] = frozenset({Domain.ACTIVATIONS, Domain.SPECTROGRAMS, Domain.WAVEFORMS})
    needs: ClassVar[frozenset[str]] = frozenset({"labels"})

    before_s: float = Field(default=0.2, ge=0, le=60, description="Seconds by which a source may sound before a span.")
    after_s: float = Field(default=0.2, ge=0, le=60, description="Seconds by which a source may sound after a span.")

    def vacuous(self, layout: Layout, domain: Domain) -> str | None:
        spanned = {label.source for label in layout.side_information.all_labels if label.is_span}
        if not spanned:
            return "can say nothing of labels without a span: mark when sources sound, over all frequencies"
        if domain == Domain.ACTIVATIONS and not any(atom.source in spanned for atom in layout.atoms or ()):
            return (
                "can say nothing of atoms whose source is not known: take a method that makes some for every source of "
                "labels, such as nmf, or give examples"
            )
        times_s = _times_s(layout, domain)
        if all(self._sounding(source, layout.side_information.all_labels, times_s).all() for source in spanned):
            return "can say nothing of labels by which every source may sound at all times: mark when one rests"
        return None

    def bind(self, layout: Layout, domain: Domain) -> Projection:
        labels = layout.side_information.all_labels
        if domain == Domain.ACTIVATIONS:
            owners: tuple[str | None, ...] = tuple(atom.source for atom in layout.atoms or ())
        else:
            owners = layout.sources
        require_known(labels, {owner for owner in owners if owner is not None})
        times_s = _times_s(layout, domain)
        support = np.ones(layout.shape(domain), bool)
        sounding = {owner: self._sounding(owner, labels, times_s) for owner in set(owners) if owner is not None}
        for rows, owner in zip(support, owners, strict=True):
            if owner is not None:
                rows &= sounding[owner]
        return Zeros(support)

    def _sounding(self, source: str, labels: Iterable[Label], times_s: NDArray[np.floating]) -> NDArray[np.bool_]:
        own = [label for label in labels if label.source == source]
        spans = [label for label in own if label.is_span]
        sounding = np.ones(len(times_s), bool)
        if any(not label.absent for label in spans):
            there = [label for label in own if not label.absent]
            sounding = frames_within(
                [(label.start_s - self.before_s, label.end_s + self.after_s) for label in there], times_s
            )
        rests = [(label.start_s + self.after_s, label.end_s - self.before_s) for label in spans if label.absent]
        return sounding & ~frames_within([(start_s, end_s) for start_s, end_s in rests if start_s < end_s], times_s)


def _times_s(layout: Layout, domain: Domain) -> NDArray[np.floating]:
    """Of every sample or frame."""
    if domain == Domain.WAVEFORMS:
        return np.arange(layout.mixture.length) / layout.mixture.sample_rate
    assert layout.frames_s is not None
    return layout.frames_s


def require_known(labels: Iterable[Label], sources: set[str]) -> None:
    """Refuse labels of sources that a method has no atoms or stems of.

    Raises
    ------
    SideInformationError
    """
    strange = next((label.source for label in labels if sources and label.source not in sources), None)
    if strange is not None:
        raise SideInformationError(
            f"there are labels of '{strange}', of which this method knows nothing: it knows "
            f"{', '.join(sorted(sources))}; name the labels like these"
        )
