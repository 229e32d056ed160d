"""Servers for tests: real processes on free ports of this machine."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import numpy as np

from sepkit import Audio

ENDLESS = {"method": "nmf", "sources": ["a", "b"], "config": {"iterations": 100_000, "tolerance": 0}}
QUICK = {"method": "mixture", "sources": ["a", "b"]}


@dataclass
class Client:
    """A server and what asks it."""

    process: subprocess.Popen[str]
    address: str
    http: httpx2.Client

    def submit(self, mixture: bytes, request: dict[str, Any], name: str = "song.wav", **files: Any) -> httpx2.Response:
        """Ask for a separation."""
        given = [("mixture", (name, mixture)), *files.items()]
        return self.http.post("api/jobs", data={"request": json.dumps(request)}, files=given)

    def ended(self, id: str, until: Callable[[dict[str, Any]], bool] = lambda job: False) -> dict[str, Any]:
        """What a job's events tell last, or when `until` is true of it."""
        job: dict[str, Any] = {}
        with self.http.stream("GET", f"api/jobs/{id}/events") as events:
            assert events.status_code == 200
            for line in events.iter_lines():
                if line.startswith("data:"):
                    job = json.loads(line.removeprefix("data:"))
                    if until(job):
                        break
        return job


@contextmanager
def serving(folder: Path, *options: str) -> Iterator[Client]:
    """A server while the block runs, with jobs in `folder`."""
    command = [sys.executable, "-m", "sepkit", "serve", "--port", "0", "--folder", str(folder), *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        said = process.stdout.readline()
        assert said.startswith("open http://"), process.communicate()
        address = said.split()[1].split("?")[0]
        with httpx2.Client(base_url=address, timeout=120, trust_env=False) as http:
            yield Client(process, address, http)
    finally:
        process.terminate()
        process.communicate()


def noise(folder: Path) -> bytes:
    """A second of noise in stereo, as WAV."""
    path = folder / "song.wav"
    Audio(np.random.default_rng(0).normal(0, 0.1, (2, 16000)).astype(np.float32), 16000).write(path)
    return path.read_bytes()
