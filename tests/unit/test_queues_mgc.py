"""M/G/c: phases exactly, other service within its stated error, Kimura's mean between."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import sympy

import qmodel as qm
from qmodel.distributions.fit import balanced_hyperexponential
from qmodel.distributions.phase_type import phases_of
from qmodel.queues import erlang_c, mgc
from qmodel.queues.phases.imitated import _by
from qmodel.queues.phases.mgc import _from_fewer
from qmodel.queues.phases.tables import PhaseQueue, _tables

E2, H2 = qm.Erlang(1.0, 2), balanced_hyperexponential(1.0, 4.0)

# Servers, distribution, mean wait, P(wait), P(wait > twice its mean): 80 % load, solved as
# QBDs.
QBD = [
    (2, E2, 1.34239130435, 0.708695652174, 0.1700715045),
    (5, E2, 0.423226072542, 0.548410429714, 0.1845508711),
    (20, E2, 0.0502880399489, 0.249659203314, 0.1568653991),
    (2, H2, 4.28537766319, 0.718382735397, 0.1760100503),
    (5, H2, 1.25415140466, 0.56955461742, 0.1731437541),
    (20, H2, 0.123064431405, 0.271948392568, 0.1367608603),
]


@pytest.mark.parametrize(("servers", "service", "wait", "waits", "twice"), QBD)
def test_phases_are_exact(
    servers: int, service: qm.Distribution, wait: float, waits: float, twice: float
) -> None:
    r = qm.MGc(service, servers).solve(0.8 * servers)
    assert r.waiting_time == pytest.approx(wait, rel=1e-11)
    assert 1 - r.wait.atom == pytest.approx(waits, rel=1e-11)
    assert r.wait.tail(2 * wait) == pytest.approx(twice, rel=1e-8)
    assert str(r.basis) == "exact"
    assert r.utilization == pytest.approx(0.8)


LN, GM = partial(qm.LogNormal, 1.0), partial(qm.Gamma, 1.0)

# Simulations of 4e7 requests (lognormal, gamma and bounded Pareto service of mean 1, the last
# of shape 1.5 to a thousand times its least): distribution, servers, load, P(wait), mean wait
# and its standard error in percent, p95 and p99 of the wait, p95 and p99 of the response.
BOUNDED = qm.Pareto(1.0, 1.5, 1000.0)
BOUNDED = qm.Pareto(1 / BOUNDED.mean, 1.5, 1000 / BOUNDED.mean)
SIMULATED = [
    (LN(4.0), 2, 0.8, 0.717114, 4.24095, 0.7, 17.9033, 33.6973, 19.3738, 35.3553),
    (LN(4.0), 4, 0.5, 0.180732, 0.150179, 0.4, 0.940745, 2.814, 4.07362, 8.97139),
    (LN(4.0), 8, 0.8, 0.473581, 0.568625, 0.8, 2.90627, 5.81008, 5.33092, 10.2223),
    (LN(4.0), 16, 0.8, 0.32004, 0.170085, 1.0, 0.999919, 2.198, 3.94626, 8.78225),
    (LN(4.0), 16, 0.95, 0.791589, 2.21722, 1.4, 8.45407, 13.9366, 10.2069, 16.5668),
    (LN(4.0), 64, 0.95, 0.607095, 0.376099, 1.7, 1.68237, 2.9506, 4.27622, 9.0296),
    (LN(2.0), 4, 0.8, 0.602966, 1.04572, 0.5, 4.62591, 8.26657, 6.41299, 10.6591),
    (LN(2.0), 16, 0.8, 0.312666, 0.119629, 0.7, 0.703536, 1.45927, 3.42525, 6.76528),
    (LN(2.0), 64, 0.95, 0.596958, 0.246413, 1.2, 1.07688, 1.82979, 3.59127, 6.91139),
    (LN(9.0), 4, 0.8, 0.614271, 3.02068, 1.2, 14.3522, 30.0714, 16.3444, 32.8758),
    (LN(9.0), 16, 0.8, 0.327375, 0.272099, 1.4, 1.58963, 3.81714, 4.65865, 11.3026),
    (LN(0.5), 4, 0.8, 0.59142, 0.563449, 0.3, 2.32272, 3.83966, 3.73831, 5.40813),
    (GM(4.0), 4, 0.8, 0.602986, 1.80814, 0.3, 7.78463, 13.0269, 9.94116, 15.741),
    (GM(4.0), 16, 0.8, 0.314896, 0.219759, 0.6, 1.32026, 2.61188, 5.16602, 10.0053),
    (GM(4.0), 64, 0.9, 0.3230, 0.1115, 0.7, 0.6601, 1.2946, 4.9694, 9.857),
    (GM(0.6), 8, 0.8, 0.452201, 0.2329, 0.3, 1.11347, 1.90313, 2.93892, 4.08796),
    (GM(0.25), 4, 0.5, 0.168559, 0.0594024, 0.2, 0.443675, 0.900712, 2.05907, 2.66737),
    (GM(0.25), 16, 0.8, 0.292163, 0.0638592, 0.3, 0.377212, 0.679276, 2.03807, 2.62359),
    (GM(0.25), 64, 0.9, 0.29593, 0.0326074, 0.5, 0.191995, 0.347288, 1.97951, 2.55401),
    (BOUNDED, 2, 0.8, 0.718966, 8.65134, 0.9, 45.788, 99.278, 47.2027, 100.981),
    (BOUNDED, 4, 0.5, 0.180823, 0.158447, 0.8, 0.735745, 3.08086, 3.19569, 8.88632),
    (BOUNDED, 8, 0.8, 0.475537, 0.788896, 1.4, 4.06445, 11.4298, 6.1467, 15.0329),
    (BOUNDED, 16, 0.8, 0.31957, 0.184107, 1.7, 0.982917, 2.93041, 3.23887, 8.15318),
]  # fmt: skip


@pytest.mark.parametrize("case", SIMULATED, ids=lambda case: f"{case[0]} {case[1]} {case[2]}")
def test_fitted_phases_against_simulations(case: tuple) -> None:
    """3 %, 2 % for gamma service, 6 % for an SCV above 4; and twice the standard error."""
    service, servers, load, waits, wait, error, *percentiles = case
    within = 0.02 if isinstance(service, qm.Gamma) else 0.03 if service.scv <= 4 else 0.06
    r = qm.MGc(service, servers).solve(load * servers)
    # At the p99 a simulation is three times as wide as in its mean.
    noise = 0.02 * error
    assert 1 - r.wait.atom == pytest.approx(waits, rel=0.02)
    assert r.waiting_time == pytest.approx(wait, rel=within + noise)
    found = [
        distribution.quantile(p) for distribution in (r.wait, r.response) for p in (0.95, 0.99)
    ]
    assert found == pytest.approx(percentiles, rel=within + 1.5 * noise)


def test_regular_service_without_a_fit() -> None:
    """Uniform service of SCV 1/3, and lognormal of 0.1: simulated likewise."""
    for distribution, servers, load, waits, wait, late in (
        (qm.Uniform(0.0, 2.0), 4, 0.8, 0.587151, 0.51148, 3.30659),
        (qm.LogNormal(1.0, 0.1), 4, 0.8, 0.582748, 0.424439, 2.72665),
        (qm.LogNormal(1.0, 0.1), 16, 0.9, 0.571276, 0.211298, 1.39084),
    ):
        r = qm.MGc(distribution, servers).solve(load * servers)
        assert r.waiting_time == pytest.approx(wait, rel=0.015)
        assert r.wait.tail(0.0) == pytest.approx(waits, rel=0.01)
        assert r.wait.quantile(0.99) == pytest.approx(late, rel=0.03)
        assert "beside-constant-service" in r.basis.assumptions("waiting_time")
        assert r.basis["waiting_time"] == r.basis["p99"] == "approximate"


def test_service_beside_constant_service_in_cells() -> None:
    """Of an array each cell is what it is alone; without load, in overload, and where NaN."""
    service, servers = qm.LogNormal(1.0, 0.1), np.array([2, 4, 8, 20])
    loads = np.array([[0.0], [0.5], [0.9], [np.nan], [1.5]])
    many = qm.MGc(service, servers).solve(loads * servers)
    late = many.wait.quantile(0.99)
    for row in (0, 3, 4):
        value = (0.0, None, None, np.nan, np.inf)[row]
        np.testing.assert_array_equal(many.waiting_time[row], [value] * 4)
        np.testing.assert_array_equal(late[row], [value] * 4)
    for i, c in enumerate(servers.tolist()):
        one = qm.MGc(service, c).solve(0.9 * c)
        assert many.waiting_time[2, i] == pytest.approx(one.waiting_time, rel=1e-9)
        assert late[2, i] == pytest.approx(one.wait.quantile(0.99), rel=1e-9)
        assert one.wait.tail(late[2, i]) == pytest.approx(0.01, rel=1e-6)
        assert one.number.mean == pytest.approx(0.9 * c * (1 + one.waiting_time), rel=1e-6)
        tails = one.wait.quantile(np.array([0.5, 0.95, 0.99]))
        assert (np.diff(tails) > 0).all()
    with pytest.raises(qm.ModelError, match="no form for symbols"):
        qm.MGc(service, 4).solve(sympy.Symbol("r"))


def test_a_sweep_beside_constant_service_is_its_cells() -> None:
    loads = np.linspace(0.05, 0.99, 60)
    station = qm.MGc(qm.Uniform(0.5, 1.5), 4)
    many = station.solve(4 * loads)
    tails = many.wait.tail(0.2)
    for i in (0, 20, 40, 59):
        one = station.solve(float(4 * loads[i]))
        assert many.waiting_time[i] == pytest.approx(one.waiting_time, rel=2e-3)
        assert tails[i] == pytest.approx(one.wait.tail(0.2), rel=5e-3)


def test_labels() -> None:
    fitted = qm.MGc(qm.LogNormal(1.0, 4.0), 4).solve(3.0).basis
    assert fitted["waiting_time"] == fitted["p99"] == "approximate"
    assert "fitted-phases" in fitted.assumptions("p99")
    assert "from-fewer-servers" not in fitted.assumptions("p99")
    assert fitted["utilization"] == "exact"
    scaled = qm.MGc(qm.Erlang(1.0, 4), 20).solve(16.0).basis
    assert scaled["p99"] == "asymptotic"
    assert scaled["number"] == "approximate"
    assert str(qm.MGc(qm.Erlang(1.0, 4), 8).solve(6.4).basis) == "exact"


def test_tables_are_right_enough_to_be_used() -> None:
    table = _tables(PhaseQueue(phases_of(H2), True, 4), 0.1, 0.95)
    assert table is not None
    assert table.nodes.size < 100


def test_more_servers_than_are_solved() -> None:
    """Three branches: solved to 16 servers; from fewer they come out the same to 0.3 %."""
    service = qm.HyperExponential([0.9, 0.09, 0.01], [0.65, 3.9, 6.4])
    exact = qm.MGc(service, 16).solve(12.8)
    queue = PhaseQueue(phases_of(service), True, 16)
    blend = _from_fewer(_by(queue), 16, np.array([0.8]))
    probability = float(blend.ratio[0]) * erlang_c(servers=16, offered_load=12.8)
    assert probability == pytest.approx(1 - exact.wait.atom, rel=5e-4)
    assert probability * float(blend.tails.means[0]) / 3.2 == pytest.approx(
        exact.waiting_time, rel=0.003
    )
    tail = probability * blend.tails.sums(
        0, lambda x, t: np.exp(-x * t), 3.2 * exact.wait.quantile(0.99)
    )
    assert tail == pytest.approx(0.01, rel=0.01)


@pytest.mark.parametrize("service", [H2, qm.Erlang(1.0, 3), qm.LogNormal(1.0, 4.0)])
def test_a_sweep_through_tables_is_its_cells(service: qm.Distribution) -> None:
    loads = np.linspace(0.0, 0.999, 200)
    station = qm.MGc(service, 4)
    many, exact = station.solve(4 * loads), service is not qm.LogNormal
    tails = many.wait.tail(0.4)
    for i in (1, 12, 50, 150, 199):
        one = station.solve(float(4 * loads[i]))
        assert many.waiting_time[i] == pytest.approx(one.waiting_time, rel=1e-8)
        assert tails[i] == pytest.approx(one.wait.tail(0.4), abs=3e-6)
        if exact:
            assert many.number.tail(1)[i] == pytest.approx(one.number.tail(1), rel=1e-8)


@pytest.mark.parametrize(
    ("service", "servers"),
    [
        (qm.Erlang(1.0, 4), 8),
        (qm.Erlang(1.0, 2), 64),
        (qm.HyperExponential([0.02, 0.98], [25.0, 0.5 / 0.98]), 3),
    ],
)
def test_a_sweep_of_exact_service_is_exact(service: qm.Distribution, servers: int) -> None:
    """Also on so many servers that a matrix of Erlang phases has no eigenvectors."""
    loads = np.linspace(0.3, 0.95, 200)
    station = qm.MGc(service, servers)
    many = station.solve(servers * loads / float(service.mean))
    tails = many.wait.tail(1 / servers)
    for i in (0, 52, 117, 198):
        one = station.solve(float(servers * loads[i] / float(service.mean)))
        assert many.waiting_time[i] == pytest.approx(one.waiting_time, rel=2e-8)
        assert tails[i] == pytest.approx(one.wait.tail(1 / servers), abs=1e-8)


def test_cells_of_every_kind() -> None:
    scv = np.array([0.0, 0.1, 0.5, 1.0, 4.0])
    r = qm.MGc(qm.from_mean_scv(0.5, scv), np.array([1, 3])[:, None]).solve(1.6)
    tails = r.wait.tail(0.3)
    for i, c in enumerate((1, 3)):
        for j, v in enumerate(scv):
            one = qm.MGc(qm.from_mean_scv(0.5, float(v)), c).solve(1.6)
            assert r.waiting_time[i, j] == pytest.approx(one.waiting_time, rel=1e-11)
            assert tails[i, j] == pytest.approx(one.wait.tail(0.3), rel=1e-8)
            assert r.number.probability(2)[i, j] == pytest.approx(
                one.number.probability(2), rel=1e-8
            )


def test_number_is_consistent() -> None:
    n = np.arange(3000)
    for service, servers in ((H2, 5), (qm.Erlang(1.0, 4), 20), (qm.LogNormal(1.0, 4.0), 12)):
        r = qm.MGc(service, servers).solve(0.8 * servers)
        tail = r.number.tail(n)
        assert r.number.probability(n).sum() == pytest.approx(1.0, rel=1e-9)
        assert tail.sum() == pytest.approx(r.number.mean, rel=1e-9)
        assert r.number.mean == pytest.approx(r.number_in_system, rel=1e-9)
        assert (2 * n + 1) @ tail - r.number.mean**2 == pytest.approx(
            r.number.variance, rel=1e-8
        )
        assert r.number.tail(servers - 1) == pytest.approx(1 - r.wait.atom, rel=1e-9)


def test_kimura() -> None:
    """Kimura 1994, table 1: c = 5, SCV 1.5, number in queue at four loads."""
    loads = np.array([0.9, 0.7, 0.5, 0.3])
    got = mgc.waiting_time(5 * loads, 1.0, servers=5, scv=1.5) * 5 * loads
    np.testing.assert_allclose(got, [8.50, 1.06, 0.15, 0.01], atol=0.005)


def test_constant_service_is_exact() -> None:
    """M/D/5 at 80 %, by Spitzer's identity in mpmath."""
    r = qm.MGc(qm.Deterministic(1.0), 5).solve(4.0)
    assert r.waiting_time == pytest.approx(0.289060007262668, rel=1e-11)
    assert r.wait.atom == pytest.approx(0.466384937034375, rel=1e-11)
    assert r.wait.variance == pytest.approx(0.19462518156, rel=1e-9)
    assert r.basis["waiting_time"] == "exact"
    assert r.basis["p99"] == "exact"


