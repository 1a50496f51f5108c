r"""Closed networks: a fixed number of users who wait for each answer before they ask again.

N users think for a mean time Z, then make a request that visits each station :math:`V_k`
times on average, and think again when it is answered. With demands :math:`D_k = V_k S_k`,

.. math::

    X = \frac{N}{Z + R}, \qquad R = \sum_k V_k W_k, \qquad L_k = X V_k W_k, \qquad
    N^* = \frac{Z + \sum_k D_k}{\max_k D_k / c_k} ,

where :math:`N^*` is the knee: with fewer users the system idles, with more they queue. Load
and latency hold each other: a closed load never overloads, it slows its users down.

**Assumptions.** Stations with a product form (`qmodel.networks.product_form`); think times of
any distribution. Exact then, for means at any population (`qmodel.networks.contour`) and for
the percentiles of one path of single FCFS servers (`qmodel.networks.round_trip`).
**Shapes.** Users, think time, visits and the parameters of the stations broadcast. Users are
whole numbers: between them there is no closed network.
**Symbols.** With a known number of users, means are closed forms in all other parameters.
**Overload.** There is none. NaN in, NaN out.

References
----------
.. [1] E. D. Lazowska, J. Zahorjan, G. S. Graham, K. C. Sevcik, "Quantitative System
   Performance", Prentice Hall, 1984.
.. [2] W. J. Gordon, G. F. Newell, "Closed queuing systems with exponential servers",
   Operations Research 15, 1967.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from qmodel._typing import Count, Value
from qmodel._xp import is_symbolic, namespace
from qmodel.basis import Assumption, Basis, union
from qmodel.networks.closed_network import ClosedNetwork, closed_network
from qmodel.networks.closed_result import ClosedResult
from qmodel.networks.round_trip import distribution_grounds
from qmodel.queues.base import DISTRIBUTIONS, MEANS, Station, StationResult

__all__ = ["solve"]

CLOSED_LOAD = Assumption(
    "closed-load",
    "a fixed number of users, each with at most one request, which finds the stations as if "
    "its own user did not exist",
    "Gordon and Newell 1967; Sevcik and Mitrani 1981 (arrival theorem)",
)


def solve(
    stations: Mapping[str, Station],
    visits: Mapping[str, Value],
    users: Count,
    think_time: Value = 0.0,
) -> ClosedResult:
    """Return the steady state of stations that a fixed number of users asks.

    Parameters
    ----------
    stations : mapping of str to Station
        The stations by name. [-]
    visits : mapping of str to number or array
        How often one request visits each, on average, >= 0. [-]
    users : int or integer array
        Number of users, >= 0. [-]
    think_time : number or array, default 0
        Mean time between an answer and the next request of a user, >= 0. [s]

    Returns
    -------
    ClosedResult
        Throughput, means and distributions, and the same of each station. [-]

    Raises
    ------
    DomainError
        If a parameter is outside its domain, or nothing in the round takes any time.
    ModelError
        If a station has no product form, or visits and stations differ.

    Examples
    --------
    A site whose 200 users think for 5 s; each page takes 20 ms of CPU and 3 queries:

    >>> import qmodel as qm
    >>> from qmodel.networks import closed
    >>> site = {"cpu": qm.MMc(0.020, servers=2), "db": qm.MMc(0.008, servers=1)}
    >>> r = closed.solve(site, {"cpu": 1, "db": 3}, users=200, think_time=5.0)
    >>> float(r.throughput), float(r.response_time), float(r.latency.quantile(0.99))
    (38.1878, 0.2373, 0.8072)
    >>> r.bottleneck, float(r.max_rate), float(r.knee)
    ('db', 41.6667, 210.1667)

    Any number of users at once:

    >>> closed.solve(site, {"cpu": 1, "db": 3}, [10, 200, 10**6], 5.0).throughput.round(3)
    array([ 1.982, 38.188, 41.667])
    """
    network = closed_network(stations, visits, users, think_time)
    through, numbers = network.means()
    present = sum(numbers.values())
    alone = sum(network.alone(name) for name in network.names)
    xp = namespace(through, alone)
    # Without users, the time that one would find.
    response = present / through if xp.symbolic else _over(present, through, alone)
    limit = xp.over(1, _greatest(network), xp.inf)
    knee = (network.think_time + alone) * limit
    means = (CLOSED_LOAD, *union(*(leg.node.grounds for leg in network.legs)))
    distributions = union(means, distribution_grounds(network.legs))
    quantities = ("throughput", "mean", "response_time", "number_in_system", "max_rate", "knee")
    return ClosedResult(
        users=network.users,
        think_time=network.think_time,
        throughput=through,
        response_time=response,
        number_in_system=through * response,
        max_rate=limit,
        knee=knee,
        stations={
            name: _station(network, name, through, numbers[name], means)
            for name in network.names
        },
        basis=Basis(
            dict.fromkeys(quantities, means)
            | dict.fromkeys(("latency", "percentiles"), distributions)
        ),
        network=network,
    )


def _over(x: Any, y: Any, instead: Any) -> Any:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(np.asarray(y) > 0, np.divide(x, y), instead + 0 * np.asarray(y))[()]


def _greatest(network: ClosedNetwork) -> Any:
    """Return the greatest demand over the servers that share it."""
    greatest: Any = 0
    for demand in network.demands_per_server().values():
        greatest = namespace(greatest, demand).maximum(greatest, demand)
    return greatest


def _station(
    network: ClosedNetwork, name: str, through: Any, present: Any, means: tuple[Any, ...]
) -> StationResult:
    """Return the steady state of one station under its share of the load."""
    leg = network.leg(name)
    node, rate = leg.node, through * leg.visits
    alone = node.work if node.speeds is None else 1 / node.speeds[0]
    basis = Basis(
        dict.fromkeys((*MEANS, "number"), means) | dict.fromkeys(DISTRIBUTIONS, means)
    )
    response = present / rate if is_symbolic(through) else _over(present, rate, alone)
    wait, number, distribution = network.distributions(name, response - alone, present)
    waiting = namespace(response, alone).maximum(response - alone, 0)
    return StationResult(
        arrival_rate=rate,
        utilization=0 * rate if node.delays else rate * node.work / node.fastest,
        waiting_time=waiting,
        response_time=response,
        queue_length=rate * waiting,
        number_in_system=present,
        wait=wait,
        response=distribution,
        station=leg.station,
        number=number,
        basis=basis,
    )
