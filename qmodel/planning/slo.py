r"""Service-level objectives: what "fast enough" means, and how far a model is from it.

An objective is a quantity, a limit and, if need be, whose it is, in the words in which
teams write it down:

==============================  ==================================================
``p99 < 300 ms``                a percentile of the latency; also ``p(99)<300ms``
``mean <= 80 ms``               the mean latency
``p99.9 of checkout < 1 s``     the latency of one kind of request
``utilization < 70%``           of the busiest station
``utilization of db < 70%``     of one station
==============================  ==================================================

`Objective.margin` measures the distance for root finding. It rises with load through zero
at the limit, and is close to a straight line: :math:`\ln P(T > t) - \ln(1 - p)` for a
percentile (one tail, no quantile), :math:`1 - t / E[T]` for the mean,
:math:`\rho / \rho_{\max} - 1` for a utilization; the first two are linear for M/M/1.

**Strictness.** ``x < limit`` is ``x <= the next smaller float``: a constant delay of 300 ms
meets ``p99 <= 300 ms`` and misses ``p99 < 300 ms``.
**Overload.** An overloaded model misses every objective: its margin is ``inf``.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import numpy as np

from qmodel import units
from qmodel._typing import Value
from qmodel.errors import DomainError
from qmodel.planning._results import Result, latency_of, max_rate_of, near, utilization_of

__all__ = ["Objective", "parse_objective"]

_LEAST = 1e-300  # A tail that rounds to zero is far enough from any limit.
_PERCENTILE = re.compile(r"p(?:\s*\(\s*)?(\d+(?:\.\d+)?)(?:\s*\))?")
_KNOWN = ("p50", "p95", "p99", "p99.9", "mean", "utilization")
_WRITTEN = re.compile(
    r"\s*(?P<quantity>p\s*\([^)]*\)|[^\s<]+)(?:\s+of\s+(?P<subject>[^<]+?))?"
    r"\s*(?P<comparison><=?)\s*(?P<limit>[^\s<>=][^<>=]*?)\s*"
)


@dataclass(frozen=True, slots=True)
class Objective:
    """A limit that a quantity of a solved model must stay below.

    Parameters
    ----------
    quantity : str
        "mean" or a percentile such as "p99.9", of the latency; or "utilization". [-]
    limit : float
        The limit, > 0; a utilization is a share, at most 1. [s]
    subject : str, optional
        A kind of request for a latency, a station for a utilization; by default all
        requests, and the busiest station. [-]
    comparison : {"<", "<="}, default "<"
        Whether the limit itself is missed or met. [-]

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
    comparison: str = "<"

    def __post_init__(self) -> None:
        if self.quantity not in ("mean", "utilization"):
            _probability(self.quantity)
        if self.comparison not in ("<", "<="):
            raise DomainError(f"comparison must be '<' or '<=', got {self.comparison!r}")
        if not 0 < self.limit < math.inf:
            raise DomainError(f"limit of {self.quantity} must be > 0, got {self.limit}")
        if self.quantity == "utilization" and self.limit > 1:
            hint = f"; did you mean {self.limit:g}%?" if self.limit <= 100 else ""
            raise DomainError(f"limit of utilization must be <= 1, got {self.limit}{hint}")

    @property
    def probability(self) -> float | None:
        """The p of a percentile, 0.99 for p99; None for other quantities. [-]."""
        return None if self.quantity in ("mean", "utilization") else _probability(self.quantity)

    def value(self, result: Result) -> Value:
        """Return the quantity itself.

        Parameters
        ----------
        result : PipelineResult or StationResult
            A solved model. [-]

        Returns
        -------
        number or array
            The percentile or the mean; a utilization is a share. [s]

        Raises
        ------
        ModelError
            If the model has no such kind or station; the message has the nearest one.
        """
        if self.quantity == "utilization":
            return utilization_of(result, self.subject)
        law, p = latency_of(result, self.subject), self.probability
        return law.mean if p is None else law.quantile(p)

    def margin(self, result: Result) -> Value:
        """Return how far beyond its limit the quantity is: positive where it is missed.

        Parameters
        ----------
        result : PipelineResult or StationResult
            A solved model. [-]

        Returns
        -------
        number or array
            Zero at the limit, increasing with load, ``inf`` in overload, NaN for NaN. [-]

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
        bound = math.nextafter(self.limit, 0.0) if self.comparison == "<" else self.limit
        with np.errstate(divide="ignore"):
            if self.quantity == "utilization":
                margin = utilization_of(result, self.subject) / bound - 1
            elif (p := self.probability) is None:
                margin = 1 - np.divide(bound, latency_of(result, self.subject).mean)
            else:
                tail = latency_of(result, self.subject).tail(bound)
                margin = np.log(np.maximum(tail, _LEAST)) - math.log1p(-p)
        overload = np.greater_equal(result.arrival_rate, max_rate_of(result))
        return np.where(overload, np.inf, margin)[()]

    def met(self, result: Result) -> Value:
        """Return whether the objective is met; never in overload, nor for NaN.

        Parameters
        ----------
        result : PipelineResult or StationResult
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

    def text(self, value: float) -> str:
        """Return a value of the quantity as people write it.

        Parameters
        ----------
        value : float
            The value; a utilization is a share. [s]

        Returns
        -------
        str
            Number and unit. [-]
        """
        return units.text(value, "%" if self.quantity == "utilization" else "s", digits=12)

    def __str__(self) -> str:
        """Return the objective as `parse_objective` reads it."""
        whose = f" of {self.subject}" if self.subject else ""
        return f"{self.quantity}{whose} {self.comparison} {self.text(self.limit)}"


