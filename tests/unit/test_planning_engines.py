"""A sweep is the same wherever it is solved, and whatever happens to who solves it."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import qmodel as qm
from qmodel.errors import DomainError, ModelError
from qmodel.planning.designs import Grid, Random, Sobol
from qmodel.planning.engines import Dask, Engine, Local, engine_of
from qmodel.planning.sweep_parts import folder_of
from qmodel.planning.sweep_rows import Rows

SHOP = qm.Pipeline(
    qm.series(
        qm.call("web", qm.MMc(0.01, servers=4)),
        qm.call("app", qm.MG1(qm.Gamma(0.004, 2.0))),
        qm.call("db", qm.MMc(0.02, servers=2)),
    )
)
OVER = {
    "arrival_rate": np.linspace(1.0, 99.0, 40),
    "db.servers": [1, 2, 8],
    "web.service_time": ["5 ms", 0.02],
}


def whole() -> pd.DataFrame:
    return qm.sweep(SHOP, OVER, chunk=37)


@pytest.mark.thorough
def test_processes_change_no_digit(tmp_path: Path) -> None:
    frame = qm.sweep(SHOP, OVER, chunk=37, engine=Local(workers=2))
    pd.testing.assert_frame_equal(frame, whole(), check_exact=True)
    assert frame.attrs == whole().attrs


@pytest.mark.thorough
def test_parts_are_written_and_a_stopped_sweep_goes_on(tmp_path: Path) -> None:
    writer = folder_of(Rows.of(SHOP, Grid(OVER), (0.5, 0.95, 0.99), 37), tmp_path / "s")
    assert writer(2) == 37
    old = writer.file(2).stat().st_mtime_ns
    beside = writer.file(3).with_name(f".{writer.file(3).name}.99")
    beside.write_bytes(b"half a part")
    parts = qm.sweep(SHOP, OVER, chunk=37, into=tmp_path / "s")
    assert writer.file(2).stat().st_mtime_ns == old
    assert repr(parts) == "<SweepParts: 240 rows in 7 files>"
    assert [len(frame) for frame in parts] == [37] * 6 + [18]
    pd.testing.assert_frame_equal(parts.to_frame(), whole(), check_index_type=False)
    assert parts.to_frame().attrs["units"] == whole().attrs["units"]


def test_every_part_has_the_weakest_basis(tmp_path: Path) -> None:
    two = qm.Pipeline(qm.series(*(qm.call(n, qm.MMc(0.01)) for n in "abc")))
    over = {"b.servers": [1, 2]}
    parts = qm.sweep(two, over, arrival_rate=10.0, chunk=1, into=tmp_path)
    assert [frame["basis"].item() for frame in parts] == ["approximate"] * 2


def test_a_folder_holds_one_sweep(tmp_path: Path) -> None:
    qm.sweep(SHOP, {"arrival_rate": [1.0]}, into=tmp_path)
    for other, options in (
        ({"arrival_rate": [2.0]}, {}),
        ({"arrival_rate": [1.0]}, {"percentiles": (0.9,)}),
        ({"arrival_rate": [1.0]}, {"chunk": 5}),
    ):
        with pytest.raises(ModelError, match="holds another sweep"):
            qm.sweep(SHOP, other, into=tmp_path, **options)  # type: ignore[call-overload]
    with pytest.raises(ModelError, match="holds another sweep"):
        qm.sweep(SHOP.replace({"db.servers": 3}), {"arrival_rate": [1.0]}, into=tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(ModelError, match="into must be a folder"):
        qm.sweep(SHOP, {"arrival_rate": [1.0]}, into=tmp_path / "file")


class _Dying:
    """A part of which kills its process, once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, number: int) -> int:
        if number == 3 and not (self.folder / "died").exists():
            (self.folder / "died").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return number * number


@pytest.mark.thorough
def test_a_killed_process_loses_and_doubles_nothing(tmp_path: Path) -> None:
    found = list(Local(workers=2).run(_Dying(tmp_path), range(9)))
    assert sorted(found) == [(n, n * n) for n in range(9)]
    assert (tmp_path / "died").exists()


def test_an_error_comes_through() -> None:
    with pytest.raises(DomainError, match="servers"):
        qm.sweep(SHOP, {"db.servers": [1, 0]}, arrival_rate=1.0, engine=Local(workers=1))


def test_what_does_not_pickle_is_refused_by_processes() -> None:
    def model(x: np.ndarray) -> dict[str, Any]:
        return {"y": 2 * x}

    assert qm.sweep(model, {"x": [1.0, 2.0]})["y"].tolist() == [2.0, 4.0]
    with pytest.raises(ModelError, match="a function that a module defines"):
        qm.sweep(model, {"x": [1.0, 2.0]}, engine="local")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None, host="127.0.0.1"
    ) as running:
        yield running