def test_overload_and_idleness_raise_no_warning() -> None:
    with np.errstate(all="raise"):
        for service in (E2, H2, qm.LogNormal(1.0, 4.0)):
            r = qm.MGc(service, 2).solve(np.array([0.0, 1.0, 2.0, 5.0, np.nan]))
            assert r.waiting_time[0] == 0
            assert np.isposinf(r.waiting_time[2:4]).all()
            assert np.isnan(r.waiting_time[4])
            assert r.wait.tail(1.0)[2:4].tolist() == [1.0, 1.0]
            assert np.isposinf(r.number.variance[2:4]).all()


def test_wait_that_is_never() -> None:
    r = qm.MGc(E2, 400).solve(4.0)
    assert r.waiting_time == pytest.approx(0.0, abs=1e-200)
    assert r.response.quantile(0.99) == pytest.approx(E2.quantile(0.99), rel=1e-9)


def test_impossible_values() -> None:
    with pytest.raises(qm.DomainError, match=r"servers .* got 2.5"):
        qm.MGc(E2, 2.5)
    with pytest.raises(qm.ModelError, match="service"):
        qm.MGc("E2", 2)
    with pytest.raises(qm.DomainError, match="scv"):
        mgc.waiting_time(1.0, 1.0, servers=2, scv=-0.1)


