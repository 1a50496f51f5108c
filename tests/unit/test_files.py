"""Model files: what is taken, what is refused, and where the message points."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import jsonschema
import numpy as np
import pytest

import qmodel as qm
from qmodel._values import same_fields
from qmodel.errors import ModelFileError
from qmodel.files import (
    Scenario,
    Site,
    Zones,
    read_model,
    schema,
    site_of_text,
    template,
    write_model,
)
from qmodel.files.documents import parsed
from qmodel.files.kinds import FAMILIES, kinds_of
from qmodel.files.templates import TEMPLATES
from qmodel.files.writing import data_of

DATABASE = "components: {db: {MMc: {service_time: 4 ms, servers: 8}}}\n"

SITE = """
title: Shop
load: 1200/s
objectives: [p99 < 300 ms, loss < 1 %]
prices: {app.servers: 2}
zones: {number: 3, spread: [app.servers]}
scenarios:
  no hits: {redis.hit_ratio: 0}
  half: {app.servers: 50 %, load: 150/s}
spreads: {arrival_rate: 10 %}
components:
  app:
    MGc: {service: {mean: 45 ms, scv: 1.5}, servers: 72}
  database:
    database: {read_time: 8 ms, write_time: 20 ms, connections: 40}
  redis:
    cache: {hit_ratio: 85 %, service_time: 0.1 ms, miss: database.read}
requests:
  read: {share: 90 %, path: [app, redis]}
  write: {share: 10 %, path: [app, database.write]}
