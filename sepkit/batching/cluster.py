"""Clusters of Dask as executors: one that runs somewhere, or one of processes on this machine."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
from concurrent.futures import Executor
from contextlib import ExitStack, contextmanager
from typing import Any

from sepkit.errors import ConfigError, SepkitError, reason_of

_PATIENCE = "15s"


@contextmanager
def cluster_executor(address: str, resources: Mapping[str, float]) -> Iterator[Executor]:
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
        If Dask is not installed.
    """
    try:
        from distributed import Client, LocalCluster
    except ImportError as error:
        raise SepkitError(
            f'a cluster needs Dask, which is not there ({error}); install it with: pip install "sepkit[cluster]"'
        ) from error
    with ExitStack() as opened:
        place: Any = address
        if (local := re.fullmatch(r"local:(\d+)", address)) is not None and int(local[1]) > 0:
            place = opened.enter_context(
                LocalCluster(  # type: ignore[no-untyped-call]
                    n_workers=int(local[1]),
                    threads_per_worker=1,
                    # A worker that takes more memory than its share is no reason to stop it.
                    memory_limit=0,
                    dashboard_address="127.0.0.1:0",
                    resources=dict(resources),
                    silence_logs=logging.CRITICAL,
                )
            )
        elif "://" not in address:
            raise ConfigError(f"a cluster is tcp://scheduler:8786 or local:4, given '{address}'")
        try:
            client = Client(place, timeout=_PATIENCE, set_as_default=False)  # type: ignore[no-untyped-call]
            opened.enter_context(client)
        except (OSError, TimeoutError, ValueError) as error:
            reason = reason_of(error)
            raise ConfigError(
                f"no scheduler of Dask answers at {address}: {reason}; start one, or see local:4"
            ) from error
        _require(resources, client.scheduler_info(n_workers=-1)["workers"].values())
        executor: Executor = client.get_executor(pure=False, resources=dict(resources) or None)  # type: ignore[no-untyped-call]
        yield executor


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
