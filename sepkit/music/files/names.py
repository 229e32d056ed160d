"""Names of parts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from functools import lru_cache


def distinct(names: Iterable[str]) -> list[str]:
    """The names, with a number after those that were there before."""
    taken: set[str] = set()
    counts: dict[str, int] = defaultdict(lambda: 1)
    chosen = []
    for name in names:
        candidate = name
        while candidate in taken:
            counts[name] += 1
            candidate = f"{name}-{counts[name]}"
        taken.add(candidate)
        chosen.append(candidate)
    return chosen


@lru_cache(maxsize=256)
def general_midi_name(program: int, *, drums: bool) -> str:
    """The General MIDI instrument of a program from 0 to 127, such as ``Violin``."""
    import pretty_midi

    return "drums" if drums else str(pretty_midi.program_to_instrument_name(program))