"""


def test_a_site_is_what_python_says() -> None:
    site = site_of_text(SITE)
    app = qm.call("app", qm.MGc(qm.from_mean_scv(0.045, 1.5), 72))
    db = qm.web.database(0.008, 40, write_time=0.020)
    redis = qm.web.cache(0.85, 0.0001, db.read, name="redis")
    same = qm.Pipeline(
        {"read": (0.9, qm.series(app, redis)), "write": (0.1, qm.series(app, db.write))}
    )
    assert site.model.parameters() == same.parameters()
    assert site.load == qm.Poisson(1200.0)
    ours, theirs = site.model.solve(site.load), same.solve(1200.0)
    assert float(ours.latency.quantile(0.99)) == float(theirs.latency.quantile(0.99))
    assert [str(goal) for goal in site.objectives] == ["p99 < 300 ms", "loss < 1 %"]
    assert site.prices == {"app.servers": 2.0}
    assert set(site.scenarios) == {"no hits", "half", "a zone lost"}


def test_scenarios() -> None:
    site = site_of_text(SITE)
    for name, parameter, value, rate in (
        ("no hits", "redis.hit_ratio", 0.0, 1200.0),
        ("half", "app.servers", 36, 150.0),
        ("a zone lost", "app.servers", 48, 1200.0),
    ):
        model, load = site.under(name)
        assert model.parameters()[parameter] == value
        assert load == qm.Poisson(rate)
    prices, scenarios = site.sizing()
    assert prices == {"app.servers": 2.0}
    assert scenarios["half"] == {"app.servers": 0.5, "arrival_rate": 150.0}
    assert scenarios["a zone lost"]["app.servers"] == pytest.approx(2 / 3)
    with pytest.raises(qm.ModelError, match="did you mean 'half'"):
        site.under("halv")
    fixed = site.changed({"app.servers": "100"})
    assert fixed.under("a zone lost")[0].parameters()["app.servers"] == 66


REFUSED = {
    "unknown key": ("lode: 3/s\npath: []", "1:1: no key 'lode'; did you mean 'load'?"),
    "unknown argument": (
        "components:\n  db: {MMc: {service_time: 4 ms, severs: 8}}\npath: db",
        "2:34: MMc has no 'severs'; did you mean 'servers'?",
    ),
    "unknown kind": ("path:\n  - seris: []", "2:5: no step is called 'seris'; did you mean"),
    "unknown component": (
        DATABASE + "path: [dbb]",
        "2:8: no component or step is called 'dbb'; did you mean 'db'?",
    ),
    "missing argument": ("path: {repeat: {times: 2}}", "1:8: repeat needs step"),
    "no unit": ("station: {MMc: {service_time: 4}}", "4 needs a unit: 4 ms or 4 s"),
    "other unit": ("station: {MMc: 4/s}", "expected a time such as '5 ms', got '4/s'"),
    "unknown unit": ("station: {MMc: 4 mss}", "unknown unit 'mss'"),
    "domain": (
        "station:\n  MMc: {service_time: 4 ms, servers: 2.5}",
        "2:29: servers must be a whole number >= 1, got 2.5",
    ),
    "share": ("requests: {a: {share: 1.2, path: nothing}}", "got 1.2"),
    "shares": (
        "requests:\n  a: {share: 50 %, path: nothing}\n  b: {share: 40 %, path: nothing}",
        "1:1: the sum of shares of the kinds must be 1, got 0.9",
    ),
    "two ways": ("path: nothing\nstation: {MMc: 4 ms}", "path and station are said"),
    "no way": ("load: 3/s", "a model needs a path"),
    "two kinds": (
        "components: {db: {MMc: {service_time: 4 ms}, servers: 3}}\npath: db",
        "put the others into it, MMc: {...}",
    ),
    "itself": (
        "components: {a: [b], b: [a]}\npath: a",
        "a component that contains itself: a -> b -> a",
    ),
    "a way": (
        "components: {d: {database: {read_time: 1 ms, connections: 2}}}\npath: d",
        "write d.read or d.write",
    ),
    "twice": ("path: nothing\npath: nothing", "2:1: 'path' stands twice"),
    "tag": ("path: !!python/name:os.system", "1:7: no tag such as"),
    "merge": ("path: {<<: {a: 1}}", "merging by << is not taken"),
    "anchor in itself": ("path: &a [*a]", "1:11: an anchor that contains itself"),
    "second document": ("path: nothing\n---\npath: nothing", "2:1: a second document"),
    "tab": ("path:\n\t- nothing", "2:1: a tab, where YAML takes spaces only"),
    "empty": ("", "is empty: a model file has keys"),
    "list": ("- a", "is no mapping"),
    "flag": (
        "station: {MG1LCFS: {service: {mean: 1 s}, preemptive: 3}}",
        "preemptive is true or false, got 3",
    ),
    "choice": (
        "path: {monolith: {service: 1 ms, servers: 1, discipline: share-it, name: m}}",
        "discipline cannot be 'share-it'; did you mean 'share'?",
    ),
    "pairs": ("path: {branch: [[50 %, nothing, 3]]}", "expected a list of 2"),
    "distribution": (
        "station: {MG1: {Exponentail: 3 ms}}",
        "MG1 has no 'Exponentail'; did you mean 'Exponential'?",
    ),
    "objective": ("objectives: [p99 < 3]\npath: nothing", "1:14: "),
    "price": (
        DATABASE + "prices: {db.severs: 3}\npath: db",
        "2:10: prices: no parameter 'db.severs' in the model; did you mean 'db.servers'?",
    ),
    "price 0": (DATABASE + "prices: {db.servers: 0}\npath: db", "2:10: "),
    "scenario": (
        DATABASE + "scenarios: {night: {db.server: 3}}\npath: db",
        "2:21: no parameter 'db.server' in the model; did you mean 'db.servers'?",
    ),
    "zones": (DATABASE + "zones: 3\npath: db", "{number: 3, spread: [app.servers]}"),
    "load": ("load: 12 ms\npath: nothing", "1:1: expected a rate such as '1200/s'"),
    "negative": ("load: -3/s\npath: nothing", "1:1: rate must be a number >= 0, got -3"),
}


@pytest.mark.parametrize(("text", "message"), REFUSED.values(), ids=REFUSED)
def test_errors_say_where_and_what(text: str, message: str) -> None:
    with pytest.raises(ModelFileError) as caught:
        site_of_text(text, "site.yaml")
    assert str(caught.value).startswith("site.yaml")
    assert message in str(caught.value)


def test_places_in_toml_and_json() -> None:
    written = '[components]\nweb = {MMc = "4 ms"}\n\n[components.db.MMc]\nservers = 2.5\n'
    with pytest.raises(ModelFileError, match=r"^s\.toml:5:2: MMc needs service_time"):
        site_of_text('path = "db"\n' + written, "s.toml", ".toml")
    data = {"components": {"db": {"MMc": {"service_time": "4 ms", "server": 2}}}, "path": "db"}
    with pytest.raises(ModelFileError, match=r"^s\.json:6:9: MMc has no 'server'"):
        site_of_text(json.dumps(data, indent=2), "s.json", ".json")
    with pytest.raises(ModelFileError, match=r"^s\.toml:1:\d+: "):
        site_of_text("path = = 3", "s.toml", ".toml")
    with pytest.raises(ModelFileError, match=r"^s\.json:1:9: "):
        site_of_text('{"path" 3}', "s.json", ".json")
    with pytest.raises(ModelFileError, match="'path' stands twice"):
        site_of_text('{"path": [], "path": []}', "s.json", ".json")


def test_short_forms() -> None:
    assert same_fields(site_of_text("station: {MMc: 4 ms}").model, qm.MMc(0.004))
    for service in ("45 ms", "{Deterministic: 45 ms}", "{mean: 45 ms, scv: 0}"):
        assert site_of_text(f"station: {{Delay: {service}}}").model.service.mean == 0.045
    assert isinstance(site_of_text("station: {MG1: {mean: 1 s}}").model.service, qm.Exponential)
    path = site_of_text("path: {branch: [[20 %, {network: 3 ms}], [80 %, nothing]]}").model
    assert float(path.solve(1.0).latency.mean) == pytest.approx(0.0006)
    many = site_of_text("station: {MMc: {service_time: 4 ms, servers: [1, 2, 4]}}").model
    np.testing.assert_array_equal(many.servers, [1, 2, 4])
    closed = site_of_text("load: {Closed: {users: 20, think_time: 5 s}}\npath: nothing")
    assert closed.load == qm.Closed(20, 5.0)
    users = site_of_text(
        "load: {Profile: {times: [0 s, 1 h], rates: [5/s, 9/s]}}\npath: nothing"
    )
    assert users.rate == 9.0


@dataclass(frozen=True, slots=True, eq=False)
class Quick(qm.Load):
    speed: float = qm.parameter("how fast", unit="1/s", check="positive")


def test_a_class_of_ones_own() -> None:
    found = site_of_text("load: {Quick: {speed: 3/s}}\npath: nothing").load
    assert type(found).__name__ == "Quick"
    assert found.speed == 3.0


def test_services_and_ways_by_name() -> None:
    text = """
    components:
      db: {database: {read_time: 1 ms, connections: 4}}
      stock: {Service: {service: 4 ms, servers: 4, calls: [db.read]}}
      shop: {Service: {service: 5 ms, servers: 8, calls: [stock]}}
    path: {microservices: {entry: shop}}
    """
    assert list(site_of_text(text).model.stations) == ["hop", "shop", "stock", "db"]


def test_what_is_shared_stays_shared(tmp_path: Path) -> None:
    slow = qm.timeout(0.1, qm.call("app", qm.MMc(0.01, 4)))
    model = qm.Pipeline({"a": (0.5, slow), "b": (0.5, qm.series(slow, qm.nothing()))})
    write_model(model, tmp_path / "m.yaml")
    again = read_model(tmp_path / "m.yaml").model
    one, two = (root for _, root in again.kinds.values())
    assert two.steps[0] is one
    assert again.parameters() == model.parameters()


def test_includes_and_overrides(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text("load: 10/s\n" + DATABASE + "path: db\n")
    (tmp_path / "site.yaml").write_text("include: base.yaml\nobjectives: [p99 < 1 s]\n")
    (tmp_path / "prod.toml").write_text('load = "90/s"\n[components.db.MMc]\nservers = 16\n')
    (tmp_path / "other.yaml").write_text("components: {db: {MG1: {mean: 1 ms}}}\n")
    site = read_model(tmp_path / "site.yaml")
    assert site.rate == 10.0
    assert site.model.parameters() == {"db.service_time": 0.004, "db.servers": 8}
    prod = read_model(tmp_path / "site.yaml", overrides=[tmp_path / "prod.toml"])
    assert prod.rate == 90.0
    assert prod.model.parameters() == {"db.service_time": 0.004, "db.servers": 16}
    other = read_model(tmp_path / "site.yaml", overrides=[tmp_path / "other.yaml"])
    assert isinstance(other.model.stations["db"], qm.MG1)
    changed = read_model(tmp_path / "site.yaml", changes={"db.service_time": "2 ms"})
    assert changed.model.parameters()["db.service_time"] == 0.002
    (tmp_path / "prod.toml").write_text("[components.db.MMc]\nserver = 16\n")
    with pytest.raises(ModelFileError, match=r"prod\.toml:2:1: MMc has no 'server'"):
        read_model(tmp_path / "site.yaml", overrides=[tmp_path / "prod.toml"])
    (tmp_path / "base.yaml").write_text("include: [site.yaml]\n")
    with pytest.raises(ModelFileError, match="includes itself"):
        read_model(tmp_path / "site.yaml")
    (tmp_path / "base.yaml").unlink()
    with pytest.raises(ModelFileError, match=r"site\.yaml:1:1: no file"):
        read_model(tmp_path / "site.yaml")


HOSTILE = {
    "bomb": "a: &a [x]\n" + "".join(f"b{i}: &b{i} [*{'a' if not i else f'b{i - 1}'}, "
            f"*{'a' if not i else f'b{i - 1}'}]\n" for i in range(60)),
    "deep": "[" * 100_000,
    "deep mappings": "{a: " * 50_000,
    "deep lists": "- " * 50_000,
    "questions": "? " * 50_000,
    "long": "a" * 300_000,
    "lines": "k: v\n" * 50_000,
    "many": "[x," + "x," * 60_000 + "]",
    "aliases": "[&a x," + "*a ," * 40_000 + "]",
    "tags": "!" * 200_000,
    "binary": "\x00\x01\x02" * 1000,
    "digits": "load: " + "9" * 200_000,
}  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("ending", [".yaml", ".json", ".toml"])
def test_hostile_texts_are_refused_at_once(text: str, ending: str, tmp_path: Path) -> None:
    file = tmp_path / f"site{ending}"
    file.write_text(text)
    with within(1.0), pytest.raises(ModelFileError):
        read_model(file)


@pytest.mark.parametrize("ending", [".yaml", ".json", ".toml"])
def test_garbage_of_a_megabyte(ending: str, tmp_path: Path) -> None:
    file = tmp_path / f"site{ending}"
    noise = np.random.default_rng(1)
    for raw in (noise.bytes(1 << 20), bytes(noise.integers(32, 127, 1 << 20, dtype=np.uint8))):
        file.write_bytes(raw)
        with within(1.0), pytest.raises(ModelFileError):
            read_model(file)


def test_other_files(tmp_path: Path) -> None:
    for name, message in (("none.yaml", "no such file"), ("x.txt", "ends in")):
        with pytest.raises(ModelFileError, match=message):
            read_model(tmp_path / name)
    (tmp_path / "folder.yaml").mkdir()
    with pytest.raises(ModelFileError, match="is a folder"):
        read_model(tmp_path / "folder.yaml")
    with pytest.raises(ModelFileError, match="ends in"):
        write_model(qm.MMc(0.1), tmp_path / "x.txt")


@pytest.mark.thorough
def test_two_hundred_services(tmp_path: Path) -> None:
    file = tmp_path / "site.yaml"
    file.write_text(many_services(200))
    read_model(file)  # the kinds are read once
    with within(0.5):
        site = read_model(file)
    assert len(site.model.stations) == 202
    assert len(site.prices) == 200


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Assert what is done to take so much CPU time at most, where no tracer slows it down."""
    before = time.process_time()
    yield
    assert sys.gettrace() or time.process_time() - before < seconds


