"""Priorities: published means, moments, times against sample paths, starvation, limits."""

from __future__ import annotations

import heapq
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import sympy as sp

import qmodel as qm
from qmodel.distributions.fit import balanced_hyperexponential
from qmodel.queues.mg1 import MG1
from qmodel.queues.mg1_priority import MG1Priority, response_time, waiting_time

EXP = qm.Exponential(1.0)
H48 = balanced_hyperexponential(4.0, 2.0)  # mean 4, second moment 48
MIX4 = (qm.Deterministic(0.5), qm.Erlang(1.0, 2), qm.Exponential(2.0), H48)
E3 = (qm.Exponential(1.0), qm.Exponential(0.8), qm.Exponential(2.0))
D3 = (qm.Deterministic(1.0), qm.Deterministic(0.8), qm.Deterministic(2.0))
H10 = balanced_hyperexponential(1.0, 9.0)

# priority.jsonl: np_* and pr_* (mpmath, Cobham 1954 and the preemptive closed form).
NON_PREEMPTIVE = {
    "np_exp2": (
        (0.25, 0.35),
        (qm.Exponential(1 / 1.4), EXP),
        (0.5813664596273292, 1.233201581027668),
    ),
    "np_det3": ((0.2, 0.3, 0.1), D3, (0.495, 0.8839285714285714, 1.9642857142857142)),
    "np_mix4": (
        (0.1,) * 4,
        MIX4,
        (3.039473684210526, 3.5758513931888545, 5.226244343891403, 17.76923076923077),
    ),
    "np_hi95": ((0.5, 0.45), (EXP, EXP), (1.9, 38.0)),
}
PREEMPTIVE = {
    "pr_exp2": (
        (0.25, 0.35),
        (qm.Exponential(1 / 1.4), EXP),
        (0.8695652173913043, 2.450592885375494),
    ),
    "pr_exp3": ((0.2, 0.3, 0.1), E3, (1.25, 1.875, 7.5)),
    "pr_det3": ((0.2, 0.3, 0.1), D3, (1.125, 1.4375, 5.535714285714286)),
    "pr_mix4": (
        (0.1,) * 4,
        MIX4,
        (0.5131578947368421, 1.1609907120743035, 3.235294117647059, 23.923076923076923),
    ),
    "pr_heavy2": ((0.45, 0.45), (EXP, H10), (1.8181818181818181, 50.90909090909091)),
    "pr_hi95": ((0.5, 0.45), (EXP, EXP), (2.0, 40.0)),
}


def solve(rates: Any, distributions: Any, preemptive: bool = False) -> qm.StationResult:
    streams = [
        qm.Stream(r, distribution) for r, distribution in zip(rates, distributions, strict=True)
    ]
    return MG1Priority(EXP, preemptive).solve(streams)


@pytest.mark.parametrize("case", NON_PREEMPTIVE)
def test_published_waits(case: str) -> None:
    rates, distributions, waits = NON_PREEMPTIVE[case]
    r = solve(rates, distributions)
    assert [float(s.waiting_time) for s in r.streams] == pytest.approx(waits, rel=1e-12)


@pytest.mark.parametrize("case", PREEMPTIVE)
def test_published_responses(case: str) -> None:
    rates, distributions, responses = PREEMPTIVE[case]
    r = solve(rates, distributions, True)
    assert [float(s.response_time) for s in r.streams] == pytest.approx(responses, rel=1e-12)


RATES = (0.2, 0.3, 0.1)
DISTRIBUTIONS = (qm.Exponential(1.0), balanced_hyperexponential(0.8, 3.0), qm.Gamma(2.0, 0.5))


def raw(distribution: qm.Distribution) -> tuple[Any, Any, Any]:
    m, v = distribution.mean, distribution.variance
    return m, v + m**2, distribution.third_cumulant + 3 * m * v + m**3


@pytest.mark.parametrize("preemptive", [False, True])
def test_second_moments(preemptive: bool) -> None:
    # theory.md 2.8 (Kesten and Runnenburg 1957; Miller 1960).
    moments = [raw(distribution) for distribution in DISTRIBUTIONS]
    sigma = np.cumsum([0, *(r * m[0] for r, m in zip(RATES, moments, strict=True))])
    two = np.cumsum([0, *(r * m[1] for r, m in zip(RATES, moments, strict=True))])
    three = np.cumsum([0, *(r * m[2] for r, m in zip(RATES, moments, strict=True))])
    for k, stream in enumerate(solve(RATES, DISTRIBUTIONS, preemptive).streams, 1):
        a, b, distribution = 1 - sigma[k - 1], 1 - sigma[k], DISTRIBUTIONS[k - 1]
        if preemptive:
            expected = (
                distribution.variance / a**2
                + distribution.mean * two[k - 1] / a**3
                + three[k] / (3 * a**2 * b)
                + two[k] ** 2 / (4 * a**2 * b**2)
                + two[k - 1] * two[k] / (2 * a**3 * b)
            )
        else:
            work = two[-1] / 2
            second = three[-1] / (3 * a**2 * b) + work * two[k] / (a * b) ** 2
            second += work * two[k - 1] / (a**3 * b)
            expected = second - (work / (a * b)) ** 2 + distribution.variance
        assert stream.response.variance == pytest.approx(expected, rel=1e-12)
        assert stream.response.mean == pytest.approx(stream.response_time, rel=1e-12)


