"""One recording to separate: what, how, and where the result goes; and doing it.

A `Job` is plain data that can be pickled, so that any process, on this machine or another, can do it. Its result is the
files that it writes: they are marked by their record, which holds the `request_digest` of the job, so that a second
call finds that they are there.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from sepkit import large
from sepkit.batching.request import digest_request, digest_task, files_of
from sepkit.errors import SepkitError, fault_of, reason_of
from sepkit.music.audio import Audio
from sepkit.plots.canvas import require_figure_type
from sepkit.plugin.registry import Registry
from sepkit.plugin.stdout import kept_from_stdout
from sepkit.problem.run import Cancel, Reporter
from sepkit.repeating.record import Record
from sepkit.repeating.repeat import Repetition
from sepkit.solving.given import sources_given
from sepkit.solving.method import Method
from sepkit.solving.naming import PLAIN, FileNames
from sepkit.solving.outputs import Outputs, require_stems
from sepkit.solving.separation import Separation

Status = Literal["done", "skipped", "failed"]

_MOST_KEPT = 8


@dataclass(frozen=True, kw_only=True)
class Job:
    """One recording to separate.

    Attributes
    ----------
    mixture : str, Audio or None
        Its file, or itself; None, with a `record`, for the file that the record names.
    method : str
    output : str
        Folder for the results.
    name : str
        Names of the files in it, with ``{source}`` and ``{ext}``: ``song/{source}.{ext}``.
    setup : mapping
        Parameters of `Method`: ``config``, ``weights``, ``device``.
    problem : mapping
        Parameters of `Method.separate`, such as ``sources``, ``score``, ``priors``, ``seed``.
    outputs : Outputs
        Which files are written, and in which form.
    record : str or None
        A ``separation.json`` to repeat: `method` is its, and `setup` and `problem` go over what it says.
    skip_existing : bool
        Whether nothing is done where the record of an equal job is there.
    disabled : tuple of str or None
        Plugins that are not loaded; None for those that the environment names.
    """

    mixture: str | Audio | None
    method: str
    output: str
    name: str = PLAIN
    setup: Mapping[str, Any] = field(default_factory=dict)
    problem: Mapping[str, Any] = field(default_factory=dict)
    outputs: Outputs = field(default_factory=Outputs)
    record: str | None = None
    skip_existing: bool = False
    disabled: tuple[str, ...] | None = None

    @property
    def title(self) -> str:
        """The name of the recording, for people."""
        return os.path.basename(self.path or "") or "the mixture"

    @property
    def path(self) -> str | None:
        """The file of the recording, if it is one."""
        return self.mixture if isinstance(self.mixture, str) else None


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of a job.

    Attributes
    ----------
    mixture : str or None
        The file, as of the job.
    status : {"done", "skipped", "failed"}
        Skipped when the same was done before.
    record : str or None
        The file of the record.
    files : dict of str to str
        The file of every stem, or of every output.
    remarks : tuple of str
        What to know of the result.
    seconds : float
        How long it took.
    error : BaseException or None
        Why it failed.
    """

    mixture: str | None
    status: Status
    record: str | None = None
    files: dict[str, str] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    seconds: float = 0.0
    error: BaseException | None = None

    @property
    def reason(self) -> str:
        """Why it failed, in one line; empty if it did not."""
        if self.error is None:
            return ""
        return reason_of(self.error) if isinstance(self.error, SepkitError) else fault_of(self.error)

    def as_dict(self) -> dict[str, Any]:
        """As plain types."""
        told = {name: value for name, value in vars(self).items() if name != "error"}
        return {**told, "remarks": list(self.remarks), "seconds": round(self.seconds, 3), "reason": self.reason}


