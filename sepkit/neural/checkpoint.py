"""Checkpoints: a folder with ``model.safetensors`` and ``model.json``, and nothing that is run when it is read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import nn

from sepkit.errors import WeightsError
from sepkit.files import staged_folder

FORMAT = 1
TENSORS, RECORD = "model.safetensors", "model.json"


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """Trained weights, and what is needed to use them.

    Parameters
    ----------
    method : str
        Name of the method or prior that they belong to.
    config : dict
        Options of the model, as JSON.
    sources : tuple of str
        Names of the stems that it knows.
    sample_rate : int
        In Hz.
    tensors : mapping of str to torch.Tensor
        A state dict.
    about : dict
        How they came about: seed, steps, data, curves; as JSON.
    """

    method: str
    config: dict[str, Any]
    sources: tuple[str, ...]
    sample_rate: int
    tensors: Mapping[str, torch.Tensor]
    about: dict[str, Any] = field(default_factory=dict)

    def write(self, folder: Path) -> None:
        """Write into `folder`, which is made if it is not there.

        Raises
        ------
        WriteError
        """
        # Copies, for safetensors refuses tensors that share memory.
        tensors = {name: tensor.detach().cpu().clone().contiguous() for name, tensor in self.tensors.items()}
        data = safetensors.torch.save(tensors)
        record = {
            "format": FORMAT,
            "method": self.method,
            "config": self.config,
            "sources": list(self.sources),
            "sample_rate": self.sample_rate,
            "about": self.about,
        }
        # As it will be read: keys that are numbers would be sorted otherwise than the text that they become.
        record = json.loads(json.dumps(record))
        record["digest"] = _digest(record, data)
        with staged_folder(folder) as staging:
            (staging / TENSORS).write_bytes(data)
            text = json.dumps(record, indent=2, ensure_ascii=False)
            (staging / RECORD).write_text(text + "\n", encoding="utf-8", errors="backslashreplace")

    @classmethod
    def read(cls, folder: Path, method: str) -> Checkpoint:
        """Read weights of `method` from `folder`.

        Raises
        ------
        WeightsError
            If they are missing, truncated, changed since they were written, or of another method.
        """
        record, data = _record(folder), _bytes(folder / TENSORS)
        if record.get("format") != FORMAT:
            given = record.get("format")
            raise WeightsError(f"{folder} holds weights of format {given}, this sepkit reads {FORMAT}; update sepkit")
        if record.get("method") != method:
            given = record.get("method")
            raise WeightsError(f"{folder} holds weights of '{given}', wanted are those of '{method}'; give others")
        if record.pop("digest", None) != _digest(record, data):
            raise WeightsError(
                f"the weights in {folder} are truncated, or changed since they were written; copy or train them again"
            )
        return cls(
            method=method,
            config=record["config"],
            sources=tuple(record["sources"]),
            sample_rate=record["sample_rate"],
            tensors=safetensors.torch.load(data),
            about=record["about"],
        )

    def load_into(self, model: nn.Module) -> None:
        """Give the weights to `model`.

        Raises
        ------
        WeightsError
            If they do not fit it.
        """
        try:
            model.load_state_dict(dict(self.tensors))
        except RuntimeError as error:
            reason = " ".join(str(error).split())
            raise WeightsError(
                f"the weights do not fit the model of '{self.method}': {reason}; train or fetch others"
            ) from error


def _record(folder: Path) -> dict[str, Any]:
    try:
        record = json.loads(_bytes(folder / RECORD))
    except ValueError as error:
        raise WeightsError(
            f"{folder / RECORD} is truncated or no JSON: {error}; copy or train the weights again"
        ) from error
    if not isinstance(record, dict):
        raise WeightsError(f"{folder / RECORD} holds no JSON object; copy or train the weights again")
    return record


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise WeightsError(
            f"{path.parent} holds no weights: {path.name}: {error.strerror}; train some with: sepkit train"
        ) from error


def _digest(record: Mapping[str, Any], data: bytes) -> str:
    """SHA-256 over everything: a changed option is as bad as a changed weight."""
    digest = hashlib.sha256(json.dumps(record, sort_keys=True).encode())
    digest.update(data)
    return digest.hexdigest()