def many_services(count: int) -> str:
    """Return a file of a tree of services, with all that is asked of it."""
    services = "".join(
        f"  service {i}:\n"
        "    Service:\n"
        f"      service: {{mean: {i % 9 + 1} ms, scv: 1.5}}\n"
        f"      servers: {10 + i % 5}\n"
        f"      calls: [{', '.join(called(i, count))}]\n"
        for i in range(count)
    )
    each = [f"service {i}.servers" for i in range(count)]
    prices = "".join(f"  {name}: 2\n" for name in each)
    spread = "".join(f"    - {name}\n" for name in each)
    return (
        "load: 10/s\nobjectives: [p99 < 3 s, mean < 1 s]\n"
        "components:\n  database: {database: {read_time: 1 ms, connections: 400}}\n"
        f"{services}path: {{microservices: {{entry: service 0, hop: 0.5 ms}}}}\n"
        f"prices:\n{prices}zones:\n  number: 3\n  spread:\n{spread}"
        "scenarios: {night: {load: 1/s}, slow: {database.service_time: 4 ms}}\n"
    )


def called(i: int, count: int) -> list[str]:
    below = [j for j in (2 * i + 1, 2 * i + 2) if j < count]
    return [f"service {j}" for j in below] or ["database.read"]


def test_symbols_and_functions_are_not_written(tmp_path: Path) -> None:
    import sympy as sp

    with pytest.raises(qm.ModelError, match="symbols"):
        write_model(qm.MMc(sp.Symbol("S", positive=True)), tmp_path / "m.yaml")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", TEMPLATES)
