"""What a pipeline costs for what is in it, against one of a single M/M/c; in CPU time."""

import subprocess
import sys

import numpy as np
import pytest
from scipy.special import gammaincc

import qmodel as qm
from qmodel import web
from qmodel.numerics import inversion

pytestmark = pytest.mark.benchmark

ONE = qm.call("a", qm.MMc(0.01, 4))
PLAIN = qm.Pipeline(ONE)
OTHERS = qm.call("b", qm.MMc(0.012)), qm.call("c", qm.MMc(0.01))
LIMITED = qm.Pipeline(qm.series(qm.limit("quota", 300.0), ONE))
FORK = qm.Pipeline(qm.parallel(*OTHERS))
TYPICAL = web.typical_pipeline()
SOLVE = "import sys; sys.argv = ['qmodel', 'solve']; from qmodel.cli import main; main()"


def mean(pipeline, rate):
    return lambda: [pipeline.solve(rate).latency.mean for _ in range(20)]


MEANS = {
    "behind a limit": (LIMITED, 100.0, 3),
    "a fork of two": (FORK, 30.0, 8),
    "a fork in a fork": (qm.Pipeline(qm.parallel(qm.parallel(*OTHERS), ONE)), 30.0, 20),
    # All steady states: a scan, and a root search of three steps, each some cells.
    "a hedge": (qm.Pipeline(qm.hedge("late", qm.call("a", qm.MMc(0.01, 16)), 0.03)), 800.0, 20),
}


@pytest.mark.parametrize("what", MEANS)
def test_means(interleaved, what):
    pipeline, rate, limit = MEANS[what]
    r = interleaved(mean(pipeline, rate), mean(PLAIN, 100.0))
    print(f"\nmean of {what}: {r} plain cells, limit {limit}")
    assert r.median <= limit


def test_a_row_of_several_servers(interleaved):
    """What leaves M/G/c is followed, and each station is solved once."""
    station, rates = qm.MGc(qm.LogNormal(0.04, 4.0), 4), np.linspace(10.0, 95.0, 200)
    row = qm.Pipeline(qm.series(*(qm.call(name, station) for name in "abc")))

    def alone():
        return [station.solve(rates * (1 + k / 1e6)).waiting_time for k in range(3)]

    r = interleaved(lambda: row.solve(rates).latency.mean, alone)
    print(f"\nmean of three M/G/4 in a row, 200 loads: {r} of those alone, limit 7")
    assert r.median <= 7


def test_labels(interleaved):
    def labelled():
        return [PLAIN.solve(100.0).basis["mean"] for _ in range(20)]

    r = interleaved(labelled, mean(PLAIN, 100.0), rounds=25)
    print(f"\nlabel of a mean: {r} of the mean, limit 1.4")
    assert r.median <= 1.4


def test_a_cache_is_solved_once(interleaved):
    """A path with a modelled cache costs the cache, once, and the path without it."""
    pages, policy = qm.caches.Zipf(10**6, 0.8), qm.caches.LRU(10**4)
    hit = float(policy.solve(pages).hit_ratio)
    look_up, miss = qm.call("cache", qm.MMc(0.001)), qm.call("database", qm.MMc(0.01, 4))

    def modelled():
        for _ in range(10):
            step = qm.cached(policy, lookup=look_up, miss=miss, popularity=pages)
            qm.Pipeline(step).solve(100.0).latency.quantile(0.99)

    def apart():
        for _ in range(10):
            policy.solve(pages)
            step = qm.cached(hit, lookup=look_up, miss=miss)
            qm.Pipeline(step).solve(100.0).latency.quantile(0.99)

    r = interleaved(modelled, apart)
    print(f"\na path with a modelled cache: {r} of cache and path apart, limit 1.8")
    assert r.median <= 1.8


def test_capacity_behind_a_limit(interleaved):
    def asked(pipeline):
        return lambda: [qm.capacity(pipeline, "p99 < 100 ms") for _ in range(3)]

    r = interleaved(asked(LIMITED), asked(PLAIN))
    print(f"\ncapacity behind a limit: {r} of that without, limit 3")
    assert r.median <= 3


def test_percentile_of_the_typical_pipeline(interleaved):
    rate = 0.6 * float(TYPICAL.max_rate)

    def asked():
        return [TYPICAL.solve(rate).latency.quantile(0.99) for _ in range(5)]

    r = interleaved(asked, lambda: mean(PLAIN, 100.0)() and None)
    print(f"\np99 of the typical pipeline: {r.median / 5 * 20:.0f} plain cells, limit 130")
    assert r.median / 5 * 20 <= 130


def test_percentile_of_one_station(interleaved):
    station = qm.MMc(0.01, 8)

    def asked():
        return [station.solve(500.0).response.quantile(0.99) for _ in range(20)]

    r = interleaved(asked, lambda: [gammaincc(8.0, 5.0) for _ in range(8000)])
    print(f"\nsolve and p99 of M/M/8: {400 * r.median:.0f} bare gammaincc, limit 150")
    assert 400 * r.median <= 150


def test_percentile_of_a_solved_station(interleaved):
    response = qm.MMc(0.01, 8).solve(500.0).response

    def asked():
        return [response.quantile(0.99) for _ in range(20)]

    r = interleaved(asked, lambda: [gammaincc(8.0, 5.0) for _ in range(2000)])
    print(f"\np99 of a solved M/M/8: {100 * r.median:.0f} bare gammaincc, limit 60")
    assert 100 * r.median <= 60


def test_solve_from_the_command_line(interleaved):
    """Where bytecode is kept; 2 are NumPy itself and Rich, which draws the tables."""

    def start(*arguments):
        return lambda: subprocess.run(
            [sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL
        )

    r = interleaved(start("-c", SOLVE), start("-c", "import numpy"), rounds=5)
    print(f"\nqmodel solve: {r} import numpy, limit 6")
    assert r.median <= 6


def test_measured_times_along_a_line(interleaved):
    """A line of an inversion is a product of few exponentials, against one for each."""
    samples = np.random.default_rng(1).lognormal(-5.0, 0.8, 1000)
    times, s = qm.Empirical(samples), inversion.line(1022).points[:, None] / 0.01
    r = interleaved(
        lambda: [times.laplace(s) for _ in range(10)],
        lambda: [np.exp(np.outer(s[:, 0], -times.values)).mean(axis=1) for _ in range(10)],
    )
    print(f"\ntransform of 1000 measured times at 1,023 points: {r} of each alone, limit 0.3")
    assert r.median <= 0.3
