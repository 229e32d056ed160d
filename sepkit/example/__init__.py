"""The bundled examples, with the stems that they were mixed from.

``"ode"`` is eight bars for flute, cello and drums; ``"piano"`` is twelve bars for the two hands of a pianist.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sepkit.errors import UnknownNameError
from sepkit.music.audio import Audio
from sepkit.music.score import Score

FOLDER = Path(__file__).parent
SOURCES = ("flute", "cello", "drums")
PIANO_FOLDER = FOLDER / "piano"
HANDS = ("right", "left")


@dataclass(frozen=True)
class Example:
    """A recording with everything that is known about it.

    Attributes
    ----------
    mixture : Audio
        The sum of the stems.
    stems : dict of str to Audio
    training : dict of str to Path
        For every source a recording of other notes by the same instrument; empty for the piano.
    score : Score
        With a part for every stem.
    """

    mixture: Audio
    stems: dict[str, Audio]
    training: dict[str, Path]
    score: Score


def load(name: str = "ode") -> Example:
    """Read a bundled example.

    Parameters
    ----------
    name : str
        ``"ode"`` or ``"piano"``.

    Raises
    ------
    UnknownNameError
        If it is another.
    """
    if name == "ode":
        return _read(FOLDER, SOURCES, {source: FOLDER / f"{source}_example.flac" for source in SOURCES})
    if name == "piano":
        return _read(PIANO_FOLDER, HANDS, {})
    raise UnknownNameError(f"no example '{name}'; the examples are ode and piano")


def _read(folder: Path, sources: tuple[str, ...], training: dict[str, Path]) -> Example:
    stems = {source: Audio.read(folder / f"{source}.flac") for source in sources}
    total = np.sum([stem.samples for stem in stems.values()], axis=0)
    mixture = Audio(total, stems[sources[0]].sample_rate)
    return Example(mixture, stems, training, Score.read(folder / "score.mid"))
