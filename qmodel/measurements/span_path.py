"""The path of a request from spans: who calls whom, and what each does by itself.

A distribution is fitted to the own times of each component (`qmodel.from_histogram`). One with
a number of servers that calls others holds a thread meanwhile (`qmodel.hold`); one that calls
nothing is a station of as many servers, M/G/c; a component without a number has no limit. What
is called less than once is behind a branch; behind a cache with counters (INFO of Redis, stats
of memcached), behind its misses.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from qmodel._fields import described
from qmodel.distributions import Distribution, from_histogram
from qmodel.errors import ModelError
from qmodel.measurements.estimates import Estimate
from qmodel.measurements.histogram import Histogram
from qmodel.measurements.measurements import Measurements
from qmodel.pipeline import (
    Step,
    branch,
    cached,
    call,
    hold,
    nothing,
    parallel,
    repeat,
    series,
)
from qmodel.queues import Delay, MGc
from qmodel.units import text

__all__ = ["NORMAL", "SpanPath", "digits"]

FAMILIES = ("exponential", "gamma", "lognormal")
"""Of own times: mean and SCV are then parameters of the model."""

NORMAL = 1.96
"""97.5 % quantile of the normal distribution."""

_FEW = 100  # Times from which on a fit is not doubted.
_POOR = 0.03  # Root mean square of the shares from which on no family fits well.
_TOGETHER = 0.5  # Share of calls at the same time as others from which on they are parallel.
_AS_MISSES = 0.05  # Difference of visits and misses up to which they are the same.


class SpanPath:
    """The path of a request, from spans."""

    def __init__(
        self, traces: Sequence[Measurements], caches: Mapping[str, float], known: dict[str, int]
    ) -> None:
        self.known, self.caches = known, caches
        self.notes: list[str] = []
        self.estimates: dict[str, Estimate] = {}
        self.alternatives: dict[str, tuple[Any, ...]] = {}
        self.times: dict[str, Histogram] = {}
        for one in traces:
            for name, times in one.self_times.items():
                self.times[name] = self.times[name] + times if name in self.times else times
        # Of several files the first that has a caller tells what it calls.
        self.calls: dict[str, dict[str, Any]] = {}
        for one in traces:
            assert one.calls is not None
            for caller, rows in one.calls.groupby("caller", sort=False):
                if caller not in self.calls:
                    self.calls[str(caller)] = {r["callee"]: r for _, r in rows.iterrows()}
        called = {callee for rows in self.calls.values() for callee in rows}
        entries = [name for name in self.times if name not in called]
        if len(entries) != 1:
            what = f"several begin: {', '.join(entries)}" if entries else "each is called"
            raise ModelError(
                f"the spans have no one component where requests begin ({what}): give those "
                "of one entry"
            )
        self.entry = entries[0]

    def fitted(self, name: str, parameter: str) -> Distribution:
        """Fit the own times of a component; the model has them as `parameter`."""
        times = self.times[name]
        fit = from_histogram(
            times.bounds, times.counts, mean=times.mean, families=list(FAMILIES)
        )
        n = max(times.count, 1.0)
        mean, scv = times.mean, float(fit.distribution.scv)
        half = NORMAL * mean * float(np.sqrt(scv / n))
        self.estimates[f"{parameter}.mean"] = Estimate(mean, mean - half, mean + half, "s")
        if fit.family != "exponential":
            low, high = fit.intervals.get("scv", (scv, scv))
            self.estimates[f"{parameter}.scv"] = Estimate(scv, low, high)
        self.alternatives[name] = fit.alternatives
        distribution: Any = fit.distribution
        rounded = {n: digits(getattr(distribution, n)) for n in described(distribution)}
        if times.count < _FEW:
            self.notes.append(f"{name}: only {times.count:g} times, a guess of the shape")
        elif fit.rms > _POOR:
            self.notes.append(
                f"{name}: no family fits well (rms {text(fit.rms, '%')}, {fit.family}): its "
                "percentiles are doubtful"
            )
        return type(distribution)(**rounded)  # type: ignore[no-any-return]

    def step(self, name: str, above: tuple[str, ...] = ()) -> Step:
        """Return what a call of a component does."""
        if name in above:
            way = " -> ".join([*above, name])
            raise ModelError(f"components that call each other in a circle: {way}")
        if name not in self.times:
            raise ModelError(f"{name!r} is called, but no span has its times")
        callees = self.calls.get(name, {})
        servers = self.known.get(name)
        if not callees:
            distribution = self.fitted(name, f"{name}.service")
            return call(
                name, Delay(distribution) if servers is None else MGc(distribution, servers)
            )
        own = f"{name} work"
        work = call(own, Delay(self.fitted(name, f"{own}.service")))
        inner = series(work, *self._called(name, callees, (*above, name)))
        return inner if servers is None else hold(name, servers, inner)

    def _called(
        self, caller: str, callees: dict[str, Any], above: tuple[str, ...]
    ) -> list[Step]:
        steps: list[Step] = []
        beside: list[Step] = []
        left = dict(callees)
        for cache, ratio in self.caches.items():
            if cache not in left:
                continue
            missed = [
                n
                for n, row in left.items()
                if n != cache and abs(float(row["visits"]) - (1 - ratio)) < _AS_MISSES
            ]
            if len(missed) == 1:
                lookup, miss = self.step(cache, above), self.step(missed[0], above)
                own = f"{cache} cache"
                steps.append(cached(digits(ratio), lookup=lookup, miss=miss, name=own))
                self.notes.append(
                    f"{missed[0]} is called by the misses of {cache}: as often as it misses"
                )
                del left[cache], left[missed[0]]
        for name, row in left.items():
            one = _often(float(row["visits"]), self.step(name, above))
            together = float(row["parallel"]) > _TOGETHER
            (beside if together else steps).append(one)
            if row["attempts"] == row["attempts"] and row["attempts"] > 1.001:
                self.notes.append(
                    f"{caller} tries {name} {row['attempts']:.3g} times on average: attempts "
                    "are not in the model; wrap it in a retry"
                )
        if len(beside) == 1:
            steps += beside
        elif beside:
            steps.append(parallel(*beside))
        return steps


def digits(x: float) -> float:
    """Return a number with four digits, as a file shows it; it is not known any better."""
    return float(f"{x:.4g}")


def _often(visits: float, step: Step) -> Step:
    """Return a step that is done so many times on average."""
    visits = digits(visits)
    whole = int(np.floor(visits + 1e-9))
    part = digits(visits - whole)
    if part < 1e-3:
        part = 0.0
    steps = []
    if whole:
        steps.append(step if whole == 1 else repeat(whole, step))
    if part:
        steps.append(branch((part, step), (digits(1 - part), nothing())))
    return series(*steps) if len(steps) > 1 else steps[0] if steps else nothing()
