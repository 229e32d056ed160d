"""How stiff the strings of a recording are, which its score does not tell."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

import numpy as np

from sepkit.builtin.harmonic import harmonic_templates
from sepkit.informed.atoms import score_atoms
from sepkit.problem.domain import Domain
from sepkit.problem.problem import Problem
from sepkit.problem.run import Run
from sepkit.problem.statement import Hosted, Statement
from sepkit.spectral import STFT
from sepkit_nmf import factorize, normalized
from sepkit_score_nmf.start import Array

S = TypeVar("S", bound=Statement)

CANDIDATES = (0.0, 1e-4, 2e-4, 4e-4, 8e-4)
"""Of the inharmonicity B: pianos have 0.0001 to 0.001."""

_OPTION = "inharmonicity"
_FRAMES = 1024
_AT_A_TIME = 32
_ITERATIONS = 8
_LOBE_CENTS = 1.0
"""Narrower than a bin: lobes are as wide as the window's main lobe, and cannot reach for partials beside theirs."""


def fitted_inharmonicity(problem: Problem, stft: STFT, beta: float, run: Run) -> float:
    """The inharmonicity under which templates with narrow partials come closest to the recording.

    Some frames from all over the recording are factorised under each candidate, and that of the least cost is taken.

    Parameters
    ----------
    problem : Problem
        With a score; notes sound as its constraints on activations say.
    stft : STFT
    beta : float
        The divergence.
    run : Run

    Returns
    -------
    inharmonicity : float
        One of `CANDIDATES`.

    References
    ----------
    Fletcher, Blackham and Stratton, "Quality of piano tones", JASA 34(6), 1962.
    Rigaud, Falaize, David and Daudet, "Does inharmonicity improve an NMF-based piano transcription model?",
    ICASSP 2013.
    """
    score, mixture = problem.side_information.score, problem.mixture
    assert score is not None
    frames = some_frames(stft.frames(mixture.length))
    V = normalized(np.concatenate([np.abs(stft.forward(mixture.samples[0], some)) for some in frames], axis=1))
    layout = problem.layout(
        bins_hz=stft.bins_hz(mixture.sample_rate),
        frames_s=np.concatenate([stft.frames_s(mixture.length, mixture.sample_rate)[some] for some in frames]),
        # Statements may speak of sources that are no part of the score.
        atoms=score_atoms(score, tuple(dict.fromkeys((*score.parts, *problem.sources))), rest_rank=1),
    )
    support = problem.bind_constraints(layout, Domain.ACTIVATIONS).support()
    H = np.ones(layout.shape(Domain.ACTIVATIONS), np.float32) if support is None else support.astype(np.float32)
    costs = []
    for index in run.steps(len(CANDIDATES), "stiffness of the strings"):
        W: Array = harmonic_templates(layout, _LOBE_CENTS, CANDIDATES[index]).astype(np.float32)
        costs.append(factorize(V, W, H, beta=beta, solver="mu", max_iterations=_ITERATIONS, tolerance=0).costs[-1])
    return CANDIDATES[int(np.argmin(costs))]


def known_inharmonicity(problem: Problem) -> float | None:
    """What a statement says of it; None where none does."""
    said = [hosted.statement for hosted in (*problem.constraints, *problem.priors)]
    told = [vars(one)[_OPTION] for one in said if _OPTION in one.model_fields_set]
    return told[0] if told else None


def with_inharmonicity(problem: Problem, inharmonicity: float) -> Problem:
    """The problem, whose statements about partials take this value where none was said."""
    return replace(
        problem,
        constraints=tuple(_told(hosted, inharmonicity) for hosted in problem.constraints),
        priors=tuple(_told(hosted, inharmonicity) for hosted in problem.priors),
    )


def _told(hosted: Hosted[S], inharmonicity: float) -> Hosted[S]:
    statement = hosted.statement
    if _OPTION not in type(statement).model_fields or _OPTION in statement.model_fields_set:
        return hosted
    return replace(hosted, statement=statement.model_copy(update={_OPTION: inharmonicity}))


def some_frames(count: int) -> list[slice]:
    """Short runs of frames from all over the recording, or all of it where it is short."""
    if count <= _FRAMES:
        return [slice(0, count)]
    firsts = np.linspace(0, count - _AT_A_TIME, _FRAMES // _AT_A_TIME).astype(int)
    return [slice(first, first + _AT_A_TIME) for first in firsts.tolist()]
