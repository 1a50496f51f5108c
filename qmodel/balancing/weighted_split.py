r"""Weighted split: a site is drawn by fixed weights, as old and new, or near and far.

Site i gets the share :math:`w_i` of a Poisson stream, again a Poisson stream, and lies a
constant round trip :math:`d_i` away. A request meets one of the sites, so that

.. math::

    W = \sum_i w_i (d_i + W_i(w_i \lambda)), \qquad
    P(T > t) = \sum_i w_i P(T_i > t - d_i), \qquad
    \lambda^* = \min_i \lambda_i^* / w_i .

**Capacity** is that of the site that saturates first, never the sum of the sites': at a larger
rate the mean is infinite. Percentiles of the requests that go elsewhere stay finite.
`utilization` is that of the busiest site, and `servers` are the workers that the weights let
the sites use, the capacity times the mean service time.

The means and distributions are exact where those of the sites are. The weights are fixed: see
`best_split` for those that give the shortest mean.

References
----------
.. [1] J. F. C. Kingman, "Poisson Processes", Oxford University Press, 1993, sec. 5.1.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import Any, ClassVar, Self

import numpy as np

from qmodel import _check
from qmodel._checked import checked
from qmodel._fields import parameter
from qmodel._typing import Count, Value
from qmodel._xp import is_symbolic, namespace
from qmodel.balancing.random_split import RANDOM_SPLIT
from qmodel.basis import Assumption, Basis, union
from qmodel.distributions import Distribution, Mixture, Shifted
from qmodel.errors import DomainError, ModelError
from qmodel.queues.base import DISTRIBUTIONS, MEANS, Station, StationResult, StreamResult

__all__ = ["WeightedSplit", "checked_sites"]


@checked
def checked_sites(
    stations: Iterable[Any], delays: Iterable[Any]
) -> tuple[tuple[Station, ...], tuple[Value, ...]]:
    """Return sites and their round trips, none being zeros, refusing what cannot be one.

    Parameters
    ----------
    stations : iterable of Station
        The sites. [-]
    delays : iterable of numbers or arrays
        Constant round trip to each, >= 0. [s]

    Returns
    -------
    tuple of tuples
        The sites, and as many round trips.

    Raises
    ------
    DomainError
        If there is no site, the lengths differ, or a round trip is negative.
    ModelError
        If a site is not a station, or loses requests.
    """
    sites = tuple(
        _check.instance("stations", s, Station) for s in _check.several("stations", stations)
    )
    if not sites:
        raise DomainError("stations must not be empty")
    for site in sites:
        if site.loses:
            kind = type(site).__name__
            raise ModelError(f"stations must serve all that comes; {kind} loses requests")
    trips = tuple(_check.finite("delays", d) for d in _check.several("delays", delays))
    trips = trips or (0.0,) * len(sites)
    _same_length("delays", trips, sites)
    return sites, trips


def _same_length(name: str, values: Sequence[Any], sites: Sequence[Any]) -> None:
    if len(values) != len(sites):
        raise DomainError(
            f"{name} must be as many as stations, {len(sites)}, got {len(values)}"
        )


def _far(delay: Any) -> bool:
    return is_symbolic(delay) or bool(np.any(np.asarray(delay) != 0))


@dataclass(frozen=True, slots=True, eq=False)
class WeightedSplit(Station):
    """Unequal stations; each request goes to one drawn by fixed weights.

    Parameters
    ----------
    stations : sequence of Station
        The sites, pools among them. [-]
    weights : sequence of numbers or arrays
        Share of the requests that goes to each; they sum to 1. [-]
    delays : sequence of numbers or arrays, optional
        Constant round trip to each, >= 0; by default none. The response has it, and those
        on their way count as present. [s]

    Raises
    ------
    DomainError
        If the weights do not sum to 1, a round trip is negative, or the lengths differ.
    ModelError
        If there is something else than stations, or one that loses requests.

    Examples
    --------
    A large region far away, and a small one at hand:

    >>> import qmodel as qm
    >>> large, small = qm.MMc(0.02, servers=8), qm.MMc(0.02, servers=2)
    >>> regions = WeightedSplit([large, small], weights=[0.75, 0.25], delays=[0.09, 0.02])
    >>> float(regions.max_rate), float(large.max_rate + small.max_rate)
    (400.0, 500.0)
    >>> load = regions.solve(300.0)
    >>> float(load.response_time), float(load.response.quantile(0.5)), load.basis
    (0.0994, 0.1004, 'exact')
    """

    stations: tuple[Station, ...]
    weights: tuple[Value, ...] = parameter(
        "share of each station", symbol="w", check=_check.weights
    )
    delays: tuple[Value, ...] = parameter(
        "round trip to each station", unit="s", check=_check.each(_check.finite), default=()
    )
    service: Distribution = field(init=False, repr=False)

    policy: ClassVar[Assumption] = RANDOM_SPLIT

    def __post_init__(self) -> None:
        stations, delays = checked_sites(self.stations, self.delays)
        _same_length("weights", self.weights, stations)
        distributions = tuple(s.service for s in stations)
        same = all(distribution == distributions[0] for distribution in distributions)
        object.__setattr__(self, "stations", stations)
        object.__setattr__(self, "delays", delays)
        object.__setattr__(
            self, "service", distributions[0] if same else Mixture(self.weights, distributions)
        )

    @property
    def not_in_paths(self) -> str:  # type: ignore[override]
        """Why a path cannot call it: because it cannot call one of the stations."""
        return next((s.not_in_paths for s in self.stations if s.not_in_paths), "")

    @property
    def poisson_output(self) -> bool:  # type: ignore[override]
        """Whether Poisson arrivals leave as a Poisson stream: as from every station."""
        return all(s.poisson_output for s in self.stations)

    @property
    def max_rate(self) -> Value:
        """Arrival rate at which the first station is saturated. [1/s]."""
        rates = [
            _full_rate(s.max_rate, w) for s, w in zip(self.stations, self.weights, strict=True)
        ]
        return reduce(namespace(*rates).minimum, rates)

    @property
    def servers(self) -> Count:
        """Workers that the weights let the stations use. [-]."""
        return self.max_rate * self.service.mean

    @checked
    def serving(self, service: Distribution) -> Self:
        """Return the stations with another service distribution, if they have one in common."""
        if any(s.service != self.service for s in self.stations):
            raise ModelError("stations of unequal speed have no service distribution in common")
        return replace(self, stations=tuple(s.serving(service) for s in self.stations))

    def _part(self, station: Station, weight: Value, arrival_rate: Value) -> StationResult:
        """Return the state of a station that gets `weight` of the requests."""
        return station._solve(weight * arrival_rate)

    def _parts(self, arrival_rate: Value) -> list[StationResult]:
        return [
            self._part(station, weight, arrival_rate)
            for station, weight in zip(self.stations, self.weights, strict=True)
        ]

    def _mean(self, values: Iterable[Any]) -> Any:
        values = list(values)
        weigh = namespace(*self.weights, *values).weigh
        return sum(weigh(w, v) for w, v in zip(self.weights, values, strict=True))

    def _far(self, distributions: Iterable[Distribution], visits: Count = 1) -> Distribution:
        """Return the distribution of a request that goes to one of the stations, and back."""
        return Mixture(
            self.weights,
            tuple(
                Shifted(distribution, d * visits) if _far(d) else distribution
                for distribution, d in zip(distributions, self.delays, strict=True)
            ),
        )

    def _solve(self, arrival_rate: Value) -> StationResult:
        rate, parts = arrival_rate, self._parts(arrival_rate)
        waits = tuple(p.wait for p in parts if p.wait is not None)
        waiting = self._mean(p.waiting_time for p in parts)
        trip = zip(parts, self.delays, strict=True)
        response = self._mean(p.response_time + d for p, d in trip)
        loads = [p.utilization for p in parts]
        weigh = namespace(rate, waiting, response).weigh
        grounds = {
            name: union(*(p.basis.grounds[name] for p in parts), (self.policy,))
            for name in (*MEANS, *DISTRIBUTIONS)
        }
        flows = union(*(p.basis.grounds["utilization"] for p in parts))
        return StationResult(
            arrival_rate=rate,
            utilization=reduce(namespace(*loads).maximum, loads),
            waiting_time=waiting,
            response_time=response,
            queue_length=weigh(rate, waiting),
            number_in_system=weigh(rate, response),
            wait=Mixture(self.weights, waits) if len(waits) == len(parts) else None,
            response=self._far(p.response for p in parts),
            station=self,
            basis=Basis(grounds | {"utilization": flows}),
        )

    @checked
    def distribution_of_response(
        self, result: StationResult, work: Distribution, visits: Count = 1
    ) -> Distribution:
        """Return the distribution of the response of requests with their own work.

        Parameters
        ----------
        result : StationResult
            The steady state under all streams. [-]
        work : Distribution
            Distribution of the service time of these requests, of all their visits together.
            [-]
        visits : int or integer array, default 1
            How often they come on one way, taken as to one station. [-]

        Returns
        -------
        Distribution
            Distribution of the time of all these visits. [-]
        """
        parts = self._parts(result.arrival_rate)
        return self._far(
            (p.station.distribution_of_response(p, work, visits) for p in parts), visits
        )

    def _stream(
        self, result: StationResult, rate: Value, service: Distribution
    ) -> StreamResult:
        if service == self.service:
            return Station._stream(self, result, rate, service)
        parts = self._parts(result.arrival_rate)
        streams = [p.station._stream(p, rate, service) for p in parts]
        trip = zip(streams, self.delays, strict=True)
        return StreamResult(
            arrival_rate=rate,
            waiting_time=self._mean(s.waiting_time for s in streams),
            response_time=self._mean(s.response_time + d for s, d in trip),
            response=self._far(s.response for s in streams),
        )


def _full_rate(max_rate: Any, weight: Any) -> Any:
    """Return the rate of the whole at which a station with this share of it saturates."""
    if is_symbolic(max_rate, weight):
        return max_rate / weight if weight != 0 else namespace(max_rate, weight).inf
    with np.errstate(divide="ignore"):
        return (np.asarray(max_rate, dtype=float) / np.asarray(weight, dtype=float))[()]
