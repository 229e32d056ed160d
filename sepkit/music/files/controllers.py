"""What pedals, the pitch wheel and other controllers of a MIDI channel do over time."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field

from sepkit.music.files.midi_file import Event

CONTROL, WHEEL = 0xB0, 0xE0

_SUSTAIN, _SOSTENUTO, _DOWN = 64, 66, 64
"""The controllers of two pedals, and the value from which on a pedal is down."""

_ALL_SOUND_OFF, _RESET = 120, 121
_ALL_NOTES_OFF = range(123, 128)
"""The last four change the channel's mode, which releases all keys as well."""

_DATA, _DATA_FINE, _PARAMETERS = 6, 38, {98: 0, 99: 1, 100: 0, 101: 1}
_BEND_RANGE, _NOTHING = (0, 0), (127, 127)
_CENTRE = 8192


@dataclass
class Controls:
    """The controllers of one channel; all times are ticks.

    Attributes
    ----------
    sustain, sostenuto : dict of int to bool
        From when on the pedal is down or up.
    released : list of int
        When all keys are released at once.
    silenced : list of int
        When all that sounds ends, pedals or not.
    """

    sustain: dict[int, bool] = field(default_factory=dict)
    sostenuto: dict[int, bool] = field(default_factory=dict)
    released: list[int] = field(default_factory=list)
    silenced: list[int] = field(default_factory=list)
    _bent_at: list[int] = field(default_factory=list)
    _bent_by: list[float] = field(default_factory=list)

    @classmethod
    def of(cls, events: Iterable[Event]) -> Controls:
        """Those of events in order of time."""
        controls = cls()
        parameter, semitones, cents, wheel = [*_NOTHING], 2, 0, 0
        for event in events:
            first, second = event.data
            if event.kind == WHEEL:
                wheel = first + 128 * second - _CENTRE
            elif first in (_SUSTAIN, _SOSTENUTO):
                pedal = controls.sustain if first == _SUSTAIN else controls.sostenuto
                pedal[event.tick] = second >= _DOWN
            elif first == _ALL_SOUND_OFF or first in _ALL_NOTES_OFF:
                controls.released.append(event.tick)
                if first == _ALL_SOUND_OFF:
                    controls.silenced.append(event.tick)
            elif first == _RESET:
                controls.sustain[event.tick] = controls.sostenuto[event.tick] = False
                parameter, wheel = [*_NOTHING], 0
            elif first in _PARAMETERS:
                # Parameters that are not registered are others: none of them is the range of the wheel.
                parameter[_PARAMETERS[first]] = second if first >= 100 else 127
            elif tuple(parameter) == _BEND_RANGE and first == _DATA:
                semitones = second
            elif tuple(parameter) == _BEND_RANGE and first == _DATA_FINE:
                cents = second
            controls._bend(event.tick, round(wheel / _CENTRE * (semitones + cents / 100), 2))
        return controls

    def _bend(self, tick: int, semitones: float) -> None:
        if semitones == (self._bent_by[-1] if self._bent_by else 0):
            return
        self._bent_at.append(tick)
        self._bent_by.append(semitones)

    def bend(self, tick: int) -> float:
        """By how many semitones a note that begins at `tick` is bent."""
        last = bisect_right(self._bent_at, tick) - 1
        return self._bent_by[last] if last >= 0 else 0.0

    def bends_within(self, on: int, off: int) -> bool:
        """Whether the wheel moves between two ticks."""
        return bisect_left(self._bent_at, off) > bisect_right(self._bent_at, on)
