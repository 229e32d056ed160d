"""Hooks of sepkit-score-nmf."""

from collections.abc import Iterator

from sepkit.plugin import Domain, SeparatorSpec, hookimpl

SEPKIT_API = 1


@hookimpl
def sepkit_separators() -> Iterator[SeparatorSpec]:
    yield SeparatorSpec(
        name="score-nmf",
        summary="score-informed nonnegative matrix factorisation",
        reference="S. Ewert and M. Müller, Using score-informed constraints for NMF-based source separation, "
        "ICASSP 2012",
        factory="sepkit_score_nmf.separator:ScoreNMF",
        config="sepkit_score_nmf.config:ScoreNMFConfig",
        needs=("score",),
        constraints=(Domain.ACTIVATIONS, Domain.TEMPLATES),
        priors=(Domain.ACTIVATIONS, Domain.TEMPLATES),
        default_constraints=(
            "score:before_s=0.2,after_s=0.2",
            "harmonic:cents={cents},inharmonicity={inharmonicity}",
        ),
        default_priors=("continuity:weight=100", "lobes:weight=3000,cents={cents},inharmonicity={inharmonicity}"),
        channels=1,
        # It draws for sources that are no part of the score; with a score of all sources it does not.
        traits=frozenset({"gain-equivariant", "streams"}),
        example={"iterations": 5, "window_s": 0.023},
    )
    yield SeparatorSpec(
        name="score-nmf-tutorial",
        summary="score-informed NMF as the tutorial's notebooks start it",
        reference="M. Müller, Fundamentals of Music Processing, 2nd edition, section 8.3, Springer 2021",
        factory="sepkit_score_nmf.separator:TutorialNMF",
        config="sepkit_score_nmf.config:TutorialConfig",
        needs=("score",),
        constraints=(Domain.ACTIVATIONS, Domain.TEMPLATES),
        priors=(Domain.ACTIVATIONS, Domain.TEMPLATES),
        channels=1,
        traits=frozenset({"gain-equivariant", "streams"}),
        example={"iterations": 5, "window_s": 0.023},
    )
