"""The database: a pool of connections, reads and writes, and read replicas."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from qmodel import _check
from qmodel._checked import checked
from qmodel._typing import Count, Value
from qmodel.balancing.policies import Policy, balanced
from qmodel.distributions import Exponential
from qmodel.errors import ModelError
from qmodel.pipeline.steps import call, hold, series
from qmodel.pipeline.steps.base import Step
from qmodel.queues.base import Station
from qmodel.queues.delay import Delay
from qmodel.queues.load_dependent import LoadDependent
from qmodel.queues.mmc import MMc

__all__ = ["Database", "database"]


class Database(NamedTuple):
    """The two ways into a database."""

    read: Step
    write: Step


@checked
def database(
    read_time: Value,
    connections: Count,
    *,
    write_time: Value | None = None,
    replicas: Count = 0,
    balancing: Policy = "central queue",
    cores: Count | None = None,
    speeds: Sequence[Value] | None = None,
    hop: Value = 0.0,
    name: str = "database",
) -> Database:
    """Read from and write to a database through a pool of connections.

    Parameters
    ----------
    read_time : number or array
        Mean time that a read holds a connection, exponential, > 0. [s]
    connections : int or integer array
        Connections of the pool (of each replica's, too), >= 1. [-]
    write_time : number or array, optional
        Mean time that a write holds one, exponential; by default as a read. [s]
    replicas : int or integer array, default 0
        Read replicas; with any, reads go to them and writes to the primary. [-]
    balancing : str or class of pools, default "central queue"
        How reads find a replica: a name in `qmodel.balancing.POLICIES`, such as "random",
        or a class. By default they wait for a connection to any replica. [-]
    cores : int or integer array, optional
        Cores of the database (of each replica), for which queries wait with their
        connection, >= 1; by default each connection has one. [-]
    speeds : sequence of numbers or arrays, optional
        Instead of cores, the speed of the database with 1, 2, ... connections in use, 1 that
        of the times given: measured, or of a scalability law. [-]
    hop : number or array, default 0
        Constant network round trip to the database, >= 0. [s]
    name : str, default "database"
        Name of the station; replicas are "<name> replicas". [-]

    Returns
    -------
    Database
        Its steps `read` and `write`. Reads and writes of different length at one pool
        make the service hyperexponential, M/H2/c, which is solved exactly.

    Raises
    ------
    DomainError
        If a parameter is outside its domain, or no policy has the name.
    ModelError
        If there is a policy, but no replicas; if there are cores and speeds, or a policy with
        either.

    Examples
    --------
    >>> import qmodel as qm
    >>> from qmodel.units import ms
    >>> db = database(4 * ms, connections=10, write_time=8 * ms)
    >>> r = qm.Pipeline({"read": (0.9, db.read), "write": (0.1, db.write)}).solve(1500.0)
    >>> float(r.stations["database"].utilization), r.basis["mean"]
    (0.66, 'exact')

    A driver that draws a replica at random, and one that takes them round robin:

    >>> drivers = [
    ...     database(4 * ms, connections=2, replicas=6, balancing=b)
    ...     for b in ("random", "round robin")
    ... ]
    >>> [float(qm.Pipeline(db.read).solve(2400.0).latency.mean) for db in drivers]
    [0.0111, 0.0075]

    Forty connections to eight cores sustain no more than eight cores do:

    >>> db = database(4 * ms, connections=40, cores=8)
    >>> p = qm.Pipeline(db.read)
    >>> float(p.max_rate), p.bottleneck
    (2000.0, 'database cores')
    """
    given = {"read_time": read_time, "write_time": write_time, "connections": connections}
    given |= {"replicas": replicas, "cores": cores, "hop": hop}
    _check.broadcast(**{n: x for n, x in given.items() if x is not None})
    replicas = _check.count("replicas", replicas, least=0, most=1_000_000)
    speeds = None if speeds is None else _check.several("speeds", speeds)
    if cores is not None or speeds is not None:
        if balancing != "central queue":
            raise ModelError("balancing is not for a database with cores or speeds of its own")
        return _held(
            read_time, connections, write_time, replicas, cores, speeds, hop=hop, name=name
        )
    primary = MMc(read_time if write_time is None else write_time, connections)
    if replicas > 0:
        pool: Station = MMc(read_time, replicas * primary.servers)
        if balancing != "central queue":
            pool = balanced(balancing, MMc(read_time, primary.servers), replicas)
        read, write = call(f"{name} replicas", pool), call(name, primary)
    elif balancing != "central queue":
        raise ModelError("balancing is between read replicas, and there are none")
    else:
        station = MMc(read_time, connections)
        other = None if write_time is None else Exponential(write_time)
        read, write = call(name, station), call(name, station, other)
    return _behind(hop, name, read, write)


def _behind(hop: Value, name: str, read: Step, write: Step) -> Database:
    if isinstance(hop, (int, float)) and hop == 0:
        return Database(read, write)
    crossing = call(f"{name} hop", Delay(hop))
    return Database(series(crossing, read), series(crossing, write))


def _held(
    read_time: Value,
    connections: Count,
    write_time: Value | None,
    replicas: Count,
    cores: Count | None,
    speeds: Sequence[Value] | None,
    *,
    hop: Value,
    name: str,
) -> Database:
    """Return a database whose connections are held while queries wait for it."""
    connections = _check.count("connections", connections)

    def way(name: str, time: Value, several: Any) -> Any:
        if speeds is None:
            own: Station = MMc(time, _check.count("cores", cores) * several)
            inner = f"{name} cores"
        elif cores is not None:
            raise ModelError("a database has cores or speeds, not both")
        else:
            own, inner = LoadDependent(Exponential(time), tuple(speeds)), f"{name} work"
        permits = connections * several
        return lambda service: hold(name, permits, call(inner, own, service))

    copies = _check.count("replicas", replicas, least=0)
    other = None if write_time is None else Exponential(write_time)
    if copies > 0:
        if speeds is not None:
            raise ModelError("a database with speeds has no replicas here: make it per replica")
        write = way(name, read_time if write_time is None else write_time, 1)(None)
        return _behind(hop, name, way(f"{name} replicas", read_time, copies)(None), write)
    one = way(name, read_time, 1)
    return _behind(hop, name, one(None), one(other))
