"""Separates for the pages, and keeps what came of it until the code that it came of changes."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import asdict
from functools import cache
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np

import sepkit
from sepkit import Audio, Registry, Separation

from . import ideas, listening, pictures  # noqa: F401
from .experiments import EXPERIMENTS, Experiment, Setting
from .recordings import RECORDINGS, Recording

ROOT = Path(__file__).parents[2]
ABOVE = {"cli", "serving", "scaffold", "testing", "training", "batching", "repeating"}
"""Rooms of sepkit that no separation comes of; rooms below import none of them."""


def rendered(name: str, into: Path) -> Path:
    """The folder of an experiment's sounds, picture and figures, which are made if they are not there."""
    experiment = EXPERIMENTS[name]
    folder = into / f"{name}-{_digest(experiment)}"
    if (folder / "figures.json").is_file():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    recording = RECORDINGS[experiment.recording]()
    _write(recording.mixture, folder / "mixture.flac")
    for source, stem in recording.stems.items():
        _write(stem, folder / f"true-{source}.flac")
    rows = []
    for number, setting in enumerate((Setting("default"), *experiment.turned)):
        separation = _separated(experiment, setting, recording)
        stems = dict(separation) if experiment.named and setting.given != () else _named(separation, recording)
        for source, stem in stems.items():
            _write(stem, folder / f"{number}-{source}.flac")
        if number == 0:
            pictures.shares(recording, stems, folder / "picture.png")
        sdr = {source: _sdr(stem, recording.stems.get(source)) for source, stem in stems.items()}
        rows.append({"told": setting.told, "sdr": sdr})
    mixture = {source: _sdr(recording.mixture, stem) for source, stem in recording.stems.items()}
    figures = {"sources": list(recording.stems), "mixture": mixture, "rows": rows}
    (folder / "figures.json").write_text(json.dumps(figures))
    return folder


def drawn(name: str, into: Path) -> Path:
    """A picture of `pictures`, which is drawn if it is not there; its sounds lie beside it."""
    folder = into / f"picture-{name}-{_digest(name)}"
    picture = folder / "picture.png"
    if not picture.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        pictures.PICTURES[name](folder)
    return picture


def _separated(experiment: Experiment, setting: Setting, recording: Recording) -> Separation:
    given: dict[str, Any] = {}
    for kind in experiment.given if setting.given is None else setting.given:
        given[kind] = recording.stems if kind == "references" else getattr(recording, kind)
    method = setting.method or experiment.method
    sources = recording.stems if experiment.sources is None else experiment.sources
    config = {} if setting.method else experiment.config
    return sepkit.separate(
        recording.mixture, method, sources=sources, config={**config, **setting.config}, **given, **setting.statements
    )


def _named(separation: Separation, recording: Recording) -> dict[str, Audio]:
    """The stems, each under the name under which all together measure best."""
    truths, found = recording.stems, list(separation.values())
    orders = (dict(zip(truths, order, strict=True)) for order in permutations(found, len(truths)))
    return max(orders, key=lambda stems: sum(_sdr(stem, truths[name]) or 0 for name, stem in stems.items()))


def _sdr(estimate: Audio, truth: Audio | None) -> float | None:
    """In dB; None where no truth is known."""
    if truth is None or estimate.length != truth.length:
        return None
    error = float(np.sum((estimate.samples - truth.samples) ** 2, dtype=np.float64))
    return 10 * math.log10(float(np.sum(truth.samples**2, dtype=np.float64)) / max(error, 1e-20))


def _write(audio: Audio, path: Path) -> None:
    """Write FLAC, quieter where it would clip."""
    peak = float(np.abs(audio.samples).max())
    Audio(audio.samples * min(1, 0.99 / max(peak, 1e-9)), audio.sample_rate).write(path)


def code_of(experiment: Experiment | None) -> list[Path]:
    """All code that an experiment or, for None, a picture comes of."""
    packages = {"nmf", "score-nmf", "classical", "source-filter", "flow-sgld"}
    if experiment is not None:
        methods = {experiment.method, *(setting.method for setting in experiment.turned if setting.method)}
        modules = {_registry().separator(name).factory.partition(".")[0] for name in methods}
        packages = {module.removeprefix("sepkit_").replace("_", "-") for module in modules - {"sepkit"}}
    rooms = [room for room in sorted((ROOT / "sepkit").iterdir()) if room.name not in ABOVE]
    folders = [*rooms, *(ROOT / "plugins" / package / "src" for package in sorted(packages))]
    own = ["synthesis.py", "recordings.py", "pictures.py"]
    own += ["render.py"] if experiment else ["ideas.py", "listening.py"]
    return [*map(Path(__file__).with_name, own), *(path for folder in folders for path in _python(folder))]


def _python(place: Path) -> list[Path]:
    return sorted(place.rglob("*.py")) if place.is_dir() else [place] if place.suffix == ".py" else []


def _digest(of: Experiment | str) -> str:
    experiment = of if isinstance(of, Experiment) else None
    digest = hashlib.sha256(json.dumps(asdict(experiment), sort_keys=True).encode() if experiment else str(of).encode())
    for path in code_of(experiment):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


@cache
def _registry() -> Registry:
    return Registry.discover()
