"""M/PH/c by roots, against the matrices of `qmodel.queues.phases.queue`."""

import numpy as np
import pytest

import qmodel as qm
from qmodel.distributions.fit_phases import fit_body, fit_phases
from qmodel.distributions.phase_type import PhaseType, phases_of
from qmodel.queues.phases import roots
from qmodel.queues.phases.queue import solve
from qmodel.queues.phases.roots import solve_by_roots

PARETO = qm.distributions.Pareto(0.1, 1.8, 1000.0)
LOADS = np.array([0.2, 0.5, 0.8, 0.97, 0.9999])


def phases(distribution):
    found = phases_of(distribution)
    return PhaseType(found.initial, found.generator * float(distribution.mean))


def fitted(distribution, *size):
    return phases(fit_body(distribution, *size).distribution)


SERVICES = {
    "real roots": (fitted(PARETO, 2, 2, 4), 4),
    "a pair of complex ones": (fitted(PARETO, 3, 3, 4), 3),
    "two pairs": (fitted(PARETO, 6, 4, 2), 2),
    "hyperexponential": (phases(qm.HyperExponential([0.9, 0.1], [0.5, 5.5])), 10),
    "Erlang": (phases(qm.Erlang(1.0, 4)), 5),
    "Erlang of one rate": (phases(fit_phases(qm.Gamma(1.0, 0.25), 6).distribution), 4),
}


def by_matrices(service, servers, rates):
    initial, generator = (
        np.broadcast_to(x, (rates.size, *x.shape)) for x in (service.initial, service.generator)
    )
    return solve(initial, generator, servers, rates)


def tails(found, times):
    return (found.weights * np.exp(-found.rates * times[:, None, None])).sum(axis=2).real


@pytest.mark.parametrize("name", SERVICES)
def test_as_by_matrices(name, monkeypatch):
    service, servers = SERVICES[name]
    rates = servers * LOADS
    wanted = by_matrices(service, servers, rates)
    # Nothing is left to the matrices.
    monkeypatch.setattr(roots, "solve", None)
    found = solve_by_roots(service, servers, rates)
    np.testing.assert_allclose(found.probability, wanted.probability, rtol=1e-9)
    np.testing.assert_allclose(found.mean, wanted.mean, rtol=1e-9)
    np.testing.assert_allclose(found.levels, wanted.levels, rtol=1e-7, atol=1e-12)
    times = np.array([0.0, 0.1, 1.0, 10.0, 100.0])
    np.testing.assert_allclose(tails(found, times), tails(wanted, times), atol=1e-9)


@pytest.mark.parametrize("name", SERVICES)
def test_newton_steps_double_the_digits(name, monkeypatch):
    """A dozen steps, of which the first are kept within the grid, find all roots."""
    service, servers = SERVICES[name]
    monkeypatch.setattr(roots, "_STEPS", 12)
    monkeypatch.setattr(roots, "solve", None)
    assert np.isfinite(solve_by_roots(service, servers, servers * LOADS).mean).all()


def test_rare_long_services_near_saturation_have_a_root_beyond_the_grid(monkeypatch):
    """The Pollaczek-Khinchine formula at an SCV of 500,000."""
    rare = 1e-6
    service = PhaseType([rare, 1 - rare], np.diag([-rare / 0.5, -(1 - rare) / 0.5]))
    load = np.array([0.5, 0.9999, 0.99998])
    monkeypatch.setattr(roots, "solve", None)
    found = solve_by_roots(service, 1, load)
    wait = load * (1 + service.scv) / (2 * (1 - load))
    np.testing.assert_allclose(found.probability * found.mean, wait, rtol=1e-9)


def test_eigenvectors_have_the_length_1(monkeypatch):
    """So large shares are those that cancel, and say how many digits are lost."""
    service, servers = SERVICES["two pairs"]
    seen, of = [], roots._eigenvectors
    monkeypatch.setattr(roots, "_eigenvectors", lambda *x: seen.append(of(*x)) or seen[-1])
    solve_by_roots(service, servers, servers * LOADS)
    assert np.iscomplexobj(seen[0])
    np.testing.assert_allclose(np.linalg.norm(seen[0], axis=1), 1.0, rtol=1e-12)


