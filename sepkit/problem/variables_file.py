"""Variables as files: NumPy's ``.npz``, with arrays of these names.

===================  ==============  ==========================================================================
array                shape           what it is
===================  ==============  ==========================================================================
``templates`` ...    of its domain   a value, under the name of its domain, see `Domain`
``sample_rate``      ()              at which the method worked, in Hz
``sources``          (sources,)      their names
``bins_hz``          (bins,)         centre frequencies
``frames_s``         (frames,)       centre times
``atom_sources``     (atoms,)        name of the source that each atom belongs to, empty where that is not known
``atom_pitches``     (atoms,)        MIDI pitch of each atom, NaN where it stands for no note
``atom_transients``  (atoms,)        whether it stands for the onset of notes only
===================  ==============  ==========================================================================

Axes that no value has are left out, and whoever makes such a file by hand may leave out all of them. Nothing in it is
pickled.
"""

from __future__ import annotations

import math
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sepkit.errors import ConfigError, reason_of
from sepkit.problem.layout import Atom
from sepkit.problem.variables import Variables

_LARGEST_BYTES = 1 << 33
_TOLERANCE = 1e-6
_NO_VALUES = ("sample_rate", "sources", "bins_hz", "frames_s", "atom_sources", "atom_pitches", "atom_transients")


@dataclass(frozen=True, eq=False)
class StoredVariables:
    """What a file of variables holds.

    Attributes
    ----------
    path : Path
    values : mapping of str to ndarray
        Finite numbers, by the name of their domain.
    axes : mapping of str to ndarray
        ``bins_hz``, ``frames_s``, those that are there.
    sample_rate : int or None
    atoms : tuple of Atom or None
    """

    path: Path
    values: Mapping[str, NDArray[np.floating]]
    axes: Mapping[str, NDArray[np.floating]]
    sample_rate: int | None
    atoms: tuple[Atom, ...] | None

    def require_axes(self, sample_rate: int, **axes: NDArray[np.floating]) -> None:
        """Be sure that the values are of this rate and these axes, as far as the file tells.

        Parameters
        ----------
        sample_rate : int
        **axes : ndarray
            ``bins_hz`` [shape=(bins,)], ``frames_s`` [shape=(frames,)].

        Raises
        ------
        ConfigError
        """
        if self.sample_rate not in (None, sample_rate):
            raise ConfigError(f"{self.path} is of a mixture at {self.sample_rate} Hz, and this is at {sample_rate} Hz")
        for name, wanted in axes.items():
            given = self.axes.get(name, wanted)
            if given.shape != wanted.shape or not np.allclose(given, wanted, rtol=_TOLERANCE, atol=_TOLERANCE):
                raise ConfigError(
                    f"the {name} of {self.path} ({_span(given)}) are not those of this mixture and window "
                    f"({_span(wanted)}): use the window of the run that wrote it, and the same mixture"
                )

    def value(self, name: str, shape: tuple[int, ...]) -> NDArray[np.floating] | None:
        """The value of a domain, none of it negative; None if there is none.

        Raises
        ------
        ConfigError
            If it has another shape, or is negative somewhere.
        """
        value = self.values.get(name)
        if value is None:
            return None
        if value.shape != shape:
            raise ConfigError(f"'{name}' in {self.path} needs shape {shape} for this mixture, given {value.shape}")
        if (value < 0).any():
            raise ConfigError(f"'{name}' in {self.path} needs values from 0, and some are below")
        return value


def write_variables(path: Path, variables: Variables) -> None:
    """Write a file of variables; equal variables give equal bytes."""
    layout = variables.layout
    axes = {axis for domain in variables.values for axis in domain.axes}
    arrays: dict[str, Any] = {str(domain): value for domain, value in variables.values.items()}
    arrays["sample_rate"] = np.array(layout.mixture.sample_rate)
    if "sources" in axes:
        arrays["sources"] = np.array(layout.sources, np.str_)
    if "bins" in axes:
        arrays["bins_hz"] = layout.bins_hz
    if "frames" in axes:
        arrays["frames_s"] = layout.frames_s
    if "atoms" in axes:
        atoms = layout.atoms or ()
        arrays["atom_sources"] = np.array([atom.source or "" for atom in atoms], np.str_)
        arrays["atom_pitches"] = np.array([np.nan if atom.pitch is None else atom.pitch for atom in atoms], np.float64)
        arrays["atom_transients"] = np.array([atom.transient for atom in atoms], np.bool_)
    with open(path, "wb") as stream:
        np.savez(stream, **arrays)