def test_templates(name: str, tmp_path: Path) -> None:
    text = template(name)
    assert len(text.splitlines()) <= 60
    site = site_of_text(text)
    assert site.rate
    assert site.objectives
    assert site.scenarios
    assert site.prices
    assert site.spreads
    write_model(site, tmp_path / "again.yaml")
    again = read_model(tmp_path / "again.yaml")
    assert data_of(again) == data_of(site)


def test_the_schema_takes_what_the_reader_takes() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())
    validator = jsonschema.Draft202012Validator(schema())
    for text in (SITE, *map(template, TEMPLATES)):
        data = parsed(text, "site.yaml").data
        for taken in (data, data_of(site_of_text(text))):
            assert [error.message for error in validator.iter_errors(taken)] == []
    wrong = parsed(SITE.replace("connections", "conections"), "site.yaml").data
    assert list(validator.iter_errors(wrong))


def test_every_number_says_what_it_is() -> None:
    bare = {
        f"{kind.name}.{a.name}"
        for family in FAMILIES
        for kind in kinds_of(family).values()
        if kind.make.__module__.startswith("qmodel.")  # not what other tests have made
        for a in kind.arguments.values()
        if a.expected.number and not a.meaning
    }
    assert not bare


def test_a_site_in_python(tmp_path: Path) -> None:
    shop = qm.Pipeline(qm.call("app", qm.MMc(0.045, servers=24)))
    site = Site(
        model=shop,
        load=400.0,
        objectives=["p99 < 300 ms"],
        zones=Zones(3, ("app.servers",)),
        scenarios={"night": Scenario(load=40.0, left={"app.servers": 0.25})},
        spreads={"arrival_rate": 0.1},
    )
    for ending in ("yaml", "toml", "json"):
        write_model(site, tmp_path / f"m.{ending}")
        again = read_model(tmp_path / f"m.{ending}")
        assert data_of(again) == data_of(site)
        assert again.under("night")[0].parameters()["app.servers"] == 6
    with pytest.raises(qm.ModelError, match=r"did you mean 'app\.servers'"):
        Site(model=shop, prices={"app.server": 1.0})


