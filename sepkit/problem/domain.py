"""The variables that priors and constraints can be about, and their axes.

The shapes of those that every plugin knows are fixed here, once:

================  ============================  =======================================
domain            shape                         value
================  ============================  =======================================
``WAVEFORMS``     (sources, channels, samples)  the stems, at the mixture's sample rate
``SPECTROGRAMS``  (sources, bins, frames)       magnitude of every source
``TEMPLATES``     (bins, atoms)                 W of a factorisation
``ACTIVATIONS``   (atoms, frames)               H of a factorisation
``F0``            (sources, frames)             Hz, NaN where unvoiced
================  ============================  =======================================

A plugin whose variable is none of these makes a `Domain` of its own, such as
``Domain("lagged-templates", ("bins", "atoms", "lags"), nonnegative=True)``, and others speak of it by an equal one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class Domain:
    """A variable that statements can be about. Equal fields make equal domains, wherever they come from.

    Attributes
    ----------
    name : str
        In kebab-case.
    axes : tuple of str
        Names of the axes, in order. `Layout` knows the lengths of ``sources``, ``channels``, ``samples``, ``bins``,
        ``frames`` and ``atoms``; of others it is told by the method.
    nonnegative : bool
        Whether values are never below zero.
    """

    name: str
    axes: tuple[str, ...]
    nonnegative: bool = False

    WAVEFORMS: ClassVar[Domain]
    SPECTROGRAMS: ClassVar[Domain]
    TEMPLATES: ClassVar[Domain]
    ACTIVATIONS: ClassVar[Domain]
    F0: ClassVar[Domain]

    def __str__(self) -> str:
        return self.name


Domain.WAVEFORMS = Domain("waveforms", ("sources", "channels", "samples"))
Domain.SPECTROGRAMS = Domain("spectrograms", ("sources", "bins", "frames"), nonnegative=True)
Domain.TEMPLATES = Domain("templates", ("bins", "atoms"), nonnegative=True)
Domain.ACTIVATIONS = Domain("activations", ("atoms", "frames"), nonnegative=True)
Domain.F0 = Domain("f0", ("sources", "frames"))

DOMAINS = (Domain.WAVEFORMS, Domain.SPECTROGRAMS, Domain.TEMPLATES, Domain.ACTIVATIONS, Domain.F0)
"""Those that every plugin knows."""
