r"""A pool of permits that are held: threads during a request, connections during a query.

A request waits for one of P permits, keeps it while it passes the stations inside, waits
there included, and returns it. The time for which a permit is held thus grows with the load,
and the pool saturates not at P over the service time but at the throughput :math:`X(P)` of its
stations with P requests inside, a closed network.

**Nothing queues inside.** The pool is M/G/P, its service the time for which a permit is held.
**What holders find.** The stations inside are taken as in equilibrium at each number of
holders (`qmodel.networks.held.counts`). Those that find a permit and those that wait for one
are kept apart, as the latter find full queues inside, too: a limit moves a queue from the
inside to the outside and adds no work. To take the two as independent makes the p99 up to 20 %
too low; to add a wait for a permit to times without a limit counts it twice.
**Few permits.** Who waits, for how long, the mean times inside, and how many others those find
that waited for a permit, and that did not, are those of a Markov chain with the phases of the
service (`qmodel.networks.held.chain`): exactly, where service is of phase type and the chain
has room for it; of the wait's distribution the first three moments. Otherwise it has phases
that imitate service, and what is left to more of them a chain of the full pool puts right
(`qmodel.networks.held.closed`). With many permits it is too large.

Where pools are in pools, or stations are shared or visited several times, service that is not
exponential changes X(P), the waits inside and that for a permit by factors of its SCV
(`qmodel.networks.held.variability`).

**Shapes.** All parameters broadcast, P too. **Overload.** ``inf`` in its cell. NaN in, NaN out.

References
----------
.. [1] M. F. Neuts, "Matrix-Geometric Solutions in Stochastic Models", Johns Hopkins University
   Press, 1981.
.. [2] K. M. Chandy, U. Herzog, L. Woo, "Parametric analysis of queuing networks", IBM Journal
   of Research and Development 19, 1975.
.. [3] J. A. Rolia, K. C. Sevcik, "The method of layers", IEEE Transactions on Software
   Engineering 21, 1995.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import comb
from typing import Any

import numpy as np

from qmodel import _check
from qmodel._checked import checked
from qmodel._fields import check_fields, parameter
from qmodel._typing import Count, Value
from qmodel._values import digest_fields, same
from qmodel._xp import is_symbolic, namespace
from qmodel.distributions import ZERO, Distribution, Exponential, Repeated, Sum
from qmodel.distributions.algebra import measure
from qmodel.distributions.broadcasting import whole
from qmodel.errors import DomainError, ModelError
from qmodel.networks.held import found, states
from qmodel.networks.held.cells import Pools
from qmodel.networks.held.closed import MOST_OPEN
from qmodel.networks.held.counts import curve, saturation
from qmodel.networks.held.inside import Inside
from qmodel.networks.held.result import HeldResult, View
from qmodel.networks.held.series import InSeries
from qmodel.networks.held.visits import alike, halves
from qmodel.queues.base import Station, StationResult
from qmodel.queues.mgc import MGc
from qmodel.queues.mmc import MMc

__all__ = ["HeldPool"]

_MOST_PHASES = 66
_NONE = 1e-9
"""A part of the holders that counts as none."""


@dataclass(frozen=True, slots=True, eq=False)
class HeldPool(Station):
    """Pool of permits, each held by a request while it passes the stations inside.

    Parameters
    ----------
    permits : int or integer array
        Number of permits: threads, workers or connections, >= 1. [-]
    inside : mapping of str to Station, optional
        The stations in the order in which a holder passes them, pools among them; by default
        what is inside is said by the steps that hold the pool, `qmodel.hold`. [-]
    each : int, default 1
        Permits that one request takes, >= 1. [-]
    setting : Inside, optional
        What is done while a permit is held: the pipeline says it. [-]

    Raises
    ------
    DomainError
        If `permits` or `each` are not whole numbers >= 1, or `each` exceeds `permits`.
    ModelError
        If what is inside is no station.

    Examples
    --------
    Ten connections to a database with four cores and one disk. They look as if they could
    sustain 10 / 16 ms = 625 queries a second:

    >>> import qmodel as qm
    >>> inside = {"cores": qm.MMc(0.012, servers=4), "disk": qm.MMc(0.004)}
    >>> pool = HeldPool(10, inside)
    >>> float(pool.max_rate)
    243.9198
    >>> r = pool.solve(200.0)
    >>> float(r.waiting_time), float(r.holding_time), float(r.response.quantile(0.99))
    (0.005, 0.0297, 0.1191)
    """

    permits: Count = parameter(
        "permits of the pool", symbol="P", check=partial(_check.count, most=1_000_000)
    )
    inside: Mapping[str, Station] = whole(default_factory=dict)
    each: int = whole(default=1)
    setting: Inside | None = whole(default=None, repr=False)  # noqa: RUF009

    def __post_init__(self) -> None:
        check_fields(self)
        object.__setattr__(self, "each", _check.one_count("each", self.each))
        if not is_symbolic(self.permits) and np.any(np.asarray(self.permits) < self.each):
            raise DomainError(
                f"each must be at most the permits, {np.min(self.permits):g}, got {self.each}"
            )
        for name, station in self.inside.items():
            _check.instance(f"{name} inside a pool", station, Station)
        object.__setattr__(self, "inside", dict(self.inside))

    def __eq__(self, other: object) -> bool:
        """Return whether the other is as large, with the same inside: one pool by value."""
        return isinstance(other, HeldPool) and all(
            same(getattr(self, name), getattr(other, name))
            for name in ("permits", "inside", "each", "setting")
        )

    def __hash__(self) -> int:
        """Return what equal pools share."""
        return digest_fields(self)

    @property
    def within(self) -> Inside:
        """What holders do."""
        return self.setting or InSeries(self.inside)

    @property
    def servers(self) -> Count:
        """Requests that can hold permits at once. [-]."""
        return self.permits // self.each

    @property
    def service(self) -> Distribution:
        """Distribution of the time for which a request alone holds its permit. [-]."""
        return self.within.alone

    @property
    def max_rate(self) -> Value:
        """Arrival rate at which the pool saturates, X(P). [1/s]."""
        if self.setting is None and not self.inside:
            return np.inf
        places = self.within.places
        if all(place.endless for place in places.values()):
            mean = self.within.alone.mean
            return namespace(self.servers, mean).over(self.servers, mean, np.inf)
        if is_symbolic(self.servers, *(x for p in places.values() for x in (p.work, p.visits))):
            raise _numbers()
        return self.full_pool[0]

    @property
    def full_pool(self) -> tuple[Any, Any]:
        """Throughput with all permits taken [1/s], and 1 + I: how unevenly it completes.

        The latter is NaN where it does not come from phases of the service inside.
        """
        return self.within.once("full", self._full_pool)  # type: ignore[no-any-return]

    def _full_pool(self) -> tuple[Any, Any]:
        places = self.within.places
        if not self._listed or self._exponential:
            return saturation(self.servers, places), np.nan
        numbers = (
            x for p in places.values() for x in (p.visits, p.work, p.servers, *(p.speeds or ()))
        )
        shape = np.broadcast_shapes(np.shape(self.servers), *map(np.shape, numbers))
        limit, uneven = (x.reshape(shape) for x in Pools.of(self.servers, places, shape).full())
        if np.isnan(limit).any():
            limit = np.where(np.isnan(limit), saturation(self.servers, places), limit)
        return limit[()], uneven[()]

    @property
    def throughputs(self) -> Sequence[Any]:
        """Throughput with 1, 2, ... requests inside, of all permits. [1/s]."""
        found: Sequence[Any] = self.within.once("curve", self._curve)
        return found

    def _curve(self) -> Any:
        """Return the throughputs that end where the pool saturates.

        What is known of it full is known of fewer as far as these wait inside.
        """
        places = self.within.places
        found = curve(self.servers, places)
        if np.all(np.isnan(self.full_pool[1])):
            return found
        alone: Any = sum(place.visits * place.work / place.first for place in places.values())
        n = np.arange(1, len(found) + 1).reshape(-1, *[1] * (found.ndim - 1))
        waiting = np.minimum(n, self.servers) - found * alone
        with np.errstate(divide="ignore", invalid="ignore"):
            share = np.where(waiting > _NONE * n, waiting / waiting[-1], 0.0)
        return found * (self.max_rate / found[-1]) ** share

    @property
    def poisson_output(self) -> bool:  # type: ignore[override]
        """Whether it is M/M/c, as nothing queues inside and the time held is exponential."""
        return isinstance(self.alike, MMc)

    @property
    def alike(self) -> Station | None:
        """The station that the pool is where nothing queues inside."""
        inside = self.within
        if not inside.places or not all(place.endless for place in inside.places.values()):
            return None
        alone = inside.alone
        distributions = (
            [x for x in alone.distributions if x is not ZERO]
            if isinstance(alone, Sum)
            else [alone]
        )
        if len(distributions) == 1 and isinstance(distributions[0], Exponential):
            return MMc(distributions[0].mean, self.servers)
        return MGc(alone, self.servers)

    @checked
    def serving(self, service: Distribution) -> Station:
        """Refuse: what is inside is what this pool is."""
        raise ModelError("a held pool has stations inside, not a service time of its own")

    @checked
    def distribution_of_response(
        self, result: StationResult, work: Distribution, visits: Count = 1
    ) -> Distribution:
        """Return the distribution of the response of requests that come several times.

        Parameters
        ----------
        result : StationResult
            The steady state of this pool. [-]
        work : Distribution
            Not needed: the stations inside know it. [-]
        visits : int or integer array, default 1
            How often they come on one way. In heavy traffic they find the same queues each
            time (the snapshot principle, Reiman 1982); where queues change meanwhile, half of
            the visits find others, so often that the variance is right. [-]

        Returns
        -------
        Distribution
            Distribution of the time of all these visits. [-]
        """
        assert isinstance(result, HeldResult)
        if isinstance(visits, int) and visits == 1:
            return result.response
        first, later = halves(visits)
        apart = Sum((self._of_same(result, first), self._of_same(result, later)))
        same = alike(self.max_rate, result.arrival_rate, result.response_time, visits)
        return measure((same, 1 - same), (self._of_same(result, visits), apart))

    def _of_same(self, result: HeldResult, visits: Count) -> Distribution:
        """Return the distribution of the time of visits that find the same queues."""
        distributions = []
        for view in result.views:
            held = []
            for name in self.inside:
                inner = view.stations.get(name, result.stations[name])
                own = Repeated(inner.station.service, visits)
                held.append(inner.station.distribution_of_response(inner, own, visits))
            distributions.append(view.after(Sum(tuple(held)), visits))
        return measure(tuple(view.share for view in result.views), tuple(distributions))

    @checked
    def limited(self, result: HeldResult, met: Any) -> HeldResult:
        """Return the state where holders of an outer pool meet so many others here."""
        return found.limited(self, result, met)

    def _solve(self, arrival_rate: Value) -> StationResult:
        if self.setting is None:
            if not self.inside:
                raise ModelError("a pool is held by steps, qmodel.hold, or has stations inside")
            return replace(self, setting=InSeries(self.inside, arrival_rate)).among(
                arrival_rate
            )
        return self.among(arrival_rate)

    @checked
    def among(self, arrival_rate: Value) -> HeldResult:
        """Return the steady state, with the stations inside at their loads."""
        alike = self.alike
        if alike is not None:
            return states.without_queues(self, alike, arrival_rate)
        return states.result_of(self, self._state(arrival_rate), self._found(arrival_rate))

    def views(self, arrival_rate: Value) -> tuple[View, ...]:
        """Return what requests find, which costs less than the whole steady state."""
        if self.alike is not None:
            return self.among(arrival_rate).views
        return self._found(arrival_rate).views

    def _state(self, arrival_rate: Value) -> states.State:
        if is_symbolic(arrival_rate):
            raise _numbers()
        return states.state_of(self, arrival_rate)

    def _found(self, arrival_rate: Value) -> states.Found:
        known: dict[str, states.Found] = self.within.__dict__.setdefault("found", {})
        if "" not in known:
            state = self._state(arrival_rate)
            small = np.broadcast_to(np.less_equal(self.servers, self._few), state.flow.shape)
            if small.all() or not small.any():
                known[""] = (found.few if small.all() else found.many)(self, state)
            else:
                # The others cost least as pools of one permit, whatever their load.
                few = replace(self, permits=np.where(small, self.permits, self.each))
                known[""] = found.by_size(self, few, state, small)
        return known[""]

    @property
    def _few(self) -> int:
        """The most permits for which the chain of all numbers inside is small; 0 for none."""
        places = self.within.places.values()
        size = sum(p.limited for p in places) + any(p.endless for p in places) - 1
        most = _MOST_PHASES if self._exponential else MOST_OPEN
        fits = (n for n in range(most, 0, -1) if comb(n + size, size) <= most)
        return next(fits, 0) if self._listed else 0

    @property
    def _exponential(self) -> bool:
        """Whether all service inside counts as exponential."""
        return all(np.all(np.asarray(place.scv) == 1) for place in self.within.places.values())

    @property
    def _listed(self) -> bool:
        """Whether a chain of the numbers at all stations says what is inside."""
        places = self.within.places.values()
        return (
            all(place.limited or place.endless for place in places)
            and all(np.all(np.asarray(place.visits) <= 1) for place in places)
            and any(np.all(np.asarray(place.visits) == 1) for place in places)
            and not any(place.pool for place in places)
        )


def _numbers() -> ModelError:
    return ModelError("a pool with queues inside takes numbers, not symbols")
