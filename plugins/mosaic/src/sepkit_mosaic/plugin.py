"""Hooks of sepkit-mosaic."""

from collections.abc import Iterator

from sepkit.plugin import SeparatorSpec, hookimpl

SEPKIT_API = 1


@hookimpl
def sepkit_separators() -> Iterator[SeparatorSpec]:
    yield SeparatorSpec(
        name="mosaic",
        summary="the recording rebuilt from examples: Let it Bee",
        reference="J. Driedger, T. Prätzlich, M. Müller, Let it Bee: towards NMF-inspired audio mosaicing, ISMIR 2015",
        factory="sepkit_mosaic.separator:Mosaic",
        config="sepkit_mosaic.config:MosaicConfig",
        needs=("examples",),
        traits=frozenset({"gain-equivariant", "streams", "synthesises"}),
        example={"iterations": 3, "phase_iterations": 3, "window_s": 0.023},
    )
