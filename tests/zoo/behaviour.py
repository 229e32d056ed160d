"""Methods that are no pure functions, or get on badly with their host."""

from __future__ import annotations

import contextlib
import socket
import tempfile
import threading
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from sepkit import Audio, Cancelled, Config, Problem, Run, SepkitError
from sepkit.errors import ConfigError
from sepkit.solving.negotiation import told_unused
from tests.zoo.good import Array, Drawn, Shares

KEPT: list[Iterator[int]] = []


class WritesInput(Shares):
    def start(self, problem: Problem, run: Run) -> Array:
        value = super().start(problem, run)
        problem.mixture.samples.flags.writeable = True
        problem.mixture.samples[:] = 0
        return value


class LocksInput(Shares):
    def start(self, problem: Problem, run: Run) -> Array:
        assert problem.mixture.samples.base is not None
        problem.mixture.samples.base.flags.writeable = False
        return super().start(problem, run)


class Unseeded(Shares):
    def start(self, problem: Problem, run: Run) -> Array:
        value = super().start(problem, run)
        return value * np.random.default_rng().uniform(0.5, 1.5, value.shape).astype(np.float32)


class Secretly(Drawn):
    pass


class Remembers(Shares):
    calls = 0

    def start(self, problem: Problem, run: Run) -> Array:
        self.calls += 1
        return super().start(problem, run) / np.float32(self.calls)


class SharesItself(Shares):
    def start(self, problem: Problem, run: Run) -> Array:
        self.value = super().start(problem, run)
        return self.value

    def finish(self, value: Array, problem: Problem, run: Run) -> Mapping[str, Audio]:
        # What another thread has put there by now.
        return super().finish(np.resize(self.value, value.shape), problem, run)


class NeedsScore(Shares):
    def start(self, problem: Problem, run: Run) -> Array:
        assert problem.side_information.score is not None
        return super().start(problem, run)


class TellsOfF0Alone(Shares):
    def start(self, problem: Problem, run: Run) -> Array:
        for remark in told_unused({"f0"}, "there is no use for it"):
            run.remark(remark)
        return super().start(problem, run)


class NamesNothing(Shares):
    def finish(self, value: Array, problem: Problem, run: Run) -> Mapping[str, Audio]:
        return super().finish(value, problem, run) if problem.sources else {}


class Silent(Shares):
    def separate(self, problem: Problem, run: Run) -> Mapping[str, Audio]:
        return self.finish(self.start(problem, run), problem, run)


class OneStage(Shares):
    def start(self, problem: Problem, run: Run) -> Array:
        for _ in run.steps(3, "share"):
            pass
        return super().start(problem, run)


class NeverEnds(Shares):
    def separate(self, problem: Problem, run: Run) -> Mapping[str, Audio]:
        steps = run.steps(3, "share")
        KEPT.append(steps)
        for _ in range(3):
            next(steps)
        return self.finish(self.start(problem, run), problem, run)


class GoesOn(Shares):
    def separate(self, problem: Problem, run: Run) -> Mapping[str, Audio]:
        with contextlib.suppress(Cancelled):
            return super().separate(problem, run)
        return self.finish(self.start(problem, run), problem, run)


class Disguises(Shares):
    def separate(self, problem: Problem, run: Run) -> Mapping[str, Audio]:
        try:
            return super().separate(problem, run)
        except Cancelled as error:
            raise RuntimeError("stopped") from error


class LeavesThread(Shares):
    def separate(self, problem: Problem, run: Run) -> Mapping[str, Audio]:
        done = threading.Event()
        thread = threading.Thread(target=done.wait, args=(60,), daemon=True)
        thread.start()
        stems = super().separate(problem, run)
        done.set()
        thread.join()
        return stems


class LeavesFile(Shares):
    def separate(self, problem: Problem, run: Run) -> Mapping[str, Audio]:
        file = tempfile.NamedTemporaryFile(delete=False)  # noqa: SIM115
        file.close()
        stems = super().separate(problem, run)
        import os

        os.unlink(file.name)
        return stems


class Swallows(Shares):
    def separate(self, problem: Problem, run: Run) -> Mapping[str, Audio]:
        try:
            return super().separate(problem, run)
        except Cancelled:
            raise
        except SepkitError:
            return self.finish(self.start(problem, run), problem, run)


class Prints(Shares):
    def step(self, value: Array, problem: Problem) -> Array:
        print("still here")
        return value


class Warns(Shares):
    def step(self, value: Array, problem: Problem) -> Array:
        warnings.warn("this may be wrong", UserWarning, stacklevel=1)
        return value


class SetsErrors(Shares):
    def step(self, value: Array, problem: Problem) -> Array:
        np.seterr(all="ignore")
        return value


class Seeds(Shares):
    def start(self, problem: Problem, run: Run) -> Array:
        np.random.seed(run.seed)  # noqa: NPY002
        return super().start(problem, run)


class WritesFiles(Shares):
    def step(self, value: Array, problem: Problem) -> Array:
        with tempfile.NamedTemporaryFile() as file:
            file.write(value.tobytes())
        return value


class PhonesHome(Shares):
    def step(self, value: Array, problem: Problem) -> Array:
        with socket.socket() as line, contextlib.suppress(OSError):
            line.connect(("127.0.0.1", 9))
        return value


def not_a_separator(config: Config) -> Any:
    return config


class FailsOnDevice(Shares):
    def start(self, problem: Problem, run: Run) -> Array:
        if run.device != "cpu":
            raise RuntimeError("invalid device ordinal")
        return super().start(problem, run)


class StaysOnCPU(Shares):
    def start(self, problem: Problem, run: Run) -> Array:
        if run.device not in ("cpu", "cuda"):
            raise ConfigError("no such device")
        return super().start(problem, run)
