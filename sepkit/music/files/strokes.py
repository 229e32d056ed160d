"""Notes out of the strokes, releases and pedals of a keyboard, in ticks."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

Channel = tuple[int, int]
"""Port and channel: what one pedal acts on."""


class Stroke(NamedTuple):
    """A key that is struck, or released where the velocity is 0."""

    tick: int
    velocity: int
    program: int = 0


@dataclass
class Struck:
    """A note in ticks."""

    track: int
    channel: Channel
    program: int
    pitch: int
    velocity: int
    on: int
    off: int


def paired(strokes: Sequence[Stroke], end: int) -> tuple[list[tuple[Stroke, int]], list[int]]:
    """Find the tick at which each stroke of one key ends.

    A key that is struck again while it sounds, by a second voice, is released as often as it was struck: each release
    ends the oldest note. Where releases are missing, one ends all, so that the following ones do not shift.

    Returns
    -------
    pairs : list of (Stroke, int)
    unreleased : list of int
        The ticks of strokes that nothing ends; they last to `end`.
    """
    balanced = 2 * sum(stroke.velocity > 0 for stroke in strokes) == len(strokes)
    sounding: list[Stroke] = []
    pairs, released = [], -1
    for stroke in strokes:
        if stroke.velocity > 0:
            sounding.append(stroke)
            continue
        released = stroke.tick
        ended = sounding[:1] if balanced else sounding[:]
        pairs += [(begun, released) for begun in ended]
        del sounding[: len(ended)]
    # Some writers put the release of a note of zero length in front of it.
    empty, unreleased = [[s for s in sounding if (s.tick == released) is same] for same in (True, False)]
    pairs += [(begun, released) for begun in empty] + [(begun, end) for begun in unreleased]
    return pairs, [begun.tick for begun in unreleased]


def sustain(notes: Iterable[Struck], pedals: Mapping[Channel, Mapping[int, bool]], end: int) -> None:
    """Let notes sound until the pedal under which they end is released, or their key is struck again.

    Parameters
    ----------
    notes : iterable of Struck
        Their ends move.
    pedals : mapping of Channel to mapping of int to bool
        From which ticks on the pedal is down or up.
    end : int
        The tick at which a pedal that is never released lets go.
    """
    turns = {channel: _turns(pedal) for channel, pedal in pedals.items()}
    notes = sorted(notes, key=lambda note: note.on)
    onsets: dict[tuple[Channel, int], list[int]] = defaultdict(list)
    for note in notes:
        onsets[note.channel, note.pitch].append(note.on)
    for note in notes:
        moves = turns.get(note.channel, [])
        following = bisect_right(moves, (note.off, True))
        if following and moves[following - 1][1]:
            release = moves[following][0] if following < len(moves) else max(end, note.off)
            strokes = onsets[note.channel, note.pitch]
            again = bisect_left(strokes, max(note.off, note.on + 1))
            note.off = min([release, *strokes[again : again + 1]])


def _turns(pedal: Mapping[int, bool]) -> list[tuple[int, bool]]:
    """When the pedal goes down (True) and up, in turns."""
    turns: list[tuple[int, bool]] = []
    for tick, down in sorted(pedal.items()):
        if not turns or turns[-1][1] != down:
            turns.append((tick, down))
    return turns
