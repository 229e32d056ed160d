"""Notes out of the strokes, releases and pedals of a keyboard, in ticks."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sepkit.music.files.controllers import Controls

Channel = tuple[int, int]
"""Port and channel: what one pedal acts on."""

ALL_KEYS = -1
"""The velocity of a release of all keys at once."""


class Stroke(NamedTuple):
    """A key that is struck, or released where the velocity is 0 or `ALL_KEYS`."""

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
    own = [stroke.velocity for stroke in strokes if stroke.velocity != ALL_KEYS]
    balanced = 2 * sum(velocity > 0 for velocity in own) == len(own)
    sounding: list[Stroke] = []
    pairs, released = [], -1
    for stroke in strokes:
        if stroke.velocity > 0:
            sounding.append(stroke)
            continue
        released = stroke.tick
        ended = sounding[:1] if balanced and stroke.velocity != ALL_KEYS else sounding[:]
        pairs += [(begun, released) for begun in ended]
        del sounding[: len(ended)]
    # Some writers put the release of a note of zero length in front of it.
    empty, unreleased = [[s for s in sounding if (s.tick == released) is same] for same in (True, False)]
    pairs += [(begun, released) for begun in empty] + [(begun, end) for begun in unreleased]
    return pairs, [begun.tick for begun in unreleased]


def sustain(notes: Iterable[Struck], controls: Mapping[Channel, Controls], end: int) -> None:
    """Let notes sound on under the pedals until these are released, their key is struck again, or all is silenced.

    The sustain pedal holds all notes that end while it is down, the sostenuto pedal those that sound when it goes down.

    Parameters
    ----------
    notes : iterable of Struck
        Their ends move.
    controls : mapping of Channel to Controls
    end : int
        The tick at which a pedal that is never released lets go.
    """
    pedals = {channel: (_turns(own.sustain), _turns(own.sostenuto)) for channel, own in controls.items()}
    notes = sorted(notes, key=lambda note: note.on)
    onsets: dict[tuple[Channel, int], list[int]] = defaultdict(list)
    for note in notes:
        onsets[note.channel, note.pitch].append(note.on)
    for note in notes:
        if note.channel not in pedals:
            continue
        sustained, held = pedals[note.channel]
        released = note.off
        # Down when the note begins, the sostenuto pedal has no hold on it; it may go down later.
        pressed = bisect_left(held, (note.on, True))
        if pressed < len(held) and not held[pressed][1]:
            pressed += 1
        if pressed < len(held) and held[pressed][0] < note.off:
            released = max(released, _release(held, pressed, end))
        following = bisect_right(sustained, (released, True))
        if following and sustained[following - 1][1]:
            released = max(released, _release(sustained, following - 1, end))
        strokes = onsets[note.channel, note.pitch]
        again = bisect_left(strokes, max(note.off, note.on + 1))
        silenced = controls[note.channel].silenced
        silence = bisect_right(silenced, note.on)
        if released > note.off:
            note.off = min([released, *strokes[again : again + 1], *silenced[silence : silence + 1]])


def _release(turns: Sequence[tuple[int, bool]], pressed: int, end: int) -> int:
    return turns[pressed + 1][0] if pressed + 1 < len(turns) else end


def _turns(pedal: Mapping[int, bool]) -> list[tuple[int, bool]]:
    """When the pedal goes down (True) and up, in turns."""
    turns: list[tuple[int, bool]] = []
    for tick, down in sorted(pedal.items()):
        if not turns or turns[-1][1] != down:
            turns.append((tick, down))
    return turns
