"""What the policy of a load balancer does to equal replicas: side by side, and with losses."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from qmodel import _check
from qmodel._checked import checked
from qmodel.answers.answer import Answer, Column, Fact, Picture, Table
from qmodel.answers.beyond import with_doubts
from qmodel.answers.hash_rings import hot_key, on_a_ring
from qmodel.answers.hit_ratios import within_header
from qmodel.answers.load import goals_of
from qmodel.answers.read_off import capacity_of
from qmodel.answers.words import COUNT, RATE, SHARE, TEXT, TIME, listed, lost, percent
from qmodel.errors import ModelError
from qmodel.units import text

if TYPE_CHECKING:
    import pandas as pd

    from qmodel.planning.slo import Objective, Objectives
    from qmodel.queues import Station, StationResult

__all__ = ["balance"]

IDEAL, BLIND = "central queue", "random"
CLOSE = 0.05
"""Of the mean: within it the errors of the approximations decide which is better."""
MEASURED_SCV = 9.0
"""Of the work of a request, up to which the errors of the policies were measured."""


@dataclass(frozen=True, slots=True)
class Pools:
    """What is asked: a replica, how many, which policies, and the points of a hash ring."""

    replica: Station
    replicas: int
    policies: Sequence[str]
    virtual_nodes: int

    def solve(self, policy: str, rate: float) -> StationResult:
        """Return the state under a policy at a load [1/s]."""
        return self.pool(policy).solve(rate)

    def pool(self, policy: str, lost: int = 0) -> Station:
        """Return the replicas behind a policy, less those that are lost."""
        from qmodel.balancing import balanced

        return balanced(policy, self.replica, self.replicas - lost)


def _policies(written: Sequence[str] | None) -> list[str]:
    """Return the names of policies as the library has them, each once; all for none."""
    from qmodel.balancing import POLICIES, balanced
    from qmodel.queues import MMc

    if not written:
        return list(POLICIES)
    names = [name.lower().replace("-", " ").replace("_", " ") for name in written]
    for name in names:
        balanced(name, MMc(1.0), 1)  # refuses an unknown name, with the nearest
    return list(dict.fromkeys(names))


def _goals(objectives: Objectives, replica: Station) -> list[Objective]:
    """Return the objectives, or that p99 is at most twice what it is without load."""
    found = goals_of(objectives)
    if found:
        return found
    twice = 2 * float(replica.solve(0.0).response.quantile(0.99))
    return goals_of(f"p99 < {text(twice, 's', digits=2)}")


@checked
@with_doubts
def balance(
    replica: Station,
    replicas: int,
    arrival_rate: float | None = None,
    *,
    load: float = 0.8,
    policies: Sequence[str] | None = None,
    objectives: Objectives = (),
    virtual_nodes: int = 100,
) -> Answer:
    """Say which policy of a load balancer answers soonest, and how much load it sustains.

    Parameters
    ----------
    replica : Station
        One of the equal replicas. [-]
    replicas : int
        How many there are. [-]
    arrival_rate : float, optional
        The load of all. [1/s]
    load : float, default 0.8
        The same as a share of what all can do, where `arrival_rate` is not given. [-]
    policies : sequence of str, optional
        Names as in `qmodel.balancing.POLICIES`; by default all. [-]
    objectives : str, Objective or sequence of them, optional
        What must hold; by default that p99 is at most twice that of no load. [-]
    virtual_nodes : int, default 100
        Points of each replica on a hash ring, were requests to go by their keys. [-]

    Returns
    -------
    Answer
        The policies side by side, the loss of a replica, hashing and hot keys. [-]

    Raises
    ------
    DomainError
        If a number is outside its domain, or there is no such policy.

    Examples
    --------
    >>> import qmodel as qm
    >>> found = balance(qm.MMc(0.010, servers=4), 8, 2560.0, policies=["random", "round robin"])
    >>> print(found.verdict)
    Round robin: mean 13.3 ms, p99 53.4 ms; random assignment would take 1.3 times as long
    """
    from qmodel.queues import Station

    count = int(_check.count("replicas", replicas))
    rate = _rate(_check.instance("replica", replica, Station), count, arrival_rate, load)
    pools = Pools(
        replica,
        count,
        _policies(policies),
        int(_check.count("virtual_nodes", virtual_nodes)),
    )
    goals = _goals(objectives, replica)
    frame = _frame(pools, rate, goals)
    best = _best(frame)
    result = pools.solve(best, rate)
    random = float(pools.solve(BLIND, rate).response_time)
    limit = float(frame["max_rate"].iloc[0])
    within = float(frame.set_index("policy")["capacity"][best])
    met = rate <= within and rate < limit
    loss, without_one = _loss(pools, best, rate, goals)
    hashed, ring = on_a_ring(pools, rate)
    facts = [
        Fact("arrival_rate", "load", rate, RATE),
        Fact("max_rate", "saturates at", limit, RATE),
        Fact("load", "load of all", rate / limit, SHARE),
        Fact("replicas", "replicas", pools.replicas, COUNT),
        Fact("best", "best policy", best),
        Fact("mean", "mean", float(result.response_time), TIME),
        Fact("p99", "p99", float(result.response.quantile(0.99)), TIME),
        Fact("rejected", "rejected", float(result.rejected), SHARE),
        Fact("abandoned", "abandoned", float(result.abandoned), SHARE),
        Fact("goodput", "goodput", float(result.goodput), RATE),
        Fact("met", "", met),
        Fact("random_over_best", "", _ratio(random, float(result.response_time)), "-"),
    ]
    notes = [_close(pools, frame, best), _ideal(pools), loss, hashed, hot_key(pools, rate)]
    return Answer(
        question="balance",
        verdict=_verdict(pools, best, result, limit, random),
        meaning=_meaning(pools, rate, limit, goals, (best, within, met)),
        facts=facts,
        tables=[_table(frame, best, goals)],
        notes=[note for note in [*notes, *_basis(frame, result, best)] if note],
        details={
            "objectives": [str(goal) for goal in goals],
            "basis": frame.attrs["basis"],
            "assumptions": {p: list(pools.solve(p, rate).assumptions) for p in pools.policies},
            "without_one": without_one,
            "hash_ring": ring,
        },
        good=met,
        frame=frame.copy,
        draw=partial(_pictures, frame, best),
    )


def _rate(replica: Station, replicas: int, arrival_rate: float | None, load: float) -> float:
    share = _check.one("load", load, _check.nonnegative)
    if arrival_rate is not None:
        return _check.one("arrival_rate", arrival_rate, _check.nonnegative)
    most = replicas * float(replica.max_rate)
    if math.isinf(most):
        raise ModelError(
            "a load is a share of what all can do, but these replicas never saturate"
        )
    return share * most


def _frame(pools: Pools, rate: float, goals: Sequence[Objective]) -> pd.DataFrame:
    """Return the library's comparison, with the probability of a wait and the capacity."""
    from qmodel.balancing import compare

    frame = compare(pools.replica, pools.replicas, rate, policies=pools.policies)
    results = [pools.solve(policy, rate) for policy in pools.policies]
    # Where requests share the workers nobody waits.
    waits = [math.nan if r.wait is None else float(r.wait.tail(0.0)) for r in results]
    frame["wait_probability"] = waits
    frame["loss"] = [float(r.rejected + r.abandoned) for r in results]
    frame["capacity"] = [capacity_of(pools.pool(policy), goals) for policy in pools.policies]
    return frame


