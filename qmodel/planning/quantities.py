r"""What objectives and comparisons measure: percentiles, means, probabilities, shares, goodput.

Each quantity reads its value off a solved model, and measures how far that is beyond a limit.
The margin is negative where the limit is kept, zero at it, and close to a straight line in the
load, so that roots are found in few steps:

==================  ================================================================
quantity            margin beyond the limit b
==================  ================================================================
a percentile        :math:`\ln P(T > b) - \ln(1 - p)`: one tail, no quantile
the mean latency    :math:`1 - b / E[T]`
the mean wait       :math:`(W - b) / (W + b)`, as an idle queue has none
P(T > t)            :math:`\ln P(T > t) - \ln b`
utilization         :math:`\rho / b - 1`
rejected, ...       :math:`\ln r - \ln b`
goodput             :math:`1 - X / b`, as more of it is better
==================  ================================================================

The first two are linear for M/M/1. **Loss** is all that does not get through, rejected and
abandoned together.
"""

from __future__ import annotations

import math
import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np

from qmodel import units
from qmodel._nearest import did_you_mean
from qmodel._typing import Value
from qmodel.basis import Assumption
from qmodel.distributions import Distribution
from qmodel.errors import DomainError
from qmodel.planning._results import (
    Result,
    goodput_of,
    latency_of,
    mean_of,
    mean_wait_of,
    share_of,
    utilization_of,
    wait_of,
)

__all__ = ["KNOWN", "Quantity", "quantity_of", "tail_at"]

_LEAST = 1e-300  # A tail that rounds to zero is far enough from any limit.
_PERCENTILE = re.compile(r"p\s*(?:\(\s*(\d+(?:\.\d+)?)\s*\)|(\d+(?:\.\d+)?))")
_TIMED = re.compile(
    r"(?P<statistic>mean|p\s*\([^)>]*\)|p[\d.]+)"
    r"(?:\s+(?:of\s+)?(?:the\s+)?(?P<variable>wait|latency|response))?"
)
_BEYOND = re.compile(
    r"[Pp]\s*\(\s*(?P<variable>wait|latency|response)\s*>\s*(?P<time>[^)]+?)\s*\)"
)
KNOWN = (
    "p50", "p95", "p99", "p99.9", "mean", "p95 wait", "mean wait", "P(wait > 0 s)",
    "P(latency > 1 s)", "utilization", "loss", "rejected", "abandoned", "goodput",
)  # fmt: skip
"""Quantities to choose from; any percentile and any time will do."""


class Quantity(ABC):
    """Something that is read off a solved model."""

    __slots__ = ()

    unit: ClassVar[str] = "s"
    """Unit of the value, as `qmodel.units.text` has it."""

    more_is_better: ClassVar[bool] = False
    """Whether a limit is one from below."""

    @abstractmethod
    def value(self, result: Result, subject: str | None = None) -> Value:
        """Return the value: of all requests, of a kind, or at a station."""

    @abstractmethod
    def margin(self, result: Result, subject: str | None, bound: float) -> Value:
        """Return how far the value is beyond a bound; negative where it is within."""

    def grounds(self, result: Result) -> tuple[Assumption, ...]:
        """Return what the value rests on."""
        known = result.basis.grounds
        return (
            known.get(self._ground)
            or known.get("response_time")
            or known.get("visits")
            or result.assumptions
        )

    @property
    def _ground(self) -> str:
        return "percentiles"


def _time(result: Result, variable: str, subject: str | None) -> Distribution:
    return (wait_of if variable == "wait" else latency_of)(result, subject)


def tail_at(result: Result, quantity: Quantity, time: float) -> Value:
    """Return the probability that what a percentile is of is longer than a time."""
    assert isinstance(quantity, Percentile)
    return _time(result, quantity.variable, None).tail(time)


def _log_excess(share: Any, bound: Any) -> Any:
    return np.log(np.maximum(share, _LEAST)) - np.log(bound)


@dataclass(frozen=True, slots=True)
class Mean(Quantity):
    """A mean time."""

    variable: str

    def value(self, result: Result, subject: str | None = None) -> Value:
        if self.variable == "wait":
            return mean_wait_of(result, subject)
        return mean_of(result, subject)

    def margin(self, result: Result, subject: str | None, bound: float) -> Value:
        mean = self.value(result, subject)
        if self.variable == "wait":
            return 1 - 2 * np.divide(bound, np.add(mean, bound))
        return 1 - np.divide(bound, mean)

    @property
    def _ground(self) -> str:
        return "mean"

    def __str__(self) -> str:
        return "mean wait" if self.variable == "wait" else "mean"


