"""Files of what is known of a mixture, as options name them."""

from __future__ import annotations

import os
import re
from pathlib import Path

from sepkit.errors import ConfigError, SideInformationError
from sepkit.opening import as_spelt, composed

_TABLES = (".csv", ".tsv")
_CLOCK = re.compile(r"(\d+:){0,2}\d+(\.\d+)?")


def f0_files(paths: tuple[Path, ...]) -> dict[str, Path]:
    """The F0 track of every source, out of files and folders; raises `SideInformationError`."""
    files: list[Path] = []
    for path in map(as_spelt, paths):
        inside = (
            sorted(file for file in path.iterdir() if file.suffix.lower() in _TABLES) if os.path.isdir(path) else [path]
        )
        if not inside:
            raise SideInformationError(f"the folder {path} holds no F0 tracks named <source>.csv")
        files += inside
    names = [composed(file.stem) for file in files]
    twins = [str(file) for file, name in zip(files, names, strict=True) if names.count(name) > 1]
    if twins:
        raise SideInformationError(f"{' and '.join(twins)} are F0 tracks of one source; give one of them")
    return dict(zip(names, files, strict=True))


def parse_examples(given: tuple[str, ...]) -> dict[str, list[Path]]:
    """Files and folders of examples by source, from ``NAME=PATH``; raises `ConfigError`."""
    examples: dict[str, list[Path]] = {}
    for text in given:
        name, equals, path = text.partition("=")
        if not (equals and name.strip() and path):
            raise ConfigError(f"--example needs NAME=PATH, as in drums=drums.wav, given '{text}'")
        examples.setdefault(composed(name.strip()), []).append(as_spelt(Path(path)))
    return examples


def parse_tasks(given: tuple[str, ...]) -> dict[str, list[str]]:
    """Datasets by the stem to learn from them, from ``NAME=DATASET``; raises `ConfigError`."""
    tasks: dict[str, list[str]] = {}
    for text in given:
        name, _, dataset = text.partition("=")
        if not (name.strip() and dataset):
            raise ConfigError(f"--task needs NAME=DATASET, as in cello=recordings, given '{text}'")
        tasks.setdefault(composed(name.strip()), []).append(dataset)
    return tasks


def parse_solos(given: tuple[str, ...]) -> dict[str, list[tuple[float, float]]]:
    """Passages by source, from ``NAME=FROM-TO`` in seconds or minutes and seconds; raises `ConfigError`."""
    solos: dict[str, list[tuple[float, float]]] = {}
    for text in given:
        name, _, times = text.rpartition("=")
        start, _, end = times.partition("-")
        try:
            passage = (_seconds(start), _seconds(end))
        except ValueError:
            passage = None
        if passage is None or not name.strip():
            raise ConfigError(f"--solo needs NAME=FROM-TO, as in piano=0:00-0:35 or piano=0-35.5, given '{text}'")
        solos.setdefault(composed(name.strip()), []).append(passage)
    return solos


def _seconds(text: str) -> float:
    """Seconds of ``35.5``, ``1:05`` or ``1:02:03``; raises `ValueError`."""
    fields = text.strip().split(":")
    if not _CLOCK.fullmatch(text.strip()):
        raise ValueError(text)
    return sum(float(field) * 60.0**power for power, field in enumerate(reversed(fields)))
