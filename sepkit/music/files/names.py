"""Names of parts."""

from __future__ import annotations

from collections.abc import Iterable


def distinct(names: Iterable[str]) -> list[str]:
    """The names, with a number after those that were there before."""
    chosen: list[str] = []
    for name in names:
        candidate, count = name, 1
        while candidate in chosen:
            count += 1
            candidate = f"{name}-{count}"
        chosen.append(candidate)
    return chosen


def general_midi_name(program: int, *, drums: bool) -> str:
    """The General MIDI instrument of a program from 0 to 127, such as ``Violin``."""
    import pretty_midi

    return "drums" if drums else str(pretty_midi.program_to_instrument_name(program))
