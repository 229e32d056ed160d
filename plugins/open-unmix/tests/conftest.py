"""Tiny networks in the very format of the published files."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from sepkit_open_unmix.network import Sizes, TargetNetwork
from tests.servers import home, server

__all__ = ["Tiny", "home", "server", "tiny", "weights"]


class Tiny:
    """Makes them."""

    sources = ("vocals", "drums", "bass", "other")
    sizes = Sizes(bins=257, heard=187, channels=2, hidden=8, layers=3)

    def state(self, seed: int, sizes: Sizes = sizes, rate: int | None = 44100) -> dict[str, Tensor]:
        """What a network learned that was drawn at random, with what older files hold beside it.

        Its masks are near a fourth in most bins, and differ from source to source.
        """
        draw = torch.Generator().manual_seed(seed)
        tensors = {name: tensor.clone() for name, tensor in TargetNetwork(sizes).state_dict().items()}
        for name, tensor in tensors.items():
            if tensor.is_floating_point():
                tensor.copy_(0.3 * torch.randn(tensor.shape, generator=draw))
            if name.endswith("running_var") or name == "input_scale":
                tensor.fill_(1)
        tensors["output_scale"].fill_(0.2)
        tensors["output_mean"].fill_(0.25)
        if rate is not None:
            window = torch.hann_window(2 * (sizes.bins - 1))
            tensors |= {"sample_rate": torch.tensor(float(rate)), "stft.window": window}
            tensors["transform.0.window"] = window
        return tensors

    def data(self, tensors: dict[str, Tensor], *, legacy: bool = True) -> bytes:
        """A file, as `torch.save` wrote it when these networks were published."""
        written = io.BytesIO()
        torch.save(tensors, written, _use_new_zipfile_serialization=not legacy)
        return written.getvalue()

    def name(self, source: str, data: bytes) -> str:
        """The name that the authors give a file."""
        return f"{source}-{hashlib.sha256(data).hexdigest()[:8]}.pth"

    def files(
        self, sources: Iterable[str] = sources, sizes: Sizes = sizes, rate: int | None = 44100
    ) -> dict[str, bytes]:
        """The files of some networks, by name."""
        written = [self.data(self.state(seed, sizes, rate)) for seed, _ in enumerate(sources)]
        return {self.name(source, data): data for source, data in zip(sources, written, strict=False)}

    def write(self, folder: Path, sources: Iterable[str] = sources, sizes: Sizes = sizes) -> Path:
        """A folder of networks, as `sepkit fetch` leaves it."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in self.files(tuple(sources), sizes).items():
            (folder / name).write_bytes(data)
        return folder


@pytest.fixture(scope="session")
def tiny() -> Tiny:
    return Tiny()


@pytest.fixture(scope="session")
def weights(tiny: Tiny, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of all four."""
    return tiny.write(tmp_path_factory.mktemp("weights"))
