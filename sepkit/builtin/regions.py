"""The constraint `regions`: within a box that somebody marked, a source has most of the energy, or none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import array_api_compat
import numpy as np

from sepkit.builtin.activity import require_known
from sepkit.builtin.boxes import Run, runs_of
from sepkit.builtin.lapped import LappedShares, patches
from sepkit.builtin.zeros import Zeros
from sepkit.problem.constraint import Constraint, Projection
from sepkit.problem.domain import Domain
from sepkit.problem.layout import Layout


class Regions(Constraint):
    """Within a labelled box a source has at least the label's strength of the energy; absent, at most what is left.

    Where several sources are labelled in one place they share it, and the others have what the strongest label leaves.
    What a source may not have goes to those that are free, in proportion to what they have: that is the nearest
    distribution in the sense of Kullback and Leibler, the constrained E-step of posterior regularisation. Bryan and
    Mysore penalise the posterior instead; as their penalty grows it becomes the limit of a label at 100 %.

    On waveforms the boxes are cut out by an orthogonal lapped transform, with limits in parts of the mixture: the sum
    of the stems stays as it is.

    References
    ----------
    Bryan and Mysore, "An efficient posterior regularized latent variable model for interactive sound source
    separation", ICML 2013.
    Ganchev, Graça, Gillenwater and Taskar, "Posterior regularization for structured latent variable models", JMLR 2010.
    """

    domains: ClassVar[frozenset[Domain]] = frozenset({Domain.SPECTROGRAMS, Domain.WAVEFORMS})
    needs: ClassVar[frozenset[str]] = frozenset({"labels"})

    def vacuous(self, layout: Layout, domain: Domain) -> str | None:
        boxes = [label for label in layout.side_information.all_labels if not label.is_span]
        if not boxes:
            return "can say nothing of labels without a box: mark where in the spectrum a source sounds"
        highest_hz = layout.mixture.sample_rate / 2
        above = next((label for label in boxes if (label.low_hz or 0) >= highest_hz), None)
        if above is not None:
            return (
                f"can say nothing of the label '{above.text}' at {above.start_s:.2f} s, above the {highest_hz:.0f} Hz "
                "up to which this method works: leave the label out, or take another method"
            )
        return None

    def bind(self, layout: Layout, domain: Domain) -> Projection:
        labels = layout.side_information.all_labels
        boxes = [label for label in labels if not label.is_span]
        if not boxes:
            return Zeros(np.broadcast_to(np.True_, layout.shape(domain)))
        require_known(labels, set(layout.sources))
        if domain == Domain.WAVEFORMS:
            return LappedShares(tuple(patches(boxes, layout)))
        assert layout.bins_hz is not None
        assert layout.frames_s is not None
        return Shares(tuple(runs_of(boxes, layout.sources, layout.bins_hz, layout.frames_s)))


@dataclass(frozen=True, eq=False)
class Shares:
    """Limits of every source's share in the sum of magnitudes, in runs of frames.

    Attributes
    ----------
    runs : tuple of Run
        In order, no two of them of the same frame.
    """

    runs: tuple[Run, ...]

    def part(self, frames: slice) -> Shares:
        """The limits in these frames alone."""
        start, stop, _ = frames.indices(max((run.stop for run in self.runs), default=0))
        runs = (run for run in self.runs if run.first < stop and start < run.stop)
        return Shares(tuple(run.within(slice(start, stop)) for run in runs))

    def project(self, value: Any) -> Any:
        """The nearest magnitudes of the same sum [shape=(sources, bins, frames)]."""
        xp = array_api_compat.array_namespace(value)
        pieces, done = [], 0
        for run in self.runs:
            limits = xp.asarray(run.limits, dtype=value.dtype, device=array_api_compat.device(value))
            pieces += [value[..., done : run.first], _limited(xp, value[..., run.first : run.stop], limits)]
            done = run.stop
        return xp.concat([*pieces, value[..., done:]], axis=-1)

    def violation(self, value: Any) -> float:
        """What is beyond its limit, relative to all there is."""
        if hasattr(value, "detach"):  # a torch tensor in the middle of a computation that is differentiated
            value = value.detach()
        xp = array_api_compat.array_namespace(value)
        total = float(xp.sum(value))
        moved = sum(
            float(xp.sum(xp.abs(part - value[..., run.first : run.stop])))
            for run in self.runs
            for part in [Shares((run.within(slice(run.first, run.stop)),)).project(value[..., run.first : run.stop])]
        )
        return moved / (2 * total) if total > 0 else 0.0


def _limited(xp: Any, value: Any, limits: Any) -> Any:
    """Magnitudes with shares up to their limits, the rest going to the sources that have none [shape=value.shape]."""
    free = limits >= 1
    kept = xp.where(free, value, xp.minimum(value, limits * xp.sum(value, axis=0)))
    taken = xp.sum(value, axis=0) - xp.sum(kept, axis=0)
    room = xp.where(free, value, xp.zeros_like(value))
    rooms = xp.sum(room, axis=0)
    equal = xp.astype(free, value.dtype)
    equal = equal / xp.clip(xp.sum(equal, axis=0), 1, None)
    share = xp.where(rooms > 0, room / xp.where(rooms > 0, rooms, xp.ones_like(rooms)), equal)
    return kept + share * taken
