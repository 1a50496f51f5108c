"""M/G/1/K, first come first served and shared: published figures, chains, sample paths."""

from __future__ import annotations

import heapq
from typing import Any

import mpmath as mp
import numpy as np
import pytest
from scipy.linalg import expm
from scipy.special import gammainc

import qmodel as qm
from qmodel.distributions.fit import balanced_hyperexponential
from qmodel.queues.counts.arrivals import _in_any, arrivals_in
from qmodel.queues.mg1k import MG1K
from qmodel.queues.mg1k_ps import MG1KPS
from qmodel.queues.waits import mg1k as mg1k_wait

EXP, D, H2 = qm.Exponential(1.0), qm.Deterministic(1.0), balanced_hyperexponential(1.0, 4.0)

# finite.jsonl: md1k_* and mek1k_k4_K8_rho1.2 (50-digit embedded chain): loss, p0, L, response.
PUBLISHED = {
    "md1k_rho0.5_K5": (
        D,
        0.5,
        5,
        0.0021759625709983207,
        0.5010879812854991,
        0.7390209440070189,
    ),
    "md1k_rho0.8_K10": (
        D,
        0.8,
        10,
        0.003639231140254471,
        0.2029113849122036,
        2.255580236879563,
    ),
    "md1k_rho1.0_K10": (
        D,
        1.0,
        10,
        0.05084745763072884,
        0.05084745763072884,
        5.064971751052705,
    ),
    "md1k_rho0.9_K2": (D, 0.9, 2, 0.2346370570103887, 0.3111733513093498, 0.9234637057010389),
    "mek1k_k4_K8_rho1.2": (
        qm.Erlang(1.0, 4),
        1.2,
        8,
        0.1830863250393598,
        0.019703590047230983,
        5.553038522608005,
    ),
}


@pytest.mark.parametrize("case", PUBLISHED)
def test_published(case: str) -> None:
    distribution, rate, capacity, loss, idle, mean = PUBLISHED[case]
    r = MG1K(distribution, capacity).solve(rate)
    assert r.number is not None
    assert float(r.loss) == pytest.approx(loss, rel=1e-13)
    assert float(r.number.probability(0)) == pytest.approx(idle, rel=1e-13)
    assert float(r.number_in_system) == pytest.approx(mean, rel=1e-13)
    assert float(r.response_time) == pytest.approx(mean / (rate * (1 - loss)), rel=1e-13)
    assert r.throughput == pytest.approx(1 - idle, rel=1e-12)


def test_arrivals_in_a_service_published() -> None:
    # finite.jsonl mm1_11_hossfeld: geometric, rate 1.7, service rate 1.3.
    expected = [0.43333333, 0.24555556, 0.13914815, 0.07885062, 0.04468202, 0.02531981]
    none, more, _ = arrivals_in(qm.Exponential(1 / 1.3), 1.7, 6)
    pmf = -np.diff(np.concatenate([[1.0], more]))
    assert pmf == pytest.approx(expected, abs=6e-9)
    assert none == pytest.approx(expected[0], abs=6e-9)


DISTRIBUTIONS = [
    EXP,
    D,
    qm.Gamma(1.0, 0.25),
    qm.Gamma(1.0, 9.0),
    H2,
    qm.Mixture([0.4, 0.6], [D, EXP]),
]


@pytest.mark.parametrize("distribution", DISTRIBUTIONS, ids=repr)
@pytest.mark.parametrize("rate", [0.5, 3.0, 30.0])
def test_arrivals_closed_are_the_coefficients_of_the_transform(
    distribution: Any, rate: float
) -> None:
    closed, by_circle = (
        arrivals_in(distribution, rate, 12),
        _in_any(distribution, np.asarray(rate), 12),
    )
    for one, other in zip(closed, by_circle, strict=True):
        np.testing.assert_allclose(one, other, atol=3e-12)
    # The mean excess is the sum of the tails.
    _, more, excess = arrivals_in(distribution, rate, 4000)
    np.testing.assert_allclose(excess[:50], np.cumsum(more[::-1])[::-1][:50], rtol=1e-6)