def test_waits_too_small_for_a_float_are_zero() -> None:
    assert float(mgc.waiting_time(0.02734375 * 272, 1.0, servers=272, scv=3.0)) == 0.0


def test_without_a_variance_the_formula_has_no_mean():
    found = qm.queues.mgc.waiting_time([0.0, 100.0, 300.0], 0.01, servers=2, scv=np.inf)
    np.testing.assert_array_equal(found, [0.0, np.inf, np.inf])


def test_the_utilization_is_the_busy_share_of_all_servers():
    for distribution in (qm.LogNormal(0.01, 4.0), qm.Uniform(0.0, 0.02), qm.Erlang(0.01, 2)):
        r = qm.MGc(distribution, 4).solve([100.0, 300.0, 500.0])
        np.testing.assert_allclose(r.utilization, [0.25, 0.75, 1.25])
        np.testing.assert_allclose(r.number_in_system[:2] - r.queue_length[:2], [1.0, 3.0])


@pytest.mark.parametrize("load", [0.1, 0.25, 0.5, 0.9])
def test_nothing_is_over_before_its_least_service(load: float) -> None:
    # A wait that is rare, and service with a kink where it begins: no inversion rings there.
    r = qm.MGc(qm.Uniform(1.0, 3.0), 37).solve(load * 37 / 2).response
    assert (r.tail(np.array([0.5, 0.9, 0.999, 1.0])) == 1.0).all()
    inside = np.array([1.0 + 1e-9, 1.001, 1.7])
    wait = qm.MGc(qm.Uniform(1.0, 3.0), 37).solve(load * 37 / 2).wait
    assert wait is not None
    # By the definition of the sum, over the service.
    x = (np.arange(4000) + 0.5) / 2000 + 1.0
    for t in inside:
        late = np.where(x < t, wait.tail(np.maximum(t - x, 1e-12)), 1.0)
        assert float(r.tail(t)) == pytest.approx(late.mean(), abs=1.3e-4)


