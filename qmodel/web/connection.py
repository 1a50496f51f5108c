"""The network and the TLS connection: round trips, and the CPU of handshakes."""

from __future__ import annotations

from typing import Literal

import numpy as np

from qmodel import _check
from qmodel._checked import checked
from qmodel._typing import Count, Value
from qmodel._xp import is_symbolic, namespace
from qmodel.errors import DomainError
from qmodel.pipeline.steps import branch, call, nothing, series
from qmodel.pipeline.steps.base import Step
from qmodel.queues.base import Station
from qmodel.queues.delay import Delay
from qmodel.queues.mmc import MMc

__all__ = ["keep_alive_requests", "network", "secure_connection"]

_TLS_ROUND_TRIPS = {"1.2": (2, 1), "1.3": (1, 1)}
"""Round trips of a full and of a resumed handshake: RFC 5246 sec. 7.3, RFC 8446 sec. 2."""


@checked
def network(round_trip_time: Value, *, name: str = "network") -> Step:
    """Cross the network and back: every request does.

    Parameters
    ----------
    round_trip_time : number or array
        Constant round trip time between client and site, >= 0. [s]
    name : str, default "network"
        Name of the station. [-]

    Returns
    -------
    Step
        The step.

    Raises
    ------
    DomainError
        If `round_trip_time` is negative.

    Examples
    --------
    >>> import qmodel as qm
    >>> float(qm.Pipeline(network(0.045)).solve(100.0).latency.quantile(0.99))
    0.045
    """
    return call(name, Delay(_check.nonnegative("round_trip_time", round_trip_time)))


@checked
def secure_connection(
    round_trip_time: Value,
    full_handshake: Value,
    *,
    requests_per_connection: Value = 1.0,
    resumed: Value = 0,
    resumed_handshake: Value | None = None,
    early_data: Value = 0,
    tls: Literal["1.2", "1.3"] = "1.3",
    transport: Literal["tcp", "quic"] = "tcp",
    cores: Count = 1,
    before: Step | None = None,
    station: Station | None = None,
    name: str = "tls",
) -> Step:
    """Open a TLS connection, once for several requests.

    Parameters
    ----------
    round_trip_time : number or array
        Constant round trip time between client and site, >= 0. [s]
    full_handshake : number or array
        CPU time of a full handshake, > 0. [s]
    requests_per_connection : number or array, default 1
        Requests that share a connection, >= 1; see `keep_alive_requests`. [-]
    resumed : number or array, default 0
        Share of the handshakes that resume a session. [-]
    resumed_handshake : number or array, optional
        CPU time of a resumed handshake; by default that of a full one. [s]
    early_data : number or array, default 0
        Share of the resumed handshakes that send data at once (0-RTT, TLS 1.3 only). [-]
    tls : {"1.2", "1.3"}, default "1.3"
        Version: a full handshake takes 2 or 1 round trips, a resumed one 1. [-]
    transport : {"tcp", "quic"}, default "tcp"
        TCP costs a round trip of its own; QUIC folds it into the handshake. [-]
    cores : int or integer array, default 1
        Cores that do handshakes. [-]
    before : Step, optional
        What opening a connection needs first, such as `dns`. [-]
    station : Station, optional
        The station that does handshakes, if it is not `cores` of its own, with
        exponential times of the mean of full and resumed. [-]
    name : str, default "tls"
        Prefix of the stations' names. [-]

    Returns
    -------
    Step
        The step.

    Raises
    ------
    DomainError
        If a parameter is outside its domain.

    Examples
    --------
    Six requests a connection, so one in six pays two round trips and the handshake:

    >>> import qmodel as qm
    >>> from qmodel.units import ms
    >>> step = secure_connection(45 * ms, 2.34 * ms, requests_per_connection=6, cores=4)
    >>> r = qm.Pipeline(step).solve(1000.0)
    >>> float(r.latency.mean), float(r.latency.quantile(0.5)), float(r.visits["tls"])
    (0.0154, 0.0, 0.1667)
    """
    if tls not in _TLS_ROUND_TRIPS:
        raise DomainError(f"tls must be '1.2' or '1.3', got {tls!r}")
    if transport not in ("tcp", "quic"):
        raise DomainError(f"transport must be 'tcp' or 'quic', got {transport!r}")
    if transport == "quic" and tls == "1.2":
        raise DomainError("transport 'quic' needs tls '1.3', got '1.2'")
    if tls == "1.2" and early_data != 0:
        raise DomainError(f"early_data must be 0 with tls '1.2', got {early_data}")
    need = "a number >= 1"
    per = _check.positive("requests_per_connection", requests_per_connection, need=need)
    _check.nonnegative("requests_per_connection - 1", per - 1.0)
    rtt = _check.nonnegative("round_trip_time", round_trip_time)
    resumed = _check.share("resumed", resumed)
    if not is_symbolic(rtt, per, resumed, early_data, full_handshake, resumed_handshake):
        _check.broadcast(
            round_trip_time=rtt,
            requests_per_connection=per,
            resumed=resumed,
            early_data=early_data,
            full_handshake=full_handshake,
            cores=cores,
        )
    early = resumed * _check.share("early_data", early_data)
    full_cpu = _check.positive("full_handshake", full_handshake)
    resumed_cpu = full_cpu if resumed_handshake is None else resumed_handshake
    cpu = (1 - resumed) * full_cpu + resumed * _check.positive("resumed_handshake", resumed_cpu)

    trips: dict[int, Value] = {}
    full, again = _TLS_ROUND_TRIPS[tls]
    for n, share in ((full, 1 - resumed), (again, resumed - early), (0, early)):
        n += 1 if transport == "tcp" else 0
        trips[n] = trips.get(n, 0) + share
    waits = branch(
        *(
            (share, call(f"{name} {n} round trips", Delay(n * rtt)) if n else nothing())
            for n, share in trips.items()
            if (share != 0 if is_symbolic(share) else np.any(share))
        )
    )
    handshake = call(name, station or MMc(cpu, cores))
    opened = series(*([before] if before else []), waits, handshake, name="new")
    return branch((1 / per, opened), (1 - 1 / per, nothing()), name="connection")


@checked
def keep_alive_requests(request_rate: Value, keep_alive: Value) -> Value:
    """Requests that share a connection which is closed after a time of silence.

    A request of a Poisson stream finds the connection open if the one before came less
    than `keep_alive` ago, with probability 1 - exp(-rate * keep_alive).

    Parameters
    ----------
    request_rate : number or array
        Requests of *one* client, >= 0. [1/s]
    keep_alive : number or array
        Silence after which the connection is closed, >= 0. [s]

    Returns
    -------
    number or array
        Mean requests a connection, exp(rate * keep_alive). [-]

    Raises
    ------
    DomainError
        If an argument is negative.

    Examples
    --------
    >>> float(keep_alive_requests(0.1, 20.0))
    7.3891
    """
    rate = _check.nonnegative("request_rate", request_rate)
    silence = _check.nonnegative("keep_alive", keep_alive)
    return namespace(rate, silence).exp(rate * silence)
