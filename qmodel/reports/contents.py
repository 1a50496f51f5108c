"""What a report says of a model, section by section, each an answer to a question."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qmodel._checked import checked
from qmodel.loads import Closed, Profile

if TYPE_CHECKING:
    import pandas as pd

    from qmodel.answers.answer import Answer
    from qmodel.measurements import Measurements
    from qmodel.pipeline import Pipeline
    from qmodel.planning.slo import Objective, Objectives
    from qmodel.queues import Station

__all__ = ["Report", "Section", "report"]

_ACROSS = 9  # cells of each side of the heat map
_HEADROOM = (0.2, 0.5)
"""Shares by which the load may exceed what is said, whose cost is shown."""


@dataclass(frozen=True, slots=True, eq=False)
class Section:
    """A part of a report: an answer under a heading, and what else belongs to it.

    Parameters
    ----------
    key : str
        Where links lead. [-]
    title : str
        The heading. [-]
    answer : Answer
        What it says. [-]
    drawing : str, optional
        An SVG element before the pictures of the answer. [-]
    source : str, optional
        Text that is shown as it is written. [-]
    """

    key: str
    title: str
    answer: Answer
    drawing: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Report:
    """A report on a model.

    Parameters
    ----------
    title : str
        Its title. [-]
    sections : tuple of Section
        Its parts; the first holds the verdict. [-]

    Examples
    --------
    >>> import qmodel as qm
    >>> shop = qm.Pipeline(qm.call("web", qm.MMc(0.01, servers=4)))
    >>> print(qm.report(shop, 300.0, objectives="p99 < 80 ms"))
    Sustains up to 400/s; at 300/s: mean 15.1 ms, p99 60.1 ms; bottleneck: web
    """

    title: str
    sections: tuple[Section, ...]

    @property
    def verdict(self) -> str:
        """What the report comes to, in one line."""
        return self.sections[0].answer.verdict

    @property
    def good(self) -> bool:
        """Whether the load is sustained and the objectives are met."""
        return self.sections[0].answer.good

    def to_html(self) -> str:
        """Return the report as one page that needs no network.

        Returns
        -------
        str
            The page, in light or dark as the reader has it, fit to be printed. [-]

        Raises
        ------
        ModelError
            If what draws the pictures is not installed.
        """
        from qmodel.reports.page import page

        return page(self)

    def save(self, path: str | Path) -> Path:
        """Write the page to a file.

        Parameters
        ----------
        path : str or pathlib.Path
            Where to; ``.html`` opens in a browser. [-]

        Returns
        -------
        pathlib.Path
            The path. [-]
        """
        written = Path(path)
        written.write_text(self.to_html(), encoding="utf-8")
        return written

    def __str__(self) -> str:
        """Return the verdict."""
        return self.verdict

    def __repr__(self) -> str:
        """Return the verdict."""
        return f"<Report: {self.verdict}>"

    def _repr_html_(self) -> str:
        from qmodel.reports.page import framed

        return framed(self)


@checked
def report(
    model: Pipeline | Station,
    arrival_rate: float | Closed | Profile | None = None,
    *,
    objectives: Objectives = (),
    prices: Mapping[str, float] | None = None,
    scenarios: Mapping[str, Mapping[str, Any]] | None = None,
    spreads: Mapping[str, float] | float = 0.1,
    over: Mapping[str, Any] | None = None,
    zones: int = 3,
    spread: Sequence[str] | None = None,
    title: str = "Capacity and latency",
    source: str = "",
    measured: Measurements | pd.DataFrame | None = None,
) -> Report:
    """Return a report on a model: one page for who decides, with all that it rests on.

    It says in one line whether the model holds, draws it, and shows latency against load,
    where the time goes, two parameters at once, how many of each to have, what remains when
    something is lost, what decides, how sure that is, and on which assumptions it rests.

    Parameters
    ----------
    model : Pipeline or Station
        The model; one scenario. [-]
    arrival_rate : float, Closed or Profile, optional
        The load: a rate, users, or what changes in time; by default 60 % of what the model can
        sustain. Of one that changes in time the page first says what happens minute by minute;
        the rest is at its usual rate, which it is above for half of the time. [1/s]
    objectives : str, Objective or sequence of them, optional
        What must hold, such as "p99 < 300 ms"; without any, nothing is sized. [-]
    prices : mapping of str to number, optional
        Price of one of each parameter that is sized, as in `qmodel.size`. [-]
    scenarios : mapping of str to (mapping of str to number), optional
        What must hold too when sizing: peak, night, a zone lost, as in `qmodel.size`. [-]
    spreads : number or mapping of str to number, default 0.1
        How well the numbers are known, as in `qmodel.answers.uncertainty`. [-]
    over : mapping of str to sequence or str, optional
        The two axes of the heat map, as in `qmodel.answers.sweep`; by default the load, and
        the hit ratio that decides most, or the servers of the bottleneck. [-]
    zones : int, default 3
        Number of zones. [-]
    spread : sequence of str, optional
        What is spread over them, as in `qmodel.answers.outages`. [-]
    title : str, optional
        Title of the page. [-]
    source : str, optional
        Text of the model file, to be shown at the end. [-]
    measured : Measurements or pandas.DataFrame, optional
        Loads that were measured, as `qmodel.backtest` takes them: a section sets what the model
        predicts beside them. [-]

    Returns
    -------
    Report
        The report: a notebook shows it, ``save("site.html")`` writes it.

    Raises
    ------
    DomainError
        If a number is outside its domain, or a text is no objective.
    ModelError
        If the model has arrays, or lacks what an objective or an axis names.

    Examples
    --------
    >>> import qmodel as qm
    >>> shop = qm.Pipeline(qm.call("web", qm.MMc(0.01, servers=4)))
    >>> found = report(shop, 300.0, objectives="p99 < 80 ms")
    >>> ", ".join(section.key for section in found.sections)
    'verdict, map, sweep, size, losses, sensitivity, uncertainty, basis, model'
    >>> found.good
    True
    """
    from qmodel import answers
    from qmodel.answers.load import goals_of, pipeline_of, sensible_load
    from qmodel.reports import grounds

    whole, goals = pipeline_of(model), goals_of(objectives)
    sections: list[Section] = []
    if isinstance(arrival_rate, Profile):
        happens = answers.crowd(whole, arrival_rate, objectives=goals)
        sections.append(Section("crowd", "Minute by minute", happens))
        arrival_rate = _usual(arrival_rate)
    load, _ = sensible_load(whole, arrival_rate)
    result: Any = whole.solve(load)
    users = isinstance(load, Closed)
    flow = float(result.arrival_rate)
    if users:  # Who wait bring at most what the model can do.
        flow = min(flow, (1 - 1e-9) * float(result.max_rate))
    sections += [
        Section(
            "verdict",
            "Latency and load",
            answers.solve(whole, arrival_rate, objectives=goals),
        ),
        Section("map", "The pipeline", grounds.flows(result), drawing=whole.draw(flow).svg()),
    ]
    if measured is not None:
        tested = answers.backtest(whole, measured)
        sections.append(Section("backtest", "Held against measurements", tested))
    plain, remark = _searched(
        whole, result, [prices, spreads, over, *(scenarios or {}).values()]
    )

    def add(key: str, title: str, answer: Answer) -> None:
        # The picture of costs takes a search for each of its points: too long for a page.
        drawn = replace(answer, draw=tuple) if key == "size" else answer
        sections.append(Section(key, title, replace(drawn, notes=[*drawn.notes, *remark])))

    axes = _axes(plain, plain.solve(load) if remark else result) if over is None else over
    if axes:
        named = " and ".join("load" if a == "arrival_rate" else a for a in axes)
        fixed = load if users or "arrival_rate" not in axes else None
        add("sweep", f"By {named}", answers.sweep(plain, axes, fixed))
    if goals and _sizable(whole, prices):
        bought: dict[str, Any] = {"prices": prices, "scenarios": scenarios}
        sized = answers.size(plain, load, objectives=goals, **bought)
        spare = [
            answers.size(plain, load, objectives=goals, headroom=h, **bought)
            for h in (_HEADROOM if sized.good else ())
        ]
        table = grounds.headroom((0.0, *_HEADROOM), [sized, *spare]) if spare else []
        add("size", "How many of each", replace(sized, tables=[*sized.tables, *table]))
    losses = answers.outages(whole, load, objectives=goals, zones=zones, spread=spread)
    sections.append(Section("losses", "When something is lost", losses))
    if whole.plan.timed:
        again = answers.hysteresis(whole, load)
        sections.append(Section("retries", "When clients give up", again))
    if flow > 0 and (users or load < float(plain.max_rate)):
        reachable = _reachable(plain, goals, load)
        decides = answers.sensitivity(plain, load, objectives=reachable)
        add("sensitivity", "What decides", decides)
    if flow > 0:
        sure = answers.uncertainty(plain, load, spreads=spreads, objectives=goals)
        add("uncertainty", "How sure this is", sure)
    sections.append(Section("basis", "What this rests on", grounds.assumptions(result)))
    sections.append(Section("model", "The model", grounds.numbers(whole), source=source))
    return Report(title, tuple(sections))


def _searched(model: Pipeline, result: Any, named: Sequence[Any]) -> tuple[Pipeline, list[str]]:
    """Return what is searched, varied and drawn from, and a remark where it is a simpler model.

    `named` are mappings from names of parameters.
    """
    from qmodel.reports.patient import FEW, patient

    if not model.plan.timed or not any(step.word == "hold" for step in model.plan.steps()):
        return model, []
    plain = patient(model)
    known = {*plain.parameters(), "arrival_rate"}
    if any(not set(names) <= known for names in named if isinstance(names, Mapping)):
        return model, []
    if float(result.abandoned) < FEW:
        when = ": at this load fewer than one in a thousand give up"
    else:
        when = ", as nearly all do where the objectives are met"
    return plain, [f"Here all clients wait for their answers{when}."]


def _usual(load: Profile) -> float:
    """Return the rate that a load is above for half of the time [1/s]."""
    import numpy as np

    return float(np.median(load.rate(np.linspace(load.times[0], load.times[-1], 2001))))


def _sizable(model: Pipeline, prices: Mapping[str, float] | None) -> bool:
    from qmodel.planning._models import counted

    return bool(prices or counted(model))


def _reachable(model: Pipeline, goals: Sequence[Objective], load: Any) -> list[Objective]:
    """Return the objectives that the model meets at some load."""
    from qmodel.answers.read_off import capacity_of

    return list(goals) if goals and capacity_of(model, goals, load) > 0 else []


def _axes(model: Pipeline, result: Any) -> dict[str, list[float]]:
    """Return the load, and what else decides: a hit ratio, or the servers of the bottleneck."""
    import math

    from qmodel.networks.closed_result import ClosedResult
    from qmodel.pipeline.steps.cached import Cached

    limit = float(model.max_rate)
    if not math.isfinite(limit):
        return {}
    steps = [step for _, root in model.kinds.values() for step in root.walk()]
    given = [s.name for s in steps if isinstance(s, Cached) and s.policy is None]
    rates: dict[str, float] = {
        name: float(model.replace({f"{name}.hit_ratio": 0.0}).max_rate)
        for name in dict.fromkeys(given)
    }
    parts = [0.2 + 0.125 * i for i in range(_ACROSS)]
    axis, loads = "arrival_rate", _round([limit * part for part in parts])
    if isinstance(result, ClosedResult):
        axis, loads = "users", sorted({math.ceil(result.knee * part) for part in parts})
    known = model.parameters()
    least = min(rates, key=lambda name: rates[name], default="")
    if least and rates[least] < 0.95 * limit:
        now = float(known[f"{least}.hit_ratio"])
        ratios = sorted({*_round([i / (_ACROSS - 1) for i in range(_ACROSS)]), round(now, 3)})
        return {axis: loads, f"{least}.hit_ratio": ratios}
    own = [f"{result.bottleneck}.{what}" for what in ("servers", "permits")]
    servers = next((name for name in own if name in known), "")
    if not servers:
        return {}
    now = int(known[servers])
    span = max(1, round(now / 10))
    first = max(1, now - span * (_ACROSS // 2))
    counts = [first + span * i for i in range(_ACROSS)]
    return {axis: loads, servers: sorted({*counts, now})}


def _round(values: Sequence[float]) -> list[float]:
    return [float(f"{value:.3g}") for value in values]
