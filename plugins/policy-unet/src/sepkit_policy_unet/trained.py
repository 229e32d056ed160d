"""Trained networks as weights."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from pydantic import Field

from sepkit.config import Config
from sepkit.errors import WeightsError
from sepkit.neural import Checkpoint
from sepkit_policy_unet.model import Model
from sepkit_policy_unet.sizes import SIZES, sized

METHOD = "policy-unet"


class _ModelConfig(Config):
    size: Literal["small", "paper"]
    harmonics: int = Field(ge=2, le=100)


@dataclass(frozen=True, eq=False)
class Trained:
    """A network, its dictionary, and whose the instruments are.

    Attributes
    ----------
    model : Model
    sources : tuple of str
    """

    @property
    def instruments(self) -> dict[str, int]:
        """The number of the instrument of every source."""
        return dict(zip(self.sources, self.model.order.tolist(), strict=True))

    model: Model
    sources: tuple[str, ...]

    def checkpoint(self, about: dict[str, object]) -> Checkpoint:
        """As weights that can be written."""
        size = self.model.size
        name = next(name for name, one in SIZES.items() if one.window_length == size.window_length)
        config = {"size": name, "harmonics": size.harmonics}
        return Checkpoint(METHOD, config, self.sources, size.sample_rate, self.model.state_dict(), about)

    @classmethod
    def read(cls, folder: Path, device: torch.device) -> Trained:
        """Read what a separation or a training left in `folder`.

        Raises
        ------
        WeightsError
            If it is missing, damaged, or of another method.
        """
        checkpoint = Checkpoint.read(folder, METHOD)
        config = checkpoint.options(_ModelConfig)
        size = sized(config.size, config.harmonics)
        if checkpoint.sample_rate != size.sample_rate:
            raise WeightsError(
                f"the weights in {folder} are for {checkpoint.sample_rate} Hz, and those of size {config.size} for "
                f"{size.sample_rate} Hz; train others"
            )
        model = checkpoint.built(lambda: Model(size, len(checkpoint.sources)))
        if bool((model.dictionary < 0).any()):
            raise WeightsError(f"the weights in {folder} have harmonics below zero; train others")
        if sorted(model.order.tolist()) != list(range(len(checkpoint.sources))):
            raise WeightsError(f"the weights in {folder} give no instrument to every source; train others")
        return cls(model.to(device), checkpoint.sources)
