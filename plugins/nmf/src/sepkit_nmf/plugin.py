"""Hooks of sepkit-nmf."""

from collections.abc import Iterator

from sepkit.plugin import Domain, SeparatorSpec, hookimpl

SEPKIT_API = 1


@hookimpl
def sepkit_separators() -> Iterator[SeparatorSpec]:
    yield SeparatorSpec(
        name="nmf",
        summary="nonnegative matrix factorisation: blind or informed",
        reference="C. Févotte and J. Idier, Algorithms for nonnegative matrix factorization with the beta-divergence, "
        "Neural Computation 23(9), 2011",
        factory="sepkit_nmf.separator:NMF",
        config="sepkit_nmf.config:NMFConfig",
        uses=("examples", "labels"),
        constraints=(Domain.ACTIVATIONS, Domain.TEMPLATES, Domain.SPECTROGRAMS),
        priors=(Domain.ACTIVATIONS, Domain.TEMPLATES),
        default_constraints=("activity", "regions"),
        channels=1,
        traits=frozenset({"stochastic", "gain-equivariant", "arbitrary-names", "streams"}),
        example={"rank": 4, "iterations": 5, "window_s": 0.012},
    )
