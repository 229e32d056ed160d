"""Hooks of sepkit-nmfd."""

from collections.abc import Iterator

from sepkit.plugin import Domain, SeparatorSpec, hookimpl

SEPKIT_API = 1


@hookimpl
def sepkit_separators() -> Iterator[SeparatorSpec]:
    yield SeparatorSpec(
        name="nmfd",
        summary="nonnegative matrix factor deconvolution, for drums",
        reference="C. Dittmar and M. Müller, Reverse engineering the Amen break: score-informed separation and "
        "restoration applied to drum recordings, IEEE/ACM TASLP 24(9), 2016",
        factory="sepkit_nmfd.separator:NMFD",
        config="sepkit_nmfd.config:NMFDConfig",
        uses=("score", "examples"),
        constraints=(Domain.ACTIVATIONS, Domain.TEMPLATES),
        priors=(Domain.ACTIVATIONS, Domain.TEMPLATES),
        channels=1,
        traits=frozenset({"stochastic", "gain-equivariant", "arbitrary-names", "streams"}),
        example={"iterations": 5, "window_s": 0.012, "template_s": 0.01},
    )
