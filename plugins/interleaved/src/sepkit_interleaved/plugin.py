"""Hooks of sepkit-interleaved."""

from collections.abc import Iterator

from sepkit.plugin import SeparatorSpec, Weights, hookimpl

SEPKIT_API = 1

_BAND = Weights(
    name="interleaved-band",
    licence="MIT",
    source="the authors of sepkit-interleaved, trained on music that its recipe composes and renders through MuseScore "
    "General and FluidR3 GM (both MIT)",
    folder="sepkit_interleaved.bundled:bundled_weights",
)


@hookimpl
def sepkit_separators() -> Iterator[SeparatorSpec]:
    yield SeparatorSpec(
        name="interleaved",
        summary="network of one encoder and a decoder for each source",
        reference="C. S. J. Doire and O. Okubadejo, Interleaved multitask learning for audio source separation with "
        "independent databases, arXiv:1908.05182, 2019",
        factory="sepkit_interleaved.separator:Interleaved",
        config="sepkit_interleaved.config:InterleavedConfig",
        needs=("weights",),
        weights=(_BAND,),
        trainer="sepkit_interleaved.training:InterleavedTrainer",
        training="sepkit_interleaved.training_config:InterleavedTraining",
        traits=frozenset({"accelerated", "gain-equivariant", "selective", "streams", "trainable"}),
    )
