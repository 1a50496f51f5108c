r"""A pool of permits that are held: threads during a request, connections during a query.

A request waits for one of P permits, keeps it while it passes the stations inside, waits
there included, and returns it. The time for which a permit is held thus grows with the load,
and the pool saturates not at P over the service time but at the throughput :math:`X(P)` of its
stations with P requests inside, a closed network.

**Exact.** With exponential service the wait and all means are those of a Markov chain
(`qmodel.networks.held_chain`); the law of the response takes its parts as independent.
**Nested.** Where a station inside is itself a held pool (workers that are held while they wait
for a connection), or where the chain is too large, the pool is solved without its own limit,
and all times are scaled by

.. math:: \rho_P = R_F(P) / R_F(\infty),

where :math:`R_F(P)` is the mean response of one queue that serves with the rate
:math:`X(\min(n, P))` while n are present (flow equivalence [1]_). The limit moves a queue from
the inside to the outside and adds no work: to add its wait would count it twice.
**Shapes.** Rates and the parameters of the stations broadcast; P is one number.
**Overload.** ``inf`` in its cell. NaN in, NaN out.

References
----------
.. [1] K. M. Chandy, U. Herzog, L. Woo, "Parametric analysis of queuing networks", IBM Journal
   of Research and Development 19, 1975.
.. [2] J. A. Rolia, K. C. Sevcik, "The method of layers", IEEE Transactions on Software
   Engineering 21, 1995.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import comb
from typing import Any

import numpy as np

from qmodel import _check
from qmodel._typing import Count, Value
from qmodel._xp import namespace
from qmodel.basis import APPROXIMATE, POISSON_ARRIVALS, Assumption, Basis, union
from qmodel.distributions import (
    NEVER,
    ZERO,
    Distribution,
    Exponential,
    Mixture,
    Repeated,
    Scaled,
    Sum,
)
from qmodel.errors import ModelError
from qmodel.networks.flow_equivalence import flow_equivalent, throughputs
from qmodel.networks.held_chain import Chain, solve
from qmodel.networks.held_result import HeldResult
from qmodel.networks.phase_wait import PhaseWait
from qmodel.networks.product_form import Node, node_of
from qmodel.queues.base import LAWS, MEANS, Station, StationResult
from qmodel.queues.birth_death import MeanOnly

__all__ = ["HeldPool"]

_MOST_PHASES = 400
_ENDLESS = 200  # requests inside a pool that are as good as without limit

HELD_PERMITS = Assumption(
    "held-permits",
    "a permit is held from its first to its last station inside, waits there included",
    "Neuts 1981",
)
HELD_INDEPENDENT = Assumption(
    "held-independent",
    "the wait for a permit and the times at the stations inside are taken as independent; p99 "
    "of the response was within 7 % of simulations",
    "our simulations",
    APPROXIMATE,
)
FLOW_EQUIVALENCE = Assumption(
    "flow-equivalence",
    "the limit of an outer pool scales the times that its inside would have without it, by the "
    "ratio of two queues with the same throughput; means and p99 within 7 % of simulations up "
    "to 80 % load; at 90 % means up to 10 % high and p99 up to 10 % low",
    "Chandy, Herzog and Woo 1975; our simulations",
    APPROXIMATE,
)


@dataclass(frozen=True, slots=True, eq=False)
class HeldPool(Station):
    """Pool of permits, each held by a request while it passes the stations inside.

    Parameters
    ----------
    permits : int
        Number of permits: threads, workers or connections, >= 1. [-]
    inside : mapping of str to Station
        The stations in the order in which a holder passes them, exponential; the last may be
        a held pool itself. [-]

    Raises
    ------
    DomainError
        If `permits` is not a whole number >= 1.
    ModelError
        If a station has no place inside.

    Examples
    --------
    Ten connections to a database with four cores and one disk. They look as if they could
    carry 10 / 16 ms = 625 queries a second:

    >>> import qmodel as qm
    >>> inside = {"cores": qm.MMc(0.012, servers=4), "disk": qm.MMc(0.004)}
    >>> pool = HeldPool(10, inside)
    >>> float(pool.max_rate)
    243.9198
    >>> r = pool.solve(200.0)
    >>> float(r.waiting_time), float(r.holding_time), float(r.response.quantile(0.99))
    (0.005, 0.0297, 0.1089)
    """

    permits: Count
    inside: Mapping[str, Station]

    def __post_init__(self) -> None:
        permits = _check.count("permits", self.permits)
        if np.ndim(permits):
            raise ModelError("permits must be one number: solve a pool for each size")
        if not self.inside:
            raise ModelError("a held pool needs at least one station inside")
        for name, station in self.inside.items():
            if not isinstance(station, HeldPool):
                node_of(name, station)
        object.__setattr__(self, "permits", int(permits))
        object.__setattr__(self, "inside", dict(self.inside))

    @property
    def servers(self) -> Count:
        """Number of permits. [-]."""
        return self.permits

    @property
    def service(self) -> Distribution:
        """Law of the time for which a request alone holds its permit. [-]."""
        return Sum(tuple(station.service for station in self.inside.values()))

    @property
    def max_rate(self) -> Value:
        """Arrival rate at which the pool saturates, X(P). [1/s]."""
        return throughputs(self.inside, self.permits)[-1]

    def serving(self, service: Distribution) -> Station:
        """Refuse: what is inside is what this pool is."""
        raise ModelError("a held pool has stations inside, not a law of service")

    def law_of_response(
        self, result: StationResult, work: Distribution, visits: Count = 1
    ) -> Distribution:
        """Return the law of the response of requests that come several times.

        Parameters
        ----------
        result : StationResult
            The steady state of this pool. [-]
        work : Distribution
            Not needed: the stations inside know it. [-]
        visits : int or integer array, default 1
            How often they come on one way; they find the same queues each time (the snapshot
            principle of heavy traffic, Reiman 1982), so that their waits are equal. [-]

        Returns
        -------
        Distribution
            Law of the time of all these visits. [-]
        """
        assert isinstance(result, HeldResult)
        if isinstance(visits, int) and visits == 1:
            return result.response
        # The wait of a scaled pool is within the times of its inside.
        parts: list[Distribution] = []
        if result.wait is not None and FLOW_EQUIVALENCE not in result.assumptions:
            parts.append(Scaled(result.wait, visits))
        for inner in result.stations.values():
            if inner.wait is None:
                parts.append(Repeated(inner.response, visits))
            else:
                work = Repeated(inner.station.service, visits)
                parts.append(inner.station.law_of_response(inner, work, visits))
        return Scaled(Sum(tuple(parts)), result.scale)

    def _solve(self, arrival_rate: Value) -> StationResult:
        nested = any(isinstance(s, HeldPool) for s in self.inside.values())
        size = len(self.inside)
        if nested or comb(self.permits + size - 1, size - 1) > _MOST_PHASES:
            return self._scaled(arrival_rate)
        return self._exact(arrival_rate)

    def _exact(self, arrival_rate: Value) -> StationResult:
        nodes = {name: node_of(name, station) for name, station in self.inside.items()}
        permits, limit = self.permits, self.max_rate
        n = np.arange(permits + 1)
        curves = []
        for node in nodes.values():
            if node.speeds is None:
                curves.append([np.minimum(i, node.servers) / node.work for i in n])
            else:
                curves.append(
                    [0.0, *(node.speeds[min(i, len(node.speeds)) - 1] for i in n[1:])]
                )
        flat = [c for curve in curves for c in curve]
        shape = np.broadcast_shapes(*(np.shape(x) for x in (arrival_rate, limit, *flat)))
        rate = np.broadcast_to(np.asarray(arrival_rate, dtype=float), shape)
        over = rate >= limit
        known = ~np.isnan(rate + limit)
        used = np.where(over | ~known, limit / 2, np.maximum(rate, 1e-12 * limit)).ravel()
        rates = np.array([np.broadcast_to(c, shape).ravel() for c in flat])
        filled = np.where(np.isnan(rates), 1.0, rates).reshape(len(curves), permits + 1, -1)
        state = solve(Chain(permits, filled), np.where(np.isnan(used), 0.1, used))
        cells = np.arange(used.size).reshape(shape)
        worse = np.where(~known, np.nan, np.where(over, np.inf, 1.0))
        wait = PhaseWait.of(state.waits, state.start, cells, worse)
        inner = {}
        for k, (name, station) in enumerate(self.inside.items()):
            present, met = state.present[k].reshape(shape), state.met[k].reshape(-1, *shape)
            inner[name] = _inner(station, nodes[name], rate, present * worse, met)
        holders = np.where(rate == 0, 0.0, (n @ state.holders).reshape(shape))
        holding = sum(r.response_time for r in inner.values())
        return self._result(
            rate,
            np.where(over, rate / limit * permits, holders) + 0 / worse,
            wait,
            wait.mean + holding,
            holding,
            Sum((wait, *(r.response for r in inner.values()))),
            inner,
            union(*(node.grounds for node in nodes.values())),
            HELD_INDEPENDENT,
        )

    def _scaled(self, arrival_rate: Value) -> StationResult:
        inner = {name: station.solve(arrival_rate) for name, station in self.inside.items()}
        rates = throughputs(self.inside, max(_ENDLESS, 2 * self.permits))
        rate = np.asarray(arrival_rate + 0.0 * rates[-1], dtype=float)
        over = rate >= rates[self.permits - 1]
        limited = flow_equivalent(rates[: self.permits], rate)
        with np.errstate(divide="ignore", invalid="ignore"):
            scale = limited.number / flow_equivalent(rates, rate).number
            # Without load there is no queue to move.
            scale = np.where(over, np.inf, np.where(rate == 0, 1.0, scale))[()]
            response = scale * sum(r.response_time for r in inner.values())
            waits = 1 - limited.holders / limited.number
            waiting = np.where(over, np.inf, np.where(rate == 0, 0.0, waits * response))[()]
            mean = np.divide(waiting, limited.full)
        full = np.where(over, 1.0, limited.full)[()]
        queue = Exponential(np.where(full > 0, mean, 1.0)[()])
        wait = Mixture((1 - full, full), (ZERO, queue))
        law = Scaled(Sum(tuple(r.response for r in inner.values())), scale)
        return self._result(
            rate,
            np.where(over, rate / rates[self.permits - 1] * self.permits, limited.holders),
            wait,
            response,
            response - waiting,
            law,
            inner,
            union(*(r.assumptions for r in inner.values())),
            FLOW_EQUIVALENCE,
            scale,
        )

    def _result(
        self,
        rate: Any,
        holders: Any,
        wait: Distribution,
        response: Any,
        holding: Any,
        law: Distribution,
        inner: dict[str, StationResult],
        inside: tuple[Assumption, ...],
        of_law: Assumption,
        scale: Value = 1.0,
    ) -> HeldResult:
        waiting = wait.mean
        means = union((POISSON_ARRIVALS, HELD_PERMITS), inside)
        if of_law is FLOW_EQUIVALENCE:
            means = (*means, of_law)
        weigh = namespace(rate).weigh
        return HeldResult(
            arrival_rate=rate[()],
            utilization=holders[()] / self.permits,
            waiting_time=waiting,
            response_time=response,
            queue_length=weigh(rate, waiting),
            number_in_system=weigh(rate, response),
            wait=wait,
            response=law,
            basis=Basis(
                dict.fromkeys((*MEANS, "holding_time", "holders", "wait"), means)
                | dict.fromkeys(("response", "percentiles"), union(means, (of_law,)))
            ),
            station=self,
            holding_time=holding,
            holders=np.minimum(holders, self.permits)[()],
            stations=inner,
            scale=scale,
        )


def _inner(station: Station, node: Node, rate: Any, present: Any, met: Any) -> StationResult:
    """Return the steady state of a station inside, from its number and what is met there."""
    alone = node.work if node.speeds is None else 1 / node.speeds[0]
    with np.errstate(divide="ignore", invalid="ignore"):
        response = np.where(rate > 0, present / rate, alone)[()]
    waiting = np.maximum(response - alone, 0.0)
    wait: Distribution | None = None
    law: Distribution = MeanOnly(response)
    if node.delays:
        law = station.service
    elif node.speeds is None and node.queues:
        c = np.asarray(node.servers, dtype=float)
        ahead = [np.maximum(q - c + 1, 0)[()] for q in range(len(met))]
        stage = Exponential(node.work / c)
        law = Mixture(tuple(met), tuple(Repeated(stage, k) for k in ahead))
        if np.any(np.isinf(response)):
            never = np.where(np.isinf(response), 1.0, 0.0)[()]
            law = Mixture((1 - never, never), (law, NEVER))
        wait = Scaled(law, (1 + 0 * np.where(np.isinf(response), 0.0, response))[()])
        law = Sum((wait, station.service))
    grounds = (*node.grounds, HELD_PERMITS)
    return StationResult(
        arrival_rate=rate[()],
        utilization=0 * rate if node.delays else rate * node.work / node.fastest,
        waiting_time=waiting,
        response_time=response,
        queue_length=namespace(rate).weigh(rate, waiting),
        number_in_system=present[()],
        wait=wait,
        response=law,
        basis=Basis(dict.fromkeys((*MEANS, *LAWS), grounds)),
        station=station,
    )
