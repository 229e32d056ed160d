"""Which methods suit what a user has: those that make use of it, and those that need nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sepkit.plugin.registry import Registry
from sepkit.plugin.specs import SeparatorSpec
from sepkit.problem.needs import in_plain_words, kinds, unmet


@dataclass(frozen=True)
class Suggestions:
    """Installed methods, by what they do with what there is.

    Attributes
    ----------
    using : tuple of SeparatorSpec
        They need some of what is given, or make use of it, and need nothing else.
    without : tuple of SeparatorSpec
        They need nothing of what may be given.
    lacking : tuple of SeparatorSpec
        They need something that is not given.
    """

    using: tuple[SeparatorSpec, ...]
    without: tuple[SeparatorSpec, ...]
    lacking: tuple[SeparatorSpec, ...]

    @classmethod
    def of(cls, registry: Registry, given: frozenset[str]) -> Suggestions:
        """Sort the methods of a registry.

        Parameters
        ----------
        registry : Registry
            Baselines and oracles are left out: they measure, they do not help.
        given : frozenset of str
            In the words of needs.
        """
        specs = [spec for _, spec in sorted(registry.separators.items()) if "yardstick" not in spec.traits]
        able = [spec for spec in specs if not missing(spec, given)]
        using = tuple(spec for spec in able if given & (kinds(spec.needs) | set(spec.uses)))
        return cls(
            using,
            tuple(spec for spec in able if spec not in using),
            tuple(spec for spec in specs if spec not in able),
        )


def missing(spec: SeparatorSpec, given: frozenset[str]) -> tuple[str, ...]:
    """What the method needs beside what is given."""
    return unmet(spec.needs, given | ({"weights"} if spec.default_weights is not None else set()))


def by_needs(specs: Iterable[SeparatorSpec]) -> dict[str, list[SeparatorSpec]]:
    """Methods in groups that need the same, in words; those that need nothing first."""
    groups: dict[str, list[SeparatorSpec]] = {}
    for spec in sorted(specs, key=lambda spec: (len(spec.needs), in_plain_words(spec.needs), spec.name)):
        groups.setdefault(in_plain_words(spec.needs), []).append(spec)
    return groups
