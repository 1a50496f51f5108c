import json
from functools import cache

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

import qmodel as qm
from qmodel import balancing
from qmodel.answers import replica_of, replicas_in
from qmodel.cli.app import app
from qmodel.units import ms

pytestmark = pytest.mark.usefixtures("solved_once")

REPLICA = qm.MMc(10 * ms, servers=4)
TWO = ("--policy", "random", "--policy", "round robin")


@pytest.fixture(autouse=True)
def _plain(monkeypatch):
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)


def run(*words, code=0):
    result = CliRunner().invoke(app, ["balance", *words], prog_name="qmodel")
    assert result.exit_code == code, (result.output, result.exception)
    return result


@cache
def answer(*words):
    return json.loads(run(*words, "--format", "json").stdout)


@cache
def flat(*words):
    return " ".join(run(*words).stdout.split())


def test_the_table_is_the_comparison_of_the_library():
    data = answer("--rate", "2400/s", "--objective", "p99 < 60 ms")
    frame = balancing.compare(REPLICA, 8, 2400.0)
    rows = pd.DataFrame(data["policies"])
    assert rows["policy"].tolist() == frame["policy"].tolist()
    for name in ("response_time", "p99", "waiting_time"):
        assert rows[name].tolist() == pytest.approx(frame[name].tolist(), rel=1e-12), name
    for row in data["policies"]:
        pool = balancing.balanced(row["policy"], REPLICA, 8)
        result = pool.solve(2400.0)
        assert row["wait_probability"] == pytest.approx(float(result.wait.tail(0.0)))
        assert row["capacity"] == pytest.approx(float(qm.capacity(pool, "p99 < 60 ms")))
        assert set(data["assumptions"][row["policy"]]) == set(result.assumptions)
        assert data["basis"][row["policy"]] == frame.attrs["basis"][row["policy"]]
    assert data["load"] == pytest.approx(0.75)


@pytest.mark.thorough
def test_the_verdict_names_the_best_that_is_real():
    line = flat("--load", "80%").split(" 8 replicas")[0]
    least, random = (
        balancing.balanced(p, REPLICA, 8).solve(2560.0) for p in ("least connections", "random")
    )
    mean, p99 = float(least.response_time), float(least.response.quantile(0.99))
    more = float(random.response_time) / mean
    assert line == (
        f"Least connections: mean {qm.units.text(mean, 's')}, p99 {qm.units.text(p99, 's')}; "
        f"random assignment would take {more:.2g} times as long"
    )
    assert answer("--load", "80%")["random_over_best"] == pytest.approx(more)
    assert "▶ least connections" in flat("--load", "80%")
    assert "Join idle queue is within 5 % of least connections." in flat("--load", "80%")
    assert "The central queue is the ideal" in flat("--load", "80%")
    # Constant work is best taken in turn.
    assert flat("--scv", "0", "--load", "95%").startswith("Round robin: ")


def test_policies_are_those_asked_for():
    data = answer(*TWO, "--policy", "Round-Robin")
    assert [row["policy"] for row in data["policies"]] == ["random", "round robin"]
    assert flat("--policy", "random").startswith("Random assignment: mean ")
    alone = flat("--policy", "central_queue")
    assert alone.startswith("Central queue: mean ")
    assert "(▶ the ideal)" in alone


def test_without_waits_no_policy_is_better():
    assert "random assignment takes hardly longer" in flat("--load", "2%")
    one = flat("--replicas", "1")
    assert one.startswith("One replica, so nothing to balance: mean ")
    assert "its loss leaves nothing" in one
    for words in ("hash", "one key", "within 5 %", "ideal:"):
        assert words not in one


KINDS = {
    "exponential": (("1", "queue"), qm.MMc(10 * ms, 4)),
    "general": (("4", "queue"), qm.MGc(qm.from_mean_scv(10 * ms, 4.0), 4)),
    "constant": (("0", "queue"), qm.MGc(qm.Deterministic(10 * ms), 4)),
    "shared": (("1", "share"), qm.MGcPS(qm.Exponential(10 * ms), 4)),
}


@pytest.mark.parametrize(("words", "replica"), KINDS.values(), ids=KINDS)
def test_the_replica_is_the_station_that_its_words_mean(words, replica):
    scv, discipline = words
    data = answer(*TWO, "--scv", scv, "--discipline", discipline, "--rate", "2000/s")
    for row in data["policies"]:
        result = balancing.balanced(row["policy"], replica, 8).solve(2000.0)
        assert row["response_time"] == pytest.approx(float(result.response_time), rel=1e-12)
        assert row["p99"] == pytest.approx(float(result.response.quantile(0.99)), rel=1e-9)


