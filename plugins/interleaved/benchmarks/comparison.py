"""Interleaved, independent and simultaneous training, over several seeds, on rendered music.

CORPUS holds ``train``, ``valid`` and ``test`` with tracks of ``drums``, ``bass`` and ``other``, such as
``recipe/render.py`` makes. Each of the three gets R batches of every target: interleaved in 3 R steps of one target,
with one encoder; independent in R steps of three networks; simultaneous in R steps of all targets at once, which needs
tracks that have them all (those that have not are left out for all three)::

    python plugins/interleaved/benchmarks/comparison.py CORPUS --rounds 60 --seeds 3

Figures are means over the test tracks; seconds are of one thread's processor time.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import torch

import sepkit
from sepkit import Audio
from sepkit.evaluation import Track, evaluate
from sepkit.evaluation.datasets.folder import Folder
from sepkit.evaluation.splits import split
from sepkit.training import TrainingData
from sepkit_interleaved.training import InterleavedTrainer
from sepkit_interleaved.training_config import InterleavedTraining

TARGETS = ("drums", "bass", "other")
MODES = ("interleaved", "independent", "simultaneous")
FIGURES = ("SDR", "SI-SIR")
EXCERPT_S = 10.0
"""Of every test track."""


def main() -> None:
    """Train, measure and print Markdown tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--tests", type=int, default=4)
    parser.add_argument("--rate", type=int, default=8000)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    parts = split(Folder(path=arguments.corpus).tracks())
    train, valid, test = (
        tuple(track for track in parts[name] if set(TARGETS) <= set(track.sources))
        for name in ("train", "valid", "test")
    )
    data = TrainingData(train, valid, TARGETS)
    print(f"{len(train)} tracks to learn from, {len(valid)} to choose by, {len(test[: arguments.tests])} measured")
    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for track in test[: arguments.tests]:
        mixture, stems = excerpt(track, arguments.rate)
        add(found["mixture"], dict.fromkeys(TARGETS, mixture), stems)
    print(
        "| training | seed | weights | training, s | a minute, s |" + "".join(f" {t} SDR | {t} SIR |" for t in TARGETS)
    )
    print("| --- | ---: | ---: | ---: | ---: |" + " ---: |" * 2 * len(TARGETS))
    for seed in range(arguments.seeds):
        for mode in MODES:
            with tempfile.TemporaryDirectory() as folder:
                row = trained(mode, seed, data, Path(folder), arguments.rounds, arguments.rate)
                own: dict[str, list[float]] = defaultdict(list)
                method = sepkit.Method("interleaved", weights=folder, device="cpu", config={"post_filter": "none"})
                for track in test[: arguments.tests]:
                    mixture, stems = excerpt(track, arguments.rate)
                    started = time.process_time()
                    separation = method.separate(mixture)
                    own["minute"].append((time.process_time() - started) * 60 / EXCERPT_S)
                    add(own, separation, stems)
            for name, values in own.items():
                found[mode][name] += values
            found[mode]["weights"].append(method.parameters)
            found[mode]["seconds"].append(row)
            print(line(mode, str(seed), {**own, "weights": [method.parameters], "seconds": [row]}), flush=True)
    for name, values in found.items():
        print(line(name, "all", values))


def trained(mode: Any, seed: int, data: TrainingData, folder: Path, rounds: int, rate: int) -> float:
    """Train; processor seconds that it took."""
    config = InterleavedTraining(
        size="tiny",
        window_s=0.064,
        sample_rate=rate,
        mode=mode,
        steps=len(TARGETS) * rounds if mode == "interleaved" else rounds,
        decoder_steps=0,
        batch=6,
        excerpt_s=3.0,
        learning_rate=4e-3,
        warmup=10,
        ema=0.95,
        loss="phase",
        validate_every=rounds,
        save_every=1_000_000,
    )
    started = time.process_time()
    with sepkit.Run(seed=seed, device="cpu") as run:
        InterleavedTrainer(config).train(data, folder, run)
    return time.process_time() - started


def excerpt(track: Track, rate: int) -> tuple[Audio, dict[str, Audio]]:
    """Some seconds from the middle of a track."""
    stems = {name: stem.mixdown().resample(rate) for name, stem in track.load_stems().items()}
    middle = next(iter(stems.values())).length // 2
    within = slice(middle, middle + round(EXCERPT_S * rate))
    cut = {name: Audio(stems[name].samples[:, within], rate) for name in TARGETS}
    return Audio(sum(stem.samples for stem in cut.values()), rate), cut


def add(found: dict[str, list[float]], estimates: Any, stems: dict[str, Audio]) -> None:
    """Measure one track."""
    values = evaluate(dict(estimates), stems, metrics=["sdr", "si-sdr"]).values
    for target in TARGETS:
        for figure in FIGURES:
            found[f"{target} {figure}"].append(values[figure][target])


def line(name: str, seed: str, values: dict[str, list[float]]) -> str:
    """A row of the table."""
    weights = f"{values['weights'][0]:,.0f}" if values.get("weights") else ""
    seconds = [f"{statistics.mean(values[key]):.1f}" if values.get(key) else "" for key in ("seconds", "minute")]
    figures = [f"{statistics.mean(values[f'{target} {figure}']):.2f}" for target in TARGETS for figure in FIGURES]
    return "| " + " | ".join([name, seed, weights, *seconds, *figures]) + " |"


if __name__ == "__main__":
    main()
