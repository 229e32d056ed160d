"""The bundled recording as a dataset of one track."""

from __future__ import annotations

from collections.abc import Iterator

from sepkit import example
from sepkit.evaluation.dataset import Dataset, Track


class BundledExample(Dataset):
    """Eight bars for flute, cello and drums, with their score: for trying things out."""

    @property
    def name(self) -> str:
        """As it is published."""
        return "example"

    def tracks(self) -> Iterator[Track]:
        """Yield the one track."""
        stems = {source: example.FOLDER / f"{source}.flac" for source in example.SOURCES}
        yield Track(name="ode-to-joy", stems=stems, score=example.FOLDER / "score.mid")