def _best(frame: pd.DataFrame) -> str:
    """Return the policy with the least mean among those that a balancer can have."""
    found = frame.set_index("policy")
    real = found.drop(index=IDEAL, errors="ignore")
    if real.empty:
        return IDEAL
    # In overload the one that holds the objective up to the greatest load.
    return str(
        real.sort_values(["response_time", "capacity"], ascending=[True, False]).index[0]
    )


def _ratio(time: float, best: float) -> float:
    return time / best if math.isfinite(best) else math.nan


def _table(frame: pd.DataFrame, best: str, goals: Sequence[Objective]) -> Table:
    heads = {
        "response_time": ("mean", TIME),
        "p99": ("p99", TIME),
        "waiting_time": ("wait", TIME),
        "wait_probability": ("must wait", SHARE),
        "loss": ("lost", SHARE),
        "capacity": (within_header(goals), RATE),
    }
    columns = [Column("policy", "policy", TEXT, frame["policy"].tolist())]
    columns += [Column(key, *head, frame[key].tolist()) for key, head in heads.items()]
    empty = ("waiting_time", "wait_probability") if _nobody_waits(frame) else ()
    empty = empty if (frame["loss"] > 0).any() else (*empty, "loss")
    columns = [c for c in columns if c.key not in empty]
    marked = frame["policy"].tolist().index(best)
    mark = "the best that a balancer can do" if best != IDEAL else "the ideal"
    title = f"What the policy does, at {text(float(frame['arrival_rate'].iloc[0]), '1/s')}"
    return Table("policies", title, columns, marked, mark)


def _nobody_waits(frame: pd.DataFrame) -> bool:
    return bool(frame["wait_probability"].isna().all())


def _pictures(frame: pd.DataFrame, best: str) -> Sequence[Picture]:
    from qmodel.answers.pictures import bars, rows_of

    rows = rows_of({name: frame[name].tolist() for name in ("policy", "p99")})
    return [bars("p99 by policy", rows, ("p99", "p99 [s]"), "policy", marked=best)]


# Words --------------------------------------------------------------------------------------


