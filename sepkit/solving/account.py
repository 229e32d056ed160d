"""The account of a separation, drawn up when it is done."""

from __future__ import annotations

from typing import Any

from sepkit.config import Config
from sepkit.music.audio import Audio
from sepkit.plugin.registry import Registry
from sepkit.plugin.specs import SeparatorSpec
from sepkit.problem.run import Run
from sepkit.solving.asked import Posed
from sepkit.solving.provenance import Provenance
from sepkit.solving.versions import versions_of


def provenance_of(
    spec: SeparatorSpec,
    config: Config,
    weights: tuple[dict[str, Any], ...],
    registry: Registry,
    mixture: Audio,
    posed: Posed,
    run: Run,
    sources: tuple[str, ...],
) -> Provenance:
    """What determined a result and what came of it; the caller adds what only it knows."""
    origin = registry.origin(spec)
    problem, fit, adaptation = posed.problem, posed.fit, posed.adaptation
    return Provenance(
        method=spec.name,
        plugin={
            "name": origin.name if origin else None,
            "distribution": origin.distribution if origin else None,
            "version": origin.version if origin else None,
        },
        versions=versions_of(spec, [hosted.statement for hosted in (*problem.priors, *problem.constraints)], registry),
        config=config.model_dump(mode="json"),
        seed=run.seed,
        # What "auto" came to, where that is known: a method that is not accelerated has run on the CPU.
        device=run.device if "accelerated" in spec.traits else "cpu",
        weights=weights,
        sample_rate=mixture.sample_rate,
        channels=mixture.channels,
        samples=mixture.length,
        sources=sources,
        seconds=0.0,
        alignment=fit.record if fit else None,
        adaptations=adaptation.steps,
        priors=tuple(prior.describe() for prior in problem.priors),
        constraints=tuple(
            {**constraint.describe(), "violation": run.violations[constraint.label]}
            for constraint in problem.constraints
        ),
        remarks=(
            *mixture.remarks,
            *(fit.score.remarks if fit else ()),
            *((fit.remark,) if fit and fit.remark else ()),
            *adaptation.remarks,
            *run.remarks,
        ),
        traces=run.traces,
    )
