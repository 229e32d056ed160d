"""The network, beside one in NumPy that is written from the paper and the names in the published files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from sepkit.neural import Checkpoint
from sepkit_open_unmix.network import Sizes, TargetNetwork

Array = NDArray[np.floating]


def written_out(T: Mapping[str, Array], mixed: Array, layers: int) -> Array:
    """The mask [shape=(channels, bins, frames)]."""
    channels, bins, frames = mixed.shape
    heard = len(T["input_mean"])
    x = np.stack([(mixed[:, :heard, n] + T["input_mean"]) * T["input_scale"] for n in range(frames)])
    x = compressed = np.tanh(normalized(x.reshape(frames, -1) @ T["fc1.weight"].T, T, "bn1"))
    for layer in range(layers):
        x = np.concatenate([recurrent(x, T, f"l{layer}"), recurrent(x[::-1], T, f"l{layer}_reverse")[::-1]], axis=1)
    x = np.concatenate([compressed, x], axis=1)
    x = np.maximum(normalized(x @ T["fc2.weight"].T, T, "bn2"), 0)
    x = normalized(x @ T["fc3.weight"].T, T, "bn3").reshape(frames, channels, bins)
    return np.maximum(x * T["output_scale"] + T["output_mean"], 0).transpose(1, 2, 0)


def normalized(x: Array, T: Mapping[str, Array], name: str) -> Array:
    scaled = (x - T[f"{name}.running_mean"]) / np.sqrt(T[f"{name}.running_var"] + 1e-5)
    return scaled * T[f"{name}.weight"] + T[f"{name}.bias"]


def recurrent(x: Array, T: Mapping[str, Array], name: str) -> Array:
    """Hochreiter's and Schmidhuber's cell, gates in the order input, forget, cell, output."""
    h = c = np.zeros(T[f"lstm.weight_hh_{name}"].shape[1])
    out = []
    for row in x:
        gates = T[f"lstm.weight_ih_{name}"] @ row + T[f"lstm.bias_ih_{name}"]
        gates = gates + T[f"lstm.weight_hh_{name}"] @ h + T[f"lstm.bias_hh_{name}"]
        i, f, g, o = np.split(gates, 4)
        c = c / (1 + np.exp(-f)) + np.tanh(g) / (1 + np.exp(-i))
        h = np.tanh(c) / (1 + np.exp(-o))
        out.append(h)
    return np.stack(out)


def test_it_is_what_the_paper_describes(tiny: Any) -> None:
    sizes = Sizes(bins=33, heard=20, channels=2, hidden=6, layers=3)
    tensors = tiny.state(0, sizes, None)
    tensors["output_scale"].copy_(torch.randn(33, generator=torch.Generator().manual_seed(1)))
    network = Checkpoint("open-unmix", {}, ("vocals",), 44100, tensors).built(lambda: TargetNetwork(sizes))
    mixed = np.random.default_rng(0).random((2, 33, 12))
    found = network.mask(network.hear(torch.from_numpy(mixed).float()))
    T = {name: tensor.numpy().astype(np.float64) for name, tensor in tensors.items()}
    wanted = written_out(T, mixed, 3)
    assert wanted.any()
    assert (wanted == 0).any()
    np.testing.assert_allclose(found.numpy(), wanted, atol=1e-5)