# Two independent programs, one of them the package phph 0.1.
@pytest.mark.parametrize(
    ("servers", "load", "probability", "mean"),
    [
        (4, 0.5, 0.180602454052, 0.151529735276),
        (16, 0.8, 0.319920256622, 0.172857426789),
        (32, 0.9, 0.478051649070, 0.284791132843),
    ],
)
def test_published_digits(servers, load, probability, mean):
    service = phases(qm.HyperExponential([0.05, 0.95], [6.4, 0.7157894736842105]))
    found = solve_by_roots(service, servers, np.array([servers * load]))
    assert found.probability[0] == pytest.approx(probability, abs=2e-12)
    assert found.probability[0] * found.mean[0] == pytest.approx(mean, abs=2e-12)


def test_rare_waits_and_near_saturation_are_left_to_matrices():
    service, servers = SERVICES["real roots"]
    rates = servers * np.array([1e-3, 0.5, 1 - 1e-8])
    found, wanted = (
        solve_by_roots(service, servers, rates),
        by_matrices(service, servers, rates),
    )
    assert (found.probability[[0, 2]] == wanted.probability[[0, 2]]).all()
    np.testing.assert_allclose(found.mean, wanted.mean, rtol=1e-9)


def test_shares_that_lose_digits_are_left_to_matrices():
    """With 64 servers in two phases the shares are 1e7 at 55 %, where one in 10,000 waits."""
    service, rates = phases(qm.Erlang(1.0, 2)), 64 * np.array([0.45, 0.5, 0.55, 0.6, 0.7])
    found, wanted = solve_by_roots(service, 64, rates), by_matrices(service, 64, rates)
    np.testing.assert_allclose(found.probability, wanted.probability, rtol=1e-9)
    np.testing.assert_allclose(found.mean, wanted.mean, rtol=1e-9)


@pytest.mark.parametrize(
    "service",
    [
        PhaseType([0.5, 0.0, 0.5], [[-2.0, 1.0, 1.0], [0.0, -3.0, 0.0], [0.0, 1.0, -1.0]]),
        PhaseType([0.5, 0.3, 0.2], np.diag([-1.0, -1.0, -1.0])),
        PhaseType([0.5, 0.5, 0.0], np.diag([-1.0, -2.0, -3.0])),
    ],
    ids=["not one behind the other", "alike", "never taken"],
)
def test_other_phases_are_left_to_matrices(service):
    rates = np.array([0.5, 1.5]) / float(service.mean)
    found, wanted = solve_by_roots(service, 2, rates), by_matrices(service, 2, rates)
    np.testing.assert_allclose(found.mean, wanted.mean, rtol=1e-12)
    np.testing.assert_allclose(found.probability, wanted.probability, rtol=1e-12)


def test_a_load_is_what_it_is_beside_others():
    service, servers = SERVICES["two pairs"]
    rates = servers * np.linspace(0.05, 0.95, 200)  # more than are solved at once
    found = solve_by_roots(service, servers, rates)
    for i in (0, 60, 199):
        one = solve_by_roots(service, servers, rates[i : i + 1])
        np.testing.assert_allclose(found.mean[i], one.mean[0], rtol=1e-12)
        np.testing.assert_allclose(found.levels[i], one.levels[0], rtol=1e-10)


def test_a_load_is_as_alone_to_the_last_bit() -> None:
    """Nodes that are solved in another order are the same: a sweep does not remember."""
    service = fit_phases(qm.LogNormal(1.0, 9.0), 4).distribution
    rates = 8 * np.array([0.2, 0.5, 0.9, 0.99, 0.9999])
    together = solve_by_roots(service, 8, rates)
    for i, rate in enumerate(rates):
        alone = solve_by_roots(service, 8, np.array([rate]))
        assert alone.mean[0] == together.mean[i]
        assert alone.probability[0] == together.probability[i]
