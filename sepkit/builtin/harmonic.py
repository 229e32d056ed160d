"""Statements about templates of pitched atoms: energy lies near the partials, and falls as their number grows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import array_api_compat
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from sepkit.builtin.zeros import Zeros
from sepkit.informed.harmonics import partial_lobes
from sepkit.problem.constraint import Constraint, Projection
from sepkit.problem.domain import Domain
from sepkit.problem.layout import Layout
from sepkit.problem.prior import Density, Prior
from sepkit.problem.problem import Problem

_CENTS = Field(
    default=50.0,
    gt=0,
    le=600,
    description="How far from a partial a template may have energy, in cents; nearly two bins are always allowed.",
)
_INHARMONICITY = Field(
    default=0.0,
    ge=0,
    le=0.01,
    description="Stiffness B of the strings: partial m lies at m f0 sqrt(1 + B m²). Pianos: 0.0001 to 0.001.",
)


class HarmonicConstraint(Constraint):
    """Templates of pitched atoms are zero away from their pitch's partials.

    Atoms without a pitch, and those of transients, are left alone.

    References
    ----------
    Raczyński, Ono and Sagayama, "Multipitch analysis with harmonic nonnegative matrix approximation", ISMIR 2007.
    """

    domains: ClassVar[frozenset[Domain]] = frozenset({Domain.TEMPLATES})

    cents: float = _CENTS
    inharmonicity: float = _INHARMONICITY

    @property
    def name(self) -> str:
        return "harmonic"

    def vacuous(self, layout: Layout, domain: Domain) -> str | None:
        return without_pitches(layout)

    def bind(self, layout: Layout, domain: Domain) -> Projection:
        return Zeros(harmonic_templates(layout, self.cents, self.inharmonicity) > 0)


class HarmonicTemplates(Prior):
    """Templates of pitched atoms resemble one over the partial's number: a Dirichlet density around that shape.

    Atoms without a pitch, and those of transients, may be anything. The density does not depend on the scale of a
    template.

    References
    ----------
    Ewert and Müller, "Using score-informed constraints for NMF-based source separation", ICASSP 2012 (the shape).
    Cemgil, "Bayesian inference for nonnegative matrix factorisation models", 2009 (the pull).
    """

    domains: ClassVar[frozenset[Domain]] = frozenset({Domain.TEMPLATES})

    weight: float = Field(
        default=100.0, ge=0, description="Concentration: how many observations of mean size the shape is worth."
    )
    cents: float = _CENTS
    inharmonicity: float = _INHARMONICITY

    def vacuous(self, layout: Layout, domain: Domain) -> str | None:
        return without_pitches(layout)

    def bind(self, layout: Layout, domain: Domain) -> Density:
        templates = harmonic_templates(layout, self.cents, self.inharmonicity)
        totals = np.maximum(templates.sum(axis=0), np.finfo(np.float64).tiny)
        return _DirichletTemplates(self.weight, templates, np.where(_pitched(layout), templates / totals, 0.0))


def harmonic_templates(layout: Layout, cents: float, inharmonicity: float) -> NDArray[np.float64]:
    """A lobe around each partial of every atom's pitch, as high as one over the partial's number.

    Ones for atoms without a pitch and for transients [shape=(bins, atoms)].
    """
    assert layout.atoms is not None
    assert layout.bins_hz is not None
    templates = np.ones(layout.shape(Domain.TEMPLATES))
    shapes: dict[float, NDArray[np.float64]] = {}
    for column in np.flatnonzero(_pitched(layout)):
        pitch = layout.atoms[column].pitch
        assert pitch is not None
        if pitch not in shapes:
            number, height = partial_lobes(layout.bins_hz, pitch, cents=cents, inharmonicity=inharmonicity)
            shapes[pitch] = height / number
        templates[:, column] = shapes[pitch]
    return templates


def start_templates(problem: Problem, layout: Layout) -> NDArray[np.float64]:
    """Where the templates of a method that is informed of pitches start [shape=(bins, atoms)].

    Parameters
    ----------
    problem : Problem
        Partials lie as its constraint `harmonic` says, if it has one.
    layout : Layout
        With atoms and bins.
    """
    return harmonic_templates(layout, **places_of_partials(problem))


def places_of_partials(problem: Problem) -> dict[str, float]:
    """Where a problem's constraint `harmonic`, or else its default, puts partials: ``cents`` and ``inharmonicity``."""
    said = [hosted.statement for hosted in problem.constraints if isinstance(hosted.statement, HarmonicConstraint)]
    return (said[0] if said else HarmonicConstraint()).model_dump()


def without_pitches(layout: Layout) -> str | None:
    """Why statements about partials can say nothing, where no atom has a pitch."""
    if _pitched(layout).any():
        return None
    return (
        "can say nothing of atoms whose pitch is not known: take a method that makes its atoms of a score, such as "
        "score-nmf"
    )


def _pitched(layout: Layout) -> NDArray[np.bool_]:
    """Which atoms' templates have partials [shape=(atoms,)]."""
    assert layout.atoms is not None
    return np.array([atom.pitch is not None and not atom.transient for atom in layout.atoms], bool)


@dataclass(frozen=True, eq=False)
class _DirichletTemplates:
    """``weight * sum_k shape_k log(w_k / sum(w))`` of every template ``w``.

    Shapes have sum one, or zero for atoms that may be anything. A share too small to be inverted counts as the least
    that can be.
    """

    weight: float
    templates: NDArray[np.float64]
    shapes: NDArray[np.float64]

    def initial(self, rng: np.random.Generator) -> NDArray[np.float64]:
        return self.templates.copy()

    def log_prob(self, value: Any) -> Any:
        xp = array_api_compat.array_namespace(value)
        share, least, _ = _shares(xp, value)
        return self.weight * xp.sum(self._shapes_like(xp, value) * xp.log(xp.clip(share, least, None)))

    def gradient(self, value: Any) -> Any:
        plus, minus = self.split_gradient(value)
        return minus - plus

    def split_gradient(self, value: Any) -> tuple[Any, Any]:
        xp = array_api_compat.array_namespace(value)
        share, least, total = _shares(xp, value)
        shapes = self._shapes_like(xp, value) * xp.astype(share > least, value.dtype)
        scale = self.weight / total
        plus = xp.zeros_like(value) + scale * xp.sum(shapes, axis=0, keepdims=True)
        return plus, scale * (shapes / xp.clip(share, least, None))

    def _shapes_like(self, xp: Any, value: Any) -> Any:
        return xp.asarray(self.shapes, dtype=value.dtype, device=array_api_compat.device(value))


def _shares(xp: Any, value: Any) -> tuple[Any, float, Any]:
    """Every bin's share of its template, the least share that is distinguished from zero, and the templates' sums."""
    total = xp.sum(value, axis=0, keepdims=True)
    total = xp.where(total > 0, total, xp.ones_like(total))
    return value / total, float(xp.finfo(value.dtype).smallest_normal) ** 0.5, total
