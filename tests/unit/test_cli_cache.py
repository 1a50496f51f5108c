import json
import math
from functools import cache

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

import qmodel as qm
from qmodel.answers.cache_refill import refill
from qmodel.answers.stored import Site, stored_in
from qmodel.answers.words import size as in_words
from qmodel.cli import model
from qmodel.cli.app import app
from qmodel.planning.cache_loss import least_hit_ratio
from qmodel.planning.cache_size import cache_size
from qmodel.units import GiB, KiB, MiB, hour, minute

pytestmark = pytest.mark.usefixtures("solved_once")

SMALL = ("--objects", "100k", "--exponent", "0.8", "--size", "1 KiB", "--memory", "10 MiB")
PAGES = qm.caches.Zipf(100_000, 0.8, size=1 * KiB)
READS = 0.86
POLICIES = {
    "lru": qm.caches.LRU,
    "fifo": qm.caches.FIFO,
    "random": qm.caches.Random,
    "clock": qm.caches.Clock,
    "2-lru": qm.caches.KLRU,
    "q-lru": qm.caches.QLRU,
    "lfu": qm.caches.LFU,
}


@pytest.fixture(autouse=True)
def _plain(monkeypatch):
    monkeypatch.setattr(model, "default_model", lambda: site(0.86))
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)


def run(*words, code=0):
    result = CliRunner().invoke(app, ["cache", *words], prog_name="qmodel")
    assert result.exit_code == code, (result.output, result.exception)
    return result


@cache
def answer(*words):
    return json.loads(run(*words, "--format", "json").stdout)


@cache
def flat(*words):
    return " ".join(run(*words).stdout.split())


def site(hit_ratio):
    """Return what of the typical pipeline a cache changes, a third of the work."""
    monolith = qm.call("monolith", qm.MMc(0.019, servers=64))
    database = qm.call("database", qm.MMc(0.0091, servers=10))
    lookup = qm.call("cache", qm.MMc(13.5e-6))
    read = qm.cached(hit_ratio, lookup=lookup, miss=database, name="cache")
    return qm.Pipeline(
        {
            "read": (READS, qm.series(monolith, read)),
            "write": (1 - READS, qm.series(monolith, database)),
        }
    )


def test_the_hit_ratio_is_that_of_the_policy_in_the_pipeline():
    data = answer(*SMALL, "--rate", "1500/s")
    store = qm.caches.LRU(10 * MiB).solve(PAGES)
    hit = float(store.hit_ratio)
    result = site(hit).solve(1500.0)
    look_ups = float(result.stations["cache"].arrival_rate)
    assert data["hit_ratio"] == pytest.approx(hit, rel=1e-12)
    assert data["look_ups"] == pytest.approx(look_ups, rel=1e-12)
    assert data["look_ups"] == pytest.approx(READS * 1500)
    assert data["miss_rate"] == pytest.approx(look_ups * (1 - hit), rel=1e-9)
    assert data["mean"] == pytest.approx(float(result.latency.mean), rel=1e-9)
    assert data["p99"] == pytest.approx(float(result.latency.quantile(0.99)), rel=1e-8)
    assert data["max_rate"] == pytest.approx(float(result.max_rate), rel=1e-9)
    assert data["bottleneck"] == result.bottleneck
    assert data["basis"]["hit_ratio"] == store.basis["hit_ratio"]
    assert set(store.basis.assumptions("hit_ratio")) <= set(data["assumptions"])


def test_the_verdict_has_hit_ratio_memory_database_and_p99():
    line = run("--rate", "2000/s").stdout.splitlines()[0]
    store = qm.caches.LRU(4 * GiB).solve(qm.caches.Zipf(10**7, 0.9, size=2 * KiB))
    result = site(float(store.hit_ratio)).solve(2000.0)
    does = qm.units.text(float(result.stations["database"].arrival_rate), "1/s")
    p99 = qm.units.text(float(result.latency.quantile(0.99)), "s")
    assert line == (
        f"Hit ratio {float(store.hit_ratio):.0%} with 4 GiB; at 2000/s the database does "
        f"{does}; p99 {p99}"
    ).replace("75%", "75 %")


def test_what_was_not_given_is_said():
    taken = "--objects 10M, --exponent 0.9, --size 2 KiB, --memory 4 GiB"
    assert f"plausible values are taken: {taken}." in flat()
    assert "60 % of what it can sustain, as no load was given" in flat()
    assert "plausible" not in flat(*SMALL)


