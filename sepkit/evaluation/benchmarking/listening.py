"""What can be listened to in the report: excerpts with pictures of their spectrograms, ready to be put into a page."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sepkit.errors import AudioError
from sepkit.evaluation.benchmarking.plots import power_db, spectrogram_png
from sepkit.evaluation.benchmarking.results import Result
from sepkit.evaluation.benchmarking.summary import Quality
from sepkit.music.audio import Audio

MOST_TRACKS = 6
_TYPES = {".mp3": "audio/mpeg", ".flac": "audio/flac"}


@dataclass(frozen=True)
class Clip:
    """An excerpt of one signal.

    Attributes
    ----------
    name : str
        Of the source, or ``"mixture"``.
    audio, picture : str
        As ``data:`` URIs.
    """

    name: str
    audio: str
    picture: str


@dataclass(frozen=True)
class Heard:
    """Everything of one track that can be listened to.

    Attributes
    ----------
    track : str
    start_s : float
        Where the excerpts begin.
    rows : tuple of (str, tuple of Clip)
        The mixture, the true stems, and the estimates of every entry.
    """

    track: str
    start_s: float
    rows: tuple[tuple[str, tuple[Clip, ...]], ...]


def chosen_tracks(ranking: Mapping[str, float], there: Iterable[str]) -> list[str]:
    """Some tracks from the best to the worst, evenly spread over their ranking.

    Parameters
    ----------
    ranking : mapping of str to float
        By track, higher is better.
    there : iterable of str
        Tracks to choose from; those that are not ranked come last.
    """
    ranked = sorted(there, key=lambda track: (-ranking.get(track, -np.inf), track))
    places = np.linspace(0, len(ranked) - 1, min(MOST_TRACKS, len(ranked)))
    return [ranked[place] for place in np.unique(np.rint(places).astype(int))]


def heard_tracks(folder: Path, results: Iterable[Result], first: Quality) -> list[Heard]:
    """The excerpts of some tracks.

    Parameters
    ----------
    folder : Path
        Of the benchmark.
    results : iterable of Result
        In the order of the rows.
    first : Quality
        By which tracks are ranked.
    """
    kept: dict[str, dict[str, Result]] = {}
    for result in results:
        if result.excerpts:
            kept.setdefault(result.track, {})[result.entry] = result
    with_truth = [track for track, found in kept.items() if any("truth" in r.excerpts for r in found.values())]
    return [
        heard
        for track in chosen_tracks(first.by_track, with_truth)
        if (heard := _heard(folder, track, kept[track])) is not None
    ]


def _heard(folder: Path, track: str, results: Mapping[str, Result]) -> Heard | None:
    truth = next(result.excerpts for result in results.values() if "truth" in result.excerpts)
    try:
        mixture = Audio.read(folder / truth["mixture"])
    except AudioError:
        # Somebody has tidied up.
        return None
    loudest_db = float(power_db(mixture).max())

    def clips(paths: Mapping[str, str]) -> tuple[Clip, ...]:
        return tuple(
            _clip(name, folder / path, loudest_db) for name, path in paths.items() if os.path.isfile(folder / path)
        )

    rows = [("mixture", clips({"mixture": truth["mixture"]})), ("true stems", clips(truth["truth"]))]
    rows += [(entry, clips(result.excerpts.get("estimates", {}))) for entry, result in results.items()]
    return Heard(track, truth["start_s"], tuple((name, found) for name, found in rows if found))


def _clip(name: str, path: Path, loudest_db: float) -> Clip:
    picture = spectrogram_png(Audio.read(path), loudest_db)
    return Clip(name, _data(_TYPES[path.suffix], path.read_bytes()), _data("image/png", picture))


def _data(media_type: str, content: bytes) -> str:
    return f"data:{media_type};base64,{base64.b64encode(content).decode('ascii')}"