def test_a_load_that_changes_in_time(tmp_path: Path) -> None:
    site = site_of_text(
        """
        load: {pulse: {requests: 40000, within: 1 min, base: 300/s, shape: news}}
        objectives: [p99 < 1 s in 99 % of the minutes]
        station: {MMc: {service_time: 5 ms, servers: 4}}
        """
    )
    assert site.load == qm.transients.pulse(40_000, 60.0, base=300.0, shape="news")
    assert site.rate == site.load.peak
    assert site.objectives[0].of_time == 0.99
    for ending in (".yaml", ".toml", ".json"):
        file = tmp_path / f"site{ending}"
        write_model(site, file)
        assert read_model(file).load == site.load
    people = site_of_text(
        """
        load: {visitors: {people: {ramp: {low: 0, high: 50/s, start: 1 min, over: 1 min,
                                         until: 5 min}}, pages: 3}}
        station: {MMc: 5 ms}
        """
    )
    assert isinstance(people.load, qm.Profile)
    assert people.load.total == pytest.approx(3 * 50 * 210, rel=0.01)
    recorded = site_of_text(
        "load: {Profile: {times: [0 s, 60 s, 120 s], rates: [10/s, 50/s, 0/s]}}\n"
        "station: {MMc: 5 ms}"
    )
    assert recorded.load == qm.Profile([0, 60, 120], [10, 50, 0])
    with pytest.raises(ModelFileError, match="shape"):
        site_of_text(
            "load: {pulse: {requests: 9, within: 1 s, shape: bel}}\nstation: {MMc: 5 ms}"
        )


