"""Files that are whole or not at all, whatever ends the program."""

import gzip
import json
import os
import signal
import stat
import subprocess
import sys
import time

import pandas as pd
import pytest

import qmodel as qm
from qmodel import answers
from qmodel.cli import files
from qmodel.errors import DomainError


@pytest.fixture(scope="module")
def answer():
    return answers.sweep(qm.MMc(0.01), {"arrival_rate": [10.0, 50.0, 200.0]})


def write(path, answer):
    with files.writing(path) as done:
        done(answer)


@pytest.fixture(params=["anonymous", "named"])
def _both_ways(request, monkeypatch):
    if request.param == "named":
        monkeypatch.delattr(os, "O_TMPFILE", raising=False)


@pytest.mark.usefixtures("_both_ways")
@pytest.mark.parametrize("ending", files.ENDINGS)
def test_each_ending_holds_the_rows(ending, answer, tmp_path):
    path = tmp_path / f"a{ending}"
    write(path, answer)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    if ending == ".json":
        assert len(json.loads(path.read_text())["scenarios"]) == 3
    elif ending == ".md":
        assert path.read_text().count("\n| ") == 3 + 2
    elif ending == ".html":
        assert path.read_text().startswith("<!doctype html>")
    else:
        read = pd.read_parquet if ending == ".parquet" else pd.read_csv
        assert read(path)["p99"].tolist()[2] == float("inf")
        assert (path.read_bytes()[:2] == b"\x1f\x8b") == (ending == ".csv.gz")


@pytest.mark.usefixtures("_both_ways")
def test_an_old_file_keeps_its_mode_and_a_new_one_has_that_of_the_umask(answer, tmp_path):
    old = tmp_path / "a.csv"
    old.write_text("old")
    old.chmod(0o640)
    write(old, answer)
    assert stat.S_IMODE(old.stat().st_mode) == 0o640
    assert old.read_text() != "old"
    before = os.umask(0o027)
    try:
        write(tmp_path / "b.csv", answer)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "b.csv").stat().st_mode) == 0o640


@pytest.mark.usefixtures("_both_ways")
def test_after_an_error_the_old_file_stays_alone(answer, tmp_path):
    old = tmp_path / "a.csv"
    old.write_text("old")

    def fails():
        with files.writing(old) as done:
            done(answer)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("a.csv", "old")]


def test_a_link_is_followed(answer, tmp_path):
    (tmp_path / "real").mkdir()
    link = tmp_path / "a.csv"
    link.symlink_to(tmp_path / "real" / "a.csv")
    write(link, answer)
    assert link.is_symlink()
    assert (tmp_path / "real" / "a.csv").read_text().startswith("arrival_rate,")


def test_what_is_no_file_is_refused(tmp_path):
    os.mkfifo(tmp_path / "a.csv")
    with pytest.raises(DomainError, match="no ordinary file"):
        files.check_output(tmp_path / "a.csv")


def test_the_next_run_removes_what_a_killed_one_left(answer, tmp_path):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    stale, other = tmp_path / f".a.csv.{gone.pid}.part", tmp_path / ".b.csv.1.part"
    alive = tmp_path / f".a.csv.{os.getppid()}.part"
    for path in (stale, other, alive):
        path.touch()
    write(tmp_path / "a.csv", answer)
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(
        [alive.name, other.name, "a.csv"]
    )


WAITS = """
import os, pathlib, sys, time
{before}
from qmodel.cli import files
class Slow:
    def to_frame(self):
        return self
    def to_csv(self, file, **options):
        file.write(b"half")
        file.flush()
        print("writing", flush=True)
        time.sleep(60)
with files.writing(pathlib.Path(sys.argv[1])) as write:
    write(Slow())
"""
NAMED = "if hasattr(os, 'O_TMPFILE'): del os.O_TMPFILE"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
@pytest.mark.parametrize("before", ["", NAMED], ids=["anonymous", "named"])
def test_signals_leave_nothing(number, before, tmp_path):
    old = tmp_path / "a.csv"
    old.write_text("old")
    process = subprocess.Popen(
        [sys.executable, "-c", WAITS.format(before=before), str(old)], stdout=subprocess.PIPE
    )
    assert process.stdout.readline() == b"writing\n"
    process.send_signal(number)
    status = process.wait(30)
    process.stdout.close()
    left = [p.name for p in tmp_path.iterdir()]
    if number == signal.SIGKILL:
        assert status == -number
        # Nothing runs any more: only a file without a name is gone by itself.
        assert (left == ["a.csv"]) == (before == "" and hasattr(os, "O_TMPFILE"))
    else:
        assert status == 128 + number
        assert left == ["a.csv"]
    assert old.read_text() == "old"


def test_packed_files_are_the_same_each_time(answer, tmp_path):
    for name in ("a.csv.gz", "b.csv.gz"):
        write(tmp_path / name, answer)
        time.sleep(0.01)
    first, second = ((tmp_path / n).read_bytes() for n in ("a.csv.gz", "b.csv.gz"))
    assert gzip.decompress(first) == gzip.decompress(second)
    assert first == second


FULL = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
from qmodel.cli import main
sys.argv = ["qmodel", *sys.argv[1:]]
main()
"""


@pytest.mark.parametrize("ending", [".csv", ".json"])
def test_a_full_disk_is_one_line_and_leaves_the_old_file(ending, tmp_path):
    old = tmp_path / f"a{ending}"
    old.write_text("old")
    words = ["sweep", "--over", "arrival_rate=100/s:200/s:200", "--output", str(old)]
    done = subprocess.run(
        [sys.executable, "-c", FULL, *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.startswith("error: File too large")
    assert done.stderr.count("\n") == 1
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [(old.name, "old")]
