"""Constraints: which values of a variable are allowed at all."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from sepkit import large
from sepkit.problem.domain import Domain
from sepkit.problem.layout import Layout
from sepkit.problem.statement import Statement

PIECE_SAMPLES = 1 << 18
"""Samples that are projected at a time."""


class Projection(Protocol):
    """A constraint bound to the axes of one separator."""

    def project(self, value: Any) -> Any:
        """The nearest allowed value: idempotent and differentiable.

        Parameters
        ----------
        value : ndarray or torch.Tensor [shape=layout.shape(domain)]

        Returns
        -------
        allowed : ndarray or torch.Tensor [shape=layout.shape(domain)]
            Of the same kind and type, in new memory.
        """
        ...

    def violation(self, value: Any) -> float:
        """How far `value` is from being allowed, relative to its size; 0 when it is."""
        ...


@runtime_checkable
class Support(Protocol):
    """Optional ability of a `Projection` that does nothing but set entries to zero.

    Solvers that can keep zeros exactly (multiplicative updates, coordinate descent) need only this mask.
    """

    @property
    def support(self) -> NDArray[np.bool_]:
        """True where nonzero values are allowed, in the domain's shape."""
        ...


@runtime_checkable
class Pointwise(Protocol):
    """Optional ability of a `Projection` of waveforms that treats every sample by itself: long ones go in pieces."""

    def part(self, samples: slice) -> Projection:
        """The projection of these samples alone."""
        ...


class Constraint(Statement):
    """Base of every constraint.

    A subclass names the `domains` it can speak of, declares its options as fields, and binds itself to a layout.

    Examples
    --------
    >>> from sepkit.builtin import MixtureConsistency
    >>> MixtureConsistency().name
    'mixture-consistency'
    """

    @abstractmethod
    def bind(self, layout: Layout, domain: Domain) -> Projection:
        """The constraint on the axes of `layout`.

        Parameters
        ----------
        layout : Layout
        domain : Domain
            One of `domains`; values have shape ``layout.shape(domain)``.

        Returns
        -------
        projection : Projection
        """


@dataclass(frozen=True)
class BoundConstraints:
    """All constraints that a separator hosts on one domain, in the order in which they were declared."""

    projections: tuple[tuple[str, Projection], ...]

    def __bool__(self) -> bool:
        return bool(self.projections)

    def project(self, value: Any) -> Any:
        """Apply every projection in turn."""
        for _, projection in self.projections:
            value = projection.project(value)
        return value

    def project_waveforms(self, stems: NDArray[np.float32]) -> NDArray[np.float32]:
        """Apply every projection in turn; in place, where all are `Pointwise`.

        Parameters
        ----------
        stems : ndarray [shape=(sources, channels, samples)]
            Afterwards its values may be anything.
        """
        pointwise = [projection for _, projection in self.projections if isinstance(projection, Pointwise)]
        if len(pointwise) < len(self.projections):
            return np.asarray(self.project(stems), np.float32)
        for start in range(0, stems.shape[-1], PIECE_SAMPLES):
            samples = slice(start, start + PIECE_SAMPLES)
            for projection in pointwise:
                stems[..., samples] = projection.part(samples).project(stems[..., samples])
        return stems

    def violations(self, value: Any) -> dict[str, float]:
        """The final violation of every constraint; hand it to `Run.report_violations`."""
        return {label: float(projection.violation(value)) for label, projection in self.projections}

    def support(self) -> NDArray[np.bool_] | None:
        """The common support of those that are a `Support`; None when there is none."""
        masks = [p.support for _, p in self.projections if isinstance(p, Support)]
        if len(masks) < 2:
            return masks[0] if masks else None
        common = large.copied(masks[0])
        for mask in masks[1:]:
            common &= mask
        return common

    def beyond_support(self) -> BoundConstraints:
        """Those that are more than a `Support` and so need to be projected on."""
        return BoundConstraints(tuple(bound for bound in self.projections if not isinstance(bound[1], Support)))
