r"""Waits of requests that come several at once, at one server or at many.

A stream of batches of k has k times the index of dispersion of the batches. The wait of the
first of a batch is in proportion to that of the same station behind a stream of this index, as
it is for exponential service, where the chain is solved exactly
(`qmodel.queues.counts.batch_arrivals`): for one server behind a Poisson stream of batches that
is exact. Batches that come of another station are taken as renewals, as variable as that stream
is over the time in which the station fills.

Those that wait do so as long as in a queue of one server, c times as fast, whose work comes in
batches, where service is no more variable than exponential or there is one server; for other
service as behind disturbances (`qmodel.queues.waits.disturbed`). What the others of the batch
wait more, and until all are done, is in `qmodel.queues.waits.at_once`.

Of the k of a batch each leaves as often as batches come. Over times in which the station is
emptied often those are as variable as the batches, not k times as much, and while the servers
are busy every k-th request that leaves is one of them, of a k-th of the index of services
(ours).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from qmodel._xp import is_symbolic
from qmodel.basis import APPROXIMATE, Assumption
from qmodel.distributions import Deterministic, Distribution, Repeated, Scaled, Sum
from qmodel.distributions.algebra import measure
from qmodel.errors import ModelError
from qmodel.queues.approximations.batch_errors import WORST
from qmodel.queues.approximations.behind import Behind
from qmodel.queues.approximations.dispersion import Dispersion, wait_factor
from qmodel.queues.counts.batch_arrivals import Found, found_by_batches, found_by_renewals
from qmodel.queues.counts.erlang import erlang_c
from qmodel.queues.streams import shares_of
from qmodel.queues.waits.at_once import AtOnce
from qmodel.queues.waits.disturbed import disturbed, shortened
from qmodel.queues.waits.md1 import ConstantServiceWait
from qmodel.queues.waits.mg1 import MG1Wait

if TYPE_CHECKING:
    from qmodel.queues.results import StationResult
    from qmodel.queues.streams import Stream

__all__ = ["CALLS_AT_ONCE", "Batches", "OneOfEach", "met_at_once", "wait_of_any"]

_ROWS, _CONSTANT = WORST["other service"], WORST["constant service"]
_VARIED = WORST["behind service of an SCV from 1"]
_REGULAR = WORST["behind regular service"]
CALLS_AT_ONCE = Assumption(
    "calls-at-once",
    "calls of one request to one station at the same time find as many servers free as such "
    "calls do of exponential service, and are done one after the other as servers become free; "
    "of 2 to 8 calls to one to 16 servers, at loads of 0.3 to 0.9, the mean time of all was "
    f"found within {_ROWS['mean']} %, p50 within {_ROWS['p50']} % and p99 within "
    f"{_ROWS['p99']} %, of constant service within {_CONSTANT['mean']} %, "
    f"{_CONSTANT['p50']} % and {_CONSTANT['p99']} %; behind a station of service of an SCV "
    f"from 1 within {_VARIED['mean']} %, {_VARIED['p50']} % and {_VARIED['p99']} % (the mean "
    f"wait of a call {_VARIED['wait']} %), of more regular service {_REGULAR['mean']} %, "
    f"{_REGULAR['p50']} % and {_REGULAR['p99']} % ({_REGULAR['wait']} %)",
    "Burke 1975 for one server; our simulations",
    APPROXIMATE,
)


class Batches(Dispersion):
    r"""That of batches of a size that come as a stream does.

    Where they are apart by an exponential time of mean :math:`\tau`, a batch has come over a
    time t as far as :math:`1 - (1 - e^{-t / \tau}) \tau / t`.

    Parameters
    ----------
    arriving : Dispersion
        That of the batches. [-]
    size : int
        How many requests come at once. [-]
    apart : number or array
        By how much they are apart. [s]
    """

    def __init__(self, arriving: Dispersion, size: int, apart: Any = 0.0) -> None:
        self._apart = apart
        self.depth, self.passed = max(arriving.depth, 1), arriving.passed
        self.size, self.before = size, arriving

    def _extra(self, time: Any, known: dict[int, Any]) -> Any:
        with np.errstate(divide="ignore", invalid="ignore"):
            x = np.asarray(time) / self._apart
            come = np.where(x > 1e-8, 1 + np.expm1(-x) / x, x / 2)
            come = np.where(np.equal(self._apart, 0), 1.0, come)[()]
        size = 1 + (self.size - 1) * come
        return size * (1 + self.before.extra(time, known)) - 1


class OneOfEach(Behind):
    """That of what leaves a station of one request of each batch.

    Parameters
    ----------
    batches : Batches
        What comes. [-]
    share : number or array
        Share of them in all that comes. [-]
    *behind, **more : object
        What `Behind` takes of the station. [-]
    """

    station, by_clock = None, False

    def __init__(self, batches: Batches, share: Any, *behind: Any, **more: Any) -> None:
        super().__init__(*behind, **more)
        self._batches, self._share = batches, share

    def _extra(self, time: Any, known: dict[int, Any]) -> Any:
        busy, served = self.from_service(time)
        left = (1 + self._share * served) / self._batches.size - 1
        return (1 - busy) * self._batches.before.extra(time, known) + busy * left


def met_at_once(
    result: StationResult,
    streams: Sequence[Stream],
    rates: Sequence[Any],
    factor: Any,
    scv: Any,
) -> AtOnce:
    """Return what those meet that come several at once.

    Parameters
    ----------
    result : StationResult
        The station behind Poisson arrivals of single requests. [-]
    streams : sequence of Stream
        What comes, some of it in batches. [-]
    rates : sequence of numbers or arrays
        Their finite rates. [1/s]
    factor : number or array
        How many times as long the waits are behind streams of these indices. [-]
    scv : number or array
        The index of all these streams together. [-]

    Returns
    -------
    AtOnce
        What they meet. [-]
    """
    if is_symbolic(factor, *rates):
        raise ModelError("streams whose requests come several at once take numbers, no symbols")
    shares, sizes = shares_of(rates), [s.batch for s in streams]
    servers, service = result.station.servers, result.station.service
    # In overload all is endless, whatever is found.
    load = np.minimum(np.asarray(result.utilization, dtype=float), 1 - 1e-9)
    found = _found(load, servers, list(zip(shares, sizes, strict=True)), scv)
    often = np.asarray(erlang_c(servers=servers, offered_load=load * servers))
    plain = often / (np.asarray(servers) * (1 - load))
    with np.errstate(divide="ignore", invalid="ignore"):
        chain = np.where(plain > 0, found.wait / plain / wait_factor(scv, load, 1.0), 1.0)
        likely = np.where(often > 0, found.free[0] / often, 1.0)
    assert result.wait is not None
    with np.errstate(invalid="ignore"):
        mean = np.where(np.asarray(result.waiting_time) > 0, factor * chain, 0.0)
        mean = mean * result.waiting_time
    first = _first(result, shares, sizes, found.free[0], mean, factor * chain, likely)
    return AtOnce(first, found.free, service, servers)


def _found(load: Any, servers: Any, batches: list[tuple[Any, int]], scv: Any) -> Found:
    """Return what batches find, of which all requests have this index."""
    size = 1 / sum(share / size for share, size in batches)
    index = sum(share * size for share, size in batches)
    between = np.maximum((scv - (index - size)) / size, 0.0)
    random = found_by_batches(load, servers, batches)
    varied = (np.abs(between - 1) > 1e-9) & (load > 0)
    if not np.any(varied):
        return random
    # Cells without a number stay as they are.
    found = found_by_renewals(load, servers, batches, np.where(varied, between, np.nan))
    known = ~np.isnan(found.wait)
    free = np.where(known, found.free, random.free)
    return Found(free, np.where(known, found.wait, random.wait)[()])


def wait_of_any(met: AtOnce, streams: Sequence[Stream], rates: Sequence[Any]) -> Distribution:
    """Return the wait of any request of these streams."""
    later = tuple(met.waiting(s.batch) for s in streams)
    return Sum((met.first, measure(shares_of(rates), later)))


def _first(
    result: StationResult,
    shares: Sequence[Any],
    sizes: Sequence[int],
    probability: Any,
    mean: Any,
    factor: Any,
    likely: Any,
) -> Distribution:
    """Return the wait of the first of a batch, of this mean and probability."""
    service, wait, servers = result.station.service, result.wait, result.station.servers
    assert wait is not None
    alike = np.equal(servers, 1) | np.less_equal(service.scv, 1)
    if not np.any(alike):
        return disturbed(wait, factor, likely)
    batches = [share / size for share, size in zip(shares, sizes, strict=True)]
    total: Any = sum(batches)
    works = tuple(_work(service, servers, size) for size in sizes)
    work = works[0] if len(works) == 1 else measure(tuple(b / total for b in batches), works)
    kind = ConstantServiceWait if isinstance(work, Deterministic) else MG1Wait
    row = kind(result.arrival_rate * total, work)
    with np.errstate(divide="ignore", invalid="ignore"):
        rarer = np.asarray(probability) / (1 - np.asarray(row.atom))
        rarer = np.where(np.isfinite(rarer), np.clip(rarer, 1e-300, 1.0), 1.0)
        longer = np.asarray(mean) / np.asarray(row.mean)
        longer = np.where(np.isfinite(longer) & (longer > 0), longer, 1.0)
    found = shortened(row, longer[()], rarer[()])
    if np.all(alike):
        return found
    return measure((alike * 1.0, 1.0 - alike), (found, disturbed(wait, factor, likely)))


def _work(service: Distribution, servers: Any, size: int) -> Distribution:
    """Return the work of a batch for all servers together."""
    if isinstance(service, Deterministic):
        return Deterministic(size * service.mean / servers)
    return Repeated(Scaled(service, 1 / np.asarray(servers, dtype=float)[()]), size)
