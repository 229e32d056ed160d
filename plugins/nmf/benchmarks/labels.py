"""What labels are worth: SDR of `nmf` and `nae` blind, with spans, and with boxes where most is confused.

    python plugins/nmf/benchmarks/labels.py DATA METHOD[,METHOD] SECONDS SEEDS [TRACK ...]

DATA holds a folder a track, ``<set>/<track>/mixture.*`` and ``stems/<source>.*``. Of each, the SECONDS are taken in
which sources rest the most while another sounds, every one of them sounding for half a second at least.

Spans are computed from the true stems: a source sounds where its level is within 40 dB of its highest, gaps of less
than 0.4 s are closed as nobody marks them, and each end is moved by up to 0.2 s at random, as a person would, inwards
by half the span at most. Where no source rests for half a second while another sounds, spans say nothing, and the table
says so.

Boxes come from the first result and the truth: the spectrogram is cut into tiles of half a second and half an octave; a
tile is confused by as much as the stem lacks there of what is the source's; the three most confused tiles of each
source in which it has at least 80 % of the true energy get a box at 90 %.

All figures are plain SDR in dB, the mean over the sources and over the seeds from 0. Blind stems have the names under
which they are best. Labels name the stems themselves; but spans cannot tell the names of sources that never rest apart,
and these are given like those of blind stems.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import permutations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import sepkit
from sepkit import Audio, Label, Labels
from sepkit.builtin.notes import frames_within
from sepkit.problem import cut
from sepkit.spectral import STFT

TRACKS = ("urmp/01_jupiter", "violin_piano/sample2", "drums/808", "vocals/mir1k_*")
RANGE_DB = 40
ROUGH_S, GAP_S, HOP_S = 0.2, 0.4, 0.01
TILE_S, TILES_AN_OCTAVE, LOWEST_HZ = 0.5, 2, 60.0
BOXES, STRENGTH, OWN = 3, 0.9, 0.8
LEAST_REST_S = 0.5


def spans(stem: Audio, source: str, rng: np.random.Generator) -> list[Label]:
    """When a stem sounds, as a person would mark it."""
    hop = round(HOP_S * stem.sample_rate)
    power = np.square(stem.samples, dtype=np.float64).sum(axis=0)
    level = np.add.reduceat(power, np.arange(0, len(power), hop))
    sounding = np.flatnonzero(level > level.max() * 10 ** (-RANGE_DB / 10))
    breaks = np.flatnonzero(np.diff(sounding) * HOP_S > GAP_S)
    starts, ends = sounding[np.r_[0, breaks + 1]], sounding[np.r_[breaks, len(sounding) - 1]] + 1
    # Whoever marks a short hit does not cut more than half of it away.
    inwards_s = np.minimum(ROUGH_S, (ends - starts) * HOP_S / 2)
    starts_s = starts * HOP_S + rng.uniform(-ROUGH_S, inwards_s)
    ends_s = ends * HOP_S - rng.uniform(-ROUGH_S, inwards_s)
    edges = np.clip(np.stack([starts_s, ends_s], axis=1), 0, stem.duration_s)
    return [Label(float(start_s), float(end_s), source) for start_s, end_s in edges]


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


def sdr(stems: Mapping[str, Audio], truth: Mapping[str, Audio]) -> float:
    """Mean plain SDR in dB over the sources."""

    def one(estimate: Audio, reference: Audio) -> float:
        error = np.sum(np.square(reference.samples - estimate.samples, dtype=np.float64))
        return float(10 * np.log10(np.sum(np.square(reference.samples, dtype=np.float64)) / error))

    return float(np.mean([one(stems[name], reference) for name, reference in truth.items()]))


def named(stems: Mapping[str, Audio], truth: Mapping[str, Audio], nameless: list[str]) -> dict[str, Audio]:
    """Stems of which some have no name of their own, under the names under which they are nearest to the truth."""
    orders = (
        {**stems, **{name: stems[other] for name, other in zip(nameless, order, strict=True)}}
        for order in permutations(nameless)
    )
    return max(orders, key=lambda order: sdr(order, truth))


def excerpt(folder: Path, seconds: float) -> tuple[Audio, dict[str, Audio], list[Label], list[float]]:
    """Mixture, stems and spans of the seconds in which sources rest the most, and for how long each rests."""
    mixture = Audio.read(next(folder.glob("mixture.*")))
    truth = {file.stem: Audio.read(file) for file in sorted((folder / "stems").iterdir())}
    rng = np.random.default_rng(0)
    marked = [label for name in truth for label in spans(truth[name], name, rng)]
    length_s = min(seconds, mixture.duration_s)
    starts_s = np.arange(0, mixture.duration_s - length_s + 1e-6, 0.5)
    resting = {start: rested(marked, tuple(truth), start, length_s) for start in starts_s}
    all_sound = [start for start in starts_s if max(resting[start]) <= length_s - LEAST_REST_S]
    start_s = float(max(all_sound, key=lambda start: sum(resting[start])))
    first, last = (round(s * mixture.sample_rate) for s in (start_s, start_s + length_s))
    moved = [replace(one, start_s=one.start_s - start_s, end_s=one.end_s - start_s) for one in marked]
    return (
        cut(mixture, first, last),
        {name: cut(stem, first, last) for name, stem in truth.items()},
        [label for label in moved if label.end_s > 0 and label.start_s < length_s],
        resting[start_s],
    )


def rested(labels: list[Label], names: tuple[str, ...], start_s: float, length_s: float) -> list[float]:
    """For how long each source is marked as silent while another sounds, in seconds."""
    times_s = np.arange(start_s, start_s + length_s, HOP_S)
    own = ([(label.start_s, label.end_s) for label in labels if label.source == name] for name in names)
    sounding = np.array([frames_within(spans_, times_s) for spans_ in own])
    return [float(HOP_S * (sounding.any(axis=0) & ~one).sum()) for one in sounding]


def measured(folder: Path, methods: list[str], seconds: float, seeds: range) -> Iterator[tuple[str, str]]:
    """The figures of one track, by what was known."""
    mixture, truth, marked, rests_s = excerpt(folder, seconds)
    somebody_rests = max(rests_s) >= LEAST_REST_S
    yield "rest, s", f"{max(rests_s):.1f}" if somebody_rests else "nobody rests"
    masks = sepkit.separate(mixture, "ideal-ratio-mask", sources=list(truth), references=truth)
    yield "ratio mask", f"{sdr(masks, truth):.1f}"
    never_rest = [name for name, rest_s in zip(truth, rests_s, strict=True) if rest_s < LEAST_REST_S]
    for method in methods:
        rounds = [
            three_rounds(method, seed, mixture, truth, marked if somebody_rests else [], never_rest) for seed in seeds
        ]
        for what in ("blind", "spans", "spans and boxes"):
            if what in rounds[0]:
                yield f"{method} {what}", f"{np.mean([one[what] for one in rounds]):.1f}"


def three_rounds(
    method: str, seed: int, mixture: Audio, truth: dict[str, Audio], marked: list[Label], never_rest: list[str]
) -> dict[str, float]:
    """SDR by what is known; without spans where there are none."""
    found = {}

    def separated(known: list[Label], constraints: list[str], nameless: list[str]) -> dict[str, Audio]:
        labels = Labels(known) if known else ()
        stems = sepkit.separate(mixture, method, sources=list(truth), labels=labels, constraints=constraints, seed=seed)
        return named(stems, truth, nameless)

    first = separated([], [], list(truth))
    found["blind"] = sdr(first, truth)
    activity = ["activity"] if marked else []
    if marked:
        first = separated(marked, activity, never_rest)
        found["spans"] = sdr(first, truth)
    found["spans and boxes"] = sdr(separated([*marked, *boxes(first, truth)], [*activity, "regions"], []), truth)
    return found


def main() -> None:
    """Print a table with a row a track."""
    root, methods, seconds, seeds = Path(sys.argv[1]), sys.argv[2].split(","), float(sys.argv[3]), int(sys.argv[4])
    columns = ["rest, s", "ratio mask"]
    columns += [f"{method} {what}" for method in methods for what in ("blind", "spans", "spans and boxes")]
    print("| track |", " | ".join(columns), "|")
    print("| --- |", " | ".join("---:" for _ in columns), "|", flush=True)
    for pattern in sys.argv[5:] or TRACKS:
        for folder in sorted(root.glob(pattern)):
            found = dict(measured(folder, methods, seconds, range(seeds)))
            print(f"| {folder.relative_to(root)} |", " | ".join(found.get(one, "") for one in columns), "|", flush=True)


if __name__ == "__main__":
    main()
