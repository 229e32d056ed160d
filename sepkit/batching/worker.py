"""A process that does calls, one after the other: ``python -m sepkit.batching.worker``.

Calls come pickled on stdin, and what came of them goes back on stdout, both after their length. The process ends when
its stdin is closed, so that it never outlives the one that started it.
"""

from __future__ import annotations

import os
import pickle
import queue
import signal
import threading
from typing import IO, Any

from sepkit.errors import SepkitError, fault_of

LENGTH_BYTES = 8


def send(stream: IO[bytes], message: bytes) -> None:
    """Write a message after its length."""
    stream.write(len(message).to_bytes(LENGTH_BYTES, "big") + message)
    stream.flush()


def receive(stream: IO[bytes]) -> bytes | None:
    """The next message; None at the end, and where it was cut off."""
    length = stream.read(LENGTH_BYTES)
    if len(length) < LENGTH_BYTES:
        return None
    message = stream.read(int.from_bytes(length, "big"))
    return message if len(message) == int.from_bytes(length, "big") else None


def answer(call: bytes) -> bytes:
    """Do a pickled ``(function, arguments, keyword arguments)``; pickled, whether it was done and what came of it."""
    try:
        function, arguments, named = pickle.loads(call)
        return pickle.dumps((True, function(*arguments, **named)))
    except (Exception, SystemExit) as error:
        try:
            pickle.loads(told := pickle.dumps((False, error)))
        except Exception:
            told = pickle.dumps((False, SepkitError(fault_of(error))))
        return told


def main() -> None:
    """Do calls until stdin is closed."""
    # From now on nothing else appears on stdout: what is printed goes to stderr. And nothing else reads from stdin.
    answers, calls = os.fdopen(os.dup(1), "wb"), os.fdopen(os.dup(0), "rb")
    os.dup2(2, 1)
    with open(os.devnull, "rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    received: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_receive_until_end, args=[calls, received], daemon=True).start()
    while True:
        send(answers, answer(received.get()))


def _receive_until_end(calls: IO[bytes], received: queue.SimpleQueue[Any]) -> None:
    """Also while a call is being done: the end of stdin is that of the process, and of all that it has started."""
    while (call := receive(calls)) is not None:
        received.put(call)
    if hasattr(os, "killpg") and os.getpgrp() == os.getpid():
        os.killpg(os.getpid(), signal.SIGKILL)
    os._exit(1)


if __name__ == "__main__":
    # Under its own name, so that what is pickled here can be found elsewhere.
    from sepkit.batching.worker import main as serve

    serve()
