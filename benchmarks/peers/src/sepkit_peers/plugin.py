"""Hooks of the peers."""

from collections.abc import Iterator

from sepkit.plugin import SeparatorSpec, hookimpl

SEPKIT_API = 1

_BLIND = {
    "config": "sepkit_peers.config:BlindConfig",
    "needs": ("sources",),
    "channels": 1,
    "traits": frozenset({"stochastic", "arbitrary-names"}),
    "example": {"rank": 3, "iterations": 3},
}


@hookimpl
def sepkit_separators() -> Iterator[SeparatorSpec]:
    yield SeparatorSpec(
        name="sklearn-nmf",
        summary="peer: the multiplicative updates of scikit-learn, KL divergence",
        factory="sepkit_peers.blind:ScikitLearn",
        **_BLIND,
    )
    yield SeparatorSpec(
        name="torchnmf-nmf",
        summary="peer: the multiplicative updates of torchnmf, KL divergence",
        factory="sepkit_peers.blind:TorchNMF",
        **_BLIND,
    )
    yield SeparatorSpec(
        name="libfmp-nmf",
        summary="peer: the multiplicative updates of libfmp, Euclidean distance",
        factory="sepkit_peers.blind:Libfmp",
        **_BLIND,
    )
    yield SeparatorSpec(
        name="libnmfd-nmf",
        summary="peer: the multiplicative updates of libnmfd, KL divergence, in an environment of its own",
        factory="sepkit_peers.blind:Libnmfd",
        **_BLIND,
    )
    yield SeparatorSpec(
        name="libfmp-score-nmf",
        summary="peer: libfmp's score-informed recipe on log(1+|X|) with onset templates",
        factory="sepkit_peers.score:LibfmpScore",
        config="sepkit_peers.config:ScoreConfig",
        needs=("score",),
        channels=1,
        example={"iterations": 3},
    )
