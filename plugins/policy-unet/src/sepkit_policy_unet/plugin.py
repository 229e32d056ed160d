"""Hooks of sepkit-policy-unet."""

from collections.abc import Iterator

from sepkit.plugin import DatasetSpec, SeparatorSpec, hookimpl

SEPKIT_API = 1


@hookimpl
def sepkit_separators() -> Iterator[SeparatorSpec]:
    yield SeparatorSpec(
        name="policy-unet",
        summary="instruments by their tones, which a network finds",
        reference="S. Schulze, J. Leuschner and E. J. King, Blind source separation in polyphonic music recordings "
        "using deep neural networks trained via policy gradients, Signals 2(4), 2021",
        factory="sepkit_policy_unet.separator:PolicyUNet",
        config="sepkit_policy_unet.config:PolicyUNetConfig",
        uses=("examples",),
        trainer="sepkit_policy_unet.trainer:PolicyUNetTrainer",
        training="sepkit_policy_unet.config:PolicyUNetTraining",
        channels=1,
        traits=frozenset({"stochastic", "trainable", "gain-equivariant", "arbitrary-names", "accelerated"}),
        example={
            "dictionary": "plain",
            "steps": 2,
            "window_s": 0.1,
            "hop_s": 0.02,
            "low_hz": 100,
            "harmonics": 4,
            "iterations": 2,
            "settle": 1,
            "batch": 2,
            "prune_every": 1,
        },
    )


@hookimpl
def sepkit_datasets() -> Iterator[DatasetSpec]:
    yield DatasetSpec(
        name="recordings",
        summary="a folder of mixtures alone, to learn from",
        factory="sepkit_policy_unet.recordings:Recordings",
    )
