"""A training that is stopped anywhere goes on to the same weights; states of other trainings are refused."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from sepkit import Cancelled, Run
from sepkit.errors import ConfigError, SepkitError, WeightsError, WriteError
from sepkit.neural import undrawn
from tests.commandline import left_behind
from tests.distributions import environment
from tests.learning import Line, State, cancelled_at, learn, loss, validate
from tests.test_laziness import SNAPSHOT


@pytest.fixture
def expected(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, State]:
    """What a training that was never stopped comes to."""
    return learn(tmp_path_factory.mktemp("whole") / "state")


class TestCancelled:
    @pytest.mark.parametrize("every", [1, 2, 5, 11])
    def test_again_and_again_it_comes_to_the_same(self, tmp_path: Path, every: int, expected: Any) -> None:
        state = tmp_path / "state"
        for _ in range(100):
            try:
                done = learn(state, run=cancelled_at(every))
            except Cancelled:
                assert [path.name for path in tmp_path.iterdir()] == ["state"]
                continue
            assert done == expected
            return
        raise AssertionError("it never came to its end")

    def test_before_its_first_step(self, tmp_path: Path, expected: Any) -> None:
        with pytest.raises(Cancelled):
            learn(tmp_path / "state", run=cancelled_at(0))
        assert learn(tmp_path / "state") == expected

    def test_with_an_early_stop(self, tmp_path: Path) -> None:
        def worse() -> Callable[[nn.Module], float]:
            return lambda model: 1 / (1e-9 + validate(model))

        whole = learn(tmp_path / "whole", validate=worse(), patience=2)
        assert (whole[0].best_step, whole[0].steps) == (4, 12)
        for stop in (3, 4, 5, 11):
            with pytest.raises(Cancelled):
                learn(tmp_path / f"state {stop}", validate=worse(), patience=2, run=cancelled_at(stop))
            assert learn(tmp_path / f"state {stop}", validate=worse(), patience=2) == whole

    @pytest.mark.parametrize("part", ["loss", "validation"])
    def test_within_a_step_the_last_state_counts(self, tmp_path: Path, part: str, expected: Any) -> None:
        calls = count()

        def at_the_tenth(value: Any) -> Any:
            if next(calls) == (10 if part == "loss" else 2):
                raise Cancelled("within a step")
            return value

        parts: dict[str, Any] = {
            "loss": {"loss": lambda model, rng: at_the_tenth(loss(model, rng))},
            "validation": {"validate": lambda model: at_the_tenth(validate(model))},
        }
        with pytest.raises(Cancelled):
            learn(tmp_path / "state", **parts[part])
        assert learn(tmp_path / "state") == expected


class TestFailed:
    @pytest.mark.parametrize("step", [0, 1, 7, 23])
    def test_at_any_step(self, tmp_path: Path, step: int, expected: Any) -> None:
        calls = count()

        def failing(model: nn.Module, rng: np.random.Generator) -> torch.Tensor:
            if next(calls) == step:
                raise KeyboardInterrupt
            return loss(model, rng)

        with pytest.raises(KeyboardInterrupt):
            learn(tmp_path / "state", loss=failing)
        assert learn(tmp_path / "state") == expected

    def test_what_killed_saves_have_left_is_removed(self, tmp_path: Path, expected: Any) -> None:
        assert left_behind(tmp_path / "state").exists()
        (tmp_path / ".state.partial").write_bytes(b"another's")
        assert learn(tmp_path / "state") == expected
        assert sorted(path.name for path in tmp_path.iterdir()) == [".state.partial", "state"]


class TestFinished:
    def test_it_comes_back_without_another_step(self, tmp_path: Path, expected: Any) -> None:
        learn(tmp_path / "state")

        def never(*_: Any) -> Any:
            raise AssertionError("it went on")

        assert learn(tmp_path / "state", loss=never, validate=never) == expected

    def test_without_the_state_it_begins_again(self, tmp_path: Path, expected: Any) -> None:
        learn(tmp_path / "state")
        (tmp_path / "state").unlink()
        assert learn(tmp_path / "state") == expected


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """The state of a training that is under way."""
    path = tmp_path / "state"
    with pytest.raises(Cancelled):
        learn(path, run=cancelled_at(5))
    return path


class TestRefused:
    @pytest.mark.parametrize(
        "other",
        [
            {"run": Run(device="cpu", seed=1)},
            {"learning_rate": 0.04},
            {"steps": 25},
            {"recipe": {"tracks": ["a"]}},
        ],
        ids=lambda other: next(iter(other)),
    )
    def test_of_another_recipe(self, state: Path, other: dict[str, Any]) -> None:
        before = state.read_bytes()
        with pytest.raises(ConfigError, match="other options, seed or data; give those, or another folder"):
            learn(state, **other)
        assert state.read_bytes() == before

    def test_of_a_model_of_other_shapes(self, state: Path) -> None:
        model = Line()
        model.line = undrawn(nn.Linear, 3, 2, bias=False)
        with pytest.raises(
            WeightsError, match=r"of another model: .*size mismatch.*; remove it to start anew"
        ) as error:
            learn(state, model=model)
        assert "\n" not in str(error.value)

    @pytest.mark.parametrize("kept", [0, 1, 8, 100, 0.5, -1])
    def test_that_is_truncated(self, state: Path, kept: float) -> None:
        whole = state.read_bytes()
        state.write_bytes(whole[: int(kept * len(whole)) if 0 < kept < 1 else int(kept)])
        with pytest.raises(WeightsError, match=r"damaged.*; remove it to start anew") as error:
            learn(state)
        assert "\n" not in str(error.value)

    @pytest.mark.parametrize("content", [b"text" * 100, b"PK\x03\x04" + bytes(200), b"\x80\x04]" * 50])
    def test_that_is_something_else(self, state: Path, content: bytes) -> None:
        state.write_bytes(content)
        with pytest.raises(SepkitError, match=r"remove it to start anew|another folder"):
            learn(state)


@contextmanager
def full_disk() -> Iterator[None]:
    """No file can grow beyond some bytes."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (64, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_a_full_disk_leaves_the_state_before(state: Path, expected: Any) -> None:
    before = state.read_bytes()
    with pytest.raises(WriteError, match="free some space or choose another place"), full_disk():
        learn(state)
    assert state.read_bytes() == before
    assert list(state.parent.iterdir()) == [state]
    assert learn(state) == expected


