"""Whether what tells starts apart without the true stems tells the better ones: every start of one training.

A track is a folder with ``stems/<source>.*`` and perhaps ``mixture.*``::

    python plugins/policy-unet/benchmarks/starts.py TRACK --set starts=4 > table.md

SI-SDR is the mean over the stems in dB, at the rate of the network; the loss is that of the most probable tones of all
frames; by the log-likelihood starts are chosen.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from sepkit import Audio, Run
from sepkit.cli.options import read_options
from sepkit.evaluation import evaluate
from sepkit.evaluation.datasets.folder import Folder
from sepkit.solving.adaptation import Adaptation
from sepkit_policy_unet.choice import log_likelihood
from sepkit_policy_unet.config import PolicyUNetConfig
from sepkit_policy_unet.frames import Frames
from sepkit_policy_unet.learning import train_starts
from sepkit_policy_unet.model import Model
from sepkit_policy_unet.objective import sample_losses
from sepkit_policy_unet.prediction import AT_ONCE, likeliest, predict
from sepkit_policy_unet.sizes import sized


def main() -> None:
    """Measure and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("track", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--set", dest="settings", action="append", default=[], help="option of policy-unet")
    arguments = parser.parse_args()
    config = PolicyUNetConfig(**read_options(None, arguments.settings))
    print("| track | start | SI-SDR | loss | log-likelihood |\n| --- | ---: | ---: | ---: | ---: |")
    for row in measured(arguments.track, config, arguments.seed):
        print(row, flush=True)


def measured(folder: Path, config: PolicyUNetConfig, seed: int) -> Iterator[str]:
    """A row for every start."""
    (track,) = Folder(path=folder).tracks()
    size = sized(config.size, config.harmonics)
    mixture = track.load_mixture().mixdown()
    stems = {name: adapted(stem, size.sample_rate) for name, stem in track.load_stems().items()}
    run = Run(seed=seed)
    frames = Frames.of(size, adapted(mixture, size.sample_rate).samples[0], run)
    model, _ = train_starts(config, mixture, frames, len(stems), run)
    for start in range(config.starts):
        one = model.chosen(start)
        found = predict(one, frames, config.resynthesis, run).stems
        estimates = {
            name: Audio(samples[np.newaxis], size.sample_rate) for name, samples in zip(stems, found, strict=True)
        }
        si_sdr = np.mean(list(evaluate(estimates, stems, metrics=["si-sdr"], permute=True).values["SI-SDR"].values()))
        yield f"| {track.name} | {start} | {si_sdr:.1f} | {loss(one, frames):.4f} | {log_likelihood(one, frames):.0f} |"


def adapted(audio: Audio, sample_rate: int) -> Audio:
    """One channel at that rate."""
    return Adaptation.between(audio.mixdown(), sample_rate, 1).adapted()


def loss(model: Model, frames: Frames) -> float:
    """The mean over all frames."""
    count = frames.stft.frames(len(frames.samples))
    blocks = (slice(first, min(first + AT_ONCE, count)) for first in range(0, count, AT_ONCE))
    return float(torch.cat([sample_losses(likeliest(model, frames.block(block))[0])[0] for block in blocks]).mean())


if __name__ == "__main__":
    main()
