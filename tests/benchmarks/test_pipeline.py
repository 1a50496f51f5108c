"""Percentiles of whole pipelines against one bare evaluation of their transforms."""

import subprocess
import sys

import numpy as np
import pytest

import qmodel as qm
from qmodel.distributions.percentiles import quantile_of_moments
from qmodel.numerics.inversion import TALBOT

pytestmark = pytest.mark.benchmark

VARIANTS = 100_000
STATIONS = {
    "load balancer": (0.2e-3, 1),
    "gateway": (1e-3, 4),
    "application": (19e-3, 32),
    "cache": (0.2e-3, 1),
    "database": (9e-3, 10),
}


@pytest.fixture(scope="module")
def variants():
    """Return a five-station pipeline in 100,000 variants, and their loads."""
    rng = np.random.default_rng(1)
    hit = rng.uniform(0.5, 0.99, VARIANTS)
    step = {name: qm.call(name, qm.MMc(*figures)) for name, figures in STATIONS.items()}
    front = [step[name] for name in ("load balancer", "gateway", "application")]
    look_up = qm.cached(hit, lookup=step["cache"], miss=step["database"])
    model = qm.Pipeline(qm.series(*front, look_up))
    return model, rng.uniform(0.05, 0.95, VARIANTS) * model.max_rate


def bare_transform(model, load, t):
    """Return a function that evaluates the transforms at 25 complex points, in chunks."""
    points = np.linspace(1, 9, 25)[:, None] + 1j * np.arange(25)[:, None]
    hit = model.parameters()["cache.hit_ratio"]
    distribution = {}
    for name, (service_time, servers) in STATIONS.items():
        rate = load * model.visits[name]
        wait = qm.erlang_c(servers=servers, offered_load=rate * service_time)
        distribution[name] = wait, servers / service_time - rate, 1 / service_time

    def evaluate():
        total = np.empty(VARIANTS)
        for start in range(0, VARIANTS, 1024):
            cells = slice(start, start + 1024)
            s = points / t[cells]

            def response(name, s=s, cells=cells):
                wait, drain, serve = distribution[name]
                c, theta = wait[cells], drain[cells]
                return (1 - c + c * (theta / (theta + s))) * (serve / (serve + s))

            front = response("load balancer") * response("gateway") * response("application")
            miss = (1 - hit[cells]) * response("database") + hit[cells]
            total[cells] = (front * response("cache") * miss).real.sum(axis=0)
        return total

    return evaluate


def test_p99_of_100000_variants(interleaved, variants):
    model, load = variants
    p99 = model.solve(load).latency.quantile(0.99)
    bare = bare_transform(model, load, p99)
    r = interleaved(lambda: model.solve(load).latency.quantile(0.99), bare)
    print(f"\nsolve and p99 of {VARIANTS:,} pipelines: {r} bare transforms, limit 3.5")
    assert r.median <= 3.5


KERNEL = r"""
#include <complex.h>
#include <math.h>
/* One p99 a cell: Newton steps on the log of the tail, by the rule that is given; each cell has
   wait probability, drain and service rate of five stations, the last behind a cache. */
void p99(int cells, int nodes, const double complex *z, const double complex *tw,
         const double complex *dw, const double *pi, const double *theta, const double *mu,
         const double *hit, const double *start, double *found) {
    for (int i = 0; i < cells; i++) {
        double t = start[i];
        for (int step = 0; step < 20; step++) {
            double tail = 0, density = 0;
            for (int k = 0; k < nodes; k++) {
                double complex s = z[k] / t, up = 1, down = 1;
                for (int j = 0; j < 4; j++) {
                    double c = pi[5 * i + j], d = theta[5 * i + j], m = mu[j];
                    up *= m * (d + (1 - c) * s);
                    down *= (d + s) * (m + s);
                }
                double c = pi[5 * i + 4], d = theta[5 * i + 4], m = mu[4], h = hit[i];
                double complex below = (d + s) * (m + s);
                up *= (1 - h) * m * (d + (1 - c) * s) + h * below;
                double complex f = up / (down * below);
                tail += creal(tw[k] * (1 - f));
                density += creal(dw[k] * f) / t;
            }
            double scale = tail / density, move = scale * log(tail / 0.01);
            t += move;
            if (fabs(move) <= 1e-7 * fmin(t, scale)) break;
        }
        found[i] = t;
    }
}
"""