@pytest.mark.parametrize("load", [1e-3, 0.5, 30.0, 300.0])
def test_mean_excess_keeps_its_digits(load: float) -> None:
    excess = arrivals_in(D, load, 200)[2]
    with mp.workdps(60):
        for m in (1, 5, 50, 150, 199):
            below = mp.gammainc(m, 0, load, regularized=True)
            more = mp.gammainc(m + 1, 0, load, regularized=True)
            expected = load * below - m * more
            if expected > 1e-290:
                assert excess[m] == pytest.approx(float(expected), rel=2e-12, abs=0), m


def test_phases_as_a_markov_chain() -> None:
    """M/H2/1/6 by linear algebra on (number, branch in service)."""
    rate, capacity = 1.1, 6
    p, mu = np.array(H2.probabilities, float), 1 / np.array(H2.means, float)
    size = 1 + 2 * capacity
    q = np.zeros((size, size))

    def at(n: int, branch: int) -> int:
        return 0 if n == 0 else 2 * n - 1 + branch

    for branch in (0, 1):
        q[0, at(1, branch)] += rate * p[branch]
        for n in range(1, capacity + 1):
            if n < capacity:
                q[at(n, branch), at(n + 1, branch)] += rate
            for other in (0, 1):
                if n == 1:
                    q[at(1, branch), 0] += mu[branch] / 2
                else:
                    q[at(n, branch), at(n - 1, other)] += mu[branch] * p[other]
    q -= np.diag(q.sum(axis=1))
    a = q.T.copy()
    a[-1] = 1.0
    x = np.linalg.solve(a, np.append(np.zeros(size - 1), 1.0))
    present = np.append(x[0], x[1:].reshape(capacity, 2).sum(axis=1))
    r = MG1K(H2, capacity).solve(rate)
    assert r.number is not None
    np.testing.assert_allclose([r.number.probability(n) for n in range(7)], present, rtol=1e-11)
    assert r.loss == pytest.approx(present[-1], rel=1e-11)


@pytest.mark.parametrize("rate", [0.01, 0.9, 1.0, 1.1, 50.0, 5000.0])
def test_exponential_service_is_mm1k(rate: float) -> None:
    capacity = 30
    r = MG1K(EXP, capacity).solve(rate)
    scaled = rate ** (np.arange(capacity + 1.0) - (capacity if rate > 1 else 0))
    present = scaled / scaled.sum()
    assert r.number is not None
    np.testing.assert_allclose(r.number.probabilities, present, rtol=1e-11)  # type: ignore[attr-defined]
    assert r.basis == "exact"
    # Who finds n waits for n services: the distribution of the wait is exact.
    found = present[:-1] / present[:-1].sum()
    for t in (0.5, 4.0, 20.0):
        tail = sum(
            w * (qm.Erlang(float(n), n).tail(t) if n else 0.0) for n, w in enumerate(found)
        )
        assert r.wait.tail(t) == pytest.approx(tail, rel=1e-12)
    shared = MG1KPS(H2, capacity).solve(rate)
    assert shared.response_time == pytest.approx(r.response_time, rel=1e-11)
    assert shared.loss == pytest.approx(r.loss, rel=1e-11)


def path(rate: float, needs: np.ndarray, capacity: int, seed: int) -> tuple[float, np.ndarray]:
    rng = np.random.default_rng(seed)
    arrivals = np.cumsum(rng.exponential(1 / rate, len(needs))).tolist()
    leaves: list[float] = []
    first, waits = 0, []
    for at, need in zip(arrivals, needs.tolist(), strict=True):
        while first < len(leaves) and leaves[first] <= at:
            first += 1
        if len(leaves) - first < capacity:
            start = max(at, leaves[-1]) if leaves else at
            leaves.append(start + need)
            waits.append(start - at)
    return 1 - len(waits) / len(needs), np.array(waits)


@pytest.mark.parametrize(
    ("distribution", "capacity", "rate"), [("D", 5, 0.9), ("H2", 8, 1.2), ("D", 3, 2.0)]
)
def test_wait_against_sample_paths(distribution: str, capacity: int, rate: float) -> None:
    rng, n = np.random.default_rng(1), 300_000
    needs = (
        np.ones(n)
        if distribution == "D"
        else rng.exponential(1.0, n) * np.where(rng.random(n) < H2.probabilities[0], *H2.means)
    )
    loss, waits = path(rate, needs, capacity, 2)
    r = MG1K(D if distribution == "D" else H2, capacity).solve(rate)
    assert r.basis == "exact"
    assert r.loss == pytest.approx(loss, rel=0.03)
    assert r.waiting_time == pytest.approx(waits.mean(), rel=0.02)
    for p in (0.5, 0.9, 0.99):
        assert r.wait.tail(np.quantile(waits, p)) == pytest.approx(1 - p, rel=0.05), p


