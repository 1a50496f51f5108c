"""Tails down to the least of floats, against a closed sum in many digits and Lundberg's law."""

import mpmath as mp
import numpy as np
import pytest

import qmodel as qm
from qmodel.distributions import Empirical, Exponential, Gamma, Shifted, Uniform
from qmodel.distributions.deep_tails import deepened
from qmodel.distributions.tails import faces
from qmodel.queues.mg1 import MG1

SERVICES = [
    Uniform(0.05, 0.15),
    Empirical([0.1, 0.2, 0.4]),
    Empirical(np.linspace(0.01, 0.3, 30)),
    Gamma(0.1, 0.001),
    Gamma(0.1, 0.3),
    Gamma(0.1, 4.0),
    Shifted(Exponential(0.05), 0.05),
    qm.Repeated(Uniform(0.0, 0.1), 3),
    qm.Mixture([0.7, 0.3], [qm.Deterministic(0.05), Gamma(0.2, 0.1)]),
]


def transform(service, s):
    """Return E[exp(s S)] in many digits."""
    if isinstance(service, Uniform):
        a, b = mp.mpf(service.low), mp.mpf(service.high)
        return (mp.exp(s * b) - mp.exp(s * a)) / (s * (b - a))
    if isinstance(service, Empirical):
        samples = zip(service.weights, service.values, strict=True)
        return sum(mp.mpf(w) * mp.exp(s * mp.mpf(x)) for w, x in samples)
    if isinstance(service, Gamma):
        scv = mp.mpf(service.scv)
        return (1 - s * mp.mpf(service.mean) * scv) ** (-1 / scv)
    if isinstance(service, Exponential):
        return 1 / (1 - s * mp.mpf(service.mean))
    if isinstance(service, qm.Deterministic):
        return mp.exp(s * mp.mpf(service.mean))
    if isinstance(service, Shifted):
        return mp.exp(s * mp.mpf(service.by)) * transform(service.distribution, s)
    if isinstance(service, qm.Repeated):
        return transform(service.distribution, s) ** service.times
    parts = zip(service.probabilities, service.distributions, strict=True)
    return sum(mp.mpf(p) * transform(part, s) for p, part in parts)


def lundberg(service, rate):
    """Return decay and constant of the wait in M/G/1, and the factor of the response."""
    lam, found = mp.mpf(rate), None
    mean = mp.diff(lambda s: transform(service, s), mp.mpf("1e-30"))
    load = lam * mean

    def excess(s):
        return lam * (transform(service, s) - 1) / s - 1

    low = high = (1 - load) / mean / 100
    end = mp.mpf(float(service.exponential_limit))
    while excess(high) < 0:
        low, high = high, min(2 * high, (high + end) / 2)
    found = mp.findroot(excess, (low, high), solver="anderson", tol=1e-60)
    slope = mp.diff(lambda s: transform(service, s), found)
    return found, (1 - load) / (lam * slope - 1), transform(service, found)


@pytest.mark.parametrize("load", [0.3, 0.8, 0.999])
@pytest.mark.parametrize("service", SERVICES, ids=repr)
def test_tails_fall_as_lundberg_says(service, load):
    with mp.workdps(40):
        rate = load / float(service.mean)
        decay, constant, factor = lundberg(service, rate)
        solved = MG1(service).solve(rate)
        # A gamma distribution of SCV 4 has a singularity not far beyond the pole.
        t = np.array([80.0, 150.0, 600.0]) / float(decay)
        expected = np.array([float(constant * mp.exp(-decay * mp.mpf(x))) for x in t])
        assert solved.wait.tail(t) == pytest.approx(expected, rel=3e-6)
        assert solved.wait.density(t) == pytest.approx(float(decay) * expected, rel=3e-6)
        assert solved.response.tail(t) == pytest.approx(float(factor) * expected, rel=3e-6)
        assert (solved.response.tail_error(t) < 1e-5 * expected).all()


def exact_tail(rate, samples, t):
    """Return P(wait > t) for few samples, by the alternating sum of the busy period."""
    lam, t = mp.mpf(rate), mp.mpf(t)
    load = lam * sum(map(mp.mpf, samples)) / len(samples)
    sums, below = {mp.mpf(0): mp.mpf(1)}, mp.exp(lam * t)
    j = 0
    while sums:
        more = {}
        for value, weight in sums.items():
            for x in samples:
                after = mp.nstr(value + mp.mpf(x), 20)
                if mp.mpf(after) < t:
                    more[after] = more.get(after, 0) + weight / len(samples)
        sums = {mp.mpf(value): weight for value, weight in more.items()}
        j += 1
        for value, weight in sums.items():
            u = lam * (t - value)
            below += weight * (-u) ** j / mp.factorial(j) * mp.exp(u)
    return 1 - (1 - load) * below


def test_a_tail_in_the_middle_against_an_alternating_sum():
    # No pole alone: between the kinks and the exponential law, at a load of 5 %.
    samples = ["0.1", "0.2", "0.4"]
    with mp.workdps(60):
        rate = mp.mpf("0.05") * 3 / mp.mpf("0.7")
        for t in (0.75, 1.37, 2.5):
            expected = float(exact_tail(rate, samples, mp.mpf(t)))
            wait = MG1(Empirical([0.1, 0.2, 0.4])).solve(float(rate)).wait
            error = max(1e-5 * expected, float(wait.tail_error(t)))
            assert abs(float(wait.tail(t)) - expected) <= error
            assert float(wait.tail_error(t)) < (2e-10 if t < 2 else 1e-3 * expected)
    assert expected < 1e-12


