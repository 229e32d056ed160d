"""Training of the flow prior: one flow for every source, from that source's stems alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from sepkit.neural import Checkpoint, choose_device, fit, generator
from sepkit.problem.run import Run
from sepkit_flow_sgld.flow_options import SpectralFlowOptions, WaveformFlowOptions
from sepkit_flow_sgld.prior import METHOD, flow_of
from sepkit_flow_sgld.segments import Segments
from sepkit_flow_sgld.source_training import SourceTrainer
from sepkit_flow_sgld.spectral_flow import SpectralFlow
from sepkit_flow_sgld.training_config import FlowTrainingConfig

_VALIDATION_SEGMENTS = 64
_REPORTED_LEVELS = (0.015, 0.05, 0.15, 0.5, 1.0, 2.0)


class FlowTrainer(SourceTrainer[FlowTrainingConfig]):
    """Maximise the likelihood of stems with noise in them, at noise levels that are drawn anew for every segment.

    Losses are ``-log p / samples - log sigma``: at high noise levels this comes down to 1.419 whatever the data.
    """

    method: ClassVar[str] = METHOD

    def _train_source(
        self,
        source: str,
        learned: Segments,
        held_out: Segments,
        recipe: dict[str, Any],
        state: Path,
        rng: np.random.Generator,
        run: Run,
    ) -> Checkpoint:
        config, device = self.config, choose_device(run)
        options = self._flow_options(learned)
        flow = flow_of(options)
        flow.initialize(generator(rng))
        if config.start is not None:
            Checkpoint.read(config.start, METHOD).load_into(flow)
        if isinstance(flow, SpectralFlow):
            flow.measure(map(torch.from_numpy, learned.stems))

        def loss(model: nn.Module, rng: np.random.Generator) -> Tensor:
            gains = 10 ** (rng.uniform(-config.gain_db, config.gain_db, (config.batch, 1)) / 20)
            clean = learned.draw(config.batch, config.segment, rng) * gains
            # One in every part of the range, for gradients that vary less than those of independent levels.
            places = (np.arange(config.batch) + rng.uniform()) / config.batch
            levels = config.lowest * (config.highest / config.lowest) ** places
            return excess(model, clean, levels * flow.data_std, rng, device).mean()

        def bits(model: nn.Module, levels: Sequence[float]) -> float:
            """Bits per sample beyond the logarithm of sigma, on the same segments and noise each time."""
            fixed = np.random.default_rng(0)
            clean = held_out.draw(_VALIDATION_SEGMENTS, config.segment, fixed)
            sigmas = flow.data_std * np.resize(levels, len(clean))
            with torch.no_grad():
                return float(excess(model, clean, sigmas, fixed, device).mean()) / math.log(2)

        spread = np.geomspace(config.lowest, config.highest, _VALIDATION_SEGMENTS).tolist()
        done = fit(
            flow,
            loss,
            config=config,
            state=state,
            run=run,
            validate=(lambda model: bits(model, spread)) if held_out.stems else None,
            stage=f"train {source}",
            recipe=recipe,
        )
        about = {
            "recipe": recipe,
            "power": learned.power,
            "segments_s": sum(map(len, learned.stems)) / learned.sample_rate,
            "steps": done.steps,
            "best_step": done.best_step,
            "loss": float(np.mean(done.losses[-100:])),
            "validations_bits": [round(value, 5) for value in done.validations],
            "bits_by_level": {
                str(level): round(bits(flow, [level]), 5) for level in _REPORTED_LEVELS if held_out.stems
            },
        }
        tensors = {name: tensor.half() for name, tensor in flow.state_dict().items()}
        return Checkpoint(METHOD, options.model_dump(mode="json"), (source,), learned.sample_rate, tensors, about)

    def _flow_options(self, segments: Segments) -> WaveformFlowOptions | SpectralFlowOptions:
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


def excess(
    model: nn.Module,
    clean: np.ndarray[Any, Any],
    sigmas: np.ndarray[Any, Any],
    rng: np.random.Generator,
    device: torch.device,
) -> Tensor:
    """Minus log density per sample, less the logarithm of sigma [shape=(batch,)].

    Parameters
    ----------
    model : Flow or SpectralFlow
    clean : ndarray [shape=(batch, samples)]
    sigmas : ndarray [shape=(batch,)]
        Standard deviation of the noise that is added to each waveform.
    rng : numpy.random.Generator
    device : torch.device
    """
    noisy = clean + sigmas[:, np.newaxis] * rng.standard_normal(clean.shape)
    sigma = torch.as_tensor(sigmas, dtype=torch.float32, device=device)
    log_prob: Tensor = model(torch.as_tensor(noisy, dtype=torch.float32, device=device), sigma)
    losses: Tensor = -log_prob / clean.shape[1] - sigma.log()
    return losses