def test_p99_of_100000_variants_in_c(interleaved, variants, in_c):
    """Against a compiled loop with the same rule, from the same start, given the stations."""
    model, load = variants
    kernel = in_c("p99", KERNEL, "-fcx-limited-range", "-fno-math-errno")
    hit = np.ascontiguousarray(model.parameters()["cache.hit_ratio"])
    order = ("load balancer", "gateway", "application", "cache", "database")
    pi, theta = np.empty((2, VARIANTS, 5))
    for j, name in enumerate(order):
        service_time, servers = STATIONS[name]
        rate = load * model.visits[name]
        pi[:, j] = qm.erlang_c(servers=servers, offered_load=rate * service_time)
        theta[:, j] = servers / service_time - rate
    mu = np.array([1 / STATIONS[name][0] for name in order])
    latency, found = model.solve(load).latency, np.empty(VARIANTS)
    start = np.ascontiguousarray(quantile_of_moments(latency.mean, latency.variance, 0.99))
    faces = TALBOT.points, TALBOT.tail_weights, TALBOT.weights
    rule = [np.ascontiguousarray(x, dtype=complex) for x in faces]

    def reference():
        kernel(VARIANTS, TALBOT.points.size, *rule, pi, theta, mu, hit, start, found)

    reference()
    np.testing.assert_allclose(model.solve(load).latency.quantile(0.99), found, rtol=1e-6)
    r = interleaved(lambda: model.solve(load).latency.quantile(0.99), reference)
    what = f"solve and p99 of {VARIANTS:,} pipelines"
    print(f"\n{what}: {r} times a compiled loop, limit 3.5")
    assert r.median <= 3.5


def cpu_ratio_to_plain(interleaved, distribution, plain, limit):
    """Print and assert what a percentile costs, against that of two stations in a row."""
    r = interleaved(
        lambda: [distribution.quantile(0.99) for _ in range(5)],
        lambda: [plain.quantile(0.99) for _ in range(5)],
    )
    print(f"\np99 of {distribution!r}: {r} p99 of two stations in a row, limit {limit}")
    assert r.median <= limit


def test_forks_against_a_plain_path(interleaved):
    one, other = (qm.MMc(x, 2).solve(60.0).response for x in (0.02, 0.01))
    plain = qm.Sum([one, other])
    fork = qm.Maximum([one, other])
    cpu_ratio_to_plain(interleaved, fork, plain, 3.0)
    cpu_ratio_to_plain(interleaved, qm.Maximum([fork, one]), plain, 4.0)
    cpu_ratio_to_plain(interleaved, qm.Minimum([one, other]), plain, 3.0)


def test_many_branches_are_linear(interleaved):
    one = qm.MMc(0.02, 2).solve(60.0).response
    few, many = (qm.Maximum([one] * n) for n in (50, 500))
    r = interleaved(lambda: many.quantile(0.99), lambda: few.quantile(0.99))
    print(f"\nMaximum of 500: {r} of 50, limit 15")
    assert r.median <= 15.0


def test_forks_in_forks_are_linear(interleaved):
    """Each fork waits for a call and a fork behind it, and for another call."""

    def nested(depth):
        time = qm.Exponential(0.01)
        for i in range(depth):
            row = qm.Sum([qm.Exponential(0.001 * (1 + i / 7)), time])
            time = qm.Maximum([row, qm.Exponential(0.01 * (1 + i / 10))])
        return time

    few, many = (qm.Sum([qm.Exponential(0.002), nested(n)]) for n in (2, 5))
    r = interleaved(lambda: many.tail(0.05), lambda: few.tail(0.05), rounds=3)
    print(f"\nforks in forks, 5 deep: {r} of 2, limit 2.5")
    assert r.median <= 2.5


def test_means_of_forks_in_forks_are_linear(interleaved):
    def deep(depth):
        step = qm.call("first", qm.MG1(qm.Gamma(0.010, 2.0)))
        for k in range(depth):
            row = qm.series(qm.call(f"a{k}", qm.MMc(0.030, 4)), step)
            step = qm.parallel(row, qm.call(f"b{k}", qm.MMc(0.012)))
        return qm.Pipeline(step)

    def mean(depth):
        return lambda: deep(depth).solve(10.0).latency.mean

    r = interleaved(mean(6), mean(2), rounds=3)
    print(f"\nmean of a pipeline of forks in forks, 6 deep: {r} of 2, limit 12")
    assert r.median <= 12.0


