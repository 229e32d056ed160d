"""What trained networks find in a recording: spectra of every instrument, and their tones."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sepkit.neural import usable
from sepkit.problem.run import Run
from sepkit.spectral import soft_masks
from sepkit_policy_unet.extraction import Extracted, extract
from sepkit_policy_unet.frames import Frames
from sepkit_policy_unet.model import Model
from sepkit_policy_unet.policy import Parameters
from sepkit_policy_unet.trained import METHOD
from sepkit_sparse_pursuit.duration import about
from sepkit_sparse_pursuit.log_axis import LogAxis
from sepkit_sparse_pursuit.refinement import ToneModel
from sepkit_sparse_pursuit.tones import Tones

AT_ONCE = 64
"""Frames that are worked on at once."""
_TIMED = 8
"""Frames by which it is told how long all will take."""
_BINS_PER_OCTAVE = 48
_LOW_HZ = 20.0


@dataclass(frozen=True, eq=False)
class Prediction:
    """What was found in all frames of a recording.

    Attributes
    ----------
    stems : ndarray [shape=(c, samples)]
    tones : Tones
        Of all frames, on the axis of `tone_model`.
    """

    stems: NDArray[np.floating]
    tones: Tones


def predict(model: Model, frames: Frames, resynthesis: str, run: Run) -> Prediction:
    """Separate a recording by the most probable tones of each frame, in one pass.

    Parameters
    ----------
    model : Model
        Of one start.
    frames : Frames
    resynthesis : {'mask', 'direct'}
    run : Run

    Raises
    ------
    WeightsError
        If what the network gives is no number.
    """
    found: list[Tones] = []
    steps = partial(run.steps, stage="separate" + about(seconds_of_prediction(model, frames), ""))

    def spectra(block: slice) -> NDArray[np.complexfloating]:
        """Those of all instruments [shape=(c, bins, frames)]."""
        direct = []
        for first in range(block.start, block.stop, AT_ONCE):
            run.check_cancelled()
            extracted, tones = likeliest(model, frames.block(slice(first, min(first + AT_ONCE, block.stop))))
            usable(extracted.direct.cpu().numpy(), f"the weights of '{METHOD}'")
            direct.append(frames.restored(extracted.direct[0]))
            found.append(as_tones(model, tones, frames.scale))
        return np.moveaxis(np.concatenate(direct), 0, 2)

    instruments = model.network.instruments
    if resynthesis == "direct":
        stems = frames.stft.synthesize(spectra, (instruments, len(frames.samples)), steps=steps)
    else:
        stems = frames.stft.filter(
            frames.samples, lambda block: soft_masks(np.abs(spectra(block))), instruments, steps=steps
        )
    return Prediction(stems, Tones.concatenated(found))


def seconds_of_prediction(model: Model, frames: Frames) -> float:
    """About how long the most probable tones of all frames will take, of one start."""
    few = frames.block(slice(0, _TIMED))
    likeliest(model, few)
    begun = time.perf_counter()
    likeliest(model, few)
    each_s = (time.perf_counter() - begun) / len(few) / model.network.starts
    return each_s * frames.stft.frames(len(frames.samples))


@torch.no_grad()
def likeliest(model: Model, frame: Tensor) -> tuple[Extracted, list[Parameters]]:
    """The most probable tones, one after the other, in frames [shape=(frames, 2, bins)], for every start."""
    starts = model.network.starts
    frame = frame.to(model.dictionary.device).expand(starts, *frame.shape)
    return extract(model.network, model.size, frame, model.dictionary, lambda policy, _: policy.likeliest(), [1.0])


def as_tones(model: Model, tones: list[Parameters], scale: float) -> Tones:
    """Tones of frames as `sepkit_sparse_pursuit` has them."""
    columns = {
        name: torch.cat([getattr(one, name)[0] for one in tones], dim=1).double().cpu().numpy()
        for name in ("amplitude", "fundamental", "width", "inharmonicity", "on", "instrument")
    }
    hz = columns["fundamental"] * model.size.sample_rate / model.size.window_length
    sounding = (columns["on"] > 0) & (hz > _LOW_HZ)
    axis = tone_model(model.size.sample_rate).axis
    return Tones(
        np.where(sounding, columns["amplitude"] * scale, 0),
        axis.position(np.maximum(hz, _LOW_HZ)),
        columns["width"],
        columns["inharmonicity"],
        columns["instrument"].astype(np.intp),
    )


def tone_model(sample_rate: int) -> ToneModel:
    """The logarithmic axis on which tones are shown, and what they look like there."""
    axis = LogAxis.between(_LOW_HZ, sample_rate / 2, bins_per_octave=_BINS_PER_OCTAVE)
    return ToneModel(axis, width=1.0)
