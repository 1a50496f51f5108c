"""Engines: where the parts of a sweep are solved.

==================  ======================================================================
engine              parts are solved
==================  ======================================================================
``None``            one after the other in this process
``"local"``         by processes of this machine, one a core: `Local`
``"dask"``          by a Dask cluster that is started on this machine: `Dask`
``"tcp://..."``     by the Dask cluster at this address: `Dask`
==================  ======================================================================

Each part is a function of its number alone, so who solves it changes no digit. A worker that
dies loses what it was at, and another one solves it again; a part is never counted twice.
"""

from __future__ import annotations

import pickle
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any

from qmodel import _check
from qmodel._fields import Model, parameter
from qmodel.errors import DomainError, ModelError

__all__ = ["Dask", "Engine", "Local", "engine_of"]

_DEATHS = 5
"""Pools of processes that may break before a sweep gives up."""


class Engine(Model, ABC):
    """Where a function is called with many numbers.

    Examples
    --------
    >>> isinstance(Local(workers=2), Engine)
    True
    """

    __slots__ = ()

    @abstractmethod
    def run(
        self, function: Callable[[int], Any], numbers: Sequence[int]
    ) -> Iterator[tuple[int, Any]]:
        """Yield each number with what the function returns of it, as they come."""


class _Here(Engine):
    """The process that asks, one number after the other."""

    __slots__ = ()

    def run(
        self, function: Callable[[int], Any], numbers: Sequence[int]
    ) -> Iterator[tuple[int, Any]]:
        for number in numbers:
            yield number, function(number)


@dataclass(frozen=True, slots=True, eq=False)
class Local(Engine):
    """Processes of this machine.

    Parameters
    ----------
    workers : int, optional
        Number of processes, >= 1; by default one a core. [-]

    Raises
    ------
    DomainError
        If `workers` is no whole number >= 1.

    Notes
    -----
    Processes are started anew, not forked: a script that sweeps with them does so under
    ``if __name__ == "__main__":``.

    Examples
    --------
    >>> Local(workers=2)
    Local(workers=2)
    """

    workers: int | None = parameter("processes", check=_check.one_count, default=None)

    def run(
        self, function: Callable[[int], Any], numbers: Sequence[int]
    ) -> Iterator[tuple[int, Any]]:
        """Yield each number with what the function returns of it, as they come."""
        from concurrent.futures.process import BrokenProcessPool

        packed = _packed(function)
        left = dict.fromkeys(numbers)
        for death in range(_DEATHS + 1):
            try:
                for number, found in self._pool(packed, list(left)):
                    del left[number]
                    yield number, found
                return
            except BrokenProcessPool:
                # A worker was killed, by the system short of memory or by hand.
                if death == _DEATHS:
                    raise

    def _pool(self, packed: bytes, numbers: Sequence[int]) -> Iterator[tuple[int, Any]]:
        import os
        from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
        from multiprocessing import get_context

        workers = min(self.workers or os.cpu_count() or 1, max(len(numbers), 1))
        waiting = iter(numbers)
        with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
            # Two a worker: none is idle, and results do not pile up.
            running = {
                pool.submit(_unpacked, packed, n): n for n in islice(waiting, 2 * workers)
            }
            try:
                while running:
                    done, _ = wait(running, return_when=FIRST_COMPLETED)
                    for future in done:
                        yield running.pop(future), future.result()
                        for number in waiting:
                            running[pool.submit(_unpacked, packed, number)] = number
                            break
            finally:
                pool.shutdown(wait=True, cancel_futures=True)


def _packed(function: Callable[[int], Any]) -> bytes:
    try:
        return pickle.dumps(function)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise ModelError(
            "processes need a model that pickles: a function that a module defines, not a "
            f"lambda or one inside a function ({error}); without engine=, or with a Dask "
            "cluster, it may be either"
        ) from None


_known: dict[bytes, Callable[[int], Any]] = {}


def _unpacked(packed: bytes, number: int) -> Any:
    """Call a pickled function, which is unpacked once a process."""
    if packed not in _known:
        _known.clear()
        _known[packed] = pickle.loads(packed)
    return _known[packed](number)


@dataclass(frozen=True, slots=True, eq=False)
class Dask(Engine):
    """A Dask cluster: one that runs, by its address, or one that is started here.

    Parameters
    ----------
    address : str, optional
        Address of the scheduler of a cluster, such as "tcp://10.0.0.5:8786"; by default a
        cluster is started on this machine, and ends with the sweep. [-]
    workers : int, optional
        Number of workers of a cluster that is started, >= 1; by default one a core. [-]

    Raises
    ------
    DomainError
        If `workers` is no whole number >= 1.
    ModelError
        If Dask is not installed, or an address and a number of workers are given.

    Examples
    --------
    >>> Dask(workers=2)
    Dask(address=None, workers=2)
    """

    address: str | None = None
    workers: int | None = parameter("workers", check=_check.one_count, default=None)

    def __post_init__(self) -> None:
        if self.address is not None and self.workers is not None:
            raise ModelError("workers are those of the cluster at the address: leave them out")

    def run(
        self, function: Callable[[int], Any], numbers: Sequence[int]
    ) -> Iterator[tuple[int, Any]]:
        """Yield each number with what the function returns of it, as they come."""
        try:
            from distributed import Client, LocalCluster, as_completed
        except ImportError:
            raise ModelError(
                "a sweep on a cluster needs Dask: pip install 'qmodel[dask]'"
            ) from None
        start = partial(
            LocalCluster, n_workers=self.workers, threads_per_worker=1, dashboard_address=None
        )
        cluster = start() if self.address is None else None
        try:
            with Client(cluster or self.address) as client:
                at_once = 2 * max(sum(client.nthreads().values()), 1)
                waiting = iter(numbers)

                def submit(number: int) -> Any:
                    # With each number: what is scattered dies with its worker.
                    return client.submit(_numbered, function, number, pure=False)

                first = [submit(n) for n in islice(waiting, at_once)]
                running = as_completed(first)
                for future in running:
                    yield future.result()
                    future.release()
                    for number in waiting:
                        running.add(submit(number))
                        break
        finally:
            if cluster is not None:
                cluster.close()


def _numbered(function: Callable[[int], Any], number: int) -> tuple[int, Any]:
    return number, function(number)


def engine_of(engine: Any) -> Engine:
    """Return the engine of a name, an address or None.

    Parameters
    ----------
    engine : Engine, str or None
        As in the table above. [-]

    Returns
    -------
    Engine
        The engine. [-]

    Raises
    ------
    DomainError
        If it is no engine.

    Examples
    --------
    >>> engine_of("local"), engine_of("tcp://10.0.0.5:8786")
    (Local(workers=None), Dask(address='tcp://10.0.0.5:8786', workers=None))
    """
    if engine is None:
        return _Here()
    if isinstance(engine, Engine):
        return engine
    if isinstance(engine, str):
        if engine in ("local", "dask"):
            return Local() if engine == "local" else Dask()
        if "://" in engine:
            return Dask(engine)
    raise DomainError(
        "engine must be None, 'local', 'dask', the address of a Dask scheduler, or an Engine, "
        f"got {_check.short(engine)}"
    )
