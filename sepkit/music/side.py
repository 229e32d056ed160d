"""Side information: data about the mixture, for informed source separation."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from sepkit.music.audio import Audio
from sepkit.music.f0 import F0Track
from sepkit.music.labels import Label, Labels, all_labels
from sepkit.music.score import Score


@dataclass(frozen=True)
class SideInformation:
    """What is known about the mixture as data.

    Attributes
    ----------
    score : Score or None
    f0 : mapping of str to F0Track
        By source name.
    examples : mapping of str to tuple of Audio
        Recordings of sources alone, other than the mixture, by source name.
    references : mapping of str to Audio
        The true stems by source name, of the mixture's shape and rate: what oracles know.
    labels : tuple of Labels
        What a listener says of when sources sound and where in the spectrum, file by file.
    """

    score: Score | None = None
    f0: Mapping[str, F0Track] = field(default_factory=dict)
    examples: Mapping[str, tuple[Audio, ...]] = field(default_factory=dict)
    references: Mapping[str, Audio] = field(default_factory=dict)
    labels: tuple[Labels, ...] = ()

    @property
    def all_labels(self) -> tuple[Label, ...]:
        """The labels of all files, each once."""
        return all_labels(self.labels)

    @property
    def kinds(self) -> frozenset[str]:
        """Which kinds are there, in the words that specs use for their needs."""
        there = {
            "score": self.score is not None,
            "f0": bool(self.f0),
            "examples": bool(self.examples),
            "references": bool(self.references),
            "labels": bool(self.labels),
        }
        return frozenset(kind for kind, given in there.items() if given)

    def only(self, kinds: Collection[str]) -> SideInformation:
        """What is there of some kinds, and nothing of the others."""
        return SideInformation(
            self.score if "score" in kinds else None,
            self.f0 if "f0" in kinds else {},
            self.examples if "examples" in kinds else {},
            self.references if "references" in kinds else {},
            self.labels if "labels" in kinds else (),
        )