@pytest.mark.parametrize(
    "service",
    [qm.LogNormal(0.1, 4.0), qm.Gamma(0.1, 0.25), balanced_hyperexponential(0.1, 4.0)],
)
@pytest.mark.parametrize("servers", [8, 40])
def test_waits_of_hardly_anybody_are_no_seam(service: qm.Distribution, servers: int) -> None:
    """Where one request in 1e14 waits it is that of M/M/c which waits: no response tells."""
    station, fine = qm.MGc(service, servers), np.geomspace(1e-3, 0.6, 20_000)
    seam = np.searchsorted(erlang_c(servers=servers, offered_load=fine * servers), 1e-14)
    loads = fine[[seam // 2, seam - 1, seam, (seam + fine.size) // 2]]
    likely, r = (
        erlang_c(servers=servers, offered_load=loads * servers),
        station.solve(loads * servers / 0.1),
    )
    assert r.wait is not None
    assert r.wait.tail(0.0)[:2] == pytest.approx(likely[:2], rel=1e-12)
    assert r.response_time[:2] == pytest.approx(float(service.mean), rel=1e-14)
    _, last, first, _ = r.waiting_time
    assert last < 3 * first < 9 * last


def test_a_wait_too_small_for_constant_service_is_none() -> None:
    """Where one of the two ends of the formula leaves the floats, and the other does not."""
    rate = 10.0 ** -np.arange(4.0, 9.0, 0.25)
    exponential = np.asarray(qm.MMc(1.0, 40).solve(rate).waiting_time)
    assert ((exponential > 0) & (exponential < 1e-280)).any()
    for scv in (0.5, 1.0, 2.0):
        wait = mgc.waiting_time(rate, 1.0, servers=40, scv=scv)
        assert ((wait >= 0) & (wait <= 2 * exponential)).all()
