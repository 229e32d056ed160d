"""Tiny networks in the very format of the published files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from demucs.htdemucs import HTDemucs

from tests.servers import home, server

__all__ = ["Tiny", "home", "server", "tiny", "weights"]

SOURCES = ["drums", "bass", "other", "vocals"]


class Tiny:
    """Makes them."""

    sources = SOURCES
    kwargs: Mapping[str, Any] = {
        "sources": SOURCES,
        "audio_channels": 2,
        "samplerate": 44100,
        # Smaller than the published networks, which have 7.8 seconds, 48 channels ...
        "segment": Fraction(1, 5),
        "channels": 8,
        "nfft": 2048,
        "bottom_channels": 8,
        "t_layers": 3,
        "t_heads": 2,
        "t_hidden_scale": 2.0,
        "dconv_comp": 4,
        # ... and like them in all else.
        "cac": True,
        "channels_time": None,
        "context": 1,
        "context_enc": 0,
        "dconv_depth": 2,
        "dconv_init": 0.001,
        "dconv_mode": 3,
        "depth": 4,
        "emb_scale": 10,
        "emb_smooth": True,
        "end_iters": 0,
        "freq_emb": 0.2,
        "growth": 2,
        "kernel_size": 8,
        "multi_freqs": [],
        "multi_freqs_depth": 3,
        "norm_groups": 4,
        "norm_starts": 4,
        "rescale": 0.1,
        "rewrite": True,
        "stride": 4,
        "time_stride": 2,
        "wiener_iters": 0,
        "wiener_residual": False,
        "t_auto_sparsity": False,
        "t_cape_augment": True,
        "t_cape_glob_loc_scale": [5000.0, 1.0, 1.4],
        "t_cape_mean_normalize": True,
        "t_cross_first": False,
        "t_dropout": 0.02,
        "t_emb": "sin",
        "t_gelu": True,
        "t_global_window": 100,
        "t_group_norm": False,
        "t_layer_scale": True,
        "t_lr": None,
        "t_mask_random_seed": 42,
        "t_mask_type": "diag",
        "t_max_period": 10000.0,
        "t_max_positions": 10000,
        "t_norm_first": True,
        "t_norm_in": True,
        "t_norm_in_group": False,
        "t_norm_out": True,
        "t_sin_random_shift": 0,
        "t_sparse_attn_window": 400,
        "t_sparse_cross_attn": False,
        "t_sparse_self_attn": False,
        "t_sparsity": 0.95,
        "t_weight_decay": 0.0,
        "t_weight_pos_embed": 1.0,
    }

    def network(self, seed: int = 0, **changes: Any) -> HTDemucs:
        """One that was drawn at random."""
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            return HTDemucs(**{**self.kwargs, **changes}).eval()

    def data(self, network: HTDemucs, metadata: Mapping[str, str | None] = {}, **kwargs: Any) -> bytes:
        """A file as the author's script writes it: half precision, and what makes the network as JSON in the header."""
        args, made_with = network._init_args_kwargs
        told: dict[str, str | None] = {
            "klass": f"{type(network).__module__}.{type(network).__qualname__}",
            "args": json.dumps(args),
            "kwargs": json.dumps({**made_with, **kwargs}, default=self._fraction),
            **metadata,
        }
        state = {name: tensor.half().contiguous() for name, tensor in network.state_dict().items()}
        kept = {name: text for name, text in told.items() if text is not None}
        return safetensors.torch.save(state, metadata=kept)

    @staticmethod
    def _fraction(value: Fraction) -> dict[str, Any]:
        return {"_type": "fraction", "numerator": value.numerator, "denominator": value.denominator}

    def files(self, name: str = "htdemucs", signatures: tuple[str, ...] = ("955717e8",)) -> dict[str, bytes]:
        """Those of a bag, by name: of several networks each counts for one source."""
        bag = f"models: {json.dumps(signatures)}\n"
        if len(signatures) > 1:
            rows = [[float(row == column) for column in range(len(SOURCES))] for row in range(len(signatures))]
            bag += f"weights: {json.dumps(rows)}\n"
        networks = {
            f"{signature}.safetensors": self.data(self.network(seed)) for seed, signature in enumerate(signatures)
        }
        return {f"{name}.yaml": bag.encode(), **networks}

    def write(self, folder: Path, files: Mapping[str, bytes] | None = None) -> Path:
        """A folder of a bag, as `sepkit fetch` leaves it."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in (files or self.files()).items():
            (folder / name).write_bytes(data)
        return folder


@pytest.fixture(scope="session")
def tiny() -> Tiny:
    return Tiny()


@pytest.fixture(scope="session")
def weights(tiny: Tiny, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of a bag of one."""
    return tiny.write(tmp_path_factory.mktemp("weights"))
