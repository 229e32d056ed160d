"""What `sepkit run` tells of its results as they come, and of all of them at the end."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import click

from sepkit.batching.batch import Batch
from sepkit.batching.job import Outcome
from sepkit.cli.beside import differing
from sepkit.cli.printing import as_json, complain
from sepkit.repeating.record import Record

_OF_FILES = ("format", "folder", "outputs", "digests", "request")
"""What a record tells beside its separation."""


@dataclass(frozen=True, kw_only=True)
class Results:
    """Tells of results.

    Attributes
    ----------
    many : bool
        Whether there is a summary, and what fails does not end the rest.
    quiet, verbose : bool
        Whether notes are left out; whether every recording is told of.
    as_json : bool
        Whether stdout gets records, not paths.
    told : Record or None
        What ought to have come out again.
    silent : bool
        Whether stdout gets nothing.
    held : list of str or None
        What stdout is to get when no bar is drawn any more; None where there is none.
    """

    many: bool
    quiet: bool
    verbose: bool
    as_json: bool
    told: Record | None
    silent: bool
    held: list[str] | None

    def tell(self, outcome: Outcome) -> None:
        """One came."""
        if outcome.error is not None:
            if not self.many:
                raise outcome.error
            named = "" if str(outcome.mixture) in outcome.reason else f"{outcome.mixture}: "
            complain(f"{named}{outcome.reason}")
            return
        record = Path(str(outcome.record))
        mixture = outcome.mixture or Record.read(record).given.mixture
        if not self.quiet:
            other = () if self.told is None else differing(self.told, Record.read(record))
            for remark in (*outcome.remarks, *other):
                complain(f"note on {mixture}: {remark}")
        if self.verbose:
            how = f"in {outcome.seconds:.1f} s" if outcome.status == "done" else "before"
            complain(f"{mixture}: done {how}; {len(outcome.files)} files beside {record}")
        if self.silent:
            return
        if self.as_json:
            told = json.loads(record.read_bytes())
            told = {key: value for key, value in told.items() if key not in _OF_FILES}
            self._say(as_json({"mixture": mixture, **told, "files": outcome.files}, indent=None))
        else:
            for file in outcome.files.values():
                self._say(file)

    def release(self) -> None:
        """No bar is drawn any more."""
        for text in self.held or ():
            click.echo(text)

    def _say(self, text: str) -> None:
        if self.held is None:
            click.echo(text)
        else:
            self.held.append(text)

    def end(self, done: Batch, listing: Path) -> int:
        """All came; the exit code."""
        if self.many and not self.quiet:
            counts = done.counts
            before = f", {counts['skipped']} done before" if counts["skipped"] else ""
            complain(f"{counts['done']} separated{before}, {counts['failed']} failed; all are listed in {listing}")
        return 1 if done.failed else 0
