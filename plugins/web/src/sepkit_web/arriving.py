"""Jobs as clients send them: checked before they wait, and files under names of the server's own."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from pydantic import Field
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile

from sepkit import Config, Registry
from sepkit.config import parse_json, validate
from sepkit.errors import ConfigError
from sepkit.music.audio import SUFFIXES
from sepkit.opening import composed
from sepkit.plugin.specs import Spec
from sepkit.problem.needs import remedy, unmet
from sepkit_web.job import Job, JobFolder

SCORES = frozenset({".mid", ".midi", ".musicxml", ".xml", ".mxl", ".csv", ".tsv"})
TABLES = frozenset({".csv", ".tsv"})
LABELS = frozenset({".txt", ".csv", ".tsv"})
MOST_FILES = 64
_MOST_TITLE = 200
_BLOCK = 1 << 20


class Asked(Config):
    """The field ``request`` of a job's form, as JSON."""

    method: str
    config: dict[str, Any] = Field(default={})
    sources: tuple[str, ...] = ()
    parts: str = "track"
    align: str = "auto"
    priors: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()
    weights: str | None = None
    seed: int = Field(default=0, ge=0)

    def check(self, registry: Registry, given: frozenset[str]) -> None:
        """Find fault with it now, and not when it was waited for.

        Parameters
        ----------
        registry : Registry
        given : frozenset of str
            The kinds of what came with it, such as ``"score"``.

        Raises
        ------
        ConfigError, UnknownNameError
        """
        spec = registry.separator(self.method)
        refuse_paths(spec, spec.load_config(), self.config)
        validate(spec.load_config(), self.config, f"method '{self.method}'")
        if self.weights is not None and self.weights not in {weights.name for weights in spec.weights}:
            raise ConfigError(f"there are no published weights '{self.weights}' of method '{self.method}'")
        for find, texts in ((registry.prior, self.priors), (registry.constraint, self.constraints)):
            for text in texts:
                name, _, options = text.partition(":")
                statement = find(name)
                refuse_paths(statement, statement.load(), dict(part.partition("=")[::2] for part in options.split(",")))
        said = given | ({"sources"} if self.sources else set()) | ({"weights"} if self.weights else set())
        for need in unmet(spec.needs, said):
            raise ConfigError(f"method '{self.method}' needs {need.replace('|', ' or ')}: {remedy(need)}")


def refuse_paths(spec: Spec, model: type[Config], options: Mapping[str, Any]) -> None:
    """Clients name no files of the server.

    Raises
    ------
    ConfigError
        If an option is given that takes a path.
    """
    for name, schema in model.model_json_schema().get("properties", {}).items():
        if name in options and '"format": "path"' in json.dumps(schema):
            raise ConfigError(
                f"the option '{name}' of {spec.kind} '{spec.name}' names a file, which clients cannot: leave it out"
            )


async def receive(form: FormData, folder: JobFolder, id: str, registry: Registry) -> Job:
    """The job that a form asks for, with its files in the job's folder.

    Fields are ``request``, the file ``mixture``, and where they are wanted the files ``score``, ``labels``,
    ``f0:SOURCE`` and ``example:SOURCE``.

    Raises
    ------
    ConfigError, UnknownNameError, OSError
    """
    asked = validate(Asked, _request(form), "the request")
    request = asked.model_dump(mode="json", exclude_defaults=True) | {"method": asked.method}
    words = ["sepkit", "run", asked.method]
    given: set[str] = set()
    title = ""
    for number, (field, upload) in enumerate(form.multi_items()):
        if field == "request":
            continue
        kind, _, source = field.partition(":")
        if not isinstance(upload, UploadFile):
            raise ConfigError(f"the field '{field}' of the form needs to be a file")
        shown = composed(PurePosixPath((upload.filename or "").replace("\\", "/")).name or kind)[:_MOST_TITLE]
        name = f"{kind}_{number}{_suffix(shown, kind)}"
        if kind == "mixture":
            title = shown
            request["mixture"] = name
            words.insert(3, shown)
        elif kind == "score":
            request["score"] = name
            words += ["--score", shown]
        elif kind == "labels":
            request.setdefault("labels", []).append(name)
            words += ["--labels", shown]
        elif kind == "f0":
            request.setdefault("f0", {})[source] = name
            words += ["--f0", shown]
        elif kind == "example":
            request.setdefault("examples", {}).setdefault(source, []).append(name)
            words += ["--example", f"{source}={shown}"]
        else:
            raise ConfigError(
                f"the form has no field '{field}'; it has request, mixture, score, labels, f0:NAME, example:NAME"
            )
        given.add({"example": "examples"}.get(kind, kind))
        await run_in_threadpool(_keep, upload, folder.of(id) / name)
    if not title:
        raise ConfigError("there is no recording: give one as the file 'mixture'")
    asked.check(registry, frozenset(given))
    return Job(id=id, title=title, request=request, command=shlex.join(words + _options(asked)), created=time.time())


def _request(form: FormData) -> Any:
    text = form.get("request")
    if not isinstance(text, str):
        raise ConfigError("the form needs the field 'request', as JSON")
    try:
        return parse_json(text)
    except ValueError as error:
        raise ConfigError(f"the field 'request' is no JSON: {error}") from error


def _suffix(shown: str, kind: str) -> str:
    """What a file's name ends with, where that says what it is; nothing else of it is used."""
    known = {"score": SCORES, "f0": TABLES, "labels": LABELS}.get(kind, SUFFIXES)
    suffix = PurePosixPath(shown).suffix.lower()
    return suffix if suffix in known else ""


def _keep(upload: UploadFile, path: Path) -> None:
    with open(path, "xb") as file:
        while block := upload.file.read(_BLOCK):
            file.write(block)


def _options(asked: Asked) -> list[str]:
    """The rest of the command that does the same."""
    words = ["-o", "out"]
    if asked.sources:
        words += ["--sources", ",".join(asked.sources)]
    for name, value in asked.config.items():
        words += ["--set", f"{name}={value if isinstance(value, str) else json.dumps(value)}"]
    for option, values in (("--prior", asked.priors), ("--constraint", asked.constraints)):
        for value in values:
            words += [option, value]
    for option, value, default in (("--parts", asked.parts, "track"), ("--align", asked.align, "auto")):
        words += [option, value] if value != default else []
    if asked.weights:
        words += ["--weights", asked.weights]
    return [*words, "--seed", str(asked.seed)] if asked.seed else words
