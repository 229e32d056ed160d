"""Hooks of sepkit-sparse-pursuit."""

from collections.abc import Iterator

from sepkit.plugin import SeparatorSpec, hookimpl

SEPKIT_API = 1


@hookimpl
def sepkit_separators() -> Iterator[SeparatorSpec]:
    yield SeparatorSpec(
        name="sparse-pursuit",
        summary="instruments by the harmonics of their tones, found blind",
        reference="S. Schulze and E. J. King, Sparse pursuit and dictionary learning for blind source separation in "
        "polyphonic music recordings, EURASIP Journal on Audio, Speech, and Music Processing, 2021",
        factory="sepkit_sparse_pursuit.separator:SparsePursuit",
        config="sepkit_sparse_pursuit.config:SparsePursuitConfig",
        uses=("examples",),
        channels=1,
        traits=frozenset({"stochastic", "trainable", "gain-equivariant", "arbitrary-names", "streams"}),
        example={
            "window_s": 0.8,
            "hop_s": 0.1,
            "low_hz": 100,
            "high_hz": 400,
            "harmonics": 4,
            "starts": 1,
            "iterations": 2,
            "settle": 1,
            "batch": 2,
            "prune_every": 1,
        },
    )
    yield SeparatorSpec(
        name="beurling-lasso",
        summary="instruments of known harmonics: least total variation",
        reference="S. Schulze and E. J. King, Formulating Beurling LASSO for source separation via proximal gradient "
        "iteration, 2022",
        factory="sepkit_sparse_pursuit.beurling_separator:BeurlingLasso",
        config="sepkit_sparse_pursuit.config:BeurlingLassoConfig",
        needs=("examples|weights",),
        channels=1,
        traits=frozenset({"stochastic", "trainable", "gain-equivariant", "streams"}),
        example={
            "window_s": 0.8,
            "hop_s": 0.1,
            "low_hz": 100,
            "high_hz": 400,
            "harmonics": 4,
            "iterations": 2,
            "settle": 1,
            "batch": 2,
            "prune_every": 1,
            "sparsity": 0.05,
            "steps": 5,
            "inner": 2,
        },
    )
