"""The separator: every network of the bag hears overlapping segments, and the stems are weighed together."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np
import torch
from demucs.htdemucs import HTDemucs
from numpy.typing import NDArray

from sepkit import large
from sepkit.errors import ConfigError
from sepkit.music.audio import Audio
from sepkit.neural import choose_device, overlap_add, usable
from sepkit.problem.problem import Problem
from sepkit.problem.run import Run
from sepkit.solving.separator import Separator
from sepkit_demucs.config import DemucsConfig
from sepkit_demucs.files import METHOD, Bag, read_bag


class Demucs(Separator[DemucsConfig]):
    """Hybrid Transformer Demucs.

    A U-Net over the waveform and one over the spectrogram, joined by a transformer that attends within both and from
    each to the other. The networks are those of the package `demucs`; reading their weights, cutting and joining
    segments are sepkit's.

    References
    ----------
    Rouard, Massa and Défossez, "Hybrid transformers for music source separation", ICASSP 2023.
    Défossez, "Hybrid spectrogram and waveform source separation", ISMIR Workshop on Music Source Separation, 2021.
    """

    bag: Bag | None = None

    @property
    def sample_rate(self) -> int | None:
        return None if self.bag is None else self.bag.sample_rate

    @property
    def sources(self) -> tuple[str, ...]:
        return () if self.bag is None else self.bag.sources

    def load(self, weights: Path | None, run: Run) -> None:
        assert weights is not None
        bag = read_bag(weights)
        segment_s = self.config.segment_s
        if segment_s is not None and segment_s > bag.segment_s:
            raise ConfigError(
                f"segment_s={segment_s:g} is longer than the {float(bag.segment_s):g} s that the network hears at "
                "once; give at most that"
            )
        device = choose_device(run)
        for network in bag.networks:
            network.to(device)
        self.bag = bag

    def separate(self, problem: Problem, run: Run) -> Mapping[str, Audio]:
        bag, mixture = self.bag, problem.mixture
        assert bag is not None
        if bag.unknown:
            run.remark(f"the weights have options that demucs does not know and leaves out: {', '.join(bag.unknown)}")
        segment = max(1, int((self.config.segment_s or bag.segment_s) * bag.sample_rate))
        samples, offset, scale = standardised(mixture.samples)
        device = choose_device(run)
        stems: NDArray[np.float32] = large.zeros((len(bag.sources), *samples.shape))
        spans = partial(large.spans, mixture.length, rows=stems[..., 0].size)
        for number, (network, shares) in enumerate(zip(bag.networks, bag.weights, strict=True), start=1):
            counted = np.flatnonzero(shares)
            stage = "separate" if len(bag.networks) == 1 else f"separate ({number} of {len(bag.networks)})"
            found = overlap_add(
                partial(applied, network, device=device, only=counted),
                samples,
                len(counted),
                segment,
                overlap=self.config.overlap,
                shifts=self.config.shifts,
                steps=partial(run.steps, stage=stage),
            )
            for span in spans():
                stems[counted, :, span] += shares[counted, np.newaxis, np.newaxis] * found[..., span]
        for span in spans():
            stems[..., span] *= np.float32(scale)
            stems[..., span] += np.float32(offset / len(stems))
            usable(stems[..., span], f"the weights of '{METHOD}'")
        return {name: Audio(stem, mixture.sample_rate) for name, stem in zip(bag.sources, stems, strict=True)}


def standardised(samples: NDArray[np.float32]) -> tuple[NDArray[np.float32], float, float]:
    """The mixture less the mean and by the standard deviation of its mono, as the networks were trained.

    Parameters
    ----------
    samples : ndarray [shape=(channels, samples)]

    Returns
    -------
    standardised : ndarray [shape=(channels, samples)]
    mean, deviation : float
    """
    channels, length = samples.shape
    spans = partial(large.spans, length, rows=channels)
    mean = sum(float(samples[:, span].sum(dtype=np.float64)) for span in spans()) / samples.size
    mono = (samples[:, span].mean(axis=0, dtype=np.float64) for span in spans())
    deviation = (sum(float(np.square(part - mean).sum()) for part in mono) / length) ** 0.5
    found = large.empty(samples.shape)
    for span in spans():
        # Where nothing sounds, whatever a network makes of it comes back as nothing.
        found[:, span] = (samples[:, span] - np.float32(mean)) / np.float32(deviation or 1)
    return found, mean, deviation


@torch.inference_mode()
def applied(
    network: HTDemucs, segment: NDArray[np.floating], *, device: torch.device, only: NDArray[np.integer]
) -> NDArray[np.floating]:
    """What a network makes of one segment.

    Parameters
    ----------
    network : HTDemucs
    segment : ndarray [shape=(channels, samples)]
    device : torch.device
    only : ndarray of int
        The numbers of the sources that count.

    Returns
    -------
    stems : ndarray [shape=(len(only), channels, samples)]
    """
    [stems] = network(torch.from_numpy(segment).to(device)[None])
    found: NDArray[np.floating] = stems.cpu().numpy()[only]
    return found
