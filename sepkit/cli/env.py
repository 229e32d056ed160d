"""``sepkit env``."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import shutil
from typing import Any

import click

from sepkit.batching.batch import usable_cores
from sepkit.cli.group import discover
from sepkit.cli.printing import console, print_json
from sepkit.music.encoding import FORMATS
from sepkit.plugin.loader import DISABLE, STRICT, State
from sepkit.plugin.registry import Registry
from sepkit.plugin.store import HOME, home
from sepkit.version import __version__

_PACKAGES = (
    *("numpy", "scipy", "soundfile", "soxr", "pydantic", "click", "rich", "pretty_midi"),
    *("torch", "safetensors", "av", "librosa", "museval", "matplotlib", "distributed", "synctoolbox", "pooch", "musdb"),
)
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_SETTINGS = (*_THREADS, "CUDA_VISIBLE_DEVICES", DISABLE, STRICT, HOME, "TMPDIR")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def command(ctx: click.Context, as_json: bool) -> None:
    """Show versions, devices, threads, codecs and folders, to paste into a report of a bug.

    It names no file and no user but the folder of what is fetched.
    """
    told = _environment(discover(ctx))
    if as_json:
        print_json(told)
        return
    lines = console(folds=False)
    for what, value in told.items():
        if isinstance(value, dict):
            lines.print(what)
            for name, one in value.items():
                lines.print(f"  {name:<22} {one}")
        else:
            shown = ", ".join(value) if isinstance(value, list) else value
            lines.print(f"{what:<24} {shown}")


def _environment(registry: Registry) -> dict[str, Any]:
    import soundfile

    plugins = {
        record.name: (record.version or "built in")
        + ("" if record.state is State.ACTIVE else f" ({record.state.value})")
        for record in registry.plugins
    }
    return {
        "sepkit": __version__,
        "python": f"{platform.python_version()} ({platform.python_implementation()})",
        "system": platform.platform(),
        "packages": {name: _version(name) for name in _PACKAGES},
        "plugins": plugins,
        "devices": _devices(),
        "cores": f"{usable_cores()} of {os.cpu_count()}",
        "settings": {name: os.environ[name] for name in _SETTINGS if name in os.environ},
        "libsndfile": soundfile.__libsndfile_version__,
        "reads": sorted(soundfile.available_formats()),
        "reads with PyAV": "MP4, Matroska, WMA ..." if importlib.util.find_spec("av") else "not installed",
        "writes": list(FORMATS),
        "programs": {name: shutil.which(name) or "not found" for name in ("ffmpeg", "fluidsynth")},
        "fetched weights in": str(home()),
    }


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def _devices() -> list[str]:
    if importlib.util.find_spec("torch") is None:
        return ["cpu"]
    from sepkit.neural.device import devices

    return devices()
