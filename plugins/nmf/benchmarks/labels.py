"""What labels are worth: SDR of `nmf` and `nae` blind, with spans, and with boxes where most is confused.

    python plugins/nmf/benchmarks/labels.py DATA

DATA holds a folder a track, ``<set>/<track>/mixture.*`` and ``stems/<source>.*``. Spans are computed from the true
stems: a source sounds where its level is within 40 dB of its highest, gaps of less than 0.4 s are closed as nobody
marks them, and each end is moved by up to 0.2 s at random, as a person would. Boxes come from the first result with
spans and the truth: the spectrogram is cut into tiles of half a second and half an octave; a tile is confused by as
much as the stem lacks there of what is the source's; the three most confused tiles in which the source has at least
80 % of the true energy get a box, 90 % strong. All figures are plain SDR in dB. Names of blind stems are
assigned so that they are highest.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from itertools import permutations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import sepkit
from sepkit import Audio, Label, Labels
from sepkit.builtin.notes import frames_within
from sepkit.spectral import STFT

TRACKS = ("urmp/01_jupiter", "violin_piano/sample2", "drums/808", "vocals/mir1k_*")
METHODS = ("nmf",)
RANGE_DB = 40
ROUGH_S, GAP_S, HOP_S = 0.2, 0.4, 0.01
TILE_S, TILES_AN_OCTAVE, LOWEST_HZ = 0.5, 2, 60.0
BOXES, STRENGTH, OWN = 3, 0.9, 0.8


def spans(stem: Audio, source: str, rng: np.random.Generator) -> list[Label]:
    """When a stem sounds, as a person would mark it."""
    hop = round(HOP_S * stem.sample_rate)
    power = np.square(stem.samples, dtype=np.float64).sum(axis=0)
    level = np.add.reduceat(power, np.arange(0, len(power), hop))
    sounding = np.flatnonzero(level > level.max() * 10 ** (-RANGE_DB / 10))
    breaks = np.flatnonzero(np.diff(sounding) * HOP_S > GAP_S)
    starts, ends = sounding[np.r_[0, breaks + 1]], sounding[np.r_[breaks, len(sounding) - 1]] + 1
    rough = rng.uniform(-ROUGH_S, ROUGH_S, (len(starts), 2))
    edges = np.clip(np.stack([starts, ends], axis=1) * HOP_S + rough, 0, stem.duration_s)
    return [Label(float(start_s), float(end_s), source) for start_s, end_s in edges if start_s < end_s]


def rests(labels: list[Label], source: str, duration_s: float) -> float:
    """The part of a recording in which a source is marked as silent."""
    times_s = np.arange(0, duration_s, HOP_S)
    own = [(label.start_s, label.end_s) for label in labels if label.source == source]
    return float(1 - frames_within(own, times_s).mean())


def boxes(stems: Mapping[str, Audio], truth: Mapping[str, Audio]) -> Iterator[Label]:
    """Where most is confused: the tiles in which the stem of a source lacks most of what is the source's."""
    rate = next(iter(truth.values())).sample_rate
    stft = STFT.of_duration(0.046, 4, rate)
    octaves = np.log2(rate / 2 / LOWEST_HZ)
    edges_hz = LOWEST_HZ * 2 ** (np.arange(int(octaves * TILES_AN_OCTAVE) + 1) / TILES_AN_OCTAVE)
    rows = np.digitize(stft.bins_hz(rate), edges_hz)

    def tiles(audio: NDArray[np.float32]) -> NDArray[np.float64]:
        spectrum = np.abs(stft.forward(audio.mean(axis=0))) ** 2
        columns = (np.maximum(stft.frames_s(audio.shape[-1], rate), 0) / TILE_S).astype(int)
        summed = np.zeros((len(edges_hz) + 1, columns.max() + 1))
        np.add.at(summed, (rows[:, np.newaxis], columns[np.newaxis]), spectrum)
        return summed[1:]

    energies = {source: tiles(stem.samples) for source, stem in truth.items()}
    total = sum(energies.values())
    for source, stem in truth.items():
        lacking = tiles(stem.samples - stems[source].samples)
        lacking[energies[source] < OWN * total] = 0
        for place in np.argsort(lacking, axis=None)[::-1][:BOXES]:
            row, column = np.unravel_index(place, lacking.shape)
            if lacking[row, column] > 0:
                high_hz = edges_hz[row + 1] if row + 1 < len(edges_hz) else None
                yield Label(
                    float(column * TILE_S),
                    float((column + 1) * TILE_S),
                    source,
                    float(edges_hz[row]),
                    None if high_hz is None else float(high_hz),
                    strength=STRENGTH,
                )


def sdr(stems: Mapping[str, Audio], truth: Mapping[str, Audio], *, permute: bool) -> float:
    """Mean plain SDR in dB over the sources."""

    def one(estimate: Audio, reference: Audio) -> float:
        error = np.sum(np.square(reference.samples - estimate.samples, dtype=np.float64))
        return float(10 * np.log10(np.sum(np.square(reference.samples, dtype=np.float64)) / error))

    names = list(truth)
    orders = permutations(names) if permute else [names]
    return max(np.mean([one(stems[a], truth[b]) for a, b in zip(order, names, strict=True)]) for order in orders)


def measured(folder: Path) -> Iterator[tuple[str, float]]:
    """The figures of one track, by what was known."""
    mixture = Audio.read(next(folder.glob("mixture.*")))
    truth = {file.stem: Audio.read(file) for file in sorted((folder / "stems").iterdir())}
    names, rng = list(truth), np.random.default_rng(0)
    marked = [label for name in names for label in spans(truth[name], name, rng)]
    yield "rests %", 100 * max(rests(marked, name, mixture.duration_s) for name in names)
    masks = sepkit.separate(mixture, "ideal-ratio-mask", sources=names, references=truth)
    yield "ratio mask", sdr(masks, truth, permute=False)
    for method in METHODS:
        blind = sepkit.separate(mixture, method, sources=names)
        yield f"{method} blind", sdr(blind, truth, permute=True)
        try:
            first = sepkit.separate(mixture, method, sources=names, labels=Labels(marked))
        except sepkit.errors.MismatchError:
            continue
        yield f"{method} spans", sdr(first, truth, permute=False)
        more = Labels([*marked, *boxes(first, truth)])
        statements = () if method == "nmf" else ("regions",)
        second = sepkit.separate(mixture, method, sources=names, labels=more, constraints=statements)
        yield f"{method} spans and boxes", sdr(second, truth, permute=False)


def main() -> None:
    """Print a table with a row a track."""
    root = Path(sys.argv[1])
    columns = ["rests %", "ratio mask"]
    columns += [f"{method} {what}" for method in METHODS for what in ("blind", "spans", "spans and boxes")]
    print("| track |", " | ".join(columns), "|")
    print("| --- |", " | ".join("---:" for _ in columns), "|")
    for pattern in sys.argv[2:] or TRACKS:
        for folder in sorted(root.glob(pattern)):
            found = dict(measured(folder))
            cells = (f"{found[column]:.1f}" if column in found else "" for column in columns)
            print(f"| {folder.relative_to(root)} |", " | ".join(cells), "|", flush=True)


if __name__ == "__main__":
    main()
