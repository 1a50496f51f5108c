r"""The wait at one of the replicas that a balancer chooses among, with general service.

Of the states :math:`x_k` of `qmodel.balancing.replica_queue` a request that finds k waits for
the rest of the service in progress and k - c others,

.. math::

    E[e^{-s T_q}] = 1 - u_0 + \sum_{k \ge c} \frac{\lambda_k}{\lambda} \,
    x_k (s I - T)^{-1} t \; B(s)^{k-c}, \qquad B(s) = \alpha (s I - T)^{-1} t ,

with t the rates at which services end, inverted at times in a geometric series, and made a sum
of exponentials there (`qmodel.queues.phases.condensed`). Service is of phase type, or imitated
by phases that are fitted to its residual (`qmodel.distributions.fit_phases`); what varies less
than few phases can is a blend with constant service, and so is its wait. Constant service has
its age for a phase, at the nodes of Radau's rule, between which the states are polynomials; its
tail is summed as it is. On several workers what varies less than phases can is extrapolated in
the SCV, from two Erlang distributions.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np

from qmodel._values import remembered
from qmodel.balancing.replica_queue import Phases, Policy, Replica, solved
from qmodel.distributions import Distribution, Exponential
from qmodel.distributions.few_phases import erlangs
from qmodel.distributions.fit_phases import fit_beside_constant, fit_phases
from qmodel.distributions.phase_type import PhaseType, phases_of
from qmodel.distributions.residual import residual
from qmodel.distributions.shapes import shapes
from qmodel.numerics.inversion import EULER
from qmodel.queues.phases.imitated import GOOD_FIT
from qmodel.queues.phases.shared_rates import shared_rates
from qmodel.queues.phases.tables import beside
from qmodel.queues.phases.wait import Tails

__all__ = ["tails_of_waits"]

_PHASES = 8  # of a fit
_BESIDE = 10  # beside constant service
_EXPONENTIALS, _UNUSED = 8, 1e-9  # of the shortest residual service, and a weight
_SPAN = 1e-4, 30.0, 240  # times at which they are fitted
_TOGETHER = 0.6  # fitted, see `qmodel.balancing.replica_queue`
_CONSTANT = 1e-9  # an SCV of rounding
_NODES = 8  # of the age of a constant service
_VALUES = 1 << 19  # of transforms at a time


class Service(NamedTuple):
    """Service of a full replica.

    Parameters
    ----------
    parts : tuple of (float, Phases)
        Phases and their share in the wait. [-]
    unlike : float
        How far the residual service is from exponential, from 0 to 1. [-]
    """

    parts: tuple[tuple[float, Phases], ...]
    unlike: float


def tails_of_waits(
    service: Distribution,
    *,
    workers: np.ndarray,
    load: np.ndarray,
    full: np.ndarray,
    levels: np.ndarray,
    ratio: np.ndarray,
    replicas: np.ndarray,
    choices: np.ndarray,
    shape: tuple[int, ...],
) -> Tails:
    """Return the tails of the waits of those that wait, in means of a service.

    Parameters
    ----------
    service : Distribution
        Distribution of the service time. [-]
    workers : int array of shape (cells,)
        Workers of a replica. [-]
    load : array of shape (cells,)
        Utilization, above 0 and below 1. [-]
    full : array of shape (cells,)
        Probability that all workers of a replica are busy. [-]
    levels : array of shape (levels, cells)
        Probability to find c, c + 1, ... requests or more. [-]
    ratio : array of shape (cells,)
        By what they fall from the last on. [-]
    replicas : array of shape (cells,)
        Number of replicas. [-]
    choices : array of shape (cells,)
        Among how many of them a request chooses by their numbers. [-]
    shape : tuple of int
        The shape of the cells, which the parameters of `service` broadcast to. [-]

    Returns
    -------
    Tails
        The tails, one table a cell. [-]
    """
    found = []
    for distribution, of_distribution in shapes(service, shape, load.size):
        for c in map(int, np.unique(workers[of_distribution])):
            here = of_distribution[workers[of_distribution] == c]
            of, d = served(distribution, c), choices[here]
            spare = (replicas[here] - 1) * (1 - load[here]) ** 2
            others = _TOGETHER * np.maximum(d - 1, 1)
            policy = Policy.of_levels(
                load[here],
                full[here],
                levels[:, here],
                ratio[here],
                choices=d,
                weight=of.unlike * spare / (spare + others),
            )
            found.append((here, _tails(of, c, load[here], policy)))
    return beside(found, load.size)


@remembered
def served(distribution: Distribution, workers: int) -> Service:
    """Return the service of a full replica by phases, in means of a service."""
    mean, scv = float(distribution.mean), float(distribution.scv)
    if not np.isfinite(mean * scv) or mean <= 0:
        distribution, mean, scv = Exponential(1.0), 1.0, 1.0  # for cells that have no wait
    varied = float(residual(distribution).scv)
    unlike = abs(varied - 1) / (varied + 1) if np.isfinite(varied) else 1.0
    service = _fitted(distribution, workers)
    return Service(tuple((share, _full(part, workers)) for share, part in service), unlike)


def _fitted(service: Distribution, workers: int) -> list[tuple[float, PhaseType | None]]:
    """Return the phases of service, and None for constant service, with their shares."""
    exact, scv = phases_of(service), float(service.scv)
    if exact is not None:
        return [(1.0, exact)]
    fitted = fit_phases(service, _PHASES) if scv > _CONSTANT else None
    if fitted is not None and (fitted.error <= GOOD_FIT or scv >= 1):
        return [(1.0, fitted.distribution)]
    if workers == 1 and scv <= _CONSTANT:
        return [(1.0, None)]
    if workers == 1:
        fitted = fit_beside_constant(service, _BESIDE, 1)
        return [(fitted.share, fitted.distribution), (1 - fitted.share, None)]
    # As linear in the SCV as the wait nearly is, also where it is less than phases can have.
    few, fewer = (erlangs(max(scv, 1 / n), n) for n in (_BESIDE, _BESIDE // 2))
    less = max(2 - scv * _BESIDE, 1.0)
    return [(less, PhaseType(*few)), *([(1 - less, PhaseType(*fewer))] if less > 1 else ())]


def _full(service: PhaseType | None, workers: int) -> Phases:
    """Return the phases of what a full replica serves, in means of a service."""
    if service is None:
        return _age()
    initial, generator = service.initial, service.generator * float(service.mean)
    often, rates = _shortest(service, workers) if workers > 1 else (np.zeros(0), np.zeros(0))
    none = np.zeros((often.size, initial.size))
    blocks = np.block([[-np.diag(rates), none], [none.T, generator]])
    return Phases(
        np.concatenate([often, (1 - often.sum()) * initial]),
        np.concatenate([0 * often, initial]),
        workers * blocks,
        np.ones(len(blocks)),
    )


def _shortest(service: PhaseType, workers: int) -> tuple[np.ndarray, np.ndarray]:
    """Return exponentials of the service that makes a replica full, and their rates.

    It is the shortest of a service and the residuals of others, whose tail is the slope of that
    of the residual to the power of the workers: its mean is that of one over the workers.
    Services that vary less come more evenly: it varies half as much more than they do, by one
    exponential instead of some of them.
    """
    from scipy.optimize import nnls

    mean, scv = float(service.mean), float(service.scv)
    times, whole, rest = _tails_of(service)
    if scv < 1:
        power = np.append(1.0, rest) ** workers
        varied = 2 * workers * float(np.trapezoid(power, np.append(0.0, times))) - 1
        return np.array([np.clip((varied - scv) / (1 - scv) / 2, 0.0, 1.0)]), np.ones(1)
    ends = -service.generator.diagonal() * mean
    rates = np.geomspace(ends.min(), ends.max(), _EXPONENTIALS)
    falling = np.exp(-workers * rates * times[:, None])
    area = np.sqrt(times)  # along the logarithm of the times
    often, _ = nnls(area[:, None] * falling, area * whole * rest ** (workers - 1))
    used = often > _UNUSED * often.sum()
    often, rates = often[used] / often[used].sum(), rates[used]
    return often, rates * (often @ (1 / rates))


@remembered
def _tails_of(service: PhaseType) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return times, in means, and there the tails of a service and of its residual."""
    left = np.linalg.solve(-service.generator.T, service.initial)
    rest = PhaseType(left / left.sum(), service.generator)
    times = np.geomspace(*_SPAN)
    whole, after = (np.asarray(x.tail(times * float(service.mean))) for x in (service, rest))
    return times, whole, after


