"""What methods and priors made of torch share: device, random numbers, checkpoints, a training loop.

Only they import it: the core knows nothing of torch. It needs the extra ``sepkit[neural]``.
"""

from sepkit.neural.checkpoint import Checkpoint
from sepkit.neural.device import choose_device, generator
from sepkit.neural.loop import Fit, fit

__all__ = ["Checkpoint", "Fit", "choose_device", "fit", "generator"]
