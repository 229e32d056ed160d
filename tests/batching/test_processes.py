"""The executor of processes: what calls give and raise comes back, and what ends is replaced."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator

import pytest

from sepkit.batching import Processes
from sepkit.errors import SepkitError


class TestProcesses:
    """The executor itself."""

    @pytest.fixture
    def processes(self) -> Iterator[Processes]:
        with Processes(1) as processes:
            yield processes

    def test_give_what_a_call_gives(self, processes: Processes) -> None:
        assert processes.submit(divmod, 7, 2).result() == (3, 1)

    def test_raise_what_a_call_raises(self, processes: Processes) -> None:
        with pytest.raises(ZeroDivisionError):
            processes.submit(divmod, 7, 0).result()
        with pytest.raises(SystemExit):
            processes.submit(sys.exit, 3).result()

    def test_are_kept_and_replaced_when_they_end(self, processes: Processes) -> None:
        first, second = (processes.submit(os.getpid).result() for _ in range(2))
        assert first == second != os.getpid()
        with pytest.raises(SepkitError, match="ended with code 4 and no result"):
            processes.submit(os._exit, 4).result()
        assert processes.submit(os.getpid).result() != first

    def test_refuse_what_cannot_be_sent(self, processes: Processes) -> None:
        with pytest.raises(Exception, match="lambda"):
            processes.submit(lambda: 1).result()

    def test_say_what_came_back_and_cannot_be_sent(self, processes: Processes) -> None:
        with pytest.raises(TypeError, match="pickle"):
            processes.submit(threading.Lock).result()

    def test_are_replaced_after_some_calls(self) -> None:
        with Processes(1, calls_each=2) as processes:
            first, second, third = (processes.submit(os.getpid).result() for _ in range(3))
        assert first == second != third
