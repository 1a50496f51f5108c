"""M/PH/c exactly: against independent solutions, other packages and at the edges."""

from __future__ import annotations

import numpy as np
import pytest

import qmodel as qm
from qmodel.distributions.phase_type import phases_of
from qmodel.queues.phases import busy_servers
from qmodel.queues.phases.exponentials import TERMS, exponentials
from qmodel.queues.phases.queue import PhaseSolution, first_passage, solve

H2 = qm.HyperExponential([0.05, 0.95], [6.4, 0.7157894736842105])
H3 = qm.HyperExponential([0.9, 0.09, 0.01], [0.65, 3.9, 6.4])

# Distribution, servers, load, P(wait), mean wait, a time that one in a hundred waits, rate of
# decay. H2: two independent programs, one of them the package phph 0.1.
SOLVED = [
    (H2, 2, 0.8, 0.717719633452, 4.283561190912, 31.0459305343, 0.1265378680),
    (H2, 4, 0.5, 0.180602454052, 0.151529735276, 2.9369820434, 0.4660340980),
    (H2, 4, 0.8, 0.609121638856, 1.676999903497, 14.2645324673, 0.2530757360),
    (H2, 16, 0.8, 0.319920256622, 0.172857426789, 2.3469865065, 1.0123029442),
    (H2, 32, 0.9, 0.478051649070, 0.284791132843, 2.8477809904, 1.1303322035),
    (H3, 2, 0.8, 0.717089863500, 3.698626076638, 25.4690745722, None),
    (H3, 4, 0.8, 0.607885024065, 1.477668437766, 11.8336684679, None),
    (H3, 8, 0.8, 0.472422360450, 0.531105125094, 5.2290175144, None),
    (qm.Erlang(1.0, 2), 20, 0.8, 0.249659203314, 0.0502880399489, None, None),
]


def of(distribution: qm.Distribution, servers: int, load: float) -> PhaseSolution:
    phases = phases_of(distribution)
    rate = np.array([load * servers / distribution.mean])
    return solve(phases.initial[None], phases.generator[None], servers, rate)


@pytest.mark.parametrize(
    ("distribution", "servers", "load", "probability", "mean", "late", "decay"), SOLVED
)
def test_published_digits(
    distribution: qm.Distribution,
    servers: int,
    load: float,
    probability: float,
    mean: float,
    late: float | None,
    decay: float | None,
) -> None:
    found = of(distribution, servers, load)
    assert found.probability[0] == pytest.approx(probability, abs=2e-12)
    assert found.probability[0] * found.mean[0] == pytest.approx(mean, abs=2e-12)
    assert found.levels.sum() + found.probability[0] == pytest.approx(1.0, abs=1e-12)
    assert (found.weights / found.rates).sum() == pytest.approx(found.mean[0], rel=1e-9)
    if late is not None:
        tail = (found.weights * np.exp(-found.rates * late)).sum().real
        assert found.probability[0] * tail == pytest.approx(0.01, rel=1e-9)
    if decay is not None:
        assert found.rates[0].real.min() == pytest.approx(decay, rel=1e-9)


@pytest.mark.parametrize(
    ("servers", "load", "late"),
    [
        (2, 0.8, 12.8550269161),
        (4, 0.5, 0.3550608114),
        (4, 0.8, 5.2551349992),
        (16, 0.8, 0.5450473947),
        (32, 0.9, 0.9172518983),
    ],
)
def test_the_time_that_one_in_ten_waits(servers: int, load: float, late: float) -> None:
    wait = qm.MGc(H2, servers).solve(load * servers).wait
    assert wait is not None
    assert float(wait.quantile(0.9)) == pytest.approx(late, rel=2e-9)


@pytest.mark.parametrize(
    ("beta", "late", "probability"),
    [
        (0.2, [2.5502, 2.5164, 2.4939, 2.4796], [1.0163, 1.0181, 1.0195, 1.0206]),
        (0.4, [2.5222, 2.4595, 2.4175, None], [1.0302, 1.0330, 1.0351, 1.0368]),
        (0.8, [2.1552, 2.0868, 2.0421, 2.0124], [1.0483, 1.0520, 1.0548, 1.0569]),
    ],
)
def test_many_servers_in_proportion_to_those_of_exponential_service(
    beta: float, late: list[float | None], probability: list[float]
) -> None:
    """An H2 of SCV 4 by another program; which one it does not say: this one is as near."""
    service = qm.HyperExponential([0.04837, 0.95163], [6.4322, 0.7239])
    for servers, ratio, share in zip((16, 32, 64, 128), late, probability, strict=True):
        rate = servers * (1 - beta / np.sqrt(servers))
        stations = (qm.MGc(service, servers), qm.MMc(1.0, servers))
        wait, plain = (station.solve(rate).wait for station in stations)
        assert wait is not None
        assert plain is not None
        assert float(wait.tail(0.0) / plain.tail(0.0)) == pytest.approx(share, abs=7e-4)
        if ratio is not None:
            both = float(wait.quantile(0.99) / plain.quantile(0.99))
            assert both == pytest.approx(ratio, rel=4e-3)


