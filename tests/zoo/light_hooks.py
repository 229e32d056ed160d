"""Hooks of plugins that keep every promise."""

from collections.abc import Iterator

from sepkit.plugin import ConstraintSpec, Domain, PriorSpec, SeparatorSpec, hookimpl

SEPKIT_API = 1

_NONE = "none: made for the tests"


@hookimpl
def sepkit_separators() -> Iterator[SeparatorSpec]:
    common = {"summary": "an equal share", "reference": _NONE, "config": "tests.zoo.good:SharesConfig"}
    exact = frozenset({"sums-to-mixture", "gain-equivariant"})
    yield SeparatorSpec(name="good-shares", factory="tests.zoo.good:Shares", traits=exact, **common)
    yield SeparatorSpec(
        name="good-one-rate", factory="tests.zoo.good:Shares", traits=exact, sample_rate=8000, channels=1, **common
    )
    yield SeparatorSpec(name="good-bands", factory="tests.zoo.good:Shares", sources=("low", "mid", "high"), **common)
    yield SeparatorSpec(name="good-drawn", factory="tests.zoo.good:Drawn", traits=frozenset({"stochastic"}), **common)
    yield SeparatorSpec(
        name="good-host",
        factory="tests.zoo.good:Host",
        constraints=(Domain.WAVEFORMS,),
        priors=(Domain.WAVEFORMS,),
        needs=("sources", "score", "f0"),
        **common,
    )


@hookimpl
def sepkit_priors() -> Iterator[PriorSpec]:
    yield PriorSpec(
        name="quiet",
        summary="loud values are unlikely",
        reference=_NONE,
        factory="tests.zoo.good:Quiet",
        domains=(Domain.ACTIVATIONS, Domain.WAVEFORMS),
    )


@hookimpl
def sepkit_constraints() -> Iterator[ConstraintSpec]:
    yield ConstraintSpec(
        name="peak-limit",
        summary="no sample is above a peak",
        reference=_NONE,
        factory="tests.zoo.good:PeakLimit",
        domains=(Domain.WAVEFORMS,),
    )
    yield ConstraintSpec(
        name="score-gate",
        summary="nothing before the first note",
        reference=_NONE,
        factory="tests.zoo.good:ScoreGate",
        needs=("score",),
        domains=(Domain.ACTIVATIONS,),
    )
