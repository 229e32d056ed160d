"""Hooks of the plugin that works."""

from collections.abc import Iterator

from sepkit.plugin import ConstraintSpec, Domain, PriorSpec, SeparatorSpec, hookimpl

SEPKIT_API = 1


@hookimpl
def sepkit_separators() -> Iterator[SeparatorSpec]:
    for name, needs in (("halve", ()), ("halve-by-score", ("score",)), ("halve-by-f0", ("f0",))):
        yield SeparatorSpec(
            name=name,
            summary="every stem is an equal share of the mixture",
            factory="sepkit_fake_good.separator:Halve",
            config="sepkit_fake_good.config:HalveConfig",
            needs=needs,
            priors=(Domain.WAVEFORMS,),
            traits=frozenset({"sums-to-mixture"}),
        )


@hookimpl
def sepkit_priors() -> Iterator[PriorSpec]:
    yield PriorSpec(
        name="quiet",
        summary="loud stems are unlikely",
        factory="sepkit_fake_good.statements:Quiet",
        domains=(Domain.WAVEFORMS,),
    )


@hookimpl
def sepkit_constraints() -> Iterator[ConstraintSpec]:
    yield ConstraintSpec(
        name="peak-limit",
        summary="no sample is above a peak",
        factory="sepkit_fake_good.statements:PeakLimit",
        domains=(Domain.WAVEFORMS,),
    )
