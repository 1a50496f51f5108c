r"""Uncertainty: what is known of the latency where the parameters are known only so far.

Each uncertain parameter is drawn around its value, :math:`\theta e^{\sigma Z}` with a standard
normal Z, so that 0.1 says "to 10 %"; a share is drawn in its odds, and stays below 1. All draws
are solved at once. Close to saturation the answer is mostly the first number: the
**probability of overload** [1]_. Draws in overload count with an infinite latency.

The draws are spread evenly, by a scrambled sequence of Sobol [2]_: 512 of them are as good as
2,000 that are independent (of a path of four stations at 70 and 80 % load, with five numbers
known to 5 and 10 %: as large an error of P(overload), of all ends and of P(met), or less).

The `shares` say which parameter is to be measured better: the part of the variance of the
logarithm that each would explain alone, from the elasticities,

.. math:: s_i = e_i^2 \sigma_i^2 / \textstyle\sum_j e_j^2 \sigma_j^2 .

Derivatives alone would give the intervals too, but only while the busiest station stays below
80 % two deviations away: beyond, they are far too narrow (for four stations at 85 % load and
deviations of 5 %, up to 0.34 s where draws give 1.3 s). So draws are taken everywhere.

**Limits.** Parameters are independent of each other. With n draws, a probability p has a
standard error below :math:`\sqrt{p(1 - p)/n}`.

References
----------
.. [1] R. R. Barton, B. L. Nelson, W. Xie, "Quantifying input uncertainty via simulation
   confidence intervals", INFORMS Journal on Computing 26, 2014.
.. [2] A. B. Owen, "Scrambled net variance for integrals of smooth functions", Annals of
   Statistics 25, 1997.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from qmodel import _check
from qmodel._checked import checked
from qmodel._nearest import did_you_mean
from qmodel.errors import DomainError, ModelError
from qmodel.loads import Closed, Poisson, in_words
from qmodel.planning._loaded import Loaded, one_load
from qmodel.planning._models import asked, has_arrays
from qmodel.planning._results import Model, Result, max_rate_of
from qmodel.planning.quantities import quantity_of
from qmodel.planning.sensitivity import sensitivity
from qmodel.planning.slo import Objectives, objectives_of
from qmodel.queues.base import StationResult
from qmodel.units import text

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Uncertainty", "uncertainty"]

_WIDEST = 10.0
"""Largest relative standard deviation: beyond, draws are of no size at all."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class Uncertainty:
    """Intervals of results.

    Parameters
    ----------
    arrival_rate : float or Closed
        The load, where it is not uncertain itself. [1/s]
    overload : float
        Probability that the load is beyond saturation; 0 of users, who wait. [-]
    intervals : mapping of str to tuple of float
        For each quantity the lower end, the median and the upper end; ``inf`` where that
        many draws are in overload. [-]
    met : mapping of str to float
        Probability that each objective is met. [-]
    bottlenecks : mapping of str to float
        Probability that each station saturates first, greatest first; "" where none does. [-]
    shares : mapping of str to float
        Part of the variance of the last quantity that each parameter explains, greatest
        first; NaN where the model is overloaded without uncertainty. [-]
    probability : float
        What the intervals hold. [-]
    draws : int
        Number of draws. [-]
    samples : mapping of str to array
        The draws themselves: parameters, then quantities. [-]

    Examples
    --------
    >>> import qmodel as qm
    >>> known = uncertainty(qm.MMc(0.02, 4), 150.0, {"service_time": 0.1}, "p99 < 300 ms")
    >>> round(known.overload, 3), {goal: round(p, 2) for goal, p in known.met.items()}
    (0.002, {'p99 < 300 ms': 0.97})
    """

    arrival_rate: float | Closed
    overload: float
    intervals: Mapping[str, tuple[float, float, float]]
    met: Mapping[str, float]
    bottlenecks: Mapping[str, float]
    shares: Mapping[str, float]
    probability: float
    draws: int
    samples: Mapping[str, np.ndarray]

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each quantity.

        Returns
        -------
        pandas.DataFrame
            `quantity`, `low`, `median`, `high`, in the units of the quantities. [-]
        """
        import pandas as pd

        rows = [(name, *ends) for name, ends in self.intervals.items()]
        return pd.DataFrame(rows, columns=["quantity", "low", "median", "high"])

    def __str__(self) -> str:
        """Return the answer in one line."""
        name = list(self.intervals)[-1]
        unit = "1/s" if name == "max_rate" else quantity_of(name).unit
        low, _, high = (text(x, unit) for x in self.intervals[name])
        where = in_words(self.arrival_rate)
        said = f"{name} between {low} and {high}"
        if isinstance(self.arrival_rate, Closed):
            said = f"{said} {where}"
        else:
            said = f"P(overload) {text(self.overload, '%', digits=2)} {where}; {said}"
        answer = f"{said} ({text(self.probability, '%')})"
        goals = [f"{goal} holds with {text(p, '%')}" for goal, p in self.met.items()]
        if len(self.bottlenecks) > 1:
            named = list(self.bottlenecks.items())[:2]
            parts = (f"{n or 'nothing'} with {text(p, '%', digits=2)}" for n, p in named)
            goals.append(f"saturates first: {', '.join(parts)}")
        first, share = next(iter(self.shares.items()))
        if share > 0:
            goals.append(f"{first} decides {text(share, '%', digits=2)} of it")
        return "; ".join([answer, *goals])

    def __repr__(self) -> str:
        """Return the answer in one line."""
        return f"<{self}>"


@checked
def uncertainty(
    model: Model,
    arrival_rate: float | Poisson | Closed,
    spreads: Mapping[str, float],
    *objectives: Objectives,
    quantities: Sequence[str] = ("mean", "p99"),
    probability: float = 0.9,
    draws: int = 512,
    seed: int | np.random.Generator = 0,
) -> Uncertainty:
    """Return intervals of results, from how well the parameters are known.

    Parameters
    ----------
    model : Pipeline or Station
        The model, without arrays of its own. [-]
    arrival_rate : number or Closed
        The load: a rate, or users. [1/s]
    spreads : mapping of str to number
        For each uncertain parameter, "arrival_rate" or "users" and "think_time" among them,
        its relative standard deviation, 0.1 for 10 %. [-]
    *objectives : str, Objective or sequence of them
        Objectives whose probability is asked for, each by itself. [-]
    quantities : sequence of str, default ("mean", "p99")
        What objectives can be about; the variance is that of the last. [-]
    probability : number, default 0.9
        What the intervals hold: as much lies below them as above. [-]
    draws : int, default 512
        Number of draws, >= 100; best a power of 2. [-]
    seed : int or numpy.random.Generator, default 0
        Where the draws come from; the same seed gives the same draws. [-]

    Returns
    -------
    Uncertainty
        The probability of overload, the intervals, and what decides them.

    Raises
    ------
    DomainError
        If a number is outside its domain, or a text is no quantity or objective.
    ModelError
        If there is no such parameter, it is a whole number, or the model has arrays.

    Examples
    --------
    >>> import qmodel as qm
    >>> web, db = qm.call("web", qm.MMc(0.010, servers=4)), qm.call("db", qm.MMc(0.020, 8))
    >>> site = qm.Pipeline(qm.series(web, db))
    >>> print(uncertainty(site, 320.0, {"db.service_time": 0.1, "arrival_rate": 0.05}))
    P(overload) 2.3 % at 320/s; p99 between 107 ms and 395 ms (90 %);
    saturates first: db with 50 %, web with 50 %; db.service_time decides 77 % of it
    """
    what = asked(model)
    if has_arrays(what):
        raise ModelError("the model has arrays of its own: one scenario at a time")
    asked_for = Loaded(what, one_load(arrival_rate))
    share = _check.one("probability", probability, _check.probability)
    if not 0 < share < 1:
        raise DomainError(f"probability must be above 0 and below 1, got {share}")
    if not isinstance(seed, np.random.Generator):
        seed = _check.one_count("seed", seed, least=0)
    count = _check.one_count("draws", draws, least=100, most=10**6)
    wanted, readings = objectives_of(objectives), [quantity_of(q) for q in quantities]
    if not readings:
        raise ModelError("quantities must name at least one, such as 'p99'")
    if not isinstance(spreads, Mapping) or not spreads:
        raise ModelError(f"spreads must map parameters to deviations, got {spreads!r}")
    drawn = _drawn(asked_for, spreads, count, np.random.default_rng(seed))
    there = asked_for.replace(drawn)
    result = there.solve()
    most = np.broadcast_to(max_rate_of(result), count)
    over = most <= there.own.get("arrival_rate", 0.0)
    found = {str(q): np.broadcast_to(q.value(result), count) for q in readings}
    found = {"max_rate": most} | {
        name: np.where(over, np.inf, values) for name, values in found.items()
    }
    ends = [(1 - share) / 2, 0.5, (1 + share) / 2]

    def interval(values: np.ndarray) -> tuple[float, float, float]:
        low, median, high = np.quantile(values, ends, method="inverted_cdf")
        return float(low), float(median), float(high)

    return Uncertainty(
        arrival_rate=asked_for.load,
        overload=float(np.mean(over)),
        intervals={name: interval(values) for name, values in found.items()},
        met={str(o): float(np.mean(np.broadcast_to(o.met(result), count))) for o in wanted},
        bottlenecks=_bottlenecks(result, count),
        shares=_shares(model, asked_for, spreads, str(readings[-1])),
        probability=share,
        draws=count,
        samples=drawn | found,
    )


def _bottlenecks(result: Result, draws: int) -> dict[str, float]:
    """Return the probability that each station of a pipeline saturates first."""
    if isinstance(result, StationResult):
        return {}
    first = np.broadcast_to(np.asarray(result.bottleneck), draws)
    names, counts = np.unique(first, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    return {str(names[i]): float(counts[i] / draws) for i in order}


def _drawn(
    model: Loaded,
    spreads: Mapping[str, float],
    draws: int,
    generator: np.random.Generator,
) -> dict[str, np.ndarray]:
    """Return draws of each uncertain parameter, around its value."""
    known = model.parameters()
    normal = _normal(len(spreads), draws, generator)
    drawn = {}
    for z, (name, spread) in zip(normal, spreads.items(), strict=True):
        if name not in known:
            raise ModelError(f"no parameter {name!r} in the model{did_you_mean(name, known)}")
        who = f"spreads: that of {name}"
        deviation = _check.one(who, spread, _check.finite)
        if deviation > _WIDEST:
            raise DomainError(f"{who} must be at most {_WIDEST:g}, got {deviation:g}")
        value = float(np.max(np.asarray(known[name], dtype=float)))
        if not math.isfinite(value):
            raise DomainError(f"{name} must be finite to be drawn, got {value}")
        z = deviation * z
        domain = model.domain(name)
        if name == "users":
            drawn[name] = np.maximum(np.rint(value * np.exp(z)), 1.0)
        elif domain.whole:
            raise ModelError(f"{name} is a whole number: `sweep` it, or `size`")
        elif math.isinf(domain.top):
            drawn[name] = value * np.exp(z)
        elif 0 < value < domain.top:
            # In its odds; near the value, by the same relative deviation.
            left = 1 - value / domain.top
            odds = (value / domain.top) / left * np.exp(z / left)
            drawn[name] = domain.top * odds / (1 + odds)
        else:
            drawn[name] = np.full(draws, value)
    return drawn


def _normal(parameters: int, draws: int, generator: np.random.Generator) -> np.ndarray:
    """Return normal draws of each parameter, spread evenly."""
    from scipy.special import ndtri
    from scipy.stats.qmc import Sobol

    points = Sobol(parameters, seed=generator).random_base2(math.ceil(math.log2(draws)))
    # No point is at an end, but for rounding.
    normal: np.ndarray = ndtri(np.clip(points[:draws], 1e-12, 1 - 1e-12))
    return normal.T


def _shares(
    model: Model, asked_for: Loaded, spreads: Mapping[str, float], quantity: str
) -> dict[str, float]:
    """Return the part of the variance that each parameter explains, to first order."""
    if asked_for.own.get("arrival_rate", 0.0) >= float(np.max(asked_for.model.max_rate)):
        return dict.fromkeys(spreads, math.nan)
    known = asked_for.parameters()
    moved = [n for n in spreads if np.max(known[n]) > 0]
    of_each = sensitivity(model, asked_for.load, quantities=[quantity], over=moved)
    found = of_each.elasticities[quantity]
    parts = {n: (found.get(n, 0.0) * float(spreads[n])) ** 2 for n in spreads}
    total = sum(parts.values())
    shares = {n: part / total if total > 0 else 0.0 for n, part in parts.items()}
    return dict(sorted(shares.items(), key=lambda item: -item[1]))
