"""The answer of ``qmodel balance``: policies side by side, loss of a replica, and hashing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qmodel.cli.report import RATE, SHARE, TEXT, TIME, Column, Report, Table, percent
from qmodel.errors import InfeasibleError
from qmodel.units import text

if TYPE_CHECKING:
    import pandas as pd

    from qmodel.planning import Objective
    from qmodel.queues import Station
    from qmodel.queues.base import StationResult

__all__ = ["Pools", "answer", "goal_of", "policies_of"]

IDEAL, BLIND = "central queue", "random"
CLOSE = 0.05
"""Of the mean: within it the errors of the approximations decide which is better."""
MEASURED_SCV = 9.0
"""Of the work of a request, up to which the errors of the policies were measured."""
RINGS = 0.95
"""Share of the hash rings that are no worse than what is said."""


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


def policies_of(written: Sequence[str] | None) -> list[str]:
    """Return the names of policies as the library has them, each once; all for none."""
    from qmodel.balancing import POLICIES, balanced
    from qmodel.queues import MMc

    if not written:
        return list(POLICIES)
    names = [name.lower().replace("-", " ").replace("_", " ") for name in written]
    for name in names:
        balanced(name, MMc(1.0), 1)  # refuses a name that is none, with the nearest
    return list(dict.fromkeys(names))


def goal_of(written: str | None, replica: Station) -> Objective:
    """Return the objective, or that p99 is at most twice what it is without load."""
    from qmodel.planning import parse_objective

    if written is None:
        twice = 2 * float(replica.solve(0.0).response.quantile(0.99))
        written = f"p99 < {text(twice, 's', digits=2)}"
    return parse_objective(written)


def answer(pools: Pools, rate: float, goal: Objective, guessed: str = "") -> Report:
    """Return the answer for replicas at a load [1/s]."""
    frame = _frame(pools, rate, goal)
    best = _best(frame)
    result = pools.solve(best, rate)
    random = float(pools.solve(BLIND, rate).response_time)
    limit = float(frame["max_rate"].iloc[0])
    within = float(frame.set_index("policy")["capacity"][best])
    met = rate <= within and rate < limit
    facts: dict[str, Any] = {"arrival_rate": rate, "max_rate": limit, "load": rate / limit}
    facts |= {"replicas": pools.replicas, "best": best, "objective": str(goal), "met": met}
    facts |= {"random_over_best": _ratio(random, float(result.response_time))}
    facts |= {"basis": frame.attrs["basis"]}
    facts |= {
        "assumptions": {p: list(pools.solve(p, rate).assumptions) for p in pools.policies}
    }
    loss, lost = _loss(pools, best, rate, goal)
    hashed, ring = _hashed(pools, rate)
    facts |= {"without_one": lost, "hash_ring": ring}
    notes = [_close(pools, frame, best), _ideal(pools), loss, hashed, _hot_key(pools, rate)]
    return Report(
        verdict=_verdict(pools, best, result, limit, random),
        meaning=_meaning(pools, rate, limit, goal, (best, within, met, guessed)),
        tables=[_table(frame, best, goal)],
        notes=[note for note in [*notes, *_basis(frame, result, best)] if note],
        frame=frame,
        facts=facts,
        good=met,
    )


def _frame(pools: Pools, rate: float, goal: Objective) -> pd.DataFrame:
    """Return the library's comparison, with the chance of a wait and the capacity."""
    from qmodel.balancing import compare

    frame = compare(pools.replica, pools.replicas, rate, policies=pools.policies)
    results = [pools.solve(policy, rate) for policy in pools.policies]
    # Where requests share the workers nobody waits.
    waits = [math.nan if r.wait is None else float(r.wait.tail(0.0)) for r in results]
    frame["chance_of_wait"] = waits
    frame["capacity"] = [_capacity(pools.pool(policy), goal) for policy in pools.policies]
    return frame


def _capacity(pool: Station, goal: Objective) -> float:
    from qmodel.planning import capacity

    try:
        return float(capacity(pool, goal))
    except InfeasibleError:
        return 0.0


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


def _table(frame: pd.DataFrame, best: str, goal: Objective) -> Table:
    heads = {
        "response_time": ("mean", TIME),
        "p99": ("p99", TIME),
        "waiting_time": ("wait", TIME),
        "chance_of_wait": ("must wait", SHARE),
        "capacity": (f"with {goal}", RATE),
    }
    columns = [Column("policy", "policy", TEXT, frame["policy"].tolist())]
    columns += [Column(key, *head, frame[key].tolist()) for key, head in heads.items()]
    if frame["chance_of_wait"].isna().all():
        columns = [c for c in columns if c.key not in ("waiting_time", "chance_of_wait")]
    marked = frame["policy"].tolist().index(best)
    mark = "the best that a balancer can do" if best != IDEAL else "the ideal"
    title = f"What the policy does, at {text(float(frame['arrival_rate'].iloc[0]), '1/s')}"
    return Table("policies", title, columns, marked, mark)


