"""The bundled recordings as a dataset of two tracks."""

from __future__ import annotations

from collections.abc import Iterator

from sepkit import example
from sepkit.evaluation.dataset import Dataset, Track


class BundledExample(Dataset):
    """Flute, cello and drums, and the hands of a pianist, with their scores: for trying things out."""

    @property
    def name(self) -> str:
        """As it is published."""
        return "example"

    def tracks(self) -> Iterator[Track]:
        """Yield the two tracks."""
        for name, folder, sources in (
            ("ode", example.FOLDER, example.SOURCES),
            ("piano", example.PIANO_FOLDER, example.HANDS),
        ):
            yield Track(
                name=name,
                stems={source: folder / f"{source}.flac" for source in sources},
                score=folder / "score.mid",
            )
