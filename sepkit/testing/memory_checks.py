"""Checks that memory does not grow with the mixture."""

from __future__ import annotations

from sepkit.testing.check import check, declares_trait
from sepkit.testing.memory_probe import memory_probe
from sepkit.testing.outcome import Skipped, require
from sepkit.testing.subject import MethodSubject

_MOST_BYTES = 4.0
"""For each sample of each channel: what one copy of the mixture takes; the measure itself is exact to about two."""


@check(when=declares_trait("streams"))
def memory_does_not_grow_with_the_mixture(subject: MethodSubject) -> None:
    """A longer mixture takes hardly more memory of the process's own, as the spec declares."""
    if "weights" in subject.spec.needs and subject.weights is None:
        raise Skipped("it needs weights and none ship with it; give some with weights=... or --weights")
    grown = memory_probe(subject)
    require(
        grown <= _MOST_BYTES,
        f"each sample of the mixture takes {grown:.1f} bytes of memory, {grown * 44100 * 60 / 2**20:.0f} MiB a minute; "
        "work block by block, make arrays as long as the mixture with sepkit.large, or do not declare streams",
    )