def test_by_memory_from_a_sixteenth_to_where_all_fits():
    data = answer(*SMALL, "--rate", "1500/s")
    rows = data["by_memory"]
    sizes = [row["memory"] / MiB for row in rows]
    assert sizes == [0.625, 1.25, 2.5, 5, 10, 20, 40, 80, 160]
    hits = qm.caches.LRU(np.array(sizes) * MiB).solve(PAGES).hit_ratio
    assert [row["hit_ratio"] for row in rows] == pytest.approx(hits.tolist(), rel=1e-12)
    result = site(hits).solve(1500.0)
    assert [float(row["mean"]) for row in rows] == pytest.approx(result.latency.mean.tolist())
    busy = result.stations["database"].utilization.tolist()
    assert [row["utilization"] for row in rows] == pytest.approx(busy)
    assert [row["max_rate"] for row in rows] == pytest.approx(result.max_rate.tolist())
    assert rows[-1]["hit_ratio"] == 1.0
    assert "▶ 10 MiB" in flat(*SMALL)
    # Twice the catalogue is enough to see that nothing more is gained.
    whole = answer(*SMALL[:-1], "90 MiB")["by_memory"]
    assert max(row["memory"] for row in whole) == 180 * MiB


@pytest.mark.parametrize("name", ["clock", "lfu"])
def test_by_policy(name):
    data = answer(*SMALL, "--rate", "1500/s", "--policy", name)
    rows = {row["policy"]: row for row in data["by_policy"]}
    assert list(rows) == list(POLICIES)
    for other, kind in POLICIES.items():
        hit = float(kind(10 * MiB).solve(PAGES).hit_ratio)
        assert rows[other]["hit_ratio"] == pytest.approx(hit, rel=1e-12)
        assert rows[other]["max_rate"] == pytest.approx(float(site(hit).max_rate), rel=1e-9)
    assert data["hit_ratio"] == rows[name]["hit_ratio"]
    assert data["policy"] == name


def test_names_of_policies_as_people_write_them():
    assert "▶ 2-lru " in flat(*SMALL, "--policy", "2 LRU")


def test_a_time_to_live_depends_on_the_look_ups(tmp_path):
    words = (*SMALL, "--rate", "1200/s", "--ttl", "2 min", "--format", "json")
    data = json.loads(run(*words, "--output", str(tmp_path / "a.csv")).stdout)
    store = qm.caches.ExpiringLRU(10 * MiB, 2 * minute)
    hit = float(store.solve(PAGES, READS * 1200).hit_ratio)
    assert data["hit_ratio"] == pytest.approx(hit, rel=1e-9)
    assert data["mean"] == pytest.approx(float(site(hit).solve(1200.0).latency.mean), rel=1e-9)
    lives = [row["ttl"] for row in data["by_ttl"]]
    assert lives == [7.5, 30, 120, 480, 1920, "inf"]
    never = float(qm.caches.LRU(10 * MiB).solve(PAGES).hit_ratio)
    assert data["by_ttl"][-1]["hit_ratio"] == pytest.approx(never, rel=1e-9)
    # At the load that it carries, entries live for more look-ups than here.
    there = float(store.solve(PAGES, READS * data["max_rate"]).hit_ratio)
    assert data["max_rate"] == pytest.approx(float(site(there).max_rate), rel=1e-6)
    assert data["max_rate"] > float(site(hit).max_rate)
    assert "by_policy" not in data
    full = qm.caches.Warming(qm.caches.LRU(10 * MiB), PAGES, READS * 1200).full_at
    assert data["refill"] == {"full_after": pytest.approx(float(full))}
    assert full < 2 * minute, "later, entries would expire before it is full"
    least = float(least_hit_ratio(site(0.5), "cache", 1200.0))
    needed = float(cache_size(store, PAGES, least, READS * 1200))
    assert data["least_memory"] == pytest.approx(needed, rel=1e-6)
    frame = pd.read_csv(tmp_path / "a.csv")
    assert frame["ttl"].tolist() == [120.0] * 9 + [7.5, 30, 120, 480, 1920, math.inf]


@pytest.mark.slow  # a cache whose entries expire is solved at some hundred loads
def test_entries_that_expire_too_soon():
    said = flat(*SMALL, "--rate", "2000/s", "--ttl", "100 ms")
    assert "no memory is enough: entries expire" in said
    assert "never" in said
    assert "▶ 100 ms" in said


@pytest.mark.slow  # a cache whose entries expire is solved at some hundred loads
def test_filling_of_a_cache_whose_entries_expire_first_is_not_covered():
    for ttl, said in ((1.0, ""), (1 * hour, "Emptied, the cache is full again after ")):
        store = qm.caches.ExpiringLRU(10 * MiB, ttl)
        model = stored_in(qm.web.typical_pipeline(), "cache", store, PAGES)
        words, facts = refill(Site(model, "cache", 500.0), "lru")
        assert words.startswith(said)
        assert bool(words) is bool(facts) is bool(said)


