"""Training of the prior `diffusion`: denoising score matching, a denoiser for every source."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from sepkit.neural import Checkpoint, choose_device, fit, generator
from sepkit.problem.run import Run
from sepkit_flow_sgld.diffusion import METHOD
from sepkit_flow_sgld.diffusion_config import DenoiserOptions, DiffusionTrainingConfig
from sepkit_flow_sgld.periodic_denoiser import PeriodicDenoiser
from sepkit_flow_sgld.segments import Segments
from sepkit_flow_sgld.source_training import SourceTrainer

_VALIDATION_SEGMENTS = 16
_REPORTED_LEVELS = (0.004, 0.02, 0.1, 0.5, 2.0, 8.0)
_LEAST_ERROR = 1e-8
"""Of the noise's power: errors below it are none."""


class DiffusionTrainer(SourceTrainer[DiffusionTrainingConfig]):
    """Minimise what is left of the noise, at noise levels that are drawn anew for every segment.

    The loss is the logarithm of the error's power over that of noise or signal, whichever is less: every level counts
    alike, whatever can be reached there.
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
        options = self._options(learned)
        denoiser = PeriodicDenoiser(**options.model_dump())
        denoiser.initialize(generator(rng))

        def loss(model: nn.Module, rng: np.random.Generator) -> Tensor:
            gains = 10 ** (rng.uniform(-config.gain_db, config.gain_db, (config.batch, 1)) / 20)
            clean = learned.draw(config.batch, config.segment, rng) * gains
            # One in every part of the range, for gradients that vary less than those of independent levels.
            places = (np.arange(config.batch) + rng.uniform()) / config.batch
            levels = config.lowest * (config.highest / config.lowest) ** places
            return log_error(model, clean, levels * options.data_std, options.data_std, rng, device).mean()

        def decibels(model: nn.Module, levels: Any) -> float:
            """Mean of the loss as decibels, on the same segments and noise each time."""
            fixed = np.random.default_rng(0)
            clean = held_out.draw(_VALIDATION_SEGMENTS, config.segment, fixed)
            sigmas = options.data_std * np.resize(levels, len(clean))
            with torch.no_grad():
                errors = log_error(model, clean, sigmas, options.data_std, fixed, device)
            return 10 / math.log(10) * float(errors.mean())

        spread = np.geomspace(config.lowest, config.highest, _VALIDATION_SEGMENTS)
        done = fit(
            denoiser,
            loss,
            config=config,
            state=state,
            run=run,
            validate=(lambda model: decibels(model, spread)) if held_out.stems else None,
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
            "validations_db": [round(value, 2) for value in done.validations],
            "error_db_by_level": {
                str(level): round(decibels(denoiser, [level]), 2) for level in _REPORTED_LEVELS if held_out.stems
            },
        }
        return Checkpoint(
            METHOD, options.model_dump(mode="json"), (source,), learned.sample_rate, denoiser.state_dict(), about
        )

    def _options(self, learned: Segments) -> DenoiserOptions:
        config, rate = self.config, learned.sample_rate
        shortest, longest = (rate / config.highest_hz, rate / config.lowest_hz)
        return DenoiserOptions(
            data_std=math.sqrt(learned.power),
            levels=(config.lowest, config.highest),
            periods=(max(2, math.floor(shortest)), max(2, math.ceil(longest))),
            candidates=config.candidates,
            width=config.width,
            timbre=config.timbre,
        )


def log_error(
    model: nn.Module,
    clean: np.ndarray[Any, Any],
    sigmas: np.ndarray[Any, Any],
    data_std: float,
    rng: np.random.Generator,
    device: torch.device,
) -> Tensor:
    """Logarithm of the error of denoising, over the power of noise or data, whichever is less [shape=(batch,)].

    Parameters
    ----------
    model : PeriodicDenoiser
    clean : ndarray [shape=(batch, samples)]
    sigmas : ndarray [shape=(batch,)]
        Standard deviation of the noise that is added to each waveform.
    data_std : float
        Root mean square of the data.
    rng : numpy.random.Generator
    device : torch.device
    """
    target = torch.as_tensor(clean, dtype=torch.float32, device=device)
    sigma = torch.as_tensor(sigmas, dtype=torch.float32, device=device)
    noise = torch.as_tensor(rng.standard_normal(clean.shape), dtype=torch.float32, device=device)
    error = (model(target + sigma[:, None] * noise, sigma) - target).square().mean(1)
    return torch.log(error / sigma.clamp_max(data_std).square() + _LEAST_ERROR)
