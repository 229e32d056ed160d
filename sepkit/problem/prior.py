"""Priors: how likely a value of a variable is."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, Protocol, runtime_checkable

import numpy as np

from sepkit.problem.domain import Domain
from sepkit.problem.layout import Layout
from sepkit.problem.run import Run
from sepkit.problem.statement import Statement


class Density(Protocol):
    """A prior bound to the axes of one separator. NumPy arrays and torch tensors come in, the same kind goes out.

    On waveforms, values may have axes before those of the domain, for several chains at once: every one of them gets a
    log density of its own. A density that is `Smoothed` may be a score alone and have no `log_prob`, such as one
    that is known by a denoiser: separators that sample need no more.
    """

    def log_prob(self, value: Any) -> Any:
        """Log density of a value, up to a constant.

        Parameters
        ----------
        value : array [shape=(..., axes of the domain)]
            Only waveforms have axes before those of the domain.

        Returns
        -------
        log_prob : scalar array [shape=(...)]
            One for each of the axes before those of the domain.
        """
        ...

    def gradient(self, value: Any) -> Any:
        """Gradient of `log_prob` with respect to the value; in the literature on sampling, the score function.

        Parameters
        ----------
        value : array [shape=(..., axes of the domain)]

        Returns
        -------
        gradient : array [shape=value.shape]
        """
        ...


@runtime_checkable
class GradientSplit(Protocol):
    """Optional ability of a `Density` on nonnegative values: what multiplicative updates need."""

    def split_gradient(self, value: Any) -> tuple[Any, Any]:
        """The gradient of ``-log_prob`` as ``plus - minus``, both nonnegative.

        A multiplicative update adds `minus` to its numerator and `plus` to its denominator.

        Parameters
        ----------
        value : array [shape=layout.shape(domain)]

        Returns
        -------
        plus, minus : array [shape=value.shape]
        """
        ...


def gradient_parts(density: Density, value: Any) -> tuple[Any, Any]:
    """The gradient of ``-log_prob`` as ``plus - minus``: the density's own split, or else by its sign.

    Parameters
    ----------
    density : Density
    value : array [shape=layout.shape(domain)]

    Returns
    -------
    plus, minus : array [shape=value.shape]
        Both nonnegative.
    """
    if isinstance(density, GradientSplit):
        return density.split_gradient(value)
    gradient = density.gradient(value)
    return (-gradient).clip(0), gradient.clip(0)


@runtime_checkable
class Initial(Protocol):
    """Optional ability of a `Density`: a good value to start from."""

    def initial(self, rng: np.random.Generator) -> Any:
        """A value to start from, in the domain's shape."""
        ...


@runtime_checkable
class Sampler(Protocol):
    """Optional ability of a `Density`: drawing values."""

    def sample(self, shape: tuple[int, ...], rng: np.random.Generator) -> Any:
        """Independent draws, an array of shape ``(*shape, *domain's shape)``."""
        ...


@runtime_checkable
class Smoothed(Protocol):
    """Optional ability of a `Density` on waveforms: what annealed sampling needs."""

    def smoothed(self, sigma: float) -> Density:
        """The density of the value plus white noise of standard deviation `sigma`."""
        ...


class Prior(Statement):
    """Base of every prior.

    A subclass names the `domains` it can speak of, declares its options as fields, and binds itself to a layout.
    """

    @property
    def sample_rate(self) -> int | None:
        """The only rate, in Hz, of waveforms that it speaks of, to which mixtures are taken and back; None for any."""
        return None

    @abstractmethod
    def bind(self, layout: Layout, domain: Domain) -> Density:
        """The prior on the axes of `layout`.

        Parameters
        ----------
        layout : Layout
        domain : Domain
            One of `domains`; values have shape ``layout.shape(domain)``.

        Returns
        -------
        density : Density
        """

    def bind_within(self, layout: Layout, domain: Domain, run: Run) -> Density:
        """`bind` in a run: what a prior overrides for which that is work, such as a separation by another method.

        Parameters
        ----------
        layout : Layout
        domain : Domain
        run : Run
            Can be cancelled, shows progress and takes remarks; see ``within`` of `Method.separate`.
        """
        return self.bind(layout, domain)
