"""Sizing: the cheapest whole numbers of servers and their like that meet the objectives.

One number for each of several stations, for objectives end to end: a fast station leaves time
to a slow one, so no station can be sized by itself. More servers never lengthen a latency or
lose more requests, which makes the search exact: every choice is bounded by what each number
needs while the others are unlimited (`qmodel.planning._least_cost`). It is complete for eight
stations in a second or less; where it is not, after a budget of choices, the answer is the
best found, with a bound on what might still be saved.

**Held pools** need not be the faster the more permits they have: a limit keeps requests from
waiting inside. What fewer permits are enough for counts as met (`qmodel.planning._fewer`).
**Scenarios** must hold all at once: the peak, the night, a zone lost, a cache lost. In a
scenario, a number that is sized stands for the share of it that is left, rounded down: with
``{"web.servers": 2 / 3}`` a third of them is gone.
**Lots.** What is no whole number, such as the memory of a cache, is bought in lots: with
``lots={"cache.capacity": 2**30}`` its number counts GiB.
**Headroom** multiplies every load. **Spares** are added to each number (N + k): as many of each
may fail, all at the same time.
**Over time**, under a `qmodel.Profile`, the objectives must hold through all of it, or in the
fraction of time that they say. Choices are then tried one by one, each at the price of a
solution over time.
**Users** who wait for their answer, under `qmodel.Closed`, never overload a model: any numbers
have a steady state, and headroom is more users.
**Shapes.** One scenario at a time: a model and load without arrays.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from qmodel import _check
from qmodel._checked import checked
from qmodel._nearest import did_you_mean
from qmodel.errors import DomainError, InfeasibleError, ModelError
from qmodel.loads import Closed, Poisson, Profile
from qmodel.networks import HeldPool
from qmodel.planning._domains import Domain, domain_of
from qmodel.planning._fewer import EnoughOfFewer
from qmodel.planning._least_cost import Holds, Numbers, cheapest
from qmodel.planning._loaded import one_load
from qmodel.planning._models import Asked, StationModel, asked, counted, has_arrays
from qmodel.planning._results import Model
from qmodel.planning._trials import Case, Trial, why_none
from qmodel.planning.region import warn_beyond
from qmodel.planning.sizing import Sizing
from qmodel.planning.slo import Objectives, objectives_of

__all__ = ["size"]


@checked
def size(
    model: Model,
    arrival_rate: float | Poisson | Closed | Profile,
    *objectives: Objectives,
    prices: Mapping[str, float] | None = None,
    lots: Mapping[str, float] | None = None,
    scenarios: Mapping[str, Mapping[str, Any]] | None = None,
    headroom: float = 0.0,
    spares: int | Mapping[str, int] = 0,
    budget: int = 200_000,
) -> Sizing:
    """Return the cheapest numbers of servers with which a model meets its objectives.

    Parameters
    ----------
    model : Pipeline or Station
        The model; its own numbers do not count, but where they are not sized. [-]
    arrival_rate : number, Closed or Profile
        The load, unless a scenario has its own: a rate, users, or what changes in time. [1/s]
    *objectives : str, Objective or sequence of them
        What must hold, all of it, such as "p99 < 300 ms", "loss < 1 %"; at least one. [-]
    prices : mapping of str to number, optional
        Price of one of each parameter that is sized, > 0; by default the replicas of each
        pool and the servers of each other station, at 1. [-]
    lots : mapping of str to number, optional
        Of what is sized and no whole number: how much of it is bought at once, > 0, which is
        what its price and its number count. [-]
    scenarios : mapping of str to (mapping of str to number), optional
        In each, what differs: "arrival_rate", parameters, and of what is sized the share
        that is left. By default the model as it is. [-]
    headroom : number, default 0
        Share by which all loads may exceed what is stated. [-]
    spares : int or mapping of str to int, default 0
        How many more of each to have. [-]
    budget : int, default 200000
        Most choices to try before the search ends with a bound. [-]

    Returns
    -------
    Sizing
        The numbers, their cost, what binds, and what one more of each would bring.

    Raises
    ------
    DomainError
        If a price, share or load is outside its domain, or a text is no objective.
    InfeasibleError
        If no numbers are enough; the message says what takes too long and how fast it must
        become.
    ModelError
        If there is no such parameter, it is no whole number, more of it is worse, the model
        has arrays, or there is no objective.

    Examples
    --------
    >>> import qmodel as qm
    >>> web, db = qm.call("web", qm.MMc(0.045)), qm.call("db", qm.MMc(0.020))
    >>> site = qm.Pipeline(qm.series(web, qm.cached(0.85, lookup=qm.nothing(), miss=db)))
    >>> print(size(site, 1200.0, "p99 < 250 ms", prices={"web.servers": 1, "db.servers": 3}))
    web.servers 56, db.servers 5 for p99 < 250 ms at 1200/s (cost 71, the least): p99 is 238 ms;
    web.servers binds, one more makes it 226 ms

    With a zone of three lost, and the night:

    >>> plan = size(site, 1200.0, "p99 < 250 ms", scenarios={
    ...     "peak": {}, "night": {"arrival_rate": 150.0},
    ...     "a zone lost": {"web.servers": 2 / 3, "db.servers": 2 / 3}})
    >>> plan.numbers, plan.binding_scenario
    ({'web.servers': 84, 'db.servers': 8}, 'a zone lost')

    Through a crowd, at whose peak a steady state needs seven:

    >>> news = qm.transients.pulse(2000, 6.0, base=100.0, until=24.0)
    >>> plan = size(qm.MMc(0.01), news, "p99 < 200 ms in 80 % of the minutes")
    >>> plan.numbers, plan.steady
    ({'servers': 5}, {'servers': 7})

    For 400 users who think five seconds:

    >>> print(size(site, qm.Closed(400, 5.0), "p99 < 250 ms"))
    web.servers 5, db.servers 1 for p99 < 250 ms with 400 users who think 5 s (cost 6, the
    least): p99 is 237 ms; web.servers binds, one more makes it 219 ms
    """
    what = asked(model)
    budget = _check.one_count("budget", budget)
    wanted = objectives_of(objectives)
    if not wanted:
        raise ModelError(
            "size needs an objective, such as 'p99 < 300 ms' or 'utilization < 70%'"
        )
    if has_arrays(what):
        raise ModelError("the model has arrays of its own: size one scenario at a time")
    cost = _prices(what, prices)
    more = float(_check.nonnegative("headroom", headroom))
    kept = _spares(spares, cost)
    domains = [domain_of(what, name) for name in cost]
    portions = _lots(domains, lots or {})
    rate = _load("arrival_rate", arrival_rate)
    cases = _cases(what, rate, {"as it is": {}} if scenarios is None else scenarios, list(cost))
    # Of a load that changes, at its peak.
    peaks = [replace(case, arrival_rate=_peak(case.arrival_rate)) for case in cases]
    weights = np.array(list(cost.values()))
    trial = Trial(cases, domains, wanted, 1 + more, portions)
    state = Trial(peaks, domains, [], 1 + more, portions)
    stable = state.unlimited(trial.bottom)
    if not state.holds(stable[None])[0] and not trial.over_time:
        raise InfeasibleError(why_none(trial, stable))
    # Of what can be saved on one, all of the others are the measure: more memory leaves fewer
    # requests to a database than those of the first steady state.
    high = trial.unlimited(trial.bottom if trial.over_time else stable)
    most = np.maximum(high, stable)
    steady = cheapest(state.excess, weights, trial.bottom, most, budget, state.holds)
    low = trial.bottom if trial.over_time else steady.least
    holds: Holds = trial.holds
    for pool in _pools(what, cost):
        holds = EnoughOfFewer(holds, trial.excess, pool, low, high).holds
    if not holds(high[None])[0]:
        trial.refuse_what_worsens(high)
        raise InfeasibleError(why_none(trial, high))
    found = cheapest(trial.excess, weights, low, high, budget, holds)
    needed = found.numbers
    scenario, objective = trial.binding(needed)
    gains = trial.gains(needed, scenario, objective)
    drops = -np.array([gain[0] for gain in gains]) / weights
    extra = float(weights @ kept)

    def named(values: Any, kind: type = int) -> dict[str, Any]:
        return {name: kind(value) for name, value in zip(cost, values, strict=True)}

    bought = zip(domains, needed + kept, portions, strict=True)
    sized = what.replace({d.name: d.number(n * lot) for d, n, lot in bought})
    # At the loads and with the spares of the values that stand beside it.
    plain = trial if not more else Trial(cases, domains, wanted, 1.0, portions)
    alike = plain is trial and not kept.any()
    then = gains if alike else plain.gains(needed + kept, scenario, objective)
    for case in cases:
        warn_beyond(sized, _peak(case.arrival_rate))
    return Sizing(
        numbers=named(needed + kept),
        needed=named(needed),
        least=named(found.least),
        steady=named(steady.least),
        prices=cost,
        lots={name: float(lot) for name, lot in named(portions, float).items() if lot != 1},
        cost=float(weights @ needed) + extra,
        bound=found.bound + extra,
        exact=found.exact,
        objectives=tuple(map(str, wanted)),
        values=plain.values(needed + kept),
        unlimited=plain.values(high),
        **plain.lost(needed + kept),
        binding=list(cost)[int(np.argmax(drops))],
        binding_objective=str(objective),
        binding_scenario=scenario,
        with_one_more=named([value for _, value in then], float),
        arrival_rate=rate,
        model=sized.station if isinstance(sized, StationModel) else sized,
    )


def _pools(model: Asked, sized: Iterable[str]) -> list[int]:
    """Return which of the numbers are permits of pools that are held."""
    if isinstance(model, StationModel):
        return [i for i, _ in enumerate(sized) if isinstance(model.station, HeldPool)]
    owners = (model.stations.get(name.rpartition(".")[0]) for name in sized)
    return [i for i, station in enumerate(owners) if isinstance(station, HeldPool)]


def _load(name: str, load: Any) -> float | Closed | Profile:
    return load if isinstance(load, Profile) else one_load(load, name)


def _peak(load: float | Closed | Profile) -> float | Closed:
    return load.peak if isinstance(load, Profile) else load


def _prices(model: Asked, prices: Mapping[str, float] | None) -> dict[str, float]:
    known = model.parameters()
    if prices is None:
        prices = dict.fromkeys(counted(model), 1.0)
    if not prices:
        raise ModelError("there is nothing to size: prices must name at least one parameter")
    for name in prices:
        if name not in known:
            raise ModelError(f"no parameter {name!r} in the model{did_you_mean(name, known)}")
    return {n: float(_check.positive(f"price of {n!r}", p)) for n, p in prices.items()}


def _lots(domains: list[Domain], lots: Mapping[str, float]) -> Any:
    """Return how much of each parameter is bought at once: 1 of whole numbers."""
    names = [domain.name for domain in domains]
    for name in lots:
        if name not in names:
            raise ModelError(f"{name!r} is not sized{did_you_mean(name, names)}")
    for domain in domains:
        if not domain.whole and domain.name not in lots:
            raise ModelError(
                f"{domain.name} is no whole number: lots must say how much of it is bought at "
                "once, or see `solve_for`"
            )
        if domain.whole and lots.get(domain.name, 1) != 1:
            raise ModelError(f"{domain.name} is a whole number: it is bought one by one")
    return np.array([float(_check.positive(f"lot of {n!r}", lots.get(n, 1))) for n in names])


def _spares(spares: int | Mapping[str, int], sized: Mapping[str, float]) -> Numbers:
    if isinstance(spares, Mapping):
        for name in spares:
            if name not in sized:
                raise ModelError(f"{name!r} is not sized{did_you_mean(name, sized)}")
        given = [spares.get(name, 0) for name in sized]
    else:
        given = [spares] * len(sized)
    return np.array([_check.one_count("spares", k, least=0, most=10**9) for k in given])


def _cases(
    model: Asked,
    rate: float | Closed | Profile,
    scenarios: Mapping[str, Mapping[str, Any]],
    sized: list[str],
) -> list[Case]:
    cases = []
    for name, changes in scenarios.items():
        left = np.array([changes.get(n, 1.0) for n in sized], dtype=float)
        for parameter, share in zip(sized, left, strict=True):
            if not 0 < share <= 1:
                raise DomainError(
                    f"{parameter} is sized: in scenario {name!r} it must be the share that is "
                    f"left, above 0 and at most 1, got {share:g}"
                )
        own = changes.get("arrival_rate", rate)
        others = {n: v for n, v in changes.items() if n not in (*sized, "arrival_rate")}
        load = _load(f"arrival_rate in {name!r}", own)
        cases.append(Case(name, model.replace(others) if others else model, load, left))
    if not cases:
        raise ModelError("scenarios must name at least one scenario")
    return cases
