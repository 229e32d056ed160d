"""What densities of learned priors have in common: a network for every source, and the checkpoints they come from."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sepkit.errors import WeightsError
from sepkit.neural import Checkpoint, read_by_source
from sepkit.problem.layout import Layout


class SourceNetwork(Protocol):
    """What is learned of one source.

    Attributes
    ----------
    data_std : float
        Root of the mean square of the stems that it has learned from.
    lowest : float
        Lowest noise level that it has learned.
    """

    data_std: float
    lowest: float


N = TypeVar("N", bound=SourceNetwork)


class SourceDensity(Generic[N]):
    """The density of stems that are independent of each other, by a network for every source.

    Values are NumPy arrays or torch tensors of shape ``(..., sources, channels, samples)``, with any number of samples;
    axes before those are chains, which go through each network together.

    Parameters
    ----------
    networks : sequence
        One for every source.
    sigma : float
        Standard deviation of the noise that is in the values. Below the lowest level of a network, such as 0, it stands
        for that level.

    Attributes
    ----------
    power : ndarray [shape=(sources,)]
        Mean square of the stems that the networks have learned from.
    """

    def __init__(self, networks: Sequence[N], sigma: float = 0.0) -> None:
        self._networks, self._sigma = tuple(networks), sigma
        self._placed: dict[tuple[torch.device, torch.dtype], tuple[N, ...]] = {}
        self.power: NDArray[np.float64] = np.array([network.data_std**2 for network in networks])

    def gradient(self, value: Any) -> Any:
        """Gradient of the log density [shape=(..., sources, channels, samples)]."""
        tensor = as_tensor(value).detach()
        score = torch.stack(self._of_every_source(self._score, tensor), -3)
        return score if isinstance(value, Tensor) else score.numpy()

    @abstractmethod
    def _score(self, network: N, stems: Tensor) -> Tensor:
        """Gradient of the log density of one source's stems [shape=stems.shape]."""

    def _of_every_source(self, function: Callable[[N, Tensor], Tensor], value: Tensor) -> list[Tensor]:
        if value.ndim < 3 or value.shape[-3] != len(self._networks):
            raise ValueError(
                f"a value needs shape (..., {len(self._networks)} sources, channels, samples), given "
                f"{tuple(value.shape)}"
            )
        networks = self._on(value.device, value.dtype)
        return [function(network, stems) for network, stems in zip(networks, value.unbind(-3), strict=True)]

    def _level(self, network: N, like: Tensor) -> Tensor:
        return like.new_tensor([max(self._sigma, network.lowest)])

    def _on(self, device: torch.device, dtype: torch.dtype) -> tuple[N, ...]:
        """The networks where and as the values are."""
        if (device, dtype) not in self._placed:
            self._placed[device, dtype] = tuple(deepcopy(one).to(device, dtype) for one in self._networks)  # type: ignore[attr-defined]
        return self._placed[device, dtype]


def as_tensor(value: Any) -> Tensor:
    """`value` as a tensor, which may share its memory."""
    # A copy in order: torch takes no arrays that run backwards, and warns of those that are read-only.
    return value if isinstance(value, Tensor) else torch.from_numpy(np.array(value, order="C"))


def sample_rate_of(folder: Path, method: str) -> int:
    """The rate in Hz of all checkpoints in the folders of `folder`; raises `WeightsError`."""
    return next(iter(read_by_source(folder, method).values())).sample_rate


def checkpoints_for(layout: Layout, folder: Path, method: str) -> list[Checkpoint]:
    """The checkpoint of every source of `layout`, in order.

    Raises
    ------
    WeightsError
        If a source has none, with the names of those that have; if one is damaged; or if they are for another sample
        rate than the mixture's.
    """
    known = read_by_source(folder, method)
    unknown = [source for source in layout.sources if source not in known]
    if unknown:
        raise WeightsError(
            f"there is no {method} for '{unknown[0]}', {folder} has {', '.join(known)}; name the sources like those, "
            "or give other weights"
        )
    checkpoints = [known[source] for source in layout.sources]
    learned, rate = checkpoints[0].sample_rate, layout.mixture.sample_rate
    if learned != rate:
        raise WeightsError(f"the weights of {method} are for {learned} Hz, the mixture has {rate} Hz; resample it")
    return checkpoints
