"""What the priors and constraints of a problem, and the options on templates, mean for a deconvolution."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from sepkit.problem.domain import Domain
from sepkit.problem.layout import Layout
from sepkit.problem.problem import Problem
from sepkit.problem.run import Run
from sepkit_nmf import Hosting
from sepkit_nmf.model import Projection
from sepkit_nmfd.config import NMFDConfig
from sepkit_nmfd.factorization import Deconvolution, deconvolve
from sepkit_nmfd.start import Initialization

Array = NDArray[np.floating]

LAGGED_TEMPLATES = Domain("lagged-templates", ("bins", "atoms", "lags"), nonnegative=True)
"""Templates that are short spectrograms."""

_LET_GO = 4
"""Power with which semi-fixed templates are let go of, as in the paper."""


def deconvolve_hosting(
    V: Array, start: Initialization, config: NMFDConfig, layout: Layout, problem: Problem, run: Run
) -> Deconvolution:
    """Deconvolve under all that `problem` says of templates and activations, and report what came of it.

    To a statement on templates, an atom is as many atoms as it has lags, one after the other.

    Parameters
    ----------
    V : ndarray [shape=(bins, frames)]
    start : Initialization
    config : NMFDConfig
    layout : Layout
        With bins, frames, atoms and lags.
    problem : Problem
    run : Run
        Gets the cost as a trace, both factors as variables, and the violations.
    """
    assert layout.atoms is not None
    bins, atoms, lags = start.W.shape
    each_lag = tuple(atom for atom in layout.atoms for _ in range(lags))
    hosting = Hosting.of(problem, layout, replace(layout, atoms=each_lag))
    kept = start.learned & np.array([config.adapt == "fixed" or atom.source in config.frozen for atom in layout.atoms])
    hosting.require_free(~kept, True)
    flat, H = hosting.projected(start.W.reshape(bins, atoms * lags), start.H)
    arguments = hosting.arguments()
    semi_fixed = config.adapt == "semi-fixed"
    if semi_fixed:
        held = np.repeat(start.learned & ~kept, lags)
        arguments["project_w"] = _LettingGo(flat, held, config.iterations, arguments["project_w"])
    fit = deconvolve(
        V,
        flat.reshape(bins, atoms, lags),
        H.astype(V.dtype, copy=False),
        beta=config.beta,
        solver=config.chosen_solver,
        max_iterations=config.iterations,
        # Templates that are held back may stop the cost for a while.
        tolerance=0.0 if semi_fixed else config.tolerance,
        free_w=~kept,
        steps=partial(run.steps, stage="deconvolve"),
        **arguments,
    )
    run.trace("cost", fit.costs)
    run.keep(layout, {LAGGED_TEMPLATES: fit.W, Domain.ACTIVATIONS: fit.H})
    run.report_violations(hosting.violations(fit.W.reshape(bins, atoms * lags), fit.H))
    return fit


class _LettingGo:
    """A projection that draws learned templates back to what they were, less and less with every update.

    References
    ----------
    C. Dittmar and D. Gärtner, "Real-time transcription and separation of drum recordings based on NMF decomposition",
    DAFx 2014: semi-adaptive bases.
    """

    def __init__(self, learned: Array, held: NDArray[np.bool_], iterations: int, then: Projection | None) -> None:
        self._learned, self._held, self._then = learned[:, held], held, then
        self._updates, self._iterations = 0, iterations

    def __call__(self, W: Array) -> Array:
        self._updates += 1
        free = W.dtype.type((self._updates / self._iterations) ** _LET_GO)
        drawn = W.copy()
        drawn[:, self._held] = free * drawn[:, self._held] + (1 - free) * self._learned
        return drawn if self._then is None else self._then(drawn)
