"""Trained weights: what they need to hold before anything is computed with them."""

from __future__ import annotations

from pathlib import Path

import torch

from sepkit.errors import WeightsError
from sepkit.neural import Checkpoint
from sepkit_source_filter.hearing import RATE
from sepkit_source_filter.network import LEAST_SPREAD, SourceFilterNetwork
from sepkit_source_filter.training_config import SourceFilterTraining

METHOD = "source-filter"


def read_network(folder: Path, device: torch.device) -> SourceFilterNetwork:
    """The network of a checkpoint of `sepkit train source-filter`.

    Raises
    ------
    WeightsError
        If it is missing, damaged, of another method, or cannot be computed with.
    """
    checkpoint = Checkpoint.read(folder, METHOD)
    config = checkpoint.options(SourceFilterTraining)
    if checkpoint.sample_rate != RATE:
        raise WeightsError(
            f"the weights in {folder} are for {checkpoint.sample_rate} Hz, and '{METHOD}' hears at {RATE} Hz; train or "
            "fetch others"
        )
    network = checkpoint.built(lambda: SourceFilterNetwork(config.size, config.order))
    if bool((network.spread < LEAST_SPREAD).any()):
        raise WeightsError(f"the weights in {folder} divide by spreads that are not positive; train or fetch others")
    return network.to(device)
