"""What was asked of a benchmark, so that it can be asked again."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from sepkit.errors import ConfigError
from sepkit.evaluation.benchmarking.entry import Entry, check_entries, plain_entry, with_companions
from sepkit.evaluation.benchmarking.tracks import Source, declared_sources
from sepkit.evaluation.dataset import Dataset, Split
from sepkit.evaluation.measuring import Chosen, chosen_metrics, describe
from sepkit.evaluation.metric import Metric
from sepkit.evaluation.splits import PARTS
from sepkit.files import atomic_path
from sepkit.plugin.registry import Registry
from sepkit.version import __version__

REQUEST = "benchmark.json"
CONFIGURATIONS = "configurations.json"


@dataclass(frozen=True, kw_only=True)
class BenchmarkRequest:
    """What was asked for.

    Attributes
    ----------
    asked : tuple of Entry
        Without the baselines and oracles that come by themselves.
    sources : tuple of Source
    chosen : Chosen
        The metrics, and why others could not be made.
    metric_texts : tuple of str
        How they were asked for; empty for the default ones.
    split : str or None
    seed : int
    repeatable : bool
        Whether a command can say all of it.
    """

    asked: tuple[Entry, ...]
    sources: tuple[Source, ...]
    chosen: Chosen
    metric_texts: tuple[str, ...]
    split: Split | None
    seed: int
    repeatable: bool

    @property
    def entries(self) -> tuple[Entry, ...]:
        """All rows of the report."""
        return with_companions(self.asked)

    @property
    def configurations(self) -> dict[str, Any]:
        """The entries that are more than the name of a method, as ``--config`` reads them."""
        named = [entry for entry in self.asked if entry != plain_entry(entry.label)]
        return {entry.label: entry.model_dump(mode="json", exclude={"label"}, exclude_defaults=True) for entry in named}

    @cached_property
    def measures(self) -> list[dict[str, Any]]:
        """The metrics, as `describe` tells of them."""
        return [describe(metric) for metric in self.chosen.metrics]

    def command(self, folder: Path) -> str:
        """The command that does the same, for a shell; empty when there is none."""
        if not self.repeatable:
            return ""
        words = ["sepkit", "benchmark", ",".join(entry.label for entry in self.asked)]
        words += [source.text for source in self.sources]
        words += ["-o", str(folder)]
        words += ["--config", str(folder / CONFIGURATIONS)] if self.configurations else []
        words += [word for text in self.metric_texts for word in ("--metric", text)]
        words += ["--split", self.split] if self.split else []
        words += ["--seed", str(self.seed)]
        return shlex.join(words)

    def write(self, folder: Path) -> None:
        """Write ``benchmark.json`` and ``configurations.json``.

        Raises
        ------
        WriteError
        """
        record = {
            "sepkit": __version__,
            "command": self.command(folder),
            "entries": [entry.model_dump(mode="json") for entry in self.entries],
            "datasets": [source.text for source in self.sources],
            "metrics": self.measures,
            "split": self.split,
            "seed": self.seed,
        }
        for name, content in ((REQUEST, record), (CONFIGURATIONS, self.configurations)):
            with atomic_path(folder / name) as temporary:
                temporary.write_text(json.dumps(content, indent=2, ensure_ascii=True) + "\n", encoding="ascii")


def checked_request(
    entries: Iterable[Entry | str],
    datasets: Iterable[Dataset | Path | str],
    metrics: Iterable[Metric | str] | None,
    split: Split | None,
    seed: int,
    registry: Registry,
) -> BenchmarkRequest:
    """What was asked for, once every mistake in it is ruled out; the parameters are those of `benchmark`.

    Raises
    ------
    UserError
        If there is a mistake; which subclass says what kind.
    """
    if isinstance(entries, (str, Entry)):
        raise ConfigError(f"entries needs a list, given the one value {entries!r}; write [{entries!r}]")
    if split not in (None, *PARTS):
        raise ConfigError(f"split needs to be one of {', '.join(PARTS)}, given {split!r}")
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise ConfigError(f"seed needs a whole number from 0, given {seed!r}")
    asked = tuple(entry if isinstance(entry, Entry) else plain_entry(entry) for entry in entries)
    check_entries(asked, registry)
    sources = declared_sources(datasets, registry)
    texts = metrics if metrics is None or isinstance(metrics, (str, Metric)) else tuple(metrics)
    return BenchmarkRequest(
        asked=asked,
        sources=sources,
        chosen=chosen_metrics(texts, registry),
        metric_texts=tuple(map(str, texts or ())),
        split=split,
        seed=seed,
        repeatable=all(source.repeatable for source in sources) and all(isinstance(one, str) for one in texts or ()),
    )
