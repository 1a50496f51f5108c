r"""The waits of M/G/c by phases: exactly, by phases fitted to service, or blended.

How service is solved, exactly or imitated, `qmodel.queues.phases.imitated` chooses. Of more
servers than can be solved the waits come from fewer servers: at a fixed
:math:`\beta = (1 - \rho) \sqrt c` the probability of waiting over Erlang's C, and the tail of
the wait in units of :math:`S / (c - a)`, are nearly free of c and smooth in
:math:`1 / \sqrt c` (Halfin and Whitt [1]_). They are extrapolated from three smaller systems by
a parabola: from 4, 6 and 8 servers to 16 or 64 within 0.5 %.

Where fewer than one request in 1e14 waits, which no digit of a response shows, those wait as in
M/M/c. Cells that differ only in their load share tables (`qmodel.queues.phases.tables`).

References
----------
.. [1] S. Halfin, W. Whitt, "Heavy-traffic limits for queues with many exponential servers",
   Operations Research 29, 1981.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from qmodel._typing import Count, Value
from qmodel.basis import Assumption, union
from qmodel.distributions import Distribution
from qmodel.distributions.shapes import shapes
from qmodel.queues.counts.erlang import erlang_c
from qmodel.queues.counts.server_states import ServerStates
from qmodel.queues.phases.behind_renewal import behind_renewal
from qmodel.queues.phases.grounds import FROM_FEWER_SERVERS
from qmodel.queues.phases.imitated import Imitation, imitated
from qmodel.queues.phases.tables import Blend, beside, blended
from qmodel.queues.phases.wait import POISSON, PhaseNumber, PhaseWait, Tails

__all__ = ["PhaseCells", "phase_cells"]

_NOBODY = 1e-14  # a probability of waiting at which any wait will do: that of M/M/c


class PhaseCells(NamedTuple):
    """What is known by phases in each cell, flat.

    Parameters
    ----------
    solved : bool array
        Where the wait is known by phases. [-]
    scaled : bool array
        Where the wait comes from fewer servers. [-]
    grounds : tuple of Assumption
        What the waits rest on, beside the model. [-]
    ratio : array
        Probability of waiting over Erlang's C. [-]
    tails : Tails
        Tails of the waits, in units of S / (c - a). [-]
    levels : array of shape (cells, servers)
        Ratios of the probabilities of fewer requests than servers to those of M/M/c; NaN
        where the wait comes from fewer servers. [-]
    """

    solved: np.ndarray
    scaled: np.ndarray
    grounds: tuple[Assumption, ...]
    ratio: np.ndarray
    tails: Tails
    levels: np.ndarray

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
    >>> found.grounds, probability.round(4)
    (('fitted-phases',), array([0.1804, 0.6086]))
    """
    cells = load.size
    solved, scaled = (np.zeros(cells, dtype=bool) for _ in range(2))
    ratio, blends, grounds = np.ones(cells), [], []
    for distribution, of_distribution in shapes(service, shape, cells):
        for c in map(int, np.unique(servers[of_distribution])):
            here = of_distribution[servers[of_distribution] == c]
            found = (
                imitated(distribution, c)
                if interarrival is POISSON
                else behind_renewal(distribution, c, interarrival)
            )
            if found is None:
                continue
            solved[here], scaled[here] = True, not found.direct
            grounds.append((*found.grounds, *(() if found.direct else (FROM_FEWER_SERVERS,))))
            some = here[_some_wait(c, load[here], interarrival)]
            if some.size < here.size:
                none = np.setdiff1d(here, some)
                blends.append((none, _markov(none.size, c, found.direct)))
            if some.size:
                blend = _waits(found, c, load[some])
                ratio[some] = blend.ratio
                # Behind arrivals that are not Poisson the iteration may not converge.
                solved[some] = ~np.isnan(blend.ratio)
                blends.append((some, blend))
    return PhaseCells(solved, scaled, union(*grounds), ratio, *_joined(blends, cells))


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


def _waits(of: Imitation, servers: int, load: np.ndarray) -> Blend:
    """Return the waits at each load."""
    blend = of.waits(servers, load) if of.direct else _from_fewer(of, servers, load)
    return blend if of.added is None else of.added(blend, servers, load)


def _from_fewer(of: Imitation, servers: int, load: np.ndarray) -> Blend:
    """Return the waits by extrapolation from three systems with fewer servers."""
    fewer = of.fewer
    roots = np.array([1 / np.sqrt(c) for c in fewer])
    ratio, means, tails = np.zeros(load.size), np.zeros(load.size), []
    for i, c in enumerate(fewer):
        others = np.delete(roots, i)
        weight = np.prod((1 / np.sqrt(servers) - others) / (roots[i] - others))
        # A load that fewer servers cannot have is low enough for hardly a wait.
        like = np.maximum(1 - (1 - load) * np.sqrt(servers / c), 0.02)
        blend = of.waits(c, like)
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
