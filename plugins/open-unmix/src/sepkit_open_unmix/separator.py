"""The separator: networks hear segments of the mixture; windows of what they tell are filtered over both channels."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sepkit.errors import WeightsError
from sepkit.music.audio import Audio
from sepkit.neural import choose_device, usable
from sepkit.problem.problem import Problem
from sepkit.problem.run import Run
from sepkit.solving.separator import Separator
from sepkit.spectral import STFT
from sepkit.wiener import multichannel_wiener
from sepkit_open_unmix.config import OpenUnmixConfig
from sepkit_open_unmix.files import METHOD, Ensemble, read_ensemble
from sepkit_open_unmix.network import TargetNetwork

REST = "rest"
"""What the networks leave of the mixture."""


class OpenUnmix(Separator[OpenUnmixConfig]):
    """Open-Unmix.

    A network for every source masks the magnitude spectrogram of the mixture. From the magnitudes of all sources a
    multichannel Wiener filter makes their spectra (see `sepkit.wiener`).

    References
    ----------
    Stöter, Uhlich, Liutkus and Mitsufuji, "Open-Unmix - a reference implementation for music source separation",
    JOSS 4(41), 2019.
    """

    ensemble: Ensemble | None = None

    @property
    def sample_rate(self) -> int | None:
        return None if self.ensemble is None else self.ensemble.sample_rate

    @property
    def sources(self) -> tuple[str, ...]:
        if self.ensemble is None:
            return ()
        return (*self.ensemble.networks, *((REST,) if self._has_rest else ()))

    def load(self, weights: Path | None, run: Run) -> None:
        assert weights is not None
        ensemble = read_ensemble(weights)
        device = choose_device(run)
        for network in ensemble.networks.values():
            network.to(device)
        if self.config.rest and REST in ensemble.networks:
            raise WeightsError(f"there is a network of source '{REST}' in {weights}; leave the option rest out")
        self.ensemble = ensemble

    def separate(self, problem: Problem, run: Run) -> Mapping[str, Audio]:
        ensemble, mixture = self.ensemble, problem.mixture
        assert ensemble is not None
        stft = STFT(ensemble.window_length, ensemble.hop)
        window = self.config.window_frames
        windows = max(1, -(-round(self.config.segment_s * mixture.sample_rate / ensemble.hop) // window))
        context = round(self.config.context_s * mixture.sample_rate / ensemble.hop)
        hearing = Hearing(ensemble.networks, stft, mixture.samples, windows * window, context, choose_device(run), run)

        def spectra(block: slice) -> NDArray[np.complexfloating]:
            mixed = stft.forward(mixture.samples, block)
            magnitudes = hearing.magnitudes(block, np.abs(mixed))
            usable(magnitudes, f"the weights of '{METHOD}'")
            if self._has_rest:
                magnitudes = np.concatenate([magnitudes, np.abs(np.abs(mixed) - magnitudes.sum(axis=0))[np.newaxis]])
            return multichannel_wiener(mixed, magnitudes, iterations=self.config.iterations, window=None)

        shape = (len(self.sources), *mixture.samples.shape)
        stems = stft.synthesize(spectra, shape, block=window, steps=partial(run.steps, stage="separate"))
        return {name: Audio(stem, mixture.sample_rate) for name, stem in zip(self.sources, stems, strict=True)}

    @property
    def _has_rest(self) -> bool:
        assert self.ensemble is not None
        alone = len(self.ensemble.networks) == 1 and REST not in self.ensemble.networks
        return alone if self.config.rest is None else self.config.rest


class Hearing:
    """What networks hear in a mixture, of one segment at a time.

    Parameters
    ----------
    networks : mapping of str to TargetNetwork
    stft : STFT
    samples : ndarray [shape=(channels, samples)]
    segment, context : int
        Frames that are kept, and frames before and after them that are heard too.
    device : torch.device
    run : Run
    """

    def __init__(
        self,
        networks: Mapping[str, TargetNetwork],
        stft: STFT,
        samples: NDArray[np.float32],
        segment: int,
        context: int,
        device: torch.device,
        run: Run,
    ) -> None:
        self._networks, self._device, self._run = networks, device, run
        self._stft, self._samples = stft, samples
        self._segment, self._context = segment, context
        self._start = -1
        self._heard: dict[str, Tensor] = {}

    @torch.no_grad()
    def magnitudes(self, block: slice, mixed: NDArray[np.floating]) -> NDArray[np.floating]:
        """Magnitudes of the sources in a block of frames that lies within a segment.

        Parameters
        ----------
        block : slice
        mixed : ndarray [shape=(channels, bins, frames)]
            Magnitudes of the mixture there.

        Returns
        -------
        magnitudes : ndarray [shape=(sources, channels, bins, frames)]
        """
        start = block.start - block.start % self._segment
        if start != self._start:
            self._hear(start)
        within = slice(block.start - start, block.stop - start)
        masks = torch.stack([network.mask(self._heard[name][within]) for name, network in self._networks.items()])
        # torch warns of no overflow: strange weights are for the caller to find out.
        magnitudes: NDArray[np.floating] = (masks * torch.from_numpy(mixed).to(masks)).cpu().numpy()
        return magnitudes

    def _hear(self, start: int) -> None:
        # What was heard before goes first: two segments would take twice the memory.
        self._heard = {}
        total = self._stft.frames(self._samples.shape[1])
        seen = slice(max(0, start - self._context), min(total, start + self._segment + self._context))
        magnitudes = torch.from_numpy(np.abs(self._stft.forward(self._samples, seen))).to(self._device)
        kept = slice(start - seen.start, start - seen.start + self._segment)
        for name, network in self._networks.items():
            self._run.check_cancelled()
            self._heard[name] = network.hear(magnitudes)[kept].clone()
        self._start = start
