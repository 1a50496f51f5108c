r"""The waits of M/G/c where few phases miss the service: what more of them change is added.

On two servers a chain with ten phases of service is small, on four one with six, on eight one
with four. Of Pareto service four phases miss the residual by a tenth or more; on c servers, of
which the first to be free counts, its logarithm is missed c times as much. What more phases
change is nearly free of c at a fixed :math:`\beta = (1 - \rho) \sqrt c`, as the wait itself in
units of :math:`S / (c - a)` is [1]_. So with :math:`f_n` from the fit for n servers

.. math:: f(8) \approx f_8(8) + (f_4 - f_8)(4) + (f_2 - f_4)(2),

each at its load of the same :math:`\beta`, and likewise for other numbers of servers. The idea
is that of multilevel methods [2]_.

References
----------
.. [1] S. Halfin, W. Whitt, "Heavy-traffic limits for queues with many exponential servers",
   Operations Research 29, 1981.
.. [2] M. B. Giles, "Multilevel Monte Carlo path simulation", Operations Research 56, 2008.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from qmodel._values import remembered
from qmodel.distributions import Distribution
from qmodel.distributions.erlang_fits import FittedPhases
from qmodel.distributions.fit_phases import fit_body
from qmodel.distributions.phase_type import PhaseType
from qmodel.queues.counts.erlang import erlang_c
from qmodel.queues.phases.condensed import condensed
from qmodel.queues.phases.tables import Blend, PhaseQueue, blended

__all__ = ["Refined", "refined"]

_SIZES = {8: ((2, 2), (3, 1)), 4: ((3, 3), (4, 2)), 2: ((6, 4),)}
"""By servers: phases of the body, and exponential branches, of which the better are taken."""

_GOOD = 0.09  # the weighted error up to which the fits are used
_LEAST = 0.02  # load, of fewer servers that cannot have one as low


class Refined(NamedTuple):
    """Service of mean 1 by phases, for the servers of `_SIZES`.

    Parameters
    ----------
    services : tuple of PhaseType
        The fits, from the one with fewest phases on. [-]
    """

    services: tuple[PhaseType, ...]

    def _fits(self, servers: int) -> list[PhaseQueue]:
        """Return the queue of so many servers, and those with fewer of the finer fits."""
        queues = [
            PhaseQueue(service, False, n)
            for n, service in zip(_SIZES, self.services, strict=True)
        ]
        first = max(i for i, n in enumerate(_SIZES) if i == 0 or n >= servers)
        return [queues[first]._replace(servers=servers), *queues[first + 1 :]]

    def queue(self, servers: int) -> PhaseQueue:
        """Return the queue that `added` refines."""
        return self._fits(servers)[0]

    def waits(self, queue: PhaseQueue, servers: int, load: np.ndarray) -> Blend:
        """Return waits of a queue with so many servers, on the same rates for all.

        Parameters
        ----------
        queue : PhaseQueue
            A queue with one of the fits. [-]
        servers : int
            Number of servers, >= 2. [-]
        load : array of shape (cells,)
            Utilization, above 0 and below 1. [-]

        Returns
        -------
        Blend
            The waits. [-]
        """
        # Near saturation as an exponential distribution of mean (1 + SCV) / 2, otherwise as
        # all servers that are with requests of the slowest phase.
        slowest = min(
            min(float(-fit.generator.diagonal().max()), 2 / (1 + float(fit.scv)))
            for fit in self.services
        )
        return condensed(queue._replace(servers=servers), load, slowest)

    def added(self, blend: Blend, servers: int, load: np.ndarray) -> Blend:
        """Return waits of `queue` with what more phases change on fewer servers.

        Parameters
        ----------
        blend : Blend
            The waits of `queue`. [-]
        servers : int
            Number of servers, >= 2. [-]
        load : array of shape (cells,)
            Utilization, above 0 and below 1. [-]

        Returns
        -------
        Blend
            The waits. [-]
        """
        parts = [(1.0, blend)]
        for coarse, fine in pairwise(self._fits(servers)):
            like = np.maximum(1 - (1 - load) * np.sqrt(servers / fine.servers), _LEAST)
            parts += [
                (1.0, self.waits(fine, fine.servers, like)),
                (-1.0, self.waits(coarse, fine.servers, like)),
            ]
        if len(parts) == 1:
            return blend
        ratio: Any = sum(w * b.ratio for w, b in parts)
        shares = [w * b.ratio / ratio for w, b in parts]
        means = sum(x * b.tails.means for x, (_, b) in zip(shares, parts, strict=True))
        tails = [
            b.tails._replace(blend=x[:, None] * b.tails.blend)
            for x, (_, b) in zip(shares, parts, strict=True)
        ]
        blocked = erlang_c(servers=servers, offered_load=servers * load)
        # Those that do not wait find as many servers idle as before, in proportion.
        idle = (1 - ratio * blocked) / (1 - blend.ratio * blocked)
        levels = blend.levels * idle[:, None]
        return Blend(ratio, blended(tails, np.maximum(means, 1e-3)), levels)


@remembered
def refined(distribution: Distribution) -> Refined | None:
    """Return fits of more and more phases for fewer and fewer servers, None if they are bad.

    Parameters
    ----------
    distribution : Distribution
        Distribution of a time, of finite variance; its parameters are numbers. [-]

    Returns
    -------
    Refined or None
        The fits. [-]

    Examples
    --------
    >>> from qmodel.distributions import Pareto, Uniform
    >>> [fit.initial.size for fit in refined(Pareto(0.1, 1.8, 1000.0)).services]
    [4, 6, 10]
    >>> refined(Uniform(0.0, 2.0)) is None
    True
    """
    fits = [
        min((fit_body(distribution, *size, servers=n) for size in sizes), key=_error)
        for n, sizes in _SIZES.items()
    ]
    if max(map(_error, fits)) > _GOOD:
        return None
    mean = float(distribution.mean)
    return Refined(
        tuple(
            PhaseType(fit.distribution.initial, fit.distribution.generator * mean)
            for fit in fits
        )
    )


def _error(fit: FittedPhases) -> float:
    return fit.error
