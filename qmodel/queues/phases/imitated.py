r"""How service on several servers is solved by phases: exactly, or by which imitation.

* **Exactly**, where service is of phase type and c servers have few enough states.
* **Fitted**: other service is imitated by a phase-type distribution of its residual
  (`qmodel.distributions.fit_phases`) and that is solved exactly, to 8 servers.
* **Fitted to fewer servers**: where few phases miss the residual, as of Pareto service, what
  more phases change on 2 and 4 servers is added (`qmodel.queues.phases.refined`).
* **Two kinds**: where a few requests take much longer than the others, and none much longer
  than those, from few phases of both kinds, to 16 servers (`qmodel.queues.phases.two_kinds`).
* **Beside constant service**: what varies less than so few phases can, or has a least value, is
  a blend of them with constant service, and so is the wait: with the share w of the fit

  .. math:: P(T_q > t) \approx w P(T_X > t) + (1 - w) P(T_D > t) ,

  of M/PH/c and M/D/c. Both are exact; that the wait is linear in the residual service is not.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from qmodel.basis import Assumption
from qmodel.distributions import Distribution
from qmodel.distributions.erlang_fits import FittedPhases
from qmodel.distributions.fit_phases import fit_beside_constant, fit_body, fit_phases
from qmodel.distributions.phase_type import PhaseType, phases_of
from qmodel.queues.phases.busy_servers import states
from qmodel.queues.phases.condensed import condensed
from qmodel.queues.phases.grounds import BESIDE_CONSTANT, FITTED_PHASES, TWO_KINDS
from qmodel.queues.phases.refined import Refined, refined
from qmodel.queues.phases.tables import Blend, ConstantQueue, PhaseQueue, blended
from qmodel.queues.phases.tables import solved as solve_at
from qmodel.queues.phases.two_kinds import MOST_SERVERS, TwoKinds, of_two_kinds, two_kinds

__all__ = [
    "GOOD_FIT",
    "Imitation",
    "imitated",
    "of_mean_one",
    "of_phases",
]

_STATES = 170  # of busy servers, in an exact solution
_FITTED = 8  # servers up to which a fitted distribution is solved
_FEW = 4
_MOST_PHASES = {2: 8, 4: 6, 2**53: _FEW}  # of a fit, by servers
_BESIDE = {2: (10, 6), 4: (6,), 2**53: (4,)}  # the same, beside constant service
GOOD_FIT = 0.05  # the error up to which a fit is used that is not refined
_MISSED, _MISSED_BY = 0.12, 12  # error of three phases, times servers, up to which they do
_BETTER = 1.25  # times the error of four phases
_BAD_FIT = 0.1  # the error of a fit from which on service is taken as of two kinds
_RARE, _ALIKE = 10.0, 0.9  # how much longer, and how nearly alike, those are taken so anyway
_FEW_KINDS = (8, 12, 16)
_FEWER = {2: (16, 24, 32)}
_FEW_PHASES = (4, 6, 8)
_SLOWEST = 1.0  # rate of the wait behind constant service, in units of (c - a) / S


class Imitation(NamedTuple):
    """Service by phases, on so many servers and on fewer.

    Parameters
    ----------
    waits : callable
        The waits at each load, of a number of servers. [-]
    direct : bool
        Whether the servers are few enough for it. [-]
    fewer : tuple of int
        Otherwise, the servers from which the waits are extrapolated. [-]
    added : callable, optional
        What makes the waits on so many servers from those, at each load. [-]
    grounds : tuple of Assumption
        What it rests on. [-]
    """

    waits: Callable[[int, np.ndarray], Blend]
    direct: bool
    fewer: tuple[int, ...]
    added: Callable[[Blend, int, np.ndarray], Blend] | None = None
    grounds: tuple[Assumption, ...] = ()


def imitated(distribution: Distribution, servers: int) -> Imitation | None:
    """Return how service behind Poisson arrivals is solved by phases, or None if it is not.

    Parameters
    ----------
    distribution : Distribution
        Distribution of the service time; its parameters are numbers. [-]
    servers : int
        Number of servers, >= 2. [-]

    Returns
    -------
    Imitation or None
        How; None where service has no variance. [-]

    Examples
    --------
    >>> import qmodel as qm
    >>> services = qm.Erlang(1.0, 2), qm.LogNormal(1.0, 4.0), qm.Uniform(0.9, 1.1)
    >>> [imitated(service, 4).grounds for service in services]
    [(), ('fitted-phases',), ('beside-constant-service',)]
    """
    scv, mean = float(distribution.scv), float(distribution.mean)
    if not np.isfinite(scv * mean):
        return None
    exact = phases_of(distribution)
    if exact is not None:
        unit = PhaseType(exact.initial, exact.generator * mean)
        found = _by(PhaseQueue(unit, True, servers))
        if found.direct or is_direct(PhaseQueue(unit, True, found.fewer[-1])):
            return found
    else:
        if finer := _finer(distribution):
            queue = finer.queue(servers)
            return _by(queue, FITTED_PHASES)._replace(
                waits=partial(finer.waits, queue), added=finer.added
            )
        if kinds := _kinds(distribution):
            waits = partial(of_two_kinds, kinds)
            return Imitation(waits, servers <= MOST_SERVERS, _FEW_KINDS, None, (TWO_KINDS,))
    most = _sized(_MOST_PHASES, servers)
    near = most == _FEW and scv >= 1
    fitted = _near_fit(distribution, servers) if near else fit_phases(distribution, most)
    if scv < 1 and fitted.error > GOOD_FIT:
        return _beside_constant(distribution, servers)
    return _by(PhaseQueue(of_mean_one(fitted, mean), False, servers), FITTED_PHASES)


def of_mean_one(fitted: FittedPhases, mean: float) -> PhaseType:
    """Return the phases that were fitted to a time of this mean, with a mean of 1."""
    shape = fitted.distribution
    return PhaseType(shape.initial, shape.generator * mean)


def _by(queue: PhaseQueue, *grounds: Assumption) -> Imitation:
    fewer, direct = _FEWER.get(queue.service.initial.size, _FEW_PHASES), is_direct(queue)
    if queue.exact and direct:
        return Imitation(partial(of_phases, queue), True, fewer)
    # Of fewer servers it is no more exact than of fitted service.
    service = queue.service
    slowest = min(float(-service.generator.diagonal().max()), 2 / (1 + float(service.scv)))
    waits = partial(of_phases, queue._replace(exact=False, slowest=slowest))
    return Imitation(waits, direct, fewer, None, grounds)


def of_phases(queue: PhaseQueue, servers: int, load: np.ndarray) -> Blend:
    """Return the waits of the queue with another number of servers, at each load."""
    return solve_at(queue._replace(servers=servers), load)


def _sized(sizes: dict[int, Any], servers: int) -> Any:
    return next(size for most, size in sizes.items() if servers <= most)


def _kinds(distribution: Distribution) -> TwoKinds | None:
    """Return the kinds of request of which service is, where phases imitate it badly."""
    kinds = two_kinds(distribution) if float(distribution.scv) > 1 else None
    if kinds is None:
        return None
    rare = kinds.means[1] > _RARE * kinds.means[0] and sum(kinds.scvs) < _ALIKE
    return kinds if rare or fit_phases(distribution, 4).error > _BAD_FIT else None


def _finer(distribution: Distribution) -> Refined | None:
    """Return the fits of service that few phases imitate badly, and more phases well."""
    return refined(distribution) if fit_phases(distribution, 4).error > GOOD_FIT else None


def _near_fit(distribution: Distribution, servers: int) -> FittedPhases:
    """Return few phases that are best where the shortest residual service of many ends."""
    three, four = (fit_body(distribution, body, 2, _FITTED) for body in (1, 2))
    missed = three.error * min(servers, _MISSED_BY) > _MISSED
    return four if missed and three.error > _BETTER * four.error else three


def _beside_constant(distribution: Distribution, servers: int) -> Imitation:
    """Return a blend of phases with constant service."""
    fitted = min(
        (
            fit_beside_constant(distribution, n, min(servers, _FITTED))
            for n in _sized(_BESIDE, servers)
        ),
        key=lambda fit: fit.error,
    )
    unit = of_mean_one(fitted, float(distribution.mean))
    queue = PhaseQueue(unit, False, servers)
    return _by(queue, BESIDE_CONSTANT)._replace(added=partial(_with_constant, fitted.share))


def _with_constant(share: float, blend: Blend, servers: int, load: np.ndarray) -> Blend:
    """Return waits by phases, in so large a share, with those of constant service."""
    parts = (share, blend), (1 - share, condensed(ConstantQueue(servers), load, _SLOWEST))
    ratio: Any = sum(w * b.ratio for w, b in parts)
    shares = [w * b.ratio / ratio for w, b in parts]
    tails = [
        b.tails._replace(blend=x[:, None] * b.tails.blend)
        for x, (_, b) in zip(shares, parts, strict=True)
    ]
    means: Any = sum(x * b.tails.means for x, (_, b) in zip(shares, parts, strict=True))
    most = min(b.levels.shape[1] for _, b in parts)
    levels: Any = sum(w * b.levels[:, :most] for w, b in parts)
    return Blend(ratio, blended(tails, means), levels)


def is_direct(queue: PhaseQueue) -> bool:
    """Return whether a queue is solved as it is."""
    few = queue.exact or queue.servers <= _FITTED
    return few and states(queue.servers, queue.service.initial.size) <= _STATES
