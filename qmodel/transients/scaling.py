r"""An autoscaler at work: it measures utilization with noise, and decides on it.

What it sees is not the mean over all days, but the average of one of them over its window. The
next whole number of pods hangs on that, and a backlog on the next pod, so the pods of two days
differ. The average is taken as normal; the integral of a value f of the number present grows,
in a steady state of births and deaths, by a variance a second of [1]_

.. math::
    \sigma^2 = 2 \sum_n \frac{\bigl(\sum_{i \le n} (f_i - \bar f) \, p_i\bigr)^2}
    {\lambda_n p_n} .

A decision that may be this or that is both, each with its probability. From then on it is
known what was seen: the noise of what was measured, a part of which is in the next window too,
is that of a normal distribution within the bounds of the decision.

References
----------
.. [1] W. Whitt, "Asymptotic formulas for Markov processes with applications to simulation",
   Operations Research 40, 1992.
"""

from __future__ import annotations

import itertools
import math
from collections import deque
from copy import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from qmodel.transients.autoscaler import Autoscaler

__all__ = ["Running", "noise_of"]

_RARE = 5e-3
"""Probability of a decision that is not told apart from the one beside it."""

_REACH = 3.0
"""Standard deviations within which a measurement is."""


def noise_of(p: np.ndarray, values: np.ndarray, up: np.ndarray, down: np.ndarray) -> float:
    """Return the variance by which the integral of a value of the levels grows a second."""
    below = np.cumsum((values - values @ p) * p)[:-1] ** 2
    flux = (up[:-1] * p[:-1] + down[1:] * p[1:]) / 2
    some = flux > 1e-14 * flux.max(initial=0.0)
    return float(2 * (below[some] / flux[some]).sum())


@dataclass(slots=True, eq=False)
class _Noise:
    """By how much what was measured differs from its mean, in stretches between decisions."""

    stretches: list[tuple[float, float]] = field(default_factory=list)
    mean: np.ndarray = field(default_factory=lambda: np.zeros(0))
    covariance: np.ndarray = field(default_factory=lambda: np.zeros((0, 0)))

    def add(self, begin: float, end: float, variance: float) -> None:
        """Add a stretch."""
        self.stretches.append((begin, end))
        self.mean = np.append(self.mean, 0.0)
        self.covariance = np.pad(self.covariance, (0, 1))
        self.covariance[-1, -1] = variance

    def since(self, time: float) -> np.ndarray:
        """Forget what ends before a time, and return which part of each stretch is after it."""
        old = sum(end <= time * (1 + 1e-12) for _, end in self.stretches)
        self.stretches = self.stretches[old:]
        self.mean, self.covariance = self.mean[old:], self.covariance[old:, old:]
        parts = [min((end - time) / (end - begin), 1.0) for begin, end in self.stretches]
        return np.array(parts)

    def know(self, parts: np.ndarray, low: float, high: float) -> None:
        """Take note that the sum of some parts is within bounds, in standard deviations."""
        along = self.covariance @ parts
        spread = math.sqrt(parts @ along)
        at = [_density(x) for x in (low, high)]
        share = _below(high) - _below(low)
        mean = (at[0] - at[1]) / share
        ends = [
            x * d if math.isfinite(x) else 0.0 for x, d in zip((low, high), at, strict=True)
        ]
        variance = max(1 + (ends[0] - ends[1]) / share - mean**2, 0.0)
        self.mean = self.mean + along / spread * mean
        self.covariance = self.covariance - np.outer(along, along) / spread**2 * (1 - variance)


def _density(x: float) -> float:
    return math.exp(-x * x / 2) / math.sqrt(2 * math.pi)


def _below(x: float) -> float:
    return math.erfc(-x / math.sqrt(2)) / 2