def _tails(service: Service, workers: int, load: np.ndarray, policy: Policy) -> Tails:
    parts = [(w, phases, solved(phases, workers * load, policy)) for w, phases in service.parts]
    slowest = np.min([replica.decay for _, _, replica in parts], axis=0)
    # Cells that last as long have the same times: none is looked at as another one asks for.
    spans = np.floor(np.log2(np.clip(slowest, 1e-12, 1.0)))
    found = []
    for span in np.unique(spans):
        cells = np.flatnonzero(spans == span)
        here = [(w, phases, replica.of(cells)) for w, phases, replica in parts]
        found.append((cells, _tails_within(here, float(2.0**span))))
    return beside(found, load.size)


def _tails_within(parts: list[tuple[float, Phases, Replica]], slowest: float) -> Tails:
    """Return the tails of cells that fall by such a rate at least, in means of a service."""
    grid = shared_rates(slowest)
    means: Any = sum(w * replica.waiting / replica.joined for w, _, replica in parts)
    values: Any = sum(
        w * (_constant_tail if phases.is_age else _phases_tail)(replica, phases, grid.times)
        for w, phases, replica in parts
    )
    return grid.tails(np.clip(values, 0.0, 1.0), means)


def _phases_tail(replica: Replica, phases: Phases, times: np.ndarray) -> np.ndarray:
    """Return the tail of the wait, given a wait, in all cells."""
    # Behind many others the transform has poles of high order: to the right of them all.
    s = np.divide.outer(EULER.points, times[1:]).ravel()
    ends = -phases.generator @ phases.weights
    matrix = s[:, None, None] * np.eye(ends.size) - phases.generator
    columns = np.broadcast_to(ends[:, None], (s.size, ends.size, 1))
    left = np.linalg.solve(matrix, columns)[..., 0].T
    step, cells = max(1, _VALUES // s.size), replica.rate.size
    rest = [
        1
        - _transform(part := replica.of(np.arange(i, min(i + step, cells))), phases, left)
        / part.joined[:, None]
        for i in range(0, cells, step)
    ]
    values = np.concatenate(rest).reshape(cells, EULER.points.size, -1)
    tail = np.einsum("p,npt->nt", EULER.tail_weights, values).real
    return np.concatenate([np.ones((cells, 1)), tail], axis=1)


def _transform(replica: Replica, phases: Phases, left: np.ndarray) -> np.ndarray:
    """Return the rate of those that wait, times the transform of their wait."""
    service, ends = phases.initial @ left, replica.vectors @ left
    ratios, last = replica.ratios[..., None], (replica.rate[:, None] * replica.last)[..., None]
    total = (last * ends / (1 - ratios * service)).sum(axis=1)
    for rate, state in zip(replica.rates[::-1], replica.states[::-1], strict=True):
        total = (rate[:, None] * state) @ left + service * total
    return np.asarray(total)


@cache
def _age() -> Phases:
    """Return constant service by the nodes of its age."""
    inverse = np.linalg.inv(_up_to(_nodes()))
    start = inverse.sum(axis=1)
    return Phases(start, start, -inverse.T, _up_to(np.ones(1))[0], True)


@cache
def _nodes() -> np.ndarray:
    """Return the nodes of Radau's rule on 0 to 1, of which the last is the end."""
    ends = np.eye(_NODES + 1)[-1] - np.eye(_NODES + 1)[-2]
    # They are real; of NumPy 2.5 and later they come as complex numbers.
    return np.asarray((1 + np.polynomial.legendre.legroots(ends).real) / 2)


def _up_to(age: np.ndarray) -> np.ndarray:
    """Return the integrals of what is known at the nodes from 0 on, one row an age."""
    legendre = np.polynomial.legendre
    series = np.linalg.inv(legendre.legvander(2 * _nodes() - 1, _NODES - 1))
    at = legendre.legvander(2 * age - 1, _NODES)
    return np.asarray(at @ legendre.legint(series, lbnd=-1) / 2)


def _constant_tail(replica: Replica, phases: Phases, times: np.ndarray) -> np.ndarray:
    """Return the tail of the wait, given a wait, in all cells."""
    behind, rest = np.divmod(times, 1.0)
    levels, last = len(replica.states), replica.last * replica.rate[:, None]
    flows = np.einsum("kn,knm,m->kn", replica.rates, replica.states, phases.weights)
    sums = replica.vectors @ phases.weights * replica.ratios / (1 - replica.ratios)
    total = (last * sums / replica.ratios).sum(axis=1).real
    above = np.concatenate([np.cumsum(flows[::-1], axis=0)[::-1], 0 * total[None]]) + total
    tails = []
    for k, younger in zip(behind.astype(int), _up_to(1 - rest), strict=True):
        if k < levels:
            here = replica.rates[k] * (replica.states[k] @ younger)
            tails.append(here + above[k + 1])
        else:
            parts = replica.vectors @ younger + sums
            tails.append((last * replica.ratios ** (k - levels) * parts).sum(axis=1).real)
    return np.asarray(np.transpose(tails) / replica.joined[:, None])
