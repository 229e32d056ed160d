"""MUSDB18 and MUSDB18-HQ, through the `musdb` package."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np

from sepkit.errors import AudioError, DatasetError
from sepkit.evaluation.dataset import Dataset, Split, Track
from sepkit.evaluation.datasets.layout import dataset_folder
from sepkit.music.audio import Audio


class MUSDB18(Dataset):
    """Songs with the stems vocals, drums, bass and other, in the dataset's own split.

    The validation tracks are those that `musdb` names. In MUSDB18 stems and mixture went through a lossy codec, so that
    the stems sum to the mixture only to about -30 dB; in MUSDB18-HQ they sum to it.

    `musdb` decodes with the programs ffmpeg and ffprobe, and cannot even be imported without them.
    """

    path: Path
    """Folder that holds ``train`` and ``test``."""
    subset: Literal["all", "train", "test"] = "all"
    """Which of them to take; ``train`` includes the validation tracks."""
    hq: bool = False
    """Whether it is MUSDB18-HQ: a folder of WAV files for every song instead of one ``.stem.mp4``."""

    def tracks(self) -> Iterator[Track]:
        """Yield the songs, those of ``train`` first, each sorted by name."""
        root = dataset_folder(self.path)
        subsets = ["train", "test"] if self.subset == "all" else [self.subset]
        absent = [program for program in ("ffmpeg", "ffprobe") if shutil.which(program) is None]
        if absent:
            raise DatasetError(f"the program {absent[0]}, with which musdb decodes songs, is missing; install ffmpeg")
        try:
            import musdb

            songs = musdb.DB(root=str(root), is_wav=self.hq, subsets=subsets)
        # What a file that cannot be opened ends in is up to ffmpeg.
        except Exception as error:
            raise DatasetError(f"musdb cannot open {self.path}: {_reason(error)}") from error
        if not songs.tracks:
            other = "hq=false for .stem.mp4 files" if self.hq else "hq=true for WAV files"
            raise DatasetError(f"no songs in {self.path}: it needs {' or '.join(subsets)} with songs in it; {other}")
        for song in songs.tracks:
            split: Split = "valid" if song.name in songs.setup["validation_tracks"] else song.subset
            yield self._track(song, tuple(songs.sources_names), split)

    def _track(self, song: Any, sources: tuple[str, ...], split: Split) -> Track:
        if self.hq:
            mixture = Path(song.path)
            return Track(
                name=song.name,
                stems={source: mixture.with_name(f"{source}.wav") for source in sources},
                mixture=mixture,
                split=split,
            )
        return Track(
            name=song.name,
            stems={source: partial(_decoded, song.sources[source], song, Path(song.path)) for source in sources},
            mixture=partial(_decoded, song, song, Path(song.path)),
            split=split,
        )


def _decoded(stem: Any, song: Any, file: Path) -> Audio:
    try:
        return Audio(np.asarray(stem.audio, np.float32).T, round(song.rate))
    # What a missing or damaged file ends in depends on how far ffmpeg and musdb got.
    except Exception as error:
        raise AudioError(f"musdb cannot decode {file}: {_reason(error)}; copy the file anew") from error


def _reason(error: Exception) -> str:
    """The last line that ffmpeg wrote, or else the message."""
    log = getattr(error, "stderr", None) or b""
    return (log.decode(errors="replace").strip() or str(error).strip() or type(error).__name__).splitlines()[-1]
