"""Service-level objectives: what "fast enough" means, and how far a model is from it.

An objective is a quantity, a limit and, if need be, whose it is, in the words in which
teams write it down:

================================  ======================================================
``p99 < 300 ms``                  a percentile of the latency; also ``p(99)<300ms``
``99.9 % under 1 s``              the same as ``p99.9 < 1 s``; ``within`` is ``<=``
``mean <= 80 ms``                 the mean latency
``P(latency > 1 s) < 0.1 %``      the share of the requests that takes longer
``p80 wait < 20 s``               a percentile of the time in queue; also ``p80 of wait``
``mean wait < 1 s``               its mean; in a pipeline, of all queues
``P(wait > 0 s) < 1 %``           the share of the requests that has to wait
``utilization < 70 %``            of the busiest station
``loss < 0.1 %``                  rejected and abandoned together
``rejected < 1 %``                what limits and full stations turn away
``abandoned < 2 %``               what gives up waiting
``goodput > 100/s``               requests that are served; the one limit from below
``p99.9 of checkout < 1 s``       of a kind of request (latency, shares, goodput)
``p99 of database < 80 ms``       of a station: its response, all visits alike
``p95 wait of database < 10 ms``  of a station: wait, utilization, shares, goodput
``rejected of door < 1 %``        of a limit: shares, goodput
``... in 99.9 % of the minutes``  behind any of them, under a load that changes in time
``nobody waits longer than 30 s`` ``P(latency > 30 s) < 0.0001 %``: not one in a million
================================  ======================================================

In full: ``<quantity> [of <kind, station or limit>] <comparison> <limit>``. A time has a unit,
a share is written as 1 % or 0.01, a rate as 100/s. Latency and response are one word. The
percentiles of a wait are those of one queue: where there are several, name its station. A name
that a kind of request shares with a station is that of the kind.

`Objective.margin` measures the distance for root finding (`qmodel.planning.quantities`); it
rises with load through 0 at the limit, but for the goodput, of which a load brings more.

**Strictness.** ``x < limit`` is ``x <= the next smaller float``.
**Overload.** An overloaded model misses every objective: its margin is ``inf``.
**Losses.** Latencies are of the requests that get through: state a loss beside them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from qmodel import _check, units
from qmodel._checked import checked
from qmodel._fields import Model
from qmodel._lazy import once_loaded
from qmodel._typing import Value
from qmodel.errors import DomainError, ModelError
from qmodel.planning._results import Result, load_share_of
from qmodel.planning.held_in_time import IN_TIME, worst_of
from qmodel.planning.quantities import (
    Percentile,
    Quantity,
    duration,
    exact_text,
    quantity_of,
    text_beside,
)

if TYPE_CHECKING:
    from qmodel.pipeline import PipelineOverTime
else:
    PipelineOverTime = once_loaded("qmodel.pipeline.over_time", "PipelineOverTime")

__all__ = [
    "Objective",
    "Objectives",
    "missed_by",
    "objectives_of",
    "parse_objective",
    "unasked_losses",
]

_OVERLOAD = 1e100  # Beyond any margin.

_TIMES = r"(?:wait|latency|response)\b"
_WRITTEN = re.compile(
    rf"\s*(?P<quantity>[Pp]\s*\([^)]*>[^)]*\)"
    rf"|(?:mean|p[\d.]+|p\s*\([^)]*\))\s+(?:of\s+)?(?:the\s+)?{_TIMES}"
    r"|p\s*\([^)]*\)|[^\s<>]+)"
    r"(?:\s+of\s+(?P<subject>[^<>]+?))?"
    r"\s*(?P<comparison>[<>]=?)\s*(?P<limit>[^\s<>=][^<>=]*?)\s*"
)
_SHARE_WITHIN = re.compile(
    r"\s*(?P<percent>\d+(?:\.\d+)?)\s*%(?P<whose>\s+of\s+.+?)?"
    r"\s+(?P<word>under|within)\s+(?P<limit>.+?)\s*"
)

_NOBODY = re.compile(r"\s*nobody\s+(?:waits|takes)\s+(?:longer|more)\s+than\s+(?P<time>.+?)\s*")


@dataclass(frozen=True, slots=True)
class Objective(Model):
    """A limit that a quantity of a solved model must keep.

    Parameters
    ----------
    quantity : str
        A percentile such as "p99.9" or "mean", of the latency; the same of the wait, "p80
        wait"; a probability, "P(wait > 0 s)"; "utilization", "loss", "rejected",
        "abandoned" or "goodput". [-]
    limit : float
        The limit, > 0: of a time in seconds, of a share at most 1, of a goodput in requests
        a second. [s]
    subject : str, optional
        A kind of request, a station or a limit; by default all requests, and for a
        utilization the busiest station. [-]
    comparison : {"<", "<=", ">", ">="}, optional
        Whether the limit itself is missed or met; ">" for a goodput, "<" otherwise, the
        defaults. [-]
    of_time : float, default 1
        Fraction of time in which it must hold, where the load changes; > 0. [-]

    Raises
    ------
    DomainError
        If the quantity is unknown, or the limit is outside its domain.

    Examples
    --------
    >>> import qmodel as qm
    >>> objective = Objective("p99", 0.3)
    >>> result = qm.MMc(0.05, servers=2).solve([20.0, 39.0, 41.0])
    >>> objective.value(result).round(3), objective.met(result)
    (array([0.283, 4.618,   inf]), array([ True, False, False]))
    """

    quantity: str
    limit: float
    subject: str | None = None
    comparison: str = ""
    of_time: float = 1.0

    def __post_init__(self) -> None:
        what = quantity_of(self.quantity)
        object.__setattr__(self, "quantity", str(what))
        allowed = (">", ">=") if what.more_is_better else ("<", "<=")
        if self.comparison == "":
            object.__setattr__(self, "comparison", allowed[0])
        if self.comparison not in allowed:
            below = "a lower" if what.more_is_better else "an upper"
            example = f"{what} {allowed[0]} {what_limit(what)}"
            raise DomainError(
                f"{what} has {below} limit, such as {example!r}, got {self.comparison!r}"
            )
        for name in ("limit", "of_time"):
            object.__setattr__(self, name, _check.one(name, getattr(self, name), _check.real))
        if not 0 < self.limit < math.inf:
            raise DomainError(f"limit of {what} must be > 0, got {self.limit}")
        if what.unit == "%" and self.limit > 1:
            hint = f"; did you mean {self.limit:g}%?" if self.limit <= 100 else ""
            raise DomainError(f"limit of {what} must be <= 1, got {self.limit}{hint}")
        if not 0 < self.of_time <= 1:
            raise DomainError(f"of_time must be above 0 and at most 1, got {self.of_time}")

    @property
    def probability(self) -> float | None:
        """The p of a percentile, 0.99 for p99; None for other quantities. [-]."""
        what = quantity_of(self.quantity)
        return what.probability if isinstance(what, Percentile) else None

    @property
    def from_below(self) -> bool:
        """Whether the limit is one from below, as of a goodput. [-]."""
        return quantity_of(self.quantity).more_is_better

    @checked
    def value(self, result: Result | PipelineOverTime) -> Value:
        """Return the quantity itself.

        Parameters
        ----------
        result : PipelineResult, StationResult or PipelineOverTime
            A solved model. [-]

        Returns
        -------
        number or array
            A time, a share, or requests a second. [s]

        Raises
        ------
        ModelError
            If the model has no such kind or station; the message has the nearest one.
        """
        solved: Any = result
        value = quantity_of(self.quantity).value(solved, self.subject)
        if isinstance(result, PipelineOverTime):
            return worst_of(result.times, value, self.of_time, least=self.from_below)
        return value

    @checked
    def margin(self, result: Result | PipelineOverTime) -> Value:
        """Return how far beyond its limit the quantity is: positive where it is missed.

        Parameters
        ----------
        result : PipelineResult, StationResult or PipelineOverTime
            A solved model. [-]

        Returns
        -------
        number or array
            Zero at the limit, increasing with load (decreasing for a goodput), ``inf`` in
            overload, NaN for NaN. [-]

        Raises
        ------
        ModelError
            If the model has no such kind or station; the message has the nearest one.

        Examples
        --------
        >>> import qmodel as qm
        >>> objective = parse_objective("p99 < 300 ms")
        >>> objective.margin(qm.MMc(0.01).solve([70.0, 80.0, 90.0, 100.0])).round(2)
        array([-4.39, -1.39,  1.61,   inf])
        """
        margin = self._margins(result)
        if isinstance(result, PipelineOverTime):
            return worst_of(result.times, margin, self.of_time)
        overload = np.greater_equal(load_share_of(result), 1.0)
        return np.where(overload, np.inf, margin)[()]

    def _margins(self, result: Any) -> Value:
        bound = self.limit
        if self.comparison in ("<", ">"):
            bound = math.nextafter(bound, 0.0 if self.comparison == "<" else math.inf)
        with np.errstate(divide="ignore", invalid="ignore"):
            return quantity_of(self.quantity).margin(result, self.subject, bound)

    def met_at(self, result: PipelineOverTime) -> np.ndarray:
        """Return whether the objective holds at each time of a load that changes.

        Parameters
        ----------
        result : PipelineOverTime
            A model over time. [-]

        Returns
        -------
        array of bool
            For each of its times. [-]
        """
        return np.broadcast_to(self._margins(result) <= 0, result.times.shape)

    @checked
    def met(self, result: Result | PipelineOverTime) -> Value:
        """Return whether the objective is met; never in overload, nor for NaN.

        Parameters
        ----------
        result : PipelineResult, StationResult or PipelineOverTime
            A solved model. [-]

        Returns
        -------
        bool or array of bool
            For each cell. [-]

        Raises
        ------
        ModelError
            If the model has no such kind or station; the message has the nearest one.
        """
        return self.margin(result) <= 0

    @checked
    def text(self, value: float) -> str:
        """Return a value as people write it.

        Parameters
        ----------
        value : float
            The value. [s]

        Returns
        -------
        str
            Its text. [-]
        """
        return text_beside(value, self.limit, quantity_of(self.quantity).unit)

    def __str__(self) -> str:
        """Return the objective as `parse_objective` reads it."""
        whose = f" of {self.subject}" if self.subject else ""
        if re.match(rf"(?:the\s+)?{_TIMES}", self.subject or "") and re.fullmatch(
            r"mean|p[\d.]+", self.quantity
        ):
            whose = f" latency{whose}"  # "p99 of wait" is that of the time in queue.
        limit = exact_text(self.limit, quantity_of(self.quantity).unit)
        often = f" in {exact_text(self.of_time, '%')} of the time" if self.of_time < 1 else ""
        return f"{self.quantity}{whose} {self.comparison} {limit}{often}"


Objectives = str | Objective | Iterable[str | Objective]
"""One objective or several."""


def objectives_of(given: Iterable[Objectives]) -> list[Objective]:
    """Return the objectives among arguments, each of which may be several."""
    found: list[Objective] = []
    for one in given:
        one_only = (str, bytes, Mapping, Objective)
        several = isinstance(one, Iterable) and not isinstance(one, one_only)
        for written in cast(Iterable[Any], one) if several else (one,):
            if not isinstance(written, (str, Objective)):
                raise ModelError(
                    "objectives must be texts such as 'p99 < 300 ms', or Objectives, "
                    f"got {_check.short(written)}"
                )
            found.append(parse_objective(written))
    return found


def unasked_losses(objectives: Iterable[str], rejected: float, abandoned: float) -> str:
    """Return the end of a sentence on losses that no objective is about."""
    asked = {parse_objective(o).quantity for o in objectives}
    if asked & {"loss", "rejected", "abandoned", "goodput"}:
        return ""
    lost = (("are rejected", rejected), ("give up", abandoned))
    parts = [f"{units.text(float(x), '%', digits=2)} {what}" for what, x in lost if x > 1e-9]
    return f"; of the requests {' and '.join(parts)}" if parts else ""


def missed_by(result: Result, objectives: Sequence[Objective]) -> Value:
    """Return by how much the worst objective is missed; negative where all hold.

    Without objectives, how far the load is beyond a steady state. In overload more load is
    still worse, so that searches have a way down.
    """
    load = load_share_of(result)
    worst = reduce(np.maximum, [o.margin(result) for o in objectives] or [load - 1])
    worst = np.where(np.isposinf(worst), _OVERLOAD * np.maximum(load, 1.0), worst)
    # A steady state ends at the boundary, an objective is met there: both hold below zero.
    return np.where((worst == 0) & bool(objectives), -1e-300, worst)


@checked
def parse_objective(written: str | Objective) -> Objective:
    """Return the objective that a text means.

    Parameters
    ----------
    written : str or Objective
        Such as "p99 < 300 ms", "utilization of database < 70%" or "99.9 % under 1 s"; the
        table at the head of this module has all forms. An objective passes. [-]

    Returns
    -------
    Objective
        The objective. [-]

    Raises
    ------
    DomainError
        If the text is no objective; the message says what is wrong.

    Examples
    --------
    >>> parse_objective("p(99.9)<1.5s").limit
    1.5
    >>> print(parse_objective("p95 of checkout <= 0.25 s"))
    p95 of checkout <= 250 ms
    >>> print(parse_objective("80 % of wait within 20 s"), "and", parse_objective("loss<0.1%"))
    p80 wait <= 20 s and loss < 0.1 %
    >>> parse_objective("p99 < 300")
    Traceback (most recent call last):
    qmodel.errors.DomainError: the limit of p99 needs a unit of time, such as '300 ms', ...
    """
    if isinstance(written, Objective):
        return written
    of_time = 1.0
    if often := IN_TIME.fullmatch(written):
        written, of_time = often["goal"], float(f"{often['percent']}e-2")
    if nobody := _NOBODY.fullmatch(written):
        written = f"P(latency > {nobody['time']}) < 0.0001 %"
    short = _SHARE_WITHIN.fullmatch(written)
    if short:
        comparison = "<" if short["word"] == "under" else "<="
        whole = f"p{short['percent']}{short['whose'] or ''} {comparison} {short['limit']}"
    match = _WRITTEN.fullmatch(whole if short else written)
    if match is None:
        raise DomainError(
            "expected an objective, a quantity and its limit, such as 'p99 < 300 ms', "
            f"'loss < 1 %' or 'p95 wait of database < 10 ms', got {written!r}"
        )
    what, comparison = quantity_of(match["quantity"].strip()), match["comparison"]
    limit = _limit(what, match["limit"])
    return Objective(str(what), limit, match["subject"], comparison, of_time)


def _limit(what: Quantity, written: str) -> float:
    """Return a limit, in the unit of the quantity."""
    if what.unit == "s":
        return duration(written, f"the limit of {what}")
    value = units.parse(written)
    match = units.NUMBER.fullmatch(written)
    name = match[2] if match else ""
    share = name in ("", "%")
    if what.unit == "%" and not share:
        raise DomainError(f"the limit of {what} is a share, such as '1 %', got {written!r}")
    if what.unit == "1/s" and (share or name in units.TIMES or name in units.SIZES):
        raise DomainError(f"the limit of {what} is a rate, such as '100/s', got {written!r}")
    return value


def what_limit(what: Quantity) -> str:
    """Return an example of a limit."""
    return {"s": "300 ms", "%": "1 %", "1/s": "100/s"}[what.unit]