def test_a_row_of_stations_and_many_loads():
    rate = np.array([[1.0], [5.0], [9.9]])
    disk, cpu = MG1(Uniform(0.05, 0.15)), qm.MMc(0.005, 1)
    one, two = disk.solve(rate).response, cpu.solve(rate).response
    row = qm.Sum([one, two])
    t = np.geomspace(0.3, 60.0, 40)
    tail = row.tail(t)
    assert (np.diff(tail, axis=1) <= 0).all()
    assert (tail >= 0).all()
    # The slower of the two decides in the end: the disk, whose pole is the nearer one.
    decay = np.asarray(disk.solve(rate).wait.exponential_limit)
    moved = 1 / (1 - 0.005 / (1 - rate * 0.005) * decay)
    late = 150.0 / decay
    assert row.tail(late) == pytest.approx(moved * one.tail(late), rel=1e-5)


@pytest.mark.parametrize("phases", [2, 6, 16, 40])
def test_many_times_in_a_row(phases):
    from scipy.stats import gamma

    row = qm.Sum([Exponential(1.0)] * phases)
    t = phases * np.array([3.0, 6.0, 12.0])
    expected = gamma.sf(t, phases)
    assert row.tail(t) == pytest.approx(expected, rel=1e-6)
    assert row.density(t) == pytest.approx(gamma.pdf(t, phases), rel=1e-6)
    assert (np.abs(row.tail(t) - expected) <= row.tail_error(t)).all()


def test_no_tail_that_is_large_is_inverted_again():
    class Refusing(Uniform):
        @property
        def exponential_limit(self):
            raise AssertionError

    found = np.array([[0.5, 1e-4], [1.0, 1.0], [1e-7, 1e-10]])
    assert deepened(Refusing(0.0, 1.0), 1.0, np.array([0.5, 0.9]), found) is found


def test_a_heavy_tail_stays_as_it_is():
    t = np.geomspace(1.0, 1e5, 30)
    for service in (qm.LogNormal(0.1, 4.0), qm.Pareto(0.06, 2.5), qm.Pareto(0.05, 2.2)):
        for load in (0.05, 0.8, 0.999):
            wait = MG1(service).solve(load / float(service.mean)).wait
            assert wait.exponential_limit == 0
            tail, _, error = faces(wait, t)
            assert (np.diff(tail) <= error[1:] + error[:-1]).all()


def test_exponential_limits():
    slow = Exponential(2.0)
    limits = {
        0.5: [
            slow,
            qm.Mixture([0.5, 0.5], [qm.Deterministic(9.0), slow]),
            Shifted(slow, 1.0),
            qm.Repeated(slow, 7),
            qm.Scaled(Exponential(4.0), 0.5),
            qm.HyperExponential([0.2, 0.8, 0.0], [2.0, 1.0, 5.0]),
            qm.PhaseType([1.0, 0.0], [[-0.5, 0.5], [0.0, -3.0]]),
        ],
        1 / 3: [qm.Sum([slow, Gamma(1.0, 3.0)]), Gamma(1.5, 2.0)],
        np.inf: [
            qm.Mixture([1.0, 0.0], [qm.Deterministic(9.0), slow]),
            qm.Sum([Uniform(0.0, 1.0), Empirical([1.0, 2.0])]),
        ],
        0.0: [qm.Pareto(1.0, 2.5), qm.LogNormal(1.0, 2.0), qm.Sum([slow, qm.Pareto(1.0, 3.0)])],
    }
    for limit, distributions in limits.items():
        for distribution in distributions:
            assert distribution.exponential_limit == pytest.approx(limit)
    two = qm.HyperExponential([0.9, 0.1], [0.5, 5.5])
    for queue in (MG1(two), qm.MGc(two, 3), qm.MMc(1.0, 3), qm.MG1(qm.Erlang(1.0, 3))):
        wait = queue.solve(0.8 * queue.servers).wait
        late = 60.0 / wait.exponential_limit
        falls = float(np.log(wait.tail(late) / wait.tail(1.01 * late)) / (0.01 * late))
        assert falls == pytest.approx(float(wait.exponential_limit), rel=1e-5)
    queue = MG1(Exponential(1.0)).solve(np.array([0.25, 0.8, 2.0])).wait
    assert queue.exponential_limit == pytest.approx([0.75, 0.2, 0.0])


@pytest.mark.parametrize(
    "service",
    [
        Shifted(Exponential(0.05), 0.05),
        qm.Scaled(Uniform(0.5, 1.5), 0.1),
        qm.Repeated(Gamma(0.02, 0.5), 5),
        qm.Shifted(qm.Repeated(Uniform(0.0, 0.02), 3), 0.01),
    ],
    ids=repr,
)
@pytest.mark.parametrize("x", [1e-9, 1e-5, 1e-3, 0.5])
def test_remaining_gaps_keep_their_digits(service, x):
    s = x / float(service.mean)
    with mp.workdps(50):
        if isinstance(service, qm.Scaled):
            inner, s_in = service.distribution, mp.mpf(s) * mp.mpf(service.factor)
        else:
            inner, s_in = service, mp.mpf(s)
        mean = mp.diff(lambda u: transform(inner, u), mp.mpf("1e-40"), h=mp.mpf("1e-20"))
        expected = float(1 - (1 - transform(inner, -s_in)) / (s_in * mean))
    assert float(service.remaining_gap(s)) == pytest.approx(expected, rel=1e-12)
