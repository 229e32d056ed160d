"""Side information: data about the mixture, for informed source separation."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from sepkit.music.audio import Audio
from sepkit.music.f0 import F0Track
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
    """

    score: Score | None = None
    f0: Mapping[str, F0Track] = field(default_factory=dict)
    examples: Mapping[str, tuple[Audio, ...]] = field(default_factory=dict)
    references: Mapping[str, Audio] = field(default_factory=dict)

    @property
    def kinds(self) -> frozenset[str]:
        """Which kinds are there, in the words that specs use for their needs."""
        there = {
            "score": self.score is not None,
            "f0": bool(self.f0),
            "examples": bool(self.examples),
            "references": bool(self.references),
        }
        return frozenset(kind for kind, given in there.items() if given)

    def only(self, kinds: Collection[str]) -> SideInformation:
        """What is there of some kinds, and nothing of the others."""
        return SideInformation(
            self.score if "score" in kinds else None,
            self.f0 if "f0" in kinds else {},
            self.examples if "examples" in kinds else {},
            self.references if "references" in kinds else {},
        )
