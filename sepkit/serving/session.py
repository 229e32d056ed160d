"""What a worker does: each request of a host answered with plain types."""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from sepkit.config import validate
from sepkit.errors import Cancelled, ConfigError
from sepkit.evaluation.evaluation import evaluate
from sepkit.files import file_names, staged_folder
from sepkit.plots.canvas import write_figure
from sepkit.plugin.described import described, named, tables
from sepkit.plugin.registry import Registry
from sepkit.plugin.specs import SeparatorSpec
from sepkit.problem.run import Progress
from sepkit.serving.requests import Cancelling, Evaluate, Request, Separate, Show
from sepkit.solving.method import Method
from sepkit.solving.separation import Separation
from sepkit.version import __version__

_MOST_LOADED = 4

Report = Callable[[str, Progress], None]


class Session:
    """The methods that are loaded and the jobs that run, for as long as a host wants them.

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
        self._loaded: OrderedDict[str, Method] = OrderedDict()
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

    def prepare(self, name: str, params: Any) -> Callable[[], Any]:
        """What answers a request when it is called; a job can be cancelled from now on.

        Raises
        ------
        ConfigError
            If the request is none, or its job is there already.
        """
        kind, call = self.calls[name]
        request = validate(kind, params, f"the request '{name}'")
        if isinstance(request, Separate):
            with self._lock:
                if request.job in self._jobs:
                    raise ConfigError(f"a job '{request.job}' is there already; give each a name of its own")
                self._jobs[request.job] = threading.Event()
        return partial(call, request)

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
            method = self._method(request)
            separation = request.run(method, lambda event: self._report(request.job, event), cancel)
            files = _write(separation, request)
        finally:
            del self._jobs[request.job]
        told = {"folder": str(request.output), "files": files, **separation.provenance.as_dict()}
        if request.variables and separation.variables is None:
            told["remarks"] = [*told["remarks"], f"method '{request.method}' has no variables to save"]
        return told

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

    def _method(self, request: Separate) -> Method:
        """A method that is loaded already, or is from now on."""
        asked: dict[str, Any] = {"config": request.config, "weights": request.weights, "device": request.device}
        key = json.dumps([request.method, asked], sort_keys=True, default=str)
        with self._lock:
            method = self._loaded.pop(key, None) or Method(request.method, registry=self.registry, **asked)
            self._loaded[key] = method
            while len(self._loaded) > _MOST_LOADED:
                self._loaded.popitem(last=False)
        return method


def _write(separation: Separation, request: Separate) -> dict[str, str]:
    """The results of a request in its folder: the name of every file, by its source."""
    kept = request.variables and separation.variables is not None
    if request.arrays:
        files = _write_arrays(request.output, separation)
    else:
        files = {name: file.name for name, file in separation.write(request.output, variables=kept).items()}
    if request.picture:
        write_figure(request.output / "separation.png", separation.plot())
    return files


def _write_arrays(folder: Path, stems: Mapping[str, Any]) -> dict[str, str]:
    names = {source: f"{name}.npy" for source, name in file_names(stems).items()}
    with staged_folder(folder) as staging:
        for source, name in names.items():
            np.save(staging / name, stems[source].samples)
    return names
