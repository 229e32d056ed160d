"""Hooks of sepkit-demucs."""

from collections.abc import Iterator

from sepkit.plugin import SeparatorSpec, hookimpl
from sepkit_demucs.published import HTDEMUCS, HTDEMUCS_6S, HTDEMUCS_FT

SEPKIT_API = 1


@hookimpl
def sepkit_separators() -> Iterator[SeparatorSpec]:
    yield SeparatorSpec(
        name="demucs",
        summary="vocals, drums, bass, other by Hybrid Transformer Demucs",
        reference="S. Rouard, F. Massa and A. Défossez, Hybrid transformers for music source separation, ICASSP 2023",
        factory="sepkit_demucs.separator:Demucs",
        config="sepkit_demucs.config:DemucsConfig",
        needs=("weights",),
        weights=(HTDEMUCS, HTDEMUCS_FT, HTDEMUCS_6S),
        default_constraints=("mixture-consistency",),
        channels=2,
        traits=frozenset({"accelerated", "gain-equivariant", "streams"}),
    )