def test_one_worker_each():
    assert isinstance(replica_of(1.0, 1, scv=4.0), qm.MG1)
    assert isinstance(replica_of(1.0, 1, scv=4.0, shared=True), qm.MG1PS)
    assert isinstance(replica_of(1.0), qm.MMc)


def test_nobody_waits_where_workers_are_shared():
    said = flat("--discipline", "share", *TWO)
    assert "must wait" not in said
    assert "must wait" in flat(*TWO)
    assert "wait_probability" not in answer("--discipline", "share", *TWO)["policies"][0]


def test_the_objective():
    assert "Objective p99 < 92 ms: met here with least connections" in flat()
    idle = float(REPLICA.solve(0.0).response.quantile(0.99))
    assert 2 * idle == pytest.approx(92 * ms, rel=0.01)
    assert answer()["met"] is True
    missed = answer(*TWO, "--objective", "mean < 12 ms")
    assert missed["met"] is False
    limit = float(qm.capacity(balancing.RoundRobin(REPLICA, 8), "mean < 12 ms"))
    shown = qm.units.text(limit, "1/s")
    assert f"MISSED here with round robin, which holds it up to {shown}" in flat(
        *TWO, "--objective", "mean < 12 ms"
    )
    assert "MISSED at any load and with any policy" in flat(*TWO, "--objective", "p99 < 9 ms")


def test_loss_of_a_replica():
    data = answer(*TWO, "--rate", "2560/s", "--objective", "p99 < 80 ms")["without_one"]
    rest = balancing.RoundRobin(REPLICA, 7).solve(2560.0)
    assert data["max_rate"] == pytest.approx(2800.0)
    assert data["load"] == pytest.approx(2560 / 2800)
    assert data["mean"] == pytest.approx(float(rest.response_time))
    assert data["p99"] == pytest.approx(float(rest.response.quantile(0.99)))
    assert data["met"] is bool(data["p99"] < 80 * ms)
    said = flat(*TWO, "--rate", "2560/s", "--objective", "p99 < 80 ms")
    assert f"Without one of 8 the others are {2560 / 2800:.0%} busy".replace("%", " %") in said
    full = flat(*TWO, "--rate", "2900/s")
    assert "the others are 104 % busy: overloaded, they can do 2800/s." in full


def test_a_hash_ring_and_a_hot_key():
    words = (*TWO, "--rate", "2000/s", "--virtual-nodes", "50")
    data = answer(*words)["hash_ring"]
    worst = float(balancing.ring_imbalance_quantile(0.95, servers=8, virtual_nodes=50))
    assert data["imbalance"] == pytest.approx(
        float(balancing.ring_imbalance(servers=8, virtual_nodes=50))
    )
    assert data["imbalance_p95"] == pytest.approx(worst)
    assert data["max_rate"] == pytest.approx(3200 / worst)
    assert data["load"] == pytest.approx(2000 / 3200 * worst)
    shards = balancing.Sharded(REPLICA, balancing.shares_of_imbalance(worst, 8))
    assert data["max_rate"] == pytest.approx(float(shards.max_rate))
    fullest = REPLICA.solve(2000.0 * worst / 8).response.quantile(0.99)
    assert data["p99"] == pytest.approx(float(fullest))
    assert "with 50 points each" in flat(*words)
    assert "one key asked for by more than 20 % of the requests" in flat(*words)
    assert "one key" not in flat(*TWO, "--rate", "300/s"), "one replica could do it all"
    assert "with 1 point each" in flat(*TWO, "--virtual-nodes", "1")


def test_overload():
    data = answer(*TWO, "--load", "110%")
    assert data["arrival_rate"] == pytest.approx(3520.0)
    assert [row["response_time"] for row in data["policies"]] == ["inf", "inf"]
    assert data["met"] is False
    assert data["best"] == "round robin", "which holds the objective up to the greater load"
    assert data["random_over_best"] is None
    assert flat(*TWO, "--load", "110%").startswith(
        "Overloaded at 3520/s: all replicas are saturated"
    )


@pytest.mark.parametrize(
    "words", [("--rate", "0"), ("--load", "0"), ("--load", "100%"), ("--load", "99.999%")]
)
def test_loads_at_the_edges(words):
    assert answer(*TWO, *words)["best"] in ("random", "round robin")
    assert "nan" not in run(*TWO, *words).stdout


@pytest.mark.thorough
def test_bases_are_said_with_their_errors():
    said = flat()
    assert "Basis: random, round robin and central queue exact; power of two" in said
    least = balancing.LeastConnections(REPLICA, 8).solve(2560.0)
    weak = [a for a in least.assumptions if a.label != "exact"]
    assert weak
    for assumption in weak:
        assert f"{assumption}: {assumption.statement}" in said
    assert "beyond" not in said
    assert "Errors were measured for an SCV up to 9; this one is beyond." in flat("--scv", "30")


