"""`qmodel calibrate` writes a model, `qmodel backtest` holds it against more measurements."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import qmodel as qm
from qmodel.cli.app import app
from qmodel.files import read_model

RATES = (10.0, 40.0, 60.0, 72.0)
TIER = qm.MMc(0.1, servers=8)


def asked(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def steps(path: Path, rates: tuple[float, ...] = RATES, factor: float = 1.0) -> Path:
    rows = (f"{r:g},{factor * 1e3 * float(TIER.solve(r).response_time):.4f}\n" for r in rates)
    path.write_text("rps,mean (ms)\n" + "".join(rows))
    return path


@pytest.fixture
def model(tmp_path: Path) -> Path:
    file = tmp_path / "site.yaml"
    data = steps(tmp_path / "steps.csv")
    found = asked("calibrate", data, "--servers", "site=8", "-o", file)
    assert found.exit_code == 0, found.output
    assert "Saturates at 80/s, first the site; measured up to 72/s" in found.output
    assert "site.service_time" in found.output
    return file


def test_a_calibrated_file_has_load_spreads_and_region(model: Path) -> None:
    site = read_model(model)
    assert site.rate == 72
    assert site.measured is not None
    assert (site.measured.lowest, site.measured.highest) == (10, 72)
    assert site.model.parameters() == {"site.service_time": 0.1, "site.servers": 8}
    assert set(site.spreads) == {"site.service_time"}


def test_questions_beyond_the_region_are_warned_of(model: Path) -> None:
    inside = asked("solve", model, "--rate", "60/s")
    assert "beyond what was measured" not in inside.output
    beyond = asked("solve", model, "--rate", "78/s")
    assert beyond.exit_code == 0
    assert "beyond what was measured: 78/s is beyond the highest load" in beyond.output
    busy = asked("check", model, "--set", "site.servers=7", "--objective", "p99 < 9 s",
                 "--rate", "69/s")  # fmt: skip
    assert "beyond what was measured: site is" in busy.output


def test_a_back_test_agrees_or_is_exit_status_99(model: Path, tmp_path: Path) -> None:
    same = asked("backtest", model, tmp_path / "steps.csv", "--tolerance", "2%")
    assert same.exit_code == 0
    assert "Agrees within 2 % at 10/s to 72/s" in same.output
    slow = steps(tmp_path / "slow.csv", (60.0, 72.0), 1.5)
    page = tmp_path / "found.json"
    found = asked("backtest", model, slow, "-o", page)
    assert found.exit_code == 99
    assert "Does not agree within 15 % at any load from 60/s on" in found.output
    assert "too low" in page.read_text()


def test_a_report_has_the_back_test(model: Path, tmp_path: Path) -> None:
    page = tmp_path / "site.html"
    found = asked("report", model, "--rate", "40/s", "--measured", tmp_path / "steps.csv",
                  "-o", page)  # fmt: skip
    assert found.exit_code == 0, found.output
    text = page.read_text()
    assert "Held against measurements" in text
    assert "Agrees within 15 % at 10/s to 72/s" in text


def test_errors_are_one_line(model: Path, tmp_path: Path) -> None:
    data = tmp_path / "steps.csv"
    for words, message in (
        (("calibrate", data, "--servers", "db=8"), "no component 'db' was measured"),
        (("calibrate", data, "--servers", "site=x"), "expected a number"),
        (("calibrate", data, "--servers", "site=1", "--servers", "site=2"), "given twice"),
        (("calibrate", data, "-o", data), "would overwrite a file of measurements"),
        (("backtest", model, tmp_path / "none.csv"), "no file"),
    ):
        found = asked(*words)
        assert found.exit_code == 2, words
        assert message in found.output
        assert found.output.count("\n") == 1


def test_a_log_in_a_format_of_its_own_is_read_with_it(tmp_path: Path) -> None:
    line = '10.0.0.1 [24/Oct/2026:14:20:{:02d} +0000] "GET /a HTTP/2" 200 0.{}\n'
    log = tmp_path / "own.log"
    log.write_text(
        "".join(line.format(i, i % 3) for i in range(60) for _ in range(1 + i // 20))
    )
    without = asked("calibrate", log)
    assert without.exit_code == 2
    assert "--log-format" in without.output
    layout = '$remote_addr [$time_local] "$request" $status $request_time'
    for words in (
        ("calibrate", log, steps(tmp_path / "steps.csv"), "--servers", "web=8"),
        ("replay", log),
    ):
        found = asked(*words, "--log-format", layout)
        assert found.exit_code == 0, found.output
    assert "error: unit must be" in asked("calibrate", log, "--unit", "fortnight").output
