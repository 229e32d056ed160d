"""Files of tensors, of whoever wrote them: nothing in them is run, and what is read are finite numbers."""

from __future__ import annotations

import io
import json
import pickle
import struct
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from sepkit.errors import WeightsError
from sepkit.files import read_regular

MOST_TENSOR_BYTES = 1 << 34

_OF_TORCH = (b"PK", b"\x80\x02")
"""How its files begin: an archive; before 2020 pickles, of the protocol of which it warns when it is another."""

# safetensors raises KeyError for types of numbers that torch has not, and ValueError for impossible shapes.
DAMAGED = (
    ValueError,
    RecursionError,
    LookupError,
    RuntimeError,
    TypeError,
    AttributeError,
    EOFError,
    AssertionError,
    OverflowError,
    struct.error,
    zipfile.BadZipFile,
    safetensors.SafetensorError,
)


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """Read what ``torch.save(network.state_dict(), path)`` wrote, now or long ago.

    Such a file is a pickle. torch reads it with an unpickler that knows tensors and dictionaries and nothing else, so
    that no code in it is run.

    Parameters
    ----------
    path : Path

    Returns
    -------
    tensors : dict of str to Tensor

    Raises
    ------
    WeightsError
        If it cannot be read, is damaged, or holds anything but finite tensors under names.
    """
    return _sound(path, _unpickled, _bytes(path))


def read_safetensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Read a file of the format safetensors, with what its header tells beside the tensors.

    Parameters
    ----------
    path : Path

    Returns
    -------
    tensors : dict of str to Tensor
    metadata : dict of str to str
        Whatever its author put there: nothing to be trusted.

    Raises
    ------
    WeightsError
        If it cannot be read, is damaged, or holds numbers that are not finite.
    """
    data = _bytes(path)
    tensors = _sound(path, safetensors.torch.load, data)
    # That the header is sound is known by now: its length, and as many bytes of JSON.
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    return tensors, header.get("__metadata__", {})


def finite(tensors: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """The tensors, if they hold finite real numbers; raises ValueError else."""
    for name, tensor in tensors.items():
        if tensor.is_complex():
            raise ValueError(f"tensor {short(repr(name))} is of complex numbers")
        # Types of eight bits and less cannot be asked themselves.
        if tensor.is_floating_point() and not bool(tensor.float().isfinite().all()):
            raise ValueError(f"tensor {short(repr(name))} holds values that are no finite numbers")
    return tensors


def short(text: str) -> str:
    """`text` in one line that is not long."""
    line = " ".join(text.split())
    return line if len(line) <= 120 else f"{line[:117]}..."


def _unpickled(data: bytes) -> dict[str, Tensor]:
    if not data.startswith(_OF_TORCH):
        raise ValueError("it is no file that torch wrote")
    if zipfile.is_zipfile(io.BytesIO(data)):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            # torch writes what it stores as it is: whatever grows when it is read is none of its files.
            if sum(member.file_size for member in archive.infolist()) > len(data):
                raise ValueError("it would unpack to more than it is")
    found = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    if not isinstance(found, Mapping) or not all(isinstance(value, Tensor) for value in found.values()):
        raise ValueError("it holds other things than tensors")
    # One that repeats a few numbers would fill the memory where it is copied.
    if not all(isinstance(name, str) and tensor.is_contiguous() for name, tensor in found.items()):
        raise ValueError("its tensors have no names, or are views")
    return dict(found)


def _sound(path: Path, load: Callable[[bytes], Mapping[str, Tensor]], data: bytes) -> dict[str, Tensor]:
    """What `load` makes of the bytes of a file; whatever strange content raises becomes one error that names it."""
    try:
        return dict(finite(load(data)))
    except pickle.UnpicklingError as error:
        raise WeightsError(
            f"{path} is damaged, or would run code when it is read: only tensors are; give a file of tensors alone"
        ) from error
    except DAMAGED as error:
        reason = short(str(error)) or type(error).__name__
        raise WeightsError(f"{path} is truncated or damaged: {reason}; copy or fetch it again") from error


def _bytes(path: Path) -> bytes:
    try:
        return read_regular(path, MOST_TENSOR_BYTES)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise WeightsError(f"cannot read weights from {path}: {reason}; give a file of them") from error
    except MemoryError as error:
        raise WeightsError(f"{path} is too large for the memory of this machine; give other weights") from error
