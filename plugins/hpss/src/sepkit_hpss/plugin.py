"""Hooks of sepkit-hpss."""

from collections.abc import Iterator

from sepkit.plugin import SeparatorSpec, hookimpl

SEPKIT_API = 1


@hookimpl
def sepkit_separators() -> Iterator[SeparatorSpec]:
    yield SeparatorSpec(
        name="hpss",
        summary="harmonic and percussive sounds apart, by median filters or kernel additive modelling",
        reference="D. Fitzgerald, A. Liutkus, Z. Rafii, B. Pardo, L. Daudet, Harmonic/percussive separation using "
        "kernel additive modelling, ISSC 2014",
        factory="sepkit_hpss.separator:HPSS",
        config="sepkit_hpss.config:HPSSConfig",
        sources=("harmonic", "percussive"),
        traits=frozenset({"gain-equivariant", "sums-to-mixture", "streams"}),
        example={"window_s": 0.023},
    )
