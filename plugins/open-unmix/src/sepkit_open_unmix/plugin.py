"""Hooks of sepkit-open-unmix."""

from collections.abc import Iterator

from sepkit.plugin import SeparatorSpec, hookimpl
from sepkit_open_unmix.published import UMX, UMXHQ, UMXL

SEPKIT_API = 1


@hookimpl
def sepkit_separators() -> Iterator[SeparatorSpec]:
    yield SeparatorSpec(
        name="open-unmix",
        summary="vocals, drums, bass, other by recurrent networks",
        reference="F.-R. Stöter, S. Uhlich, A. Liutkus and Y. Mitsufuji, Open-Unmix - a reference implementation for "
        "music source separation, JOSS 4(41), 2019",
        factory="sepkit_open_unmix.separator:OpenUnmix",
        config="sepkit_open_unmix.config:OpenUnmixConfig",
        needs=("weights",),
        weights=(UMXHQ, UMX, UMXL),
        default_constraints=("mixture-consistency",),
        channels=2,
        traits=frozenset({"accelerated", "streams"}),
        example={"segment_s": 5.0, "context_s": 1.0},
    )