@dataclass(slots=True, eq=False)
class Running:
    """An autoscaler at work, from so many servers on."""

    rules: Autoscaler
    ready: float
    start: float
    _due: float = field(init=False)
    _coming: deque[tuple[float, float]] = field(init=False, default_factory=deque)
    _seen: deque[tuple[float, float, float]] = field(init=False, default_factory=deque)
    _wanted: deque[tuple[float, float]] = field(init=False, default_factory=deque)
    _noise: _Noise = field(init=False, default_factory=_Noise)
    _variance: float = field(init=False, default=0.0)
    _busy: float | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self._due = self.start + self.rules.period

    @property
    def plan(self) -> tuple[float, tuple[tuple[float, float], ...]]:
        """The servers that are ready, and those that will be."""
        return self.ready, tuple(self._coming)

    def ahead(self, time: float) -> list[tuple[float, float]]:
        """Return when pods will be ready that are started, and how many servers there are."""
        found, ready = [], self.ready
        for at, more in self._coming:
            ready += more
            found.append((at, ready))
        return found

    def servers(self, time: float) -> float:
        """Return the servers that are ready at a time [-]."""
        while self._coming and self._coming[0][0] <= time:
            self.ready += self._coming.popleft()[1]
        return self.ready

    def next_change(self, time: float) -> float:
        """Return when it decides next, or a pod is ready [s]."""
        boots = self._coming[0][0] if self._coming else np.inf
        return min(self._due, boots)

    def observe(self, time: float, busy: float, noise: float = 0.0) -> None:
        """Take note of the servers that are busy, and of the noise of that a second."""
        before = self._seen[-1][0] if self._seen else self.start
        mean = busy if self._busy is None else (self._busy + busy) / 2
        self._busy = busy
        used = min(mean / self.ready, 1.0) if self.ready else 1.0
        self._seen.append((time, time - before, used))
        # No integral varies more than that of what stays as it is.
        most = used * (1 - used) * self.rules.period
        self._variance += (time - before) * min(noise / max(self.ready, 1.0) ** 2, most)
        while self._seen[0][0] <= time - self.rules.window:
            self._seen.popleft()

    def decide(self, time: float) -> list[tuple[float, Running]]:
        """Return what it may decide when it is time, and with which probability."""
        rules = self.rules
        if time < self._due * (1 - 1e-12):
            return [(1.0, self)]
        self._noise.add(self._due - rules.period, time, self._variance)
        self._due, self._variance = self._due + rules.period, 0.0
        self.servers(time)  # Pods that are ready now count, and are busy like the others.
        parts = self._noise.since(time - rules.window)
        long = max(sum(length for _, length, _ in self._seen), 1e-300)
        mean = sum(length * u for _, length, u in self._seen) + parts @ self._noise.mean
        pods = self.ready / rules.pod
        per = pods / rules.target / long
        middle = min(float(mean) * per, pods / rules.target)
        spread = per * math.sqrt(max(float(parts @ self._noise.covariance @ parts), 0.0))
        started = (self.ready + sum(more for _, more in self._coming)) / rules.pod
        found = []
        for share, low, high, wanted in self._ways(middle, spread, pods, started):
            way = self if share == 1 else self._twin()
            if share < 1:
                way._noise.know(parts, (low - middle) / spread, (high - middle) / spread)
            way._ask(time, wanted, pods, started)
            found.append((share, way))
        return found

    def _twin(self) -> Running:
        """Return another one that has seen and decided the same."""
        other, noise = copy(self), self._noise
        other._coming, other._seen = self._coming.copy(), self._seen.copy()
        other._wanted = self._wanted.copy()
        other._noise = _Noise(noise.stretches.copy(), noise.mean, noise.covariance)
        return other

    def _ways(
        self, middle: float, spread: float, pods: float, started: float
    ) -> list[tuple[float, float, float, float]]:
        """Return the decisions: probability, from and to which measurement, pods wanted."""
        rules = self.rules

        def wanted(measured: float) -> float:
            most = min(rules.most, np.ceil(pods * rules.growth))
            # Nothing is more than busy all the time.
            asked = np.ceil(round(min(measured, pods / rules.target), 9))
            return float(min(max(asked, rules.least), most))

        low, high = (wanted(middle + k * _REACH * spread) for k in (-1, 1))
        # What is started stays, be it wanted or not; of very many numbers some go together.
        edges = np.arange(max(low, started), high, max(1.0, np.ceil(spread)))
        cuts = [-np.inf, *edges, np.inf]
        while len(cuts) > 2:
            below = [_below((cut - middle) / spread) for cut in cuts]
            shares = np.diff(below)
            least = int(shares.argmin())
            if shares[least] >= _RARE:
                break
            left = shares[least - 1] if least else -1.0
            right = shares[least + 1] if least < len(shares) - 1 else -1.0
            del cuts[least if left > right else least + 1]
        if len(cuts) == 2:
            return [(1.0, *cuts, wanted(middle))]
        found = []
        for low, high in itertools.pairwise(cuts):
            here, there = ((cut - middle) / spread for cut in (low, high))
            share = _below(there) - _below(here)
            mean = middle + spread * (_density(here) - _density(there)) / share
            found.append((share, low, high, wanted(mean)))
        return found

    def _ask(self, time: float, wanted: float, pods: float, started: float) -> None:
        """Start pods, or take some away."""
        rules = self.rules
        if wanted > started:
            self._coming.append((time + rules.boot, (wanted - started) * rules.pod))
        self._wanted.append((time, wanted))
        while self._wanted[0][0] < time - rules.stabilisation:
            self._wanted.popleft()
        enough = max(want for _, want in self._wanted)
        if time - self.start >= rules.stabilisation and enough < pods and not self._coming:
            self.ready = max(enough, rules.least) * rules.pod
