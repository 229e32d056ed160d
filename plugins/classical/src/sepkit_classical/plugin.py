"""Hooks of sepkit-classical."""

from collections.abc import Iterator

from sepkit.plugin import SeparatorSpec, hookimpl

SEPKIT_API = 1

_VOICE = ("vocals", "accompaniment")
_SHARED = frozenset({"gain-equivariant", "sums-to-mixture"})


@hookimpl
def sepkit_separators() -> Iterator[SeparatorSpec]:
    yield SeparatorSpec(
        name="rpca",
        summary="voice and accompaniment apart by robust PCA: the band is of low rank, the voice is sparse",
        reference="P.-S. Huang, S. D. Chen, P. Smaragdis, M. Hasegawa-Johnson, Singing-voice separation from monaural "
        "recordings using robust principal component analysis, ICASSP 2012",
        factory="sepkit_classical.rpca:RPCA",
        config="sepkit_classical.config:RPCAConfig",
        sources=_VOICE,
        traits=_SHARED,
        example={"window_s": 0.023},
    )
