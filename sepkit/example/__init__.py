"""The bundled examples, with the stems that they were mixed from.

``"ode"`` is eight bars for flute, cello and drums; ``"piano"`` is twelve bars for the two hands of a pianist. Both are
recordings of sampled instruments. The others are synthesised when they are asked for: ``"choir"``, four singers of whom
F0 is known; ``"quartet"``, four strings that play a round; ``"song"``, a singer with a band; ``"drums"``, a kit.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from sepkit.errors import UnknownNameError
from sepkit.example.rendered import PIECES
from sepkit.example.synthesis import RATE
from sepkit.music.audio import Audio
from sepkit.music.f0 import F0Track
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
        For every source a recording of other notes by the same instrument; empty but for the ode.
    score : Score
        With a part for every stem.
    f0 : dict of str to F0Track
        For singers and strings.
    """

    mixture: Audio
    stems: dict[str, Audio]
    training: dict[str, Path]
    score: Score
    f0: dict[str, F0Track] = field(default_factory=dict)


NAMES = ("ode", "piano", *PIECES)


def load(name: str = "ode") -> Example:
    """A bundled example.

    Parameters
    ----------
    name : str
        Of `NAMES`.

    Raises
    ------
    UnknownNameError
        If it is another.
    """
    if name == "ode":
        return _read(FOLDER, SOURCES, {source: FOLDER / f"{source}_example.flac" for source in SOURCES})
    if name == "piano":
        return _read(PIANO_FOLDER, HANDS, {})
    if name in PIECES:
        sounds, score, f0 = PIECES[name]()
        stems = {source: Audio.mono(samples, RATE) for source, samples in sounds.items()}
        return Example(_sum(stems), stems, {}, score, f0)
    raise UnknownNameError(f"no example '{name}'; the examples are {', '.join(NAMES)}")


def _read(folder: Path, sources: tuple[str, ...], training: dict[str, Path]) -> Example:
    stems = {source: Audio.read(folder / f"{source}.flac") for source in sources}
    return Example(_sum(stems), stems, training, Score.read(folder / "score.mid"))


def _sum(stems: dict[str, Audio]) -> Audio:
    first, *_ = stems.values()
    return Audio(np.sum([stem.samples for stem in stems.values()], axis=0), first.sample_rate)
