"""Checkpoints: a folder with ``model.safetensors`` and ``model.json``, and nothing that is run when it is read.

Whoever made one may have recomputed its digest: everything that is read is checked before it is used.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import safetensors.torch
import torch
from pydantic import ValidationError
from torch import nn

from sepkit.config import C
from sepkit.errors import ConfigError, WeightsError
from sepkit.files import read_regular, staged_folder
from sepkit.neural.record import FORMAT, MOST_BYTES, Record, first_fault, parsed
from sepkit.neural.tensors import DAMAGED, MOST_TENSOR_BYTES, finite, short

TENSORS, RECORD = "model.safetensors", "model.json"

M = TypeVar("M", bound=nn.Module)


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
        with staged_folder(folder, RECORD) as staging:
            (staging / TENSORS).write_bytes(data)
            text = json.dumps(record, indent=2, ensure_ascii=False)
            (staging / RECORD).write_text(text + "\n", encoding="utf-8", errors="backslashreplace")

    @classmethod
    def read(cls, folder: Path, method: str) -> Checkpoint:
        """Read weights of `method` from `folder`.

        Raises
        ------
        WeightsError
            If they are missing, truncated, changed since they were written, of another method, or no numbers.
        """
        with _one_line(folder / RECORD):
            read = parsed(_bytes(folder / RECORD, MOST_BYTES))
        data = _bytes(folder / TENSORS, MOST_TENSOR_BYTES)
        if read.get("format") != FORMAT:
            given = short(repr(read.get("format")))
            raise WeightsError(f"{folder} holds weights of format {given}, this sepkit reads {FORMAT}; update sepkit")
        if read.get("method") != method:
            given = short(repr(read.get("method")))
            raise WeightsError(f"{folder} holds weights of {given}, wanted are those of '{method}'; give others")
        if read.pop("digest", None) != _digest(read, data):
            raise WeightsError(
                f"the weights in {folder} are truncated, or changed since they were written; copy or train them again"
            )
        with _one_line(folder / RECORD):
            record = Record.model_validate(read)
        with _one_line(folder / TENSORS):
            tensors = finite(safetensors.torch.load(data))
        return cls(
            method=record.method,
            config=record.config,
            sources=record.sources,
            sample_rate=record.sample_rate,
            tensors=tensors,
            about=record.about,
        )

    def options(self, model: type[C]) -> C:
        """The options of the model that the weights are of, as `config` has them.

        Raises
        ------
        WeightsError
            If they are none of `model`, or out of its bounds.
        """
        try:
            return model.model_validate(self.config)
        except ValidationError as error:
            raise WeightsError(
                f"the weights of '{self.method}' have options that cannot be: {first_fault(error)}; train or fetch "
                "others"
            ) from error

    def tuned_options(self, given: C, fixed: Collection[str]) -> C:
        """The options of a training that goes on from these weights.

        Parameters
        ----------
        given : Config
            Those of the training; what its caller has not set comes from its defaults.
        fixed : collection of str
            Names of the options that describe the model, which are as the weights have them.

        Raises
        ------
        ConfigError
            If `given` has set one of them to something else.
        WeightsError
            As `options`.
        """
        own = self.options(type(given))
        kept = {name: getattr(own, name) for name in fixed}
        for name in sorted(given.model_fields_set & kept.keys()):
            if getattr(given, name) != kept[name]:
                raise ConfigError(
                    f"the weights of '{self.method}' have {name}={kept[name]}, given {name}={getattr(given, name)}: "
                    "what describes the model stays as it is; leave it out"
                )
        return given.model_copy(update=kept)

    def built(self, build: Callable[[], M]) -> M:
        """The model that `build` makes, with these weights, which are not to change any more.

        Raises
        ------
        WeightsError
            If they do not fit it, or it is too large for this machine.
        """
        try:
            # What layers draw at first is thrown away: torch's global generator is as before.
            with torch.random.fork_rng(devices=[]):
                model = build()
        except (RuntimeError, MemoryError) as error:
            raise WeightsError(
                f"the model of '{self.method}' cannot be made for these weights: {short(str(error))}; train or fetch "
                "others"
            ) from error
        self.load_into(model)
        return model.float().requires_grad_(False).eval()

    def load_into(self, model: nn.Module) -> None:
        """Give the weights to `model`.

        Raises
        ------
        WeightsError
            If they do not fit it: other names, shapes or kinds of numbers.
        """
        wanted = model.state_dict()
        misfit = next(_misfits(wanted, self.tensors), None)
        if misfit is not None:
            raise WeightsError(f"the weights do not fit the model of '{self.method}': {misfit}; train or fetch others")
        try:
            model.load_state_dict(dict(self.tensors))
        except RuntimeError as error:
            reason = short(str(error))
            raise WeightsError(
                f"the weights do not fit the model of '{self.method}': {reason}; train or fetch others"
            ) from error


def read_by_source(folder: Path, method: str) -> dict[str, Checkpoint]:
    """All checkpoints of `method` in the folders of `folder`, by the names of the sources that they know.

    Methods and priors with a network for every source keep their weights so: sources are trained one by one, and put
    together by copying folders.

    Raises
    ------
    WeightsError
        If there is none, one is damaged, two know one source, or their sample rates differ.
    """
    found: dict[str, Checkpoint] = {}
    for record in sorted(folder.glob(f"*/{RECORD}")):
        checkpoint = Checkpoint.read(record.parent, method)
        twice = [source for source in checkpoint.sources if source in found]
        if twice:
            raise WeightsError(f"two folders in {folder} hold weights of source '{twice[0]}'; keep one of them")
        found |= dict.fromkeys(checkpoint.sources, checkpoint)
    if not found:
        raise WeightsError(f"{folder} holds no folders with weights of '{method}'; train some with: sepkit train")
    rates = sorted({checkpoint.sample_rate for checkpoint in found.values()})
    if len(rates) > 1:
        listed = ", ".join(f"{rate} Hz" for rate in rates)
        raise WeightsError(f"the weights in {folder} are for {listed}; give a folder of those of one rate")
    return found


@contextmanager
def _one_line(file: Path) -> Iterator[None]:
    """Whatever strange content raises becomes one error that names the file."""
    try:
        yield
    except ValidationError as error:
        raise WeightsError(f"{file} cannot be: {first_fault(error)}; copy or train the weights again") from error
    except DAMAGED as error:
        raise WeightsError(
            f"{file} is truncated or damaged: {short(str(error))}; copy or train the weights again"
        ) from error


def _misfits(wanted: Mapping[str, torch.Tensor], given: Mapping[str, torch.Tensor]) -> Iterator[str]:
    for name, tensor in wanted.items():
        if name not in given:
            yield f"there is no tensor {short(repr(name))}"
        elif given[name].shape != tensor.shape:
            yield f"tensor {short(repr(name))} has shape {tuple(given[name].shape)}, wanted is {tuple(tensor.shape)}"
        elif given[name].is_floating_point() != tensor.is_floating_point():
            yield f"tensor {short(repr(name))} is of {given[name].dtype}, wanted is {tensor.dtype}"
    for name in given:
        if name not in wanted:
            yield f"there is a tensor {short(repr(name))} too many"


def _bytes(path: Path, most: int) -> bytes:
    try:
        return read_regular(path, most)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise WeightsError(
            f"{path.parent} holds no weights: {path.name}: {reason}; train some with: sepkit train"
        ) from error
    except MemoryError as error:
        raise WeightsError(f"{path} is too large for the memory of this machine; give other weights") from error


def _digest(record: Mapping[str, Any], data: bytes) -> str:
    """SHA-256 over everything: a changed option is as bad as a changed weight."""
    digest = hashlib.sha256(json.dumps(record, sort_keys=True).encode())
    digest.update(data)
    return digest.hexdigest()
