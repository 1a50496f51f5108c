r"""How variable a stream of requests is, on the time scale of the queue that it meets.

The index of dispersion of a stream is the variance over the mean of the number that arrives
within a time t. It is 1 at all t for a Poisson stream, and tends to the SCV of the times
between arrivals for a renewal stream. A queue feels it at the time in which it fills,

.. math::

    t^* = \frac{\rho^2 (I + c_s^2)}{2 \lambda (1 - \rho)^2}

(the most likely time in the robust queue of Whitt and You [2]_), so a stream enters a station
as one of the SCV :math:`I(t^*)` (`scv_at`). What leaves a station is in
`qmodel.queues.approximations.behind`; of what leaves its servers more is known, which a station
feels over exponential times instead of over t (`qmodel.queues.approximations.clock`).

Independent streams add: the index of a mix is the mean of theirs by rate; of a share p drawn at
random it is :math:`1 + p (I - 1)`. Of what leaves equal servers more is known
(`qmodel.queues.approximations.merged_streams`).

A request that asks several stations at once goes on when the last is done. The index of what
goes on is the mean of theirs, each by the square of its mean time; and what stops any of n
equal ones stops all, so that the index less 1, where above 0, is :math:`1 + 0.25 \log_2 n`
times as large, n being one over the sum of the squared shares (ours, from simulations).

The waits of a station are then those behind Poisson arrivals, longer or shorter in the
proportion :math:`(I + c_s^2) / (1 + c_s^2)`, and behind arrivals more regular than Poisson less
by the factor of [3]_ for low loads, and bunches find several servers as if there were fewer
(`qmodel.queues.approximations.fewer_servers`). The probability of a wait differs by the factor
of [3]_ for one server, with the indices of arrivals and of services over two services of the
station, :math:`2 E[S] / c`, or :math:`t^*` if that is less; behind such servers those that wait
do so as much longer as in heavy traffic, :math:`(I + c_s^2) / (1 + c_s^2)`, and are as much
more as the mean asks for, but for regular work of several servers. Where waits are shorter,
what is left differs by the time of those that wait; where longer, by a disturbance of its own
(`qmodel.queues.waits.disturbed`).

References
----------
.. [1] D. R. Cox and P. A. W. Lewis, "The Statistical Analysis of Series of Events", Methuen,
   1966, ch. 4 (the index).
.. [2] W. Whitt and W. You, "A robust queueing network analyzer based on indices of dispersion",
   Naval Research Logistics 69, 2022.
.. [3] W. Kraemer and M. Langenbach-Belz, "Approximate formulae for the delay in the queueing
   system GI/G/1", 8th International Teletraffic Congress, Melbourne 1976.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from functools import cached_property, reduce
from typing import Any

import numpy as np

from qmodel._xp import is_symbolic, namespace
from qmodel.basis import APPROXIMATE, Assumption
from qmodel.queues.approximations.bursts import Bursts
from qmodel.queues.approximations.clock import Clock
from qmodel.queues.approximations.departure_errors import WORST as POOLS
from qmodel.queues.approximations.dispersion_errors import WORST
from qmodel.queues.approximations.limit_errors import WORST as LIMITED
from qmodel.queues.approximations.loss_errors import WORST as LOST
from qmodel.queues.approximations.merged_streams import Sources, part_of, sources_of

__all__ = [
    "DISTURBED",
    "POISSON",
    "VARIABILITY",
    "Dispersion",
    "joined",
    "merged",
    "mixed",
    "probability_factor",
    "wait_factor",
    "where_finite",
]

_ROWS, _LONG = WORST["SCV to 4"], WORST["SCV above 4"]
_POOL, _SPACED = POOLS["other service"], POOLS["constant after constant service"]
_SPLIT, _SPLIT_CONSTANT = POOLS["split at random"], POOLS["constant work split at random"]
_ROOM = max(errors["next"] for errors in LOST.values())
_VARIED, _REGULAR = LIMITED["SCV from 1"], LIMITED["SCV below 1"]
VARIABILITY = Assumption(
    "variability-of-arrivals",
    "a stream that is not Poisson lengthens or shortens waits in proportion to its index of "
    "dispersion on the time scale of the queue, and the waits at stations in a row depend on "
    "one another by one number; through two to five stations of 1 to 16 servers, loads of "
    f"0.3 to 0.95, the mean was found within {_ROWS['mean']} %, p50 within {_ROWS['p50']} %, "
    f"p95 within {_ROWS['p95']} % and p99 within {_ROWS['p99']} % where the SCV of service is "
    "at most 4, and at most 6 that of what is left of one, and where either is more at a "
    "station, as of rare long services, "
    f"{_LONG['mean']} %, {_LONG['p50']} %, {_LONG['p95']} % and {_LONG['p99']} %, and of "
    "percentiles beyond p99 no error is stated; at "
    "a station behind a limit, mean "
    f"within {_VARIED['mean']} % and p99 within {_VARIED['p99']} % where service is "
    f"exponential or more variable, {_REGULAR['mean']} % and {_REGULAR['p99']} % where it is "
    "more regular; at an exponential server behind a station with a finite capacity the mean "
    f"wait within {_ROOM} %; behind a pool of FCFS replicas the mean wait within "
    f"{_POOL['mean']} % and its p99 within {_POOL['p99']} %, of constant work before constant "
    f"work {_SPACED['mean']} % and {_SPACED['p99']} %, behind equal servers that a stream is "
    f"split over at random {_SPLIT['mean']} % and {_SPLIT['p99']} %, of constant work before "
    f"constant work {_SPLIT_CONSTANT['mean']} % and {_SPLIT_CONSTANT['p99']} %, the mean wait "
    "within 2 % where that is no longer than of each server before an equal part; at such a "
    "pool behind a station the "
    f"mean response within {POOLS['pool']['mean']} %, its p99 within {POOLS['pool']['p99']} %; "
    "behind a fork the mean wait was found within 10 %, where its stations are equal and of "
    "lognormal service up to 25 % low",
    "Whitt and You 2022; Kraemer and Langenbach-Belz 1976; our simulations",
    APPROXIMATE,
)

_STOPS = 0.25


class Dispersion:
    """The index of dispersion of a stream, less that of a Poisson stream.

    It is false for Poisson streams. `depth` is how many stations it knows of, `passed` their
    names.
    """

    depth = 0
    passed: frozenset[str] = frozenset()
    """The stations that it has left."""

    @property
    def station(self) -> tuple[Any, ...] | None:
        """Utilization, servers and service of one before, behind Poisson arrivals."""
        return None

    def having_passed(self, stations: frozenset[str]) -> Dispersion:
        """Return the same, that has left other stations."""
        if self.passed == stations:
            return self
        other = copy(self)
        object.__setattr__(other, "passed", stations)
        return other

    def extra(self, time: Any, known: dict[int, Any]) -> Any:
        """Return the index less 1 over a time [s]; `known` are those of other streams there."""
        if self.depth == 0:
            return 0.0
        if id(self) not in known:
            known[id(self)] = self._extra(time, known)
        return known[id(self)]

    def felt(self, time: Any, service_scv: Any) -> Any:
        """Return what of it a station feels that fills in a time [s]."""
        return self.extra(time, {})

    def _extra(self, time: Any, known: dict[int, Any]) -> Any:
        return 0.0

    def bursts(self, ordinary: Any) -> Bursts | None:
        """Return what holds up a station, by its load of what is not long, where known."""
        return None

    @property
    def leaves_one_server(self) -> Any:
        """Whether it leaves one server (`qmodel.queues.approximations.one_server`)."""
        return False

    @property
    def timed(self) -> Any:
        """Whether the index of some of it is known over exponential times."""
        return False

    @property
    def shares(self) -> tuple[Any, Any]:
        """Of how much of it that is, and how much leaves one server. [-]."""
        return 1.0 * np.asarray(self.timed), 1.0 * np.asarray(self.leaves_one_server)

    def over(self, clock: Clock) -> tuple[Any, Any]:
        """Return the index less 1 of what is known by a clock, and of what is not.

        The first is along the last axis of the clock, the second over its time.
        """
        found = clock.felt.get(id(self))
        if found is None:
            found = clock.felt[id(self)] = self._over(clock)
        return found

    def _over(self, clock: Clock) -> tuple[Any, Any]:
        return 0.0, self.extra(clock.time, clock.known)

    @property
    def sources(self) -> Sources | None:
        """Equal servers that all of it comes from, if they are several."""
        return None

    def thinned(self, share: Any) -> Dispersion:
        """Return that of a share of the requests, drawn at random."""
        return self if self.depth == 0 else _Thinned(((share, self),), self.depth)


class _Poisson(Dispersion):
    def __bool__(self) -> bool:
        return False


POISSON = _Poisson()
DISTURBED = Dispersion()
"""A stream that is not Poisson, of which no more is known."""


@dataclass(frozen=True, eq=False)
class _Mixed(Dispersion):
    """A mix of streams, by their shares of its requests; what is missing is Poisson."""

    parts: tuple[tuple[Any, Dispersion], ...]
    depth: int

    def __post_init__(self) -> None:
        passed: frozenset[str] = frozenset().union(*(part.passed for _, part in self.parts))
        object.__setattr__(self, "passed", passed)

    @cached_property
    def sources(self) -> Sources | None:
        """The servers of its parts."""
        return sources_of(self.parts)

    def _extra(self, time: Any, known: dict[int, Any]) -> Any:
        return sum(share * part.extra(time, known) for share, part in self.parts)

    @property
    def timed(self) -> Any:
        """As any of them."""
        return reduce(np.logical_or, (part.timed for _, part in self.parts))

    @property
    def shares(self) -> tuple[Any, Any]:
        """As theirs. [-]."""
        found = [(share, *part.shares) for share, part in self.parts]
        return sum(share * x for share, x, _ in found), sum(share * x for share, _, x in found)

    def _over(self, clock: Clock) -> tuple[Any, Any]:
        found = [(share, *part.over(clock)) for share, part in self.parts]
        own = sum(np.asarray(share)[..., None] * x for share, x, _ in found)
        return own, sum(share * x for share, _, x in found)


class _Thinned(_Mixed):
    """A share of a stream, alone."""

    @cached_property
    def sources(self) -> Sources | None:
        """The servers of which it is a part."""
        return part_of(*self.parts[0])


def mixed(parts: Sequence[tuple[Any, Dispersion]]) -> Dispersion:
    """Return that of several streams together, each with its share of the requests."""
    first = parts[0][1]
    if all(part is first for _, part in parts):
        return first  # Taken apart, and put together as it was.
    deep = tuple((share, part) for share, part in parts if part.depth)
    passed: frozenset[str] = frozenset().union(*(part.passed for _, part in parts))
    if deep:
        return _Mixed(deep, max(part.depth for _, part in deep)).having_passed(passed)
    return DISTURBED.having_passed(passed) if any(part for _, part in parts) else POISSON


def merged(stream: Dispersion, number: int) -> Dispersion:
    """Return that of so many streams together, each like one, and independent of it."""
    return _Mixed(((1 / number, stream),) * number, stream.depth)


class _Joined(_Mixed):
    """What goes on when the last of several is done."""

    sources = None

    def _extra(self, time: Any, known: dict[int, Any]) -> Any:
        count = 1 / sum(share**2 for share, _ in self.parts)
        extra = np.asarray(_Mixed._extra(self, time, known))
        return extra * np.where(extra > 0, 1 + _STOPS * np.log2(count), 1.0)

    @property
    def timed(self) -> Any:
        """No: they wait for each other."""
        return False

    @property
    def shares(self) -> tuple[Any, Any]:
        """None. [-]."""
        return 0.0, 0.0

    def _over(self, clock: Clock) -> tuple[Any, Any]:
        return 0.0, self.extra(clock.time, clock.known)


def joined(parts: Sequence[tuple[Any, Dispersion]]) -> Dispersion:
    """Return that of several streams of the same requests, each with its mean time.

    A request goes on when it has come out of all.
    """
    depth = max(part.depth for _, part in parts)
    if not depth:
        return DISTURBED
    first = parts[0][1]
    if all(x is first for _, x in parts) and (one := first.station) and np.all(one[2].scv == 0):
        return first  # Constant work at equal stations is done together.
    longest = reduce(np.maximum, (time for time, _ in parts))
    squares = [np.square(time / longest) for time, _ in parts]
    shares = [square / sum(squares) for square in squares]
    streams = (stream for _, stream in parts)
    return _Joined(tuple(zip(shares, streams, strict=True)), depth)


def where_finite(service_scv: Any) -> Any:
    """Return an SCV of service, 1 where it is infinite: there all mean waits are."""
    if (isinstance(service_scv, float) and service_scv < np.inf) or is_symbolic(service_scv):
        return service_scv
    return np.where(np.isinf(service_scv), 1.0, service_scv)[()]


def wait_factor(scv: Any, utilization: Any, service_scv: Any, first: Any = 0.0) -> Any:
    """Return how many times longer than behind Poisson arrivals the waits are.

    At low loads arrivals count as they are at `first`, if less regular. On symbols it is that
    of heavy traffic, without the factor of regular arrivals.
    """
    total = (scv + service_scv) / (1 + service_scv)
    if is_symbolic(total, utilization):
        return total
    xp = namespace()
    load, ca2 = xp.asarray(utilization), xp.asarray(scv)
    spread, soon = 3 * load * (ca2 + service_scv), np.minimum(np.maximum(ca2, first), 1.0)
    less = np.exp(-2 * xp.over((1 - load) * (1 - soon) ** 2, spread, np.inf))
    factor = total * xp.where((ca2 < 1) & (load < 1), less, 1.0)
    return np.maximum(factor, 1e-12)  # A clock before constant work: no wait to speak of.


def probability_factor(scv: Any, utilization: Any, service_scv: Any) -> Any:
    """Return how many times likelier a wait is than behind Poisson arrivals."""
    if is_symbolic(scv, utilization, service_scv):
        return 1
    xp = namespace()
    rho, ca2 = np.minimum(xp.asarray(utilization), 1.0), xp.asarray(scv)
    common = rho**2 * (4 * ca2 + service_scv)
    regular = (1 + ca2 + rho * service_scv) / (1 + rho * (service_scv - 1) + common)
    with np.errstate(divide="ignore", invalid="ignore"):
        bunched = np.divide(4 * rho, ca2 + common)
        more = (ca2 - 1) * (1 - rho) * xp.where(ca2 < 1, regular, bunched)
    return xp.where(np.isfinite(more), np.maximum(1 + more, 0.1), 1.0)