KILLED = """
import os, random, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import pydantic, torch
import sepkit.files
from tests.learning import learn, loss, validate
torch.set_num_threads(1)
folder, moments = Path(sys.argv[2]), random.Random(int(sys.argv[3]))

def bomb(function, at):
    calls = iter(range(10**9))
    def exploding(*given):
        if next(calls) == at:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*given)
    return exploding

explode = bomb(lambda path: None, moments.randrange(8))
write_bytes = Path.write_bytes
def write(path, data):
    write_bytes(path, data[:100])
    explode(path)
    return write_bytes(path, data)

rounds = [folder / f"{where} {again}" for where in ("loss", "validate", "replace", "write") for again in range(2)]
for state in rounds:
    moment = moments.randrange(24)
    if os.fork() == 0:
        if "loss" in state.name:
            learn(state, loss=bomb(loss, moment))
        if "validate" in state.name:
            learn(state, validate=bomb(validate, moment % 6))
        if "replace" in state.name:
            os.replace = bomb(os.replace, moment % 9)
        if "write" in state.name:
            Path.write_bytes = write
        learn(state)
        os._exit(0)
    _, status = os.wait()
    assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL, (state, status)
before = snapshot()
# One that was never stopped comes first; here, because the number of threads changes the last digits.
for state in (folder.with_name("whole"), *rounds):
    done, tensors = learn(state)
    print(json.dumps([{name: data.hex() for name, data in tensors.items()}, done.losses, done.validations]))
assert sorted(folder.iterdir()) == sorted(rounds)
print(json.dumps(changed(before)))
"""


@pytest.mark.slow
def test_killed_at_any_moment_it_goes_on_to_the_same_weights_and_is_silent(tmp_path: Path) -> None:
    repository = Path(__file__).parents[1]
    (tmp_path / "killed").mkdir()
    command = [sys.executable, "-W", "error", "-c", SNAPSHOT + KILLED, str(repository), str(tmp_path / "killed"), "7"]
    ended = subprocess.run(command, env=environment(), capture_output=True, encoding="utf-8")
    assert (ended.returncode, ended.stderr) == (0, "")
    whole, *results, changed = map(json.loads, ended.stdout.splitlines())
    assert results == [whole] * 8
    assert changed == {}
