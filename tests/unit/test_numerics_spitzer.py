"""M/D/c by Spitzer's sums against independent values and the bare sums."""

import mpmath
import numpy as np
import pytest
from mpmath import mpf

from qmodel.numerics.erlang import erlang_c
from qmodel.numerics.spitzer import waiting

UTILIZATION = np.array([1e-12, 1e-3, 0.1, 0.5, 0.9, 0.999, 1 - 1e-6, 1 - 1e-9, 1 - 1e-12])


def test_one_server_is_pollaczek_khinchine():
    rho, spare = UTILIZATION, 1.0 - UTILIZATION
    wait = waiting(rho, 1)
    np.testing.assert_allclose(wait.probability, rho, rtol=1e-13)
    np.testing.assert_allclose(wait.mean, rho / (2 * spare), rtol=1e-13)
    variance = rho / (3 * spare) + (rho / (2 * spare)) ** 2
    np.testing.assert_allclose(wait.variance, variance, rtol=1e-13)


# Embedded chain at lag D (Crommelin), solved as a linear system; loads and servers of the
# rows from Kimura 1991, JORS, table 1, and Whitt 1993. Mean waits in units of D.
@pytest.mark.parametrize(
    ("load", "servers", "mean", "probability"),
    [
        (1.8, 2, 2.146923214663672, 0.8471076427022518),
        (1.0, 2, 0.17674105711193533, 0.32325894288715684),
        (0.6, 2, 0.05525944472769604, 0.13358206642943204),
        (0.2, 2, 0.0062082836435754405, 0.017765017888487833),
        (2.4, 3, 0.5539002251376217, 0.632542245350686),
        (2.8, 4, 0.1897076853514981, 0.4099477731049277),
        (2.0, 4, 0.04965173878243089, 0.16329389494909008),
        (1.2, 4, 0.008455639281805337, 0.03494836096542753),
        (9.5, 10, 0.8370829918518058, 0.8116405027547853),
        (17.5, 25, 0.005356554315493349, 0.057199789500458786),
        (15.0, 25, 0.0008796524895580404, 0.011368511772619216),
        (45.0, 50, 0.03952588717437592, 0.33554264513961796),
        (30.0, 50, 2.223719769233915e-05, 0.0005194988426286962),
        (95.0, 100, 0.053446039123329465, 0.47511485201096115),
    ],
)
def test_embedded_chain(load, servers, mean, probability):
    wait = waiting(load, servers)
    assert wait.mean == pytest.approx(mean, rel=1e-7)
    assert wait.probability == pytest.approx(probability, rel=1e-11)


def test_golden_values():
    wait = waiting(4.0, 5)
    assert wait.mean == pytest.approx(0.289060007262668, rel=5e-14)
    assert 1.0 - wait.probability == pytest.approx(0.466384937034375, rel=5e-14)
    assert wait.variance == pytest.approx(0.194625181562092, rel=5e-14)
    assert waiting(1.0, 2).mean == pytest.approx(0.176741057112837, rel=5e-14)


def bare_sums(load, servers):
    """Spitzer's sums, term by term with 40 digits of the incomplete gamma function."""
    with mpmath.workdps(40):
        a, c, sums = mpf(load), mpf(servers), [mpf(0)] * 3
        for m in range(1, 10**4):
            n, x = m * c, m * a
            g0, g1, g2 = (mpmath.gammainc(n + i, 0, x, regularized=True) for i in range(3))
            square = m * m * g0 - 2 * m * n / a * g1 + n * (n + 1) / a**2 * g2
            terms = (g0 / m, g0 - g1 * c / a, square / m)
            sums = [s + t for s, t in zip(sums, terms, strict=True)]
            if terms[2] < sums[2] * mpf(10) ** -16:
                return [float(-mpmath.expm1(-sums[0])), float(sums[1]), float(sums[2])]
    raise AssertionError("not converged")


@pytest.mark.parametrize(
    ("load", "servers"),
    [(0.2, 2), (1.2, 2), (4, 5), (8.5, 10.5), (32, 40), (10, 100), (700, 800)],
)
def test_bare_sums(load, servers):
    np.testing.assert_allclose(waiting(load, servers), bare_sums(load, servers), rtol=2e-13)


def test_heavy_traffic_limit():
    # Kingman: the mean tends to 1 / (2 c (1 - rho)), the distribution to the exponential.
    for servers in (2, 30, 1000):
        spare = 1e-9
        wait = waiting(servers * (1.0 - spare), servers)
        scale = 1.0 / (2.0 * servers * spare)
        assert wait.mean == pytest.approx(scale, rel=1e-6)
        assert wait.variance == pytest.approx(scale**2, rel=1e-6)


def test_smooth_from_the_direct_sum_to_saturation():
    # Second differences on a fine grid show any seam between the regimes.
    for servers in (2.0, 13.0, 200.0):
        rho = np.linspace(0.2, 0.9999, 4000)
        for x in waiting(rho * servers, servers):
            y = np.log(x)
            assert np.max(np.abs(np.diff(y, 6)[:-300])) < 1e-9


def test_between_half_of_mmc_and_mmc():
    servers = np.array([1.0, 2.0, 10.0, 100.0])[:, None]
    load = servers * np.array([0.3, 0.8, 0.99])
    ratio = waiting(load, servers).mean / (erlang_c(load, servers) / (servers - load))
    assert np.all((ratio > 0.5 - 1e-12) & (ratio < 1.0))


def test_overload_nan_zero_and_shapes():
    wait = waiting([0.0, 4.0, 5.0, 6.0, np.inf, np.nan], 5)
    np.testing.assert_array_equal(np.isnan(wait), [[False] * 5 + [True]] * 3)
    np.testing.assert_array_equal(wait.probability[[0, 2, 3, 4]], [0, 1, 1, 1])
    np.testing.assert_array_equal(wait.mean[[0, 2, 3, 4]], [0, np.inf, np.inf, np.inf])
    np.testing.assert_array_equal(wait.variance[[0, 2, 3, 4]], [0, np.inf, np.inf, np.inf])
    assert np.isnan(waiting(1.0, np.nan).mean)
    load = np.linspace(0.1, 1.9, 200)
    grid = waiting(load[:, None], [2, 3])
    assert grid.mean.shape == (200, 2)
    assert np.ndim(waiting(1.0, 2).mean) == 0
    one_by_one = [[waiting(a, c).mean for c in (2, 3)] for a in load]
    np.testing.assert_allclose(grid.mean, one_by_one, rtol=1e-14)
