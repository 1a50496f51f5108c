r"""The loss of a cache: what comes to the stations behind it, and which saturates first.

A hit ratio that falls from h to h' multiplies what reaches the database by

.. math:: \frac{1 - h'}{1 - h} ,

the more the better the cache was. The load of a station that other requests use, too, grows
by less. Everything here is read off the same pipeline, solved with both hit ratios; the
response of the database under its new load is part of it.

**Domain.** The steady state with the lower hit ratio; `qmodel.caches.warming` has the time
in which a cold cache fills again. Requests come as before; those that time out and come
again are not counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from qmodel import _check
from qmodel._checked import checked
from qmodel._typing import Value
from qmodel.basis import Basis
from qmodel.pipeline import Pipeline, PipelineResult
from qmodel.planning._hit_ratios import hit_ratio_in, with_hit_ratio
from qmodel.planning.slo import Objectives
from qmodel.planning.solve_for import solve_for

__all__ = ["CacheLoss", "least_hit_ratio", "lose_cache"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class CacheLoss:
    """A pipeline before and after a cache has lost hits.

    Parameters
    ----------
    hit_ratio : number or array
        Hit ratio before. [-]
    remaining : number or array
        Hit ratio after. [-]
    before, after : PipelineResult
        The steady states. [-]

    Examples
    --------
    >>> import qmodel as qm
    >>> cache, db = qm.call("cache", qm.MMc(0.0002)), qm.call("db", qm.MMc(0.01, servers=10))
    >>> site = qm.Pipeline(qm.cached(0.95, lookup=cache, miss=db))
    >>> loss = lose_cache(site, "cache", 1200.0, remaining=0.3)
    >>> bool(loss.survives), float(loss.load_factor["db"])
    (True, 14.0)
    """

    hit_ratio: Value
    remaining: Value
    before: PipelineResult
    after: PipelineResult

    @property
    def miss_factor(self) -> Value:
        """By how much the misses are multiplied; inf where there were none. [-]."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.divide(1 - np.asarray(self.remaining), 1 - np.asarray(self.hit_ratio))[()]

    @property
    def load_factor(self) -> Mapping[str, Value]:
        """By how much the work that comes to each station is multiplied. [-]."""
        # Visits, not arrivals: an overloaded pool lets fewer requests in than come.
        with np.errstate(divide="ignore", invalid="ignore"):
            return {
                name: np.divide(self.after.visits[name], self.before.visits[name])
                * np.divide(
                    self.after.stations[name].station.service.mean, s.station.service.mean
                )
                for name, s in self.before.stations.items()
            }

    @property
    def survives(self) -> Any:
        """Whether no station saturates after the loss."""
        return np.less(self.after.arrival_rate, self.after.max_rate)

    @property
    def bottleneck(self) -> Any:
        """The station that saturates first after the loss."""
        return self.after.bottleneck

    @property
    def max_rate(self) -> Value:
        """The load that is carried after the loss. [1/s]."""
        return self.after.max_rate

    @property
    def basis(self) -> Basis:
        """How much the state after the loss can be trusted."""
        return self.after.basis


@checked
def lose_cache(
    model: Pipeline, cache: str, arrival_rate: Value, *, remaining: Value = 0.0
) -> CacheLoss:
    """Return a pipeline before and after a cache has lost its hits, or some of them.

    Parameters
    ----------
    model : Pipeline
        The pipeline; its parameters may be arrays. [-]
    cache : str
        Name of the cache in it, whose hit ratio is given or modelled. [-]
    arrival_rate : number or array
        The load. [1/s]
    remaining : number or array, default 0
        Hit ratio after the loss. [-]

    Returns
    -------
    CacheLoss
        Both steady states, and how they compare. [-]

    Raises
    ------
    DomainError
        If `arrival_rate` is negative or `remaining` no probability.
    ModelError
        If there is no such cache; the message has the nearest name.

    Examples
    --------
    >>> import qmodel as qm
    >>> cache, db = qm.call("cache", qm.MMc(0.0002)), qm.call("db", qm.MMc(0.01, servers=10))
    >>> site = qm.Pipeline(qm.cached(0.95, lookup=cache, miss=db))
    >>> loss = lose_cache(site, "cache", 1200.0, remaining=[0.3, 0.0])
    >>> loss.miss_factor.round(1), loss.survives, loss.bottleneck
    (array([14., 20.]), array([ True, False]), array(['db', 'db'], dtype='<U5'))
    """
    remaining = _check.probability("remaining", remaining)
    _check.broadcast(arrival_rate=arrival_rate, remaining=remaining)
    lost = with_hit_ratio(model, cache, remaining)
    before = model.solve(arrival_rate)
    return CacheLoss(
        hit_ratio=hit_ratio_in(model, cache, before),
        remaining=remaining,
        before=before,
        after=lost.solve(arrival_rate),
    )


@checked
def least_hit_ratio(
    model: Pipeline, cache: str, arrival_rate: Value, *objectives: Objectives
) -> Value:
    """Return the least hit ratio with which a pipeline sustains a load.

    Parameters
    ----------
    model : Pipeline
        The pipeline; its parameters may be arrays. [-]
    cache : str
        Name of the cache in it, whose hit ratio is given or modelled. [-]
    arrival_rate : number or array
        The load. [1/s]
    *objectives : str, Objective or sequence of them
        What must hold, as in `solve_for`; without any, that no station saturates. [-]

    Returns
    -------
    number or array
        The hit ratio; 0 where it survives without, in arrays ``inf`` where not even hits
        alone are enough. [-]

    Raises
    ------
    DomainError
        If a text is no objective.
    InfeasibleError
        If no hit ratio is enough, in a single scenario.
    ModelError
        If there is no such cache, or the model is symbolic.

    Examples
    --------
    >>> import qmodel as qm
    >>> from qmodel.units import us
    >>> db = qm.call("database", qm.MMc(0.009, servers=10))
    >>> pages = qm.caches.Zipf(10**6, exponent=0.9)
    >>> store = qm.web.cache(qm.caches.LRU(10**5), 13.5 * us, db, popularity=pages)
    >>> least_hit_ratio(qm.Pipeline(store), "cache", [1000.0, 2000.0, 4000.0])
    array([0.    , 0.4444, 0.7222])
    """
    given = with_hit_ratio(model, cache, 0.5)
    return solve_for(given, f"{cache}.hit_ratio", arrival_rate, *objectives).low