def test_the_least_hit_ratio_and_its_memory():
    words = (*SMALL, "--rate", "1800/s", "--objective", "p99 < 250 ms")
    data = answer(*words)
    least = float(least_hit_ratio(site(0.5), "cache", 1800.0))
    assert data["least_hit_ratio"] == pytest.approx(least, rel=1e-9)
    assert data["least_memory"] == pytest.approx(
        float(cache_size(qm.caches.LRU(0.0), PAGES, least)), rel=1e-6
    )
    goal = float(least_hit_ratio(site(0.5), "cache", 1800.0, "p99 < 250 ms"))
    enough = float(cache_size(qm.caches.LRU(0.0), PAGES, goal))
    assert data["objectives"][0]["memory"] == pytest.approx(enough, rel=1e-6)
    assert goal > least
    said = flat(*words)
    assert f"from a hit ratio of {least:.0%}".replace("%", " %") in said
    assert f"on: {in_words(data['least_memory'])}." in said


def test_limits_that_are_none():
    assert "survives 900/s without a cache." in flat(*SMALL, "--rate", "900/s")
    said = flat(*SMALL, "--rate", "3500/s")
    assert "No hit ratio is enough for 3500/s: the monolith is saturated" in said
    assert "overloaded at 3500/s" in said
    assert "MISSED here; no memory is enough" in said
    assert answer(*SMALL, "--rate", "3500/s")["least_hit_ratio"] == "inf"


def test_more_memory_and_the_loss_of_the_cache():
    data = answer(*SMALL, "--rate", "1500/s")
    lost = site(0.0).solve(1500.0)
    now = site(data["hit_ratio"]).solve(1500.0)
    factor = lost.visits["database"] / now.visits["database"]
    assert data["loss"]["load_factor"] == pytest.approx(float(factor))
    assert data["loss"]["misses_factor"] == pytest.approx(1 / (1 - data["hit_ratio"]))
    assert data["loss"]["survives"] is False
    assert data["loss"]["max_rate"] == pytest.approx(float(lost.max_rate))
    said = flat(*SMALL, "--rate", "1500/s")
    assert f"Without the cache the database gets {float(factor):.3g} times the load" in said
    more = qm.caches.LRU(12.5 * MiB).solve(PAGES)
    now_and_then = (qm.units.text(h, "%") for h in (data["hit_ratio"], float(more.hit_ratio)))
    assert f"25 % more memory (12.5 MiB): hit ratio {' to '.join(now_and_then)}, " in said
    assert "25 % more memory (250 MiB): no change." in flat(*SMALL[:-1], "200 MiB")
    assert "overloaded" not in flat(*SMALL, "--rate", "900/s")


def test_an_emptied_cache_fills_again():
    data = answer(*SMALL, "--rate", "1500/s")["refill"]
    cold = qm.caches.Warming(qm.caches.LRU(10 * MiB), PAGES, READS * 1500)
    assert data["full_after"] == pytest.approx(float(cold.full_at), rel=1e-9)
    assert data["nine_tenths_after"] == pytest.approx(float(cold.time_to(0.9)), rel=1e-9)
    # Ten connections for 9.1 ms each, of which the writes take theirs.
    able = 10 / 0.0091 - (1 - READS) * 1500
    through = cold.survival(able)
    assert through.overload > 1
    assert data["backlog"] == pytest.approx(float(through.backlog), rel=1e-6)
    assert data["queued_duration"] == pytest.approx(float(through.queued_duration), rel=1e-6)
    assert data["turned_away"] == pytest.approx(float(through.turned_away), rel=1e-6)
    assert "It cannot: up to " in flat(*SMALL, "--rate", "1500/s")
    assert "misses. It can." in flat(*SMALL, "--rate", "900/s")


def test_filling_is_said_only_where_it_is_known():
    lru = answer(*SMALL, "--rate", "1500/s")["refill"]
    for name in ("fifo", "clock"):
        found = answer(*SMALL, "--rate", "1500/s", "--policy", name)["refill"]
        assert found == {"full_after": lru["full_after"]}
    for name in ("2-lru", "lfu"):
        assert "refill" not in answer(*SMALL, "--rate", "1500/s", "--policy", name)
    assert "refill" not in answer(*SMALL, "--rate", "3500/s"), "that load is never carried"