def _verdict(
    pools: Pools, best: str, result: StationResult, limit: float, random: float
) -> str:
    rate = float(result.arrival_rate)
    if rate >= limit:
        at, most = text(rate, "1/s"), text(limit, "1/s")
        return (
            f"Overloaded at {at}: all replicas are saturated from {most} on, under any policy"
        )
    mean, p99 = float(result.response_time), float(result.response.quantile(0.99))
    times = f"mean {text(mean, 's')}, p99 {text(p99, 's')}"
    if gone := lost(float(result.rejected), float(result.abandoned)):
        times = f"{gone}, goodput {text(float(result.goodput), '1/s')}; of the rest {times}"
    if pools.replicas == 1:
        return f"One replica, so nothing to balance: {times}"
    more = _ratio(random, mean)
    if best == BLIND:
        return f"Random assignment: {times}"
    if more < 1 + CLOSE:
        return f"{best.capitalize()}: {times}; random assignment takes hardly longer"
    return (
        f"{best.capitalize()}: {times}; random assignment would take {more:.2g} times as long"
    )


def _meaning(
    pools: Pools,
    rate: float,
    limit: float,
    goals: Sequence[Objective],
    said: tuple[str, float, bool],
) -> list[str]:
    best, within, met = said
    n, each = pools.replicas, float(pools.replica.max_rate)
    copies = "1 replica" if n == 1 else f"{n} replicas"
    lines = [
        f"{copies} for {text(each, '1/s')} each can do {text(limit, '1/s')}; "
        f"{text(rate, '1/s')} is a load of {percent(rate / limit)}."
    ]
    if math.isinf(limit):
        lines = [f"{copies}, which never saturate; {text(rate, '1/s')} arrive."]
    what = _named(goals)
    if within == 0:
        return [*lines, f"{what}: MISSED at any load and with any policy."]
    state = "met" if met else "MISSED"
    until = "at any load" if math.isinf(within) else f"up to {text(within, '1/s')}"
    return [*lines, f"{what}: {state} here with {best}, which holds {_it(goals)} {until}."]


def _named(goals: Sequence[Objective]) -> str:
    names = listed([str(goal) for goal in goals])
    return f"Objective{'s' if len(goals) > 1 else ''} {names}"


def _it(goals: Sequence[Objective]) -> str:
    return "it" if len(goals) == 1 else "them"


def _close(pools: Pools, frame: pd.DataFrame, best: str) -> str:
    """Return which other policies are as good, as far as approximations can tell."""
    means = frame.set_index("policy")["response_time"].drop(index=IDEAL, errors="ignore")
    least = float(frame.set_index("policy")["response_time"][best])
    if pools.replicas == 1 or math.isinf(least):
        return ""
    close = [p for p in means.index if p != best and means[p] <= (1 + CLOSE) * least]
    if not close:
        return ""
    verb = "is" if len(close) == 1 else "are"
    return f"{listed(close).capitalize()} {verb} within 5 % of {best}."


def _ideal(pools: Pools) -> str:
    if pools.replicas == 1 or IDEAL not in pools.policies:
        return ""
    return "The central queue is the ideal: free workers fetch the next request themselves."


def _loss(
    pools: Pools, best: str, rate: float, goals: Sequence[Objective]
) -> tuple[str, dict[str, Any] | None]:
    """Return what the others do when one replica is lost."""
    from qmodel.balancing import rate_after_loss

    if pools.replicas == 1:
        return "One replica is all there is: its loss leaves nothing.", None
    limit = float(rate_after_loss(pools.pool(best)))
    pool = pools.pool(best, lost=1)
    result, within = pool.solve(rate), capacity_of(pool, goals)
    load = float(result.utilization)
    p99 = float(result.response.quantile(0.99))
    facts = {"max_rate": limit, "load": load, "mean": float(result.response_time)}
    facts |= {"p99": p99, "met": rate <= within and rate < limit}
    said = f"Without one of {pools.replicas} the others are {percent(load)} busy"
    if rate >= limit:
        return f"{said}: overloaded, they can do {text(limit, '1/s')}.", facts
    state = "met" if facts["met"] else "MISSED"
    mean = text(facts["mean"], "s")
    named = listed([str(goal) for goal in goals])
    return f"{said}: mean {mean}, p99 {text(p99, 's')} ({named}: {state}).", facts


def _basis(frame: pd.DataFrame, result: StationResult, best: str) -> list[str]:
    by_label: dict[str, list[str]] = {}
    for name, label in zip(frame["policy"], frame["basis"], strict=True):
        by_label.setdefault(label, []).append(name)
    said = "; ".join(f"{listed(names)} {label}" for label, names in by_label.items())
    weak = [a for a in result.assumptions if a.label != "exact"]
    lines = [f"Basis: {said}."]
    if weak:
        stated = "; ".join(f"{a}: {a.statement}" for a in weak)
        lines.append(f"{best.capitalize()} rests on {stated}.")
    if set(by_label) != {"exact"} and float(result.station.service.scv) > MEASURED_SCV:
        lines.append(
            f"Errors were measured for an SCV up to {MEASURED_SCV:g}; this one is beyond."
        )
    return lines