def read_variables(path: Path) -> StoredVariables:
    """Read a file of variables.

    Raises
    ------
    ConfigError
        If it cannot be read, is damaged, or holds anything but numbers and names.
    """
    try:
        with open(path, "rb") as stream, zipfile.ZipFile(stream) as archive:
            if sum(info.file_size for info in archive.infolist()) > _LARGEST_BYTES:
                raise ValueError(f"it holds more than {_LARGEST_BYTES >> 30} GiB")
            arrays = {
                info.filename.removesuffix(".npy"): _array(archive, info)
                for info in archive.infolist()
                if info.filename.endswith(".npy")
            }
        return _stored(path, arrays)
    except ConfigError:
        raise
    # Damaged archives fail in more ways than zipfile and NumPy name.
    except Exception as error:
        reason = getattr(error, "strerror", None) or reason_of(error)
        raise ConfigError(f"cannot read {path} as a NumPy .npz file of variables: {reason}") from error


def _array(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> NDArray[Any]:
    with archive.open(info) as stream:
        version = np.lib.format.read_magic(stream)
        read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = read_header(stream)
    if dtype.hasobject:
        raise ValueError(f"'{info.filename}' is pickled")
    # Or a header alone could ask for any amount of memory.
    if math.prod(shape) * dtype.itemsize > info.file_size:
        raise ValueError(f"'{info.filename}' is cut off")
    with archive.open(info) as stream:
        array: NDArray[Any] = np.lib.format.read_array(stream, allow_pickle=False)
    return array


def _stored(path: Path, arrays: Mapping[str, NDArray[Any]]) -> StoredVariables:
    for name, array in arrays.items():
        if name.endswith("sources"):
            if array.dtype.kind != "U":
                raise ConfigError(f"'{name}' in {path} needs to be text, given {array.dtype}")
        elif array.dtype.kind not in "fiub":
            raise ConfigError(f"'{name}' in {path} needs to be real numbers, given {array.dtype}")
        elif name != "atom_pitches" and not np.isfinite(array).all():
            raise ConfigError(f"'{name}' in {path} holds NaN or infinite values; repair it first")
    rate = arrays.get("sample_rate")
    if rate is not None and rate.shape != ():
        raise ConfigError(f"'sample_rate' in {path} needs to be one number, given shape {rate.shape}")
    for name in ("bins_hz", "frames_s"):
        if name in arrays and arrays[name].ndim != 1:
            raise ConfigError(f"'{name}' in {path} needs to be one row of numbers, given shape {arrays[name].shape}")
    return StoredVariables(
        path=path,
        values={name: array for name, array in arrays.items() if name not in _NO_VALUES},
        axes={name: arrays[name] for name in ("bins_hz", "frames_s") if name in arrays},
        sample_rate=None if rate is None else int(rate),
        atoms=_atoms(path, arrays),
    )


def _atoms(path: Path, arrays: Mapping[str, NDArray[Any]]) -> tuple[Atom, ...] | None:
    there = [arrays[name] for name in ("atom_sources", "atom_pitches", "atom_transients") if name in arrays]
    if not there:
        return None
    if len(there) < 3 or len({array.shape for array in there}) > 1 or there[0].ndim != 1:
        raise ConfigError(f"{path} needs atom_sources, atom_pitches and atom_transients of one length, or none of them")
    return tuple(
        Atom(str(source) or None, None if np.isnan(pitch) else float(pitch), bool(transient))
        for source, pitch, transient in zip(*there, strict=True)
    )


def _span(axis: NDArray[np.floating]) -> str:
    return f"{len(axis)} from {axis[0]:.6g} to {axis[-1]:.6g}" if len(axis) else "none"
