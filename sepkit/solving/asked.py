"""What a caller asks of a method, and the problem that this poses to it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from sepkit.alignment.fitting import Fitted
from sepkit.music.audio import Audio
from sepkit.music.labels import Labels
from sepkit.music.side import SideInformation
from sepkit.plugin.specs import SeparatorSpec
from sepkit.problem.constraint import Constraint
from sepkit.problem.prior import Prior
from sepkit.problem.problem import Problem
from sepkit.problem.statement import Hosted
from sepkit.solving.adaptation import Adaptation
from sepkit.solving.region import Region


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What is asked for, with all that can be told of it before any work is done.

    Attributes
    ----------
    recording : Audio
    region : Region
        What of it is to be separated.
    sources : tuple of str
        Names of the stems that are wanted, in order; empty when the method is to name what it finds.
    known : SideInformation
        What the method or a statement makes use of, of the whole recording.
    labels : tuple of Labels
        All that were given.
    priors, constraints : tuple of Hosted
        Assumed and declared.
    remarks : tuple of str
    inputs : dict of str to str
        Digests of all that was given.
    origins : dict
        Where it came from.
    """

    recording: Audio
    region: Region
    sources: tuple[str, ...]
    known: SideInformation
    labels: tuple[Labels, ...]
    priors: tuple[Hosted[Prior], ...]
    constraints: tuple[Hosted[Constraint], ...]
    remarks: tuple[str, ...]
    inputs: dict[str, str]
    origins: dict[str, Any]


@dataclass(frozen=True)
class Posed:
    """The problem that is posed, as the method takes it and as it was.

    Attributes
    ----------
    problem : Problem
        At the method's rate and with its channels.
    original : Problem
        The same at those of the recording.
    adaptation : Adaptation
        From one to the other, and back.
    known : SideInformation
        Of the whole recording, with the notes where it plays them.
    fit : Fitted or None
        How the score fits the recording, where there is one.
    """

    problem: Problem
    original: Problem
    adaptation: Adaptation
    known: SideInformation
    fit: Fitted | None

    @classmethod
    def of(
        cls, asked: Asked, spec: SeparatorSpec, sources: tuple[str, ...], sample_rate: int | None, fit: Fitted | None
    ) -> Posed:
        """The problem of separating into `sources` at a rate of `sample_rate`."""
        mixture = asked.region.mixture(asked.recording)
        known = replace(asked.known, score=fit.score if fit else None)
        here = asked.region.known(known, asked.recording)
        adaptation = Adaptation.between(mixture, sample_rate, spec.channels)
        adapted = adaptation.side_information(here)
        problem = Problem(
            adaptation.adapted(),
            sources,
            adapted.only(spec.side_information),
            asked.priors,
            asked.constraints,
            for_statements=adapted,
        )
        return cls(problem, replace(problem, mixture=mixture, for_statements=here), adaptation, known, fit)
