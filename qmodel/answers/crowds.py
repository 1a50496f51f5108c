"""What a load that changes in time does: who waits, for how long, and what would be enough."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from qmodel import _check
from qmodel._checked import checked
from qmodel.answers.answer import Answer, Column, Fact, Table
from qmodel.answers.beyond import with_doubts
from qmodel.answers.held_over_time import held
from qmodel.answers.load import goals_of, pipeline_of
from qmodel.answers.pictures_over_time import pictures
from qmodel.answers.read_off import capacity_of
from qmodel.answers.words import BAR, COUNT, RATE, TEXT, TIME, WORDS, listed
from qmodel.errors import InfeasibleError, ModelError
from qmodel.loads import Profile
from qmodel.planning.region import warn_beyond
from qmodel.units import text

if TYPE_CHECKING:
    from qmodel.pipeline import Pipeline, PipelineOverTime
    from qmodel.planning.slo import Objective, Objectives
    from qmodel.queues import Station
    from qmodel.transients import Autoscaler, Emptied, Schedule

__all__ = ["crowd"]

_ROWS = 16


@checked
@with_doubts
def crowd(
    model: Pipeline | Station,
    load: Profile,
    *,
    objectives: Objectives = (),
    servers: Mapping[str, Schedule | Autoscaler] | Schedule | Autoscaler | None = None,
    emptied: Mapping[str, Emptied | float] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Answer:
    """Say what a crowd does to a model, minute by minute, and what would have been enough.

    Parameters
    ----------
    model : Pipeline or Station
        The model; one scenario. [-]
    load : Profile
        What comes; `qmodel.transients` has crowds, ramps and days. [1/s]
    objectives : str, Objective or sequence of them, optional
        What must hold at each moment, or in a fraction of time, such as "p99 < 1 s in 99 %
        of the minutes". [-]
    servers : mapping of str to Schedule or Autoscaler, optional
        By station, how the number of its servers changes. [-]
    emptied : mapping of str to Emptied or float, optional
        By cache, when it loses all that it has, and fills again. [s]
    progress : callable, optional
        Is told of the steps done, and of all. [-]

    Returns
    -------
    Answer
        Good where no objective is missed at any time, or, without any, no station is saturated.
        What would have been enough: servers that are ready beforehand, or a rate at which
        requests are admitted from a waiting room. [-]

    Raises
    ------
    DomainError
        If a text is no objective.
    ModelError
        If the model has arrays, an objective is not one over time, or a station has no
        solution over time.

    Examples
    --------
    >>> import qmodel as qm
    >>> web, db = qm.MMc(0.02, servers=32), qm.MMc(0.005, servers=4)
    >>> site = qm.Pipeline(qm.series(qm.call("web", web), qm.call("db", db)))
    >>> news = qm.transients.pulse(40_000, 60.0, base=300.0)
    >>> found = crowd(site, news, objectives="p99 < 1 s")
    >>> print(found.verdict)
    peak of 1343/s after 90 s: db is saturated from 73 s to 2:20 min; backlog up to 12,436, ...
    >>> [str(line) for line in found.meaning][0]
    'p99 < 1 s is missed from 77 s to 2:22 min, by 33 % of the requests.'
    """
    whole, goals = pipeline_of(model), goals_of(objectives)
    warn_beyond(whole, _check.instance("load", load, Profile))
    tell = progress or (lambda done, of: None)
    steps = 2 + len(goals) + bool(emptied)
    tell(0, steps)
    result = whole.over_time(load, servers=servers, emptied=emptied)
    tell(1, steps)
    meaning, met = [], []
    for i, goal in enumerate(goals, 2):
        good, said = held(goal, result)
        met.append(good)
        meaning.append(said)
        tell(i, steps)
    if emptied:
        meaning += _lost_caches(result, whole.over_time(load, servers=servers), emptied)
        tell(steps - 1, steps)
    meaning += _servers_over_time(result, servers)
    enough = _enough(whole, load, goals, result)
    tell(steps, steps)
    settled = result.settled_at
    worst = int(np.argmax(np.nan_to_num(result.p99)))
    facts = [
        Fact("peak", "peak of the load", load.peak, RATE),
        Fact("requests", "requests", load.total, COUNT),
        Fact("backlog", "backlog up to", float(result.backlog.max()), COUNT),
        Fact("p99", "p99 up to", float(result.p99[worst]), TIME),
        Fact("p99_at", "p99 highest after", float(result.times[worst]), TIME),
        Fact("lost", "lost", result.lost, COUNT),
    ]
    if not math.isnan(settled):
        facts.append(Fact("settled_at", "over after", settled, TIME))
    return Answer(
        question="crowd",
        verdict=str(result),
        meaning=meaning,
        facts=facts,
        tables=[_stations(result), _by_time(result), *enough],
        notes=[f"Basis: {next(iter(result.basis.assumptions('mean'))).statement}."],
        good=all(met) if goals else not result.overloaded,
        frame=result.to_frame,
        draw=partial(pictures, result, tuple(goals), _capacity(whole, result)),
    )


def _lost_caches(
    result: PipelineOverTime, warm: PipelineOverTime, emptied: Mapping[str, Any]
) -> list[str]:
    """Return what the loss of caches adds to what would happen anyway."""
    found = []
    for name in emptied:
        ratio = result.shares["cache", name]
        low = int(np.argmin(ratio))
        back = np.flatnonzero((np.arange(len(ratio)) >= low) & (ratio >= 0.9 * ratio.max()))
        until = "does not have 90 % of its hits back by the end"
        if back.size:
            again = _time(result.times[back[0]] - result.times[low])
            until = f"has 90 % of its hits back after {again}"
        found.append(f"{name}, emptied at {_time(result.times[low])}, {until}.")
    rates = {
        name: station.arrival_rate.max() / max(warm.stations[name].arrival_rate.max(), 1e-300)
        for name, station in result.stations.items()
        if name not in emptied
    }
    most = max(rates, key=lambda name: rates[name], default="")
    adds = [f"{most} {rates[most]:.1f} times the load"] if rates.get(most, 0) > 1.05 else []
    adds.append(f"a backlog of up to {result.backlog.max():,.0f}")
    worst, usual = (float(np.nanmax(r.p99)) for r in (result, warm))
    found.append(
        f"That adds up: {listed(adds)}, where it would be {warm.backlog.max():,.0f}, and a p99 "
        f"of up to {text(worst, 's')} instead of {text(usual, 's')}."
    )
    return found


def _servers_over_time(result: PipelineOverTime, servers: Any) -> list[str]:
    """Return how many servers there are where their number changes, and what they come to."""
    if servers is None:
        return []
    found = []
    for name, station in result.stations.items():
        there = station.servers
        if np.isfinite(there).all() and (there != there[0]).any():
            hours = float(np.trapezoid(there, result.times)) / 3600
            found.append(
                f"{name} has {there.min():,.0f} to {there.max():,.0f} servers: "
                f"{hours:,.1f} server hours."
            )
    return found


def _time(seconds: float) -> str:
    from qmodel.pipeline.over_time import in_minutes

    return in_minutes(float(seconds))


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(float(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _stations(result: PipelineOverTime) -> Table:
    names = list(result.stations)
    spans = result.overloaded
    over = [result.stations[name] for name in names]
    busy = [float(np.nanmax(np.nan_to_num(s.utilization))) for s in over]
    queues = [math.isfinite(float(s.servers.max())) for s in over]
    when = [
        f"{_time(spans[n][0])} to {_time(spans[n][1])}" if n in spans else "never"
        for n in names
    ]
    kept = [i for i, queue in enumerate(queues) if queue]
    return Table(
        "stations",
        "Where the crowd waits",
        [
            Column("station", "", TEXT, [names[i] for i in kept]),
            Column("busy", "busy up to", BAR, [min(busy[i], 1.0) for i in kept]),
            Column("full", "saturated from", WORDS, [when[i] for i in kept]),
            Column(
                "backlog",
                "backlog up to",
                COUNT,
                [round(float(over[i].queue_length.max())) for i in kept],
            ),
            Column(
                "waiting_time",
                "wait up to",
                TIME,
                [float(np.max(over[i].waiting_time)) for i in kept],
            ),
        ],
    )


def _by_time(result: PipelineOverTime) -> Table:
    # As many for each change of load and backlog, and some for time itself.
    curves = [result.arrival_rate, result.backlog, result.times / 2]
    steps = [np.abs(np.diff(x)) / max(float(np.ptp(x)), 1e-300) for x in curves]
    grown = np.concatenate([[0.0], np.cumsum(sum(steps))])
    wanted = np.linspace(0.0, grown[-1], _ROWS)
    # The moments that the verdict names are among them.
    named = [t for span in result.overloaded.values() for t in span]
    told = [int(np.argmax(x)) for x in (result.arrival_rate, np.nan_to_num(result.p99))]
    told += np.searchsorted(result.times, named).tolist()
    even = np.searchsorted(grown, wanted).clip(0, len(result.times) - 1)
    rows = np.unique(np.concatenate([told, even])).astype(int)
    clocks = [_clock(t) for t in result.times[rows]]
    rows = rows[[i for i, clock in enumerate(clocks) if clock not in clocks[:i]]]
    names = {"p50": TIME, "p99": TIME}
    one = 1 / float(np.ptp(result.times))

    def rates(flow: np.ndarray) -> list[float]:
        # Not one in all the time is none.
        return [float(rate) if rate >= one else 0.0 for rate in flow[rows]]

    return Table(
        "times",
        "Minute by minute",
        [
            Column("time", "after", WORDS, [_clock(t) for t in result.times[rows]]),
            Column("arrival_rate", "load", RATE, rates(result.arrival_rate)),
            Column("goodput", "served", RATE, rates(result.goodput)),
            *(
                Column(name, name, unit, getattr(result, name)[rows].tolist())
                for name, unit in names.items()
            ),
            Column("backlog", "backlog", COUNT, result.backlog[rows].round().tolist()),
        ],
    )


def _enough(
    model: Pipeline, load: Profile, goals: Sequence[Objective], result: PipelineOverTime
) -> list[Table]:
    """Return what would have been enough: nothing where it was."""
    if not result.overloaded:
        return []
    what, how = [], []
    for name in result.overloaded:
        if (needed := _servers(model, name, load.peak, goals)) is not None:
            have = int(np.max(model.stations[name].servers))
            what.append(f"{name}: servers that are ready beforehand")
            how.append(
                f"{needed:,} instead of {have:,}" if needed > have else "those there are"
            )
    rate = capacity_of(model, goals)
    if 0 < rate < load.peak:
        longest = waiting_room(load, rate)
        wait, admits = text(longest / rate, "s"), text(rate, "1/s")
        what.append("a waiting room")
        how.append(
            f"that admits {admits}: up to {longest:,.0f} wait in it, for up to {wait} "
            "(means; p99 is 5 to 28 % longer)"
        )
    if not what:
        return []
    columns = [Column("what", "", TEXT, what), Column("how", "", WORDS, how)]
    several = what[-1] == "a waiting room" and len(what) > 1
    either = ": all these servers, or a waiting room" if several else ""
    return [Table("enough", f"What would have been enough{either}", columns)]


def waiting_room(load: Profile, rate: float) -> float:
    """Return how many wait at most in a room that admits so many a second, in the mean [-].

    They are a fluid: probability adds 2.5 % to a mean of 450, 0.2 % to one of 12,000, and to
    p99 of the wait 28 % and 5 %.
    """
    times = np.linspace(load.times[0], load.times[-1], 4000)
    there = longest = 0.0
    coming = load.rate(times)
    for i, step in enumerate(np.diff(times)):
        there = max(there + (float(coming[i]) - rate) * step, 0.0)
        longest = max(longest, there)
    return longest


def _servers(model: Pipeline, name: str, rate: float, goals: Sequence[Objective]) -> int | None:
    """Return the servers of a station that sustain the peak as a steady state."""
    from qmodel.planning import solve_for

    for parameter in (f"{name}.servers", f"{name}.permits"):
        if parameter not in model.parameters():
            continue
        # The others must not be what limits: each is asked about alone.
        others = {
            other: 1_000_000
            for other in model.parameters()
            if other.rpartition(".")[2] in ("servers", "permits") and other != parameter
        }
        try:
            return int(solve_for(model.replace(others), parameter, rate, list(goals)))
        except (InfeasibleError, ModelError):
            return None
    return None


def _capacity(model: Pipeline, result: PipelineOverTime) -> np.ndarray:
    """Return what the servers that are ready can do at each time, in requests a second."""
    steady = model.solve(0.0)
    found = np.full(len(result.times), np.inf)
    for name, station in steady.stations.items():
        visits, over = float(steady.visits[name]), result.stations.get(name)
        most = float(station.station.max_rate)
        if over is None or visits <= 0 or not math.isfinite(most):
            continue
        there = float(np.max(station.station.servers))
        found = np.minimum(found, most / visits * over.servers / there)
    return np.where(np.isfinite(found), found, np.nan)
