"""Hooks of the built-in priors and constraints."""

from collections.abc import Iterator

from sepkit.plugin import ConstraintSpec, Domain, PriorSpec, hookimpl

SEPKIT_API = 1

_VIRTANEN = (
    "T. Virtanen, Monaural sound source separation by nonnegative matrix factorization with temporal continuity and "
    "sparseness criteria, IEEE TASLP 15(3), 2007"
)


@hookimpl
def sepkit_priors() -> Iterator[PriorSpec]:
    yield PriorSpec(
        name="sparsity",
        summary="few activations are large at a time",
        factory="sepkit.builtin:Sparsity",
        reference=_VIRTANEN,
        domains=(Domain.ACTIVATIONS,),
    )
    yield PriorSpec(
        name="continuity",
        summary="activations change slowly over time",
        factory="sepkit.builtin:Continuity",
        reference=_VIRTANEN,
        domains=(Domain.ACTIVATIONS,),
    )


@hookimpl
def sepkit_constraints() -> Iterator[ConstraintSpec]:
    yield ConstraintSpec(
        name="mixture-consistency",
        summary="the stems sum to the mixture",
        factory="sepkit.builtin:MixtureConsistency",
        reference="S. Wisdom et al., Differentiable consistency constraints for improved deep speech enhancement, 2019",
        domains=(Domain.WAVEFORMS,),
    )
