"""Drums: the instruments that the keys of General MIDI's drum channel stand for.

References
----------
MIDI Manufacturers Association, "General MIDI Level 1", 1991: the percussion key map.
"""

from __future__ import annotations

import re

_KEYS = {
    "kick": (36, 35),
    "snare": (38, 40),
    "hi-hat": (42, 44, 46),
    "tom": (45, 41, 43, 47, 48, 50),
    "crash": (49, 57),
    "ride": (51, 53, 59),
    "splash": (55,),
    "china": (52,),
    "side-stick": (37,),
    "clap": (39,),
    "tambourine": (54,),
    "cowbell": (56,),
    "vibraslap": (58,),
    "bongo": (60, 61),
    "conga": (63, 62, 64),
    "timbale": (65, 66),
    "agogo": (67, 68),
    "cabasa": (69,),
    "maracas": (70,),
    "samba-whistle": (71, 72),
    "guiro": (73, 74),
    "claves": (75,),
    "wood-block": (76, 77),
    "cuica": (78, 79),
    "triangle": (81, 80),
}
"""The keys of each drum, its usual one first."""

_ALSO_CALLED = {
    "bassdrum": "kick",
    "kickdrum": "kick",
    "bd": "kick",
    "kd": "kick",
    "snaredrum": "snare",
    "sd": "snare",
    "hh": "hi-hat",
    "hat": "hi-hat",
    "openhihat": "hi-hat",
    "closedhihat": "hi-hat",
    "tomtom": "tom",
    "crashcymbal": "crash",
    "cymbal": "crash",
    "ridecymbal": "ride",
    "rimshot": "side-stick",
    "handclap": "clap",
    "woodblock": "wood-block",
}
_NO_DRUM = "key-"
_KIT = ("drum", "perc")

_NAMES = {key: name for name, keys in _KEYS.items() for key in keys}
_CALLED = {name.replace("-", ""): name for name in _KEYS} | _ALSO_CALLED

DRUMS = tuple(_KEYS)
"""Names of drums, the usual ones first."""


def drum_name(key: float) -> str:
    """The drum that a key of General MIDI stands for; ``key-22`` for one that stands for none.

    Examples
    --------
    >>> [drum_name(key) for key in (36, 42, 46, 22)]
    ['kick', 'hi-hat', 'hi-hat', 'key-22']
    """
    return _NAMES.get(round(key), f"{_NO_DRUM}{round(key)}")


def is_named(key: float) -> bool:
    """Whether a key of General MIDI stands for a drum."""
    return round(key) in _NAMES


def drum_key(name: str) -> int | None:
    """The usual key of a drum, whatever its spelling; None for a name that is no drum's.

    Examples
    --------
    >>> [drum_key(name) for name in ("Hihat", "BD", "snare 2", "flute")]
    [42, 36, 38, None]
    """
    letters = re.sub(r"[^a-z]", "", name.casefold())
    drum = _CALLED.get(letters) or _CALLED.get(letters.removesuffix("s"))
    return None if drum is None else _KEYS[drum][0]


def is_drum(part: str) -> bool:
    """Whether the pitches of a part of this name stand for instruments: of a drum, a kit, or a key without a name."""
    return part.casefold().startswith((*_KIT, _NO_DRUM)) or drum_key(part) is not None