@dataclass(frozen=True, slots=True)
class Percentile(Quantity):
    """A time that a share of the requests does not exceed."""

    digits: str
    variable: str

    def __post_init__(self) -> None:
        if not 0 < self.probability < 1:
            raise DomainError(
                f"a percentile must be above p0 and below p100, got p{self.digits}"
            )

    @property
    def probability(self) -> float:
        """The share, 0.99 for p99. [-]."""
        # The number as written: 99.9 / 100 is not the float nearest to 0.999.
        return float(f"{self.digits}e-2")

    def value(self, result: Result, subject: str | None = None) -> Value:
        return _time(result, self.variable, subject).quantile(self.probability)

    def margin(self, result: Result, subject: str | None, bound: float) -> Value:
        tail = _time(result, self.variable, subject).tail(bound)
        return np.log(np.maximum(tail, _LEAST)) - math.log1p(-self.probability)

    def __str__(self) -> str:
        return f"p{self.digits}{' wait' if self.variable == 'wait' else ''}"


@dataclass(frozen=True, slots=True)
class Beyond(Quantity):
    """The probability that a time is longer than a given one."""

    variable: str
    time: float
    unit = "%"

    def __post_init__(self) -> None:
        if not 0 <= self.time < math.inf:
            raise DomainError(f"the time in {self} must be >= 0 s, got {self.time}")

    def value(self, result: Result, subject: str | None = None) -> Value:
        return _time(result, self.variable, subject).tail(self.time)

    def margin(self, result: Result, subject: str | None, bound: float) -> Value:
        return _log_excess(self.value(result, subject), bound)

    def __str__(self) -> str:
        return f"P({self.variable} > {exact_text(self.time, 's')})"


@dataclass(frozen=True, slots=True)
class Share(Quantity):
    """A share of the requests, or of the time of the servers."""

    name: str
    unit = "%"

    def value(self, result: Result, subject: str | None = None) -> Value:
        if self.name == "utilization":
            return utilization_of(result, subject)
        return share_of(result, self.name, subject)

    def margin(self, result: Result, subject: str | None, bound: float) -> Value:
        value = self.value(result, subject)
        return value / bound - 1 if self.name == "utilization" else _log_excess(value, bound)

    @property
    def _ground(self) -> str:
        return self.name

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Goodput(Quantity):
    """The requests that are served in a second."""

    unit = "1/s"
    more_is_better = True

    def value(self, result: Result, subject: str | None = None) -> Value:
        return goodput_of(result, subject)

    def margin(self, result: Result, subject: str | None, bound: float) -> Value:
        return 1 - self.value(result, subject) / bound

    @property
    def _ground(self) -> str:
        return "goodput"

    def __str__(self) -> str:
        return "goodput"


@lru_cache(maxsize=256)
def quantity_of(written: str) -> Quantity:
    """Return the quantity that a text means, such as "p99", "mean wait", "P(wait > 0)"."""
    if written == "goodput":
        return Goodput()
    if written in ("utilization", "loss", "rejected", "abandoned"):
        return Share(written)
    match = _BEYOND.fullmatch(written)
    if match:
        variable = "wait" if match["variable"] == "wait" else "latency"
        return Beyond(variable, duration(match["time"], f"P({match['variable']} > ...)"))
    match = _TIMED.fullmatch(written)
    if match:
        variable = "wait" if match["variable"] == "wait" else "latency"
        if match["statistic"] == "mean":
            return Mean(variable)
        percentile = _PERCENTILE.fullmatch(match["statistic"])
        if percentile:
            digits = percentile[1] or percentile[2]
            digits = digits.rstrip("0").rstrip(".") if "." in digits else digits
            return Percentile(digits, variable)
    raise DomainError(f"unknown quantity {written!r}{did_you_mean(written, KNOWN)}")


def duration(written: str, what: str) -> float:
    """Return the time that a text means; only zero needs no unit."""
    value = units.parse(written)
    match = units.NUMBER.fullmatch(written)
    name = match[2] if match else ""
    if name not in units.TIMES and value != 0:
        example = f"'{written} ms'" if not name else "'300 ms'"
        raise DomainError(f"{what} needs a unit of time, such as {example}, got {written!r}")
    return value


def text_beside(value: float, limit: float, unit: str) -> str:
    """Return a value in three digits, or as many as tell it from a limit."""
    written = ""
    for digits in (3, 6, 12):
        written, other = (units.text(x, unit, digits=digits) for x in (value, limit))
        if written != other:
            break
    return written


def exact_text(value: float, unit: str) -> str:
    """Return a value as people write it, with as many digits as it needs to be read back."""
    for digits in (12, 15, 17):
        written = units.text(value, unit, digits=digits)
        if units.parse(written) == value:
            return written
    return f"{value!r}{ {'s': ' s', '1/s': '/s'}.get(unit, '') }"
