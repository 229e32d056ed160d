"""Notices between whoever started some jobs and whoever does them: how far they are, and that they are to stop.

They are files in a folder that both can see, which is the one thing that threads, processes and the machines of a
cluster have in common when jobs write their results themselves. No port is opened, and who joins late misses nothing.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from sepkit.errors import OutputError
from sepkit.files import partial_name
from sepkit.problem.run import Progress

_EVERY_S = 0.2
_PATIENCE_S = 10.0
_TICK_S = 0.05


class Notices:
    """The side of who started the jobs.

    Parameters
    ----------
    folder : Path
        Where the folder of notices is made; `sepkit.files.sweep` removes what is left when this process is killed.
    """

    def __init__(self, folder: Path) -> None:
        prefix, suffix = partial_name("progress")
        self._folder = Path(tempfile.mkdtemp(prefix=prefix, suffix=suffix, dir=folder))

    def line(self, number: int) -> Line:
        """What the job of a number is given."""
        return Line(str(self._folder), number)

    def read(self) -> dict[int, Progress]:
        """The last notice of every job that is running."""
        found = {}
        for path in self._folder.glob("*.json"):
            # It may be gone by now.
            with suppress(OSError, ValueError, TypeError):
                found[int(path.stem)] = Progress(**json.loads(path.read_bytes()))
        return found

    def stop(self) -> None:
        """Tell all that are running to stop, and wait a little until they have."""
        (self._folder / "stop").touch()
        until = time.monotonic() + _PATIENCE_S
        while any(self._folder.glob("*.json")) and time.monotonic() < until:
            time.sleep(_TICK_S)

    def close(self) -> None:
        """Remove the folder; who still looks there stops."""
        shutil.rmtree(self._folder, ignore_errors=True)


@dataclass
class Line:
    """The side of one job: its reporter and its cancel. It can be pickled."""

    folder: str
    number: int
    _told_s: float = -_EVERY_S
    _asked_s: float = -_EVERY_S
    _stage: str | None = None
    _stopped: bool = False

    @contextmanager
    def open(self) -> Iterator[None]:
        """While the job runs.

        Raises
        ------
        OutputError
            If whoever does the job does not see the folder: it would write where nobody looks.
        """
        if not os.path.isdir(self.folder):
            where = f"the worker on {platform.node()} does not see the folder {os.path.dirname(self.folder)}"
            raise OutputError(f"{where}; give one with -o that all workers share")
        self.report(Progress("", 0, 1))
        try:
            yield
        finally:
            with suppress(OSError):
                os.unlink(self._path)

    def report(self, progress: Progress) -> None:
        """Tell how far the job is, a few times a second at most and whenever another stage begins."""
        now_s = time.monotonic()
        if progress.stage == self._stage and now_s - self._told_s < _EVERY_S:
            return
        self._told_s, self._stage = now_s, progress.stage
        # Work goes on whether or not anybody is told.
        with suppress(OSError):
            temporary = f"{self._path}.{os.getpid()}"
            Path(temporary).write_text(json.dumps(asdict(progress)))
            os.replace(temporary, self._path)

    def is_set(self) -> bool:
        """Whether the job is to stop: it was said so, or nobody is there any more to whom its end would matter."""
        now_s = time.monotonic()
        if not self._stopped and now_s - self._asked_s >= _EVERY_S:
            self._asked_s = now_s
            self._stopped = not os.path.isdir(self.folder) or os.path.exists(os.path.join(self.folder, "stop"))
        return self._stopped

    @property
    def _path(self) -> str:
        return os.path.join(self.folder, f"{self.number}.json")
