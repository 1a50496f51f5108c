"""Elasticities are derivatives: equal to those of the formulas themselves in 30 digits.

The reference knows nothing of the library: transforms as the books write them, inverted with
mpmath by Talbot's rule and differentiated there. What has no such formula (a pool that is held,
clients who try again, a policy of caches) is differentiated another way: by the polynomial
through Chebyshev points of a range that is a hundred times as wide as the differences'.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import mpmath as mp
import numpy as np
import pytest
from numpy.polynomial import chebyshev

import qmodel as qm
from qmodel.planning._domains import domain_of
from qmodel.planning._models import asked
from qmodel.planning._results import latency_of
from qmodel.planning.quantities import quantity_of

Numbers = Mapping[str, Any]

AGREES = 1e-8
"""Of the greatest elasticity of a quantity: a small one is a sum of what cancels."""


def erlang_c(load: Any, servers: int) -> Any:
    """Return the probability of waiting in M/M/c."""
    served = mp.fsum(load**k / mp.factorial(k) for k in range(servers))
    all_busy = load**servers / mp.factorial(servers) * servers / (servers - load)
    return all_busy / (served + all_busy)


def mmc(s: Any, rate: Any, time: Any, servers: int = 1) -> Any:
    """Return the transform of the response time of M/M/c."""
    spare, waits = servers / time - rate, erlang_c(rate * time, servers)
    return (1 - waits + waits * spare / (spare + s)) / (1 + time * s)


def mg1(s: Any, rate: Any, time: Any, scv: Any) -> Any:
    """Return the transform of the response time of M/G/1 with gamma service."""
    service = (1 + scv * time * s) ** (-1 / scv)
    return (1 - rate * time) * s * service / (s - rate + rate * service)


@dataclass(frozen=True)
class Case:
    """A model at a load, and the transform of its latency by its numbers."""

    model: qm.Pipeline | qm.Station
    rate: float
    transform: Callable[[Numbers, Any], Any]


TANDEM = qm.series(qm.call("web", qm.MMc(0.01)), qm.call("db", qm.MMc(0.02, servers=3)))
READ = qm.cached(
    0.8,
    lookup=qm.call("cache", qm.MMc(0.001)),
    miss=qm.call("db", qm.MMc(0.02, servers=2)),
    name="redis",
)
AGAIN = qm.retry(qm.call("far", qm.Delay(qm.Exponential(0.1))), attempts=3, failure=0.1)


def tandem(n: Numbers, s: Any) -> Any:
    rate = n["arrival_rate"]
    return mmc(s, rate, n["web.service_time"]) * mmc(s, rate, n["db.service_time"], 3)


def cached(n: Numbers, s: Any) -> Any:
    rate, hit = n["arrival_rate"], n["redis.hit_ratio"]
    missed = mmc(s, rate * (1 - hit), n["db.service_time"], 2)
    return mmc(s, rate, n["cache.service_time"]) * (hit + (1 - hit) * missed)


def tried_again(n: Numbers, s: Any) -> Any:
    once, fails = 1 / (1 + n["far.service.mean"] * s), n["retry.failure"]
    return once * (1 - fails) * (1 + fails * once) + fails**2 * once**3


CASES = {
    "M/M/1": Case(
        qm.MMc(0.01), 70.0, lambda n, s: mmc(s, n["arrival_rate"], n["service_time"])
    ),
    "M/M/4": Case(
        qm.MMc(0.02, 4), 160.0, lambda n, s: mmc(s, n["arrival_rate"], n["service_time"], 4)
    ),
    "M/M/4 near saturation": Case(
        qm.MMc(0.02, 4), 198.0, lambda n, s: mmc(s, n["arrival_rate"], n["service_time"], 4)
    ),
    "M/G/1": Case(
        qm.MG1(qm.Gamma(0.01, 0.7)),
        60.0,
        lambda n, s: mg1(s, n["arrival_rate"], n["service.mean"], n["service.scv"]),
    ),
    "tandem": Case(qm.Pipeline(TANDEM), 80.0, tandem),
    "cached": Case(qm.Pipeline(READ), 400.0, cached),
    "retry": Case(qm.Pipeline(AGAIN), 5.0, tried_again),
}


def in_30_digits(
    case: Case, names: list[str], near: float, most: float
) -> tuple[float, dict[str, dict[str, float]]]:
    """Return the time of an objective, and the elasticities of mean, p99 and capacity.

    The objective is 1.5 times the p99, and the capacity, near `most`, is that under it.
    """
    given = {**asked(case.model).parameters(), "arrival_rate": case.rate}
    with mp.workdps(15):  # of values; a derivative is of twice as many
        base = {n: mp.mpf(x) if n in names else x for n, x in given.items()}

        def mean(numbers: Numbers) -> Any:
            with mp.workdps(100):  # of which most cancel
                s = mp.mpf(10) ** -14
                return (1 - case.transform(numbers, s)) / s

        def tail(numbers: Numbers, t: Any) -> Any:
            return mp.invertlaplace(
                lambda s: (1 - case.transform(numbers, s)) / s, t, method="talbot"
            )

        def slope(f: Callable[[Numbers], Any], name: str, at: Numbers) -> Any:
            return mp.diff(lambda x: f({**at, name: at[name] * mp.exp(x)}), 0)

        share = mp.mpf(1) / 100
        p99 = mp.findroot(lambda t: tail(base, t) - share, near)
        density = mp.diff(lambda x: tail(base, p99 * mp.exp(x)), 0)
        found = {
            "mean": {n: float(slope(mean, n, base) / mean(base)) for n in names},
            "p99": {n: float(-slope(lambda b: tail(b, p99), n, base) / density) for n in names},
        }
        limit = mp.mpf(float(1.5 * p99))
        if mp.isfinite(most):
            load = mp.findroot(lambda x: tail({**base, "arrival_rate": x}, limit) - share, most)
            full = {**base, "arrival_rate": load}
            rising = slope(lambda b: tail(b, limit), "arrival_rate", full)
            found["capacity"] = {
                n: float(-slope(lambda b: tail(b, limit), n, full) / rising)
                for n in names
                if n != "arrival_rate"
            }
    return float(limit), found


@pytest.mark.parametrize("name", CASES)
def test_elasticities_are_those_of_the_formula_in_30_digits(name: str) -> None:
    case = CASES[name]
    known = asked(case.model).parameters()
    over = [n for n, x in known.items() if isinstance(x, float) and 0 < x < 1] + [
        "arrival_rate"
    ]
    near = float(latency_of(asked(case.model).solve(case.rate)).quantile(0.99))
    goal = f"p99 < {1.5 * near!r} s"
    most = float(qm.capacity(case.model, goal))
    limit, expected = in_30_digits(case, over, near, most)
    found = qm.sensitivity(case.model, case.rate, f"p99 < {limit!r} s", over=over)
    for quantity, by in expected.items():
        off = {n: abs(found.elasticities[quantity][n] - e) for n, e in by.items()}
        scale = max(map(abs, by.values()))
        assert max(off.values()) <= AGREES * scale, (quantity, off)
        assert max(off.values()) <= found.errors[quantity] + 1e-10 * scale, quantity


HELD = qm.hold("app", 12, qm.series(qm.call("work", qm.Delay(qm.Exponential(0.02))), TANDEM))
OTHERS: dict[str, tuple[qm.Pipeline | qm.Station, float]] = {
    "typical": (qm.web.typical_pipeline(), 2000.0),
    "held pool": (qm.Pipeline(HELD), 80.0),
    "clients who give up": (
        qm.Pipeline(qm.retry(qm.timeout(0.4, TANDEM), attempts=3)), 85.0
    ),
    "hedge": (qm.Pipeline(qm.hedge("late", qm.call("app", qm.MMc(0.01, 8)), 0.03)), 300.0),
    "cache of a policy": (
        qm.Pipeline(
            qm.cached(
                qm.caches.LRU(1000),
                popularity=qm.caches.Zipf(10_000, exponent=0.9),
                lookup=qm.call("cache", qm.MMc(0.001)),
                miss=qm.call("db", qm.MMc(0.004, servers=4)),
            )
        ),
        300.0,
    ),
    "M/G/c": (qm.MGc(qm.Gamma(0.02, 1.7), 2), 75.0),
    "impatience": (qm.ErlangA(0.02, 4, patience=0.1), 190.0),
    "least connections": (qm.balancing.balanced("least connections", qm.MMc(0.02), 4), 150.0),
}  # fmt: skip


FITTED = {"M/G/c": 1e-6}
"""Where service is imitated by phases: a fit is repeated to 1e-9, for the reference too."""


def wide(model: Any, rate: float, names: list[str]) -> dict[str, dict[str, float]]:
    """Return elasticities from the polynomial through 16 points of a wide range."""
    what = asked(model)
    width = 0.1 * min(1 - rate / float(what.max_rate), 0.5)
    offsets = width * chebyshev.chebpts1(16)
    found: dict[str, dict[str, float]] = {"mean": {}, "p99": {}}
    for name in names:
        own = rate if name == "arrival_rate" else what.parameters()[name]
        values = own * np.exp(offsets)
        changed = what if name == "arrival_rate" else what.replace({name: values})
        result = changed.solve(values if name == "arrival_rate" else rate)
        for quantity, by in found.items():
            logs = np.broadcast_to(np.log(quantity_of(quantity).value(result)), 16)
            by[name] = float(chebyshev.Chebyshev.fit(offsets, logs, 15).deriv()(0.0))
    return found


def free(model: Any, name: str, value: Any) -> bool:
    """Return whether a parameter may move both ways, by itself."""
    domain = domain_of(asked(model), name)
    return not domain.whole and domain.bottom < value < 0.9 * domain.top


@pytest.mark.thorough
@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.slow) if n in FITTED else n for n in OTHERS]
)
def test_elasticities_are_those_of_a_polynomial_through_a_wide_range(name: str) -> None:
    model, rate = OTHERS[name]
    known = asked(model).parameters()
    over = ["arrival_rate", *(n for n, x in known.items() if x > 0 and free(model, n, x))]
    found = qm.sensitivity(model, rate, over=over)
    for quantity, by in wide(model, rate, over).items():
        scale = max(map(abs, by.values()))
        off = {n: abs(found.elasticities[quantity][n] - e) for n, e in by.items()}
        assert max(off.values()) <= FITTED.get(name, AGREES) * scale, (quantity, off)