# Words --------------------------------------------------------------------------------------


def _verdict(
    pools: Pools, best: str, result: StationResult, limit: float, random: float
) -> str:
    rate = float(result.arrival_rate)
    if rate >= limit:
        at, most = text(rate, "1/s"), text(limit, "1/s")
        return f"Overloaded at {at}: all replicas are full from {most} on, under any policy"
    mean, p99 = float(result.response_time), float(result.response.quantile(0.99))
    times = f"mean {text(mean, 's')}, p99 {text(p99, 's')}"
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
    pools: Pools, rate: float, limit: float, goal: Objective, said: tuple[str, float, bool, str]
) -> list[str]:
    best, within, met, guessed = said
    n, each = pools.replicas, float(pools.replica.max_rate)
    copies = "1 replica" if n == 1 else f"{n} replicas"
    lines = [
        f"{copies} for {text(each, '1/s')} each can do {text(limit, '1/s')}; "
        f"{text(rate, '1/s')} is a load of {percent(rate / limit)}."
    ]
    if guessed:
        lines.append(f"Not given, so plausible values are taken: {guessed}.")
    if within == 0:
        lines.append(f"Objective {goal}: MISSED at any load and with any policy.")
    else:
        state = "met" if met else "MISSED"
        lines.append(
            f"Objective {goal}: {state} here with {best}, which holds it up to "
            f"{text(within, '1/s')}."
        )
    return lines


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
    return f"{_listed(close).capitalize()} {verb} within 5 % of {best}."


def _ideal(pools: Pools) -> str:
    if pools.replicas == 1 or IDEAL not in pools.policies:
        return ""
    return "The central queue is the ideal: free workers fetch the next request themselves."


def _listed(names: Sequence[str]) -> str:
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last


def _loss(
    pools: Pools, best: str, rate: float, goal: Objective
) -> tuple[str, dict[str, Any] | None]:
    """Return what the others do when one replica is lost."""
    from qmodel.balancing import rate_after_loss

    if pools.replicas == 1:
        return "One replica is all there is: its loss leaves nothing.", None
    limit = float(rate_after_loss(pools.pool(best)))
    pool = pools.pool(best, lost=1)
    result, within = pool.solve(rate), _capacity(pool, goal)
    load = float(result.utilization)
    p99 = float(result.response.quantile(0.99))
    facts = {"max_rate": limit, "load": load, "mean": float(result.response_time)}
    facts |= {"p99": p99, "met": rate <= within and rate < limit}
    said = f"Without one of {pools.replicas} the others are {percent(load)} busy"
    if rate >= limit:
        return f"{said}: overloaded, they can do {text(limit, '1/s')}.", facts
    state = "met" if facts["met"] else "MISSED"
    mean = text(facts["mean"], "s")
    return f"{said}: mean {mean}, p99 {text(p99, 's')} ({goal}: {state}).", facts


def _hashed(pools: Pools, rate: float) -> tuple[str, dict[str, Any] | None]:
    """Return what the fullest replica has where a ring of hashes assigns the requests."""
    from qmodel.balancing import ring_imbalance, ring_imbalance_quantile

    n, points = pools.replicas, pools.virtual_nodes
    if n == 1:
        return "", None
    mean = float(ring_imbalance(servers=n, virtual_nodes=points))
    worst = float(ring_imbalance_quantile(RINGS, servers=n, virtual_nodes=points))
    each = float(pools.replica.max_rate)
    fullest = pools.replica.solve(rate * worst / n)
    p99 = float(fullest.response.quantile(0.99))
    facts = {"imbalance": mean, "imbalance_p95": worst, "max_rate": each * n / worst}
    facts |= {"load": rate * worst / (n * each), "p99": p99}
    state = f"{percent(facts['load'])} busy"
    state += ", overloaded" if math.isinf(p99) else f" with a p99 of {text(p99, 's')}"
    count = "1 point" if points == 1 else f"{points} points"
    return (
        f"By a hash of keys, on a ring with {count} each, the fullest replica has "
        f"{mean:.3g} times its share, in one ring of twenty {worst:.3g} times or more: then "
        f"it is {state}, and all can do {text(facts['max_rate'], '1/s')}."
    ), facts


def _hot_key(pools: Pools, rate: float) -> str:
    each = float(pools.replica.max_rate)
    if pools.replicas == 1 or rate <= each:
        return ""
    return (
        f"Were one key asked for by more than {percent(each / rate)} of the requests, it would "
        "fill its replica alone, however many replicas there are."
    )


def _basis(frame: pd.DataFrame, result: StationResult, best: str) -> list[str]:
    by_label: dict[str, list[str]] = {}
    for name, label in zip(frame["policy"], frame["basis"], strict=True):
        by_label.setdefault(label, []).append(name)
    said = "; ".join(f"{_listed(names)} {label}" for label, names in by_label.items())
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
