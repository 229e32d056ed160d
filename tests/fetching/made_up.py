"""Weights made up to be fetched in tests."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import sepkit_fakes as fakes

import sepkit
from sepkit import Registry
from sepkit.plugin import Weights, WeightsFile

LEVELS = json.dumps({"levels": {"a": 1.0}, "sample_rate": 12000}).encode()
FILES = {"levels.json": LEVELS}


def archive(files: Mapping[str, bytes] = FILES) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as target:
        for name, data in files.items():
            target.writestr(zipfile.ZipInfo(name), data)
    return packed.getvalue()


def file_of(url: str, body: bytes, **changes: Any) -> WeightsFile:
    return WeightsFile(**{"url": url, "sha256": hashlib.sha256(body).hexdigest(), "size": len(body), **changes})


def weights_of(url: str, body: bytes, *, name: str = "taught-levels", file: str = "", **changes: Any) -> Weights:
    return weights_in(file_of(url, body, name=file, **changes), name=name)


def weights_in(*files: WeightsFile, name: str = "taught-levels") -> Weights:
    return Weights(name=name, licence="CC-BY-4.0", source="A. Author, 2020", files=files)


def publish(registry: Registry, *weights: Weights, method: str = "taught", **options: Any) -> None:
    registry.add(fakes.spec(method, "Taught", weights=weights, **{"needs": ("weights",), **options}))


def fetch(registry: Registry, name: str = "taught-levels", **options: Any) -> Path:
    return sepkit.fetch(name, registry=registry, **{"accept_licence": True, **options})
