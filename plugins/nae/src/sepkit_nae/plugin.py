"""Hooks of sepkit-nae."""

from collections.abc import Iterator

from sepkit.plugin import Domain, SeparatorSpec, hookimpl

SEPKIT_API = 1


@hookimpl
def sepkit_separators() -> Iterator[SeparatorSpec]:
    yield SeparatorSpec(
        name="nae",
        summary="nonnegative autoencoder: blind, score, labels, trained",
        reference="P. Smaragdis and S. Venkataramani, A neural network alternative to non-negative audio models, "
        "ICASSP 2017",
        factory="sepkit_nae.separator:NAE",
        config="sepkit_nae.config:NAEConfig",
        uses=("score", "labels"),
        trainer="sepkit_nae.training:NAETrainer",
        training="sepkit_nae.training_config:NAETraining",
        constraints=(Domain.ACTIVATIONS, Domain.TEMPLATES),
        priors=(Domain.ACTIVATIONS, Domain.TEMPLATES),
        default_constraints=("score", "harmonic", "activity"),
        channels=1,
        traits=frozenset({"accelerated", "gain-equivariant", "stochastic", "trainable", "arbitrary-names", "streams"}),
        example={"rank": 4, "iterations": 5, "window_s": 0.012},
    )