class JobRunner:
    """Does jobs in this process; the methods that the last ones used stay loaded. Threads can share it.

    Parameters
    ----------
    registry : Registry, optional
        By default one with all installed plugins.

    Examples
    --------
    >>> from sepkit.batching.job import Job, JobRunner
    >>> job = Job(mixture="song.wav", method="nmf", output="out", name="song/{source}.{ext}")
    >>> JobRunner().run(job).files  # doctest: +SKIP
    {'component-1': 'out/song/component-1.wav', ...}
    """

    def __init__(self, registry: Registry | None = None) -> None:
        self.registry = registry or Registry.discover()
        self._kept: OrderedDict[bytes, Any] = OrderedDict()
        self._lock = threading.RLock()

    def run(self, job: Job, *, reporter: Reporter | None = None, cancel: Cancel | None = None) -> Outcome:
        """Separate and write, unless that is done already.

        Raises
        ------
        SepkitError
            As of `sepkit.separate` and `Separation.write`; nothing half-written is left.
        Cancelled
            Within one step after `cancel` is set.
        """
        started = time.perf_counter()
        folder, names = Path(job.output), FileNames(job.name)
        # Whatever a plugin prints must not get between results on stdout.
        with kept_from_stdout():
            task = self._task(job)
            request = None
            if (mixture := job.mixture or task.mixture) is not None:
                request = digest_request(mixture, task.digest, job.outputs)
            if request is not None and job.skip_existing:
                files = files_of(folder, names, request)
                if files is not None:
                    record = str(folder / names.folder / names.record)
                    return Outcome(mixture=job.path, status="skipped", record=record, files=files)
            if job.outputs.named and task.method.weights is not None:
                # They may be what knows the names of the stems.
                task.method.load(reporter, cancel)
                _require_stems(job.outputs, task.asked, task.method.sources)
            outputs = job.outputs
            separation = task.separate(
                job.mixture, reporter=reporter, cancel=cancel, keep_variables=outputs.variables or outputs.score
            )
            remarks = separation.provenance.remarks
            if outputs.variables and separation.variables is None:
                outputs = outputs.model_copy(update={"variables": False})
                remarks = (f"method '{job.method}' has no variables to save", *remarks)
            remarks += _on_remix(separation, outputs)
            written = separation.write_outputs(folder, outputs, name=job.name, request=request)
        return Outcome(
            mixture=job.path,
            status="done",
            record=str(written.record),
            files={output: str(path) for output, path in written.files.items()},
            remarks=(*remarks, *written.remarks),
            seconds=time.perf_counter() - started,
        )

    def prepare(self, job: Job) -> None:
        """Load what a job needs, and be sure that its options can be used, but for what the recording decides.

        Raises
        ------
        UserError, PluginError
        """
        self._task(job)

    def _task(self, job: Job) -> _Task:
        """What a job does with its recording."""
        if job.outputs.picture:
            require_figure_type()
        if job.record is None:
            method: Method = self._once(
                ("method", job.method, job.setup), lambda: Method(job.method, registry=self.registry, **job.setup)
            )
            separate: Callable[..., Separation] = partial(method.separate, **job.problem)
            asked, mixture = job.problem, None
        else:
            record, instead = Record.read(job.record), {**job.setup, **job.problem}
            repetition: Repetition = self._once(
                ("record", job.record, instead), lambda: Repetition(record, self.registry, **instead)
            )
            method, separate, asked = repetition.method, repetition.separate, repetition.arguments
            mixture = None if record.given.mixture is None else record.mixture
        # Options may leave some of the spec's names out; where it has none, what is loaded may have to tell them.
        known = method.sources if method.spec.sources and method.weights is None else ()
        _require_stems(job.outputs, asked, known)
        of_files = ("digest", job.method, job.record, job.setup, job.problem)
        digest = self._once(of_files, lambda: digest_task(method, asked, self.registry))
        return _Task(method, asked, separate, mixture, digest)

    def _once(self, described: tuple[Any, ...], make: Callable[[], Any]) -> Any:
        """What was made of equal descriptions before, if it is not long ago."""
        key = hashlib.sha256(pickle.dumps(described)).digest()
        with self._lock:
            if key not in self._kept:
                self._kept[key] = make()
                while len(self._kept) > _MOST_KEPT:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(key)
            return self._kept[key]


class _Task(NamedTuple):
    """How a recording is separated, the one that is meant where none is given, and the digest of all the rest."""

    method: Method
    asked: Mapping[str, Any]
    separate: Callable[..., Separation]
    mixture: str | None
    digest: str


def _require_stems(outputs: Outputs, asked: Mapping[str, Any], known: tuple[str, ...]) -> None:
    """Raise `ConfigError` if the outputs name a stem that is neither asked for nor, where none is, of those known."""
    if stems := sources_given(asked.get("sources", ())) or known:
        require_stems(outputs.named, stems)


def _on_remix(separation: Separation, outputs: Outputs) -> tuple[str, ...]:
    """What to know of a remix of floats that goes beyond full scale and is louder than the mixture."""
    if not outputs.gains_db or outputs.encoding.ends_at_full_scale:
        return ()
    remix = separation.remix(outputs.gains_db)
    peak, before = (large.peak(audio.samples) for audio in (remix, separation.mixture))
    if peak <= max(1.0, before):
        return ()
    above_db = 20 * np.log10(peak)
    return (f"the remix peaks {above_db:.1f} dB above full scale: files of floats keep that, players clip it",)
