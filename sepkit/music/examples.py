"""Examples: recordings of the wanted sources alone, other than the mixture."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from sepkit.errors import AudioError, SideInformationError
from sepkit.music.audio import SUFFIXES, Audio
from sepkit.opening import composed

Example = Audio | str | os.PathLike[str]


def read_examples(given: Mapping[str, Example | Iterable[Example]]) -> dict[str, tuple[Audio, ...]]:
    """The recordings of every source, read where they are paths.

    Parameters
    ----------
    given : mapping of str to Audio, path, or several of them
        By source name. A folder stands for all recordings in it, in the order of their names.

    Returns
    -------
    examples : dict of str to tuple of Audio

    Raises
    ------
    AudioError
        If a recording cannot be read, or a folder holds none.
    SideInformationError
        If what is given is no mapping of names to recordings, or there is no sound of a source.
    """
    if not isinstance(given, Mapping) or not all(isinstance(name, str) for name in given):
        raise SideInformationError(
            f"examples needs to map names of sources to recordings, given {type(given).__name__}; write "
            "{'drums': 'drums.wav'}"
        )
    examples = {composed(name): tuple(_recordings(name, one)) for name, one in given.items()}
    for name, recordings in examples.items():
        if not any(recording.samples.any() for recording in recordings):
            raise SideInformationError(f"the example of source '{name}' is silent; give a recording of it alone")
    return examples


def _recordings(name: str, given: Any) -> Iterable[Audio]:
    several = [given] if isinstance(given, (Audio, str, os.PathLike)) or not isinstance(given, Iterable) else given
    for one in several:
        if isinstance(one, Audio):
            yield one
        elif isinstance(one, (str, os.PathLike)):
            path = Path(one)
            yield from map(Audio.read, _files(path) if os.path.isdir(path) else [path])
        else:
            raise SideInformationError(
                f"the example of source '{name}' needs to be Audio or a path, given {type(one).__name__}; write "
                "Audio(samples, sample_rate)"
            )


def _files(folder: Path) -> list[Path]:
    files = sorted(
        file for file in folder.iterdir() if file.suffix.lower() in SUFFIXES and not file.name.startswith(".")
    )
    if not files:
        raise AudioError(f"the folder of examples {folder} holds no audio files")
    return files
