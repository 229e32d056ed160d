"""Training of the flow prior: one flow for every source, from that source's stems alone."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sepkit.neural import Checkpoint, generator
from sepkit_flow_sgld.flow_options import FlowOptions, SpectralFlowOptions, WaveformFlowOptions
from sepkit_flow_sgld.prior import FLOWS, METHOD
from sepkit_flow_sgld.segments import Segments
from sepkit_flow_sgld.source_training import SourceTrainer
from sepkit_flow_sgld.spectral_flow import SpectralFlow
from sepkit_flow_sgld.training_config import FlowTrainingConfig


class FlowTrainer(SourceTrainer[FlowTrainingConfig]):
    """Maximise the likelihood of stems with noise in them, at noise levels that are drawn anew for every segment.

    Losses are ``-log p / samples - log sigma``: at high noise levels this comes down to 1.419 whatever the data.
    """

    method: ClassVar[str] = METHOD
    unit: ClassVar[str] = "bits"
    units: ClassVar[float] = 1 / math.log(2)
    validation_segments: ClassVar[int] = 64
    reported_levels: ClassVar[tuple[float, ...]] = (0.015, 0.05, 0.15, 0.5, 1.0, 2.0)

    def _model(self, learned: Segments, rng: np.random.Generator) -> tuple[FlowOptions, nn.Module]:
        options = self._options(learned)
        flow = FLOWS.drawn(options)
        flow.initialize(generator(rng))
        if self.config.start is not None:
            Checkpoint.read(self.config.start, METHOD).load_into(flow)
        if isinstance(flow, SpectralFlow):
            flow.measure(map(torch.from_numpy, learned.stems))
        return options, flow

    def _losses(
        self, model: nn.Module, clean: NDArray[np.floating], sigmas: NDArray[np.float64], rng: np.random.Generator
    ) -> Tensor:
        """Minus log density per sample, less the logarithm of sigma."""
        noisy = clean + sigmas[:, np.newaxis] * rng.standard_normal(clean.shape)
        sigma = torch.as_tensor(sigmas, dtype=torch.float32, device=self._device)
        log_prob: Tensor = model(torch.as_tensor(noisy, dtype=torch.float32, device=self._device), sigma)
        losses: Tensor = -log_prob / clean.shape[1] - sigma.log()
        return losses

    def _options(self, segments: Segments) -> WaveformFlowOptions | SpectralFlowOptions:
        config = self.config
        common: dict[str, Any] = {
            "data_std": math.sqrt(segments.power),
            "dilations": config.dilations,
            "levels": (config.lowest, config.highest),
        }
        if config.kind == "spectral":
            bins, width, steps = config.bins, config.widths[0], config.flow_steps[0]
            return SpectralFlowOptions(kind="spectral", bins=bins, width=width, steps=steps, **common)
        return WaveformFlowOptions(
            frames=config.frames,
            widths=config.widths,
            steps=config.flow_steps,
            embedding=config.embedding,
            **common,
        )
