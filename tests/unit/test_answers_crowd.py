"""What a crowd does, in words: verdict, objectives, what would have been enough."""

from __future__ import annotations

import numpy as np
import pytest

import qmodel as qm
from qmodel import answers
from qmodel.answers.crowds import waiting_room
from qmodel.transients.station import station_over_time

SITE = qm.Pipeline(qm.series(qm.call("web", qm.MMc(0.02, 6)), qm.call("db", qm.MMc(0.02, 4))))
DB = qm.MMc(0.01, 5)
NEWS = qm.transients.pulse(2500, 15.0, base=75.0)


def fact(answer: answers.Answer, key: str) -> float:
    return next(f.value for f in answer.facts if f.key == key)


@pytest.mark.thorough
def test_a_crowd_that_is_too_much() -> None:
    found = answers.crowd(SITE, NEWS, objectives=["p99 < 1 s", "loss < 1 %"])
    over = SITE.over_time(NEWS)
    assert not found.good
    assert found.verdict == str(over)
    assert fact(found, "backlog") == pytest.approx(over.backlog.max())
    assert fact(found, "p99") == pytest.approx(over.p99.max())
    assert "is missed from" in str(found.meaning[0])
    assert str(found.meaning[1]) == "loss < 1 % holds at all times."
    assert {table.key for table in found.tables} == {"stations", "times", "enough"}
    assert len(found.pictures) == 3
    assert len(found.to_frame()) == len(over.times)


@pytest.mark.thorough
def test_an_objective_is_of_all_or_of_a_station() -> None:
    with pytest.raises(qm.ModelError, match="of all or of a station"):
        answers.crowd(SITE, NEWS, objectives="p99 of checkout < 1 s")


@pytest.mark.thorough
def test_what_would_have_been_enough_is_enough() -> None:
    goals = ["p99 < 1 s"]
    found = answers.crowd(SITE, NEWS, objectives=goals)
    table = next(table for table in found.tables if table.key == "enough")
    what, how = (column.values for column in table.columns)
    said = dict(zip(what, how, strict=True))
    needed = {
        name: int(said[f"{name}: servers that are ready beforehand"].split()[0])
        for name in ("web", "db")
    }
    larger = SITE.replace({f"{name}.servers": n for name, n in needed.items()})
    assert answers.crowd(larger, NEWS, objectives=goals).good
    assert "that admits" in said["a waiting room"]
    rate = float(qm.capacity(SITE, *goals))
    admitted = qm.Profile([0.0, 600.0], [0.999 * rate, 0.999 * rate])
    assert answers.crowd(SITE, admitted, objectives=goals).good


def test_nothing_happens_where_nothing_is_full() -> None:
    calm = answers.crowd(SITE, 0.1 * NEWS)
    assert calm.good
    assert "no station is ever saturated" in calm.verdict
    assert {table.key for table in calm.tables} == {"stations", "times"}


def test_a_cold_cache_and_servers_that_change_are_said() -> None:
    hit = qm.cached(0.6, lookup=qm.call("lookup", qm.MMc(0.0002)), miss=qm.call("db", DB))
    shop = qm.Pipeline(hit)
    load = qm.transients.pulse(2000, 6.0, base=200.0, until=30.0)
    emptied = {"lookup": qm.transients.Emptied(at=6.0, entries=2000)}
    told: list[tuple[int, int]] = []
    found = answers.crowd(
        shop,
        load,
        objectives="p99 < 1 s in 50 % of the time",
        emptied=emptied,
        servers={"db": qm.transients.Schedule([0.0, 20.0], [5, 3])},
        progress=lambda done, of: told.append((done, of)),
    )
    said = [str(line) for line in found.meaning]
    assert said[1].startswith("lookup, emptied at 6 s, has 90 % of its hits back after ")
    assert said[2].startswith("That adds up: db ")
    assert said[3].startswith("db has 3 to 5 servers: 0.0")
    assert told[0] == (0, 4)
    assert told[-1] == (4, 4)
    assert "capacity" in str(found.pictures[0])


@pytest.mark.thorough
def test_a_check_holds_objectives_through_a_load_that_changes() -> None:
    found = answers.check(SITE, NEWS, objectives=["p99 < 1 s", "p99 < 1 s in 50 % of the time"])
    assert not found.good
    assert found.verdict == "1 of 2 objectives missed under a load of up to 336/s: p99 < 1 s"
    assert found.tables[0].columns[0].values == ["MISSED", "met"]


@pytest.mark.parametrize(
    ("requests", "base", "rate", "rel"), [(2000, 30, 60, 0.03), (40_000, 300, 800, 0.003)]
)
def test_a_waiting_room_is_the_mean_of_a_queue_of_constant_service(
    requests: int, base: float, rate: float, rel: float
) -> None:
    load = qm.transients.pulse(requests, 60.0, base=base)
    times = np.linspace(load.times[0], load.times[-1], 200)
    queue = station_over_time(qm.MDc(1 / rate, 1), load, times)
    assert waiting_room(load, rate) == pytest.approx(queue.queue_length.max(), rel=rel)
    assert waiting_room(load, rate) / rate == pytest.approx(queue.waiting_time.max(), rel=rel)
