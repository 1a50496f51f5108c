"""``import qmodel`` is cheap: it loads NumPy and itself, and nothing heavy."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from qmodel.cli.app import COMMANDS

HEAVY = (
    "pandas", "sympy", "mpmath", "scipy", "hypothesis", "click", "rich", "pydantic", "altair",
    "pyarrow", "pytest",
)  # fmt: skip

PROBE = """
import json, sys
import numpy
before = set(sys.modules)
{statement}
print(json.dumps(sorted(set(sys.modules) - before)))
"""


def modules(statement: str) -> set[str]:
    """Return the modules that `statement` loads in a fresh interpreter."""
    done = subprocess.run(
        [sys.executable, "-c", PROBE.format(statement=statement)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return set(json.loads(done.stdout.splitlines()[-1]))


def loaded(statement: str) -> set[str]:
    """Return the top-level packages that `statement` loads in a fresh interpreter."""
    return {name.split(".")[0] for name in modules(statement)}


def test_import_loads_nothing_heavy() -> None:
    assert loaded("import qmodel").isdisjoint(HEAVY)


def test_the_probe_sees_what_is_loaded() -> None:
    assert "scipy" in loaded("import scipy.special")


@pytest.mark.parametrize(
    "statement",
    [
        "import qmodel as qm; qm.MMc(0.2, servers=2).solve(9.0).response_time",
        "import qmodel as qm; qm.Pipeline(qm.call('db', qm.MMc(0.2))).solve(3.0).latency.mean",
    ],
)
def test_a_number_needs_neither_sympy_nor_pandas(statement: str) -> None:
    assert loaded(statement).isdisjoint({"sympy", "pandas", "mpmath"})


def test_a_command_loads_itself_and_no_other_nor_what_reads_files() -> None:
    statement = "from qmodel.cli.app import app; app(['solve'], standalone_mode=False)"
    found = modules(statement)
    packages = {name.split(".")[0] for name in found}
    assert "click" in packages
    assert packages.isdisjoint({"typer", "pydantic", "ruamel", "pandas", "sympy", "mpmath"})
    assert {name for name in COMMANDS if f"qmodel.cli.{name}" in found} == {"solve"}


IMPORT_TIME = """
import time
start = time.process_time()
import {module}
print(time.process_time() - start)
"""


def seconds(module: str) -> float:
    """Return the least of several import times [s of processor], each in a fresh process."""
    times = []
    for _ in range(7):
        done = subprocess.run(
            [sys.executable, "-c", IMPORT_TIME.format(module=module)],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        times.append(float(done.stdout))
    return min(times)


@pytest.mark.benchmark
def test_import_costs_little_more_than_numpy() -> None:
    """The least of several: a ratio of loads under way measures the machine."""
    ratio = seconds("qmodel") / seconds("numpy")
    print(f"\nimport qmodel: {ratio:.2f} times import numpy")
    assert ratio <= 1.3
