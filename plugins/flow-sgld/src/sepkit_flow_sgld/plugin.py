"""Hooks of sepkit-flow-sgld."""

from collections.abc import Iterator

from sepkit.plugin import Domain, PriorSpec, SeparatorSpec, Weights, hookimpl

SEPKIT_API = 1

_FRANK = (
    "M. Frank, M. Ilse, Problems using deep generative models for probabilistic audio source separation, "
    "NeurIPS workshops, 2020"
)

_TOY_WAVEFORMS = Weights(
    name="flow-toy-waveforms",
    licence="MIT",
    source="the authors of sepkit-flow-sgld, trained on the toy waveforms that sepkit generates",
    folder="sepkit_flow_sgld.bundled:bundled_weights",
)

_TOY_DENOISERS = Weights(
    name="diffusion-toy-waveforms",
    licence="MIT",
    source="the authors of sepkit-flow-sgld, trained on the toy waveforms that sepkit generates",
    folder="sepkit_flow_sgld.bundled:bundled_denoisers",
)

_INSTRUMENTS = Weights(
    name="diffusion-instruments",
    licence="MIT",
    source="the authors of sepkit-flow-sgld, trained on music composed by rule and rendered through FluidR3 GM (Frank "
    "Wen and others) and MuseScore General (S. Christian Collins and others), both under the MIT licence",
    folder="sepkit_flow_sgld.bundled:bundled_instruments",
)


@hookimpl
def sepkit_separators() -> Iterator[SeparatorSpec]:
    yield SeparatorSpec(
        name="flow-sgld",
        summary="annealed Langevin sampling under priors of the sources",
        reference="V. Jayaram, J. Thickstun, Source separation with deep generative priors, ICML 2020",
        factory="sepkit_flow_sgld.separator:FlowSGLD",
        config="sepkit_flow_sgld.config:FlowSGLDConfig",
        weights=(_TOY_WAVEFORMS,),
        constraints=(Domain.WAVEFORMS, Domain.SPECTROGRAMS),
        priors=(Domain.WAVEFORMS,),
        channels=1,
        traits=frozenset({"stochastic", "trainable", "sums-to-mixture", "gain-equivariant", "accelerated", "streams"}),
        example={"chains": 2, "levels": 2, "steps": 1},
    )


@hookimpl
def sepkit_priors() -> Iterator[PriorSpec]:
    yield PriorSpec(
        name="flow",
        summary="waveforms are likely under a flow trained on each source",
        reference=_FRANK,
        factory="sepkit_flow_sgld.prior:FlowPrior",
        domains=(Domain.WAVEFORMS,),
        sources=("sine", "square", "saw", "triangle"),
        sample_rate=14700,
        weights=(_TOY_WAVEFORMS,),
        trainer="sepkit_flow_sgld.training:FlowTrainer",
        training="sepkit_flow_sgld.training_config:FlowTrainingConfig",
    )
    yield PriorSpec(
        name="diffusion",
        summary="waveforms lie where a denoiser of each source leads",
        reference="T. Karras, M. Aittala, T. Aila, S. Laine, Elucidating the design space of diffusion-based "
        "generative models, NeurIPS 2022",
        factory="sepkit_flow_sgld.diffusion:DiffusionPrior",
        domains=(Domain.WAVEFORMS,),
        sources=("sine", "square", "saw", "triangle"),
        sample_rate=14700,
        weights=(_TOY_DENOISERS, _INSTRUMENTS),
        trainer="sepkit_flow_sgld.diffusion_training:DiffusionTrainer",
        training="sepkit_flow_sgld.diffusion_config:DiffusionTrainingConfig",
    )
    yield PriorSpec(
        name="stationary",
        summary="sources are stationary normal processes of known spectra",
        reference="N. Wiener, Extrapolation, interpolation, and smoothing of stationary time series, 1949",
        factory="sepkit_flow_sgld.gaussian:GaussianPrior",
        domains=(Domain.WAVEFORMS,),
    )
    yield PriorSpec(
        name="local-gaussian",
        summary="normal sources, with spectra over time found by a score",
        reference="N. Q. K. Duong, E. Vincent, R. Gribonval, Under-determined reverberant audio source separation "
        "using a full-rank spatial covariance model, IEEE TASLP 2010",
        factory="sepkit_flow_sgld.local_gaussian:LocalGaussianPrior",
        domains=(Domain.WAVEFORMS,),
        needs=("score",),
    )
