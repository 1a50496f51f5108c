"""The trial site: one short file, and all that is asked of it agrees with the library."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import qmodel as qm
from qmodel.cli.app import app
from qmodel.units import ms

FILE = Path(__file__).parents[2] / "docs" / "how-to" / "shop-at-its-peak.yaml"
ENOUGH = ("--set", "app.permits=96")


def shop(permits: int = 24) -> qm.Pipeline:
    """Return the site as Python says it."""
    database = qm.web.database(8 * ms, 40, write_time=20 * ms)
    redis = qm.web.cache(0.85, 0.2 * ms, database.read, name="redis")
    pods = qm.web.monolith(
        qm.from_mean_scv(45 * ms, 1.5), permits // 4, workers=4, name="app",
        calls={"read": redis, "write": database.write},
    )  # fmt: skip
    nginx = qm.web.secure_connection(
        30 * ms, full_handshake=2.3 * ms, requests_per_connection=6, cores=4, name="nginx"
    )
    kinds = qm.branch((0.9, pods["read"]), (0.1, pods["write"]), name="kind")
    asked = qm.timeout(1.0, qm.series(nginx, kinds), name="client")
    return qm.Pipeline(qm.retry(asked, attempts=3))


def answer(*words: str, code: int = 0) -> dict[str, Any]:
    done = CliRunner().invoke(app, [words[0], str(FILE), *words[1:], "--format", "json"])
    assert done.exit_code == code, done.output
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_the_file_is_short_and_says_what_python_says() -> None:
    assert len(FILE.read_text().splitlines()) <= 60
    site = qm.read_model(FILE)
    assert site.model.parameters() == shop().parameters()
    assert site.rate == 1200.0
    assert list(site.scenarios) == ["redis lost", "night", "a zone lost"]
    # Six pods serve 24 requests at once, and 54 workers would be busy with the work alone.
    assert float(site.model.max_rate) == pytest.approx(float(shop().max_rate), rel=1e-12)
    assert float(site.model.max_rate) < 24 / 0.045 < 1200.0


def test_enough_pods_are_healthy_and_may_collapse() -> None:
    model = shop(96)
    found, there = answer("retries", *ENOUGH), model.solve(1200.0)
    assert found["fold"] == pytest.approx(float(model.fold), rel=1e-9)
    assert found["hidden_capacity"] == pytest.approx(float(model.hidden_capacity), rel=1e-9)
    healthy = found["states"][0] if isinstance(found["states"], list) else None
    assert found["state"] == "healthy" == str(there.state)
    assert healthy is None or healthy["p99"] == pytest.approx(
        float(there.latency.quantile(0.99)), rel=1e-9
    )


@pytest.mark.slow
def test_what_is_lost_is_what_the_changed_models_say() -> None:
    rows = {row["loss"]: row for row in answer("outages", *ENOUGH)["losses"]}
    for name, model in (
        ("as it is", shop(96)),
        ("no hits in redis", shop(96).replace({"redis.hit_ratio": 0.0})),
        ("one zone of 3", shop(96).replace({"app.permits": 64})),
    ):
        assert rows[name]["max_rate"] == pytest.approx(float(model.max_rate), rel=1e-9)
        p99 = float(model.solve(1200.0).latency.quantile(0.99))
        assert rows[name]["p99"] == pytest.approx(p99, rel=1e-9)


@pytest.mark.slow
def test_one_report_has_it_all(tmp_path: Path) -> None:
    page = tmp_path / "shop.html"
    done = CliRunner().invoke(app, ["report", str(FILE), *ENOUGH, "-o", str(page)])
    assert done.exit_code == 0, done.output
    text = page.read_text()
    for words in (
        "How many of each", "What headroom costs", "no hits in redis", "one zone of 3",
        "When clients give up", "comes back only below", "a zone lost", "P(overload)",
        "PostgreSQL behind a pool of connections",
    ):  # fmt: skip
        assert words in text, words
    assert len(text.encode()) < 1_500_000
    assert "-0 %" not in text