def phases(distribution: str) -> tuple[Any, np.ndarray, np.ndarray]:
    """Return a distribution with its start and its rates between phases."""
    if distribution == "H2":
        return H2, np.array(H2.probabilities, float), np.diag(-1 / np.array(H2.means, float))
    k = int(distribution[1:])
    return qm.Erlang(1.0, k), np.eye(k)[0], k * (np.eye(k, k=1) - np.eye(k))


@pytest.mark.parametrize("capacity", [2, 3, 8, 30])
@pytest.mark.parametrize("rate", [0.3, 0.9, 1.5, 5.0])
@pytest.mark.parametrize(("name", "error"), [("H2", 3e-10), ("E3", 6e-9), ("E10", 1e-5)])
def test_wait_is_that_of_the_chain_of_phases(
    name: str, error: float, rate: float, capacity: int
) -> None:
    """What an arrival finds by linear algebra, and the time until it is gone by expm."""
    distribution, start, inner = phases(name)
    size, ends = len(start), -inner.sum(axis=1)
    one, none = np.eye(size), np.zeros((1, 1))
    local = np.kron(np.eye(capacity), inner)
    local += np.kron(np.eye(capacity, k=-1), np.outer(ends, start))
    up = rate * np.kron(np.eye(capacity, k=1), one)
    q = np.block([
        [none, rate * np.append(start, np.zeros((capacity - 1) * size))[None]],
        [np.append(ends, np.zeros((capacity - 1) * size))[:, None], local + up],
    ])  # fmt: skip
    q -= np.diag(q.sum(axis=1))
    balance = q.T.copy()
    balance[-1] = 1.0
    present = np.linalg.solve(balance, np.eye(len(q))[-1])
    accepted = 1 - present[1:].reshape(capacity, size)[-1].sum()
    found = present[1:-size] / accepted
    ahead = local[:-size, :-size]
    r = MG1K(distribution, capacity).solve(rate)
    moment = np.linalg.solve(-ahead, np.ones(len(ahead)))
    assert r.wait.mean == pytest.approx(found @ moment, rel=1e-11)
    assert r.waiting_time == pytest.approx(found @ moment, rel=1e-11)
    second = 2 * found @ np.linalg.solve(-ahead, moment)
    assert r.wait.variance == pytest.approx(second - (found @ moment) ** 2, rel=1e-10)
    for t in (0.1, 0.7, 2.0, 6.0, 15.0):
        tail = (found @ expm(ahead * t)).sum()
        assert r.wait.tail(t) == pytest.approx(tail, abs=error)


@pytest.mark.parametrize(
    "distribution", [qm.Gamma(1.0, 16.0), qm.LogNormal(1.0, 4.0)], ids=repr
)
def test_long_services_are_cut_where_it_does_not_matter(
    distribution: Any, monkeypatch: Any
) -> None:
    t = np.array([0.5, 3.0, 10.0, 60.0])
    some = MG1K(distribution, 6).solve(3.0).wait.tail(t)
    counts = mg1k_wait._counts

    def more(rate: Any, service: Any, most: int) -> Any:
        return counts(rate, service, 8 * most)

    monkeypatch.setattr(mg1k_wait, "_counts", more)
    np.testing.assert_allclose(MG1K(distribution, 6).solve(3.0).wait.tail(t), some, atol=1e-10)


