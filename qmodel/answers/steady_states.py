"""All steady states of clients who try again: where the healthy one ends, and the way back."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from qmodel._checked import checked
from qmodel.answers.answer import Answer, Column, Fact, Picture, Table
from qmodel.answers.beyond import with_doubts
from qmodel.answers.load import pipeline_of, sensible_load
from qmodel.answers.words import AGE, NUMBER, RATE, SHARE, TEXT, TIME, shown
from qmodel.errors import ModelError
from qmodel.loads import Poisson
from qmodel.planning.region import warn_beyond
from qmodel.units import text

if TYPE_CHECKING:
    from qmodel.pipeline import Pipeline, PipelineResult
    from qmodel.queues import Station

__all__ = ["hysteresis"]

_POINTS = 160  # of a curve


@checked
@with_doubts
def hysteresis(
    model: Pipeline | Station, arrival_rate: float | Poisson | None = None
) -> Answer:
    """Say up to which load a model is healthy, what may tip it, and how it comes back.

    Parameters
    ----------
    model : Pipeline or Station
        The model, of clients who try again or send copies; one scenario. [-]
    arrival_rate : float, optional
        The load; by default 60 % of what the model can sustain. [1/s]

    Returns
    -------
    Answer
        All steady states at the load, how long a trigger is survived, and a picture of the
        goodput by load: up on the healthy branch to the fold, back on the collapsed one. [-]

    Raises
    ------
    DomainError
        If the load is negative.
    ModelError
        If the model has arrays, or nothing in it is tried again or copied.

    Examples
    --------
    >>> import qmodel as qm
    >>> app = qm.timeout(0.5, qm.call("app", qm.MMc(0.1, servers=8)))
    >>> site = qm.Pipeline(qm.retry(app, attempts=3, pause=0.1))
    >>> print(hysteresis(site, 60.0))
    Healthy at 60/s, and up to 68.6/s; once collapsed it comes back only below 26.7/s
    Beyond 76.4 attempts a second it runs into the collapsed state by itself, with a goodput ...
    An outage of 589 ms tips it; so does a spike to 120/s of 804 ms. By the noise of ...
    To bring it back: less than 26.7/s, or no retries; 100 waiting attempts then take 5 s ...
    """
    whole = pipeline_of(model)
    if not whole.plan.timed:
        raise ModelError("one steady state at any load: nothing is tried again after a timeout")
    load, remark = sensible_load(whole, arrival_rate)
    warn_beyond(whole, load)
    result = whole.solve(load)
    fold, back = float(whole.fold), float(whole.hidden_capacity)
    states = result.equilibria
    facts = [
        Fact("arrival_rate", "load", load, RATE),
        Fact("state", "state", str(result.state)),
        Fact("fold", "healthy up to", fold, RATE),
        Fact("hidden_capacity", "comes back below", back, RATE),
        Fact("states", "steady states", len(states), "count"),
    ]
    meaning = [f"The load is {remark}."] if remark else []
    if len(states) > 1:
        attempts = _attempts(states["threshold"])
        facts.append(Fact("threshold", "attempts at the threshold", attempts, RATE))
        meaning.append(
            f"Beyond {text(attempts, '1/s').removesuffix('/s')} attempts a second it runs into "
            f"the collapsed state by itself, with a goodput of "
            f"{text(float(states['collapsed'].goodput), '1/s')}."
        )
        meaning += _triggers(whole, load, facts)
    return Answer(
        question="hysteresis",
        verdict=_verdict(result, load, fold, back),
        meaning=meaning,
        facts=facts,
        tables=[_table(states)],
        notes=[f"Basis: attempts {result.basis['visits']}, mean {result.basis['mean']}."],
        good=str(result.state) == "healthy" and load < float(whole.max_rate),
        draw=partial(_pictures, whole, load),
    )


def _verdict(result: PipelineResult, load: float, fold: float, back: float) -> str:
    at = f"at {text(load, '1/s')}"
    if math.isinf(fold):
        served = text(float(result.goodput), "1/s")
        return f"One steady state at any load; {at} a goodput of {served}"
    limit, below = text(fold, "1/s"), text(back, "1/s")
    if str(result.state) != "healthy":
        return f"Collapsed {at}: the healthy state ends at {limit}; it comes back below {below}"
    if len(result.equilibria) == 1:
        return f"Healthy {at}, whatever happened before; from {below} on it may collapse"
    return f"Healthy {at}, and up to {limit}; once collapsed it comes back only below {below}"


def _attempts(state: PipelineResult) -> float:
    """Return the attempts a second at the retry that makes most, or the visits."""
    rates = [float(r.attempt_rate) for r in state.retries.values()]
    most = [float(state.arrival_rate * v) for v in state.visits.values()]
    return max(rates or most)


def _triggers(model: Pipeline, load: float, facts: list[Fact]) -> list[str]:
    """Return what tips it and what brings it back, where that is known."""
    from qmodel.planning import trigger

    try:
        outage, spike = trigger(model, load), trigger(model, load, spike=2 * load)
    except ModelError:
        return []
    facts.append(Fact("outage", "survives an outage of", outage.longest, TIME))
    facts.append(Fact("spike", "survives twice the load for", spike.longest, TIME))
    line = f"An outage of {text(outage.longest, 's')} tips it"
    if math.isfinite(spike.longest):
        line += f"; so does a spike to {text(spike.spike, '1/s')} of {text(spike.longest, 's')}"
    lasts = _noise(model, load)
    if lasts is not None:
        facts.append(Fact("time_to_collapse", "tipped by noise after", lasts, AGE))
        line += f". By the noise of arrivals alone it lasts {shown(lasts, AGE)} on average"
    freed = outage.time_to_recover(100.0, load, retries=False)
    below = text(outage.comes_back_below, "1/s")
    return [
        f"{line}.",
        f"To bring it back: less than {below}, or no retries; 100 waiting attempts then take "
        f"{text(freed, 's')} at this load.",
    ]


def _noise(model: Pipeline, load: float) -> float | None:
    """Return the mean time until noise tips a single station [s], where it is known."""
    from qmodel.pipeline.steps.retry import Retry
    from qmodel.pipeline.steps.timeout import Timeout
    from qmodel.planning import time_to_collapse
    from qmodel.queues import MMc

    (station, *others) = model.stations.values()
    retries = [step for step in model.plan.steps() if isinstance(step, Retry)]
    late = [step for step in model.plan.steps() if isinstance(step, Timeout)]
    if others or not isinstance(station, MMc) or retries[0].budget is not None:
        return None
    return float(
        time_to_collapse(
            load,
            station.service_time,
            servers=int(station.servers),
            timeout=late[0].after,
            attempts=retries[0].attempts,
        )
    )


def _table(states: Any) -> Table:
    rows = list(states.values())
    columns = [
        Column("state", "", TEXT, list(states)),
        Column("goodput", "goodput", RATE, [float(r.goodput) for r in rows]),
        Column("accepted", "answered", SHARE, [float(r.accepted) for r in rows]),
    ]
    if rows[0].retries:
        tried = [max(r.retries.values(), key=lambda x: float(x.amplification)) for r in rows]
        amplified = [float(r.amplification) for r in tried]
        columns.append(Column("amplification", "attempts a request", NUMBER, amplified))
        columns.append(Column("wasted", "wasted work", SHARE, [float(r.wasted) for r in tried]))
    answered = [float(r.accepted) > 0 for r in rows]
    for name, p in (("p50", 0.5), ("p99", 0.99)):
        times = [
            float(r.latency.quantile(p)) if some else math.nan
            for r, some in zip(rows, answered, strict=True)
        ]
        columns.append(Column(name, name, TIME, times))
    return Table("states", "Steady states at this load", columns)


def _pictures(model: Pipeline, load: float) -> Sequence[Picture]:
    from qmodel.answers.pictures import lines, marks, rows_of

    fold, back, most = float(model.fold), float(model.hidden_capacity), float(model.max_rate)
    ends = [x for x in (fold, back, most) if math.isfinite(x)]
    until = 1.25 * max([load, *ends])
    loads = np.linspace(until / _POINTS, until, _POINTS)
    # The branches meet at the folds.
    near = [x * (1 + side) for x in ends for side in (-1e-9, 1e-9)]
    loads = np.unique(np.concatenate([loads, near]))
    result = model.solve(loads)
    branches = {"healthy": result} | dict(result.equilibria)
    rows: dict[str, list[Any]] = {"goodput": [], "attempts": []}
    alone = np.broadcast_to(np.asarray(result.state) != "healthy", loads.shape)
    for name, branch in branches.items():
        named = {
            "goodput": np.broadcast_to(branch.goodput, loads.shape),
            "attempts": _amplified(branch, loads),
        }
        for key, values in named.items():
            if name == "healthy":
                healthy = np.where(alone, np.nan, values)
                rows[key] += _rows(rows_of, loads, healthy, key, "healthy")
                rows[key] += _rows(
                    rows_of, loads, np.where(alone, values, np.nan), key, "collapsed"
                )
            else:
                label = "threshold (unstable)" if name == "threshold" else name
                rows[key] += _rows(rows_of, loads, values, key, label)
    at = {"here": load, "fold": fold, "comes back": back}
    titles = {"goodput": "answers/s", "attempts": "attempts a request"}
    heads = {"goodput": "Goodput by load: up and back", "attempts": "Attempts by load"}
    return [
        marks(lines(heads[k], rows[k], ("load", "requests/s"), (k, titles[k]), by="of"), at)
        for k in ("goodput", "attempts")
    ]


def _rows(rows_of: Any, loads: Any, values: Any, key: str, label: str) -> list[Any]:
    cells = {"load": loads.tolist(), key: np.asarray(values, dtype=float).tolist()}
    found: list[Any] = rows_of(cells | {"of": [label] * loads.size})
    return found


def _amplified(branch: PipelineResult, loads: Any) -> Any:
    most = [np.broadcast_to(r.amplification, loads.shape) for r in branch.retries.values()]
    most = most or [np.broadcast_to(v, loads.shape) for v in branch.visits.values()]
    return np.max(most, axis=0)