def test_stations_in_a_row_are_linear(interleaved):
    def row(n):
        calls = (qm.call(f"s{i}", qm.MMc(0.001 * (1 + i % 7), 2)) for i in range(n))
        return qm.Pipeline(qm.series(*calls))

    few, many = row(100), row(1000)
    r = interleaved(
        lambda: many.solve(50.0).latency.quantile(0.99),
        lambda: few.solve(50.0).latency.quantile(0.99),
    )
    print(f"\nsolve and p99 of 1,000 stations in a row: {r} of 100, limit 15")
    assert r.median <= 15.0


def p99_of(path):
    pipeline = qm.Pipeline(path)
    return lambda: pipeline.solve(10.0).latency.quantile(0.99)


def test_visits_in_turn_are_linear(interleaved):
    """Each station is visited twice, with all others between."""

    def turns(n):
        calls = [qm.call(f"s{i}", qm.MMc(1e-4 * (1 + i % 7), 4)) for i in range(n)]
        return p99_of(qm.series(*calls, *calls))

    r = interleaved(turns(400), turns(50))
    print(f"\nsolve and p99 of 400 stations, each visited twice: {r} of 50, limit 14")
    assert r.median <= 14.0


def nested(wrap, n):
    """Return a path of calls, each of which waits for the next."""
    path = qm.nothing()
    for i in range(n):
        path = wrap(qm.series(qm.call(f"s{i}", qm.MMc(0.001, 4)), path))
    return p99_of(path)


@pytest.mark.parametrize(
    ("what", "wrap", "limit"),
    [
        ("calls", lambda path: path, 14),
        ("repetitions", lambda path: qm.repeat(1, path), 40),
        ("branches", lambda path: qm.branch((0.9, path), (0.1, qm.nothing())), 40),
    ],
)
def test_nested_calls_are_linear(interleaved, what, wrap, limit):
    """Eight times as deep: 8 where each is looked at once, 64 where each looks through all."""
    r = interleaved(nested(wrap, 80), nested(wrap, 10))
    print(f"\nsolve and p99 of {what} nested 80 deep: {r} of 10, limit {limit}")
    assert r.median <= limit


def test_delays_between_stations_are_polynomial(interleaved):
    """A delay that half the requests have, before each station of a row."""

    def row(n):
        late = qm.branch((0.5, qm.call("network", qm.Delay(0.01))), (0.5, qm.nothing()))
        calls = (qm.call(f"s{i}", qm.MMc(0.001 * (1 + i % 7), 4)) for i in range(n))
        return p99_of(qm.series(*(step for call in calls for step in (late, call))))

    r = interleaved(row(20), row(5))
    print(f"\n20 stations with a delay before each: {r} of 5, limit 20")
    assert r.median <= 20.0


def test_branches_in_a_row_are_polynomial(interleaved):
    one = qm.MMc(0.02, 2).solve(60.0).response
    late = qm.Mixture([0.5, 0.5], [qm.Deterministic(0.003), qm.Deterministic(0.0)])
    few, many = (qm.Sum([one, *[late] * n]) for n in (5, 20))
    r = interleaved(lambda: many.quantile(0.99), lambda: few.quantile(0.99))
    print(f"\n20 branches in a row: {r} of 5, limit 16")
    assert r.median <= 16.0


def test_import(interleaved):
    def start(code):
        return lambda: subprocess.run([sys.executable, "-c", code], check=True)

    r = interleaved(start("import qmodel"), start("import numpy"))
    print(f"\nimport qmodel: {r} import numpy, limit 1.3")
    used = interleaved(
        start("import qmodel; qmodel.MMc(1.0).solve(0.5)"), start("import numpy")
    )
    print(f"import qmodel and solve an M/M/c: {used} import numpy")
    assert r.median <= 1.3


def test_scalar_station(interleaved):
    from scipy.special import gammaincc

    station = qm.MMc(0.05, 8)
    r = interleaved(
        lambda: [station.solve(120.0) for _ in range(300)],
        lambda: [gammaincc(9.0, 6.0) for _ in range(300)],
    )
    print(f"\nMMc.solve of one float: {r} bare gammaincc")