# Dask closes sockets and loops in threads of its own, when it likes.
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_cluster_of_which_a_worker_is_killed(cluster: Any, tmp_path: Path) -> None:
    """Two workers on loopback; one dies when a quarter of the parts is there."""
    victim = next(iter(cluster.workers.values())).pid

    class Watched(Dask):
        __slots__ = ()

        def run(self, function: Any, numbers: Any) -> Any:
            for k, found in enumerate(super().run(function, numbers)):
                if k == 10:
                    os.kill(victim, signal.SIGKILL)
                yield found

    parts = qm.sweep(
        SHOP, OVER, chunk=6, into=tmp_path, engine=Watched(cluster.scheduler_address)
    )
    assert len(parts.files) == 40
    frame = qm.sweep(SHOP, OVER, chunk=6)
    pd.testing.assert_frame_equal(parts.to_frame(), frame, check_index_type=False)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_cluster_is_reached_by_its_address(cluster: Any) -> None:
    frame = qm.sweep(SHOP, OVER, chunk=37, engine=cluster.scheduler_address)
    pd.testing.assert_frame_equal(frame, whole(), check_exact=True)
    # What processes refuse, a cluster takes.
    found = qm.sweep(lambda x: {"y": 2 * x}, {"x": [1.0]}, engine=cluster.scheduler_address)
    assert found["y"].tolist() == [2.0]


def test_engines_by_name() -> None:
    assert isinstance(engine_of(None), Engine)
    assert isinstance(engine_of("local"), Local)
    assert engine_of("tcp://127.0.0.1:1").address == "tcp://127.0.0.1:1"  # type: ignore[attr-defined]
    with pytest.raises(DomainError, match="engine must be None, 'local', 'dask'"):
        engine_of("spark")
    with pytest.raises(DomainError, match="workers"):
        Local(workers=0)
    with pytest.raises(ModelError, match="workers are those of the cluster"):
        Dask("tcp://127.0.0.1:1", workers=2)


@pytest.mark.parametrize("kind", [Sobol, Random])
def test_points_are_the_same_in_any_part(kind: Any) -> None:
    ranges = {"a": (0.0, 2.0), "b": ("1 ms", "5 ms"), "c": (1, 4), "d": qm.Exponential(0.1)}
    design = kind(ranges, count=10_000, seed=3)
    whole = design.cells(0, len(design))
    assert whole["c"].dtype.kind == "i"
    assert set(whole["c"]) == {1, 2, 3, 4}
    for start, stop in ((0, 1), (4095, 4097), (9_990, 20_000)):
        for name, values in design.cells(start, stop).items():
            np.testing.assert_array_equal(values, whole[name][start:stop])
    assert np.mean(whole["a"]) == pytest.approx(1.0, rel=0.03)
    assert np.mean(whole["d"]) == pytest.approx(0.1, rel=0.05)
    assert not np.array_equal(whole["a"], kind(ranges, count=10_000).cells(0, 10_000)["a"])
    assert len(design.corners()["a"]) == 16


def test_sobol_fills_better_than_probability() -> None:
    ranges = {"a": (0.0, 1.0), "b": (0.0, 1.0)}

    def off(design: Any) -> float:
        cells = design.cells(0, 4096)
        return abs(float(np.mean(cells["a"] * cells["b"])) - 0.25)

    assert off(Sobol(ranges, count=4096)) < 0.1 * off(Random(ranges, count=4096))


def test_a_design_is_swept() -> None:
    design = Sobol({"arrival_rate": (10.0, 60.0), "db.servers": (1, 4)}, count=64)
    frame = qm.sweep(SHOP, design, chunk=10)
    assert len(frame) == 64
    assert frame["arrival_rate"].between(10.0, 60.0).all()
    with pytest.raises(ModelError, match="part of the design"):
        qm.sweep(SHOP, design, arrival_rate=5.0)


@pytest.mark.parametrize(
    ("ranges", "says"),
    [
        ({"a": (1.0,)}, "a least and a greatest"),
        ({"a": (2.0, 1.0)}, "a least and a greatest"),
        ({"a": (0.0, np.inf)}, "a least and a greatest"),
        ({"a": "fast"}, "must be a sequence"),
        ({"a": 5.0}, "must be a sequence"),
    ],
)
def test_ranges_refused(ranges: Any, says: str) -> None:
    with pytest.raises(DomainError, match=says):
        Random(ranges, count=4)
    with pytest.raises(ModelError, match="at least one range"):
        Sobol({}, count=4)
    with pytest.raises(DomainError, match="count"):
        Sobol({"a": (0, 1)}, count=0)