def priority_path(
    rates: Any, samplers: Any, preemptive: bool, n: int, seed: int
) -> list[np.ndarray]:
    """Return the response times of each class: every event by hand."""
    rng = np.random.default_rng(seed)
    horizon = n / sum(rates)
    arrivals = []
    for k, (rate, sample) in enumerate(zip(rates, samplers, strict=True)):
        times = np.cumsum(rng.exponential(1 / rate, int(1.05 * rate * horizon) + 50))
        times = times[times < horizon]
        arrivals += list(
            zip(times.tolist(), [k] * len(times), sample(rng, len(times)).tolist(), strict=True)
        )
    arrivals.sort()
    waiting: list[list[float]] = []
    found: list[list[float]] = [[] for _ in rates]
    now, busy = 0.0, None
    for (at, k, need), (until, *_) in pairwise([*arrivals, (horizon * 10, 0, 0.0)]):
        now = at
        heapq.heappush(waiting, [k, at, need])
        if preemptive and busy and busy[0] > k:
            heapq.heappush(waiting, busy)
            busy = None
        while True:
            if busy is None:
                if not waiting:
                    break
                busy = heapq.heappop(waiting)
            if now + busy[2] > until:
                busy[2] -= until - now
                break
            now += busy[2]
            found[int(busy[0])].append(now - busy[1])
            busy = None
    return [np.array(x[len(x) // 20 :]) for x in found]


SAMPLERS = (
    lambda g, n: g.exponential(1.0, n),
    lambda g, n: (
        g.exponential(1.0, n)
        * np.where(g.random(n) < DISTRIBUTIONS[1].probabilities[0], *DISTRIBUTIONS[1].means)
    ),  # type: ignore[attr-defined]
    lambda g, n: g.gamma(2.0, 1.0, n),
)


@cache
def paths(preemptive: bool) -> list[np.ndarray]:
    return priority_path(RATES, SAMPLERS, preemptive, 400_000, 5)


@pytest.mark.thorough
@pytest.mark.parametrize("preemptive", [False, True])
def test_distributions_against_sample_paths(preemptive: bool) -> None:
    r = solve(RATES, DISTRIBUTIONS, preemptive)
    assert str(r.basis) == "exact"
    for times, stream in zip(paths(preemptive), r.streams, strict=True):
        batches = [b.mean() for b in np.array_split(times, 20)]
        half = 4 * np.std(batches) / np.sqrt(20)
        assert abs(times.mean() - stream.response_time) < half
        for p in (0.1, 0.5, 0.9, 0.99):
            t = stream.response.quantile(p)
            shares = [np.mean(b <= t) for b in np.array_split(times, 20)]
            assert abs(np.mean(shares) - p) < 4 * np.std(shares) / np.sqrt(20) + 1e-4, p


def test_starvation_leaves_those_above_finite() -> None:
    # The middle class is in overload, the lowest is never served.
    rates, distributions = (
        (0.4, 0.9, 0.3),
        (DISTRIBUTIONS[0], DISTRIBUTIONS[1], DISTRIBUTIONS[2]),
    )
    r = solve(rates, distributions)
    residual = 0.4 + 0.6 * (1 + DISTRIBUTIONS[1].scv) * 0.8 / 2
    assert r.streams[0].waiting_time == pytest.approx(residual / 0.6)
    assert r.streams[0].response.mean == pytest.approx(residual / 0.6 + 1)
    assert np.isinf(r.streams[1].response_time)
    assert r.streams[1].response.quantile(0.01) == np.inf == r.streams[2].response.quantile(0.5)
    times = priority_path(rates, SAMPLERS, False, 200_000, 8)[0]
    batches = [b.mean() for b in np.array_split(times, 20)]
    assert abs(times.mean() - r.streams[0].response_time) < 4 * np.std(batches) / np.sqrt(20)
    below = np.mean(times <= r.streams[0].response.quantile(0.9))
    assert below == pytest.approx(0.9, abs=0.01)


def test_conservation_distribution() -> None:
    # Kleinrock 1965: the sum of rho_k W_k does not depend on the order.
    orders = ((0, 1, 2), (2, 1, 0), (1, 2, 0))
    found = []
    for order in orders:
        r = solve([RATES[i] for i in order], [DISTRIBUTIONS[i] for i in order])
        found.append(
            sum(
                RATES[i] * DISTRIBUTIONS[i].mean * s.waiting_time
                for i, s in zip(order, r.streams, strict=True)
            )
        )
    rho = sum(
        r * distribution.mean for r, distribution in zip(RATES, DISTRIBUTIONS, strict=True)
    )
    work = sum(
        r * raw(distribution)[1] / 2
        for r, distribution in zip(RATES, DISTRIBUTIONS, strict=True)
    )
    assert found == pytest.approx([rho * work / (1 - rho)] * 3, rel=1e-12)


def test_one_class_is_first_come_first_served() -> None:
    for preemptive in (False, True):
        r, fcfs = (
            MG1Priority(DISTRIBUTIONS[1], preemptive).solve(0.9),
            MG1(DISTRIBUTIONS[1]).solve(0.9),
        )
        assert r.response_time == fcfs.response_time
        assert r.response.quantile(0.99) == pytest.approx(
            fcfs.response.quantile(0.99), rel=1e-9
        )


def test_preemption_hides_the_lower_classes() -> None:
    r = solve((0.5, 7.0), (EXP, EXP), True)
    assert r.streams[0].response.quantile(0.99) == pytest.approx(2 * np.log(100))
    assert np.isinf(r.streams[1].response_time)


def test_equal_exponential_classes_together_are_one_queue() -> None:
    # Of equal exponential classes, preemptive or not, the number present is that of M/M/1.
    for preemptive in (False, True):
        r = solve((0.3, 0.2, 0.3), (EXP,) * 3, preemptive)
        assert r.number_in_system == pytest.approx(4.0)
        assert r.response_time == pytest.approx(5.0)
        assert r.response.mean == pytest.approx(5.0)
        assert r.wait.mean == pytest.approx(r.waiting_time)


def test_cells_units_and_edges() -> None:
    rates = np.array([0.3, 0.5, 1.2, 0.0, np.nan])
    for preemptive in (False, True):
        r = solve((rates, 0.4), (DISTRIBUTIONS[1], EXP), preemptive)
        percentiles = [np.broadcast_to(s.response.quantile(0.9), 5) for s in r.streams]
        for i, rate in enumerate(rates):
            one = solve((float(rate), 0.4), (DISTRIBUTIONS[1], EXP), preemptive)
            for many, of, single in zip(r.streams, percentiles, one.streams, strict=True):
                np.testing.assert_allclose(
                    np.broadcast_to(many.response_time, 5)[i], single.response_time
                )
                np.testing.assert_allclose(
                    of[i],
                    single.response.quantile(0.9),
                    rtol=1e-8,
                )
        ms = solve(
            (0.3e-3, 0.4e-3),
            (balanced_hyperexponential(800.0, 3.0), qm.Exponential(1000.0)),
            preemptive,
        )
        assert ms.response_time == pytest.approx(1000 * r.response_time[0])
    assert solve((0.0, 0.0), (EXP, EXP)).response.quantile(0.5) == pytest.approx(np.log(2))
    assert np.isinf(waiting_time(1.0, load_above=0.5, load=1.0))
    assert np.isinf(response_time(1.0, residual_work=1.0, load_above=1.0, load=1.5))


def test_jumps_below_constant_services_are_labelled() -> None:
    constant = qm.Deterministic(1.0)
    assert solve((0.2, 0.3), (constant, EXP), True).basis["p99"] == "approximate"
    assert solve((0.2, 0.3), (constant, EXP), True).basis["response_time"] == "exact"
    assert solve((0.2, 0.3), (EXP, constant), True).basis["p99"] == "exact"
    assert solve((0.2, 0.3), (constant, EXP)).basis["p99"] == "exact"


def test_symbols() -> None:
    lam, s = sp.symbols("lambda S", positive=True)
    distribution = qm.Exponential(s)
    r = MG1Priority(distribution).solve([qm.Stream(lam), qm.Stream(lam)])
    expected = 2 * lam * s**2 / ((1 - lam * s) * (1 - 2 * lam * s))
    assert sp.simplify(sp.nsimplify(r.streams[1].waiting_time) - expected) == 0


def test_domain() -> None:
    with pytest.raises(qm.DomainError, match="load_above must be a number >= 0, got -1"):
        waiting_time(1.0, load_above=-1.0, load=0.5)
    with pytest.raises(qm.ModelError, match="service must be a Distribution"):
        MG1Priority(0.01)  # type: ignore[arg-type]


@pytest.mark.parametrize("preemptive", [False, True])
def test_symbols_stay_exact(preemptive: bool) -> None:
    lam, s = sp.symbols("lambda S", positive=True)
    r = MG1Priority(qm.Exponential(s), preemptive).solve([qm.Stream(lam), qm.Stream(2 * lam)])
    for value in (
        r.waiting_time, r.response_time, r.number_in_system,
        *(x for stream in r.streams for x in (stream.waiting_time, stream.response_time)),
    ):  # fmt: skip
        assert not value.atoms(sp.Float)
    number = MG1Priority(qm.Exponential(2.0), preemptive).solve(
        [qm.Stream(0.1), qm.Stream(0.2)]
    )
    for formula, stream in zip(r.streams, number.streams, strict=True):
        value = formula.waiting_time.subs({lam: sp.Rational(1, 10), s: 2})
        assert float(value) == pytest.approx(stream.waiting_time, rel=1e-13)
