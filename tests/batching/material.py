"""What the tests of batches know of the recordings they go over, and how they say what came of each."""

from __future__ import annotations

from sepkit.batching import Batch

NAMES = [f"{number:02}" for number in range(12)]
SILENT = NAMES[5]


def statuses(done: Batch) -> str:
    """A letter a recording: done, skipped or failed."""
    return "".join(outcome.status[0] for outcome in done.outcomes)
