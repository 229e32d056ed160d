"""What methods and priors made of torch share: device, random numbers, checkpoints, training with and without files.

Only they import it: the core knows nothing of torch. It needs the extra ``sepkit[neural]``.
"""

from sepkit.neural.adam import Adam
from sepkit.neural.checkpoint import Checkpoint, read_by_source
from sepkit.neural.device import choose_device, generator
from sepkit.neural.layers import undrawn
from sepkit.neural.loop import Fit, fit
from sepkit.neural.output import usable
from sepkit.neural.segments import overlap_add
from sepkit.neural.starts import Starts, fit_starts
from sepkit.neural.tensors import read_safetensors, read_state_dict

__all__ = [
    "Adam",
    "Checkpoint",
    "Fit",
    "Starts",
    "choose_device",
    "fit",
    "fit_starts",
    "generator",
    "overlap_add",
    "read_by_source",
    "read_safetensors",
    "read_state_dict",
    "undrawn",
    "usable",
]
