r"""Sensitivity: which numbers of a model decide its latency and its capacity.

The elasticity of a quantity with respect to a parameter is the percentage by which it grows
where the parameter grows by one percent,

.. math:: e = \frac{\partial \ln Q}{\partial \ln \theta} .

All real parameters are moved by a few steps each, in one solution of the model with arrays, and
differenced to sixth order; the step shrinks with the headroom. The nodes of the inversion stay
the same, and an inversion is linear in the values of the transform: what is inverted is the
difference of the transforms, and differences are as smooth as the formulas. They agree with
derivatives of the formulas in 30 digits to 1e-10 of the greatest. Each result states a bound on
their error, which is what the fourth order makes different. Nor is
the capacity searched for again where one objective ends it: what changes is how far it is
missed there. Of a percentile only the tail at its time is asked for, as

.. math:: \frac{\partial t_p}{\partial \theta}
   = \frac{\partial P(T > t) / \partial \theta}{f(t)} \Big|_{t = t_p} .

A whole number (servers, users) becomes one more; its elasticity is that of the arc. Under a
closed load the capacity is a number of users: as if a part of one more would do, or the knee.

**Limits.** Where two stations saturate together, the capacity has a kink, and its elasticity is
the mean of both sides. Derivatives hold for small changes, and near saturation for tiny ones:
draw instead (`qmodel.planning.uncertainty`); the order of the parameters stays right [1]_.

References
----------
.. [1] A. Saltelli et al., "Global Sensitivity Analysis: The Primer", Wiley, 2008, ch. 1.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from qmodel._checked import checked
from qmodel._nearest import did_you_mean
from qmodel.errors import DomainError, ModelError
from qmodel.loads import Closed, Poisson, in_words
from qmodel.planning._capacity_end import capacity_end
from qmodel.planning._domains import Domain
from qmodel.planning._loaded import Loaded, one_load
from qmodel.planning._models import Asked, asked, has_arrays
from qmodel.planning._results import Model, Result, max_rate_of
from qmodel.planning._stencils import BACKWARD, CENTRAL, FORWARD, STEP
from qmodel.planning.quantities import Percentile, Quantity, quantity_of, tail_at
from qmodel.planning.slo import Objectives, objectives_of
from qmodel.queues.base import StationResult
from qmodel.units import text

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Sensitivity", "sensitivity"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class Sensitivity:
    """How much each parameter decides, greatest first.

    Parameters
    ----------
    arrival_rate : float or Closed
        The load. [1/s]
    values : mapping of str to float
        The quantities themselves, and the capacity. [-]
    elasticities : mapping of str to mapping of str to float
        For each quantity, the percentage that one percent more of each parameter adds,
        sorted by the size of the last quantity before the capacity. [-]
    parameters : mapping of str to float
        The values of the parameters. [-]
    units : mapping of str to str
        Their units. [-]
    saturations : mapping of str to float
        Rate at which each station saturates, the first bottleneck first. [1/s]
    errors : mapping of str to float
        For each quantity, a bound on the error of its elasticities by real parameters. [-]

    Examples
    --------
    >>> import qmodel as qm
    >>> found = qm.sensitivity(qm.MMc(0.01), 80.0, over=["arrival_rate", "service_time"])
    >>> {name: round(e, 6) for name, e in found.elasticities["mean"].items()}
    {'service_time': 5.0, 'arrival_rate': 4.0}
    """

    arrival_rate: float | Closed
    values: Mapping[str, float]
    elasticities: Mapping[str, Mapping[str, float]]
    parameters: Mapping[str, float]
    units: Mapping[str, str]
    saturations: Mapping[str, float]
    errors: Mapping[str, float]

    def to_frame(self) -> pd.DataFrame:
        """Return the elasticities, one row for each parameter: the bars of a tornado.

        Returns
        -------
        pandas.DataFrame
            `parameter`, its `value`, and a column for each quantity, in percent for one
            percent. [-]
        """
        import pandas as pd

        frame = pd.DataFrame(self.elasticities)
        frame.insert(0, "value", pd.Series(self.parameters))
        frame = frame.rename_axis("parameter").reset_index()
        frame.attrs["units"] = dict.fromkeys(self.elasticities, "-")
        return frame

    def __str__(self) -> str:
        """Return the answer in one line."""
        name = list(self.elasticities)[-2]
        value = text(self.values[name], quantity_of(name).unit)
        most = [
            f"{parameter} {e:+.2g} %"
            for parameter, e in list(self.elasticities[name].items())[:3]
            if abs(e) > 5e-4
        ]
        answer = f"{name} is {value} {in_words(self.arrival_rate)}"
        if most:
            answer += f"; for 1 % more: {', '.join(most)}"
        limits = [f"{n} at {text(x, '1/s')}" for n, x in list(self.saturations.items())[:2]]
        if limits:
            answer += f"; {limits[0].replace(' at', ' saturates at', 1)}"
            answer += f", then {limits[1]}" if limits[1:] else ""
        return answer

    def __repr__(self) -> str:
        """Return the answer in one line."""
        return f"<{self}>"


@checked
def sensitivity(
    model: Model,
    arrival_rate: float | Poisson | Closed,
    *objectives: Objectives,
    quantities: Sequence[str] = ("mean", "p99"),
    over: Sequence[str] | None = None,
) -> Sensitivity:
    """Return the elasticities of latencies and capacity by every parameter.

    Parameters
    ----------
    model : Pipeline or Station
        The model, without arrays of its own. [-]
    arrival_rate : number or Closed
        The load: a rate below saturation, or users. [1/s]
    *objectives : str, Objective or sequence of them
        What the capacity must meet; without any, it is where the model saturates. [-]
    quantities : sequence of str, default ("mean", "p99")
        What objectives can be about; the rows are sorted by the last. [-]
    over : sequence of str, optional
        Parameters to vary, "arrival_rate" among them, or "users" and "think_time"; by default
        all that are above 0. [-]

    Returns
    -------
    Sensitivity
        The elasticities, and which station saturates after the first.

    Raises
    ------
    DomainError
        If the load is not above 0, or a text is no quantity or objective.
    ModelError
        If the model is overloaded, has arrays, or lacks what is named.

    Examples
    --------
    >>> import qmodel as qm
    >>> web, db = qm.call("web", qm.MMc(0.010, servers=4)), qm.call("db", qm.MMc(0.020, 8))
    >>> found = sensitivity(qm.Pipeline(qm.series(web, db)), 320.0)
    >>> print(found)
    p99 is 129 ms at 320/s; for 1 % more: arrival_rate +1.6 %, db.service_time +1.5 %,
    web.service_time +1.1 %; web saturates at 400/s, then db at 400/s
    """
    what = asked(model)
    if has_arrays(what):
        raise ModelError("the model has arrays of its own: one scenario at a time")
    asked_for = Loaded(what, one_load(arrival_rate))
    wanted, readings = objectives_of(objectives), [quantity_of(q) for q in quantities]
    if not readings:
        raise ModelError("quantities must name at least one, such as 'p99'")
    base = asked_for.solve()
    busy = float(np.max(asked_for.own.get("arrival_rate", 0.0) / max_rate_of(base)))
    if busy >= 1:
        most = text(float(np.max(max_rate_of(base))), "1/s")
        raise ModelError(f"the model saturates at {most}: nothing to differentiate")
    step = min(STEP, (1 - busy) / 100)
    names = [str(q) for q in readings]

    values = {
        name: float(np.max(q.value(base))) for name, q in zip(names, readings, strict=True)
    }
    values["capacity"] = float(np.max(asked_for.capacity(wanted)))
    slopes = {
        name: _slope_of_tail(base, q, values[name], step)
        for name, q in zip(names, readings, strict=True)
    }

    end = capacity_end(asked_for, wanted, values["capacity"])

    def times(changed: Loaded) -> dict[str, Any]:
        result = changed.solve()
        return {
            name: np.log(q.value(result))
            if (slope := slopes[name]) is None
            else tail_at(result, q, values[name]) / slope
            for name, q in zip(names, readings, strict=True)
        }

    def capacities(changed: Loaded) -> dict[str, Any]:
        return end.read(changed) if end else {"capacity": np.log(changed.capacity(wanted))}

    domains = _domains(asked_for, over)
    own = {name: value for name, value in _numbers(asked_for).items() if name in domains}
    smooth = {n: v for n, v in own.items() if not domains[n].whole}
    coupled = [
        name
        for name in smooth
        if name not in asked_for.own and _moves_others(what, domains[name])
    ]
    free = {name: value for name, value in smooth.items() if name not in coupled}
    slopes_of: dict[str, dict[str, tuple[float, float]]] = {name: {} for name in smooth}
    # Near its end the capacity has a step of its own.
    for read, width in ((times, step), (capacities, end.step if end else step)):
        for together in (free, *({name: smooth[name]} for name in coupled)):
            for name, by in _smooth(asked_for, together, domains, width, read).items():
                slopes_of[name] |= by
    columns = {name: {q: e for q, (e, _) in by.items()} for name, by in slopes_of.items()}
    ends = {
        name: int(own[name]) + (1 if own[name] < domains[name].top else -1)
        for name in own
        if name not in smooth
    }

    def plain(changed: Loaded) -> dict[str, Any]:
        result = changed.solve()
        found = {str(q): q.value(result) for q in readings}
        return found | {"capacity": changed.capacity(wanted)}

    for name, other in (_arcs(asked_for, ends, plain) if ends else {}).items():
        width = math.log(ends[name] / own[name]) if ends[name] > 0 else math.nan
        columns |= {name: _arc(values, other, width)}
    order = sorted(own, key=lambda name: -abs(np.nan_to_num(columns[name][names[-1]])))
    return Sensitivity(
        arrival_rate=asked_for.load,
        values=values,
        elasticities={q: {name: columns[name][q] for name in order} for q in values},
        parameters={name: float(own[name]) for name in order},
        units={name: domains[name].unit for name in order},
        saturations=_saturations(base),
        errors={q: max((by[q][1] for by in slopes_of.values()), default=0.0) for q in values},
    )


def _numbers(model: Asked | Loaded) -> dict[str, float]:
    found = {}
    for name, value in model.parameters().items():
        number = float(np.max(np.asarray(value, dtype=float)))
        if 0 < number < math.inf:
            found[name] = number
    return found


def _domains(model: Loaded, over: Sequence[str] | None) -> dict[str, Domain]:
    known = _numbers(model)
    for name in over or ():
        if name not in known:
            everything = model.parameters()
            if name in everything:
                raise ModelError(
                    f"{name} is {everything[name]}: percents are of what is above 0 and finite"
                )
            hint = did_you_mean(name, everything)
            raise ModelError(f"no parameter {name!r} in the model{hint}")
    return {name: model.domain(name) for name in (known if over is None else over)}


def _moves_others(model: Asked, domain: Domain) -> bool:
    """Return whether other parameters follow one, as probabilities do that sum to 1."""
    before, name = _numbers(model), domain.name
    away = 0.999 if before[name] > domain.bottom else 1.001
    after = _numbers(model.replace({name: away * before[name]}))
    return any(after.get(other) != before[other] for other in before if other != name)


def _smooth(
    model: Loaded,
    own: Mapping[str, float],
    domains: Mapping[str, Domain],
    step: float,
    read: Any,
) -> dict[str, dict[str, tuple[float, float]]]:
    """Return elasticities by real parameters and their errors, from a solution with arrays."""
    # A share below 1 has its own way to go.
    tops = {n: domains[n].top / v - 1 for n, v in own.items()}
    ends = {n for n, v in own.items() if v <= domains[n].bottom}
    stencils = {
        name: FORWARD if name in ends else CENTRAL if tops[name] > 0 else BACKWARD
        for name in own
    }
    steps = {name: min(step, tops[name] / 50) if tops[name] > 0 else step for name in own}
    cells = sum(len(stencil.offsets) for stencil in stencils.values())
    arrays = {name: np.full(cells, value) for name, value in own.items()}
    rows, start = {}, 0
    for name, stencil in stencils.items():
        rows[name] = slice(start, start + len(stencil.offsets))
        arrays[name][rows[name]] *= np.exp(steps[name] * np.array(stencil.offsets))
        start += len(stencil.offsets)
    if not cells:
        return {}
    changed = model.replace(arrays)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = {q: np.broadcast_to(v, cells) for q, v in read(changed).items()}
        return {
            name: {q: stencil.slope(log[rows[name]], steps[name]) for q, log in found.items()}
            for name, stencil in stencils.items()
        }


def _slope_of_tail(base: Result, quantity: Quantity, value: float, step: float) -> float | None:
    """Return by how much the tail of a percentile falls with the logarithm of the time.

    None for other quantities, and for a percentile in a jump of the distribution.
    """
    if not isinstance(quantity, Percentile) or value <= 0:
        return None
    times = value * np.exp(step * np.array(CENTRAL.offsets))
    tails = np.array([float(np.max(tail_at(base, quantity, t))) for t in times])
    slope = -CENTRAL.slope(tails, step)[0]
    return slope if 1e-2 < slope / (1 - quantity.probability) < 1e3 else None


def _arcs(model: Loaded, ends: Mapping[str, int], read: Any) -> dict[str, dict[str, float]]:
    """Return the values with each whole number at its other value, if it may be in one go."""
    cells = len(ends)
    arrays = {name: np.full(cells, int(_numbers(model)[name])) for name in ends}
    for i, (name, end) in enumerate(ends.items()):
        arrays[name][i] = end
    try:
        changed = model.replace(arrays)
        found = {q: np.broadcast_to(v, cells) for q, v in read(changed).items()}
    except (TypeError, ModelError, DomainError):
        # Not all numbers may be arrays: how often something is tried again, say.
        each = [read(model.replace({name: end})) for name, end in ends.items()]
        found = {q: np.array([float(np.max(one[q])) for one in each]) for q in each[0]}
    return {name: {q: float(v[i]) for q, v in found.items()} for i, name in enumerate(ends)}


def _arc(
    base: Mapping[str, float], other: Mapping[str, float], width: float
) -> dict[str, float]:
    """Return the elasticities between two values of a parameter, `width` apart in logarithm."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return {
            q: 0.0 if base[q] == other[q] else float(np.log(other[q] / base[q]) / width)
            for q in base
        }


def _saturations(result: Result) -> dict[str, float]:
    """Return the load at which each station saturates, the least first."""
    if isinstance(result, StationResult):
        return {}
    rates = {}
    for name, station in result.stations.items():
        busy = float(np.max(station.utilization))
        if busy > 0 and not station.station.loses:
            rates[name] = float(np.max(result.arrival_rate)) / busy
    return dict(sorted(rates.items(), key=lambda item: item[1]))
