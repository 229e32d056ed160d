"""Hooks of sepkit-source-filter."""

from collections.abc import Iterator

from sepkit.plugin import Domain, SeparatorSpec, hookimpl

SEPKIT_API = 1


@hookimpl
def sepkit_separators() -> Iterator[SeparatorSpec]:
    yield SeparatorSpec(
        name="source-filter",
        summary="voices out of an ensemble: source-filter models at F0",
        reference="K. Schulze-Forster et al., Unsupervised music source separation "
        "using differentiable parametric source models, IEEE/ACM TASLP 31, 2023",
        factory="sepkit_source_filter.separator:SourceFilter",
        config="sepkit_source_filter.config:SourceFilterConfig",
        needs=("score|f0",),
        trainer="sepkit_source_filter.training:SourceFilterTrainer",
        training="sepkit_source_filter.training_config:SourceFilterTraining",
        constraints=(Domain.F0, Domain.SPECTROGRAMS),
        priors=(Domain.F0, Domain.SPECTROGRAMS),
        traits=frozenset({"accelerated", "gain-equivariant", "stochastic", "streams", "trainable"}),
        example={"window_s": 0.06, "overlap": 2, "f0_rounds": 1, "envelopes": 3, "highest_hz": 1000},
    )
