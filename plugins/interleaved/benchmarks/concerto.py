"""What adaptation to a piece gains: piano and strings, trained on other renderings, adapted to solo passages.

CORPUS is what ``recipe/render.py --concerto`` makes: its test pieces come from another soundfont than those to learn
from, and begin with strings alone and piano alone, where ``solos.json`` says. What is measured is all that follows,
where both play, and of which the adaptation has heard nothing::

    python plugins/interleaved/recipe/render.py CORPUS --concerto --soundfont A.sf2 --held-back B.sf3
    python plugins/interleaved/benchmarks/concerto.py CORPUS OUT --picture docs/guide/pictures/concerto.png > table.md
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import sepkit
from sepkit import Audio
from sepkit.evaluation import Track, evaluate
from sepkit.evaluation.datasets.folder import Folder
from sepkit.spectral import STFT

SOURCES = ("piano", "strings")
RING_S = 1.0
"""What rings on from one solo into the next, and is none of its own."""
SHARED = {"batch": 4, "excerpt_s": 3.0, "loss": "phase"}
RATE = 16_000
SHOWN_S, SHOWN_HZ = 8.0, 4000.0


@dataclass(frozen=True)
class Piece:
    """A test piece: all of it, where sources play alone, and the stems of the rest."""

    name: str
    mixture: Audio
    solos: dict[str, list[tuple[float, float]]]
    tutti: dict[str, Audio]

    @classmethod
    def read(cls, track: Track, folder: Path) -> Piece:
        """The piece in `folder`."""
        solos: dict[str, list[tuple[float, float]]] = {}
        end_s = 0.0
        for source, start_s, stop_s in json.loads((folder / "solos.json").read_text()):
            solos.setdefault(source, []).append((start_s + (RING_S if end_s else 0.0), stop_s))
            end_s = stop_s
        mixture = track.load_mixture()
        first = round((end_s + RING_S) * mixture.sample_rate)
        tutti = {name: Audio(stem.samples[:, first:], stem.sample_rate) for name, stem in track.load_stems().items()}
        return cls(track.name, mixture, solos, tutti)

    @property
    def both(self) -> Audio:
        """The mixture where both play."""
        return mixed(self.tutti)


def main() -> None:
    """Train, adapt, and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("out", type=Path, help="folder for weights; what is there already is used again")
    parser.add_argument("--steps", type=int, default=2000, help="of the training")
    parser.add_argument("--set", dest="adaptation", type=json.loads, default={}, help="options of the adaptation, JSON")
    parser.add_argument("--picture", type=Path, help="PNG of the piano of the first piece, before and after")
    given = parser.parse_args()
    weights = given.out / "weights"
    if not weights.is_dir() or list(weights.glob("*.training.safetensors")):
        config = {**SHARED, "sample_rate": RATE, "decoder_steps": 0, "steps": given.steps, "learning_rate": 2e-3}
        sepkit.train("interleaved", [given.corpus], weights, sources=SOURCES, config=config)
    print("| piece | | piano | strings | mean |\n| --- | --- | ---: | ---: | ---: |")
    gains = []
    for track in Folder(path=given.corpus).tracks():
        if track.split != "test":
            continue
        piece = Piece.read(track, given.corpus / track.name)
        adapted = given.out / piece.name.replace("/", "-")
        if not adapted.is_dir() or list(adapted.glob("*.training.safetensors")):
            options = {**SHARED, **given.adaptation}
            sepkit.adapt("interleaved", piece.mixture, adapted, weights=weights, solos=piece.solos, config=options)
        stems = {"before": separated(piece, weights), "after": separated(piece, adapted)}
        values = {"mixture": sdr_db(piece, dict.fromkeys(SOURCES, piece.both))}
        values |= {when: sdr_db(piece, found) for when, found in stems.items()}
        for when, row in values.items():
            print(f"| {piece.name} | {when} | " + " | ".join(f"{value:.1f}" for value in row) + " |", flush=True)
        gains.append(np.subtract(values["after"], values["before"]))
        if given.picture and len(gains) == 1:
            draw(piece, stems, given.picture)
    print("| all | gain | " + " | ".join(f"{value:+.1f}" for value in np.mean(gains, axis=0)) + " |")


def separated(piece: Piece, weights: Path) -> Mapping[str, Audio]:
    """The stems of where both play."""
    return sepkit.separate(piece.both, "interleaved", weights=weights, sources=SOURCES).stems


def sdr_db(piece: Piece, stems: Mapping[str, Audio]) -> list[float]:
    """SDR of both, and their mean."""
    values = evaluate(stems, piece.tutti, metrics=["sdr"]).values["SDR"]
    each = [values[source] for source in SOURCES]
    return [*each, float(np.mean(each))]


def mixed(stems: Mapping[str, Audio]) -> Audio:
    """Their sum."""
    rate = next(iter(stems.values())).sample_rate
    return Audio(np.sum([stem.samples for stem in stems.values()], axis=0), rate)


def draw(piece: Piece, stems: Mapping[str, Mapping[str, Audio]], path: Path) -> None:
    """Spectrograms of mixture and piano: true, before and after."""
    from matplotlib.figure import Figure

    shown = {"mixture": piece.both, "piano": piece.tutti["piano"]}
    shown |= {f"piano, {when} adaptation": found["piano"] for when, found in stems.items()}
    figure = Figure(figsize=(9, 5), layout="constrained")
    axes = figure.subplots(2, 2, sharex=True, sharey=True).flat
    stft = STFT.of_duration(0.093, 4, piece.mixture.sample_rate)
    for axis, (title, audio) in zip(axes, shown.items(), strict=True):
        samples = audio.mixdown().samples[0, : round(SHOWN_S * audio.sample_rate)]
        bins = int(np.searchsorted(stft.bins_hz(audio.sample_rate), SHOWN_HZ))
        level_db = 20 * np.log10(stft.magnitude(samples)[:bins] + 1e-3)
        extent = (0.0, SHOWN_S, 0.0, SHOWN_HZ / 1000)
        axis.imshow(level_db, origin="lower", aspect="auto", extent=extent, vmin=-30, vmax=40, cmap="magma")
        axis.set_title(title, fontsize=11)
    figure.supxlabel("seconds", fontsize=10)
    figure.supylabel("kHz", fontsize=10)
    figure.savefig(path, dpi=60)


if __name__ == "__main__":
    main()
