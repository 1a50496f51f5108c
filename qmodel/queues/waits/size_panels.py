"""The integrals over sizes that size-based policies need, panel after panel.

A sweep over the sizes from zero carries the moments of the sizes met so far and the time that
a request of the size takes; a distribution with jumps is swept from jump to jump. What comes
out is one row for each panel and each jump: how likely sizes in it are, their mean and spread,
and mean and variance of the delay that they meet.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from qmodel.distributions import Distribution, Empirical, Mixture, Pareto, Scaled, Uniform
from qmodel.distributions.broadcasting import shape_of

__all__: list[str] = []

POLICIES = ("srpt", "psjf", "sjf", "fb")

_GAUSS = 8
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(_GAUSS)
_EDGES = np.concatenate([[0.0], np.geomspace(1e-6, 1e15, 169)])
_ONE_PANEL = np.array([0.0, np.inf])  # between jumps nothing changes but powers


def _to_nodes() -> np.ndarray:
    # Integrals from -1 to each node of the polynomial through the values at the nodes.
    degrees = np.arange(_GAUSS)
    values = np.polynomial.legendre.legvander(_NODES, _GAUSS)
    integrals = np.empty((_GAUSS, _GAUSS))
    integrals[:, 0] = _NODES + 1
    for n in degrees[1:]:
        integrals[:, n] = (values[:, n + 1] - values[:, n - 1]) / (2 * n + 1)
    inverse: np.ndarray = np.linalg.inv(values[:, :_GAUSS])
    to_nodes: np.ndarray = integrals @ inverse
    return to_nodes


_TO_NODES = _to_nodes()


@dataclass(frozen=True, slots=True)
class _Load:
    """What sizes up to some x bring: load and moments, times the arrival rate."""

    rho: Any
    second: Any
    third: Any


def _atoms(distribution: Distribution) -> list[tuple[Any, Any]]:
    if isinstance(distribution, Empirical):
        return list(zip(distribution.values, distribution.weights, strict=True))
    return [(shift, part.atom) for _, shift, part in distribution.parts() if np.any(part.atom)]


def _kinks(distribution: Distribution) -> list[Any]:
    if isinstance(distribution, Uniform):
        return [distribution.low, distribution.high]
    if isinstance(distribution, Pareto):
        return [
            distribution.minimum,
            np.where(
                np.isfinite(distribution.maximum), distribution.maximum, distribution.minimum
            ),
        ]
    if isinstance(distribution, Mixture):
        return [k for part in distribution.distributions for k in _kinks(part)]
    if isinstance(distribution, Scaled):
        return [k * distribution.factor for k in _kinks(distribution.distribution)]
    return (
        [part.shift for part in distribution.parts()]
        if not isinstance(distribution, Empirical)
        else []
    )


def _response(
    policy: str, x: Any, larger: Any, before: _Load, upto: _Load, whole: _Load, served: Any
) -> tuple[Any, Any]:
    """Return mean and variance of the delay of requests of size `x`.

    `larger` is the rate of larger ones, `before` counts smaller sizes, `upto` equal ones too,
    and `served` are two integrals over the service under SRPT.
    """
    left, spare = 1 - before.rho, 1 - upto.rho
    first = upto.second / (2 * spare)
    variance = upto.third / (3 * spare) + first**2
    work = first
    if policy == "srpt":
        other = larger * x**2 / (2 * spare)
        variance = variance + larger * x**3 / (3 * spare) - other**2
        work = first + other
    elif policy == "sjf":
        other = (whole.second - upto.second) / (2 * spare)
        variance = variance + (whole.third - upto.third) / (3 * spare) - other**2
        work = first + other
    elif policy in ("psjf", "fb"):
        work = work + x
    mean = work / left
    variance = variance / left**2 + work * before.second / left**3
    if policy == "srpt":
        return mean + served[0], variance + served[1]
    return (mean, variance) if policy == "sjf" else (mean - x, variance)


def response_by_size(
    policy: str, rate: Any, distribution: Distribution, sizes: Distribution
) -> tuple[tuple[Any, ...], ...]:
    """Return weights, lower ends and widths of sizes, and mean and variance of their delays.

    `distribution` is that of all requests, `sizes` of those that are asked about.
    """
    rows = list(_sweep(policy, rate, distribution, sizes))
    weights, mean, spread, delay, variance = (
        list(column) for column in zip(*rows, strict=True)
    )
    total = sum(weights)
    widths = [np.minimum(np.sqrt(12 * v), 2 * m) for v, m in zip(spread, mean, strict=True)]
    lows = [m - w / 2 for m, w in zip(mean, widths, strict=True)]
    # Rows without a size still need a gamma distribution that is one, of finite moments.
    empty = [w == 0 for w in weights]
    delay = [np.where(e, 1.0, d) for e, d in zip(empty, delay, strict=True)]
    variance = [np.where(e, 1.0, v) for e, v in zip(empty, variance, strict=True)]
    delay = [np.maximum(d, 1e-12 * m + 1e-300) for d, m in zip(delay, mean, strict=True)]
    variance = [np.maximum(v, 1e-6 * d**2) for v, d in zip(variance, delay, strict=True)]
    columns = ([w / total for w in weights], lows, widths, delay, variance)
    return tuple(tuple(x[()] for x in column) for column in columns)


def _sweep(
    policy: str, rate: Any, distribution: Distribution, sizes: Distribution
) -> Iterator[tuple[Any, Any, Any, Any, Any]]:
    shape = np.broadcast_shapes(np.shape(rate), shape_of(distribution), shape_of(sizes))
    zero = np.zeros(shape)
    jumps = [(np.asarray(x) + zero, np.asarray(p) + zero) for x, p in _atoms(distribution)]
    wanted = [(np.asarray(x) + zero, np.asarray(p) + zero) for x, p in _atoms(sizes)]
    kinks = [*_kinks(distribution), *_kinks(sizes), *(x for x, _ in (*jumps, *wanted))]
    starts = np.unique(np.array([zero, *(np.asarray(k) + zero for k in kinks)]), axis=0)
    starts = np.sort(starts, axis=0)
    discrete = isinstance(distribution, Empirical) and isinstance(sizes, Empirical)
    edges = _ONE_PANEL if discrete else _EDGES
    mean = np.asarray(distribution.mean)
    raw = (
        distribution.variance + mean**2,
        distribution.third_cumulant + mean * (3 * distribution.variance + mean**2),
    )
    whole = _Load(rate * mean, rate * raw[0], rate * raw[1])
    cut = [zero, zero, zero]  # moments of sizes cut off here
    served = [zero, zero]

    def load(x: Any, tail: Any, of: list[Any]) -> _Load:
        if policy == "fb":
            tail = 0.0 * tail
        return _Load(*(rate * (c - x ** (j + 1) * tail) for j, c in enumerate(of)))

    ends = [*starts[1:], zero + np.inf]
    with np.errstate(all="ignore"):
        for start, end in zip(starts, ends, strict=True):
            tail = distribution.tail(start)
            here = sum(np.where(x == start, p, 0.0) for x, p in jumps) + zero
            asked = (
                sum(np.where((x == start) & (end > start), p, 0.0) for x, p in wanted) + zero
            )
            if np.any(asked):
                before, upto = load(start, tail + here, cut), load(start, tail, cut)
                found = _response(policy, start, rate * tail, before, upto, whole, served)
                yield asked, start, zero, *found
            last = sizes.tail(start)
            if not np.any((tail > 0) | (last > 0)):
                return
            for low, high in pairwise(edges):
                left = np.minimum(start + low * mean, end)
                right = np.minimum(start + high * mean, end)
                half = np.where(right > left, (right - left) / 2, 0.0)
                if not np.any(half) or not np.all(np.isfinite(half)):
                    continue
                grid = (-1, *[1] * len(shape))
                x = left + half * (1 + _NODES.reshape(grid))
                tail = distribution.tail(x)

                def upto_nodes(values: Any, half: Any = half) -> Any:
                    return half * np.tensordot(_TO_NODES, values, axes=1)

                def over_panel(values: Any, half: Any = half) -> Any:
                    return half * np.tensordot(_WEIGHTS, values, axes=1)

                powers = [(j + 1) * x**j * tail for j in range(3)]
                known = load(
                    x, tail, [c + upto_nodes(g) for c, g in zip(cut, powers, strict=True)]
                )
                slow = 1 / (1 - known.rho)
                rates = [slow - 1, known.second * slow**3]
                inner = [s + upto_nodes(g) for s, g in zip(served, rates, strict=True)]
                found = _response(policy, x, rate * tail, known, known, whole, inner)
                after = sizes.tail(right)
                jump = sum(np.where(p_x == right, p, 0.0) for p_x, p in wanted)
                weight = np.maximum(last - after - jump, 0.0)
                yield weight, *_averages(x, over_panel, sizes.density(x), found)
                cut = [c + over_panel(g) for c, g in zip(cut, powers, strict=True)]
                served = [s + over_panel(g) for s, g in zip(served, rates, strict=True)]
                last = after
                if not np.any((last > 0) | (distribution.tail(right) > 0)):
                    break


def _averages(x: Any, integrate: Any, density: Any, found: Any) -> tuple[Any, Any, Any, Any]:
    """Return mean and variance of size, and of delay, over a panel."""
    density = np.where(np.isfinite(density), density, 0.0)
    total = integrate(density)
    none = total <= 0
    density = np.where(none, 1.0, density)
    total = np.where(none, integrate(density), total)
    total = np.where(total > 0, total, 1.0)  # a panel may have no width in one of the cells

    def average(values: Any) -> Any:
        return integrate(density * values) / total

    size, delay = average(x), average(found[0])
    spread = average((x - size) ** 2)
    return size, spread, delay, average(found[1]) + average((found[0] - delay) ** 2)