def parse_objective(written: str | Objective) -> Objective:
    """Return the objective that a text means.

    Parameters
    ----------
    written : str or Objective
        Such as "p99 < 300 ms" or "utilization of database < 70%"; the limit of a latency
        has a unit of time. An objective passes. [-]

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
    >>> parse_objective("p99 < 300")
    Traceback (most recent call last):
    qmodel.errors.DomainError: the limit of p99 needs a unit of time, such as '300 ms', ...
    """
    if isinstance(written, Objective):
        return written
    match = _WRITTEN.fullmatch(written) if isinstance(written, str) else None
    if match is None:
        raise DomainError(
            "expected an objective with an upper limit, < or <=, such as 'p99 < 300 ms' or "
            f"'utilization of database < 70%', got {written!r}"
        )
    quantity, subject, comparison, limit = match.groups()
    percentile = _PERCENTILE.fullmatch(quantity)
    if percentile:
        digits = percentile[1]
        quantity = f"p{digits.rstrip('0').rstrip('.') if '.' in digits else digits}"
    elif quantity not in ("mean", "utilization"):
        _probability(quantity)
    value = units.parse(limit)
    match = units._NUMBER.fullmatch(limit)
    name = match[2] if match else ""
    if quantity == "utilization" and name not in ("", "%"):
        raise DomainError(f"the limit of utilization is a share, such as '70%', got {limit!r}")
    if quantity != "utilization" and name not in units._TIMES:
        example = f"'{limit} ms'" if not name else "'300 ms'"
        raise DomainError(
            f"the limit of {quantity} needs a unit of time, such as {example}, got {limit!r}"
        )
    return Objective(quantity, value, subject, comparison)


def _probability(quantity: str) -> float:
    match = _PERCENTILE.fullmatch(quantity)
    if match is None:
        raise DomainError(f"unknown quantity {quantity!r}{near(quantity, _KNOWN)}")
    # The number as written: 99.9 / 100 is not the float nearest to 0.999.
    p = float(f"{match[1]}e-2")
    if not 0 < p < 1:
        raise DomainError(f"a percentile must be above p0 and below p100, got {quantity!r}")
    return p