def many_paths(rate: float, distribution: str, capacity: int, steps: int) -> np.ndarray:
    """Return the waits of the accepted of `steps` arrivals at each of 5000 queues."""
    rng, queues, warm = np.random.default_rng(11), 5000, 150
    leave, now, last, waits = (
        np.zeros((queues, capacity)),
        np.zeros(queues),
        np.zeros(queues),
        [],
    )
    for step in range(steps + warm):
        now = now + rng.exponential(1 / rate, queues)
        accepted = (leave > now[:, None]).sum(axis=1) < capacity
        wait = np.maximum(last - now, 0.0)
        if distribution == "H2":
            short = rng.random(queues) < H2.probabilities[0]
            need = rng.exponential(1.0, queues) * np.where(short, *H2.means)
        elif distribution == "uniform":
            need = rng.uniform(0.0, 2.0, queues)
        else:
            need = np.ones(queues) if distribution == "D" else rng.gamma(4.0, 0.25, queues)
        last = np.where(accepted, now + wait + need, last)
        oldest = leave.argmin(axis=1)
        leave[accepted, oldest[accepted]] = last[accepted]
        if step >= warm:
            waits.append(wait[accepted])
    return np.concatenate(waits)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("distribution", "capacity", "rate"),
    [("D", 5, 0.9), ("D", 3, 2.0), ("H2", 8, 1.2), ("E4", 6, 1.0), ("uniform", 4, 0.8)],
)
def test_wait_against_many_paths(distribution: str, capacity: int, rate: float) -> None:
    """2e6 arrivals at independent queues."""
    waits = many_paths(rate, distribution, capacity, 400)
    distributions = {"D": D, "H2": H2, "E4": qm.Erlang(1.0, 4), "uniform": qm.Uniform(0.0, 2.0)}
    r = MG1K(distributions[distribution], capacity).solve(rate)
    error = waits.std() / np.sqrt(len(waits))
    # Waits of one queue follow each other: four standard errors of a mean are some twelve.
    assert r.waiting_time == pytest.approx(waits.mean(), abs=12 * error)
    for t in np.quantile(waits, [0.5, 0.9, 0.99, 0.999]):
        share = (waits > t).mean()
        room = 12 * np.sqrt(share / len(waits))
        assert r.wait.tail(t) == pytest.approx(share, abs=room)


@pytest.mark.parametrize("rate", [0.4, 2.5])
@pytest.mark.parametrize("capacity", [2, 5, 12])
def test_constant_service_closed_and_by_transform(rate: float, capacity: int) -> None:
    """Its closed tail has the moments of the joint transform, and its density is the slope."""
    wait = MG1K(D, capacity).solve(rate).wait
    nodes, weights = np.polynomial.legendre.leggauss(30)
    t = (np.arange(capacity)[:, None] + (1 + nodes) / 2).ravel()
    w = np.tile(weights / 2, capacity)
    assert (w * wait.tail(t)).sum() == pytest.approx(wait.mean, rel=1e-12)
    second = 2 * (w * t * wait.tail(t)).sum()
    assert second - wait.mean**2 == pytest.approx(wait.variance, rel=1e-11)
    for s in (0.2, 1.0 + 2.0j, 1.4 * rate):
        expected = wait.atom + (w * np.exp(-s * t) * wait.density(t)).sum()
        assert wait.laplace(s) == pytest.approx(expected, rel=1e-11)
    h = 1e-5
    for u in (0.3, 1.6):
        slope = (wait.tail(u - h) - wait.tail(u + h)) / (2 * h)
        assert wait.density(u) == pytest.approx(slope, rel=1e-6, abs=1e-11)
    assert wait.tail(capacity - 1.0) == 0


def shared_path(
    rate: float, needs: np.ndarray, capacity: int, seed: int
) -> tuple[float, np.ndarray]:
    rng = np.random.default_rng(seed)
    arrivals = np.cumsum(rng.exponential(1 / rate, len(needs))).tolist()
    present: list[tuple[float, float]] = []
    now = attained = 0.0
    times, lost = [], 0
    for at, need in zip(arrivals, needs.tolist(), strict=True):
        while present and (leave := now + (present[0][0] - attained) * len(present)) <= at:
            attained, came = heapq.heappop(present)
            now = leave
            times.append(now - came)
        if present:
            attained += (at - now) / len(present)
        now = at
        if len(present) < capacity:
            heapq.heappush(present, (attained + need, at))
        else:
            lost += 1
    return lost / len(needs), np.array(times)


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("distribution", "capacity", "rate"), [("D", 6, 1.1), ("H2", 10, 0.7), ("D", 30, 0.9)]
)
def test_sharing_against_sample_paths(distribution: str, capacity: int, rate: float) -> None:
    rng, n = np.random.default_rng(4), 300_000
    needs = (
        np.ones(n)
        if distribution == "D"
        else rng.exponential(1.0, n) * np.where(rng.random(n) < H2.probabilities[0], *H2.means)
    )
    loss, times = shared_path(rate, needs, capacity, 6)
    r = MG1KPS(D if distribution == "D" else H2, capacity).solve(rate)
    assert r.loss == pytest.approx(loss, rel=0.03, abs=0.002)
    assert r.response_time == pytest.approx(times.mean(), rel=0.04)
    assert r.response.mean == pytest.approx(r.response_time, rel=1e-9)
    for p in (0.5, 0.9, 0.99):
        assert r.response.quantile(p) == pytest.approx(np.quantile(times, p), rel=0.09), p


