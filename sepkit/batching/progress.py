"""How far a batch is: one fraction over all its recordings, beside the stages of those that are running."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sepkit.problem.run import Progress


@dataclass(frozen=True)
class BatchProgress:
    """One report.

    Attributes
    ----------
    done, total : int
        Recordings.
    fraction : float
        From 0 to 1 over all, by the sizes of their files; it never falls.
    running : mapping of str to Progress
        How far those are that are being separated, by their names.
    """

    done: int
    total: int
    fraction: float
    running: Mapping[str, Progress]


BatchReporter = Callable[[BatchProgress], None]


class Overall:
    """Keeps count.

    How the time of a recording is shared among its stages is learned from those that are done; until one is, the stage
    that is running counts as all of it.

    Parameters
    ----------
    titles : sequence of str
        Of all recordings, for people.
    files : sequence of str or None
        Their files, as far as they are known.
    """

    def __init__(self, titles: Sequence[str], files: Sequence[str | None]) -> None:
        self._titles = titles
        self._weights = [float(_size(file)) for file in files]
        self._done: set[int] = set()
        self._within: dict[int, float] = {}
        self._stages: dict[int, list[str]] = {}
        self._most_stages = 1
        self._fraction = 0.0

    def finish(self, number: int) -> BatchProgress:
        """That a recording is done, one way or another."""
        self._done.add(number)
        self._within.pop(number, None)
        self._most_stages = max(self._most_stages, len(self._stages.pop(number, ())))
        return self.told({})

    def told(self, running: Mapping[int, Progress]) -> BatchProgress:
        """What the running ones say."""
        for number, progress in running.items():
            stages = self._stages.setdefault(number, [])
            if progress.stage and progress.stage not in stages:
                stages.append(progress.stage)
            if stages and number not in self._done:
                count = max(self._most_stages, len(stages)) if self._done else 1
                now = min(1.0, (min(len(stages), count) - 1 + progress.fraction) / count)
                self._within[number] = max(now, self._within.get(number, 0.0))
        total = sum(self._weights)
        reached = sum(self._weights[number] for number in self._done)
        reached += sum(self._weights[number] * within for number, within in self._within.items())
        self._fraction = max(self._fraction, reached / total)
        if len(self._done) == len(self._weights):
            self._fraction = 1.0
        shown = {self._titles[number]: progress for number, progress in running.items() if progress.stage}
        return BatchProgress(len(self._done), len(self._weights), self._fraction, shown)


def _size(file: str | None) -> int:
    try:
        return max(1, os.stat(file).st_size if file is not None else 1)
    except OSError:
        return 1
