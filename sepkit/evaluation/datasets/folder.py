"""Tracks in folders of one's own: a folder a track, a file a stem."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sepkit.errors import DatasetError
from sepkit.evaluation.dataset import Dataset, Split, Track
from sepkit.evaluation.datasets.layout import dataset_folder, entries, is_file, is_folder
from sepkit.music.audio import SUFFIXES

SPLITS: dict[str, Split] = {"train": "train", "valid": "valid", "validation": "valid", "test": "test"}
"""Folders whose tracks are that part of a split."""

_SCORES = ("score.mid", "score.midi", "score.musicxml", "score.mxl", "score.csv")
_DEEPEST = 50
_LAYOUTS = (
    "a track is a folder with stems/ in it, or with mixture.wav beside its stems, its F0 or its score, or with two or "
    "more stems"
)


class Folder(Dataset):
    """Tracks in folders, in any of four layouts.

    A folder is a track if it holds

    - ``stems/`` with a file of audio for every stem, and perhaps a ``mixture`` beside it;
    - or a ``mixture`` and other files of audio, which are the stems;
    - or two or more files of audio, no ``mixture`` and no tracks; but only `path` itself, the folders in it, and those
      in its ``train``, ``valid`` and ``test``;
    - or a ``mixture`` and F0 or a score of what sounds in it: its stems are not known.

    Without a ``mixture``, it is the sum of the stems. ``score.mid`` or ``score.csv`` and ``f0/<source>.csv`` belong to
    the track whose folder holds them. Tracks below ``train``, ``valid`` (or ``validation``) and ``test`` of `path` are
    these parts of a split. Tracks whose folders have one name are taken for one piece, which no split divides.
    """

    path: Path
    """Folder that holds the tracks, or a track itself."""

    def tracks(self) -> Iterator[Track]:
        """Yield the tracks, sorted by name."""
        root = dataset_folder(self.path)
        found = list(_found_below(root, _shallow(root)))
        if not found:
            raise DatasetError(f"no tracks in {self.path}: {_LAYOUTS}")
        for one in found:
            yield one.as_track(root)


@dataclass(frozen=True)
class _Found:
    """A folder that is a track."""

    folder: Path
    stems: list[Path]
    mixtures: list[Path]

    def as_track(self, root: Path) -> Track:
        place = self.folder.relative_to(root).parts
        stems = {file.stem: file for file in _distinct(self.stems)}
        f0 = {name: self.folder / "f0" / f"{name}.csv" for name in stems} if stems else _tracks_of_f0(self.folder)
        return Track(
            name="/".join(place) or root.resolve().name,
            stems=stems,
            mixture=next(iter(_distinct(self.mixtures)), None),
            score=_score(self.folder),
            f0={name: file for name, file in f0.items() if is_file(file)},
            group=self.folder.resolve().name,
            split=SPLITS.get(place[0]) if len(place) > 1 else None,
        )


def _shallow(root: Path) -> set[Path]:
    """Folders in which files of audio alone make a track; further down they could be anything."""
    inside = entries(root)
    parts = [path for path in inside if path.name in SPLITS and is_folder(path)]
    return {root, *inside}.difference(parts).union(*map(entries, parts))


def _found_below(folder: Path, shallow: set[Path], above: tuple[Path, ...] = ()) -> Iterator[_Found]:
    if folder.resolve() in above:  # a link that leads back
        return
    if len(above) > _DEEPEST:
        raise DatasetError(f"{above[0]} holds folders more than {_DEEPEST} deep; give one further down, or move them")
    audio, stems = _audio(folder), _audio(folder / "stems")
    mixtures = [path for path in audio if path.stem.casefold() == "mixture"]
    others = [path for path in audio if path not in mixtures]
    if stems or (mixtures and others):
        yield _Found(folder, stems or others, mixtures)
        return
    if mixtures and (_score(folder) or _tracks_of_f0(folder)):
        yield _Found(folder, [], mixtures)
        return
    holds_tracks = False
    for child in filter(is_folder, entries(folder)):
        for found in _found_below(child, shallow, (*above, folder.resolve())):
            holds_tracks = True
            yield found
    if not holds_tracks and folder in shallow and len(others) > 1:
        yield _Found(folder, others, [])


def _score(folder: Path) -> Path | None:
    return next((folder / score for score in _SCORES if is_file(folder / score)), None)


def _tracks_of_f0(folder: Path) -> dict[str, Path]:
    inside = entries(folder / "f0") if is_folder(folder / "f0") else []
    return {path.stem: path for path in inside if path.suffix.lower() == ".csv" and is_file(path)}


def _audio(folder: Path) -> list[Path]:
    inside = entries(folder) if is_folder(folder) else []
    return [path for path in inside if path.suffix.lower() in SUFFIXES and is_file(path)]


def _distinct(files: list[Path]) -> list[Path]:
    names = [file.stem.casefold() for file in files]
    twins = [file.name for file in files if names.count(file.stem.casefold()) > 1]
    if twins:
        raise DatasetError(f"{files[0].parent} holds the same stem more than once: {', '.join(twins)}; keep one")
    return files
