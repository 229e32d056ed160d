"""What a worker does: each request of a host answered with plain types."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from sepkit.batching.job import JobRunner
from sepkit.config import validate
from sepkit.errors import Cancelled, ConfigError
from sepkit.evaluation.evaluation import evaluate
from sepkit.plugin.described import described, named, tables
from sepkit.plugin.registry import Registry
from sepkit.plugin.specs import SeparatorSpec
from sepkit.problem.run import Progress
from sepkit.serving.requests import Cancelling, Evaluate, Request, Separate, Show
from sepkit.version import __version__

Report = Callable[[str, Progress], None]


class Work(NamedTuple):
    """What one request comes to: `answer` does it and gives the result, `cancel` has it stopped at its next step."""

    answer: Callable[[], Any]
    cancel: Callable[[], None]


class Session:
    """What a host may call, and the jobs that run, for as long as it wants them; methods stay loaded.

    Every answer is made by one of the functions that `calls` names, on any thread.

    Parameters
    ----------
    registry : Registry
    report : callable
        Gets the name of a job and its progress, on the thread of the job.
    """

    def __init__(self, registry: Registry, report: Report) -> None:
        self.registry = registry
        self._report = report
        self._jobs: dict[str, threading.Event] = {}
        self._runner = JobRunner(registry)
        self._lock = threading.Lock()

    @property
    def calls(self) -> dict[str, tuple[type[Request], Callable[[Any], Any]]]:
        """What may be asked: the request and the function that answers it, by name."""
        return {
            "list": (Request, self.list),
            "show": (Show, self.show),
            "separate": (Separate, self.separate),
            "evaluate": (Evaluate, self.evaluate),
            "cancel": (Cancelling, self.cancel),
        }

    def prepare(self, name: str, params: Any) -> Work:
        """What answers a request; a job can be cancelled from now on, and nothing else takes long enough.

        Raises
        ------
        ConfigError
            If the request is none, or its job is there already.
        """
        kind, call = self.calls[name]
        request = validate(kind, params, f"the request '{name}'")
        cancel = threading.Event()
        if isinstance(request, Separate):
            with self._lock:
                if request.job in self._jobs:
                    raise ConfigError(f"a job '{request.job}' is there already; give each a name of its own")
                self._jobs[request.job] = cancel
        return Work(partial(call, request), cancel.set)

    def list(self, request: Request) -> dict[str, Any]:
        """Every method, prior, constraint, metric and dataset, and the plugins that are left out."""
        kinds = {
            kind: [described(self.registry, spec) for spec in specs] for kind, specs in tables(self.registry).items()
        }
        left_out = [
            {"name": one.name, "state": one.state.value, "reason": one.reason} for one in self.registry.problems
        ]
        return {"version": __version__, **kinds, "problems": left_out}

    def show(self, request: Show) -> dict[str, Any]:
        """What is published under a name, with the JSON Schema of its options."""
        spec = named(self.registry, request.name)
        options = spec.load_config() if isinstance(spec, SeparatorSpec) else spec.load()
        return {"kind": spec.kind, **described(self.registry, spec), "schema": options.model_json_schema()}

    def separate(self, request: Separate) -> dict[str, Any]:
        """Separate one recording into a folder."""
        cancel = self._jobs[request.job]
        try:
            if cancel.is_set():
                raise Cancelled("the run was cancelled")
            outcome = self._runner.run(
                request.as_job, reporter=lambda event: self._report(request.job, event), cancel=cancel
            )
        finally:
            del self._jobs[request.job]
        record = json.loads(Path(str(outcome.record)).read_bytes())
        return {**record, "remarks": list(outcome.remarks)}

    def evaluate(self, request: Evaluate) -> dict[str, Any]:
        """Measure estimates against true stems."""
        return evaluate(
            request.estimates,
            request.references,
            metrics=request.metrics or None,
            permute=request.permute,
            registry=self.registry,
        ).as_dict()

    def cancel(self, request: Cancelling) -> bool:
        """Stop a job at its next step; whether there is one."""
        cancel = self._jobs.get(request.job)
        if cancel is not None:
            cancel.set()
        return cancel is not None

    def close(self) -> None:
        """Stop all jobs."""
        for cancel in list(self._jobs.values()):
            cancel.set()
