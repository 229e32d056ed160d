"""Clusters of Dask as executors: one that runs somewhere, or one of processes on this machine."""

from __future__ import annotations

import asyncio
import logging
import math
import re
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, Future
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

from sepkit.errors import ConfigError, SepkitError, reason_of

_LATE = (TimeoutError, asyncio.TimeoutError)
"""Two kinds until Python 3.11; Dask raises either."""
_PATIENCE, _PATIENCE_HERE = "15s", "120s"
_EVERY_S = 2.0
_ALONE_S = 180.0
_SLOW = dict.fromkeys(("distributed.comm.timeouts.connect", "distributed.comm.timeouts.tcp"), _PATIENCE_HERE)
"""A machine that is busy takes long to start a worker, and one that is too late is not started again."""


class Cluster(Executor):
    """The workers of a cluster.

    Dask blames all calls that wait at a worker when it dies, and gives them up when that has happened to them a few
    times; see `is_given_up`. So it is to be given no more calls than there are `slots`: then hardly any waits.

    Parameters
    ----------
    client : distributed.Client
    resources : mapping of str to float
        What each call needs of its worker.
    """

    def __init__(self, client: Any, resources: Mapping[str, float]) -> None:
        self._client, self._resources = client, dict(resources)
        self._executor: Executor = client.get_executor(pure=False, resources=self._resources or None)
        self._asked_s = -math.inf
        self._seen_s: float | None = None
        self._known: list[dict[str, Any]] = []

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Call on one of the workers."""
        return self._executor.submit(fn, *args, **kwargs)

    @property
    def slots(self) -> int:
        """How many calls its workers do at a time, 1 at least: where there are no workers yet, some may come.

        Raises
        ------
        SepkitError
            If there were some, and have been none for a while.
        """
        now_s = time.monotonic()
        if now_s - self._asked_s > _EVERY_S:
            self._asked_s, self._known = now_s, self.workers()
        if workers := self._known:
            self._seen_s = now_s
        elif self._seen_s is not None and now_s - self._seen_s > _ALONE_S:
            raise SepkitError(
                "the cluster has lost all its workers; start some, and this once more: what is done stays done"
            )
        return max(1, sum(self._of_worker(worker) for worker in workers))

    def workers(self) -> list[dict[str, Any]]:
        """What is known of each."""
        return list(self._client.scheduler_info(n_workers=-1)["workers"].values())

    def _of_worker(self, worker: Mapping[str, Any]) -> int:
        offered = worker.get("resources") or {}
        limits = (int(offered.get(name, 0) // amount) for name, amount in self._resources.items())
        return min(int(worker["nthreads"]), *limits) if self._resources else int(worker["nthreads"])


@contextmanager
def cluster_executor(address: str, resources: Mapping[str, float]) -> Iterator[Cluster]:
    """An executor whose calls are done by the workers of a cluster.

    Parameters
    ----------
    address : str
        ``tcp://scheduler:8786``, or ``local:4`` for four processes of this machine.
    resources : mapping of str to float
        What each call needs of its worker: ``{"GPU": 1}``.

    Raises
    ------
    ConfigError
        If nobody answers there, or no worker offers the resources.
    SepkitError
        If Dask is not installed, or the cluster does not answer in time, here or within the block.
    """
    try:
        import dask
        from distributed import Client
    except ImportError as error:
        raise SepkitError(
            f'a cluster needs Dask, which is not there ({error}); install it with: pip install "sepkit[cluster]"'
        ) from error
    with _told_when_late(address), ExitStack() as opened:
        place: Any
        place, patience = address, _PATIENCE
        if (local := re.fullmatch(r"local:(\d+)", address)) is not None and int(local[1]) > 0:
            opened.enter_context(dask.config.set(_SLOW))
            place, patience = _started(int(local[1]), resources), _PATIENCE_HERE
            opened.callback(_close, place)
        elif "://" not in address:
            raise ConfigError(f"a cluster is tcp://scheduler:8786 or local:4, given '{address}'")
        try:
            client = Client(place, timeout=patience, set_as_default=False)  # type: ignore[no-untyped-call]
            opened.callback(_close, client)
        except (OSError, TimeoutError, ValueError) as error:
            reason = reason_of(error)
            raise ConfigError(
                f"no scheduler of Dask answers at {address}: {reason}; start one, or see local:4"
            ) from error
        cluster = Cluster(client, resources)
        _require(resources, cluster.workers())
        yield cluster


def _started(workers: int, resources: Mapping[str, float]) -> Any:
    """A cluster of processes of this machine."""
    from distributed import LocalCluster

    try:
        return LocalCluster(  # type: ignore[no-untyped-call]
            n_workers=workers,
            threads_per_worker=1,
            # A worker that takes more memory than its share is no reason to stop it.
            memory_limit=0,
            dashboard_address="127.0.0.1:0",
            resources=dict(resources),
            silence_logs=logging.CRITICAL,
        )
    except RuntimeError as error:  # That of a worker, whatever became of it.
        raise SepkitError(
            f"the {workers} workers could not be started here: {reason_of(error.__cause__ or error)}; start fewer, or "
            "this once more"
        ) from error


def _close(opened: Any) -> None:
    # Workers of a busy machine are late to end too. By then all that was asked of them is done, or given up.
    with suppress(*_LATE):
        opened.close()


@contextmanager
def _told_when_late(address: str) -> Iterator[None]:
    try:
        yield
    except _LATE as error:
        raise SepkitError(
            f"the cluster {address} did not answer in time: its machines may have too much to do; start this once "
            "more, what is done stays done"
        ) from error


def is_given_up(result: Any) -> bool:
    """Whether Dask gave a call up because of the workers that died while they had it, for whatever reason."""
    return type(result).__name__ == "KilledWorker"


def _require(resources: Mapping[str, float], workers: Any) -> None:
    offered = [worker.get("resources") or {} for worker in workers]
    # Who has no workers yet may get some that offer it.
    if offered and not any(all(one.get(name, 0) >= resources[name] for name in resources) for one in offered):
        wanted = ", ".join(f"{name}={amount:g}" for name, amount in resources.items())
        there = sorted({f"{name}={amount:g}" for one in offered for name, amount in one.items()})
        raise ConfigError(
            f"no worker of the cluster offers {wanted}; they offer {', '.join(there) or 'nothing'}: start some with "
            f"dask worker --resources '{wanted}'"
        )
