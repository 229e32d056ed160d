"""Blind separation of recordings whose stems are known: every seed, beside other methods and what a mask can reach.

A track is a folder with ``stems/<source>.*`` and perhaps ``mixture.*``::

    python plugins/sparse-pursuit/benchmarks/blind.py TRACK [TRACK ...] --seeds 2 > table.md

``FOLDER:a+b`` is a track of the sum of the stems a and b alone; ``synthetic`` is a duo that this script makes: 10 s,
44.1 kHz, equally loud, vibrato, harmonics that are known and differ, and notes that begin together; in eleven of the
twenty pairs the first or third partial of one lies on one of the other. There the remark tells how like the harmonics
that were found are to the true ones: the cosine.

Figures are means over the stems in dB. SI-SDR, SI-SIR and SAR are the measures of the papers (one gain, whole
recordings); SAR has the whole projection on the references for its signal, of which SI-SAR has the target alone. As
there, stems go to the references in the order in which the sum of SI-SIR is highest. Plain SDR is what `sepkit
benchmark` shows. Seconds are those of the processor. `beurling-lasso` takes the dictionary that `sparse-pursuit` found
with seed 0, and one that it learns itself from the first half of every stem.
"""

from __future__ import annotations

import argparse
import math
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np

from sepkit import Audio, Separation, separate
from sepkit.cli.options import read_options
from sepkit.evaluation import evaluate
from sepkit.evaluation.datasets.folder import Folder

FIGURES = ("SI-SDR", "SI-SIR", "SAR", "SDR")
METHOD, CONVEX = "sparse-pursuit", "beurling-lasso"
HARMONICS = {
    "full": np.array([0.7, 1, 0.8, 0.6, 0.65, 0.4, 0.35, 0.3, 0.2, 0.15]),
    "odd": np.array([1, 0.08, 0.5, 0.03, 0.3, 0.02, 0.1, 0.01, 0.05, 0]),
}
PITCHES = {
    "full": (57, 59, 60, 62, 64, 62, 60, 59, 57, 55, 57, 60, 62, 60, 59, 57, 55, 57, 59, 57),
    "odd": (74, 77, 74, 79, 81, 79, 76, 77, 78, 74, 76, 77, 79, 77, 74, 76, 77, 79, 77, 74),
}


@dataclass(frozen=True)
class Row:
    """How one run did: figures of every stem in dB, and seconds."""

    method: str
    figures: Mapping[str, Mapping[str, float]]
    seconds: float
    remark: str = ""

    def __str__(self) -> str:
        means = " | ".join(f"{np.mean(list(self.figures[figure].values())):.1f}" for figure in FIGURES)
        each = ", ".join(f"{name} {value:.1f}" for name, value in self.figures["SI-SDR"].items())
        return f"{self.method} | {means} | {each} | {self.seconds:.0f} | {self.remark} |"


