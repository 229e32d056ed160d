"""Options of the method `flow-sgld`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from sepkit.config import Config

_LANGEVIN_ONLY = ("step_size", "snr", "predict", "clamp", "mixture", "precondition", "average", "denoise")
_GIBBS_ONLY = ("jitter", "exchange")


class FlowSGLDConfig(Config):
    """Options of annealed Langevin sampling."""

    chains: int = Field(
        default=4,
        ge=1,
        le=10_000,
        description="Chains that are sampled at once; they differ where the mixture is unclear.",
    )
    start: Literal["auto", "noise", "periodic", "wiener", "factorized", "prior"] = Field(
        default="auto",
        description="auto: prior, where a prior begins with stems, else periodic. noise: equal shares of the mixture, "
        "under noise of the first level. periodic: periodic parts of it, each with the source to which it is "
        "likeliest, under the same noise; for steady pitched sounds. wiener: shares by the spectra that priors expect, "
        "under the same noise; equal ones where priors expect none. factorized: parts that the method nmf finds, each "
        "with the source whose prior finds it again best. prior: the stems that a prior begins with, such as "
        "local-gaussian.",
    )
    levels: int = Field(default=4, ge=1, le=1000, description="Noise levels; 1 samples at the lowest alone.")
    highest: float = Field(
        default=0.05, gt=0, le=1000, description="First noise level, as a multiple of the mixture's root mean square."
    )
    lowest: float = Field(
        default=0.004, gt=0, le=1000, description="Last noise level, as a multiple of the mixture's root mean square."
    )
    steps: int = Field(
        default=4, ge=1, le=100_000, description="Langevin steps, or sweeps over the sources, at each noise level."
    )
    sampler: Literal["langevin", "gibbs"] = Field(
        default="langevin",
        description="langevin: steps of all sources at once. gibbs: a source at a time is drawn anew, given all "
        "others; for priors that denoise well, such as diffusion.",
    )
    jitter: float = Field(
        default=1.0,
        ge=0,
        le=10,
        description="Noise that is added before a source is drawn anew by gibbs, in noise levels.",
    )
    exchange: int = Field(
        default=5,
        ge=0,
        le=1000,
        description="After so many noise levels of gibbs, parts are given to the sources that they fit best; 0: never.",
    )
    step_size: float = Field(default=0.2, gt=0, le=1, description="Size of a step, in units of the noise's variance.")
    snr: float | None = Field(
        default=None,
        gt=0,
        le=10,
        description="Length of a step's drift over that of its noise, in place of step_size.",
    )
    predict: bool = Field(
        default=False,
        description="Go from one noise level to the next by a step of the reverse diffusion; steps then correct it.",
    )
    clamp: float = Field(default=3.0, gt=0, le=1e6, description="Largest drift of a step, in noise levels.")
    mixture: Literal["exact", "dirac", "gaussian"] = Field(
        default="exact",
        description="exact: stems sum to the mixture at every step, by equal shares of what is missing. dirac: the "
        "last source is what the others leave. gaussian: they are pulled towards the mixture with the variance of the "
        "noise, and projected at the end alone. For Langevin steps.",
    )
    precondition: bool = Field(
        default=False,
        description="Step farther at loud frequencies, by the spectra that priors expect.",
    )
    select: Literal["likeliest", "mean"] = Field(
        default="likeliest",
        description="likeliest: the chain of highest joint density, which for priors that only know how to denoise is "
        "found from how well they do; mean: that of all chains.",
    )
    average: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="Part of the last level's steps whose mean is taken as the chain's result; 0: the last step alone.",
    )
    denoise: bool = Field(default=True, description="Take the noise of the last level out of the result.")
    window_s: float = Field(
        default=8.0, ge=0.1, le=3600, description="Longer recordings are sampled in windows of so many seconds."
    )
    overlap_s: float = Field(
        default=1.0, ge=0.05, le=600, description="Seconds that windows share; less than half of one."
    )
    stft_window_s: float = Field(
        default=0.046,
        gt=0,
        le=1,
        description="Window of the Fourier transform for constraints on spectrograms, seconds.",
    )

    @model_validator(mode="after")
    def _ladder_falls(self) -> FlowSGLDConfig:
        others = _LANGEVIN_ONLY if self.sampler == "gibbs" else _GIBBS_ONLY
        given = [name for name in others if getattr(self, name) != type(self).model_fields[name].default]
        if given:
            raise ValueError(f"sampler={self.sampler} makes no use of {given[0]}; leave it out")
        if self.levels > 1 and self.lowest > self.highest:
            raise ValueError(f"lowest needs to be at most highest, given {self.lowest:g} and {self.highest:g}")
        if 2 * self.overlap_s > self.window_s:
            raise ValueError(
                f"overlap_s needs to be at most half of window_s, given {self.overlap_s:g} and {self.window_s:g}"
            )
        return self
