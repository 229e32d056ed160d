"""Options for many recordings: who separates them, and which."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click

from sepkit.batching.batch import executor_for
from sepkit.batching.planning import STDIN
from sepkit.batching.processes import Here
from sepkit.errors import ConfigError
from sepkit.plugin.registry import Registry

F = TypeVar("F", bound=Callable[..., Any])


class Shard(click.ParamType[tuple[int, int]]):
    """A part of a batch, from ``3/40``."""

    name = "number/count"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:
        """The number of the part and how many there are."""
        if isinstance(value, tuple):
            return value
        found = re.fullmatch(r"(\d+)/(\d+)", value)
        number, count = (int(one) for one in found.groups()) if found else (0, 0)
        if not 1 <= number <= count:
            self.fail(f"a part is wanted, from 1/40 to 40/40 say, given '{value}'", param, ctx)
        return number, count


def batch_options(command: F) -> F:
    """Give a command ``--jobs``, ``--skip-existing``, ``--shard``, ``--cluster`` and ``--resource``."""
    for option in reversed(
        (
            click.option(
                "--jobs",
                "workers",
                type=click.IntRange(min=1),
                default=1,
                show_default=True,
                help="How many processes separate at a time.",
            ),
            click.option(
                "--skip-existing/--no-skip-existing",
                default=None,
                help="Leave out what was done before with the same options; the default for more than one mixture.",
            ),
            click.option(
                "--shard",
                "part",
                type=Shard(),
                default=(1, 1),
                metavar="N/COUNT",
                help="Only every COUNT-th mixture from the N-th on: one of many commands that share the work.",
            ),
            click.option(
                "--cluster",
                metavar="ADDRESS",
                help="Separate on a cluster of Dask: tcp://scheduler:8786, or local:4 for one on this machine.",
            ),
            click.option(
                "--resource",
                "resources",
                multiple=True,
                metavar="NAME=AMOUNT",
                callback=_amounts,
                help="What each job needs of a worker of the cluster, as in GPU=1; may be repeated.",
            ),
        )
    ):
        command = option(command)
    return command


@contextmanager
def chosen_executor(
    ctx: click.Context,
    workers: int,
    cluster: str | None,
    resources: Mapping[str, float],
    registry: Registry,
    found: Sequence[Path],
) -> Iterator[Executor]:
    """Who separates: this process alone, several, or a cluster.

    Raises
    ------
    ConfigError
        If options do not go together.
    """
    if cluster is None and resources:
        raise ConfigError("--resource tells what jobs need of the workers of a cluster; give one with --cluster")
    if cluster is not None and ctx.get_parameter_source("workers") is not click.core.ParameterSource.DEFAULT:
        raise ConfigError("--jobs and --cluster exclude each other; for processes of a cluster here: --cluster local:4")
    if (cluster or workers > 1) and Path(STDIN) in found:
        raise ConfigError("standard input cannot be read by other processes; write it to a file first")
    if cluster is not None:
        from sepkit.batching.cluster import cluster_executor

        with cluster_executor(cluster, resources) as executor:
            yield executor
    elif workers == 1:
        yield Here()
    else:
        with executor_for(None, workers, registry) as executor:
            yield executor


def _amounts(ctx: click.Context, param: click.Parameter, given: Sequence[str]) -> dict[str, float]:
    amounts = {}
    for text in given:
        name, _, amount = text.partition("=")
        try:
            amounts[name] = float(amount)
        except ValueError:
            amounts[name] = 0.0
        if not name or not amounts[name] > 0:
            raise click.BadParameter(f"NAME=AMOUNT is wanted, as in GPU=1, given '{text}'", ctx, param)
    return amounts