def test_one_screen_of_plain_text_in_80_columns():
    out = run().stdout
    assert "\x1b" not in out
    assert max(map(len, out.splitlines())) <= 80
    assert len(out.splitlines()) <= 36
    taken = "--replicas 8, --workers 4, --service-time 10 ms, --load 80%"
    assert f"plausible values are taken: {taken}." in flat()
    given = ("--replicas", "8", "--workers", "4", "--service-time", "10 ms", "--load", "80%")
    assert "plausible" not in flat(*given)


def test_forms(tmp_path):
    run(*TWO, "--output", str(tmp_path / "a.csv"))
    frame = pd.read_csv(tmp_path / "a.csv")
    own = balancing.compare(REPLICA, 8, 2560.0, policies=["random", "round robin"])
    assert frame[own.columns].drop(columns=["policy", "basis"]).to_numpy() == pytest.approx(
        own.drop(columns=["policy", "basis"]).to_numpy(dtype=float), rel=1e-9
    )
    assert {"wait_probability", "capacity"} <= set(frame.columns)
    assert "| **round robin** |" in run(*TWO, "--format", "markdown").stdout
    assert run(*TWO, "--format", "csv").stdout.startswith("policy,replicas,arrival_rate,")


BAD = {
    "policy": (["--policy", "leastconn"], "did you mean 'least connections'?"),
    "other": (["--policy", "zzz"], "there are random, round robin"),
    "replicas": (["--replicas", "2.5"], "--replicas must be a whole number >= 1, got '2.5'"),
    "workers": (["--workers", "0"], "--workers must be a whole number >= 1"),
    "service": (["--service-time", "0 ms"], "--service-time must be a finite number > 0"),
    "unit": (["--service-time", "9 mss"], "unknown unit 'mss' in '9 mss'; did you mean 'ms'?"),
    "scv": (["--scv", "-1"], "--scv must be a finite number >= 0"),
    "load": (["--load", "80"], "--load must be a share such as 80%, got '80'"),
    "nan": (["--load", "nan"], "--load must be a share such as 80%"),
    "twice": (["--load", "80%", "--rate", "3/s"], "given twice: --rate and --load"),
    "rate": (["--rate", "-3/s"], "--rate must be"),
    "points": (["--virtual-nodes", "0"], "--virtual-nodes must be a whole number >= 1"),
    "objective": (["--objective", "fast"], "expected an objective"),
    "kind": (["--objective", "p99 of buy < 1 s"], "a station has no parts"),
    "output": (["--output", "a.xlsx"], "--output must end in"),
}


@pytest.mark.parametrize(("words", "message"), BAD.values(), ids=BAD)
def test_bad_input_is_one_line_and_exit_code_2(words, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = run(*words, code=2)
    assert result.stdout == ""
    assert result.stderr.startswith("error: ")
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


def test_the_replicas_of_a_file(tmp_path):
    site = tmp_path / "site.yaml"
    site.write_text(
        "load: 300/s\n"
        "components:\n"
        "  app: {MGc: {service: {mean: 10 ms, scv: 2}, servers: 8}}\n"
        "  db: {MMc: {service_time: 1 ms, servers: 4}}\n"
        "  held: {hold: {permits: 12, step: [{call: {station: {MMc: {service_time: 20 ms,"
        " servers: 10}}, name: disk}}]}}\n"
        "path: [app, db, held]\n"
    )
    of_file = answer(str(site), "--station", "app", "--replicas", "2", *TWO)
    same = answer(
        "--replicas", "2", "--service-time", "10 ms", "--scv", "2", "--rate", "300/s", *TWO
    )
    assert of_file["p99"] == pytest.approx(same["p99"], rel=1e-12)
    # A permit of the pool is held for as long as a request waits and works inside.
    model = qm.read_model(site).pipeline
    pool = model.solve(300.0).stations["held"]
    found = replicas_in(model, 300.0, station="held", workers=4)
    assert found.number == 3
    assert float(found.replica.service.mean) == pytest.approx(float(pool.holding_time))
    for words, message in (
        (["--station", "ap", "--replicas", "2"], "did you mean 'app'"),
        (["--replicas", "5", "--station", "app"], "not 5 replicas of 1"),
        (["--station", "app"], "say how many replicas, or workers of each"),
        (["--replicas", "2", "--load", "80%"], "--load is what the file says"),
        (["--replicas", "2", "--station", "held", "--rate", "800/s"], "overloaded"),
    ):
        assert message in run(str(site), *words, code=2).stderr
    assert "--scenario goes with a FILE" in run("--scenario", "night", code=2).stderr


@pytest.mark.parametrize("scv", [np.nan, np.inf, -1.0])
def test_the_scv_of_a_replica_is_a_finite_number(scv: float) -> None:
    with pytest.raises(qm.DomainError, match="scv must be"):
        replica_of(0.010, 4, scv=scv)
