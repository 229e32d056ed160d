"""Recordings without stems as a dataset to learn from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sepkit.errors import DatasetError
from sepkit.evaluation.dataset import Dataset, Track
from sepkit.evaluation.datasets.layout import dataset_folder, entries, is_file
from sepkit.music.audio import SUFFIXES


class Recordings(Dataset):
    """Every file of audio in a folder is a mixture of which nothing else is known.

    All belong to the part ``train``: there is nothing to measure on.
    """

    path: Path
    """Folder that holds the recordings."""

    def tracks(self) -> Iterator[Track]:
        """Yield the recordings, sorted by name."""
        folder = dataset_folder(self.path)
        files = sorted(file for file in entries(folder) if file.suffix.lower() in SUFFIXES and is_file(file))
        if not files:
            raise DatasetError(f"no recordings in {self.path}: give a folder that holds files of audio")
        for file in files:
            yield Track(name=file.name, stems={}, mixture=file, split="train")