def test_sharing_published() -> None:
    # theory.md 2.11: K = 6, load 1.1, insensitive; loss .18673, E[T] 3.776.
    for distribution in (D, H2, qm.LogNormal(1.0, 3.0)):
        r = MG1KPS(distribution, 6).solve(1.1)
        assert float(r.loss) == pytest.approx(0.18673, abs=5e-6)
        assert float(r.response_time) == pytest.approx(3.776, abs=5e-4)


def test_sharing_exponential_response_is_exact() -> None:
    capacity, rate = 6, 1.1
    q = np.zeros((capacity, capacity))
    for k in range(capacity):
        if k < capacity - 1:
            q[k, k + 1] = rate
        if k:
            q[k, k - 1] = k / (k + 1)
        q[k, k] = -q[k].sum() - 1 / (k + 1)
    start = rate ** np.arange(capacity)
    r = MG1KPS(EXP, capacity).solve(rate)
    assert r.basis == "exact"
    for t in (0.5, 3.0, 20.0):
        expected = start / start.sum() @ expm(q * t) @ np.ones(capacity)
        assert r.response.tail(t) == pytest.approx(expected, rel=1e-11)


@pytest.mark.parametrize("station", [MG1K, MG1KPS])
@pytest.mark.parametrize("distribution", [EXP, D, qm.LogNormal(1.0, 2.0)])
def test_cells_units_little_and_edges(station: Any, distribution: Any) -> None:
    rates = np.array([0.0, 0.6, 1.0, 3.0, np.nan])
    r = station(distribution, 7).solve(rates)
    percentile = r.response.quantile(0.9)
    for i, rate in enumerate(rates):
        one = station(distribution, 7).solve(float(rate))
        for name in (
            "loss",
            "waiting_time",
            "response_time",
            "number_in_system",
            "queue_length",
        ):
            np.testing.assert_allclose(getattr(r, name)[i], getattr(one, name), rtol=1e-12)
        np.testing.assert_allclose(percentile[i], one.response.quantile(0.9), rtol=1e-8)
    accepted = rates * (1 - r.loss)
    np.testing.assert_allclose(r.number_in_system, accepted * r.response_time, rtol=1e-11)
    np.testing.assert_allclose(
        r.queue_length, accepted * r.waiting_time, rtol=1e-11, atol=1e-15
    )
    np.testing.assert_allclose(r.response.mean, r.response_time, rtol=1e-6)
    scaled = station(qm.Scaled(distribution, 1e-3), 7).solve(rates[1:4] * 1e3)
    np.testing.assert_allclose(scaled.response_time, 1e-3 * r.response_time[1:4], rtol=1e-9)
    alone = station(distribution, 1).solve(0.5)
    assert alone.loss == pytest.approx(1 / 3, rel=1e-12)
    assert alone.response_time == pytest.approx(1.0)
    assert alone.response.quantile(0.9) == pytest.approx(distribution.quantile(0.9), rel=1e-9)


def test_much_room_is_the_queue_without_limit() -> None:
    for distribution in (D, H2, qm.Uniform(0.5, 1.5)):
        r, m = MG1K(distribution, 400).solve(0.7), qm.MG1(distribution).solve(0.7)
        assert r.waiting_time == pytest.approx(m.waiting_time, rel=1e-9)
        assert r.loss < 1e-12
        assert r.number.variance > 0


