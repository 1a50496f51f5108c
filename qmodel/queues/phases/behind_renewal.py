r"""Service by phases behind arrivals that are not Poisson.

Times between arrivals that have a few phases, or a light tail, are what they are
(`qmodel.queues.phases.queue`, `qmodel.queues.phases.renewal`). Others, lognormal ones for
instance, are imitated: by phases that are fitted to their residual, or where these are bad by a
gamma distribution. Service is imitated by the best fit of as many phases as the number of
servers allows; where it is bad, or varies more than the service does, the waits are left to
`qmodel.queues.ggc`.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from qmodel.distributions import Distribution, Gamma, Scaled
from qmodel.distributions.erlang_fits import FittedPhases
from qmodel.distributions.fit_phases import fit_body, fit_phases
from qmodel.distributions.phase_type import PhaseType, phases_of
from qmodel.queues.phases.busy_servers import states
from qmodel.queues.phases.grounds import BEHIND_RENEWAL
from qmodel.queues.phases.imitated import GOOD_FIT, Imitation, of_mean_one, of_phases
from qmodel.queues.phases.renewal import feasible
from qmodel.queues.phases.tables import PhaseQueue, by_phases

__all__ = ["behind_renewal", "gaps_by_phases"]

_STATES = 170  # of busy servers
# By their number: phases of body and branches.
_FITS = {2: ((1, 1),), 3: ((1, 2),), 4: ((2, 2), (3, 1)), 10: ((6, 4), (9, 1))}
_MIXED = (4, 10)  # phases of Erlang distributions of one rate, where service varies little
_FEW = 4  # phases between arrivals that are kept
_FASTEST = 300.0  # rate of a phase, times the mean: more takes too many steps
_MOST_SERVERS = 8  # whose shortest residual service a fit is weighted for
_CLOSE, _VARIES = 0.045, 1.05  # error, and SCV over that of service, of a fit that is used
_EXCELLENT = 0.003  # error up to which the fewest phases are taken
_GOOD_GAPS = 0.02  # error of the fit of times between arrivals that few phases replace
_HEAVY_GAPS = 0.1  # the same, where nothing else is known


def gaps_by_phases(interarrival: Distribution) -> tuple[Distribution, bool]:
    """Return the shape of times between arrivals that are solved, of mean 1.

    Parameters
    ----------
    interarrival : Distribution
        Shape of the distribution of the interarrival times; its parameters are numbers. [-]

    Returns
    -------
    tuple of (Distribution, bool)
        The times of mean 1, and whether they are not an imitation. [-]

    Examples
    --------
    >>> from qmodel.distributions import LogNormal, Uniform
    >>> gaps_by_phases(Uniform(0.0, 2.0))[1], gaps_by_phases(LogNormal(1.0, 0.5))[1]
    (True, False)
    """
    phases, mean = phases_of(interarrival), float(interarrival.mean)
    if phases is not None and phases.initial.size <= _FEW:
        return PhaseType(phases.initial, phases.generator * float(phases.mean)), True
    if float(interarrival.exponential_limit) > 0:
        return Scaled(interarrival, 1 / mean), True
    scv = float(interarrival.scv)
    if not np.isfinite(scv):
        return Scaled(interarrival, 1 / mean), True
    fitted = fit_phases(interarrival, _FEW)
    if scv < 1 and fitted.error > _HEAVY_GAPS:
        return Gamma(1.0, scv), False
    return of_mean_one(fitted, mean), False


def behind_renewal(
    distribution: Distribution, servers: int, interarrival: Distribution
) -> Imitation | None:
    """Return how service behind such arrivals is solved by phases, or None if it is not.

    Parameters
    ----------
    distribution : Distribution
        Distribution of the service time; its parameters are numbers. [-]
    servers : int
        Number of servers, >= 1. [-]
    interarrival : Distribution
        Shape of the distribution of the interarrival times, of mean 1: `gaps_by_phases`. [-]

    Returns
    -------
    Imitation or None
        How. [-]

    Examples
    --------
    >>> import qmodel as qm
    >>> services = qm.Erlang(1.0, 2), qm.LogNormal(1.0, 4.0)
    >>> [behind_renewal(service, 4, qm.Uniform(0.5, 1.5)).grounds for service in services]
    [(), ('renewal-phases',)]
    >>> behind_renewal(qm.Uniform(0.9, 1.1), 4, qm.Uniform(0.5, 1.5)) is None
    True
    """
    mean, scv = float(distribution.mean), float(distribution.scv)
    if not np.isfinite(scv * mean):
        return None
    exact = phases_of(distribution)
    if exact is not None:
        unit = PhaseType(exact.initial, exact.generator * mean)
        queue = PhaseQueue(unit, True, servers, interarrival)
        if _is_direct(queue):
            return Imitation(partial(of_phases, queue), True, ())
    gaps = _few_phases(interarrival)
    found: list[tuple[float, PhaseQueue]] = []
    for size in sorted(_FITS):
        for fitted in _fits(distribution, size, servers):
            queue = PhaseQueue(of_mean_one(fitted, mean), False, servers, gaps)
            close = fitted.error < _CLOSE and float(fitted.distribution.scv) < _VARIES * scv
            if close and _is_direct(queue):
                found.append((fitted.error, queue))
        if any(error <= _EXCELLENT for error, _ in found):
            break
    if not found:
        return None
    limit = max(1.25 * min(error for error, _ in found), _EXCELLENT)
    good = [each for each in found if each[0] <= limit]
    _, queue = min(good, key=lambda each: (each[1].service.initial.size, each[0]))
    return Imitation(partial(of_phases, queue), True, (), grounds=(BEHIND_RENEWAL,))


def _is_direct(queue: PhaseQueue) -> bool:
    """Return whether a queue has few enough states."""
    size = queue.service.initial.size
    return states(queue.servers, size) <= _STATES and (
        by_phases(queue)
        or (
            feasible(queue.interarrival, queue.servers, size)
            and (queue.exact or _fastest(queue.service) < _FASTEST)
        )
    )


def _few_phases(interarrival: Distribution) -> Distribution:
    """Return times between arrivals as few phases where these imitate them well."""
    phases = phases_of(interarrival)
    if phases is not None and phases.initial.size <= _FEW:
        return interarrival
    fitted = fit_phases(interarrival, _FEW)
    return of_mean_one(fitted, 1.0) if fitted.error < _GOOD_GAPS else interarrival


def _fits(distribution: Distribution, size: int, servers: int) -> list[FittedPhases]:
    """Return fits of service with so many phases."""
    n, few = min(servers, _MOST_SERVERS), states(servers, size) <= _STATES
    fits = [fit_body(distribution, *each, servers=n) for each in _FITS[size] if few]
    if size in _MIXED and float(distribution.scv) < 1:
        mixed = fit_phases(distribution, size)  # It may do with fewer.
        fits += [mixed] if mixed.error < GOOD_FIT else []
    return fits


def _fastest(service: PhaseType) -> float:
    return float(-service.generator.min() * service.mean)
