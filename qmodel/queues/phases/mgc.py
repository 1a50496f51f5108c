r"""The waits of M/G/c by phases: exactly, by phases fitted to service, or blended.

Each cell is solved in one of these ways.

* **Exactly**, where service is of phase type and c servers have few enough states.
* **Fitted**: other service is imitated by a phase-type distribution of its residual
  (`qmodel.distributions.fit_phases`) and that is solved exactly, to 8 servers.
* **Fitted to fewer servers**: where few phases miss the residual, as of Pareto service, what
  more phases change on 2 and 4 servers is added (`qmodel.queues.phases.refined`).
* **Two kinds**: where a few requests take much longer than the others, and none much longer
  than those, from few phases of both kinds, to 16 servers (`qmodel.queues.phases.two_kinds`).
* **From fewer servers**: at a fixed :math:`\beta = (1 - \rho) \sqrt c` the probability of
  waiting over Erlang's C, and the tail of the wait in units of :math:`S / (c - a)`, are nearly
  free of c and smooth in :math:`1 / \sqrt c` (Halfin and Whitt [1]_). They are extrapolated
  from three smaller systems by a parabola: from 4, 6 and 8 servers to 16 or 64 within 0.5 %.

Where fewer than one request in 1e14 waits, which no digit of a response shows, those wait as in
M/M/c. Cells that differ only in their load share tables (`qmodel.queues.phases.tables`). Times
between arrivals of phase type (`qmodel.queues.ggc`) are solved in the first two ways.

Below an SCV of 1 a distribution without a good fit is left to `qmodel.queues.mgc`.

References
----------
.. [1] S. Halfin, W. Whitt, "Heavy-traffic limits for queues with many exponential servers",
   Operations Research 29, 1981.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from qmodel._typing import Count, Value
from qmodel.basis import APPROXIMATE, ASYMPTOTIC, Assumption
from qmodel.distributions import Distribution
from qmodel.distributions.fit_phases import fit_phases
from qmodel.distributions.phase_type import PhaseType, phases_of
from qmodel.distributions.shapes import shapes
from qmodel.queues.approximations.mgc_errors import WORST
from qmodel.queues.counts.erlang import erlang_c
from qmodel.queues.counts.server_states import ServerStates
from qmodel.queues.phases.busy_servers import states
from qmodel.queues.phases.refined import Refined, refined
from qmodel.queues.phases.renewal import feasible
from qmodel.queues.phases.tables import Blend, PhaseQueue, beside, blended
from qmodel.queues.phases.tables import solved as solve_at
from qmodel.queues.phases.two_kinds import MOST_SERVERS, TwoKinds, of_two_kinds, two_kinds
from qmodel.queues.phases.wait import POISSON, PhaseNumber, PhaseWait, Tails

__all__ = [
    "FITTED_PHASES",
    "FROM_FEWER_SERVERS",
    "TWO_KINDS",
    "PhaseCells",
    "phase_cells",
]


def _measured(name: str) -> str:
    names = {
        "mean": "mean wait",
        "p50": "its p50",
        "p95": "its p95",
        "p99": "its p99",
        "response_p99": "response p99",
    }
    errors = WORST[name]
    return ", ".join(f"{text} {errors[q]} %" for q, text in names.items() if q in errors)


FITTED_PHASES = Assumption(
    "fitted-phases",
    "service is imitated by phases that are fitted to its residual; measured errors of "
    f"lognormal and gamma service with an SCV up to 4: {_measured('SCV up to 4')}; "
    f"at an SCV of 9: {_measured('SCV 9')}; "
    "of Pareto service of shapes 1.4 to 2.5, bounded at 300 to 10,000 times its least: "
    f"{_measured('bounded Pareto')}; where hardly more requests wait than a percentile of the "
    "wait leaves, it may be further off",
    "Feldmann and Whitt 1998; Asmussen and Møller 2001",
    APPROXIMATE,
)
TWO_KINDS = Assumption(
    "two-kinds-of-request",
    "service is that of two kinds of request, of which the rare one takes much longer, and is "
    "extrapolated from few phases of each; measured errors of service that takes one of two "
    f"times, and of two lognormal kinds: {_measured('two kinds')}; where just so many wait for "
    "the long kind, a percentile jumps from the one to the other, and may be further off",
    "Asmussen and Møller 2001; our own",
    APPROXIMATE,
)
FROM_FEWER_SERVERS = Assumption(
    "from-fewer-servers",
    "the wait is extrapolated from that of fewer servers with the same spare servers per root "
    "of the servers; within 1 %",
    "Halfin and Whitt 1981",
    ASYMPTOTIC,
)

_STATES = 170  # of busy servers, in an exact solution
_FITTED = 8  # servers up to which a fitted distribution is solved
_GOOD_FIT = 0.05  # the error up to which a fit below an SCV of 1 is used
_MISSED = {True: 0.05, False: 0.15}  # that of a fit that is refined: SCV from 1, and below
_BAD_FIT = 0.1  # the error of a fit from which on service is taken as of two kinds
_RARE, _ALIKE = 10.0, 0.9  # how much longer, and how nearly alike, those are taken so anyway
_FEW_KINDS = (8, 12, 16)
_FEWER = {2: (16, 24, 32)}
_FEW_PHASES = (4, 6, 8)
_NOBODY = 1e-14  # a probability of waiting at which any wait will do: that of M/M/c
_ARRIVALS = 240  # states of arrivals and servers, where interarrival times have phases


class PhaseCells(NamedTuple):
    """What is known by phases in each cell, flat.

    Parameters
    ----------
    solved : bool array
        Where the wait is known by phases. [-]
    exact : bool array
        Where service is of phase type itself. [-]
    two : bool array
        Where it is taken as that of two kinds of request. [-]
    scaled : bool array
        Where the wait comes from fewer servers. [-]
    ratio : array
        Probability of waiting over Erlang's C. [-]
    tails : Tails
        Tails of the waits, in units of S / (c - a). [-]
    levels : array of shape (cells, servers)
        Ratios of the probabilities of fewer requests than servers to those of M/M/c; NaN
        where the wait comes from fewer servers. [-]
    """

    solved: np.ndarray
    exact: np.ndarray
    two: np.ndarray
    scaled: np.ndarray
    ratio: np.ndarray
    tails: Tails
    levels: np.ndarray

    def grounds(self) -> tuple[Assumption, ...]:
        """Return what the waits rest on, beside the model."""
        fitted = self.solved & ~self.exact
        found = [(FITTED_PHASES, fitted & ~self.two), (TWO_KINDS, self.two)]
        found.append((FROM_FEWER_SERVERS, self.scaled))
        return tuple(ground for ground, where in found if where.any())

    def distributions(
        self,
        rate: Value,
        service_time: Value,
        servers: Count,
        spare: Any,
        shape: tuple[int, ...],
        interarrival: Distribution = POISSON,
    ) -> tuple[PhaseWait, PhaseNumber]:
        """Return the distributions of the wait and of the number, in cells of this shape."""
        over, markov = spare <= 0, ServerStates(rate * service_time, servers, spare)
        with np.errstate(invalid="ignore", divide="ignore"):
            blocked = erlang_c(servers=servers, offered_load=markov.offered_load)
            probability = self.ratio.reshape(shape) * blocked
            probability = np.where(over, 1.0, np.minimum(probability, 1.0))[()]
            unit = np.where(np.isnan(spare), np.nan, service_time / spare)
            unit = np.where(over, np.inf, unit)[()]
        cell = np.arange(self.ratio.size).reshape(shape)[()]
        wait = PhaseWait(probability, unit, cell, self.tails)
        return wait, PhaseNumber(rate, markov, wait, self.levels, interarrival)


def phase_cells(
    service: Distribution,
    servers: np.ndarray,
    load: np.ndarray,
    shape: tuple[int, ...],
    interarrival: Distribution = POISSON,
) -> PhaseCells:
    """Return the waits of M/G/c by phases, or of PH/G/c.

    Parameters
    ----------
    service : Distribution
        Distribution of the service time. [-]
    servers : int array of shape (cells,)
        Number of servers, >= 1. [-]
    load : array of shape (cells,)
        Utilization, above 0 and below 1. [-]
    shape : tuple of int
        The shape of the cells, which the parameters of `service` broadcast to. [-]
    interarrival : Distribution, default Exponential(1.0)
        Shape of the distribution of the interarrival times, of phase type. [-]

    Returns
    -------
    PhaseCells
        How each cell is solved, and what comes out. [-]

    Examples
    --------
    >>> from qmodel.distributions import LogNormal
    >>> c, load = np.array([4, 4]), np.array([0.5, 0.8])
    >>> found = phase_cells(LogNormal(1.0, 4.0), c, load, (2,))
    >>> probability = found.ratio * erlang_c(servers=c, offered_load=c * load)
    >>> found.exact.tolist(), probability.round(4)
    ([False, False], array([0.1804, 0.6086]))
    """
    cells = load.size
    solved, exact, two, scaled = (np.zeros(cells, dtype=bool) for _ in range(4))
    ratio, blends = np.ones(cells), []
    for distribution, of_distribution in shapes(service, shape, cells):
        for c in np.unique(servers[of_distribution]):
            here = of_distribution[servers[of_distribution] == c]
            finer = _finer(distribution, interarrival) if c > 1 else None
            kinds = _kinds(distribution, interarrival) if c > 1 and not finer else None
            queue = finer.queue(int(c)) if finer else None
            if finer is None and kinds is None:
                queue = _queue(distribution, int(c), interarrival)
            if kinds is not None:
                direct, fewer = bool(c <= MOST_SERVERS), _FEW_KINDS
                waits: _Waits = partial(of_two_kinds, kinds)
            elif queue is not None:
                direct = _is_direct(queue)
                fewer = _FEWER.get(queue.service.initial.size, _FEW_PHASES)
                waits = partial(finer.waits if finer else _of_phases, queue)
            else:
                continue
            solved[here], scaled[here], two[here] = True, not direct, kinds is not None
            exact[here] = queue is not None and queue.exact
            some = here[_some_wait(int(c), load[here], interarrival)]
            if some.size < here.size:
                none = np.setdiff1d(here, some)
                blends.append((none, _markov(none.size, int(c), direct)))
            if some.size:
                blend = (
                    waits(int(c), load[some])
                    if direct
                    else _from_fewer(waits, fewer, int(c), load[some])
                )
                if finer is not None:
                    blend = finer.added(blend, int(c), load[some])
                ratio[some] = blend.ratio
                blends.append((some, blend))
    return PhaseCells(solved, exact, two, scaled, ratio, *_joined(blends, cells))


_Waits = Callable[[int, np.ndarray], Blend]
"""The waits at each load, of so many servers."""


def _some_wait(servers: int, load: np.ndarray, interarrival: Distribution) -> Any:
    """Return where so many wait that a response of floats can tell."""
    if interarrival is not POISSON:
        return np.ones(load.size, dtype=bool)
    return ~(erlang_c(servers=servers, offered_load=servers * load) < _NOBODY)


def _markov(cells: int, servers: int, direct: bool) -> Blend:
    """Return the waits of M/M/c."""
    one = np.ones((cells, 1))
    levels = np.ones((cells, servers)) if direct else np.full((cells, 1), np.nan)
    return Blend(one[:, 0], Tails.own(one, one, one[:, 0]), levels)


def _of_phases(queue: PhaseQueue, servers: int, load: np.ndarray) -> Blend:
    return solve_at(queue._replace(servers=servers), load)


def _kinds(distribution: Distribution, interarrival: Distribution) -> TwoKinds | None:
    """Return the kinds of request of which service is, where phases imitate it badly."""
    other = interarrival is not POISSON or phases_of(distribution) is not None
    if other or not 1 < float(distribution.scv) < np.inf:
        return None
    kinds = two_kinds(distribution)
    if kinds is None:
        return None
    rare = kinds.means[1] > _RARE * kinds.means[0] and sum(kinds.scvs) < _ALIKE
    return kinds if rare or fit_phases(distribution, 4).error > _BAD_FIT else None


def _finer(distribution: Distribution, interarrival: Distribution) -> Refined | None:
    """Return the fits of service that few phases imitate badly, and more phases well."""
    scv, other = float(distribution.scv), phases_of(distribution) is not None
    if interarrival is not POISSON or other or not np.isfinite(scv * float(distribution.mean)):
        return None
    missed = fit_phases(distribution, 4).error > _MISSED[scv >= 1]
    return refined(distribution) if missed else None


def _queue(
    distribution: Distribution, servers: int, interarrival: Distribution
) -> PhaseQueue | None:
    """Return the queue by phases, or None where service is imitated too badly."""
    scv, mean = float(distribution.scv), float(distribution.mean)
    if not np.isfinite(scv * mean):
        return None
    most = 8 if servers <= 2 else 6 if servers <= 4 else 4
    exact = phases_of(distribution)
    if exact is not None:
        unit = PhaseType(exact.initial, exact.generator * mean)
        queue = PhaseQueue(unit, True, servers, interarrival)
        if _is_direct(queue) or (interarrival is POISSON and _is_direct(_fewest(queue))):
            return queue
    while most >= 3:
        fitted = fit_phases(distribution, most)
        if scv < 1 and fitted.error > _GOOD_FIT:
            return None
        unit = PhaseType(fitted.distribution.initial, fitted.distribution.generator * mean)
        queue = PhaseQueue(unit, False, servers, interarrival)
        if interarrival is POISSON or _is_direct(queue):
            return queue
        most = min(most, unit.initial.size) - 1
    return None


def _fewest(queue: PhaseQueue) -> PhaseQueue:
    """Return the greatest of the smaller systems from which many servers are extrapolated."""
    size = queue.service.initial.size
    return queue._replace(servers=_FEWER.get(size, _FEW_PHASES)[-1])


def _is_direct(queue: PhaseQueue) -> bool:
    """Return whether the queue is solved as it is."""
    if not queue.exact and queue.servers > _FITTED and queue.interarrival is POISSON:
        return False
    size = states(queue.servers, queue.service.initial.size)
    if queue.interarrival is POISSON:
        return size <= _STATES
    shape = phases_of(queue.interarrival)
    if shape is None:
        return feasible(queue.interarrival, queue.servers, queue.service.initial.size)
    return bool(size * shape.initial.size <= _ARRIVALS)


def _from_fewer(waits: _Waits, fewer: tuple[int, ...], servers: int, load: np.ndarray) -> Blend:
    """Return the waits by extrapolation from three systems with fewer servers."""
    roots = np.array([1 / np.sqrt(c) for c in fewer])
    ratio, means, tails = np.zeros(load.size), np.zeros(load.size), []
    for i, c in enumerate(fewer):
        others = np.delete(roots, i)
        weight = np.prod((1 / np.sqrt(servers) - others) / (roots[i] - others))
        # A load that fewer servers cannot have is low enough for hardly a wait.
        like = np.maximum(1 - (1 - load) * np.sqrt(servers / c), 0.02)
        blend = waits(c, like)
        ratio = ratio + weight * blend.ratio
        means = means + weight * blend.tails.means
        tails.append(blend.tails._replace(blend=weight * blend.tails.blend))
    probability = erlang_c(servers=servers, offered_load=servers * load)
    with np.errstate(divide="ignore"):
        ratio = np.clip(ratio, 0.0, np.where(probability > 0, 1 / probability, 1.0))
    return Blend(ratio, blended(tails, means), np.full((load.size, 1), np.nan))


def _joined(blends: list[tuple[np.ndarray, Blend]], cells: int) -> tuple[Tails, np.ndarray]:
    """Return the tails and levels of all cells from those of some cells each."""
    if not blends:
        return Tails.own(np.ones((cells, 1)), np.ones((cells, 1)), np.ones(cells)), np.full(
            (cells, 1), np.nan
        )
    tails = beside([(here, b.tails) for here, b in blends], cells)
    levels = np.full((cells, max(b.levels.shape[1] for _, b in blends)), np.nan)
    for here, b in blends:
        levels[here, : b.levels.shape[1]] = b.levels
    return tails, levels