def test_small_losses_keep_their_digits() -> None:
    loss = MG1K(EXP, 60).solve(0.5).loss
    assert loss == pytest.approx(0.5**60 * 0.5 / (1 - 0.5**61), rel=1e-12)
    # Loss of M/D/1/K falls by exp(-0.5 * decay) a place (theory.md 2.5): here by tau.
    a, b = (MG1K(D, k).solve(0.5).loss for k in (40, 41))
    assert a / b == pytest.approx(3.512862417, rel=1e-8)  # tau - 1 = 2 log tau


@pytest.mark.parametrize("station", [MG1K, MG1KPS])
def test_domain(station: Any) -> None:
    with pytest.raises(qm.DomainError, match="capacity must be a whole number >= 1, got 0"):
        station(EXP, 0)
    with pytest.raises(qm.DomainError, match="capacity must be one whole number >= 1"):
        station(EXP, [2, 3])
    with pytest.raises(qm.ModelError, match="service must be a Distribution"):
        station(1.0, 5)


@pytest.mark.parametrize(
    "service",
    [
        qm.LogNormal(1.0, 2.0),
        qm.Uniform(0.5, 1.5),
        qm.Sum((qm.Exponential(0.5), qm.Gamma(0.5, 2.0))),
        qm.Empirical([0.5, 1.0, 1.5]),
    ],
    ids=lambda distribution: type(distribution).__name__,
)
@pytest.mark.parametrize("capacity", [2, 3, 5])
def test_light_load_behind_a_distribution_without_closed_form(
    service: qm.Distribution, capacity: int
) -> None:
    """Who comes finds one request at most: the wait is its remainder, of mean E[S^2] / 2S."""
    loads = 10.0 ** np.arange(-14, -5)
    r = qm.MG1K(service, capacity).solve(loads)
    remainder = (1 + service.scv) / 2
    assert r.waiting_time / loads == pytest.approx(remainder, rel=1e-5)
    assert np.all(np.diff(r.waiting_time) > 0)
    exact = qm.MG1(service).solve(1e-4).waiting_time
    assert qm.MG1K(service, 5).solve(1e-4).waiting_time == pytest.approx(exact, rel=1e-7)


def test_arrivals_in_any_distribution_are_those_in_the_closed_one() -> None:
    for distribution in (qm.Exponential(1.0), qm.Gamma(1.0, 2.0), qm.Erlang(1.0, 3)):
        for load in (1e-12, 1e-3, 0.3, 3.0, 30.0):
            exact = arrivals_in(distribution, load, 6)
            found = _in_any(distribution, np.asarray(load), 6)
            assert found[0] == pytest.approx(exact[0], rel=1e-14)
            for k in (1, 2):
                assert found[k] == pytest.approx(exact[k], rel=1e-9, abs=1e-15 * load)
                assert found[k][:2] == pytest.approx(exact[k][:2], rel=1e-13)


def test_arrivals_during_a_uniform_service_in_any_overload():
    """P(N > m) once was .9999 at a load of 1e9, 0 at 1e99, and unknown at 1e159."""
    rate = np.array([150.0, 1e10, 1e100, 1e160, 1e300])
    none, more, excess = arrivals_in(qm.Uniform(0.05, 0.15), rate, 4)
    # The i-th arrives in time where an Erlang time does, averaged over uniform ones.
    ends, i = np.array([7.5, 22.5]), np.arange(1, 5)[:, None]
    early = np.diff(ends * gammainc(i, ends) - i * gammainc(i + 1, ends), axis=1) / 15.0
    assert more[:, :1] == pytest.approx(early, abs=1e-12)
    assert more[:, 1:] == pytest.approx(np.ones((4, 4)), rel=1e-12)
    assert excess[:, 0] == pytest.approx(15.0 - np.cumsum([0.0, *early[:3, 0]]), rel=1e-12)
    assert excess[:, 1:] == pytest.approx(0.1 * rate[1:] - np.arange(4)[:, None], rel=1e-12)
    assert (none[1:] == 0.0).all()
    crowded = qm.MG1K(qm.Uniform(0.05, 0.15), 4).solve(rate)
    assert crowded.waiting_time[1:] == pytest.approx([0.3] * 4, rel=1e-9)
    assert crowded.utilization == pytest.approx([1.0] * 5, rel=1e-6)
