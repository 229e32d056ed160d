"""Which methods suit what a user has: those that make use of it, those that need nothing, those to be fetched first."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sepkit.plugin.registry import Registry
from sepkit.plugin.specs import SeparatorSpec
from sepkit.plugin.store import place_of
from sepkit.plugin.weights import Weights
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
    unfetched : dict of str to Weights
        By method: those without which it is not ready.
    lacking : tuple of SeparatorSpec
        They need something that is not given.
    """

    using: tuple[SeparatorSpec, ...]
    without: tuple[SeparatorSpec, ...]
    unfetched: dict[str, Weights]
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
        unfetched = {spec.name: weights for spec in able if (weights := _to_fetch(spec)) is not None}
        ready = [spec for spec in able if spec.name not in unfetched]
        using = tuple(spec for spec in ready if given & (kinds(spec.needs) | set(spec.uses)))
        return cls(
            using,
            tuple(spec for spec in ready if spec not in using),
            unfetched,
            tuple(spec for spec in specs if spec not in able),
        )


def missing(spec: SeparatorSpec, given: frozenset[str]) -> tuple[str, ...]:
    """What the method needs beside what is given and the weights that its plugin publishes."""
    return unmet(spec.needs, given | ({"weights"} if spec.default_weights is not None else set()))


def by_needs(specs: Iterable[SeparatorSpec]) -> dict[str, list[SeparatorSpec]]:
    """Methods in groups that need the same, in words; those that need nothing first."""
    groups: dict[str, list[SeparatorSpec]] = {}
    for spec in sorted(specs, key=lambda spec: (len(spec.needs), in_plain_words(spec.needs), spec.name)):
        groups.setdefault(in_plain_words(spec.needs), []).append(spec)
    return groups


def _to_fetch(spec: SeparatorSpec) -> Weights | None:
    default = spec.default_weights
    return None if default is None or default.ships or place_of(default).is_dir() else default
