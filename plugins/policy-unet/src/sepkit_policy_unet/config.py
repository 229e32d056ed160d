"""Options of the method `policy-unet` and of its training."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from sepkit_sparse_pursuit.config import ToneConfig


class LearningConfig(ToneConfig):
    """Options of the network and its training; the others are those of the pursuit by which it starts.

    They say what the pursuit learns its dictionary from, and how; examples are learned from in the same way.
    """

    size: Literal["small", "paper"] = Field(
        default="small",
        description="small: 8 kHz, 512 bins, a network of 0.16 million weights, for processors. paper: 44.1 kHz, 6144 "
        "bins, 11.7 million weights, for a graphics card. Trained weights have a size of their own.",
    )
    instruments: int = Field(
        default=2, ge=1, le=4, description="Number of instruments, where neither sources nor weights name them."
    )
    dictionary: Literal["pursuit", "plain"] = Field(
        default="pursuit",
        description="Where training starts. pursuit: with the dictionary that sparse pursuit learns from the mixture, "
        "and by imitating what it finds; plain: with harmonics that fade at different rates, as in the paper.",
    )
    starts: int = Field(
        default=1,
        ge=1,
        le=32,
        description="Networks that are trained from different random weights. The one is used that makes frames, and "
        "the lines of the instruments over time, most likely.",
    )
    imitation: int = Field(
        default=500, ge=0, le=1_000_000, description="Training steps in which the tones of the pursuit are imitated."
    )
    steps: int | None = Field(
        default=None,
        ge=1,
        le=10_000_000,
        description="Training steps by policy gradients; by default those of the size: 1000 small, 70000 paper.",
    )


class PolicyUNetConfig(LearningConfig):
    """Options of the method."""

    resynthesis: Literal["mask", "direct"] = Field(
        default="mask",
        description="mask: the mixture is shared out in proportion to the network's spectra. direct: these spectra as "
        "they are; all else goes to the residual.",
    )


class PolicyUNetTraining(LearningConfig):
    """Options of a training whose weights are kept."""

    save_every: int = Field(
        default=100, ge=1, description="Number of steps after which the state is saved, to go on from after a kill."
    )