def test_recorded_loads_sums_and_scalings(tmp_path: Path) -> None:
    (tmp_path / "loads").mkdir()
    csv = tmp_path / "loads" / "day.csv"
    csv.write_text(
        "minute,requests\n2026-05-01 12:00,600\n2026-05-01 12:01,1200\n2026-05-01 12:02,900\n"
    )
    common = tmp_path / "common.yaml"
    common.write_text("load: {recorded: loads/day.csv}\nstation: {MMc: 5 ms}")
    day = qm.Profile([0, 60, 120], [10, 20, 15])
    site = qm.read_model(common)
    assert site.load == day
    # From the folder of the file that names it, not of the one that includes that.
    (tmp_path / "night").mkdir()
    own = tmp_path / "night" / "site.yaml"
    own.write_text("include: ../common.yaml\nscenarios: {quiet: {load: 2/s}}")
    assert qm.read_model(own).load == day
    both = tmp_path / "both.yaml"
    both.write_text(
        "load:\n"
        "  together:\n"
        "  - recorded: {file: loads/day.csv, count: requests, unit: /s}\n"
        "  - scaled:\n"
        "      load: {ramp: {low: 1/s, high: 3/s, start: 30 s, over: 30 s, until: 120 s}}\n"
        "      by: 2\n"
        "station: {MMc: 5 ms}\n"
    )
    sum_ = 60 * day + 2 * qm.transients.ramp(1.0, 3.0, start=30.0, over=30.0, until=120.0)
    site = qm.read_model(both)
    assert site.load == sum_
    again = tmp_path / "again.json"
    qm.write_model(site, again)
    assert qm.read_model(again).load == sum_


def test_recorded_loads_that_are_wrong(tmp_path: Path) -> None:
    path = tmp_path / "site.yaml"
    path.write_text("station: {MMc: 5 ms}\nload: {recorded: none.csv}\n")
    with pytest.raises(qm.ModelFileError, match=r"site.yaml:2:.*none.csv"):
        qm.read_model(path)
    path.write_text("station: {MMc: 5 ms}\nload: {together: []}\n")
    with pytest.raises(qm.ModelFileError, match="at least one"):
        qm.read_model(path)
    path.write_text("station: {MMc: 5 ms}\nload: {scaled: {load: {recorded: day.csv}, by: -1}}")
    (tmp_path / "day.csv").write_text("t,requests\n2026-05-01,600\n2026-05-02,1200\n")
    with pytest.raises(qm.ModelFileError, match="factor must be"):
        qm.read_model(path)