def main() -> None:
    """Measure and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tracks", nargs="+")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--method", default=METHOD, help="another blind one, such as policy-unet")
    parser.add_argument("--set", dest="settings", action="append", default=[], help="option of the method")
    parser.add_argument("--only", action="store_true", help="leave the other methods out")
    arguments = parser.parse_args()
    options = read_options(None, arguments.settings)
    print(f"| track | method | {' | '.join(FIGURES)} | SI-SDR of each | s | remark |")
    print(f"| --- | --- |{' ---: |' * len(FIGURES)} --- | ---: | --- |")
    for track in arguments.tracks:
        name, mixture, stems = loaded(track)
        for row in measured(mixture, stems, arguments.method, options, arguments.seeds, others=not arguments.only):
            print(f"| {name} | {row}", flush=True)


def loaded(track: str) -> tuple[str, Audio, Mapping[str, Audio]]:
    """Name, mixture and stems of a track."""
    if track == "synthetic":
        return track, *synthetic()
    path, _, some = track.partition(":")
    (folder,) = Folder(path=Path(path)).tracks()
    stems = {name: stem.mixdown() for name, stem in folder.load_stems().items()}
    if not some:
        return folder.name, folder.load_mixture().mixdown(), stems
    chosen = {name: stems[name] for name in some.split("+")}
    return f"{folder.name}: {', '.join(chosen)}", mixed(chosen), chosen


def synthetic(rate: int = 44_100, note_s: float = 0.5) -> tuple[Audio, Mapping[str, Audio]]:
    """Two instruments that are equally loud."""
    time_s = np.arange(int(note_s * rate)) / rate
    envelope = np.minimum(1, np.minimum(time_s / 0.02, (note_s - time_s) / 0.05))
    stems = {}
    for name, pitches in PITCHES.items():
        h = np.arange(1, len(HARMONICS[name]) + 1)[:, np.newaxis]
        notes = []
        for index, pitch in enumerate(pitches):
            hz = 440 * 2 ** ((pitch - 69) / 12)
            phase = 2 * np.pi * hz * (time_s + 1.2e-4 * np.sin(2 * np.pi * 5.5 * time_s + index))
            notes.append(envelope * (HARMONICS[name] @ np.sin(h * phase + h**2)))
        samples = np.concatenate(notes)
        stems[name] = Audio((0.1 * samples / samples.std()).astype(np.float32)[np.newaxis], rate)
    return mixed(stems), stems


def mixed(stems: Mapping[str, Audio]) -> Audio:
    """Their sum."""
    sample_rate = next(iter(stems.values())).sample_rate
    return Audio(np.sum([stem.samples for stem in stems.values()], axis=0), sample_rate)


def measured(
    mixture: Audio,
    stems: Mapping[str, Audio],
    method: str,
    options: Mapping[str, Any],
    seeds: int,
    *,
    others: bool,
) -> Iterator[Row]:
    """All methods on one track."""
    if others:
        yield ran("mixture", mixture, stems)[0]
        yield ran("nmf", mixture, stems)[0]
        yield ran("ideal-ratio-mask", mixture, stems, references=stems)[0]
    found: list[Separation] = []
    for seed in range(seeds):
        row, separation = ran(
            method, mixture, stems, label=f"{method}, seed {seed}", config=options, seed=seed, keep_variables=True
        )
        found.append(separation)
        told = likeness(separation.provenance.traces, tuple(separation)) if set(stems) == set(HARMONICS) else ""
        yield replace(row, remark="; ".join(filter(None, (row.remark, told))))
    label = f"{method}, seed 0, then score-nmf"
    yield ran("score-nmf", mixture, stems, label=label, score=found[0].score)[0]
    if others and method == METHOD:
        with tempfile.TemporaryDirectory() as folder:
            found[0].write(Path(folder))
            yield ran(CONVEX, mixture, stems, label=f"{CONVEX}, dictionary of seed 0", weights=Path(folder))[0]
        halves = {name: Audio(stem.samples[:, : stem.length // 2], stem.sample_rate) for name, stem in stems.items()}
        yield ran(CONVEX, mixture, stems, label=f"{CONVEX}, dictionary of examples", examples=halves)[0]


def ran(
    method: str, mixture: Audio, stems: Mapping[str, Audio], *, label: str = "", **given: Any
) -> tuple[Row, Separation]:
    """One method once."""
    begun = time.process_time()
    known = {} if "score" in given or "weights" in given else {"sources": tuple(stems)}
    separation = separate(mixture, method, **known, **given)
    seconds = time.process_time() - begun
    return Row(label or method, scored(separation, stems), seconds, remark(separation.provenance.traces)), separation


def scored(estimates: Mapping[str, Audio], stems: Mapping[str, Audio]) -> Mapping[str, Mapping[str, float]]:
    """The figures of every stem, in the papers' order."""
    orders = (dict(zip(stems, order, strict=True)) for order in permutations(estimates.values()))
    figures = [evaluate(order, stems, metrics=["si-sdr", "sdr"]).values for order in orders]
    best = max(figures, key=lambda each: sum(each["SI-SIR"].values()))
    return {**best, "SAR": {name: sar(best["SI-SAR"][name], best["SI-SIR"][name]) for name in stems}}


def likeness(traces: Mapping[str, Any], sources: Iterable[str]) -> str:
    """Cosines of the harmonics that were found with those of the synthetic duo, in the better order."""
    found = [np.array(traces[f"harmonics of {source}"]) for source in sources]
    orders = [[cosine(a, b) for a, b in zip(order, HARMONICS.values(), strict=True)] for order in permutations(found)]
    return "cosines of the harmonics " + ", ".join(f"{value:.3f}" for value in max(orders, key=sum))


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    """Of two lists of harmonics; what the shorter one does not have is zero."""
    shared = min(len(a), len(b))
    return float(a[:shared] @ b[:shared] / np.linalg.norm(a) / np.linalg.norm(b))


def sar(si_sar: float, si_sir: float) -> float:
    """The papers' ratio of signal to artifacts: target and interference, which are orthogonal, over artifacts."""
    return si_sar + 10 * math.log10(1 + 10 ** (-si_sir / 10))


def remark(traces: Mapping[str, Any]) -> str:
    """What the record tells about how well it went."""
    if "log-likelihood by start" in traces:
        return "log-likelihoods of the starts " + ", ".join(
            f"{value:.0f}" for value in traces["log-likelihood by start"]
        )
    if "duality gap" in traces:
        return f"gap {max(traces['duality gap']):.1%}, certificate {max(traces['certificate']):.3f}"
    return ""


if __name__ == "__main__":
    main()