@pytest.mark.parametrize(
    "words",
    [
        ("--rate", "0"),
        ("--objects", "1"),
        ("--objects", "3", "--size", "1", "--memory", "2", "--exponent", "0"),
        ("--memory", "1000 GB"),
        ("--rate", "0", "--objects", "1", "--policy", "fifo"),
    ],
)
def test_edges(words):
    data = answer(*words)
    assert 0 <= data["hit_ratio"] <= 1
    assert data["look_ups"] == pytest.approx(READS * data["arrival_rate"])
    out = run(*words).stdout
    assert "nan" not in out
    assert max(map(len, out.splitlines())) <= 80
    assert "00000000" not in out
    assert data["miss_rate"] <= data["look_ups"]


def test_changes_of_the_site():
    data = answer(*SMALL, "--rate", "2000/s", "--set", "database.servers=20")
    own = site(data["hit_ratio"]).replace({"database.servers": 20})
    assert data["mean"] == pytest.approx(float(own.solve(2000.0).latency.mean), rel=1e-9)


def test_one_screen_of_plain_text_in_80_columns():
    for words in ((), ("--memory", "100 MiB", "--policy", "q-lru", "--rate", "3000/s")):
        out = run(*words).stdout
        assert "\x1b" not in out
        assert max(map(len, out.splitlines())) <= 80
        assert len(out.splitlines()) <= 48
        assert "Basis: hit ratio" in out


def test_forms(tmp_path):
    run(*SMALL, "--rate", "1500/s", "--output", str(tmp_path / "a.csv"))
    frame = pd.read_csv(tmp_path / "a.csv")
    rows = [("lru", s) for s in 2.0 ** np.arange(-4, 5) * 10 * MiB]
    rows += [(name, 10 * MiB) for name in POLICIES]
    assert list(zip(frame["policy"], frame["memory"], strict=True)) == rows
    assert frame["hit_ratio"].between(0, 1).all()
    assert run(*SMALL, "--format", "markdown").stdout.startswith("**Hit ratio ")


BAD = {
    "policy": (["--policy", "lruu"], "no policy 'lruu' for a cache; did you mean 'lru'?"),
    "other": (["--policy", "zzz"], "there are lru, fifo, random, clock"),
    "objects": (["--objects", "2.5"], "--objects must be a whole number >= 1, got '2.5'"),
    "none": (["--objects", "0"], "--objects must be a whole number"),
    "nan": (["--exponent", "nan"], "--exponent must be a finite number >= 0"),
    "negative": (["--exponent", "-1"], "--exponent must be a finite number >= 0"),
    "size": (["--size", "0"], "--size must be a finite number > 0"),
    "memory": (["--memory", "inf"], "--memory must be a finite number > 0"),
    "unit": (["--memory", "4 GiBs"], "unknown unit 'GiBs' in '4 GiBs'; did you mean 'GiB'?"),
    "ttl": (["--ttl", "0"], "--ttl must be a finite number > 0"),
    "ttl of": (["--ttl", "1 h", "--policy", "fifo"], "a time to live goes with the policy lru"),
    "hits": (["--set", "cache.hit_ratio=90%"], "it follows from --memory and --policy"),
    "set": (["--set", "database.server=3"], "did you mean 'database.servers'?"),
    "rate": (["--rate", "-3/s"], "--rate must be"),
    "objective": (["--objective", "fast"], "expected an objective"),
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


def test_a_pipeline_without_that_cache(monkeypatch):
    bare = qm.Pipeline(qm.call("db", qm.MMc(0.01)))
    monkeypatch.setattr(model, "default_model", lambda: bare)
    assert "there is no cache in the model" in run(code=2).stderr


def test_the_station_that_is_named_is_the_one_that_queues(monkeypatch):
    hop, db = qm.call("far hop", qm.Delay(0.2)), qm.call("db", qm.MMc(0.01, servers=2))
    step = qm.cached(
        0.5, lookup=qm.call("c", qm.MMc(1e-4)), miss=qm.series(hop, db), name="cache"
    )
    monkeypatch.setattr(model, "default_model", lambda: qm.Pipeline(step))
    assert "the db does" in run(*SMALL, "--rate", "100/s").stdout
    assert "db busy" in run(*SMALL, "--rate", "0").stdout


@pytest.mark.parametrize(
    ("size", "words"),
    [(1.0, "1 B"), (1024.0, "1 KiB"), (1.5 * MiB, "1.5 MiB"), (0.99999 * GiB, "1 GiB")],
)
def test_sizes_in_words(size, words):
    assert in_words(size) == words
    assert math.isfinite(qm.units.parse(words))
