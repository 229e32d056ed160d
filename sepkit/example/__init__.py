"""The bundled example: eight bars for flute, cello and drums, with the stems that they were mixed from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sepkit.audio import Audio
from sepkit.score import Score

FOLDER = Path(__file__).parent
SOURCES = ("flute", "cello", "drums")


@dataclass(frozen=True)
class Example:
    """A recording with everything that is known about it.

    Attributes
    ----------
    mixture : Audio
        The sum of the stems.
    stems : dict of str to Audio
    training : dict of str to Path
        For every source a recording of other notes by the same instrument.
    score : Score
    """

    mixture: Audio
    stems: dict[str, Audio]
    training: dict[str, Path]
    score: Score


def load() -> Example:
    """Read the bundled example."""
    stems = {source: Audio.read(FOLDER / f"{source}.flac") for source in SOURCES}
    total = np.sum([stem.samples for stem in stems.values()], axis=0)
    return Example(
        mixture=Audio(total, stems[SOURCES[0]].sample_rate),
        stems=stems,
        training={source: FOLDER / f"{source}_example.flac" for source in SOURCES},
        score=Score.read(FOLDER / "score.mid"),
    )
