"""Whole stations against bare SciPy functions at the same points, and against peers."""

import time

import numpy as np
import pytest
from scipy.special import gammaincc

import qmodel as qm

pytestmark = pytest.mark.benchmark

SERVICE_TIME = 0.02
DISTRIBUTIONS = 100_000


def points(low, high, n=10**6):
    """Servers uniform in the logarithm, loads to 1e-6 of saturation, in random order."""
    rng = np.random.default_rng(1)
    c = np.floor(np.exp(rng.uniform(np.log(low), np.log(high), n)))
    near = 1.0 - 10.0 ** rng.uniform(-6.0, 0.0, n)
    return c * np.where(rng.uniform(size=n) < 0.5, rng.uniform(size=n), near), c


def wait_number_p99(rate, servers):
    """Return the mean wait, the mean number and the p99 of the wait of M/M/c."""
    result = qm.MMc(SERVICE_TIME, servers).solve(rate)
    return result.waiting_time, result.number_in_system, result.wait.quantile(0.99)


@pytest.mark.parametrize(
    ("low", "high", "limit"), [(64, 1e7, 1.5), (1, 64, 2.5), (1, 1e7, 2.5)], ids=str
)
def test_mmc_sweep(interleaved, low, high, limit):
    a, c = points(low, high)
    rate = a / SERVICE_TIME
    r = interleaved(lambda: wait_number_p99(rate, c), lambda: gammaincc(c + 1.0, a))
    print(
        f"\nM/M/c wait, number, p99, {low:g} to {high:g} servers: {r} gammaincc, limit {limit}"
    )
    assert r.median <= limit


SCALAR = {
    "erlang_c": lambda a, c: qm.erlang_c(servers=c, offered_load=a),
    "mean wait": lambda a, c: qm.queues.mmc.waiting_time(a, 1.0, servers=c),
    "mean wait, M/G/1": lambda a, c: qm.queues.mg1.waiting_time(a / c, 1.0, scv=4.0),
    "tail of the wait": lambda a, c: qm.queues.mmc.waiting_tail(a, 1.0, servers=c, t=0.1),
}


@pytest.mark.parametrize("servers", [3, 50, 100, 10**4])
@pytest.mark.parametrize(
    ("name", "limit"),
    [("erlang_c", 10), ("mean wait", 10), ("mean wait, M/G/1", 10), ("tail of the wait", None)],
)
def test_scalar_formula(interleaved, name, limit, servers):
    a, x, formula = 0.9 * servers, servers + 1.0, SCALAR[name]
    r = interleaved(
        lambda: [formula(a, servers) for _ in range(1000)],
        lambda: [gammaincc(x, a) for _ in range(1000)],
    )
    print(f"\n{name}, one point, {servers} servers: {r} bare gammaincc, limit {limit}")
    assert limit is None or r.median <= limit


def gammas(rng, low, high):
    """Return gamma distributions with SCVs uniform in the log, and their bare transform."""
    mean = rng.uniform(0.001, 1.0, DISTRIBUTIONS)
    scv = np.exp(rng.uniform(np.log(low), np.log(high), DISTRIBUTIONS))

    def transform(s, cells):
        v = scv[cells]
        return (1 + mean[cells] * v * s) ** (-1 / v)

    return qm.Gamma(mean, scv=scv), transform


def hyperexponentials(rng, low, high):
    """Return distributions of two branches of equal load, and their bare transform."""
    mean = rng.uniform(0.001, 1.0, DISTRIBUTIONS)
    scv = np.exp(rng.uniform(np.log(low), np.log(high), DISTRIBUTIONS))
    p = (1 + np.sqrt((scv - 1) / (scv + 1))) / 2
    fast, slow = mean / (2 * p), mean / (2 * (1 - p))

    def transform(s, cells):
        q = p[cells]
        return q / (1 + fast[cells] * s) + (1 - q) / (1 + slow[cells] * s)

    return qm.HyperExponential([p, 1 - p], [fast, slow]), transform


SERVICES = {
    "gamma, SCV 0.25 to 4": (gammas, 0.25, 4.0),
    "gamma, SCV 0.05 to 1": (gammas, 0.05, 1.0),
    "hyperexponential, SCV 1 to 16": (hyperexponentials, 1.0, 16.0),
}


@pytest.mark.parametrize("name", SERVICES)
def test_mg1_p99(interleaved, name):
    rng = np.random.default_rng(1)
    make, *scv = SERVICES[name]
    distribution, transform = make(rng, *scv)
    load = rng.uniform(0.05, 0.95, DISTRIBUTIONS)
    rate = load / distribution.mean
    contour = np.linspace(1, 9, 25)[:, None] + 1j * np.arange(25)[:, None]

    def p99():
        return qm.MG1(distribution).solve(rate).wait.quantile(0.99)

    def bare():
        total = np.empty(DISTRIBUTIONS)
        for start in range(0, DISTRIBUTIONS, 1024):
            cells = slice(start, start + 1024)
            s = contour / t[cells]
            gap = s - rate[cells] * (1 - transform(s, cells))
            total[cells] = ((1 - load[cells]) * s / gap).real.sum(axis=0)
        return total

    start = time.perf_counter()
    t = p99()
    seconds = time.perf_counter() - start
    r = interleaved(p99, bare, rounds=3)
    print(
        f"\nM/G/1 p99, {DISTRIBUTIONS:,} of them, {name}: {seconds:.2f} s, {r} bare transforms"
    )
    assert t.shape == (DISTRIBUTIONS,)
    below = qm.MG1(distribution).solve(rate).wait.tail(t)
    np.testing.assert_allclose(below[t > 0], 0.01, rtol=1e-6)


def pyqueueing():
    model = pytest.importorskip("pyqueueing").MMC
    return lambda rate, c: model(rate, 1 / SERVICE_TIME, c).mean_wait()


def most_queue():
    model = pytest.importorskip("most_queue.theory.fifo").ErlangCCalc

    def wait(rate, c):
        queue = model(n=c)
        queue.set_sources(rate)
        queue.set_servers(1 / SERVICE_TIME)
        return queue.get_w(1)[0]

    return wait


def line_solver():
    solve = pytest.importorskip("line_solver.api.qsys").qsys_mmk
    return lambda rate, c: solve(rate, 1 / SERVICE_TIME, c)["Wq"]


@pytest.mark.parametrize("peer", [pyqueueing, most_queue, line_solver])
def test_rate_of_peers(interleaved, peer):
    """Mean wait, number and p99 at once against the mean wait alone in a loop."""
    wait, servers, many, few = peer(), 512, 100_000, 300
    rate = servers / SERVICE_TIME * np.random.default_rng(1).uniform(0.5, 0.99, many)
    some = rate[:few].tolist()
    ours = wait_number_p99(rate, servers)[0]
    np.testing.assert_allclose([wait(x, servers) for x in some], ours[:few], rtol=1e-6)
    r = interleaved(
        lambda: [wait(x, servers) for x in some for _ in range(2)],
        lambda: wait_number_p99(rate, servers),
    )
    rates = type(r)(*(x * many / (2 * few) for x in r))
    print(
        f"\nM/M/c at {servers} servers: {rates} times the rate of {peer.__name__}, at least 100"
    )
    assert rates.median >= 100
