"""A method that does to its process what it is told, and then shares the mixture out equally."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Mapping

import numpy as np

from sepkit import Audio, Problem, Run, Separator
from sepkit_fake_unruly.config import UnrulyConfig

HOARD_BYTES = 200 * 2**20


class Unruly(Separator[UnrulyConfig]):
    """Misbehaves."""

    parameters = 1234

    def separate(self, problem: Problem, run: Run) -> Mapping[str, Audio]:
        deed, gate = self.config.deed, self.config.gate
        if deed == "kill" or (deed == "kill when silent" and not problem.mixture.samples.any()):
            os.kill(os.getpid(), signal.SIGKILL)
        if deed == "leave":
            print("out of licences", file=sys.stderr, flush=True)
            os._exit(3)
        if deed == "chatter":
            print("hello " * 100_000)
            os.write(1, b'{"status": "nonsense"}\n')
            assert sys.stdin.read() == ""
        if deed == "hoard":
            np.ones(HOARD_BYTES, np.uint8)
        if gate is not None and gate.is_fifo():
            gate.write_text(str(os.getpid()))
            threading.Event().wait()
        share = Audio(problem.mixture.samples / len(problem.sources), problem.mixture.sample_rate)
        return dict.fromkeys(problem.sources, share)
