"""Compose pieces for one instrument each: ``python compose.py OUT --instrument violin --instrument piano``.

OUT/<instrument>/<number>.mid have one track, named after the instrument, for the dataset `rendered`.
Nothing of them was ever played: lines walk over a scale, a piano has chords and a pedal as well. Equal
seeds give equal files.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
import pretty_midi

Rng = np.random.Generator
SCALES = ((0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 11), (0, 2, 3, 5, 7, 9, 10), tuple(range(12)))
STEPS = (-2, -1, -1, -1, 0, 1, 1, 1, 2, 3, -3, 5, -5)
_PEDAL, _EXPRESSION = 64, 11


@dataclass(frozen=True)
class Instrument:
    """What an instrument plays.

    Attributes
    ----------
    program : int
        Of General MIDI, from 0.
    lowest, highest : int
        MIDI pitches.
    chords : bool
        Whether it plays more than a line.
    """

    program: int
    lowest: int
    highest: int
    chords: bool = False


INSTRUMENTS = {
    "violin": Instrument(40, 55, 96),
    "bassoon": Instrument(70, 34, 72),
    "piano": Instrument(0, 28, 100, chords=True),
}


def compose(name: str, seconds: float, rng: Rng) -> pretty_midi.PrettyMIDI:
    """A piece for one instrument."""
    what = INSTRUMENTS[name]
    part = pretty_midi.Instrument(program=what.program, name=name)
    start = 0.0
    while start < seconds:
        end = start + float(rng.uniform(4, 10))
        scale = _scale(rng, what)
        for centre, density in _voices(rng, what):
            part.notes += _line(scale, centre, density, start, end, rng)
        if what.chords and rng.random() < 0.6:
            part.notes += _chords(scale, start, end, rng)
        if what.chords and rng.random() < 0.4:
            part.control_changes += _pressed(start, end, rng)
        elif not what.chords:
            part.control_changes += _swells(start, end, rng)
        start = end + float(rng.uniform(0.0, 0.8))
    midi = pretty_midi.PrettyMIDI()
    midi.instruments.append(part)
    return midi


def _scale(rng: Rng, what: Instrument) -> list[int]:
    tonic, degrees = int(rng.integers(12)), SCALES[int(rng.integers(len(SCALES)))]
    return [pitch for pitch in range(what.lowest, what.highest + 1) if (pitch - tonic) % 12 in degrees]


def _voices(rng: Rng, what: Instrument) -> list[tuple[float, float]]:
    """Where lines lie, from 0 to 1 of the compass, and how many notes a second they have."""
    count = int(rng.integers(1, 4)) if what.chords else 1
    # Rather in the lower two thirds of the compass, where instruments are mostly heard.
    return [(float(rng.beta(2, 2.5)), float(np.exp(rng.uniform(np.log(0.7), np.log(8))))) for _ in range(count)]


def _line(
    scale: list[int], centre: float, density: float, start: float, end: float, rng: Rng
) -> list[pretty_midi.Note]:
    notes, place, now = [], round(centre * (len(scale) - 1)), start
    legato, loudness = float(rng.uniform(0.5, 1.05)), float(rng.uniform(45, 110))
    while now < end:
        length = float(rng.choice([0.5, 1, 1, 1, 2])) / density
        if rng.random() < 0.9:
            place = int(np.clip(place + rng.choice(STEPS), 0, len(scale) - 1))
            velocity = int(np.clip(loudness + rng.normal(0, 10), 20, 127))
            notes.append(pretty_midi.Note(velocity, scale[place], now, now + max(0.06, legato * length)))
        now += length
        if rng.random() < 0.05:
            place = round(centre * (len(scale) - 1))
    return notes


def _chords(scale: list[int], start: float, end: float, rng: Rng) -> list[pretty_midi.Note]:
    notes, now = [], start
    length, loudness = float(rng.uniform(0.3, 2.0)), float(rng.uniform(40, 95))
    while now < end:
        root, size = int(rng.integers(max(1, len(scale) // 2))), int(rng.integers(2, 5))
        for voice in range(size):
            place = min(root + 2 * voice + 7 * int(rng.integers(2)), len(scale) - 1)
            velocity = int(np.clip(loudness + rng.normal(0, 6), 20, 127))
            spread = float(rng.uniform(0, 0.03))
            notes.append(pretty_midi.Note(velocity, scale[place], now + spread, now + spread + 0.95 * length))
        now += length
    return notes


def _pressed(start: float, end: float, rng: Rng) -> list[pretty_midi.ControlChange]:
    """A pedal that is pressed anew every second or two."""
    changes, now = [], start
    while now < end:
        held = float(rng.uniform(0.8, 2.5))
        changes.append(pretty_midi.ControlChange(_PEDAL, 127, now))
        changes.append(pretty_midi.ControlChange(_PEDAL, 0, min(now + held, end)))
        now += held + 0.05
    return changes


def _swells(start: float, end: float, rng: Rng) -> list[pretty_midi.ControlChange]:
    """Expression that rises and falls."""
    period, depth = float(rng.uniform(1, 5)), float(rng.uniform(0, 50))
    times = np.arange(start, end, 0.1)
    levels = 127 - depth * (0.5 + 0.5 * np.sin(2 * np.pi * (times - start) / period))
    return [
        pretty_midi.ControlChange(_EXPRESSION, int(level), float(time))
        for time, level in zip(times, levels, strict=True)
    ]


@click.command()
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--instrument", "names", multiple=True, default=list(INSTRUMENTS), type=click.Choice(list(INSTRUMENTS)))
@click.option("--count", default=32, show_default=True, help="Of pieces for each instrument.")
@click.option("--seconds", default=50.0, show_default=True, help="Least length of a piece.")
@click.option("--seed", default=2023, show_default=True)
def main(out: Path, names: tuple[str, ...], count: int, seconds: float, seed: int) -> None:
    """Compose pieces into OUT."""
    for name in names:
        (out / name).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            rng = np.random.default_rng([seed, list(INSTRUMENTS).index(name), number])
            compose(name, seconds, rng).write(str(out / name / f"{number:02d}.mid"))


if __name__ == "__main__":
    main()