def test_one_server_is_pollaczek_khinchine() -> None:
    for distribution in (H2, H3, qm.Erlang(1.0, 3)):
        found = of(distribution, 1, 0.9)
        assert found.probability[0] == pytest.approx(0.9, rel=1e-12)
        assert found.probability[0] * found.mean[0] == pytest.approx(
            qm.MG1(distribution).solve(0.9 / distribution.mean).waiting_time, rel=1e-11
        )


@pytest.mark.parametrize("spare", [1e-3, 1e-6])
def test_close_to_saturation(spare: float) -> None:
    """Where the equation of G has two eigenvalues near 1: M/H2/1, whose wait is known."""
    found = of(H2, 1, 1 - spare)
    exact = qm.MG1(H2).solve((1 - spare) / H2.mean).waiting_time
    assert found.probability[0] * found.mean[0] == pytest.approx(exact, rel=1e-13 / spare)
    many = of(H2, 8, 1 - spare)
    # In heavy traffic the servers are as one, c times as fast.
    assert many.probability[0] * many.mean[0] * 8 == pytest.approx(exact, rel=40 * spare)


def test_compressed_tails_are_the_tails() -> None:
    """Of 65 terms 16 remain; the tail is that of the matrix exponential to 1e-8."""
    from scipy.linalg import expm

    servers, load = 64, 0.9
    assert of(H2, servers, load).weights.shape == (1, TERMS)
    tail, root = weighted(H2, servers, load)
    start = root * np.random.default_rng(1).dirichlet(np.ones(servers + 1))[None]
    weights, rates = exponentials(start, tail, root)
    for t in (0.0, 0.05, 0.3, 2.0):
        exact = float(start[0] @ expm(tail[0] * t) @ root[0]) / float(start[0] @ root[0])
        assert (weights * np.exp(-rates * t)).sum().real == pytest.approx(exact, abs=1e-8)


def weighted(
    distribution: qm.Distribution, servers: int, load: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the generator of the wait in the multinomial weights, and their roots."""
    phases = phases_of(distribution)
    initial, generator = phases.initial[None], phases.generator[None]
    root = np.exp(busy_servers.log_weights(servers, initial, generator) / 2)
    stay = busy_servers.changes(servers, generator)
    leave = busy_servers.ends(servers, generator) @ busy_servers.starts(servers - 1, initial)
    stay, leave = (x * root[:, :, None] / root[:, None, :] for x in (stay, leave))
    rate = load * servers / float(distribution.mean) * np.eye(len(root[0]))[None]
    return stay + rate @ first_passage(rate, stay - rate, leave, root), root


def test_first_passages_are_certain() -> None:
    phases = phases_of(qm.Mixture([0.5, 0.5], [qm.Erlang(1.0, 2), qm.Exponential(3.0)]))
    stay = busy_servers.changes(3, phases.generator[None])
    leave = busy_servers.ends(3, phases.generator[None]) @ busy_servers.starts(
        2, phases.initial[None]
    )
    rate = np.eye(stay.shape[-1])[None]
    found = first_passage(rate, stay - rate, leave, np.ones((1, rate.shape[-1])))
    np.testing.assert_allclose(found.sum(axis=-1), 1.0, rtol=1e-12)
    assert (found > -1e-14).all()
    away = leave + (stay - rate) @ found + rate @ found @ found
    assert abs(away).max() < 1e-13


def test_many_cells_are_each_one() -> None:
    phases, loads = phases_of(H3), np.linspace(0.05, 0.99, 300)
    n = loads.size
    initial = np.broadcast_to(phases.initial, (n, 3))
    generator = (
        np.broadcast_to(phases.generator, (n, 3, 3)) * np.linspace(1, 2, n)[:, None, None]
    )
    many = solve(initial, generator, 6, loads * 6 * np.linspace(1, 2, n) / H3.mean)
    for i in (0, 150, 299):
        one = solve(
            initial[i : i + 1],
            generator[i : i + 1],
            6,
            loads[i : i + 1] * 6 * np.linspace(1, 2, n)[i] / H3.mean,
        )
        assert many.probability[i] == pytest.approx(one.probability[0], rel=1e-11)
        assert many.mean[i] == pytest.approx(one.mean[0], rel=1e-11)


@pytest.mark.parametrize("service", [qm.Erlang(1.0, 2), H2])
@pytest.mark.parametrize("servers", [64, 100])
def test_many_servers_have_the_mean_of_their_tail(
    service: qm.Distribution, servers: int
) -> None:
    """The probability of an empty station has no digits then, and may come out below 0."""
    for load in (0.8, 0.9):
        wait = qm.MGc(service, servers).solve(load * servers).wait
        times = np.geomspace(1e-5, 30.0, 8001)
        area = np.trapezoid(wait.tail(times), times) + 1e-5 * wait.tail(0.0)
        assert wait.mean == pytest.approx(area, rel=1e-5)
