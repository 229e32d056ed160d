"""Which of several trained networks is used: the one that makes spectra and voices most likely.

The loss on the mixture does not tell whether tones are given to the right instruments: it is nearly the same where they
are exchanged. What tells is something that the networks, which see frames one by one, were never trained for: whether
the tones of each instrument make a line over time. Here the likelihoods of both are multiplied, as `sparse-pursuit`
does: losses L have the log-likelihood -n/2 ln L, where a frame has n independent values, and lines that of a Markov
chain of pitches.
"""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import torch
from numpy.typing import NDArray

from sepkit_policy_unet.frames import Frames
from sepkit_policy_unet.model import Model
from sepkit_policy_unet.objective import sample_losses
from sepkit_policy_unet.prediction import AT_ONCE, as_tones, likeliest, tone_model
from sepkit_sparse_pursuit.lines import NOTE_S, most_likely
from sepkit_sparse_pursuit.separator import stretches
from sepkit_sparse_pursuit.tones import Tones


def log_likelihood(model: Model, frames: Frames) -> float:
    """That of stretches of successive frames and of the lines in them, by the most probable tones.

    Parameters
    ----------
    model : Model
        Of one start.
    frames : Frames
        In some of which something is heard.

    Returns
    -------
    log_likelihood : float
        Minus infinity for networks whose losses are no numbers.
    """
    size = model.size
    seconds_at = frames.stft.frames_s(len(frames.samples), 1)[stretches(frames.heard)]
    centres = np.rint(seconds_at).astype(np.intp).clip(0, len(frames.samples) - 1)
    found, losses = [], []
    for first in range(0, len(centres), AT_ONCE):
        extracted, chosen = likeliest(model, frames.at(centres[first : first + AT_ONCE]))
        losses.append(sample_losses(extracted)[0])
        found.append(as_tones(model, chosen, frames.scale))
    loss: NDArray[np.floating] = torch.cat(losses).double().cpu().numpy()
    if not np.isfinite(loss).all():
        return -np.inf
    hop_s = size.hop / size.sample_rate
    # What a model of tones misses it misses in the same way for a whole note.
    independent = min(1.0, hop_s / NOTE_S) * size.bins / (2 * np.sqrt(np.pi) * size.width)
    emission = -independent / 2 * np.log(np.maximum(loss, np.finfo(np.float32).tiny))
    tones = Tones.concatenated(found)
    as_they_are = Tones(*(getattr(tones, field.name)[:, np.newaxis] for field in fields(Tones)))
    axis = tone_model(size.sample_rate).axis
    return most_likely(axis, tones, as_they_are, emission[:, np.newaxis], hop_s)[1]
