"""What is trained: the networks and dictionaries of all starts."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sepkit_policy_unet.sizes import Size
from sepkit_policy_unet.unet import UNet

_FIRST, _LEAST = 0.5, 1e-3


class Model(nn.Module):
    """Networks and dictionaries.

    The buffer `order` has the instrument of every source.

    Parameters
    ----------
    size : Size
    instruments : int
        c.
    starts : int
    """

    order: Tensor

    def __init__(self, size: Size, instruments: int, starts: int = 1) -> None:
        super().__init__()
        self.size = size
        self.network = UNet(size, instruments, starts)
        self.dictionary = nn.Parameter(plain_dictionary(instruments, size.harmonics).repeat(starts, 1, 1))
        self.register_buffer("order", torch.arange(instruments))

    def take(self, dictionary: NDArray[np.floating]) -> None:
        """Put a dictionary [shape=(c, harmonics)] in place of the plain one, the same for all starts."""
        # Harmonics that the pursuit has never heard may still be there.
        harmonics = torch.as_tensor(dictionary[:, : self.size.harmonics]).to(self.dictionary)
        scaled = harmonics / harmonics.amax(dim=1, keepdim=True).clamp_min(_LEAST)
        self.dictionary.data[..., : harmonics.shape[1]] = scaled.clamp_min(_LEAST)

    def chosen(self, start: int) -> Model:
        """One of the starts alone."""
        alone = Model(self.size, self.network.instruments)
        starts = self.network.starts
        own = {name: weights.chunk(starts)[start] for name, weights in self.named_parameters()}
        alone.load_state_dict(own, strict=False)
        return alone.to(self.dictionary.device)


def plain_dictionary(instruments: int, harmonics: int) -> Tensor:
    """Harmonics that fade at different rates: max(1e-3, (0.5 / i)^(h - 1)) [shape=(instruments, harmonics)]."""
    i, h = torch.arange(1, instruments + 1), torch.arange(harmonics)
    return ((_FIRST / i[:, None]) ** h).clamp_min(_LEAST)
